//! What one customer's own quota at a provider leaves us: the quota is theirs, and they need it.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::domain::catalogue::Pace;
use crate::domain::ids::AccountId;

/// A share that comes back this soon is waited for.
const SOON: Duration = Duration::from_secs(1);
/// Accounts that are remembered before those with a whole share are forgotten.
const MANY: usize = 10_000;

/// The shares of all accounts at one provider.
pub(super) struct Shares(DefaultKeyedRateLimiter<AccountId>);

impl Shares {
    /// So that in no span of the limit's length more is asked for one account than the limit says. `None` for a limit that
    /// is none.
    pub(super) fn new(limit: Pace) -> Option<Self> {
        let (requests, per) = (NonZeroU32::new(limit.requests)?, Duration::from_secs(u64::from(limit.per_seconds)));
        // Half of it at once, and the other half spread over the span: together they are all of it.
        let at_once = NonZeroU32::new(requests.get() / 2).unwrap_or(NonZeroU32::MIN);
        let spread = (requests.get() - at_once.get()).max(1);
        let quota = Quota::with_period(per / spread)?.allow_burst(at_once);
        Some(Self(RateLimiter::keyed(quota)))
    }

    /// Takes one question's part of an account's share; false where it is used up, and won't be back soon.
    pub(super) async fn take(&self, account: AccountId) -> bool {
        if self.0.len() > MANY {
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
        while let Err(used_up) = self.0.check_key(&account) {
            let wait = used_up.wait_time_from(self.0.clock().now());
            if wait > SOON {
                return false;
            }
            tokio::time::sleep(wait).await;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn limit(requests: u32, per_seconds: u32) -> Pace {
        Pace { requests, per_seconds }
    }

    /// How many questions an account has room for before the first that must wait.
    async fn room(shares: &Shares, account: i64) -> u32 {
        let mut room = 0;
        while shares.take(AccountId(account)).await {
            room += 1;
        }
        room
    }

    #[tokio::test]
    async fn each_account_has_a_share_of_its_own_and_no_more() {
        let shares = Shares::new(limit(100, 3_600)).unwrap();
        assert_eq!((room(&shares, 1).await, room(&shares, 2).await), (50, 50));
        assert!(!shares.take(AccountId(1)).await, "the next one comes in a minute");
        let single = Shares::new(limit(1, 3_600)).unwrap();
        assert_eq!(room(&single, 1).await, 1);
        assert!(Shares::new(limit(0, 60)).is_none() && Shares::new(limit(5, 0)).is_none());
    }

    #[tokio::test]
    async fn a_share_that_comes_back_at_once_is_waited_for() {
        let shares = Shares::new(limit(200, 1)).unwrap();
        for _ in 0..110 {
            assert!(shares.take(AccountId(1)).await);
        }
    }

    #[tokio::test]
    async fn accounts_with_a_whole_share_are_forgotten_when_they_are_many() {
        let shares = Shares::new(limit(1_000_000, 1)).unwrap();
        for account in 0..3 * i64::try_from(MANY).unwrap() {
            assert!(shares.take(AccountId(account)).await);
        }
        assert!(shares.0.len() <= MANY + 1, "{}", shares.0.len());
    }
}
