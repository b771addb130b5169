//! PROBE: what is due is asked, once per credential, and what is learnt is believed as the state machine says.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use futures::future::try_join_all;
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::mpsc;
use tracing::Span;

use super::lane::{Lane, LaneSum};
use super::pass::Pass;
use crate::domain::ids::{CredentialId, ProviderName};
use crate::domain::policy::LivenessPolicy;
use crate::domain::time::Timestamp;
use crate::ports::meter::Meter;
use crate::ports::probe::{DueCredential, ProbeLedger, Prober};
use crate::ports::span::{LATER, TARGET, stage, traced};
use crate::ports::{Clock, LedgerError, Progress, Vault};

/// Credentials read from the ledger at a time.
const PAGE: usize = 1_000;

/// What one pass over the due credentials brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probed {
    /// credentials that were asked
    pub asked: u64,
    /// answers by the contract's word
    pub accepted: u64,
    /// see `accepted`
    pub limited: u64,
    /// see `accepted`
    pub refused: u64,
    /// see `accepted`
    pub partly_refused: u64,
    /// see `accepted`
    pub unknown: u64,
    /// changes of liveness
    pub transitions: u64,
    /// changes of liveness that did not come about because the provider is blind
    pub held: u64,
    /// copies destroyed
    pub shredded: u64,
    /// credentials that were not asked and stay due: the share of their account's own quota at the provider is used up
    pub put_off: u64,
    /// those of them that were never asked yet
    pub never_asked: u64,
    /// providers with credentials of which the inventory doesn't tell where they are to be asked, or tells it wrongly, and
    /// how many
    pub nowhere: Vec<(ProviderName, u64)>,
    /// providers that were given up for this pass, with how many failures in a row
    pub given_up: Vec<(ProviderName, u32)>,
    /// the credentials that were to be asked and were not, so that they stay due; only of a pass over named ones
    pub left: Vec<CredentialId>,
}

/// Everything that a pass needs.
pub struct ProbeTools<'a, L, P, V, C, G> {
    /// where what is due stands and what is learnt goes
    pub ledger: &'a L,
    /// asks
    pub prober: &'a P,
    /// opens the copies
    pub vault: &'a V,
    /// tells the time
    pub clock: &'a C,
    /// is told how far it is
    pub progress: &'a G,
    /// counts what is done
    pub meter: &'a dyn Meter,
    /// how each provider is judged
    pub policy: &'a dyn Fn(&ProviderName) -> LivenessPolicy,
}

/// Asks everything that is due. Providers go side by side: one that is slow holds up no other.
///
/// # Errors
/// Where the ledger fails; what was committed before stays, the rest is still due.
pub async fn probe<L, P, V, C, G>(tools: &ProbeTools<'_, L, P, V, C, G>) -> Result<Probed, LedgerError>
where
    L: ProbeLedger,
    P: Prober,
    V: Vault,
    C: Clock,
    G: Progress,
{
    stage!("probe", probe_due(tools), probed => {
        "keysweep.asked": probed.asked,
        "keysweep.transitions": probed.transitions,
        "keysweep.shredded": probed.shredded,
        "keysweep.put_off": probed.put_off,
        "keysweep.given_up": probed.given_up.len() as u64,
    })
    .await
}

async fn probe_due<L, P, V, C, G>(tools: &ProbeTools<'_, L, P, V, C, G>) -> Result<Probed, LedgerError>
where
    L: ProbeLedger,
    P: Prober,
    V: Vault,
    C: Clock,
    G: Progress,
{
    let now = tools.clock.now();
    let due = tools.ledger.due_providers(now).await?;
    tools.progress.stage("probe", Some(due.iter().map(|(_, count)| count).sum()));
    let pass = &Pass::new(tools.ledger.clocks().await?);
    let lanes = due.iter().map(|(provider, _)| {
        let work = async move {
            let lane = Lane::open(tools, pass, provider).await?;
            let (sender, pages) = mpsc::channel(1);
            let (sum, ()) = futures::join!(lane.run(rows(pages)), read_ahead(tools, provider, now, sender));
            sum
        };
        traced(span_of(provider), work, counts)
    });
    let sums = try_join_all(lanes).await?;
    finish(tools, due.into_iter().map(|(provider, _)| provider).zip(sums)).await
}

/// Asks these credentials, due or not, where a copy is held: before something is said about them to people.
///
/// # Errors
/// As for [`probe`].
pub async fn probe_these<L, P, V, C, G>(
    tools: &ProbeTools<'_, L, P, V, C, G>,
    ids: &[CredentialId],
) -> Result<Probed, LedgerError>
where
    L: ProbeLedger,
    P: Prober,
    V: Vault,
    C: Clock,
    G: Progress,
{
    let credentials = tools.ledger.held_credentials(ids).await?;
    tools.progress.stage("probe", Some(credentials.len() as u64));
    let providers: BTreeSet<ProviderName> = credentials.iter().map(|c| c.provider.clone()).collect();
    let pass = &Pass::new(tools.ledger.clocks().await?);
    let lanes = providers.iter().map(|provider| {
        let mine: Vec<_> = credentials.iter().filter(|c| c.provider == *provider).cloned().map(Ok).collect();
        let work = async move { Lane::open(tools, pass, provider).await?.minding().run(stream::iter(mine)).await };
        traced(span_of(provider), work, counts)
    });
    let sums = try_join_all(lanes).await?;
    finish(tools, providers.iter().cloned().zip(sums)).await
}

/// What a trace tells of one provider. Its single probes are no spans: there may be a million.
fn span_of(provider: &ProviderName) -> Span {
    tracing::info_span!(
        target: TARGET,
        "provider",
        keysweep.provider = provider.as_str(),
        keysweep.asked = LATER,
        keysweep.accepted = LATER,
        keysweep.limited = LATER,
        keysweep.refused = LATER,
        keysweep.partly_refused = LATER,
        keysweep.unknown = LATER,
        keysweep.put_off = LATER,
        keysweep.failures_in_a_row = LATER,
        otel.status_code = LATER,
    )
}

fn counts(sum: &LaneSum) -> [(&'static str, u64); 8] {
    [
        ("keysweep.asked", sum.asked),
        ("keysweep.accepted", sum.accepted),
        ("keysweep.limited", sum.limited),
        ("keysweep.refused", sum.refused),
        ("keysweep.partly_refused", sum.partly_refused),
        ("keysweep.unknown", sum.unknown),
        ("keysweep.put_off", sum.put_off),
        ("keysweep.failures_in_a_row", sum.given_up_after.unwrap_or(0).into()),
    ]
}

async fn finish<L: ProbeLedger, P, V, C, G: Progress>(
    tools: &ProbeTools<'_, L, P, V, C, G>,
    sums: impl Iterator<Item = (ProviderName, LaneSum)>,
) -> Result<Probed, LedgerError> {
    let mut probed = Probed::default();
    for (provider, sum) in sums {
        probed.asked += sum.asked;
        probed.accepted += sum.accepted;
        probed.limited += sum.limited;
        probed.refused += sum.refused;
        probed.partly_refused += sum.partly_refused;
        probed.unknown += sum.unknown;
        probed.transitions += sum.transitions;
        probed.held += sum.held;
        probed.put_off += sum.put_off;
        probed.never_asked += sum.never_asked;
        probed.shredded += sum.shredded;
        probed.left.extend(sum.left);
        probed.nowhere.extend((sum.nowhere > 0).then(|| (provider.clone(), sum.nowhere)));
        probed.given_up.extend(sum.given_up_after.map(|failures| (provider, failures)));
    }
    // Not only after shredding: an earlier pass may have been killed, or put off, before its own.
    match tools.ledger.scrub().await {
        Err(error) if error.is_transient() => {
            tracing::warn!(%error, "what was shredded is wiped from the journal by the next scan: somebody is reading the ledger");
        }
        other => other?,
    }
    tools.progress.done();
    Ok(probed)
}

type Page = Result<Vec<DueCredential>, LedgerError>;

/// Reads what is due at one provider, page by page in the order of the ledger's numbers, and one page ahead: else the
/// questions under way run out while the next page is read.
async fn read_ahead<L: ProbeLedger, P, V, C, G: Progress>(
    tools: &ProbeTools<'_, L, P, V, C, G>,
    provider: &ProviderName,
    now: Timestamp,
    pages: mpsc::Sender<Page>,
) {
    let mut after = CredentialId(0);
    loop {
        let page = tools.ledger.due_credentials(provider, now, after, PAGE).await;
        let last = page.as_ref().ok().and_then(|page| page.last()).map(|due| due.id);
        // The lane goes away where it failed; it says why.
        if pages.send(page).await.is_err() {
            return;
        }
        match last {
            Some(last) if !tools.progress.stopping() => after = last,
            _ => return,
        }
    }
}

fn rows(pages: mpsc::Receiver<Page>) -> impl Stream<Item = Result<DueCredential, LedgerError>> {
    stream::unfold(pages, async |mut pages| pages.recv().await.map(|page| (page, pages)))
        .map(|page| stream::iter(page.map_or_else(|error| vec![Err(error)], |page| page.into_iter().map(Ok).collect())))
        .flatten()
}

/// How many questions may be under way at one provider; at least one.
pub(super) fn width(prober: &impl Prober, provider: &ProviderName) -> NonZeroUsize {
    prober.in_flight(provider).and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}
