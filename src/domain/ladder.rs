//! The ladder: on which days after its opening a finding is told, per rule, as data (DESIGN.md 9).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::finding::RuleName;
use super::time::{Timestamp, days};

/// One rule's reminders: at least one day, ascending from 0. Steps are counted from 0; the tail's steps count on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    days: Cow<'static, [u32]>,
    then_every: Option<u32>,
    escalate_at: Option<u32>,
}

/// A live key that nobody needs: pressed, and in the end the operator is told too.
static PRESSING: Ladder = written(&[0, 3, 7, 14], Some(7), Some(3));
/// A key that others know. The operator is told as soon as the first mail alone has not helped.
static LEAKED: Ladder = written(&[0, 3, 7, 14], Some(7), Some(1));
/// Work that an owner has to plan.
static PATIENT: Ladder = written(&[0, 7, 14, 30], Some(30), None);
/// The reader may know better than keysweep can.
static UNSURE: Ladder = written(&[0, 14, 30], Some(30), None);
/// Failing syncs speak for themselves, and a connection that nobody repairs in a month is not missed.
static BROKEN: Ladder = written(&[0, 7, 30], None, None);
/// A second word half-way to the limit; then `secret-stale` takes over.
static AHEAD: Ladder = written(&[0, 7], None, None);
/// Good to know, once.
static ONCE: Ladder = written(&[0], None, None);

/// The ladder of a rule, where the operator says nothing else.
pub fn ladder(rule: RuleName) -> &'static Ladder {
    match rule {
        RuleName::SecretCompromised => &LEAKED,
        RuleName::RevocationMissing => &PRESSING,
        RuleName::SecretStale | RuleName::SecretReused | RuleName::ConnectionOrphaned => &PATIENT,
        RuleName::RevocationUnproven => &UNSURE,
        RuleName::ConnectionBroken | RuleName::WrongKeyKind => &BROKEN,
        RuleName::SecretDue => &AHEAD,
        RuleName::SecretAgeUnknown | RuleName::SecretShared | RuleName::MixedUse | RuleName::ConnectionIdle => &ONCE,
        // It is never mailed: whoever could read it is the one who can't be reached.
        RuleName::OwnerUnreachable => &ONCE,
    }
}

/// Every rule's ladder: the operator's own, else [`ladder`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladders(BTreeMap<RuleName, Ladder>);

impl Ladders {
    /// With these in the place of the usual ones.
    pub const fn new(own: BTreeMap<RuleName, Ladder>) -> Self {
        Self(own)
    }

    /// The ladder of a rule.
    pub fn of(&self, rule: RuleName) -> &Ladder {
        self.0.get(&rule).unwrap_or_else(|| ladder(rule))
    }
}

const DAY: u64 = 86_400;
/// Ten years: more is a slip of the finger.
const LATEST_DAY: u32 = 3_650;
/// More steps than anybody writes down.
const STEPS_AT_MOST: usize = 100;

const fn written(days: &'static [u32], then_every: Option<u32>, escalate_at: Option<u32>) -> Ladder {
    Ladder { days: Cow::Borrowed(days), then_every, escalate_at }
}

impl Ladder {
    /// A ladder of the operator's own: on which whole days after the opening, after the last of those every so many
    /// days (`None` for never again), and from which step on the security contact is told too.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn new(
        days: Vec<u32>,
        then_every: Option<u32>,
        escalate_at: Option<u32>,
    ) -> Result<Self, (&'static str, &'static str)> {
        if days.first() != Some(&0) {
            return Err(("a ladder begins on the day of the opening", "let `days` begin with 0"));
        }
        if !days.is_sorted_by(|a, b| a < b) {
            return Err(("the days don't rise", "write each later than the one before, as in [0, 7, 14, 30]"));
        }
        if days.len() > STEPS_AT_MOST || days.iter().chain(&then_every).any(|day| *day > LATEST_DAY) {
            return Err(("that is more than ten years, or than 100 steps", "write fewer, and use `then_every`"));
        }
        if then_every == Some(0) {
            return Err((
                "`then_every` is 0",
                "write a number of days, or leave it out: then the last day is the last",
            ));
        }
        let last = u32::try_from(days.len() - 1).unwrap_or(u32::MAX);
        if then_every.is_none() && escalate_at.is_some_and(|step| step > last) {
            let todo = "count the steps from 0: `escalate_at` is one of them, or leave it out";
            return Err(("the ladder has no such step to escalate at", todo));
        }
        Ok(Self { days: Cow::Owned(days), then_every, escalate_at })
    }

    /// Whether the operator's security contact is told of this step too.
    pub fn escalates(&self, step: u32) -> bool {
        self.escalate_at.is_some_and(|at| at <= step)
    }

    /// The written days after the opening.
    pub fn days(&self) -> &[u32] {
        &self.days
    }

    /// After the last written day, every so many days; `None` for never again.
    pub const fn then_every(&self) -> Option<u32> {
        self.then_every
    }

    /// The step to take at `now` in an opening that began at `opened_at`, and when the next one is due (`None` for never).
    ///
    /// A late run takes only the tightest step whose day has come. Returns `None` where that one was taken already.
    pub fn take(
        &self,
        opened_at: Timestamp,
        last_step: Option<u32>,
        now: Timestamp,
    ) -> Option<(u32, Option<Timestamp>)> {
        let step = self.come_by(opened_at, now)?;
        last_step.is_none_or(|last| last < step).then(|| (step, self.due(opened_at, step.saturating_add(1))))
    }

    /// The same for a step that was announced for an instant not after `now`. Where the ladder has become shorter since
    /// it was announced, it counts on from the last one: a number is given once in an opening.
    pub fn take_announced(
        &self,
        opened_at: Timestamp,
        last_step: Option<u32>,
        now: Timestamp,
    ) -> Option<(u32, Option<Timestamp>)> {
        self.take(opened_at, last_step, now).or_else(|| {
            let come = self.come_by(opened_at, now)?;
            Some((last_step?.saturating_add(1), self.due(opened_at, come.saturating_add(1))))
        })
    }

    /// The last step whose day has come at `now`; `None` before the opening.
    fn come_by(&self, opened_at: Timestamp, now: Timestamp) -> Option<u32> {
        if now < opened_at { None } else { self.tightest(now.since(opened_at).as_secs() / DAY) }
    }

    fn due(&self, opened_at: Timestamp, step: u32) -> Option<Timestamp> {
        self.day_of(step).map(|day| opened_at + days(day))
    }

    /// The last step whose day is not after `day`.
    fn tightest(&self, day: u64) -> Option<u32> {
        let written = self.days.iter().take_while(|step| u64::from(**step) <= day).count();
        let last_written = written.checked_sub(1)?;
        let in_tail = match (self.days.last(), self.then_every) {
            (Some(last), Some(every)) => day.saturating_sub(u64::from(*last)) / u64::from(every.max(1)),
            _ => 0,
        };
        Some(to_u32(last_written as u64 + in_tail))
    }

    /// How many days after the opening a step is due; `None` where the ladder has no such step.
    fn day_of(&self, step: u32) -> Option<u64> {
        if let Some(day) = self.days.get(step as usize) {
            return Some(u64::from(*day));
        }
        let last_written = to_u32(self.days.len().checked_sub(1)? as u64);
        let in_tail = u64::from(step.saturating_sub(last_written));
        Some(u64::from(*self.days.last()?) + in_tail * u64::from(self.then_every?.max(1)))
    }
}

fn to_u32(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const OPENED: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn day(count: u64) -> Timestamp {
        OPENED + days(count)
    }

    /// Every step that a rule takes when it is asked on each of these days.
    fn steps_on(rule: RuleName, on: impl IntoIterator<Item = u64>) -> Vec<(u64, u32)> {
        let mut last = None;
        let mut taken = Vec::new();
        for at in on {
            if let Some((step, _)) = ladder(rule).take(OPENED, last, day(at)) {
                last = Some(step);
                taken.push((at, step));
            }
        }
        taken
    }

    #[test]
    fn each_rule_is_told_on_its_days_and_no_others() {
        let told = |rule| steps_on(rule, 0..=70).into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        for (rule, expected) in [
            (RuleName::SecretCompromised, vec![0, 3, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70]),
            (RuleName::RevocationMissing, vec![0, 3, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70]),
            (RuleName::SecretStale, vec![0, 7, 14, 30, 60]),
            (RuleName::SecretReused, vec![0, 7, 14, 30, 60]),
            (RuleName::ConnectionOrphaned, vec![0, 7, 14, 30, 60]),
            (RuleName::RevocationUnproven, vec![0, 14, 30, 60]),
            (RuleName::ConnectionBroken, vec![0, 7, 30]),
            (RuleName::WrongKeyKind, vec![0, 7, 30]),
            (RuleName::SecretDue, vec![0, 7]),
            (RuleName::SecretAgeUnknown, vec![0]),
            (RuleName::SecretShared, vec![0]),
            (RuleName::MixedUse, vec![0]),
            (RuleName::ConnectionIdle, vec![0]),
            (RuleName::OwnerUnreachable, vec![0]),
        ] {
            assert_eq!(told(rule), expected, "{rule}");
        }
    }

    #[test]
    fn every_ladder_begins_at_once_and_rises() {
        for rule in RuleName::ALL {
            let ladder = ladder(rule);
            assert_eq!(ladder.days.first(), Some(&0), "{rule}");
            assert!(ladder.days.is_sorted_by(|a, b| a < b), "{rule}");
            assert_ne!(ladder.then_every, Some(0), "{rule}");
        }
    }

    #[test]
    fn a_step_comes_at_the_very_instant_of_its_day_and_not_before() {
        let almost = Timestamp::from_millis(day(3).as_millis() - 1);
        assert_eq!(ladder(RuleName::RevocationMissing).take(OPENED, Some(0), almost), None);
        assert_eq!(ladder(RuleName::RevocationMissing).take(OPENED, Some(0), day(3)), Some((1, Some(day(7)))));
    }

    #[test]
    fn a_late_run_takes_the_tightest_step_only() {
        assert_eq!(steps_on(RuleName::SecretStale, [0, 29, 100]), [(0, 0), (29, 2), (100, 5)]);
        assert_eq!(ladder(RuleName::SecretStale).take(OPENED, Some(2), day(100)), Some((5, Some(day(120)))));
    }

    #[test]
    fn a_clock_before_the_opening_takes_no_step() {
        assert_eq!(ladder(RuleName::SecretStale).take(day(1), None, OPENED), None);
    }

    #[test]
    fn the_operator_is_told_of_pressing_findings_from_a_set_step_on() {
        let from = |rule| (0..20).find(|step| ladder(rule).escalates(*step));
        for rule in RuleName::ALL {
            let expected = match rule {
                RuleName::RevocationMissing => Some(3),
                RuleName::SecretCompromised => Some(1),
                _ => None,
            };
            assert_eq!(from(rule), expected, "{rule}");
        }
        assert!(ladder(RuleName::RevocationMissing).escalates(40), "and of each one after");
    }

    #[test]
    fn an_operators_own_ladder_is_held_against_the_same_rules() {
        for (days, every, escalate_at) in [
            (vec![], None, None),
            (vec![1, 2], None, None),
            (vec![0, 7, 7], None, None),
            (vec![0, 14, 7], None, None),
            (vec![0, 4_000], None, None),
            (vec![0], Some(0), None),
            (vec![0], Some(4_000), None),
            (vec![0, 7], None, Some(2)),
        ] {
            assert!(Ladder::new(days.clone(), every, escalate_at).is_err(), "{days:?} {every:?} {escalate_at:?}");
        }
        let own = Ladder::new(vec![0, 5], Some(10), Some(4)).unwrap();
        let ladders = Ladders::new([(RuleName::SecretStale, own.clone())].into());
        assert_eq!(ladders.of(RuleName::SecretStale), &own);
        assert_eq!(ladders.of(RuleName::SecretDue), ladder(RuleName::SecretDue));
    }

    #[test]
    fn a_ladder_that_became_shorter_goes_on_with_new_numbers_at_its_next_day() {
        let own = Ladder::new(vec![0, 30], Some(30), None).unwrap();
        assert_eq!(own.take(OPENED, Some(5), day(35)), None);
        assert_eq!(own.take_announced(OPENED, Some(5), day(35)), Some((6, Some(day(60)))));
        assert_eq!(own.take_announced(OPENED, None, day(35)), own.take(OPENED, None, day(35)));
    }

    fn rules() -> impl Strategy<Value = RuleName> {
        proptest::sample::select(RuleName::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn steps_rise_and_the_next_one_lies_ahead(
            rule in rules(),
            gaps in proptest::collection::vec(1_u64..40 * 86_400_000, 1..30),
        ) {
            let (mut now, mut last) = (OPENED, None);
            for gap in gaps {
                if let Some((step, next)) = ladder(rule).take(OPENED, last, now) {
                    prop_assert!(last < Some(step));
                    prop_assert!(next.is_none_or(|next| next > now));
                    last = Some(step);
                }
                now = now + Duration::from_millis(gap);
            }
        }

        #[test]
        fn running_at_every_due_instant_and_running_once_late_end_at_the_same_step(
            rule in rules(),
            late in 0_u64..3_000 * 86_400_000,
        ) {
            let end = OPENED + Duration::from_millis(late);
            let once = ladder(rule).take(OPENED, None, end);
            let mut step = ladder(rule).take(OPENED, None, OPENED);
            while let Some((last, Some(due))) = step
                && due <= end
            {
                step = ladder(rule).take(OPENED, Some(last), due);
                prop_assert!(step.is_some(), "the step that was announced for {due} was not taken");
            }
            prop_assert_eq!(step, once);
        }
    }
}
