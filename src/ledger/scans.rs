//! Each scan's beginning and end.

use crate::domain::ids::ScanId;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;

use super::Ledger;
use super::store::{database, pack};

impl Ledger {
    /// Begins a scan and returns its number. Any earlier one without an end was killed: one process holds the ledger.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn begin_scan(&self, now: Timestamp) -> Result<ScanId, LedgerError> {
        const DOING: &str = "begin a scan";
        let mut tx = self.write(DOING).await?;
        sqlx::query("UPDATE scan SET outcome = 'killed' WHERE outcome IS NULL")
            .execute(&mut *tx)
            .await
            .map_err(database(DOING))?;
        let id = sqlx::query_scalar("INSERT INTO scan (started_at) VALUES (?1) RETURNING id")
            .bind(now.as_millis())
            .fetch_one(&mut *tx)
            .await
            .map_err(database(DOING))?;
        tx.commit().await.map_err(database(DOING))?;
        Ok(ScanId(id))
    }

    /// Ends a scan: `outcome` is `complete`, `incomplete`, `failed` or `interrupted`, `counts` a flat object of numbers.
    ///
    /// # Errors
    /// [`LedgerError::Inconsistent`] where no such scan is running; else as for every statement.
    pub async fn end_scan(
        &self,
        id: ScanId,
        now: Timestamp,
        outcome: &str,
        counts: &serde_json::Value,
    ) -> Result<(), LedgerError> {
        const DOING: &str = "end a scan";
        let ended = sqlx::query(
            "UPDATE scan SET finished_at = ?2, outcome = ?3, counts = ?4 WHERE id = ?1 AND outcome IS NULL",
        )
        .bind(id.0)
        .bind(now.as_millis())
        .bind(outcome)
        .bind(pack(counts, DOING)?)
        .execute(self.pool())
        .await
        .map_err(database(DOING))?;
        if ended.rows_affected() == 1 {
            return Ok(());
        }
        Err(LedgerError::Inconsistent { table: "scan", row: id.to_string(), what: "it is not running".to_owned() })
    }
}
