//! What a daemon asks of the ledger beside the stages.

use super::store::database;
use super::{Ledger, escrow};
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;
use crate::ports::activation::Job;

impl Ledger {
    /// Writes something small, to see whether the ledger can be written to: it may be locked, full or gone.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn touch(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.set("touched_at", &now.as_millis().to_string()).await
    }

    /// What became of a job, as [`Ledger::remember_run`] was told last; `None` before the first time.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn remembered_run(&self, job: Job) -> Result<Option<String>, LedgerError> {
        self.get(&schedule_of(job)).await
    }

    /// Remembers what became of a job, in the words of the schedule's own room.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn remember_run(&self, job: Job, words: &str) -> Result<(), LedgerError> {
        self.set(&schedule_of(job), words).await
    }

    /// When the first of the mails that still have to go out is to be tried; `None` where none is waiting. May lie in
    /// the past.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn next_mail_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        let at: Option<i64> = sqlx::query_scalar(NEXT_MAIL)
            .fetch_one(self.pool())
            .await
            .map_err(database("read when the next mail is to be tried"))?;
        Ok(at.map(Timestamp::from_millis))
    }

    /// Notes that whatever run has no end yet was told to stop.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn interrupt_scans(&self, now: Timestamp) -> Result<(), LedgerError> {
        sqlx::query(INTERRUPT)
            .bind(now.as_millis())
            .execute(self.pool())
            .await
            .map_err(database("note that a scan was interrupted"))?;
        Ok(())
    }

    /// The ledger's own maintenance: looks whether the database is whole, and empties the write-ahead log.
    ///
    /// # Errors
    /// [`LedgerError::Inconsistent`] where the database is damaged; [`LedgerError::Busy`] while somebody reads an older state.
    pub async fn upkeep(&self) -> Result<(), LedgerError> {
        // No `PRAGMA optimize`: see `Ledger::open` on statistics.
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(self.pool())
            .await
            .map_err(database("look whether the database is whole"))?;
        if verdict != "ok" {
            return Err(LedgerError::Inconsistent {
                table: "the database",
                row: "as a whole".to_owned(),
                what: format!("it is damaged ({verdict}): stop keysweep and go back to a backup"),
            });
        }
        escrow::scrub(self).await
    }
}

/// The key of `meta` under which a job's last run is remembered.
fn schedule_of(job: Job) -> String {
    format!("schedule.{job}")
}

const NEXT_MAIL: &str = "SELECT min(next_try_at) FROM mail WHERE next_try_at IS NOT NULL";

const INTERRUPT: &str = "UPDATE scan SET outcome = 'interrupted', finished_at = ?1 WHERE outcome IS NULL";
