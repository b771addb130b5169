//! Which time it is, before a run begins: what a wrong clock writes stays wrong after the clock is right again. So where
//! ours has jumped since the last run, the providers are asked for the time before anything is written.

use futures::future::join_all;

use super::pass::Pass;
use super::probe::ProbeTools;
use crate::domain::clock::{Clocks, follows};
use crate::domain::time::Timestamp;
use crate::ports::probe::{Learnt, ProbeLedger, Prober};
use crate::ports::{Clock, LedgerError};

/// Whatever is asked at all is due by then.
const SOMETIME: Timestamp = Timestamp::from_millis(i64::MAX);

/// Sets the clock right, as well as the ledger alone knows. Returns what it knows where that can't be the time, so that the
/// providers are to be asked.
///
/// # Errors
/// Where the ledger fails; then the clock is as it was.
pub async fn recall<L: ProbeLedger, C: Clock>(ledger: &L, clock: &C) -> Result<Option<Clocks>, LedgerError> {
    let clocks = ledger.clocks().await?;
    clock.set_right(clocks.ahead);
    let Some(last) = ledger.last_run().await? else { return Ok(None) };
    if follows(last, clock.now()) || clocks.is_known(clock.shown()) {
        return Ok(None);
    }
    if follows(last, clock.shown()) {
        clock.set_right(0); // the machine has been set right meanwhile
    }
    Ok(Some(clocks))
}

/// Sets the clock right, as well as the ledger and the providers know: by what was known last, and where it can't be that
/// time now, by the providers of the estate. Where none of them answers, our clock is gone by.
///
/// # Errors
/// Where the ledger fails; then the clock is as it was.
pub async fn set_clock<L, P, V, C, G>(tools: &ProbeTools<'_, L, P, V, C, G>) -> Result<(), LedgerError>
where
    L: ProbeLedger,
    P: Prober,
    C: Clock,
{
    let Some(clocks) = recall(tools.ledger, tools.clock).await? else { return Ok(()) };
    let providers = tools.ledger.due_providers(SOMETIME).await?;
    let times = providers.iter().map(async |(provider, _)| (provider, tools.prober.time(provider).await));
    let pass = Pass::new(clocks);
    for (provider, time) in join_all(times).await {
        pass.tell(tools.clock, provider, time);
    }
    let (clocks, events) = (pass.take_clocks(), pass.take_events());
    let learnt = Learnt { clocks: clocks.as_ref(), events: &events, ..Learnt::default() };
    if !learnt.is_nothing() {
        tools.ledger.commit_probes(tools.clock.now(), &learnt).await?;
    }
    Ok(())
}
