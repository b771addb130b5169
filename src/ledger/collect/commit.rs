//! The write of one chunk, and the end of one snapshot.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::belief::{Belief, Liveness};
use crate::domain::ids::{AccountId, CredentialId, PersonId, UseId};
use crate::domain::liveness::{asked_elsewhere, presented_again};
use crate::domain::time::Timestamp;
use crate::ports::collect::{CollectChunk, Mark, Placed, SnapshotEnd};
use crate::ports::{Event, LedgerError};

use super::super::packed::{Flag, pack};
use super::super::session::Session;
use super::super::sql::Sql;
use super::super::{Ledger, due, escrow, judge, turn};
use super::statements as sql;

/// Writes all of `chunk` in one transaction. The order is that of the references between the rows; uses end before
/// others begin, so that no connection ever has two open ones.
pub(super) async fn commit(ledger: &Ledger, chunk: &CollectChunk) -> Result<(), LedgerError> {
    let mut tx = ledger.write("write a chunk of the inventory").await?;
    write(&mut tx, chunk).await?;
    tx.commit().await
}

/// All of `chunk`, within a transaction.
pub(in crate::ledger) async fn write(tx: &mut Session, chunk: &CollectChunk) -> Result<(), LedgerError> {
    let now = chunk.now.ok_or_else(|| LedgerError::Inconsistent {
        table: "chunk",
        row: "now".to_owned(),
        what: "a chunk must say when it was read".to_owned(),
    })?;
    turn::take(tx, chunk.turn).await?;
    each(tx, &sql::ACCOUNTS, &chunk.accounts, now).await?;
    write_people(tx, chunk, now).await?;
    write_credentials(tx, chunk, now).await?;
    each(tx, &sql::CONNECTIONS, &chunk.connections, now).await?;
    write_uses(tx, chunk, now).await?;
    each(tx, &sql::ABSENT, &chunk.absent, now).await?;
    each(tx, &sql::PRESENT, &chunk.present, now).await?;
    each(tx, &sql::GONE, &chunk.gone, now).await?;
    tx.log(&chunk.events).await
}

/// Ends the reading of a source.
pub(super) async fn commit_snapshot(ledger: &Ledger, end: &SnapshotEnd) -> Result<(), LedgerError> {
    #[derive(Serialize)]
    struct Quarantine<'a> {
        row: u64,
        field: &'a str,
        reason: &'a str,
    }
    let only_changes = end.changes.only;
    let rows: Vec<_> =
        end.quarantined.iter().map(|q| Quarantine { row: q.row, field: &q.field, reason: &q.reason }).collect();
    let mut tx = ledger.write("end the reading of a source").await?;
    // Whoever was never synchronised may be idle, and an account of which nobody was told may have no owner.
    let syncs_are_news = end.told_of_syncs && tx.number(&sql::SYNCS_ARE_NEWS, [end.source.0.into()]).await? > 0;
    let people_are_news = end.people_complete && tx.number(&sql::PEOPLE_ARE_NEWS, [end.source.0.into()]).await? > 0;
    if syncs_are_news || people_are_news {
        tx.run(&judge::ALL_DIRTY, []).await?;
    }
    note_unsure(&mut tx, end).await?;
    if only_changes {
        note_changes(&mut tx, end).await?;
    } else {
        note_whole(&mut tx, end).await?;
        if !is_unread(end) {
            tx.run(&sql::NO_QUARANTINE, [end.source.0.into()]).await?;
        }
    }
    tx.run(&sql::QUARANTINE, [end.source.0.into(), pack(&rows)?.into()]).await?;
    tx.commit().await
}

/// Notes of which accounts nobody can say whom they have. That flips what is known of all their connections.
async fn note_unsure(tx: &mut Session, end: &SnapshotEnd) -> Result<(), LedgerError> {
    let Some(unsure) = &end.unsure_accounts else { return Ok(()) };
    let flipped: Vec<AccountId> =
        tx.rows("account", &sql::SURE_OTHERWISE, [end.source.0.into(), pack(unsure)?.into()]).await?;
    if flipped.is_empty() {
        return Ok(());
    }
    tx.run(&sql::FLIP_UNSURE, [pack(&flipped)?.into()]).await?;
    due::by_account(tx, &flipped, end.now).await
}

/// Whether the source could not be read at all: what is wrong with its rows is then what it was.
const fn is_unread(end: &SnapshotEnd) -> bool {
    end.error.is_some() && end.rows == 0
}

async fn note_whole(tx: &mut Session, end: &SnapshotEnd) -> Result<(), LedgerError> {
    let (set, from, basis) = mark(end);
    let state = [
        end.source.0.into(),
        end.complete.then_some(end.started_at).into(),
        end.people_complete.then_some(end.started_at).into(),
        end.now.into(),
        count(end.rows).into(),
        end.error.as_deref().into(),
        count(end.quarantined_count).into(),
        end.held_back.map(count).into(),
        end.held_back_people.map(count).into(),
        pack(&end.remarks)?.into(),
        i64::from(end.told_of_syncs).into(),
        i64::from(set).into(),
        from.into(),
        basis.into(),
        end.complete.then_some(end.taken).into(),
        i64::from(is_unread(end)).into(),
        end.through.then_some(end.started_at).into(),
    ];
    tx.run(&sql::SNAPSHOT, state).await?;
    Ok(())
}

async fn note_changes(tx: &mut Session, end: &SnapshotEnd) -> Result<(), LedgerError> {
    let (set, from, basis) = mark(end);
    let state = [
        end.source.0.into(),
        end.error.is_none().then_some(end.started_at).into(),
        end.people_complete.then_some(end.started_at).into(),
        end.now.into(),
        end.error.as_deref().into(),
        count(end.quarantined_count).into(),
        i64::from(end.told_of_syncs).into(),
        i64::from(set).into(),
        from.into(),
        basis.into(),
    ];
    tx.run(&sql::CHANGES, state).await?;
    Ok(())
}

/// Whether the mark for readings of changes is set anew, and to what.
fn mark(end: &SnapshotEnd) -> (bool, Option<Timestamp>, Option<&str>) {
    match &end.changes.mark {
        Mark::Stays => (false, None, None),
        Mark::Here(basis) => (true, Some(end.started_at), Some(basis)),
        Mark::Gone => (true, None, None),
    }
}

async fn write_people(tx: &mut Session, chunk: &CollectChunk, now: Timestamp) -> Result<(), LedgerError> {
    each(tx, &sql::PEOPLE, &chunk.people, now).await?;
    each(tx, &sql::PEOPLE_ABSENT, &chunk.people_absent, now).await?;
    each(tx, &sql::PEOPLE_PRESENT, &chunk.people_present, now).await?;
    each(tx, &sql::PEOPLE_GONE, &chunk.people_gone, now).await?;
    let mut accounts: BTreeSet<AccountId> = chunk.people.iter().map(|person| person.account).collect();
    if !chunk.people_gone.is_empty() {
        let gone: Vec<PersonId> = chunk.people_gone.iter().map(|(id, _)| *id).collect();
        accounts.extend(due::accounts_of(tx, &gone).await?);
    }
    due::by_account(tx, &Vec::from_iter(accounts), now).await
}

async fn write_credentials(tx: &mut Session, chunk: &CollectChunk, now: Timestamp) -> Result<(), LedgerError> {
    each(tx, &sql::CREDENTIALS, &chunk.credentials, now).await?;
    let sealed = chunk.credentials.iter().filter_map(|new| new.sealed.as_deref().map(|sealed| (new.id, sealed)));
    escrow::insert(tx, &Vec::from_iter(sealed)).await?;
    each(tx, &sql::OLDER, &chunk.older, now).await?;
    escrow::renew(tx, &chunk.resealed).await?;
    let resealed: Vec<CredentialId> = chunk.resealed.iter().map(|(id, _)| *id).collect();
    write_returns(tx, &resealed, now).await?;
    // Age and belief are facts of every connection that shares the credential.
    let moved = write_places(tx, &chunk.placed, now).await?;
    tx.log(&moved).await?;
    let placed = chunk.placed.iter().map(|placed| placed.id);
    let changed: BTreeSet<CredentialId> =
        chunk.older.iter().map(|older| older.id).chain(resealed).chain(placed).collect();
    due::by_credential(tx, &Vec::from_iter(changed), now).await
}

/// What is shown again after its copy was destroyed is asked at once, and what is still known of it counts.
async fn write_returns(tx: &mut Session, resealed: &[CredentialId], now: Timestamp) -> Result<(), LedgerError> {
    if resealed.is_empty() {
        return Ok(());
    }
    let known: Vec<(CredentialId, Belief)> = tx.rows("credential", &sql::BELIEFS, [pack(resealed)?.into()]).await?;
    let again = known.iter().map(|(id, belief)| {
        let belief = presented_again(belief);
        Ok((*id, belief.liveness, pack(&belief)?))
    });
    let again: Vec<_> = again.collect::<Result<_, LedgerError>>()?;
    each(tx, &sql::RESEALED, &again, now).await
}

/// What is asked elsewhere from now on is asked at once. Returns what the log is told of those that are no suspects any more.
async fn write_places(tx: &mut Session, placed: &[Placed], now: Timestamp) -> Result<Vec<Event>, LedgerError> {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        placed: &'a Placed,
        liveness: Liveness,
        belief: String,
    }
    if placed.is_empty() {
        return Ok(Vec::new());
    }
    let last: BTreeMap<CredentialId, &Placed> = placed.iter().map(|placed| (placed.id, placed)).collect();
    let ids = Vec::from_iter(last.keys().copied());
    let known: Vec<(CredentialId, Belief)> = tx.rows("credential", &sql::BELIEFS, [pack(&ids)?.into()]).await?;
    let (mut rows, mut events) = (Vec::with_capacity(known.len()), Vec::new());
    for (id, before) in &known {
        let Some(placed) = last.get(id) else { continue };
        let belief = asked_elsewhere(before, now);
        if before.liveness != belief.liveness {
            let states = [("from", before.liveness), ("to", belief.liveness)];
            let data = states.into_iter().map(|(name, state)| (name.to_owned(), state.as_str().into())).collect();
            let (kind, subject) = ("credential.asked_elsewhere", format!("credential:{id}"));
            events.push(Event { at: now, kind, subject, data });
        }
        rows.push(Row { placed, liveness: belief.liveness, belief: pack(&belief)? });
    }
    each(tx, &sql::PLACED, &rows, now).await?;
    Ok(events)
}

async fn write_uses(tx: &mut Session, chunk: &CollectChunk, now: Timestamp) -> Result<(), LedgerError> {
    let pairs = touched_pairs(tx, chunk).await?;
    let before = summaries(tx, &pairs).await?;
    each(tx, &sql::ENDED, &chunk.ended, now).await?;
    each(tx, &sql::BEGUN, &chunk.begun, now).await?;
    each(tx, &sql::TOLD, &chunk.told, now).await?;
    each(tx, &sql::IDENTIFIED, &chunk.identified, now).await?;
    let after = summaries(tx, &pairs).await?;
    let flipped: BTreeSet<CredentialId> =
        after.iter().filter(|(pair, summary)| before.get(*pair) != Some(*summary)).map(|(pair, _)| pair.0).collect();
    due::by_credential(tx, &Vec::from_iter(flipped), now).await?;

    let recounted: BTreeSet<CredentialId> = (chunk.ended.iter().map(|end| end.credential))
        .chain(chunk.begun.iter().map(|new| new.credential))
        .chain(chunk.resealed.iter().map(|(id, _)| *id))
        .collect();
    each(tx, &sql::RECOUNT, &Vec::from_iter(recounted), now).await
}

/// A known credential within one account where a use of it begins or ends.
type Pair = (CredentialId, AccountId);

/// What a neighbour may know of a credential within an account.
#[derive(Debug, PartialEq, Eq)]
struct Summary {
    /// open uses, counted to two
    open: u8,
    /// ended uses, counted to two
    ended: u8,
    /// the earliest end: whether a later use took up what had been left behind
    first_end: Option<Timestamp>,
    /// the earliest leak that the platform knows of
    compromised_at: Option<Timestamp>,
    /// whether it both synchronises and sends
    mixed: bool,
}

async fn touched_pairs(tx: &mut Session, chunk: &CollectChunk) -> Result<Vec<Pair>, LedgerError> {
    let touched: BTreeSet<CredentialId> = chunk.touched.iter().copied().collect();
    let ended = chunk.ended.iter().filter(|end| touched.contains(&end.credential)).map(|end| end.id);
    let known: Vec<UseId> = ended.chain(chunk.told.iter().map(|told| told.id)).collect();
    let mut pairs: BTreeSet<Pair> = chunk
        .begun
        .iter()
        .filter(|new| touched.contains(&new.credential))
        .map(|new| (new.credential, new.account))
        .collect();
    if !known.is_empty() {
        pairs.extend(tx.rows::<Pair>("use", &sql::PAIRS_OF_USES, [pack(&known)?.into()]).await?);
    }
    Ok(Vec::from_iter(pairs))
}

async fn summaries(tx: &mut Session, pairs: &[Pair]) -> Result<BTreeMap<Pair, Summary>, LedgerError> {
    if pairs.is_empty() {
        return Ok(BTreeMap::new());
    }
    type Row = (CredentialId, AccountId, u8, u8, Option<Timestamp>, Option<Timestamp>, Flag);
    let rows: Vec<Row> = tx.rows("use", &sql::SUMMARIES, [pack(pairs)?.into()]).await?;
    Ok(rows
        .into_iter()
        .map(|(credential, account, open, ended, first_end, compromised_at, mixed)| {
            ((credential, account), Summary { open, ended, first_end, compromised_at, mixed: mixed.0 })
        })
        .collect())
}

/// Runs `statement` over `rows`, which it finds under `$1`; `$2` is the instant, for which not each has a use. Without rows
/// there is nothing to do.
async fn each<T: Serialize>(tx: &mut Session, statement: &Sql, rows: &[T], now: Timestamp) -> Result<(), LedgerError> {
    if !rows.is_empty() {
        tx.run(statement, [pack(rows)?.into(), now.into()]).await?;
    }
    Ok(())
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
