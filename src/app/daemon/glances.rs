//! What is shown of the estate while a job is under way: a first scan may take a day, and nobody is to look at an empty
//! estate meanwhile.

use std::pin::pin;
use std::time::Duration;

use crate::ports::{LedgerError, Timer};

/// How often somebody who looks sees something new.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// A look that takes longer is left: it holds a moment of the ledger, which can't tidy up behind it.
const AT_MOST: Duration = Duration::from_secs(2 * 60);

/// Does a piece of work to its end, and has a look at the ledger every few minutes beside it. Looks end with the work, and
/// one that fails costs the work nothing.
pub(super) async fn glancing<W: Future, G: Future<Output = Result<(), LedgerError>>>(
    work: W,
    timer: &impl Timer,
    glance: impl Fn() -> G,
) -> W::Output {
    let mut work = pin!(work);
    loop {
        let look = async {
            timer.sleep(EVERY).await;
            tokio::select! {
                biased;
                looked = glance() => if let Err(error) = looked {
                    tracing::debug!(%error, "the estate could not be looked at beside a job");
                },
                () = timer.sleep(AT_MOST) => tracing::debug!("to look at the estate beside a job took too long"),
            }
        };
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = look => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::demo::clock::{VirtualClock, VirtualTimer};
    use crate::domain::time::{Timestamp, hours};
    use crate::ports::Clock;

    const START: Timestamp = Timestamp::from_secs(1_795_248_000);

    /// How often was looked during an hour, with looks that end so.
    async fn looks_in_an_hour<G: Future<Output = Result<(), LedgerError>>>(look: impl Fn() -> G) -> u32 {
        let (clock, looks) = (VirtualClock::starting_at(START), Cell::new(0));
        let timer = VirtualTimer(clock.clone());
        let work = async {
            while clock.now() < START + hours(1) {
                tokio::task::yield_now().await;
            }
        };
        let glance = || {
            looks.set(looks.get() + 1);
            look()
        };
        glancing(work, &timer, glance).await;
        looks.get()
    }

    #[tokio::test]
    async fn a_long_job_is_looked_at_every_few_minutes_whatever_becomes_of_the_looks() {
        assert_eq!(looks_in_an_hour(async || Ok(())).await, 12);
        let busy = async || Err(LedgerError::Busy("somebody holds it".to_owned()));
        assert_eq!(looks_in_an_hour(busy).await, 12, "one that fails is tried again");
        // Every seven minutes; the last is begun in the turn in which the hour ends, as above.
        assert_eq!(looks_in_an_hour(std::future::pending).await, 9, "what takes too long is left");
    }

    #[tokio::test]
    async fn a_job_that_is_over_at_once_is_not_looked_at() {
        let timer = VirtualTimer(VirtualClock::starting_at(START));
        let glance = || async { panic!("nobody is to look") };
        assert_eq!(glancing(async { 7 }, &timer, glance).await, 7);
    }
}
