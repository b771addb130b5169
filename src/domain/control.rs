//! The positive control (DESIGN.md 4): a refusal counts for more where the same endpoint has lately let *another*
//! credential of the same source in.

use std::time::Duration;

use super::ids::CredentialId;
use super::time::{Timestamp, hours};

/// An acceptance is a control for so long.
pub const HOLDS: Duration = hours(24);

/// The last acceptances at one endpoint: by whom, and the last one by anybody else. Two are enough to answer for every
/// credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// the credential that was accepted last; `None` for the operator's own
    pub credential: Option<CredentialId>,
    /// when
    pub at: Timestamp,
    /// when another than that was last accepted
    pub other_at: Option<Timestamp>,
}

impl Accepted {
    /// The first acceptance.
    pub const fn first(credential: Option<CredentialId>, at: Timestamp) -> Self {
        Self { credential, at, other_at: None }
    }

    /// With one more acceptance. An older one than is known changes nothing.
    #[must_use]
    pub fn then(self, credential: Option<CredentialId>, at: Timestamp) -> Self {
        if at < self.at {
            return self;
        }
        let other_at = if credential == self.credential { self.other_at } else { Some(self.at) };
        Self { credential, at, other_at }
    }

    /// Whether another credential than this one was accepted within [`HOLDS`] before `now`, and not before `since`: where
    /// everybody is turned away since then, an acceptance from before says nothing for this one's refusals.
    pub fn holds_for(&self, credential: CredentialId, since: Option<Timestamp>, now: Timestamp) -> bool {
        let at = if self.credential == Some(credential) { self.other_at } else { Some(self.at) };
        at.is_some_and(|at| now.since(at) <= HOLDS && since.is_none_or(|since| at >= since))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn a_credential_is_not_its_own_control() {
        let own = Accepted::first(Some(CredentialId(1)), NOON);
        assert!(!own.holds_for(CredentialId(1), None, NOON));
        assert!(own.holds_for(CredentialId(2), None, NOON));
        let both = own.then(Some(CredentialId(2)), NOON + hours(1)).then(Some(CredentialId(1)), NOON + hours(2));
        assert!(both.holds_for(CredentialId(1), None, NOON + hours(2)));
        assert!(!both.holds_for(CredentialId(1), None, NOON + hours(26)));
    }

    #[test]
    fn an_acceptance_is_a_control_for_a_day_to_the_millisecond() {
        let control = Accepted::first(None, NOON);
        assert!(control.holds_for(CredentialId(1), None, NOON + HOLDS));
        assert!(!control.holds_for(CredentialId(1), None, NOON + HOLDS + Duration::from_millis(1)));
    }

    #[test]
    fn an_acceptance_from_before_the_first_refusal_says_nothing_for_the_second() {
        let control = Accepted::first(None, NOON);
        let refused = NOON + Duration::from_millis(1);
        assert!(!control.holds_for(CredentialId(1), Some(refused), NOON + hours(1)));
        assert!(control.then(None, refused).holds_for(CredentialId(1), Some(refused), NOON + hours(1)));
    }

    proptest! {
        #[test]
        fn two_acceptances_answer_as_well_as_all_of_them(
            heard in prop::collection::vec((1_i64..4, 0_u64..10), 1..20),
            asker in 1_i64..4,
            later in 0_u64..40,
        ) {
            let (mut now, mut all, mut kept) = (NOON, Vec::new(), None::<Accepted>);
            for (credential, wait) in heard {
                now = now + hours(wait);
                let credential = CredentialId(credential);
                all.push((credential, now));
                kept = Some(kept.map_or_else(
                    || Accepted::first(Some(credential), now),
                    |kept| kept.then(Some(credential), now),
                ));
            }
            let now = now + hours(later);
            let expected = all.iter().any(|(c, at)| *c != CredentialId(asker) && now.since(*at) <= HOLDS);
            prop_assert_eq!(kept.is_some_and(|kept| kept.holds_for(CredentialId(asker), None, now)), expected);
        }
    }
}
