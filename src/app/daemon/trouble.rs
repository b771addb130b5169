//! What the loop makes of what went wrong, and of what went well again.

use std::time::Duration;

use super::Daemon;
use super::outage::Outage;
use super::work::{Ran, Work};
use crate::app::AppError;
use crate::app::report::chain;
use crate::domain::time::{Timestamp, words};
use crate::lifecycle::{Orders, Supervisor};
use crate::ports::activation::Job;
use crate::ports::meter::{JobOutcome, PartName};
use crate::ports::{Clock, LedgerError, Timer};
use crate::schedule::plan::ClockChange;

/// How the ledger is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum LedgerState {
    #[default]
    Well,
    /// nothing is done until it can be written to again
    Down(Outage),
    /// it can be written to again; whether it is well, the job that failed with it will tell
    OnTrial(Outage),
}

/// The mails that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Delivery {
    /// when the first of them is to be tried
    due: Option<Timestamp>,
    /// the mail server, or a mail, failed
    outage: Option<Outage>,
    /// why no mail can be written
    unwritable: Option<String>,
}

impl Delivery {
    pub(super) fn is_due_at(&mut self, due: Option<Timestamp>) {
        self.due = due;
    }

    /// How long until they are to be tried; `None` where none waits.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        let spared = self.outage.map_or(Duration::ZERO, |outage| outage.left(now));
        self.due.map(|due| due.since(now).max(spared))
    }
}

/// Those who wait for a provider's answer. The bell wakes us for them; the ledger remembers them where it rang in vain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Questions {
    /// somebody waits
    waiting: bool,
    /// they were asked for and wait all the same
    outage: Option<Outage>,
}

impl Questions {
    pub(super) fn wait(&mut self, waiting: bool) {
        self.waiting = waiting;
        self.outage = self.outage.filter(|_| waiting);
    }

    /// Whoever waits right after all were to be answered is spared for a while: jobs go on meanwhile.
    pub(super) fn spare(&mut self, now: Timestamp, seed: u64) {
        if self.waiting {
            self.outage = Some(Outage::after(self.outage, now, seed));
        }
    }

    /// How long until the providers are to be asked; `None` where nobody waits.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        self.waiting.then(|| self.outage.map_or(Duration::ZERO, |outage| outage.left(now)))
    }
}

impl<W: Work, O: Orders, C: Clock, T: Timer, S: Supervisor> Daemon<W, O, C, T, S> {
    /// Notes what a job or a delivery brought to light. Returns how it ended, and whether its schedule is content.
    pub(super) fn take_note(&mut self, ran: &Ran) -> (JobOutcome, bool) {
        let now = self.desk.clock.now();
        let board = &self.desk.board;
        if !ran.seen.iter().any(|(part, _)| *part == PartName::Clock) {
            board.see(PartName::Clock, now, Ok(()));
        }
        board.see(PartName::Ledger, now, Ok(()));
        self.ledger = LedgerState::Well;
        self.delivery.unwritable = None;
        for (part, seen) in &ran.seen {
            board.see(*part, now, seen.as_ref().copied().map_err(String::as_str));
            if *part == PartName::Smtp {
                let again = || Outage::after(self.delivery.outage, now, self.seed);
                self.delivery.outage = seen.is_err().then(again);
            }
        }
        (ran.outcome, ran.well)
    }

    /// Notes that a job failed.
    pub(super) fn failed(&mut self, job: Job, error: &AppError) -> (JobOutcome, bool) {
        if self.is_the_ledgers(error) {
            self.lost.insert(job);
        } else {
            tracing::error!(job = job.as_str(), reason = chain(error), "a job failed; it is tried again by itself");
        }
        (JobOutcome::Failed, false)
    }

    /// Notes that waiting mails could not even be tried.
    pub(super) fn undelivered(&mut self, error: &AppError) {
        if self.is_the_ledgers(error) {
            return;
        }
        self.delivery.outage = Some(Outage::after(self.delivery.outage, self.desk.clock.now(), self.seed));
        let why = chain(error);
        if self.delivery.unwritable.as_ref() != Some(&why) {
            tracing::error!(reason = why, "waiting mails can't be sent; they are tried again by themselves");
            self.delivery.unwritable = Some(why);
        }
    }

    /// A mail that is still due right after all were tried is not tried without a pause.
    pub(super) fn spare_what_stays_due(&mut self) {
        let now = self.desk.clock.now();
        if self.delivery.left(now) == Some(Duration::ZERO) {
            self.delivery.outage = Some(Outage::after(self.delivery.outage, now, self.seed));
        }
    }

    /// Takes a word from the ledger. Returns whether it did what it was to do.
    pub(super) fn heard(&mut self, word: Option<Result<(), LedgerError>>) -> bool {
        self.heard_of(word).is_some()
    }

    /// Takes an answer from the ledger; `None` where it failed, or was not waited for.
    pub(super) fn heard_of<A>(&mut self, answer: Option<Result<A, LedgerError>>) -> Option<A> {
        match answer? {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.ledger_failed(&error);
                None
            }
        }
    }

    /// The ledger can be written to again.
    pub(super) fn ledger_answers(&mut self, now: Timestamp) {
        let lost = std::mem::take(&mut self.lost);
        self.ledger = match self.ledger {
            LedgerState::Down(outage) | LedgerState::OnTrial(outage) if !lost.is_empty() => {
                LedgerState::OnTrial(outage)
            }
            _ => {
                self.desk.board.see(PartName::Ledger, now, Ok(()));
                LedgerState::Well
            }
        };
        for job in lost {
            self.plan.ring(job, now);
        }
    }

    /// Says what became of the wall clock.
    pub(super) fn watch_the_clock(&self, change: Option<ClockChange>) {
        let whole = |span: Duration| words(Duration::from_secs(span.as_secs()));
        match change {
            None => {}
            Some(ClockChange::Forward(by)) => {
                tracing::warn!(
                    by = whole(by),
                    "the clock went forward, or the machine slept; what was missed is made up once"
                );
            }
            Some(ClockChange::Back(by)) => {
                let why = format!("it went back by {}; look at the machine's time service", whole(by));
                self.desk.board.see(PartName::Clock, self.desk.clock.now(), Err(&why));
            }
        }
    }

    /// Shows how far a job is.
    pub(super) fn publish(&self, job: Job) {
        let state = self.desk.board.planned(job, self.plan.last_run(job), self.plan.next(job));
        self.work.scheduled(job, state);
    }

    /// Whether the ledger is at fault; then it is left alone for a while.
    fn is_the_ledgers(&mut self, error: &AppError) -> bool {
        match error {
            AppError::Ledger(error @ (LedgerError::Busy(_) | LedgerError::Database { .. })) => {
                self.ledger_failed(error);
                true
            }
            _ => false,
        }
    }

    fn ledger_failed(&mut self, error: &LedgerError) {
        let now = self.desk.clock.now();
        let last = match self.ledger {
            LedgerState::Well => None,
            LedgerState::Down(outage) | LedgerState::OnTrial(outage) => Some(outage),
        };
        self.ledger = LedgerState::Down(Outage::after(last, now, self.seed));
        let why = chain(error);
        tracing::debug!(reason = why, "the ledger failed");
        self.desk.board.see(PartName::Ledger, now, Err(&why));
    }
}
