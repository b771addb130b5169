//! The ladder: on which days after its opening a finding is told, per rule, as data (DESIGN.md 9).

use super::finding::RuleName;
use super::time::{Timestamp, days};

/// One rule's reminders. Steps are counted from 0; the tail's steps count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// whole days after the opening, ascending from 0
    pub days: &'static [u32],
    /// after the last of those, every so many days; `None` for never again
    pub then_every: Option<u32>,
}

/// A live key that nobody needs, or that others know: the findings that are pressed.
const PRESSING: Ladder = Ladder { days: &[0, 3, 7, 14], then_every: Some(7) };
/// Work that an owner has to plan.
const PATIENT: Ladder = Ladder { days: &[0, 7, 14, 30], then_every: Some(30) };
/// The reader may know better than keysweep can.
const UNSURE: Ladder = Ladder { days: &[0, 14, 30], then_every: Some(30) };
/// Failing syncs speak for themselves, and a connection that nobody repairs in a month is not missed.
const BROKEN: Ladder = Ladder { days: &[0, 7, 30], then_every: None };
/// A second word half-way to the limit; then `secret-stale` takes over.
const AHEAD: Ladder = Ladder { days: &[0, 7], then_every: None };
/// Good to know, once.
const ONCE: Ladder = Ladder { days: &[0], then_every: None };

/// The ladder of a rule.
pub const fn ladder(rule: RuleName) -> &'static Ladder {
    match rule {
        RuleName::SecretCompromised | RuleName::RevocationMissing => &PRESSING,
        RuleName::SecretStale | RuleName::SecretReused | RuleName::ConnectionOrphaned => &PATIENT,
        RuleName::RevocationUnproven => &UNSURE,
        RuleName::ConnectionBroken | RuleName::WrongKeyKind => &BROKEN,
        RuleName::SecretDue => &AHEAD,
        RuleName::SecretAgeUnknown | RuleName::SecretShared | RuleName::MixedUse | RuleName::ConnectionIdle => &ONCE,
        // It is never mailed: whoever could read it is the one who can't be reached.
        RuleName::OwnerUnreachable => &ONCE,
    }
}

/// The step to take at `now` in an opening that began at `opened_at`, and when the next one is due (`None` for never).
///
/// A late run takes only the tightest step whose day has come. Returns `None` where that one was taken already.
pub fn take(
    rule: RuleName,
    opened_at: Timestamp,
    last_step: Option<u32>,
    now: Timestamp,
) -> Option<(u32, Option<Timestamp>)> {
    if now < opened_at {
        return None;
    }
    let ladder = ladder(rule);
    let step = ladder.tightest(now.since(opened_at).as_secs() / DAY)?;
    let next_step_at = ladder.day_of(step.saturating_add(1)).map(|day| opened_at + days(day));
    last_step.is_none_or(|last| last < step).then_some((step, next_step_at))
}

const DAY: u64 = 86_400;

impl Ladder {
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
            if let Some((step, _)) = take(rule, OPENED, last, day(at)) {
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
        assert_eq!(take(RuleName::RevocationMissing, OPENED, Some(0), almost), None);
        assert_eq!(take(RuleName::RevocationMissing, OPENED, Some(0), day(3)), Some((1, Some(day(7)))));
    }

    #[test]
    fn a_late_run_takes_the_tightest_step_only() {
        assert_eq!(steps_on(RuleName::SecretStale, [0, 29, 100]), [(0, 0), (29, 2), (100, 5)]);
        assert_eq!(take(RuleName::SecretStale, OPENED, Some(2), day(100)), Some((5, Some(day(120)))));
    }

    #[test]
    fn a_clock_before_the_opening_takes_no_step() {
        assert_eq!(take(RuleName::SecretStale, day(1), None, OPENED), None);
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
                if let Some((step, next)) = take(rule, OPENED, last, now) {
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
            let once = take(rule, OPENED, None, end);
            let mut step = take(rule, OPENED, None, OPENED);
            while let Some((last, Some(due))) = step
                && due <= end
            {
                step = take(rule, OPENED, Some(last), due);
                prop_assert!(step.is_some(), "the step that was announced for {due} was not taken");
            }
            prop_assert_eq!(step, once);
        }
    }
}
