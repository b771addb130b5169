//! What a daemon asks of the ledger beside the stages.

use super::sql::Sql;
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

    /// When the last reading of a source began that came to its end, by the clock that schedules go by; `None` before the
    /// first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn source_served(&self, source: &str) -> Result<Option<Timestamp>, LedgerError> {
        let key = schedule_of_source(source);
        let Some(text) = self.get(&key).await? else { return Ok(None) };
        let at = text.parse().map(Timestamp::from_millis);
        at.map(Some).map_err(|_| LedgerError::Inconsistent {
            table: "meta",
            row: key,
            what: "it is no instant".to_owned(),
        })
    }

    /// Notes that a reading of a source which began then came to its end.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn note_source_served(&self, source: &str, begun: Timestamp) -> Result<(), LedgerError> {
        self.set(&schedule_of_source(source), &begun.as_millis().to_string()).await
    }

    /// When the first of the mails that still have to go out is to be tried, or formed for somebody who was put off;
    /// `None` where none is waiting. May lie in the past.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn next_mail_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        let mut line = self.look("read when the next mail is to be tried").await?;
        let at: Vec<Option<Timestamp>> = line.rows("mail", &NEXT_MAIL, []).await?;
        Ok(at.into_iter().flatten().min())
    }

    /// Notes that whatever run has no end yet was told to stop.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn interrupt_scans(&self, now: Timestamp) -> Result<(), LedgerError> {
        let mut tx = self.write("note that a scan was interrupted").await?;
        tx.run(&INTERRUPT, [now.into()]).await?;
        tx.commit().await
    }

    /// The ledger's own maintenance: looks whether the database is whole, where that is ours to do, and wipes what was
    /// shredded.
    ///
    /// # Errors
    /// [`LedgerError::Inconsistent`] where the database is damaged; [`LedgerError::Busy`] while somebody reads an older state.
    pub async fn upkeep(&self) -> Result<(), LedgerError> {
        // No `PRAGMA optimize`: see `Ledger::open` on statistics.
        let verdict = self.look("look whether the database is whole").await?.text(&WHOLE, []).await?;
        if let Some(verdict) = verdict.filter(|verdict| verdict != "ok") {
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
fn schedule_of_source(source: &str) -> String {
    format!("schedule.source.{source}")
}

fn schedule_of(job: Job) -> String {
    format!("schedule.{job}")
}

pub(super) const NEXT_MAIL: Sql = sql!(
    "SELECT " [list "(SELECT min(next_try_at) FROM mail WHERE next_try_at IS NOT NULL),
                     (SELECT min(until) FROM put_off WHERE until IS NOT NULL)"]
);

pub(super) const INTERRUPT: Sql =
    sql!("UPDATE scan SET outcome = 'interrupted', finished_at = $1 WHERE outcome IS NULL");

/// A PostgreSQL server has checksums and an operator of its own.
pub(super) const WHOLE: Sql = sql!(["PRAGMA quick_check(1)" | "SELECT 'ok'"]);
