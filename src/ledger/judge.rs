//! The ledger as JUDGE sees it: what is due, the facts that rules may see, and the findings.

pub(super) mod changes;
pub(super) mod closings;
pub(super) mod subjects;

#[cfg(test)]
mod exempt_tests;
#[cfg(test)]
mod tests;

use serde::Deserialize;

use super::packed::{pack, size};
use super::session::Session;
use super::sql::Sql;
use super::{Ledger, meta, turn};
use crate::domain::facts::Subject;
use crate::domain::finding::KnownFinding;
use crate::domain::ids::ConnectionId;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;
use crate::ports::judge::{JudgeBatch, JudgeLedger};

/// Connections that one transaction marks as due.
const SPREAD: i64 = 5000;

/// With more due connections than this, a page walks all connections in order and leaves out those that are not due: the
/// first scan finds every connection due, and sorting a million for each page would never end. With fewer, a page
/// sorts those that are due.
const MANY: i64 = 20_000;

impl JudgeLedger for Ledger {
    async fn judge_under(&self, version: &str) -> Result<(), LedgerError> {
        if self.get("judged_under").await?.as_deref() == Some(version) {
            return Ok(()); // the write lock is not for every scan
        }
        let mut tx = self.write("note under what is judged").await?;
        tx.run(&meta::SET, ["judged_under".into(), version.into()]).await?;
        tx.run(&ALL_DIRTY, []).await?;
        tx.commit().await
    }

    async fn spread_dirty(&self, now: Timestamp) -> Result<bool, LedgerError> {
        let mut tx = self.write("mark connections that a neighbour made due").await?;
        let first: Vec<Dirty> = tx.rows("dirty", &FIRST_DIRTY, []).await?;
        let Some(dirty) = first.into_iter().next() else {
            return Ok(false);
        };
        let marked = mark(&mut tx, &dirty, now).await?;
        let full = i64::try_from(marked.len()).is_ok_and(|count| count == SPREAD);
        let (kind, subject) = (dirty.kind.as_str(), dirty.subject);
        match marked.last() {
            Some(last) if full => tx.run(&GO_ON_FROM, [kind.into(), subject.into(), (*last).into()]).await?,
            _ => tx.run(&ALL_MARKED, [kind.into(), subject.into()]).await?,
        };
        tx.commit().await?;
        Ok(true)
    }

    async fn due_count(&self, now: Timestamp) -> Result<u64, LedgerError> {
        let mut line = self.look("count what is due").await?;
        Ok(line.number(&COUNT_ALL_DUE, [now.into()]).await?.unsigned_abs())
    }

    async fn due_subjects(
        &self,
        now: Timestamp,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError> {
        let mut moment = self.moment("read what is due for judging").await?;
        let due = moment.number(&COUNT_DUE, [now.into(), (MANY + 1).into()]).await?;
        let statement = if due > MANY { &DUE_AMONG_MANY } else { &DUE_AMONG_FEW };
        let ids = moment.text(statement, [now.into(), after.0.into(), size(limit).into()]).await?;
        subjects::read(&mut moment, ids).await
    }

    async fn all_subjects(
        &self,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError> {
        let mut moment = self.moment("read all connections for judging").await?;
        let ids = moment.text(&ALL, [after.0.into(), size(limit).into()]).await?;
        subjects::read(&mut moment, ids).await
    }

    async fn commit_judgements(&self, batch: &JudgeBatch) -> Result<(), LedgerError> {
        if batch.judged.is_empty() && batch.changes.is_empty() && batch.events.is_empty() {
            return Ok(());
        }
        let now = batch.now.ok_or_else(|| LedgerError::Inconsistent {
            table: "finding",
            row: "batch".to_owned(),
            what: "judgements without an instant".to_owned(),
        })?;
        let mut tx = self.write("write judgements").await?;
        turn::keep(&mut tx, batch.turn).await?;
        tx.run(&JUDGED, [pack(&batch.judged)?.into()]).await?;
        let events = changes::write(&mut tx, now, &batch.changes).await?;
        tx.log(&events).await?;
        tx.log(&batch.events).await?;
        tx.commit().await
    }
}

#[derive(Deserialize)]
struct Dirty {
    kind: String,
    subject: i64,
    cursor: i64,
}

/// Makes the next page of the connections concerned due. Returns them, ascending.
async fn mark(tx: &mut Session, dirty: &Dirty, now: Timestamp) -> Result<Vec<i64>, LedgerError> {
    let concerned = match dirty.kind.as_str() {
        "credential" => &OF_CREDENTIAL,
        "account" => &OF_ACCOUNT,
        "all" => &OF_ALL,
        other => {
            return Err(LedgerError::Inconsistent {
                table: "dirty",
                row: dirty.subject.to_string(),
                what: format!("the kind {other:?} is not known"),
            });
        }
    };
    let page = [dirty.subject.into(), dirty.cursor.into(), SPREAD.into()];
    let ids: Vec<i64> = tx.rows("connection", concerned, page).await?;
    tx.run(&MARK, [pack(&ids)?.into(), now.into()]).await?;
    Ok(ids)
}

pub(super) const ALL_DIRTY: Sql = sql!(
    "INSERT INTO dirty (kind, subject_id, cursor) VALUES ('all', 0, 0)
     ON CONFLICT (kind, subject_id) DO UPDATE SET cursor = 0"
);

pub(super) const FIRST_DIRTY: Sql = sql!(
    "SELECT " [page "kind, subject_id, cursor"] "
     FROM (SELECT kind, subject_id, cursor FROM dirty ORDER BY kind, subject_id LIMIT 1) AS one"
);

pub(super) const GO_ON_FROM: Sql = sql!("UPDATE dirty SET cursor = $3 WHERE kind = $1 AND subject_id = $2");

pub(super) const ALL_MARKED: Sql = sql!("DELETE FROM dirty WHERE kind = $1 AND subject_id = $2");

pub(super) const OF_CREDENTIAL: Sql = sql!(
    "SELECT " [numbers "connection_id"] "
     FROM (SELECT DISTINCT connection_id FROM use WHERE credential_id = $1 AND connection_id > $2
           ORDER BY connection_id LIMIT $3) AS page"
);

pub(super) const OF_ACCOUNT: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM connection WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS page"
);

pub(super) const OF_ALL: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM connection WHERE $1 = 0 AND id > $2 ORDER BY id LIMIT $3) AS page"
);

pub(super) const MARK: Sql = sql!(
    "UPDATE connection SET judge_at = $2
     WHERE id IN " [within "$1" bigint] " AND (judge_at IS NULL OR judge_at > $2)"
);

pub(super) const COUNT_ALL_DUE: Sql = sql!("SELECT count(*) FROM connection WHERE judge_at <= $1");

pub(super) const COUNT_DUE: Sql =
    sql!("SELECT count(*) FROM (SELECT 1 FROM connection WHERE judge_at <= $1 LIMIT $2) AS due");

/// In the order of the primary key; `+` keeps the index on `judge_at` out of it.
pub(super) const DUE_AMONG_MANY: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM connection WHERE id > $2 AND +judge_at <= $1 ORDER BY id LIMIT $3) AS page"
);

/// By the index on `judge_at`; `+` keeps the primary key out of it.
pub(super) const DUE_AMONG_FEW: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM connection WHERE judge_at <= $1 AND +id > $2 ORDER BY +id LIMIT $3) AS page"
);

pub(super) const ALL: Sql = sql!(
    "SELECT " [numbers "id"] " FROM (SELECT id FROM connection WHERE id > $1 ORDER BY id LIMIT $2) AS page"
);

pub(super) const JUDGED: Sql = sql!(
    "UPDATE connection SET judge_at = judged.due
     FROM " [tuples "$1" judged (0 id bigint, 1 due bigint)] "
     WHERE connection.id = judged.id AND connection.judge_at IS DISTINCT FROM judged.due"
);
