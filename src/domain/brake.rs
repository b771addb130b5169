//! The brake: where far more findings are new than usual, it is more likely that a list, a clock or we are wrong than that
//! so many people are, and nobody is told before the operator has looked (DESIGN.md 9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{Timestamp, days};

/// Days that the usual is taken from.
const DAYS: u64 = 14;

/// When the brake is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakePolicy {
    /// by more than so many times the usual
    pub times: u32,
    /// and by more findings than so many
    pub at_least: u32,
}

/// How many findings were new, look by look: what is usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Openings {
    /// when it began to be counted
    since: Timestamp,
    /// when it was last counted: what is opened later is new
    looked_at: Timestamp,
    /// true where the operator has said since then that what is there is right
    #[serde(default)]
    released: bool,
    /// by days since 1970
    days: BTreeMap<i64, u64>,
}

/// Far more findings are new than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Braked {
    /// since when that was seen
    pub since: Timestamp,
    /// so many are new
    pub new: u64,
    /// so many would have been told without a question
    pub allowed: u64,
}

impl Openings {
    /// The beginning: everything so far is known, or told at the operator's word.
    pub fn begun(now: Timestamp) -> Self {
        Self { since: now, looked_at: now, released: false, days: BTreeMap::new() }
    }

    /// From when on findings are new at `now`. Where the last look lies ahead, the clock was set back since, and what a day
    /// has brought is new.
    pub fn new_since(&self, now: Timestamp) -> Timestamp {
        if self.looked_at > now { now - days(1) } else { self.looked_at }
    }

    /// Whether the next look lets everything through, at the operator's word.
    pub const fn is_released(&self) -> bool {
        self.released
    }

    /// How many new findings are told at `now` without a question. What is usual is the mean of a day, of as many days as
    /// there are, at most 14; a look that comes late may find as much as the days that it makes up for.
    pub fn allowed(&self, policy: BrakePolicy, now: Timestamp) -> u64 {
        let whole_days = |span: std::time::Duration| span.as_secs() / days(1).as_secs();
        let known = whole_days(now.since(self.since)).clamp(1, DAYS);
        let made_up_for = whole_days(now.since(self.looked_at)).max(1);
        let sum: u64 = self.days.range(first_day(now)..).map(|(_, count)| count).sum();
        let unusual = sum.saturating_mul(u64::from(policy.times)).saturating_mul(made_up_for) / known;
        unusual.max(u64::from(policy.at_least))
    }

    /// Whether so many new findings are far too many; then nothing is counted. A brake that is on stays on by the measure of
    /// the day on which it was pulled: days on which nobody was told are none that anything is made up for.
    pub fn brakes(&self, new: u64, policy: BrakePolicy, now: Timestamp, on: Option<Braked>) -> Option<Braked> {
        let since = on.map_or(now, |braked| braked.since);
        let allowed = self.allowed(policy, since);
        (new > allowed).then_some(Braked { since, new, allowed })
    }

    /// The same after a look that found so many new ones.
    #[must_use]
    pub fn looked(mut self, new: u64, now: Timestamp) -> Self {
        *self.days.entry(day(now)).or_default() += new;
        let days = self.days.split_off(&first_day(now));
        Self { since: self.since.min(now), looked_at: now, released: false, days }
    }

    /// The same after the operator's word: the next look lets through what it finds, and counts it as usual.
    #[must_use]
    pub fn released(self) -> Self {
        Self { released: true, ..self }
    }
}

/// The first of the days that count, today the last.
const fn first_day(now: Timestamp) -> i64 {
    day(now) - DAYS.cast_signed() + 1
}

const fn day(at: Timestamp) -> i64 {
    at.as_secs().div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::hours;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
    const POLICY: BrakePolicy = BrakePolicy { times: 5, at_least: 50 };

    /// So many a day, for so many days.
    fn usual(a_day: u64, for_days: u64) -> (Openings, Timestamp) {
        let start = (Openings::begun(NOW), NOW);
        (1..=for_days).fold(start, |(openings, _), count| {
            let now = NOW + days(count);
            (openings.looked(a_day, now), now)
        })
    }

    #[test]
    fn a_few_findings_never_brake_and_many_do_where_they_are_far_more_than_usual() {
        for (a_day, for_days, new, is_braked) in [
            (0, 0, 50, false),
            (0, 0, 51, true),
            (0, 30, 50, false),
            (0, 30, 51, true),
            (10, 14, 50, false),
            (10, 14, 51, true),
            (100, 14, 500, false),
            (100, 14, 501, true),
            (100, 30, 501, true),
            (100, 3, 500, false),
        ] {
            let (openings, last) = usual(a_day, for_days);
            let braked = openings.brakes(new, POLICY, last + hours(1), None);
            assert_eq!(braked.is_some(), is_braked, "{a_day} a day for {for_days} days, then {new}: {braked:?}");
        }
    }

    #[test]
    fn a_look_that_comes_late_may_find_what_the_days_before_would_have() {
        let (openings, last) = usual(100, 14);
        assert!(openings.brakes(3_000, POLICY, last + days(3), None).is_some());
        assert_eq!(openings.brakes(1_100, POLICY, last + days(3), None), None);
        // The day of a look that did not take place pushes the oldest out of the fortnight all the same.
        let allowed = openings.allowed(POLICY, last + days(1));
        assert_eq!(allowed, 1_300 * 5 / 14);
    }

    #[test]
    fn a_brake_that_is_on_does_not_let_go_because_time_goes_by() {
        let (openings, last) = usual(100, 14);
        let braked = openings.brakes(1_000, POLICY, last + days(1), None).expect("ten times the usual");
        for later in 2..60 {
            let still = openings.brakes(1_000 + 100 * later, POLICY, last + days(later), Some(braked));
            assert_eq!(still, Some(Braked { new: 1_000 + 100 * later, ..braked }), "day {later}");
        }
        assert_eq!(openings.brakes(400, POLICY, last + days(3), Some(braked)), None, "the cause is mended");
    }

    #[test]
    fn what_the_operator_releases_becomes_usual_with_the_look_that_lets_it_through() {
        let (openings, last) = usual(0, 1);
        let next = last + days(1);
        assert!(openings.brakes(60, POLICY, next, None).is_some());
        let released = openings.released();
        assert_eq!((released.is_released(), released.new_since(next)), (true, last));
        let steady = released.looked(60, next);
        assert!(!steady.is_released(), "once");
        let (steady, _) = (1..30).fold((steady, next), |(openings, before), _| {
            let now = before + days(1);
            assert_eq!(openings.brakes(60, POLICY, now, None), None, "{openings:?}");
            (openings.looked(60, now), now)
        });
        assert!(steady.allowed(POLICY, next + days(29)) >= 280, "{steady:?}");
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing_from_the_next_look() {
        let (openings, last) = usual(10, 14);
        let now = last - days(3);
        assert_eq!(openings.new_since(now), now - days(1));
        assert!(openings.brakes(100, POLICY, now, None).is_some(), "a look that lies ahead makes up for nothing");
        let looked = openings.looked(0, now);
        assert_eq!(looked.new_since(now + hours(1)), now);
    }

    #[test]
    fn a_ledger_that_was_written_before_releases_left_a_mark_is_read() {
        let old = r#"{"since":1,"looked_at":2,"days":{"20000":3}}"#;
        let read: Openings = serde_json::from_str(old).expect("openings");
        assert!(!read.is_released());
    }

    #[test]
    fn what_is_longer_ago_than_two_weeks_is_forgotten() {
        let (openings, last) = usual(1_000, 14);
        let later = (1..=16).fold(openings, |openings, count| openings.looked(0, last + days(count)));
        assert_eq!(later.allowed(POLICY, last + days(16)), 50);
        assert!(later.days.len() <= 15, "{later:?}");
    }

    proptest! {
        #[test]
        fn more_never_brakes_less(a_day in 0_u64..300, for_days in 0_u64..30, new in 0_u64..5_000) {
            let (openings, last) = usual(a_day, for_days);
            if openings.brakes(new, POLICY, last, None).is_some() {
                prop_assert!(new > 50);
                prop_assert!(openings.brakes(new + 1, POLICY, last, None).is_some());
            }
        }
    }
}
