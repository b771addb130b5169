//! What missing rows mean. Being marked deleted is believed at once; being missing is not.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// What it means that a complete snapshot lacks a known row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// the first complete snapshot without it: remember when that one began
    FirstMissed,
    /// missing again, but too soon to be believed
    StillMissing,
    /// missing from two complete snapshots that are far enough apart
    Gone,
}

/// What the operator's word ended that held rows are really gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// connections that ended
    pub connections: u64,
    /// people who are believed gone
    pub people: u64,
}

/// Judges a row that is missing from the complete snapshot begun at `snapshot_start`. `absent_since` is when the
/// first complete snapshot without it began; a row that was seen since has none.
pub fn absence(absent_since: Option<Timestamp>, snapshot_start: Timestamp, absent_after: Duration) -> Absence {
    match absent_since {
        None => Absence::FirstMissed,
        // the second condition: a snapshot is no second witness to itself, however short `absent_after` is
        Some(first) if snapshot_start >= first + absent_after && snapshot_start > first => Absence::Gone,
        Some(_) => Absence::StillMissing,
    }
}

/// True where so many of a source's open rows are gone at once that it is held back until the operator accepts it:
/// more than `limit_percent` of `open_before`, and at least `at_least`.
pub fn exceeds_vanish_limit(gone: u64, open_before: u64, limit_percent: u8, at_least: u64) -> bool {
    gone >= at_least && u128::from(gone) * 100 > u128::from(open_before) * u128::from(limit_percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::hours;

    #[test]
    fn a_row_is_gone_only_after_two_complete_snapshots_far_enough_apart() {
        let first = Timestamp::from_secs(1_790_000_000);
        let hour = hours(1);
        let just_short = Timestamp::from_millis((first + hour).as_millis() - 1);
        for (since, start, after, wanted) in [
            (None, first, hour, Absence::FirstMissed),
            (Some(first), first, hour, Absence::StillMissing),
            (Some(first), just_short, hour, Absence::StillMissing),
            (Some(first), first + hour, hour, Absence::Gone),
            (Some(first), first - hour, hour, Absence::StillMissing), // our clock was set back
            (Some(first), first, Duration::ZERO, Absence::StillMissing),
            (Some(first), first + Duration::from_millis(1), Duration::ZERO, Absence::Gone),
        ] {
            assert_eq!(absence(since, start, after), wanted, "{since:?} {start:?} {after:?}");
        }
    }

    #[test]
    fn the_vanish_limit_is_more_than_the_percentage_and_at_least_the_minimum() {
        for (gone, open, wanted) in [
            (0, 0, false),
            (2, 2, false),
            (3, 3, true),
            (3, 15, false),
            (3, 14, true),
            (20, 100, false),
            (21, 100, true),
            (u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(exceeds_vanish_limit(gone, open, 20, 3), wanted, "{gone} of {open}");
        }
    }
}
