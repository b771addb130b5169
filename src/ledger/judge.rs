//! The ledger as JUDGE sees it: what is due, the facts that rules may see, and the findings.

mod changes;
mod subjects;

#[cfg(test)]
mod tests;

pub(super) use subjects::creator;

use serde::Deserialize;
use sqlx::SqliteConnection;

use super::Ledger;
use super::packed::{bound, rows};
use super::store::{database, log, pack};
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
        const DOING: &str = "note under what is judged";
        let known: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'judged_under'")
            .fetch_optional(self.pool())
            .await
            .map_err(database(DOING))?;
        if known.as_deref() == Some(version) {
            return Ok(()); // the write lock is not for every scan
        }
        let mut tx = self.write(DOING).await?;
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES ('judged_under', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(version)
        .execute(&mut *tx)
        .await
        .map_err(database(DOING))?;
        sqlx::query(
            "INSERT INTO dirty (kind, subject_id, cursor) VALUES ('all', 0, 0)
             ON CONFLICT (kind, subject_id) DO UPDATE SET cursor = 0",
        )
        .execute(&mut *tx)
        .await
        .map_err(database(DOING))?;
        tx.commit().await.map_err(database(DOING))
    }

    async fn spread_dirty(&self, now: Timestamp) -> Result<bool, LedgerError> {
        const DOING: &str = "mark connections that a neighbour made due";
        let mut tx = self.write(DOING).await?;
        let first: Vec<Dirty> = rows(&mut tx, "dirty", DOING, sqlx::query_scalar(FIRST_DIRTY)).await?;
        let Some(dirty) = first.into_iter().next() else {
            return Ok(false);
        };
        let marked = mark(&mut tx, &dirty, now).await?;
        let full = i64::try_from(marked.len()).is_ok_and(|count| count == SPREAD);
        let rest = match marked.last() {
            Some(last) if full => sqlx::query("UPDATE dirty SET cursor = ?3 WHERE kind = ?1 AND subject_id = ?2")
                .bind(&dirty.kind)
                .bind(dirty.subject)
                .bind(*last),
            _ => sqlx::query("DELETE FROM dirty WHERE kind = ?1 AND subject_id = ?2")
                .bind(&dirty.kind)
                .bind(dirty.subject),
        };
        rest.execute(&mut *tx).await.map_err(database(DOING))?;
        tx.commit().await.map_err(database(DOING))?;
        Ok(true)
    }

    async fn due_count(&self, now: Timestamp) -> Result<u64, LedgerError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM connection WHERE judge_at <= ?1")
            .bind(now.as_millis())
            .fetch_one(self.pool())
            .await
            .map_err(database("count what is due"))?;
        Ok(count.unsigned_abs())
    }

    async fn due_subjects(
        &self,
        now: Timestamp,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError> {
        const DOING: &str = "read what is due for judging";
        let mut tx = self.moment(DOING).await?;
        let due: i64 = sqlx::query_scalar(COUNT_DUE)
            .bind(now.as_millis())
            .bind(MANY + 1)
            .fetch_one(&mut *tx)
            .await
            .map_err(database(DOING))?;
        let statement = if due > MANY { DUE_AMONG_MANY } else { DUE_AMONG_FEW };
        let ids: String = sqlx::query_scalar(statement)
            .bind(now.as_millis())
            .bind(after.0)
            .bind(bound(limit))
            .fetch_one(&mut *tx)
            .await
            .map_err(database(DOING))?;
        subjects::read(&mut tx, &ids).await
    }

    async fn all_subjects(
        &self,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError> {
        const DOING: &str = "read all connections for judging";
        let mut tx = self.moment(DOING).await?;
        let ids: String = sqlx::query_scalar(ALL)
            .bind(after.0)
            .bind(bound(limit))
            .fetch_one(&mut *tx)
            .await
            .map_err(database(DOING))?;
        subjects::read(&mut tx, &ids).await
    }

    async fn commit_judgements(&self, batch: &JudgeBatch) -> Result<(), LedgerError> {
        const DOING: &str = "write judgements";
        if batch.judged.is_empty() && batch.changes.is_empty() && batch.events.is_empty() {
            return Ok(());
        }
        let now = batch.now.ok_or_else(|| LedgerError::Inconsistent {
            table: "finding",
            row: "batch".to_owned(),
            what: "judgements without an instant".to_owned(),
        })?;
        let mut tx = self.write(DOING).await?;
        let judged = pack(&batch.judged, DOING)?;
        sqlx::query(JUDGED).bind(judged).execute(&mut *tx).await.map_err(database(DOING))?;
        let events = changes::write(&mut tx, now, &batch.changes).await?;
        log(&mut tx, &events).await?;
        log(&mut tx, &batch.events).await?;
        tx.commit().await.map_err(database(DOING))
    }
}

#[derive(Deserialize)]
struct Dirty {
    kind: String,
    subject: i64,
    cursor: i64,
}

/// Makes the next page of the connections concerned due. Returns them, ascending.
async fn mark(tx: &mut SqliteConnection, dirty: &Dirty, now: Timestamp) -> Result<Vec<i64>, LedgerError> {
    const DOING: &str = "mark connections that a neighbour made due";
    let concerned = match dirty.kind.as_str() {
        "credential" => OF_CREDENTIAL,
        "account" => OF_ACCOUNT,
        "all" => OF_ALL,
        other => {
            return Err(LedgerError::Inconsistent {
                table: "dirty",
                row: dirty.subject.to_string(),
                what: format!("the kind {other:?} is not known"),
            });
        }
    };
    let page = sqlx::query_scalar(concerned).bind(dirty.subject).bind(dirty.cursor).bind(SPREAD);
    let ids: Vec<i64> = rows(tx, "connection", DOING, page).await?;
    sqlx::query(
        "UPDATE connection SET judge_at = ?2
         WHERE id IN (SELECT value FROM json_each(?1)) AND (judge_at IS NULL OR judge_at > ?2)",
    )
    .bind(pack(&ids, DOING)?)
    .bind(now.as_millis())
    .execute(tx)
    .await
    .map_err(database(DOING))?;
    Ok(ids)
}

const FIRST_DIRTY: &str = "
    SELECT json_group_array(json_array(kind, subject_id, cursor))
    FROM (SELECT kind, subject_id, cursor FROM dirty ORDER BY kind, subject_id LIMIT 1)";

const OF_CREDENTIAL: &str = "
    SELECT json_group_array(connection_id)
    FROM (SELECT DISTINCT connection_id FROM use WHERE credential_id = ?1 AND connection_id > ?2
          ORDER BY connection_id LIMIT ?3)";

const OF_ACCOUNT: &str = "
    SELECT json_group_array(id)
    FROM (SELECT id FROM connection WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3)";

const OF_ALL: &str = "
    SELECT json_group_array(id)
    FROM (SELECT id FROM connection WHERE ?1 = 0 AND id > ?2 ORDER BY id LIMIT ?3)";

const COUNT_DUE: &str = "SELECT count(*) FROM (SELECT 1 FROM connection WHERE judge_at <= ?1 LIMIT ?2) AS due";

/// In the order of the primary key; `+` keeps the index on `judge_at` out of it.
const DUE_AMONG_MANY: &str = "
    SELECT json_group_array(id)
    FROM (SELECT id FROM connection WHERE id > ?2 AND +judge_at <= ?1 ORDER BY id LIMIT ?3)";

/// By the index on `judge_at`; `+` keeps the primary key out of it.
const DUE_AMONG_FEW: &str = "
    SELECT json_group_array(id)
    FROM (SELECT id FROM connection WHERE judge_at <= ?1 AND +id > ?2 ORDER BY +id LIMIT ?3)";

const ALL: &str = "
    SELECT json_group_array(id) FROM (SELECT id FROM connection WHERE id > ?1 ORDER BY id LIMIT ?2)";

const JUDGED: &str = "
    UPDATE connection SET judge_at = judged.due
    FROM (SELECT value ->> 0 AS id, value ->> 1 AS due FROM json_each(?1)) AS judged
    WHERE connection.id = judged.id AND connection.judge_at IS DISTINCT FROM judged.due";
