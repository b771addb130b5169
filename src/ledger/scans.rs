//! Each scan's beginning and end.

use super::Ledger;
use super::packed::pack;
use super::sql::Sql;
use crate::domain::ids::ScanId;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;

impl Ledger {
    /// Begins a scan and returns its number. Any earlier one without an end was killed: one process holds the ledger.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn begin_scan(&self, now: Timestamp) -> Result<ScanId, LedgerError> {
        let mut tx = self.write("begin a scan").await?;
        tx.run(&KILLED, []).await?;
        let id = tx.number(&BEGIN, [now.into()]).await?;
        tx.commit().await?;
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
        let mut tx = self.write("end a scan").await?;
        let ended = tx.run(&END, [id.0.into(), now.into(), outcome.into(), pack(counts)?.into()]).await?;
        if ended != 1 {
            return Err(LedgerError::Inconsistent {
                table: "scan",
                row: id.to_string(),
                what: "it is not running".to_owned(),
            });
        }
        tx.commit().await
    }
}

pub(super) const KILLED: Sql = sql!("UPDATE scan SET outcome = 'killed' WHERE outcome IS NULL");

pub(super) const BEGIN: Sql = sql!("INSERT INTO scan (started_at) VALUES ($1) RETURNING id");

pub(super) const END: Sql =
    sql!("UPDATE scan SET finished_at = $2, outcome = $3, counts = $4 WHERE id = $1 AND outcome IS NULL");
