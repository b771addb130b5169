//! When a mail that was not taken is tried again: pure.

use std::time::Duration;

use crate::domain::cadence::scattered;

/// What is waited for where the settings name no wait.
const USUAL: Duration = Duration::from_secs(300);

/// The waits between tries, and by how much they are spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    /// the wait before each further try; the last one is repeated
    pub waits: Vec<Duration>,
    /// each wait is longer by up to this many percent, so that what failed together is not tried together
    pub jitter: u32,
    /// what makes the spread this process's own
    pub seed: u64,
}

impl Backoff {
    /// The wait after so many attempts. `salt` tells the mails apart; the same mail and attempt get the same wait.
    pub fn wait(&self, attempts: u32, salt: u64) -> Duration {
        let last = self.waits.len().saturating_sub(1);
        let index = usize::try_from(attempts).unwrap_or(usize::MAX).min(last);
        let wait = self.waits.get(index).copied().unwrap_or(USUAL);
        let part = scattered(self.seed ^ scattered(salt ^ (u64::from(attempts) << 32))) >> 32;
        wait + wait.mul_f64(f64::from(self.jitter) / 100.0 * (part as f64 / f64::from(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn backoff(jitter: u32) -> Backoff {
        Backoff { waits: [60, 300, 1800].map(Duration::from_secs).to_vec(), jitter, seed: 7 }
    }

    #[test]
    fn the_waits_are_the_settings_and_the_last_one_is_repeated() {
        let waits = [0, 1, 2, 3, u32::MAX].map(|attempts| backoff(0).wait(attempts, 1).as_secs());
        assert_eq!(waits, [60, 300, 1800, 1800, 1800]);
        assert_eq!(Backoff::default().wait(0, 1), USUAL);
    }

    #[test]
    fn mails_that_failed_together_are_not_tried_together() {
        let mut waits: Vec<Duration> = (0..100).map(|mail| backoff(20).wait(0, mail)).collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 95, "{} different waits", waits.len());
        assert!(waits.iter().any(|wait| *wait < Duration::from_secs(64)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(69)));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_shorter_than_set_nor_longer_than_its_jitter(
            attempts: u32, salt: u64, seed: u64, jitter in 0u32..=100,
        ) {
            let backoff = Backoff { seed, ..backoff(jitter) };
            let least = Backoff { jitter: 0, ..backoff.clone() }.wait(attempts, salt);
            let wait = backoff.wait(attempts, salt);
            prop_assert!(wait >= least && wait <= least.mul_f64(1.0 + f64::from(jitter) / 100.0) + Duration::from_millis(1));
            prop_assert_eq!(wait, backoff.wait(attempts, salt));
        }
    }
}
