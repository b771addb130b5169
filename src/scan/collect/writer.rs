//! What changed rows become: connections, credentials, uses and sealed copies to write.

use std::collections::HashMap;

use super::Reading;
use super::chunk::{Dates, Fresh, Known};
use super::identity::{is_replaced, stand_in};
use crate::domain::age::{self, Known as KnownAge};
use crate::domain::belief::Liveness;
use crate::domain::diff::{Begin, BeginWith, Change, is_dated};
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, SourceId, UseId};
use crate::domain::liveness::Transition;
use crate::domain::policy::Hold;
use crate::domain::record::{Auth, ConnectionRecord, RecordStatus};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::collect::{
    CollectChunk, ConnectionWrite, KnownCredential, KnownUse, NewAccount, NewCredential, NewUse, Older, Placed,
    Reserved, UseEnd,
};
use crate::ports::{Event, LedgerError, Vault};
use crate::scan::facts;

/// Turns changes into one chunk of writes.
pub(super) struct Writer<'r, 'a, L, V> {
    reading: &'r mut Reading<'a, L, V>,
    pub(super) now: Timestamp,
    known: Known,
    reserved: Reserved,
    /// credentials that this chunk makes, by fingerprint, as indices into `chunk.credentials`
    fresh: HashMap<Fingerprint, usize>,
    pub(super) chunk: CollectChunk,
}

impl<'r, 'a, L, V: Vault> Writer<'r, 'a, L, V> {
    pub(super) fn new(
        reading: &'r mut Reading<'a, L, V>,
        now: Timestamp,
        known: Known,
        reserved: Reserved,
        chunk: CollectChunk,
    ) -> Self {
        Self { reading, now, known, reserved, fresh: HashMap::new(), chunk }
    }

    /// Adds what one row changes.
    pub(super) fn write(&mut self, row: Fresh, change: &Change) -> Result<(), LedgerError> {
        if change.stale {
            return Ok(());
        }
        let account = self.account(&row.record.account_id);
        let id = row.known.unwrap_or_else(|| self.new_connection());
        let before = row.known.and_then(|id| self.known.connections.get(&id)).cloned();
        let last = before.and_then(|known| known.last_use);
        let old = last.clone().filter(|used| used.open);
        if let (Some((until, by)), Some(open)) = (change.end_open_use, &old) {
            let ended_in = (!is_dated(&row.record, by)).then_some(self.reading.started);
            self.chunk.ended.push(UseEnd { id: open.id, credential: open.credential, until, by, ended_in });
            self.chunk.touched.push(open.credential);
            self.reading.sum.ended += 1;
            self.log_end(id, open.credential, until, by);
        }
        if let Some(begin) = &change.begin {
            let declared = self.declared(&row.record, begin.replaces_another, old.as_ref().map(|o| &o.fingerprint));
            let age = self.age(&row, (change, begin), declared, last.as_ref());
            let credential = self.credential(&row, &begin.fingerprint, age, begin.ended.is_none())?;
            let usage = UseId(self.reserved.usage);
            self.reserved.usage += 1;
            let (own_from, said) = self.told_of_new(&row, id, begin, declared, last.as_ref());
            if said.compromised_at.is_some() {
                self.log_leak(id, credential, said.compromised_at);
            }
            let used_by = row.dates.as_ref().and_then(|dates| dates.used_by.clone());
            let user = used_by.map_or(account, |external| self.account(&external));
            let first_run = self.reading.state.last_through.is_none();
            self.chunk.begun.push(NewUse {
                id: usage,
                connection: id,
                credential,
                account: user,
                since: begin.since,
                ended: begin.ended,
                begun_in: self.reading.started,
                first_run,
                own_from,
                said,
            });
        } else {
            if change.end_open_use.is_none() {
                self.still_open(&row, old.as_ref())?;
            }
            self.placed(&row, last.as_ref().map(|used| &used.fingerprint), 1);
            self.told_of_known(&row.record, id, last.as_ref());
        }
        if row.known.is_some() {
            self.reading.sum.changed += 1;
        } else {
            self.reading.sum.new += 1;
        }
        let source = (self.reading.state.id, self.reading.told_at);
        self.chunk.connections.push(connection_write(row, id, source, account, change));
        Ok(())
    }

    /// All of it, in the order of its keys.
    pub(super) fn finish(self) -> CollectChunk {
        let mut chunk = self.chunk;
        chunk.touched.sort_unstable();
        chunk.touched.dedup();
        chunk.credentials.sort_by_key(|credential| credential.id);
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
        let old = old.and_then(|fingerprint| self.known.credentials.get(fingerprint));
        let about_the_old =
            old.is_some_and(|o| replaces && o.provenance == Provenance::Declared && o.secret_since == declared);
        (!about_the_old).then_some(declared)
    }

    /// The age of the value that a use begins with. What an event tells was so at its date, whenever it arrived. What comes back
    /// with the first value that it ever showed may have had it for long; and of a value of which only more is said now, what
    /// was known of it holds.
    fn age(
        &self,
        row: &Fresh,
        (change, begin): (&Change, &Begin),
        declared: Option<Timestamp>,
        last: Option<&KnownUse>,
    ) -> KnownAge {
        let record = &row.record;
        if let Some((same, before)) = self.identified(change, begin, last) {
            return self.told_later(record, declared, same).map_or(before, |told| age::earliest(before, told));
        }
        let replaces = begin.replaces_another || (change.came_back && last.is_some_and(|used| !used.placeholder));
        let created_at = record.created_at.filter(|_| !change.came_back);
        let (replaceable, now) = (self.reading.spec.secrets_replaceable, self.now);
        let shown_at = row.dates.as_ref().and_then(|dates| dates.secret_at).unwrap_or(now);
        age::at_first_sight(declared, created_at, replaces, replaceable, shown_at, now)
    }

    /// The use whose value this one goes on with, now that more is said of it, and what was known of its age.
    fn identified<'u>(
        &self,
        change: &Change,
        begin: &Begin,
        last: Option<&'u KnownUse>,
    ) -> Option<(&'u KnownUse, KnownAge)> {
        let is_identified = change.end_open_use.is_some_and(|(_, by)| by == EndedBy::Identified);
        let is_stand_in = begin.fingerprint == BeginWith::Placeholder;
        let same = last.filter(|used| is_identified && used.placeholder == is_stand_in)?;
        let known = self.known.credentials.get(&same.fingerprint)?;
        Some((same, KnownAge { since: known.secret_since, provenance: known.provenance }))
    }

    /// What a row tells of the age of the value that it goes on to show.
    fn told_later(&self, record: &ConnectionRecord, declared: Option<Timestamp>, used: &KnownUse) -> Option<KnownAge> {
        // What took another's place is no older for being told more of, or shown in another account.
        let is_first = used.is_first && used.own_from.is_none();
        age::told_later(declared, record.created_at, is_first, self.reading.spec.secrets_replaceable)
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
            BeginWith::Placeholder => (self.stand_in(row), true),
        };
        if let Some(index) = self.fresh.get(&fingerprint) {
            let made = &mut self.chunk.credentials[*index];
            made.region = made.region.take().filter(|region| Some(region) == row.record.region.as_ref());
            let earliest = age::earliest(KnownAge { since: made.secret_since, provenance: made.provenance }, age);
            (made.secret_since, made.provenance) = (earliest.since, earliest.provenance);
            return Ok(made.id);
        }
        if let Some(known) = self.known.credentials.get(&fingerprint).cloned() {
            self.chunk.touched.push(known.id);
            self.aged(&known, age);
            self.placed(row, Some(&fingerprint), 0);
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

    /// What stands in for the secret of a row that shows none.
    fn stand_in(&self, row: &Fresh) -> Fingerprint {
        let last = row.known.and_then(|id| self.known.connections.get(&id)?.last_use.as_ref());
        let used = last.filter(|used| used.placeholder).and_then(|used| self.known.credentials.get(&used.fingerprint));
        let replaced = used.is_some_and(|used| is_replaced(&row.record, used));
        stand_in(self.reading, &row.record, row.record.secret_set_at.filter(|_| replaced))
    }

    /// Where the key that a row shows is asked, as the row says now. Uses that differ in it leave its region open, so that it is
    /// asked in each: a region is no part of what a key is. An address is the customer's, and there is only one: what is known
    /// of it stays against the word of others. A row whose own use has ended says nothing of a key that is in use. `own` is how
    /// many of the open uses are this row's, where it is open.
    fn placed(&mut self, row: &Fresh, shown: Option<&Fingerprint>, own: u8) {
        let shown = shown.filter(|shown| row.fingerprint.as_ref() == Some(shown));
        let Some(known) = shown.and_then(|fingerprint| self.known.credentials.get_mut(fingerprint)) else { return };
        let record = &row.record;
        let is_open = record.status != RecordStatus::Deleted;
        if !is_open && known.open > 0 {
            return;
        }
        let is_alone = is_open && known.open <= own;
        let region = record.region.clone().filter(|region| is_alone || known.region.as_ref() == Some(region));
        let (said, before) = (record.base_url.clone(), known.base_url.clone());
        let base_url = if is_alone { said.or(before) } else { before.or(said) };
        if (&region, &base_url) != (&known.region, &known.base_url) {
            (known.region, known.base_url) = (region.clone(), base_url.clone());
            self.chunk.placed.push(Placed { id: known.id, region, base_url });
        }
    }

    /// A use that goes on: its secret may be told to be older, or be shown again after its copy was destroyed.
    fn still_open(&mut self, row: &Fresh, open: Option<&KnownUse>) -> Result<(), LedgerError> {
        let Some(open) = open else { return Ok(()) };
        let Some(known) = self.known.credentials.get(&open.fingerprint).cloned() else { return Ok(()) };
        self.older(row, open, &known);
        if row.fingerprint.as_ref() == Some(&known.fingerprint) {
            self.reseal(&known, row)?;
        }
        Ok(())
    }

    /// What an event of the past tells of the age of the value that its connection goes on to show. It changes nothing else.
    pub(super) fn late(&mut self, row: &Fresh) {
        let last = row.known.and_then(|id| self.known.connections.get(&id)?.last_use.clone());
        let Some(open) = last.filter(|used| used.open && row.fingerprint.as_ref() == Some(&used.fingerprint)) else {
            return;
        };
        if let Some(known) = self.known.credentials.get(&open.fingerprint).cloned() {
            self.older(row, &open, &known);
        }
    }

    fn older(&mut self, row: &Fresh, open: &KnownUse, known: &KnownCredential) {
        if let Some(age) = self.told_later(&row.record, row.record.secret_set_at, open) {
            self.aged(known, age);
        }
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
            if known.shredded {
                self.log_return(known.id);
            }
        }
        Ok(())
    }

    /// Once shredded, and now shown on an open use: it is asked anew, and the log says why it is unverified again.
    fn log_return(&mut self, credential: CredentialId) {
        let transition = Transition { from: Liveness::Shredded, to: Liveness::Unverified };
        self.chunk.events.push(Event {
            at: self.now,
            kind: transition.kind(),
            subject: format!("credential:{credential}"),
            data: facts([("from", transition.from.as_str().into()), ("to", transition.to.as_str().into())]),
        });
    }

    fn sealed(&self, fingerprint: &Fingerprint, row: &Fresh, placeholder: bool) -> Result<Option<String>, LedgerError> {
        let held = self.reading.policy.hold != Hold::None && row.record.auth == Some(Auth::Key) && !placeholder;
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
    (source, told_at): (SourceId, Option<Timestamp>),
    account: AccountId,
    change: &Change,
) -> ConnectionWrite {
    let of_a_row =
        Dates { row_at: change.facts_at, secret_at: row.fingerprint.as_ref().map(|_| change.facts_at), used_by: None };
    let Dates { row_at, secret_at, .. } = row.dates.unwrap_or(of_a_row);
    let record = row.record;
    ConnectionWrite {
        id,
        source,
        external_id: record.connection_id,
        account,
        provider: record.provider,
        name: record.name,
        status: change.status,
        auth: record.auth.unwrap_or_default(),
        created_at: record.created_at,
        deleted_at: record.deleted_at,
        facts_at: change.facts_at,
        own_date: change.own_date,
        row_at,
        secret_at,
        told_at,
        last_sync_at: record.last_sync_at,
        created_by: record.created_by,
        running_jobs: record.running_jobs,
        used_for: record.used_for,
        tags: record.tags,
        digest: row.digest,
    }
}
