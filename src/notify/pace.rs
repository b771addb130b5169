//! How fast mails leave: so many a minute over all, and to each domain.
//!
//! Nobody waits here. A mail beyond the pace goes back to the outbox with the instant of its turn, so that a run that has
//! more to say than may leave ends, and other work goes on meanwhile. The pace outlives a run: the next one goes on from it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, FakeRelativeClock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::domain::time::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
/// Domains that are remembered before those that are at rest are forgotten.
const DOMAINS: usize = 1_000;

/// Whose turn it is.
#[derive(Debug)]
pub struct MailPace {
    /// moved on by the instants that callers give: there is one clock, and it isn't here
    clock: FakeRelativeClock,
    shown: Mutex<Option<Timestamp>>,
    all: Option<Limit>,
    domains: Option<Limit>,
}

impl MailPace {
    /// At most so many mails a minute over all, and to each domain; `None` for as fast as it goes. As many leave at once as
    /// may in a minute, then one by one.
    pub fn new(per_minute: Option<NonZeroU32>, per_domain_per_minute: Option<NonZeroU32>) -> Self {
        let clock = FakeRelativeClock::default();
        let limit = |count: Option<NonZeroU32>| count.map(|count| Limit::new(count, clock.clone()));
        Self { all: limit(per_minute), domains: limit(per_domain_per_minute), shown: Mutex::default(), clock }
    }

    /// The turns of one run.
    pub(super) fn turns(&self) -> Turns<'_> {
        Turns { pace: self, promised: HashMap::new() }
    }

    /// A clock that is set back takes nothing back that was shown, and goes on from there: nothing leaves faster for it, nor
    /// has to wait until it is there again.
    fn show(&self, now: Timestamp) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.unwrap_or(now);
        if now > before {
            self.clock.advance(now.since(before));
        }
        *shown = Some(now);
    }
}

/// The turns of one run: mails that are put off get an instant each, one behind the other.
pub(super) struct Turns<'p> {
    pace: &'p MailPace,
    /// by domain, `None` for all: how many were put off
    promised: HashMap<Option<String>, u32>,
}

impl Turns<'_> {
    /// Takes the turn of a mail to this domain.
    ///
    /// # Errors
    /// When its turn comes.
    pub(super) fn take(&mut self, domain: &str, now: Timestamp) -> Result<(), Timestamp> {
        self.pace.show(now);
        let domain = domain.to_ascii_lowercase();
        // A domain's own turn first: where it has to wait, the others lose nothing.
        let limits = [(&self.pace.domains, Some(domain)), (&self.pace.all, None)];
        for (limit, whose) in limits.into_iter().filter_map(|(limit, whose)| Some((limit.as_ref()?, whose))) {
            if let Err(wait) = limit.take(whose.as_deref().unwrap_or_default(), &self.pace.clock) {
                let before = self.promised.entry(whose).or_default();
                let at = now + whole_millis(wait + limit.interval.saturating_mul(*before));
                *before += 1;
                return Err(at);
            }
        }
        Ok(())
    }
}

/// An instant has milliseconds: a turn is none the earlier for it.
fn whole_millis(wait: Duration) -> Duration {
    wait.saturating_add(Duration::from_nanos(999_999))
}

type Limiter = RateLimiter<String, HashMapStateStore<String>, FakeRelativeClock, NoOpMiddleware<Nanos>>;

#[derive(Debug)]
struct Limit {
    limiter: Limiter,
    interval: Duration,
}

impl Limit {
    fn new(count: NonZeroU32, clock: FakeRelativeClock) -> Self {
        let limiter = RateLimiter::hashmap_with_clock(Quota::per_minute(count), clock);
        Self { limiter, interval: MINUTE / count.get() }
    }

    fn take(&self, whose: &str, clock: &FakeRelativeClock) -> Result<(), Duration> {
        if self.limiter.len() > DOMAINS {
            self.limiter.retain_recent();
        }
        let taken = self.limiter.check_key(&whose.to_owned());
        taken.map_err(|until| until.earliest_possible().duration_since(clock.now()).into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn pace(all: u32, domain: u32) -> MailPace {
        MailPace::new(NonZeroU32::new(all), NonZeroU32::new(domain))
    }

    #[test]
    fn without_a_pace_everything_leaves_at_once() {
        let pace = pace(0, 0);
        let mut turns = pace.turns();
        assert!((0..10_000).all(|_| turns.take("example.org", START).is_ok()));
    }

    #[test]
    fn what_is_beyond_a_domains_pace_gets_an_instant_each_and_stops_no_other_domain() {
        let pace = pace(0, 2);
        let mut turns = pace.turns();
        let seconds = |taken: Result<(), Timestamp>| taken.map_err(|at| at.since(START).as_secs());
        let to = |turns: &mut Turns<'_>, domain| seconds(turns.take(domain, START));
        assert_eq!([to(&mut turns, "example.org"), to(&mut turns, "EXAMPLE.org")], [Ok(()), Ok(())]);
        let late = [to(&mut turns, "example.org"), to(&mut turns, "example.org"), to(&mut turns, "example.com")];
        assert_eq!(late, [Err(30), Err(60), Ok(())]);
    }

    #[test]
    fn the_next_run_goes_on_from_the_last_ones_pace() {
        let pace = pace(3, 0);
        assert!((0..3).all(|_| pace.turns().take("example.org", START).is_ok()));
        let mut next = pace.turns();
        assert_eq!(next.take("example.com", START + Duration::from_secs(5)), Err(START + Duration::from_secs(20)));
        assert_eq!(next.take("example.com", START + Duration::from_secs(20)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_lets_nothing_leave_faster() {
        let pace = pace(1, 0);
        assert_eq!(pace.turns().take("example.org", START), Ok(()));
        assert!(pace.turns().take("example.org", START - Duration::from_secs(3600)).is_err());
        assert_eq!(pace.turns().take("example.org", START + Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn after_a_clock_was_set_back_a_turn_comes_after_its_wait_and_not_when_the_clock_is_there_again() {
        let pace = pace(1, 0);
        assert_eq!(pace.turns().take("example.org", START), Ok(()));
        let back = START - Duration::from_secs(3600);
        assert_eq!(pace.turns().take("example.org", back), Err(back + MINUTE));
        assert_eq!(pace.turns().take("example.org", back + MINUTE), Ok(()));
    }

    proptest! {
        #[test]
        fn in_no_minute_leave_more_than_twice_the_pace_and_the_instant_of_a_turn_is_kept(
            count in 1u32..20, gaps in prop::collection::vec(0u64..20_000, 1..200),
        ) {
            let pace = pace(count, 0);
            let (mut now, mut left) = (START, Vec::new());
            for gap in gaps {
                now = now + Duration::from_millis(gap);
                match pace.turns().take("example.org", now) {
                    Ok(()) => left.push(now),
                    Err(at) => {
                        prop_assert!(at > now && at.since(now) <= MINUTE);
                        prop_assert_eq!(pace.turns().take("example.org", at), Ok(()));
                        left.push(at);
                        now = at;
                    }
                }
            }
            for (place, at) in left.iter().enumerate() {
                let within = left[place..].iter().take_while(|later| later.since(*at) < MINUTE).count();
                prop_assert!(within <= 2 * count as usize);
            }
        }
    }
}
