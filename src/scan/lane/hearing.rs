//! Whether a provider answers: what a pass that is over can say of it.
//!
//! That a provider was not given up doesn't mean that it answers: a pass may have had a handful of questions for it, too
//! few to give it up over. Nor does a pass that asked nobody say anything.

use super::Lane;
use crate::domain::outcome::Outcome;
use crate::ports::probe::{ProbeLedger, Prober};
use crate::ports::{Clock, Progress, Vault};

/// What was heard of a provider during a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hearing {
    /// it said something, be it that it is busy
    answered: bool,
    /// questions that failed on the way
    failed: u32,
}

impl Hearing {
    pub(super) const fn after(self, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Unknown(reason) if reason.asks_nobody() => self,
            Outcome::Unknown(reason) if reason.is_transport() => Self { failed: self.failed + 1, ..self },
            _ => Self { answered: true, ..self },
        }
    }

    /// Why it doesn't answer, or that it does; `None` where nobody was asked. Whoever was given up doesn't answer any
    /// more, whatever they said before.
    fn verdict(self, given_up_after: Option<u32>) -> Option<Result<(), String>> {
        match (given_up_after, self) {
            (Some(failures), _) => Some(Err(format!("{failures} failures in a row"))),
            (None, Self { answered: true, .. }) => Some(Ok(())),
            (None, Self { failed: 0, .. }) => None,
            (None, Self { failed: 1, .. }) => Some(Err("the one question to it was not answered".to_owned())),
            (None, Self { failed, .. }) => Some(Err(format!("none of {failed} questions was answered"))),
        }
    }
}

impl<L: ProbeLedger, P: Prober, V: Vault, C: Clock, G: Progress> Lane<'_, L, P, V, C, G> {
    /// Once the lane is done, and not the whole pass: another provider's may take a day.
    pub(super) fn tell_whether_it_answers(&self, given_up_after: Option<u32>) {
        if let Some(verdict) = self.hearing.get().verdict(given_up_after) {
            self.tools.meter.answering(self.provider, verdict.as_ref().copied().map_err(String::as_str));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::Reason;

    fn verdict(outcomes: &[Outcome], given_up_after: Option<u32>) -> Option<Result<(), String>> {
        outcomes.iter().fold(Hearing::default(), |hearing, outcome| hearing.after(*outcome)).verdict(given_up_after)
    }

    #[test]
    fn a_provider_answers_where_it_said_anything_and_does_not_where_every_question_failed_on_the_way() {
        let [timeout, dns] = [Reason::Timeout, Reason::Dns].map(Outcome::Unknown);
        let [no_copy, busy] = [Reason::NoCopy, Reason::ServerError].map(Outcome::Unknown);
        assert_eq!(verdict(&[], None), None);
        assert_eq!(verdict(&[no_copy, no_copy], None), None, "nobody was asked");
        assert_eq!(verdict(&[timeout, no_copy], None), Some(Err("the one question to it was not answered".to_owned())));
        assert_eq!(verdict(&[timeout, dns, timeout], None), Some(Err("none of 3 questions was answered".to_owned())));
        for said in [Outcome::Accepted, Outcome::Limited, Outcome::Refused, busy] {
            assert_eq!(verdict(&[timeout, said, timeout], None), Some(Ok(())), "{said}");
        }
        assert_eq!(verdict(&[Outcome::Accepted, timeout], Some(10)), Some(Err("10 failures in a row".to_owned())));
    }
}
