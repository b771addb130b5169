//! A chunk of connections into the ledger: look up, compare, conclude, commit.

use std::collections::{HashMap, HashSet};

use super::Reading;
use crate::domain::age::{self, Known as KnownAge};
use crate::domain::diff::{self, BeginWith, Change, KnownConnectionView, OpenUse};
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, UseId};
use crate::domain::policy::Hold;
use crate::domain::record::{Auth, ConnectionRecord, FieldProblem, Row};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::collect::{
    CollectChunk, CollectLedger, ConnectionWrite, KnownConnection, KnownCredential, KnownRow, NewAccount,
    NewCredential, NewUse, Older, Reservation, Reserved, UseEnd,
};
use crate::ports::{Event, LedgerError, Vault};
use crate::scan::facts;

/// A row whose facts are new to the ledger.
struct Fresh {
    record: ConnectionRecord,
    digest: String,
    fingerprint: Option<Fingerprint>,
    known: Option<ConnectionId>,
}

/// Compares a chunk with what is known and commits what changed, in one transaction.
pub(super) async fn absorb<L: CollectLedger, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    rows: Vec<Row<ConnectionRecord>>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    reading.sum.rows += rows.len() as u64;
    let mut chunk = CollectChunk { now: Some(now), retention: reading.policy.retention, ..CollectChunk::default() };
    let fresh = compare(reading, rows, &mut chunk).await?;
    let known = Known::load(reading, &fresh).await?;
    let changes: Vec<Change> = fresh
        .iter()
        .map(|row| {
            let view = row.known.and_then(|id| known.connections.get(&id)).map(view);
            diff::absorb(view.as_ref(), &row.record, row.fingerprint.as_ref(), reading.started, now)
        })
        .collect();
    let reserved = reading.ledger.reserve(reservation(&fresh, &changes, &known)).await?;
    let mut writer = Writer { reading, now, known, reserved, fresh: HashMap::new(), chunk };
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

/// Sorts out bad, double and unchanged rows; what is left has news.
async fn compare<L: CollectLedger, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    rows: Vec<Row<ConnectionRecord>>,
    chunk: &mut CollectChunk,
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
        // Every row counts as present, a bad one too.
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
            Ok(record) if !(reading.policy.knows)(&record.provider) => {
                let problem = unknown_provider(&record);
                reading.quarantine(row.row, problem);
                continue;
            }
            Ok(record) => record,
        };
        let digest = digest(reading, &record);
        if let Some(before) = before {
            if before.absent_since.is_some() {
                chunk.present.push(before.id);
            }
            if before.digest == digest {
                continue;
            }
        }
        let secret = record.secret.as_ref();
        let fingerprint = secret.map(|s| reading.vault.fingerprint(&record.provider, record.key_id.as_deref(), s));
        fresh.push(Fresh { digest, fingerprint, known: before.map(|row| row.id), record });
    }
    // Appended keys cost a seventh of random ones (NUMBERS.md 3).
    fresh.sort_by(|a, b| a.record.connection_id.cmp(&b.record.connection_id));
    Ok(fresh)
}

fn twice() -> FieldProblem {
    let reason = "this id was listed before in the same snapshot; the first row counts".to_owned();
    FieldProblem { field: "connection_id".to_owned(), reason }
}

fn unknown_provider(record: &ConnectionRecord) -> FieldProblem {
    let name: String = record.provider.as_str().chars().take(40).collect();
    let reason = format!("{name:?} is not in the catalogue; `keysweep config check` lists the names");
    FieldProblem { field: "provider".to_owned(), reason }
}

/// Whether copies are held is part of the digest, so that a new choice shows every secret again.
fn digest<L, V: Vault>(reading: &Reading<'_, L, V>, record: &ConnectionRecord) -> String {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(u8::from(reading.policy.hold != Hold::None));
    diff::connection_facts(record, &mut bytes);
    let digest = reading.vault.digest(&bytes);
    zeroize::Zeroize::zeroize(&mut bytes); // it holds the secret
    digest
}

fn view(known: &KnownConnection) -> KnownConnectionView {
    KnownConnectionView {
        status: known.status,
        facts_at: known.facts_at,
        open_use: known
            .open_use
            .as_ref()
            .map(|open| OpenUse { fingerprint: open.fingerprint.clone(), placeholder: open.placeholder }),
        last_credential: known.last_credential.clone(),
    }
}

/// What the ledger knows of everything that the fresh rows name.
struct Known {
    connections: HashMap<ConnectionId, KnownConnection>,
    credentials: HashMap<Fingerprint, KnownCredential>,
    accounts: HashMap<String, AccountId>,
}

impl Known {
    async fn load<L: CollectLedger, V: Vault>(
        reading: &Reading<'_, L, V>,
        fresh: &[Fresh],
    ) -> Result<Self, LedgerError> {
        let ledger = reading.ledger;
        let ids: Vec<ConnectionId> = fresh.iter().filter_map(|row| row.known).collect();
        let connections = ledger.known_connections(&ids).await?;
        let mut fingerprints: HashSet<Fingerprint> = fresh.iter().filter_map(|row| row.fingerprint.clone()).collect();
        fingerprints.extend(fresh.iter().filter(|row| row.fingerprint.is_none()).map(|row| placeholder(reading, row)));
        fingerprints.extend(connections.iter().filter_map(|c| Some(c.open_use.as_ref()?.fingerprint.clone())));
        let mut fingerprints: Vec<Fingerprint> = fingerprints.into_iter().collect();
        fingerprints.sort();
        let credentials = ledger.known_credentials(&fingerprints).await?;
        let accounts: HashSet<&str> = fresh.iter().map(|row| row.record.account_id.as_str()).collect();
        let accounts: Vec<&str> = accounts.into_iter().collect();
        Ok(Self {
            connections: connections.into_iter().map(|c| (c.id, c)).collect(),
            credentials: credentials.into_iter().map(|c| (c.fingerprint.clone(), c)).collect(),
            accounts: ledger.known_accounts(reading.state.id, &accounts).await?.into_iter().collect(),
        })
    }
}

fn placeholder<L, V: Vault>(reading: &Reading<'_, L, V>, row: &Fresh) -> Fingerprint {
    let record = &row.record;
    reading.vault.placeholder(&reading.spec.name, &record.connection_id, record.secret_version.as_deref())
}

/// At most what the chunk can need; numbers that are not used are not missed.
fn reservation(fresh: &[Fresh], changes: &[Change], known: &Known) -> Reservation {
    let begun = changes.iter().filter(|change| change.begin.is_some()).count();
    let accounts: HashSet<&str> =
        fresh.iter().map(|r| r.record.account_id.as_str()).filter(|id| !known.accounts.contains_key(*id)).collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Reservation {
        connections: count(fresh.iter().filter(|row| row.known.is_none()).count()),
        credentials: count(begun),
        uses: count(begun),
        accounts: count(accounts.len()),
        people: 0,
    }
}

/// Turns changes into one chunk of writes.
struct Writer<'r, 'a, L, V> {
    reading: &'r mut Reading<'a, L, V>,
    now: Timestamp,
    known: Known,
    reserved: Reserved,
    /// credentials that this chunk makes, by fingerprint, as indices into `chunk.credentials`
    fresh: HashMap<Fingerprint, usize>,
    chunk: CollectChunk,
}

impl<L, V: Vault> Writer<'_, '_, L, V> {
    fn write(&mut self, row: Fresh, change: &Change) -> Result<(), LedgerError> {
        if change.stale {
            return Ok(());
        }
        let account = self.account(&row.record.account_id);
        let id = row.known.unwrap_or_else(|| self.new_connection());
        let before = row.known.and_then(|id| self.known.connections.get(&id)).cloned();
        let old = before.as_ref().and_then(|known| known.open_use.clone());
        if let (Some((until, by)), Some(open)) = (change.end_open_use, &old) {
            self.chunk.ended.push(UseEnd { id: open.id, credential: open.credential, until, by });
            self.chunk.touched.push(open.credential);
            self.reading.sum.ended += 1;
            self.log_end(id, open.credential, until, by);
        }
        if let Some(begin) = &change.begin {
            let declared = self.declared(&row.record, begin.replaces_another, old.as_ref().map(|o| &o.fingerprint));
            let age = age::at_first_sight(
                declared,
                row.record.created_at,
                begin.replaces_another || change.came_back,
                self.reading.spec.secrets_replaceable,
                self.now,
            );
            let credential = self.credential(&row, &begin.fingerprint, age, begin.ended.is_none())?;
            let usage = UseId(self.reserved.usage);
            self.reserved.usage += 1;
            let first_run = self.reading.state.last_complete.is_none();
            self.chunk.begun.push(NewUse {
                id: usage,
                connection: id,
                credential,
                account,
                since: begin.since,
                ended: begin.ended,
                first_run,
            });
        } else if change.end_open_use.is_none() {
            self.still_open(&row, old.as_ref().map(|open| &open.fingerprint))?;
        }
        if row.known.is_some() {
            self.reading.sum.changed += 1;
        } else {
            self.reading.sum.new += 1;
        }
        let source = self.reading.state.id;
        self.chunk.connections.push(connection_write(row, id, source, account, change));
        Ok(())
    }

    fn finish(self) -> CollectChunk {
        let mut chunk = self.chunk;
        chunk.touched.sort_unstable();
        chunk.touched.dedup();
        chunk.credentials.sort_by(|a, b| a.id.cmp(&b.id));
        chunk
    }

    fn account(&mut self, external: &str) -> AccountId {
        if let Some(id) = self.known.accounts.get(external) {
            return *id;
        }
        let id = AccountId(self.reserved.account);
        self.reserved.account += 1;
        self.known.accounts.insert(external.to_owned(), id);
        self.chunk.accounts.push(NewAccount { id, source: self.reading.state.id, external_id: external.to_owned() });
        id
    }

    fn new_connection(&mut self) -> ConnectionId {
        let id = ConnectionId(self.reserved.connection);
        self.reserved.connection += 1;
        self.reading.seen.insert(id.0);
        id
    }

    /// The declared date of this value. A date that the ledger already holds for the value that was replaced is
    /// about that one: the platform has not moved it.
    fn declared(&self, record: &ConnectionRecord, replaces: bool, old: Option<&Fingerprint>) -> Option<Timestamp> {
        let declared = record.secret_set_at?;
        let old = self.known.credentials.get(old?);
        let about_the_old =
            old.is_some_and(|o| replaces && o.provenance == Provenance::Declared && o.secret_since == declared);
        (!about_the_old).then_some(declared)
    }

    /// The credential that a use begins with: known, made earlier in this chunk, or made now.
    fn credential(
        &mut self,
        row: &Fresh,
        with: &BeginWith,
        age: KnownAge,
        open: bool,
    ) -> Result<CredentialId, LedgerError> {
        let (fingerprint, is_placeholder) = match with {
            BeginWith::Secret(fingerprint) => (fingerprint.clone(), false),
            BeginWith::Placeholder => (placeholder(self.reading, row), true),
        };
        if let Some(index) = self.fresh.get(&fingerprint) {
            let made = &mut self.chunk.credentials[*index];
            let earliest = age::earliest(KnownAge { since: made.secret_since, provenance: made.provenance }, age);
            (made.secret_since, made.provenance) = (earliest.since, earliest.provenance);
            return Ok(made.id);
        }
        if let Some(known) = self.known.credentials.get(&fingerprint).cloned() {
            self.chunk.touched.push(known.id);
            self.aged(&known, age);
            if open {
                self.reseal(&known, row)?;
            }
            return Ok(known.id);
        }
        let id = CredentialId(self.reserved.credential);
        self.reserved.credential += 1;
        let sealed = self.sealed(&fingerprint, row, is_placeholder)?;
        self.fresh.insert(fingerprint.clone(), self.chunk.credentials.len());
        let record = &row.record;
        self.chunk.credentials.push(NewCredential {
            id,
            fingerprint,
            source: self.reading.state.id,
            provider: record.provider.clone(),
            key_id: record.key_id.clone(),
            region: record.region.clone(),
            base_url: record.base_url.clone(),
            placeholder: is_placeholder,
            sealed,
            secret_since: age.since,
            provenance: age.provenance,
        });
        Ok(id)
    }

    /// A use that goes on: its secret may have been declared older, or be shown again after its copy was destroyed.
    fn still_open(&mut self, row: &Fresh, open: Option<&Fingerprint>) -> Result<(), LedgerError> {
        let Some(known) = open.and_then(|fingerprint| self.known.credentials.get(fingerprint)).cloned() else {
            return Ok(());
        };
        if let Some(declared) = row.record.secret_set_at {
            self.aged(&known, KnownAge { since: declared, provenance: Provenance::Declared });
        }
        if row.fingerprint.as_ref() == Some(&known.fingerprint) {
            self.reseal(&known, row)?;
        }
        Ok(())
    }

    fn aged(&mut self, known: &KnownCredential, age: KnownAge) {
        let before = KnownAge { since: known.secret_since, provenance: known.provenance };
        let KnownAge { since, provenance } = age::earliest(before, age);
        if (since, provenance) != (known.secret_since, known.provenance) {
            self.chunk.older.push(Older { id: known.id, secret_since: since, provenance });
        }
    }

    /// Seals a copy where none is held, once in a chunk.
    fn reseal(&mut self, known: &KnownCredential, row: &Fresh) -> Result<(), LedgerError> {
        if known.held || self.chunk.resealed.iter().any(|(id, _)| *id == known.id) {
            return Ok(());
        }
        if let Some(sealed) = self.sealed(&known.fingerprint, row, false)? {
            self.chunk.resealed.push((known.id, sealed));
        }
        Ok(())
    }

    fn sealed(&self, fingerprint: &Fingerprint, row: &Fresh, placeholder: bool) -> Result<Option<String>, LedgerError> {
        let held = self.reading.policy.hold != Hold::None && row.record.auth == Auth::Key && !placeholder;
        let Some(secret) = row.record.secret.as_ref().filter(|_| held) else {
            return Ok(None);
        };
        let sealed = self.reading.vault.seal(fingerprint, secret);
        sealed.map(Some).map_err(|error| LedgerError::Database { doing: "seal a secret", source: Box::new(error) })
    }

    fn log_end(&mut self, connection: ConnectionId, credential: CredentialId, until: Timestamp, by: EndedBy) {
        let kind = if by == EndedBy::Identified { "use.identified" } else { "use.ended" };
        self.chunk.events.push(Event {
            at: self.now,
            kind,
            subject: format!("connection:{connection}"),
            data: facts([
                ("credential", credential.0.into()),
                ("until", until.to_string().into()),
                ("by", serde_json::to_value(by).unwrap_or_default()),
            ]),
        });
    }
}

fn connection_write(
    row: Fresh,
    id: ConnectionId,
    source: crate::domain::ids::SourceId,
    account: AccountId,
    change: &Change,
) -> ConnectionWrite {
    let record = row.record;
    ConnectionWrite {
        id,
        source,
        external_id: record.connection_id,
        account,
        provider: record.provider,
        name: record.name,
        status: change.status,
        auth: record.auth,
        created_at: record.created_at,
        deleted_at: record.deleted_at,
        facts_at: change.facts_at,
        last_sync_at: record.last_sync_at,
        created_by: record.created_by,
        running_jobs: record.running_jobs,
        used_for: record.used_for,
        tags: record.tags,
        digest: row.digest,
    }
}
