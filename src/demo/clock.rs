//! A clock that stands still until it is told to go on, and waiting that takes no time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::ports::{Clock, Timer};

/// The story's time. Clones are hands of the same clock.
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<AtomicI64>);

impl VirtualClock {
    /// A clock that shows `start`.
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.as_millis())))
    }

    /// Goes on to `to`; never back.
    pub fn go_on_to(&self, to: Timestamp) {
        self.0.fetch_max(to.as_millis(), Ordering::Relaxed);
    }

    /// Is set to `to`, as somebody sets a wall clock: back as well.
    pub fn jump_to(&self, to: Timestamp) {
        self.0.store(to.as_millis(), Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Waiting that moves a [`VirtualClock`] instead of taking time.
///
/// It is meant for one waiter: two would each move the clock by their own span.
#[derive(Clone, Debug)]
pub struct VirtualTimer(pub VirtualClock);

impl Timer for VirtualTimer {
    async fn sleep(&self, span: Duration) {
        // Whoever else is awake goes first: a wait that is dropped in its favour must not have moved the clock.
        tokio::task::yield_now().await;
        // Rounded up: a wait that moves nothing would be waited for again and again.
        let millis = i64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
        self.0.0.fetch_add(millis, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::hours;

    #[test]
    fn it_goes_on_for_all_its_hands_and_never_back() {
        let start = Timestamp::from_secs(1_790_000_000);
        let clock = VirtualClock::starting_at(start);
        let hand = clock.clone();
        clock.go_on_to(start + hours(2));
        clock.go_on_to(start);
        assert_eq!(hand.now(), start + hours(2));
    }

    #[test]
    fn it_jumps_back_only_when_somebody_sets_it() {
        let start = Timestamp::from_secs(1_790_000_000);
        let clock = VirtualClock::starting_at(start);
        clock.jump_to(start - hours(1));
        assert_eq!(clock.now(), start - hours(1));
    }

    #[tokio::test]
    async fn waiting_moves_the_clock_and_takes_no_time() {
        let start = Timestamp::from_secs(1_790_000_000);
        let timer = VirtualTimer(VirtualClock::starting_at(start));
        timer.sleep(hours(24 * 365)).await;
        assert_eq!(timer.0.now(), start + hours(24 * 365));
    }
}
