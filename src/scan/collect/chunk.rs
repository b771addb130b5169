//! A chunk of connections into the ledger: look up, compare, conclude, commit.

use std::collections::{HashMap, HashSet};

use super::identity;
use super::refs::{self, Named};
use super::writer::Writer;
use super::{Reading, Usual};
use crate::domain::diff::{self, Change, KnownConnectionView, OpenUse};
use crate::domain::ids::{AccountId, ConnectionId};
use crate::domain::policy::Hold;
use crate::domain::record::{Auth, ConnectionRecord, FieldProblem, Row};
use crate::domain::secret::{Fingerprint, Secret, could_be_key};
use crate::domain::time::Timestamp;
use crate::ports::collect::{CollectChunk, CollectLedger, KnownConnection, KnownCredential, KnownRow, Reservation};
use crate::ports::{LedgerError, Vault};

/// A row whose facts are new to the ledger.
pub(super) struct Fresh {
    /// its number in the snapshot
    pub(super) row: u64,
    pub(super) record: ConnectionRecord,
    /// whether its secret is only named
    pub(super) named: Named,
    pub(super) digest: String,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) known: Option<ConnectionId>,
    /// how old its facts and the word on its secret are, where that is not simply the row's date
    pub(super) dates: Option<Dates>,
}

/// The dates of an event's facts.
pub(super) struct Dates {
    /// of the facts, but for the status
    pub(super) row_at: Timestamp,
    /// of the word on the secret, where it is the event's
    pub(super) secret_at: Option<Timestamp>,
    /// whose a former secret was, where the connection may have moved since
    pub(super) used_by: Option<String>,
}

impl Fresh {
    /// The accounts that it names.
    fn accounts(&self) -> impl Iterator<Item = &str> {
        let used_by = self.dates.as_ref().and_then(|dates| dates.used_by.as_deref());
        std::iter::once(self.record.account_id.as_str()).chain(used_by)
    }

    /// Takes the secret that the row names.
    pub(super) fn take_secret<L, V: Vault>(&mut self, reading: &Reading<'_, L, V>, secret: Secret) {
        self.record.take_secret(secret);
        self.fingerprint = fingerprint(reading, &self.record);
    }
}

/// Compares a chunk with what is known and commits what changed, in one transaction.
pub(super) async fn absorb<L: CollectLedger, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    rows: Vec<Row<ConnectionRecord>>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    reading.sum.rows += rows.len() as u64;
    let mut chunk = CollectChunk { now: Some(now), ..CollectChunk::default() };
    let fresh = compare(reading, rows, &mut chunk, now).await?;
    if fresh.is_empty() && is_empty(&chunk) {
        return Ok(()); // as nearly always: nothing further is asked of the ledger
    }
    // Only now: the secrets that rows name may be far away, and nobody is to wait for them.
    let turn = reading.ledger.turn().await?;
    chunk.turn = Some(turn.number);
    let fresh = met_anew(reading, fresh).await?;
    let known = Known::load(reading, &fresh).await?;
    let changes: Vec<Change> = fresh
        .iter()
        .map(|row| {
            let view = row.known.and_then(|id| known.connections.get(&id)).map(view);
            let change = diff::absorb(view.as_ref(), &row.record, row.fingerprint.as_ref(), reading.taken, now);
            let overtaken = view.is_some_and(|view| diff::is_overtaken(&view, &row.record, reading.taken, now));
            let change = Change { stale: change.stale || overtaken, ..change };
            change.knowing(identity::value(reading, row, &known), now)
        })
        .collect();
    let reserved = reading.ledger.reserve(reservation(&fresh, &changes, &known)).await?;
    let mut writer = Writer::new(reading, now, known, reserved, chunk);
    for (row, change) in fresh.into_iter().zip(changes) {
        writer.write(row, &change)?;
    }
    let chunk = writer.finish();
    if is_empty(&chunk) {
        return Ok(());
    }
    reading.ledger.commit_collect(&chunk).await
}

fn is_empty(chunk: &CollectChunk) -> bool {
    chunk.connections.is_empty() && chunk.present.is_empty() && chunk.ended.is_empty() && chunk.resealed.is_empty()
}

/// The rows once more beside what is known now: an event may have told of one since it was looked up.
async fn met_anew<L: CollectLedger, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    fresh: Vec<Fresh>,
) -> Result<Vec<Fresh>, LedgerError> {
    if fresh.iter().all(|row| row.known.is_some()) {
        return Ok(fresh);
    }
    let unknown = fresh.iter().filter(|row| row.known.is_none());
    let ids: Vec<&str> = unknown.map(|row| row.record.connection_id.as_str()).collect();
    let found = reading.ledger.known_rows(reading.state.id, &ids).await?;
    let met: HashMap<String, ConnectionId> = found.into_iter().map(|row| (row.external_id, row.id)).collect();
    met.values().for_each(|id| _ = reading.seen.insert(id.0));
    let meet = |row: Fresh| Fresh { known: row.known.or_else(|| met.get(&row.record.connection_id).copied()), ..row };
    Ok(fresh.into_iter().map(meet).collect())
}

/// Sorts out bad, double and unchanged rows; what is left has news.
async fn compare<L: CollectLedger, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    rows: Vec<Row<ConnectionRecord>>,
    chunk: &mut CollectChunk,
    now: Timestamp,
) -> Result<Vec<Fresh>, LedgerError> {
    let known = {
        let ids: Vec<&str> = rows.iter().filter_map(|row| row.id.as_deref()).collect();
        let found = reading.ledger.known_rows(reading.state.id, &ids).await?;
        found.into_iter().map(|row| (row.external_id.clone(), row)).collect::<HashMap<String, KnownRow>>()
    };
    let mut here: HashSet<String> = HashSet::with_capacity(rows.len());
    let mut fresh = Vec::new();
    for row in rows {
        reading.dropped(row.row, row.dropped);
        let Some(id) = row.id else {
            reading.unreadable_id = true;
            if let Err(problem) = row.record {
                reading.quarantine(row.row, problem);
            }
            continue;
        };
        let before = known.get(&id);
        // Every row counts as present, a bad one too: it breaks a run of absences.
        chunk.present.extend(before.filter(|before| before.absent_since.is_some()).map(|before| before.id));
        let first = before.is_none_or(|row| reading.seen.insert(row.id.0)) && here.insert(id);
        let record = match row.record {
            Err(problem) => {
                reading.quarantine(row.row, problem);
                continue;
            }
            Ok(_) if !first => {
                reading.quarantine(row.row, twice());
                continue;
            }
            Ok(record) => record,
        };
        let Some(usual) = (reading.policy.connects_by)(&record.provider) else {
            let problem = unknown_provider(&record);
            reading.quarantine(row.row, problem);
            continue;
        };
        let record = settled(record, usual);
        reading.told_of_syncs |= record.last_sync_at.is_some();
        let named = refs::named(reading, &record, now);
        let digest = digest(reading, &record, named);
        if before.is_some_and(|before| before.digest == digest) {
            continue;
        }
        let (fingerprint, known) = (fingerprint(reading, &record), before.map(|row| row.id));
        fresh.push(Fresh { row: row.row, digest, fingerprint, known, named, record, dates: None });
    }
    let mut fresh = refs::follow(reading, fresh, &known).await;
    // Appended keys cost a seventh of random ones (NUMBERS.md 3).
    fresh.sort_by(|a, b| a.record.connection_id.cmp(&b.record.connection_id));
    Ok(fresh)
}

pub(super) fn fingerprint<L, V: Vault>(reading: &Reading<'_, L, V>, record: &ConnectionRecord) -> Option<Fingerprint> {
    let secret = record.secret.as_ref()?;
    Some(reading.vault.fingerprint(&record.provider, record.key_id.as_deref(), secret))
}

/// The record with its way of authenticating, and without a public half where there are none: else the same key would be another
/// one in a row that names it and in one that doesn't. A permission's tokens come and go by themselves, and are neither compared
/// nor held: what the connection uses is the permission, which has no secret of its own.
pub(super) fn settled(mut record: ConnectionRecord, usual: Usual) -> ConnectionRecord {
    let auth = *record.auth.get_or_insert(usual.auth);
    if !usual.has_key_id {
        record.key_id = None;
    }
    if auth == Auth::Oauth {
        record.secret = None;
    }
    record
}

fn twice() -> FieldProblem {
    let reason = "this id was listed before in the same snapshot; the first row counts".to_owned();
    FieldProblem { field: "connection_id".to_owned(), reason }
}

pub(super) fn unknown_provider(record: &ConnectionRecord) -> FieldProblem {
    let name: String = record.provider.as_str().chars().take(40).collect();
    let name = if could_be_key(record.provider.as_str()) {
        "what could be a key (not shown)".to_owned()
    } else {
        format!("{name:?}")
    };
    let reason = format!("{name} is not in the catalogue; `keysweep config check` lists the names");
    FieldProblem { field: "provider".to_owned(), reason }
}

/// Whether copies are held is part of the digest, so that a new choice shows every secret again; and whether secrets can be
/// replaced in place, by which the same dates say something else of their age.
pub(super) fn digest<L, V: Vault>(reading: &Reading<'_, L, V>, record: &ConnectionRecord, named: Named) -> String {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(u8::from(reading.policy.hold != Hold::None) | u8::from(reading.spec.secrets_replaceable) << 1);
    diff::connection_facts(record, reading.policy.watched, &mut bytes);
    bytes.extend(named.bytes());
    let digest = reading.vault.digest(&bytes);
    zeroize::Zeroize::zeroize(&mut bytes); // it holds the secret
    digest
}

pub(super) fn view(known: &KnownConnection) -> KnownConnectionView {
    KnownConnectionView {
        status: known.status,
        facts_at: known.facts_at,
        own_date: known.own_date,
        row_at: known.row_at,
        secret_at: known.secret_at,
        told_at: known.told_at,
        gone_at: known.absent_since.filter(|_| !known.status.is_open()),
        open_use: known.open_use().map(|open| OpenUse {
            fingerprint: open.fingerprint.clone(),
            placeholder: open.placeholder,
            account: open.account.clone(),
        }),
        last_credential: known.last_use.as_ref().map(|used| used.fingerprint.clone()),
    }
}

/// What the ledger knows of everything that the fresh rows name.
pub(super) struct Known {
    pub(super) connections: HashMap<ConnectionId, KnownConnection>,
    pub(super) credentials: HashMap<Fingerprint, KnownCredential>,
    pub(super) accounts: HashMap<String, AccountId>,
}

impl Known {
    pub(super) async fn load<L: CollectLedger, V: Vault>(
        reading: &Reading<'_, L, V>,
        fresh: &[Fresh],
    ) -> Result<Self, LedgerError> {
        let ledger = reading.ledger;
        let ids: Vec<ConnectionId> = fresh.iter().filter_map(|row| row.known).collect();
        let connections = ledger.known_connections(&ids).await?;
        let mut fingerprints: HashSet<Fingerprint> = fresh.iter().filter_map(|row| row.fingerprint.clone()).collect();
        let unshown = fresh.iter().filter(|row| row.fingerprint.is_none());
        fingerprints.extend(unshown.flat_map(|row| identity::stand_ins(reading, &row.record)));
        fingerprints.extend(connections.iter().filter_map(|c| Some(c.open_use()?.fingerprint.clone())));
        let mut fingerprints: Vec<Fingerprint> = fingerprints.into_iter().collect();
        fingerprints.sort();
        let credentials = ledger.known_credentials(&fingerprints).await?;
        let accounts: HashSet<&str> = fresh.iter().flat_map(Fresh::accounts).collect();
        let accounts: Vec<&str> = accounts.into_iter().collect();
        Ok(Self {
            connections: connections.into_iter().map(|c| (c.id, c)).collect(),
            credentials: credentials.into_iter().map(|c| (c.fingerprint.clone(), c)).collect(),
            accounts: ledger.known_accounts(reading.state.id, &accounts).await?.into_iter().collect(),
        })
    }
}

/// At most what the chunk can need; numbers that are not used are not missed.
pub(super) fn reservation(fresh: &[Fresh], changes: &[Change], known: &Known) -> Reservation {
    let begun = changes.iter().filter(|change| change.begin.is_some()).count();
    let accounts: HashSet<&str> =
        fresh.iter().flat_map(Fresh::accounts).filter(|id| !known.accounts.contains_key(*id)).collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Reservation {
        connections: count(fresh.iter().filter(|row| row.known.is_none()).count()),
        credentials: count(begun),
        uses: count(begun),
        accounts: count(accounts.len()),
        people: 0,
    }
}
