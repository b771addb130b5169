//! A clock that stands still until it is told to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::time::Timestamp;
use crate::ports::Clock;

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
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
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
}
