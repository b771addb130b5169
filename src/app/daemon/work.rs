//! What the loop needs done. The loop knows when; this knows how.

use std::time::Duration;

use super::pulse::Pulse;
use crate::app::AppError;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;
use crate::ports::activation::Job;
use crate::ports::health::JobState;
use crate::ports::meter::{JobOutcome, PartName};
use crate::schedule::plan::{LastRun, Timetable};
use crate::telemetry::metrics::Heard;

/// What a job, or a delivery, brought to light.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// how it ended
    pub outcome: JobOutcome,
    /// true where the schedule has nothing to make up: mails that wait are tried again by themselves
    pub well: bool,
    /// how parts were seen on the way
    pub seen: Vec<(PartName, Result<(), String>)>,
}

impl Ran {
    /// Everything was done, and nothing was seen.
    pub const fn complete() -> Self {
        Self { outcome: JobOutcome::Complete, well: true, seen: Vec::new() }
    }
}

/// A keysweep as the loop sees it.
pub trait Work {
    /// Does a job to its end. Dropped on the way, it loses nothing that was committed.
    fn run(&self, job: Job, pulse: &Pulse) -> impl Future<Output = Result<Ran, AppError>>;

    /// Tries the mails and the messages to endpoints that wait, and tells those who were put off until now; takes no step.
    fn deliver(&self, pulse: &Pulse) -> impl Future<Output = Result<Ran, AppError>>;

    /// Asks the providers about the credentials that people wait for, judges what that changes, and says that it is done.
    fn answer(&self, pulse: &Pulse) -> impl Future<Output = Result<(), AppError>>;

    /// Whether somebody waits for a provider's answer.
    fn is_waited_for(&self) -> impl Future<Output = Result<bool, LedgerError>>;

    /// When the first of the mails and messages that wait is to be tried; `None` where none waits, or none may leave.
    fn mail_due(&self) -> impl Future<Output = Result<Option<Timestamp>, LedgerError>>;

    /// Gives back what a job held that was dropped.
    fn give_back(&self, now: Timestamp) -> impl Future<Output = Result<(), LedgerError>>;

    /// Whether the ledger can be written to.
    fn touch(&self, now: Timestamp) -> impl Future<Output = Result<(), LedgerError>>;

    /// What the ledger remembers of a job.
    fn remembered(&self, job: Job) -> impl Future<Output = Result<Option<LastRun>, LedgerError>>;

    /// Has the ledger remember what became of a job.
    fn remember(&self, job: Job, last: &LastRun) -> impl Future<Output = Result<(), LedgerError>>;

    /// Shows the estate as it is now to whoever looks from outside.
    fn show(&self) -> impl Future<Output = Result<(), LedgerError>>;

    /// How each provider was heard that was asked, whatever asked it.
    fn heard(&self) -> Heard;

    /// Shows how far a job is, likewise.
    fn scheduled(&self, job: Job, state: JobState);

    /// When a job is to run.
    fn timetable(&self, job: Job) -> Timetable;

    /// How long ending in good order may take.
    fn stop_within(&self) -> Duration;

    /// Reads the configuration and says whether it would do; changes nothing.
    ///
    /// # Errors
    /// All that is wrong with it.
    fn check(&self) -> Result<(), String>;

    /// Reads the configuration and puts it into force, all of it or none. Returns what the operator should know.
    ///
    /// # Errors
    /// Why the last good one stays in force.
    fn reload(&mut self) -> impl Future<Output = Result<Vec<String>, String>>;
}
