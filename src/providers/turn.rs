//! Whose turn it is: how many questions are under way at once, and how soon one follows another.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

/// One provider's turns over one protocol.
pub(super) struct Turns {
    in_flight: Semaphore,
    pace: Option<DefaultDirectRateLimiter>,
}

impl Turns {
    /// At most `in_flight` at once (at least one), and so many in so long; `None` for as fast as it goes.
    pub(super) fn new(in_flight: usize, pace: Option<(u32, Duration)>) -> Self {
        Self { in_flight: Semaphore::new(in_flight.max(1)), pace: pace.and_then(quota).map(RateLimiter::direct) }
    }

    /// Waits for a turn, which lasts until the permit is dropped.
    pub(super) async fn take(&self) -> Option<SemaphorePermit<'_>> {
        // A closed semaphore is never made; were it, nobody would be asked.
        let permit = self.in_flight.acquire().await.ok()?;
        if let Some(pace) = &self.pace {
            pace.until_ready().await;
        }
        Some(permit)
    }
}

fn quota((count, per): (u32, Duration)) -> Option<Quota> {
    let count = NonZeroU32::new(count)?;
    // One at a time, evenly spread: a burst at the start of each second is what limits are set against.
    Quota::with_period(per / count.get())
}
