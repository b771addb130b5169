//! How long to leave a part alone that fails. Pure.

use std::time::Duration;

use crate::domain::cadence::scattered;
use crate::domain::time::Timestamp;

/// The wait after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait, jitter aside.
const LONGEST: Duration = Duration::from_secs(300);

/// A part that fails, and when it is tried again: after 1, 2, 4, 8 ... 256 and from then on 300 seconds, each up to a
/// quarter longer, so that many daemons don't come back to one server in the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    failures: u32,
    failed_at: Timestamp,
    wait: Duration,
}

impl Outage {
    /// One more failure, of a part that may have failed before.
    pub(super) fn after(last: Option<Self>, now: Timestamp, seed: u64) -> Self {
        let failures = last.map_or(0, |last| last.failures).saturating_add(1);
        let doubled = FIRST.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST);
        let jitter = scattered(seed ^ u64::from(failures)) % 250; // thousandths
        let wait = doubled + Duration::from_millis(doubled.as_secs() * jitter);
        Self { failures, failed_at: now, wait }
    }

    /// How long it is still left alone. A clock that was set back since makes nobody wait longer than once more.
    pub(super) fn left(&self, now: Timestamp) -> Duration {
        if now < self.failed_at { Duration::ZERO } else { self.wait.saturating_sub(now.since(self.failed_at)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::days;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn waits(seed: u64, count: usize) -> Vec<Duration> {
        let mut last = None;
        let mut next = || {
            let outage = Outage::after(last, NOW, seed);
            last = Some(outage);
            outage.left(NOW)
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn waits_double_from_a_second_to_five_minutes_with_a_quarter_of_jitter() {
        for seed in [0, 1, 7, u64::MAX] {
            let plain = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300].map(Duration::from_secs);
            for (wait, plain) in waits(seed, 12).into_iter().zip(plain) {
                assert!((plain..plain + plain / 4).contains(&wait), "{wait:?} for {plain:?}");
            }
        }
        assert_ne!(waits(1, 12), waits(2, 12), "daemons don't keep step");
    }

    #[test]
    fn any_number_of_failures_keeps_the_longest_wait() {
        assert!(waits(3, 5_000).last().unwrap() < &Duration::from_secs(375));
    }

    #[test]
    fn the_wait_passes_with_the_clock_and_a_clock_set_back_ends_it() {
        let outage = Outage::after(None, NOW, 0);
        assert!(outage.left(NOW) >= FIRST);
        assert_eq!(outage.left(NOW + Duration::from_secs(2)), Duration::ZERO);
        assert_eq!(outage.left(NOW - days(365)), Duration::ZERO);
    }
}
