//! Each scan's beginning and end.

use std::collections::BTreeMap;

use super::Ledger;
use super::packed::pack;
use super::read::Overview;
use super::sql::Sql;
use crate::domain::finding::Severity;
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

    /// Says of a scan without an end that it was killed: for whoever has just taken the ledger, and has begun none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn end_killed_scans(&self) -> Result<(), LedgerError> {
        let mut tx = self.write("end killed scans").await?;
        tx.run(&KILLED, []).await?;
        tx.commit().await
    }

    /// Notes among the counts of the latest scan that has ended what it left of the estate. What is noted already stays: it
    /// was counted nearer to that scan's end.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn note_estate(&self, overview: &Overview) -> Result<(), LedgerError> {
        let open = Severity::ALL.map(|severity| (open_count(severity), overview.open_findings(severity)));
        let left: BTreeMap<&str, u64> = open.into_iter().chain([(LEFT_BEHIND, overview.tombstones())]).collect();
        let mut tx = self.write("note what a scan left").await?;
        tx.run(&LEFT, [pack(&left)?.into()]).await?;
        tx.commit().await
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

/// What a scan's counts call the uses left behind after it: tombstones.
pub const LEFT_BEHIND: &str = "left_behind";

/// What a scan's counts call the findings of this severity that were open after it.
pub const fn open_count(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "open_low",
        Severity::Medium => "open_medium",
        Severity::High => "open_high",
        Severity::Critical => "open_critical",
    }
}

pub(super) const KILLED: Sql = sql!("UPDATE scan SET outcome = 'killed' WHERE outcome IS NULL");

pub(super) const BEGIN: Sql = sql!("INSERT INTO scan (started_at) VALUES ($1) RETURNING id");

pub(super) const END: Sql =
    sql!("UPDATE scan SET finished_at = $2, outcome = $3, counts = $4 WHERE id = $1 AND outcome IS NULL");

pub(super) const LEFT: Sql = sql!(
    "UPDATE scan SET counts = " ["json_patch(counts, $1)" | "(counts::jsonb || $1::jsonb)::text"] "
     WHERE id = (SELECT max(id) FROM scan WHERE outcome IS NOT NULL)
       AND (" ["counts" | "counts::json"] " ->> 'left_behind') IS NULL"
);
