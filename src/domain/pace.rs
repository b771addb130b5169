//! How many mails an address gets in a day (DESIGN.md 9): a day is any 24 hours, not one of a calendar, so that nobody gets
//! twice as many around midnight.

use super::time::{Timestamp, days};

/// The first instant from `now` on at which one more mail may go to an address that got (or is getting) mails at these
/// instants, in any order: `now` itself where it may.
pub fn free_at(mails: &[Timestamp], per_day: u32, now: Timestamp) -> Timestamp {
    let mut newest = mails.to_vec();
    newest.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
    // As soon as the oldest of the newest so many is a day old.
    let counts = usize::try_from(per_day.max(1)).unwrap_or(usize::MAX);
    newest.get(counts - 1).map_or(now, |at| now.max(*at + days(1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::hours;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn an_address_waits_until_one_of_its_mails_is_a_day_old() {
        let ago = |hours_ago: u64| NOW - hours(hours_ago);
        for (mails, per_day, free) in [
            (vec![], 1, NOW),
            (vec![ago(25)], 1, NOW),
            (vec![ago(24)], 1, NOW),
            (vec![ago(23)], 1, NOW + hours(1)),
            (vec![ago(23)], 2, NOW),
            (vec![ago(1), ago(23), ago(30)], 2, NOW + hours(1)),
            (vec![NOW, NOW, NOW], 2, NOW + hours(24)),
        ] {
            assert_eq!(free_at(&mails, per_day, NOW), free, "{mails:?} {per_day}");
        }
    }

    proptest! {
        /// Whoever sends as soon as it is free never sends more than so many in any 24 hours, and never stops.
        #[test]
        fn no_day_has_more_mails_than_it_may_have(per_day in 1_u32..4, wishes in prop::collection::vec(0_u64..40, 1..60)) {
            let (mut now, mut sent) = (NOW, Vec::new());
            for wish in wishes {
                now = free_at(&sent, per_day, now + hours(wish));
                sent.push(now);
            }
            for end in &sent {
                let in_a_day = sent.iter().filter(|at| *at <= end && end.since(**at) < days(1)).count();
                prop_assert!(in_a_day <= per_day as usize, "{sent:?}");
            }
        }
    }
}
