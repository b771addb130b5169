//! COLLECT: one source's snapshot into the ledger. Writes only what changed; what is gone is judged at the end, and
//! only of a snapshot that was read whole.

mod chunk;
pub mod event;
mod extent;
mod identity;
mod people;
mod refs;
mod told;
mod writer;

use std::collections::HashSet;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::absence;
use super::seen::Seen;
use crate::domain::catalogue::Provider;
use crate::domain::diff::Watched;
use crate::domain::ids::ProviderName;
use crate::domain::policy::Hold;
use crate::domain::record::{Auth, FieldProblem, Quarantined};
use crate::domain::time::Timestamp;
use crate::ports::collect::{ChangesEnd, CollectLedger, SnapshotEnd, SourceState};
use crate::ports::refs::Refs;
use crate::ports::span::{LATER, TARGET, traced};
use crate::ports::{Clock, Extent, LedgerError, Progress, Snapshot, SourceError, Vault};

pub use self::extent::since;

/// Rows read, compared and committed together. What a scan holds grows with them: in chunks of 10,000 a scan of 50,000
/// connections peaked at 95 MiB, in chunks of 2,500 one of 100,000 at 72 MiB (`cargo bench`).
const CHUNK: usize = 1_000;
/// Quarantined rows kept by name; the rest are counted.
const QUARANTINE_SHOWN: usize = 1_000;
/// Remarks kept; a source that drops a fact in every row would else fill the ledger.
const REMARKS_SHOWN: usize = 100;

/// What the operator says of one source.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// its name
    pub name: String,
    /// the least time between the two complete snapshots that miss a row
    pub absent_after: Duration,
    /// how much of a source may be gone at once, in per cent
    pub vanish_percent: u8,
    /// whether the source says that secrets can be replaced in place, so that `created_at` says nothing of their age
    pub secrets_replaceable: bool,
}

/// What holds for every source.
pub struct CollectPolicy<'a> {
    /// how long sealed copies are held
    pub hold: Hold,
    /// how a provider's connections are made; `None` where the catalogue has no such provider
    pub connects_by: &'a (dyn Fn(&ProviderName) -> Option<Usual> + Send + Sync),
    /// the volatile facts that a rule in force reads
    pub watched: Watched,
    /// follows the references of this source's rows
    pub refs: &'a (dyn Refs + Send + Sync),
}

/// How a provider's connections are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    /// with a key or by permission, where a row doesn't say
    pub auth: Auth,
    /// true where its credentials have a public half: what a row says of one elsewhere is no part of what a key is
    pub has_key_id: bool,
}

impl Usual {
    /// As the catalogue says.
    pub const fn of(provider: &Provider) -> Self {
        Self { auth: provider.connects_by, has_key_id: provider.credential.key_id.is_some() }
    }
}

/// What reading one source brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// rows read
    pub rows: u64,
    /// connections seen for the first time
    pub new: u64,
    /// known connections whose facts changed
    pub changed: u64,
    /// uses that ended
    pub ended: u64,
    /// rows set aside
    pub quarantined: u64,
    /// false where the source failed, was cut short or changed while being read
    pub complete: bool,
    /// why it was not complete
    pub error: Option<String>,
    /// connections held back by the vanish limit
    pub held_back: u64,
    /// rows whose `secret_ref` led to no secret
    pub unfollowed: u64,
}

/// What one snapshot keeps while it is read. Bounded: a bit a row and a few lists with limits.
pub(super) struct Reading<'a, L, V> {
    pub(super) ledger: &'a L,
    pub(super) vault: &'a V,
    pub(super) spec: &'a SourceSpec,
    pub(super) policy: &'a CollectPolicy<'a>,
    pub(super) state: SourceState,
    pub(super) started: Timestamp,
    /// what the rows are no newer than, and how old those are that don't date themselves
    pub(super) taken: Timestamp,
    /// the present instant, where it is an event that is told
    pub(super) told_at: Option<Timestamp>,
    pub(super) seen: Seen,
    pub(super) seen_people: Seen,
    /// a row's id could not be read, so no row can be called absent
    pub(super) unreadable_id: bool,
    pub(super) unreadable_person: bool,
    /// accounts that list somebody whose row is bad
    pub(super) unsure_accounts: HashSet<String>,
    /// a fact of a good row was dropped
    pub(super) dropped_facts: bool,
    /// how much the snapshot lists
    pub(super) extent: Extent,
    /// a row told of a synchronisation
    pub(super) told_of_syncs: bool,
    /// a row names its secret, and the settings allow no references
    pub(super) names_in_vain: bool,
    /// references in a row whose keeper could not be asked
    pub(super) unreachable_in_a_row: AtomicU32,
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) remarks: Vec<String>,
    pub(super) sum: Collected,
}

/// Reads one snapshot into the ledger.
///
/// A source that can't be read is no error here: it is recorded, and nothing is concluded from it.
///
/// # Errors
/// Where the ledger fails; what was committed before stays.
pub async fn collect<L: CollectLedger, V: Vault, S: Snapshot>(
    ledger: &L,
    vault: &V,
    clock: &impl Clock,
    spec: &SourceSpec,
    snapshot: Result<S, SourceError>,
    policy: &CollectPolicy<'_>,
    progress: &impl Progress,
) -> Result<Collected, LedgerError> {
    let span = tracing::info_span!(
        target: TARGET,
        "collect",
        keysweep.source = spec.name,
        keysweep.rows = LATER,
        keysweep.new = LATER,
        keysweep.changed = LATER,
        keysweep.ended = LATER,
        keysweep.quarantined = LATER,
        keysweep.held_back = LATER,
        keysweep.complete = LATER,
        otel.status_code = LATER,
    );
    let work = collect_all(ledger, vault, clock, spec, snapshot, policy, progress);
    let collected = traced(span.clone(), work, |collected| {
        [
            ("keysweep.rows", collected.rows),
            ("keysweep.new", collected.new),
            ("keysweep.changed", collected.changed),
            ("keysweep.ended", collected.ended),
            ("keysweep.quarantined", collected.quarantined),
            ("keysweep.held_back", collected.held_back),
        ]
    })
    .await?;
    span.record("keysweep.complete", collected.complete);
    Ok(collected)
}

async fn collect_all<L: CollectLedger, V: Vault, S: Snapshot>(
    ledger: &L,
    vault: &V,
    clock: &impl Clock,
    spec: &SourceSpec,
    snapshot: Result<S, SourceError>,
    policy: &CollectPolicy<'_>,
    progress: &impl Progress,
) -> Result<Collected, LedgerError> {
    let started = clock.now();
    let state = ledger.source(&spec.name, started).await?;
    let taken = snapshot.as_ref().ok().and_then(Snapshot::taken_at).map_or(started, |at| at.min(started));
    let mut reading = Reading { taken, ..Reading::begun(ledger, vault, spec, policy, state, started) };
    let read = match snapshot {
        Ok(mut snapshot) => {
            reading.extent = snapshot.extent();
            progress.stage("collect", expected(&reading.extent, reading.state.last_rows));
            read(&mut reading, &mut snapshot, clock, progress).await?
        }
        Err(error) => Read { people: false, error: Some(error) },
    };
    let end = conclude(&mut reading, read, clock).await?;
    ledger.commit_snapshot(&end).await?;
    progress.done();
    Ok(reading.sum)
}

/// How many rows a reading will have, as far as that is known: about as many as the last one of everything had.
const fn expected(extent: &Extent, last_rows: u64) -> Option<u64> {
    match (extent, last_rows) {
        (Extent::Changes { .. }, _) | (_, 0) => None,
        (Extent::Whole { .. }, rows) => Some(rows),
    }
}

/// How far the reading came.
struct Read {
    /// the people were read to their end
    people: bool,
    /// what stopped the reading
    error: Option<SourceError>,
}

async fn read<L: CollectLedger, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    snapshot: &mut impl Snapshot,
    clock: &impl Clock,
    progress: &impl Progress,
) -> Result<Read, LedgerError> {
    let mut people = false;
    if snapshot.has_people() {
        loop {
            match snapshot.people(CHUNK).await {
                Err(error) => return Ok(Read { people, error: Some(error) }),
                Ok(rows) if rows.is_empty() => break,
                Ok(rows) => people::absorb(reading, rows, clock.now()).await?,
            }
        }
        people = true;
    }
    loop {
        match snapshot.connections(CHUNK).await {
            Err(error) => return Ok(Read { people, error: Some(error) }),
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => {
                let count = rows.len() as u64;
                chunk::absorb(reading, rows, clock.now()).await?;
                progress.advance(count);
            }
        }
    }
    let remarks = snapshot.remarks();
    remarks.into_iter().for_each(|remark| reading.remark(remark));
    Ok(Read { people, error: None })
}

async fn conclude<L: CollectLedger, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    read: Read,
    clock: &impl Clock,
) -> Result<SnapshotEnd, LedgerError> {
    let now = clock.now();
    let whole = read.error.is_none();
    if reading.unreadable_id {
        reading.remark("a row's connection_id can't be read: nothing counts as absent from this snapshot".to_owned());
    }
    if reading.unreadable_person {
        let remark = "whom a bad row of people is about can't be read: nobody counts as gone from this snapshot, and \
                      nobody as missing";
        reading.remark(remark.to_owned());
    }
    if reading.names_in_vain {
        let remark =
            "rows name their secrets (`secret_ref`), and this source's settings allow no references: `secret_refs`";
        reading.remark(remark.to_owned());
    }
    if reading.sum.unfollowed > 0 {
        let count = reading.sum.unfollowed;
        reading.remark(format!("rows that name a secret which could not be had: {count}; each scan tries again"));
    }
    let only_changes = matches!(reading.extent, Extent::Changes { .. });
    let through = whole && !only_changes;
    let complete = through && !reading.unreadable_id;
    let people_complete = whole && read.people && !reading.unreadable_person;
    let unsure = std::mem::take(&mut reading.unsure_accounts);
    let held_people = if people_complete { Some(absence::of_people(reading, now).await?) } else { None };
    let held_back = if complete {
        let (ended, held) = absence::of_connections(reading, now).await?;
        reading.sum.ended += ended;
        reading.sum.held_back = held;
        Some(held)
    } else {
        None
    };
    reading.sum.complete = whole;
    reading.sum.error = read.error.map(|error| error.to_string());
    Ok(SnapshotEnd {
        source: reading.state.id,
        started_at: reading.started,
        taken: reading.taken,
        now,
        rows: reading.sum.rows,
        through,
        complete,
        people_complete,
        unsure_accounts: people_complete.then(|| unsure.into_iter().collect()),
        error: reading.sum.error.clone(),
        quarantined: std::mem::take(&mut reading.quarantined),
        quarantined_count: reading.sum.quarantined,
        remarks: std::mem::take(&mut reading.remarks),
        held_back,
        held_back_people: held_people,
        told_of_syncs: reading.told_of_syncs,
        changes: ChangesEnd { only: only_changes, mark: extent::mark(reading, whole) },
    })
}

impl<'a, L, V> Reading<'a, L, V> {
    /// A reading that has read nothing yet.
    fn begun(
        ledger: &'a L,
        vault: &'a V,
        spec: &'a SourceSpec,
        policy: &'a CollectPolicy<'a>,
        state: SourceState,
        started: Timestamp,
    ) -> Self {
        Self {
            ledger,
            vault,
            spec,
            policy,
            seen: Seen::up_to(state.max_connection),
            seen_people: Seen::up_to(state.max_person),
            state,
            started,
            taken: started,
            told_at: None,
            unreadable_id: false,
            unreadable_person: false,
            unsure_accounts: HashSet::new(),
            dropped_facts: false,
            extent: Extent::Whole { basis: None },
            told_of_syncs: false,
            names_in_vain: false,
            unreachable_in_a_row: AtomicU32::default(),
            quarantined: Vec::new(),
            remarks: Vec::new(),
            sum: Collected::default(),
        }
    }
}

impl<L, V> Reading<'_, L, V> {
    /// Sets a row aside.
    pub(super) fn quarantine(&mut self, row: u64, problem: FieldProblem) {
        self.sum.quarantined += 1;
        if self.quarantined.len() < QUARANTINE_SHOWN {
            let FieldProblem { field, reason } = problem;
            self.quarantined.push(Quarantined { source: self.spec.name.clone(), row, field, reason });
        }
    }

    /// Notes a remark on the source.
    pub(super) fn remark(&mut self, remark: String) {
        if self.remarks.len() < REMARKS_SHOWN {
            self.remarks.push(remark);
        }
    }

    /// Notes facts that were dropped from a good row.
    pub(super) fn dropped(&mut self, row: u64, dropped: Vec<FieldProblem>) {
        self.dropped_facts |= !dropped.is_empty();
        for problem in dropped {
            self.remark(format!("row {row}: {}: {}", problem.field, problem.reason));
        }
    }
}
