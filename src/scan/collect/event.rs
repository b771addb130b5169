//! One event into the ledger, through the same comparison and the same write as a row of a reading.

use super::chunk::{self, Dates, Fresh, Known};
use super::identity;
use super::people;
use super::refs::Named;
use super::writer::Writer;
use super::{CollectPolicy, Reading, SourceSpec};
use crate::domain::diff;
use crate::domain::event::{EventKind, Subject};
use crate::domain::ids::ConnectionId;
use crate::domain::record::{ConnectionRecord, FieldProblem, PersonStatus, RecordStatus};
use crate::domain::time::Timestamp;
use crate::ports::collect::{CollectChunk, CollectLedger, KnownUse, Reserved, SourceState};
use crate::ports::events::{Delivery, EventLedger, NotTaken, Taken, Tidings, UsedValue};
use crate::ports::{LedgerError, Vault};

/// Everything that telling one event takes.
pub struct EventTools<'a, L, V> {
    /// where it goes
    pub ledger: &'a L,
    /// makes fingerprints and sealed copies
    pub vault: &'a V,
    /// the source that it is about
    pub spec: &'a SourceSpec,
    /// what holds for every source
    pub policy: &'a CollectPolicy<'a>,
    /// the present instant
    pub now: Timestamp,
}

type Outcome = Result<Result<Taken, NotTaken>, LedgerError>;

/// Takes one event. It is in the ledger when this resolves, or nothing of it is.
///
/// # Errors
/// Where the ledger fails. What is wrong with the event itself is the inner error.
pub async fn tell<L, V>(tools: &EventTools<'_, L, V>, message_id: &str, tidings: impl Tidings) -> Outcome
where
    L: CollectLedger + EventLedger,
    V: Vault,
{
    let EventTools { ledger, now, .. } = *tools;
    let state = ledger.source(&tools.spec.name, now).await?;
    if ledger.has_taken(state.id, message_id).await? {
        return Ok(Ok(Taken::Repeated));
    }
    let (account, id) = match tidings.ids() {
        Ok(ids) => ids,
        Err(problem) => return Ok(Err(NotTaken::Unfit(problem))),
    };
    let turn = ledger.turn().await?;
    let message_id = message_id.to_owned();
    let delivery = Delivery { source: state.id, message_id, now, told_of_syncs: false, compromised: None };
    let chunk = CollectChunk { now: Some(now), turn: Some(turn.number), ..CollectChunk::default() };
    let telling = Telling { tools, reading: reading(tools, &state, tidings.at()), chunk, delivery };
    match (tidings.kind(), tidings.kind().subject()) {
        (EventKind::CredentialCompromised, _) => telling.leak(&id, tidings).await,
        (_, Subject::Connection) => telling.connection(&id, tidings).await,
        (_, Subject::Member) => telling.person(&account, &id, tidings).await,
    }
}

/// A reading of nothing but this. What is told by an event happens now, so nothing of it is history from before the first
/// reading.
fn reading<'a, L, V>(tools: &EventTools<'a, L, V>, state: &SourceState, at: Timestamp) -> Reading<'a, L, V> {
    let state = SourceState {
        last_complete: state.last_complete.or(Some(tools.now)),
        last_through: state.last_through.or(Some(tools.now)),
        max_connection: 0, // nothing is looked for among the others
        max_person: 0,
        ..state.clone()
    };
    let begun = Reading::begun(tools.ledger, tools.vault, tools.spec, tools.policy, state, tools.now);
    Reading { taken: at.min(tools.now), told_at: Some(tools.now), ..begun }
}

/// An event on its way into the ledger, in its turn.
struct Telling<'t, 'a, L, V> {
    tools: &'t EventTools<'a, L, V>,
    reading: Reading<'a, L, V>,
    chunk: CollectChunk,
    delivery: Delivery,
}

impl<L: CollectLedger + EventLedger, V: Vault> Telling<'_, '_, L, V> {
    async fn connection(mut self, id: &str, tidings: impl Tidings) -> Outcome {
        let (ledger, now) = (self.tools.ledger, self.tools.now);
        let (kind, at, whole) = (tidings.kind(), tidings.at(), tidings.is_whole());
        let before = ledger.known_record(self.reading.state.id, id).await?;
        if kind.is_end() && before.is_none() && !whole {
            return Ok(Err(unknown("connection_id", "account_id and provider")));
        }
        let (record, dropped) = tidings.connection(before.as_ref(), now);
        note(kind, &dropped);
        let record = match record {
            Ok(record) => record,
            Err(problem) => return Ok(Err(NotTaken::Unfit(problem))),
        };
        let Some(usual) = (self.tools.policy.connects_by)(&record.provider) else {
            return Ok(Err(NotTaken::Unfit(chunk::unknown_provider(&record))));
        };
        let record = chunk::settled(record, usual);
        self.delivery.told_of_syncs = record.last_sync_at.is_some();
        let fresh = self.fresh(record).await?;
        let known = Known::load(&self.reading, std::slice::from_ref(&fresh)).await?;
        let told = self.compared(&fresh, &known, (!kind.is_end(), at)).await?;
        if told.is_nothing() {
            let chunk = std::mem::take(&mut self.chunk);
            let mut writer = Writer::new(&mut self.reading, self.tools.now, known, Reserved::default(), chunk);
            writer.late(&fresh);
            self.chunk = writer.finish();
            return self.commit(Taken::Late).await;
        }
        let last = fresh.known.and_then(|id| known.connections.get(&id)?.last_use.clone());
        let fresh = dated(fresh, &told, before);
        // What is written may stand in another account than what was told.
        let known = if told.late { Known::load(&self.reading, std::slice::from_ref(&fresh)).await? } else { known };
        self.write(fresh, known, &told, last).await?;
        let ended = !self.chunk.ended.is_empty() || self.chunk.begun.iter().any(|new| new.ended.is_some());
        self.commit(Taken::Done { ended }).await
    }

    async fn fresh(&self, record: ConnectionRecord) -> Result<Fresh, LedgerError> {
        let rows = self.tools.ledger.known_rows(self.reading.state.id, &[&record.connection_id]).await?;
        let fingerprint = chunk::fingerprint(&self.reading, &record);
        let digest = chunk::digest(&self.reading, &record, Named::No);
        let known = rows.first().map(|row| row.id);
        Ok(Fresh { row: 0, record, digest, fingerprint, known, named: Named::No, dates: None })
    }

    async fn compared(
        &self,
        fresh: &Fresh,
        known: &Known,
        (whole, at): (bool, Timestamp),
    ) -> Result<diff::Told, LedgerError> {
        let view = fresh.known.and_then(|id| known.connections.get(&id)).map(chunk::view);
        let used_before = match (fresh.known, &fresh.fingerprint) {
            (Some(id), Some(value)) => self.values(id).await?.iter().any(|used| used.fingerprint == *value),
            _ => false,
        };
        let fingerprint = fresh.fingerprint.as_ref();
        let told = diff::told(view.as_ref(), &fresh.record, fingerprint, (whole, used_before), at, self.tools.now);
        if told.late {
            return Ok(told);
        }
        let change = told.change.knowing(identity::value(&self.reading, fresh, known), self.tools.now);
        Ok(diff::Told { change, ..told })
    }

    async fn values(&self, id: ConnectionId) -> Result<Vec<UsedValue>, LedgerError> {
        self.tools.ledger.used_values(id).await
    }

    async fn write(
        &mut self,
        fresh: Fresh,
        known: Known,
        told: &diff::Told,
        last: Option<KnownUse>,
    ) -> Result<(), LedgerError> {
        let change = &told.change;
        let wanted = chunk::reservation(std::slice::from_ref(&fresh), std::slice::from_ref(change), &known);
        let reserved = self.tools.ledger.reserve(wanted).await?;
        // A stand-in that has ended is no second key that was left behind: this is the value that it stood for.
        let stood_in = last.filter(|used| used.placeholder && !used.open);
        let is_former = change.begin.as_ref().is_some_and(|begin| begin.ended.is_some());
        let chunk = std::mem::take(&mut self.chunk);
        let mut writer = Writer::new(&mut self.reading, self.tools.now, known, reserved, chunk);
        writer.write(fresh, change)?;
        self.chunk = writer.finish();
        self.chunk.identified.extend(stood_in.filter(|_| is_former).map(|used| used.id));
        Ok(())
    }

    /// Somebody says that others know the secret. It is noted of the value that was the connection's own then, and stays
    /// noted whatever rows say.
    async fn leak(mut self, id: &str, tidings: impl Tidings) -> Outcome {
        let rows = self.tools.ledger.known_rows(self.reading.state.id, &[id]).await?;
        let at = match tidings.compromised_at(self.tools.now) {
            Ok(at) => at,
            Err(problem) => return Ok(Err(NotTaken::Unfit(problem))),
        };
        let used = match rows.first() {
            Some(row) => self.values(row.id).await?,
            None => Vec::new(),
        };
        let Some(leaked) = UsedValue::leaked(&used, at) else {
            return Ok(Err(unknown("connection_id", "its secret with a connection.created")));
        };
        self.delivery.compromised = Some((leaked, at));
        self.commit(Taken::Done { ended: false }).await
    }

    async fn person(mut self, account: &str, member: &str, tidings: impl Tidings) -> Outcome {
        let (ledger, now, source) = (self.tools.ledger, self.tools.now, self.reading.state.id);
        let (kind, whole) = (tidings.kind(), tidings.is_whole());
        let before = ledger.known_member(source, account, member).await?;
        if kind.is_end() && before.is_none() && !whole {
            return Ok(Err(unknown("member_id", "email")));
        }
        let (record, dropped) = tidings.person(before.as_ref(), now);
        note(kind, &dropped);
        let record = match record {
            Ok(record) => record,
            Err(problem) => return Ok(Err(NotTaken::Unfit(problem))),
        };
        let known = ledger.known_people(source, &[(account, member)]).await?.pop();
        let date = self.reading.taken;
        let was_removed = before.is_some_and(|before| before.status == PersonStatus::Removed);
        let is_undone = was_removed && record.status != PersonStatus::Removed;
        let is_older = |at: Timestamp| date < at || (date == at && is_undone);
        let is_late = known.as_ref().is_some_and(|known| {
            known.facts_at.is_some_and(is_older) || (is_undone && known.absent_since.is_some_and(is_older))
        });
        if is_late {
            return self.commit(Taken::Late).await;
        }
        let digest = people::digest(&self.reading, &record);
        let fresh: Vec<people::Fresh> = vec![(known.map(|known| known.id), record, digest)];
        let mut accounts = ledger.known_accounts(source, &[account]).await?.into_iter().collect();
        let reserved = people::reserve(&self.reading, &fresh, &accounts).await?;
        people::write(&mut self.reading, &mut self.chunk, fresh, &mut accounts, reserved);
        self.commit(Taken::Done { ended: false }).await
    }

    async fn commit(self, taken: Taken) -> Outcome {
        let is_new = self.tools.ledger.commit_event(&self.chunk, &self.delivery).await?;
        Ok(Ok(if is_new { taken } else { Taken::Repeated }))
    }
}

/// The row to write. What an event of the past doesn't change stays as it is known; what it shows of a secret is its own.
fn dated(fresh: Fresh, told: &diff::Told, before: Option<ConnectionRecord>) -> Fresh {
    let is_former = told.change.begin.as_ref().is_some_and(|begin| begin.ended.is_some());
    let used_by = (told.late && is_former).then(|| fresh.record.account_id.clone());
    let dates = Some(Dates { row_at: told.row_at, secret_at: told.secret_at, used_by });
    let Some(before) = before.filter(|_| told.late) else { return Fresh { dates, ..fresh } };
    let own = fresh.record;
    let record = if told.takes_facts {
        ConnectionRecord { deleted_at: before.deleted_at, status: RecordStatus::Active, ..own }
    } else {
        ConnectionRecord {
            secret: own.secret,
            key_id: own.key_id,
            region: own.region,
            base_url: own.base_url,
            ..before
        }
    };
    // without a digest, so that the next reading is compared in any case
    Fresh { record, digest: String::new(), dates, ..fresh }
}

fn unknown(field: &str, what: &str) -> NotTaken {
    let reason = format!("is not known yet; send {what} as well, or send this again once its creation was taken");
    NotTaken::Unknown(FieldProblem { field: field.to_owned(), reason })
}

fn note(kind: EventKind, dropped: &[FieldProblem]) {
    for problem in dropped {
        tracing::warn!(event = kind.as_str(), field = problem.field, reason = problem.reason, "a fact was dropped");
    }
}
