//! A clock that can be set right.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::SystemClock;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ports::{Clock, LedgerError};
use crate::scan::time::recall;

/// The machine's clock less what it is ahead of the time. Clones are set right together.
#[derive(Clone, Debug)]
pub struct SteadyClock<C> {
    machine: C,
    ahead: Arc<AtomicI64>,
}

/// The time as the daemon over this ledger has it, as far as the ledger tells: for what is written beside it.
///
/// # Errors
/// Where the ledger can't be read.
pub async fn time_by(ledger: &Ledger) -> Result<Timestamp, LedgerError> {
    let clock = SteadyClock::over(SystemClock);
    recall(ledger, &clock).await?;
    Ok(clock.now())
}

impl<C> SteadyClock<C> {
    /// Goes by the machine, until it is told otherwise.
    pub fn over(machine: C) -> Self {
        Self { machine, ahead: Arc::default() }
    }
}

impl<C: Clock> Clock for SteadyClock<C> {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed);
        Timestamp::from_millis(self.machine.now().as_millis().saturating_sub(ahead))
    }

    fn shown(&self) -> Timestamp {
        self.machine.now()
    }

    fn set_right(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::clock::VirtualClock;
    use crate::domain::time::hours;

    #[test]
    fn it_shows_the_time_however_wrong_the_machine_is() {
        let start = Timestamp::from_secs(1_790_000_000);
        let clock = SteadyClock::over(VirtualClock::starting_at(start + hours(5)));
        let hand = clock.clone();
        clock.set_right(5 * 3_600_000);
        assert_eq!((hand.now(), hand.shown()), (start, start + hours(5)));
        clock.set_right(0);
        assert_eq!(hand.now(), start + hours(5));
    }
}
