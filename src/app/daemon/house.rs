//! The loop's work, done by a whole keysweep.

use std::sync::Arc;
use std::time::Duration;

use super::glances::glancing;
use super::pulse::Pulse;
use super::work::{Ran, Work};
use crate::app::events::Intake;
use crate::app::operator::Console;
use crate::app::ops::Window;
use crate::app::public::Counter;
use crate::app::report::chain;
use crate::app::scan::{ScanOptions, ScanSummary};
use crate::app::{App, AppError, SystemTimer};
use crate::config::{HttpSettings, Settings, Warning};
use crate::domain::time::Timestamp;
use crate::ledger::{Ledger, NotNow, Pruned};
use crate::notify::Notified;
use crate::ports::activation::Job;
use crate::ports::health::JobState;
use crate::ports::meter::{JobOutcome, PartName};
use crate::ports::notify::NotifyLedger;
use crate::ports::{Clock, LedgerError};
use crate::schedule::plan::{LastRun, Timetable, seed};
use crate::telemetry::metrics::{Heard, Metrics};

/// Reads the operator's configuration anew.
pub type Load = Box<dyn Fn() -> Result<(Settings, Vec<Warning>), String>>;

/// A keysweep that lives for long.
pub struct House<C> {
    app: App<C>,
    metrics: Arc<Metrics>,
    env: Vec<(String, String)>,
    load: Load,
    ledger_id: String,
    beside: Ledger,
    window: Option<Arc<Window>>,
    counter: Option<Arc<Counter>>,
    intake: Option<Arc<Intake>>,
    console: Option<Arc<Console>>,
}

impl<C: Clock + Clone> House<C> {
    /// Over this keysweep; `load` reads its configuration again, `env` is where its secrets may be, and `metrics` shows
    /// its estate.
    ///
    /// # Errors
    /// Where the ledger can't be read, or not opened once more, to look at it beside a job.
    pub async fn new(
        app: App<C>,
        metrics: Arc<Metrics>,
        env: Vec<(String, String)>,
        load: Load,
    ) -> Result<Self, AppError> {
        let ledger_id = app.ledger.get("ledger_id").await?.unwrap_or_default();
        let beside = Ledger::open_read_only(&app.settings.ledger.url).await?;
        Ok(Self {
            app,
            metrics,
            env,
            load,
            ledger_id,
            beside,
            window: None,
            counter: None,
            intake: None,
            console: None,
        })
    }

    /// The same, with the configuration in force shown in this window after each reload.
    #[must_use]
    pub fn seen_through(self, window: Arc<Window>) -> Self {
        Self { window: Some(window), ..self }
    }

    /// The same, with the configuration in force at this counter, likewise.
    #[must_use]
    pub fn met_at(self, counter: Arc<Counter>) -> Self {
        Self { counter: Some(counter), ..self }
    }

    /// The same, with the configuration in force wherever events are taken, likewise.
    #[must_use]
    pub fn told_through(self, intake: Arc<Intake>) -> Self {
        Self { intake: Some(intake), ..self }
    }

    /// The same, with the configuration in force wherever operators act, likewise.
    #[must_use]
    pub fn operated_from(self, console: Arc<Console>) -> Self {
        Self { console: Some(console), ..self }
    }

    async fn scan(&self, pulse: &Pulse) -> Result<Ran, AppError> {
        let summary = self.app.scan_due(ScanOptions { probe: true, notify: false }, pulse).await?;
        Ok(scanned(&summary))
    }

    /// The same, with how our clock stands to the providers'.
    async fn by_the_clock(&self, mut ran: Ran) -> Result<Ran, AppError> {
        let trouble = self.app.clock_trouble().await?;
        ran.seen.push((PartName::Clock, trouble.map_or(Ok(()), Err)));
        Ok(ran)
    }

    /// Forgets what was kept for long enough.
    async fn prune(&self, pulse: &Pulse) -> Result<(), LedgerError> {
        let before = self.app.now() - self.app.settings.mail.keep_for;
        let pruned = self.app.ledger.prune(before, pulse).await?;
        if pruned != Pruned::default() {
            let Pruned { notices, mails, messages } = pruned;
            tracing::info!(
                pruned.notices = notices,
                pruned.mails = mails,
                pruned.messages = messages,
                "old mail forgotten"
            );
        }
        Ok(())
    }

    async fn mail(&self, pulse: &Pulse) -> Result<Ran, AppError> {
        if self.app.can_mail() { Ok(mailed(&self.app.mail(pulse).await?)) } else { Ok(Ran::complete()) }
    }
}

impl<C: Clock + Clone> House<C> {
    async fn run_to_its_end(&self, job: Job, pulse: &Pulse) -> Result<Ran, AppError> {
        self.app.know_endpoints().await?;
        let ran = match job {
            Job::Scan => {
                let ran = self.scan(pulse).await?;
                self.app.note_head().await?;
                ran
            }
            Job::Mail => self.mail(pulse).await?,
            Job::Upkeep => {
                self.app.set_clock().await?; // a clock that jumped would end links that live
                self.app.ledger.forget_links(self.app.now()).await?;
                self.app.ledger.forget_deliveries(self.app.now()).await?;
                self.prune(pulse).await?;
                self.app.audit(pulse).await?;
                self.app.remind_of_exemptions().await?;
                self.app.ledger.upkeep().await?;
                tracing::info!("upkeep finished: the ledger is whole");
                Ran::complete()
            }
        };
        self.app.announce(pulse).await?;
        self.by_the_clock(ran).await
    }

    async fn deliver_all(&self, pulse: &Pulse) -> Result<Ran, AppError> {
        let ran = if self.app.can_mail() { mailed(&self.app.deliver(pulse).await?) } else { Ran::complete() };
        self.app.announce(pulse).await?;
        self.by_the_clock(ran).await
    }

    async fn glance(&self) -> Result<(), LedgerError> {
        self.app.glance(&self.beside, &self.metrics).await
    }
}

impl<C: Clock + Clone> Work for House<C> {
    async fn run(&self, job: Job, pulse: &Pulse) -> Result<Ran, AppError> {
        glancing(self.run_to_its_end(job, pulse), &SystemTimer, || self.glance()).await
    }

    async fn deliver(&self, pulse: &Pulse) -> Result<Ran, AppError> {
        glancing(self.deliver_all(pulse), &SystemTimer, || self.glance()).await
    }

    async fn answer(&self, pulse: &Pulse) -> Result<(), AppError> {
        Ok(self.app.answer(pulse).await?)
    }

    async fn is_waited_for(&self) -> Result<bool, LedgerError> {
        let ledger = &self.app.ledger;
        let all = NotNow::default();
        Ok(!ledger.checks_waiting(&all).await?.is_empty() || !ledger.awaited(&all).await?.is_empty())
    }

    async fn mail_due(&self) -> Result<Option<Timestamp>, LedgerError> {
        let may_leave = self.app.can_mail() && self.app.lets_mail_leave().await?;
        let mail = if may_leave { self.app.ledger.next_mail_at().await? } else { None };
        let message = self.app.next_message_at().await?;
        Ok(mail.into_iter().chain(message).min())
    }

    async fn give_back(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.app.ledger.interrupt_scans(now).await?;
        self.app.ledger.recover_mails(now).await?;
        Ok(())
    }

    async fn touch(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.app.ledger.touch(now).await
    }

    async fn remembered(&self, job: Job) -> Result<Option<LastRun>, LedgerError> {
        let words = self.app.ledger.remembered_run(job).await?;
        let inconsistent = |error: serde_json::Error| LedgerError::Inconsistent {
            table: "meta",
            row: format!("schedule.{job}"),
            what: error.to_string(),
        };
        words.map(|words| serde_json::from_str(&words).map_err(inconsistent)).transpose()
    }

    async fn remember(&self, job: Job, last: &LastRun) -> Result<(), LedgerError> {
        let words = serde_json::to_string(last)
            .map_err(|error| LedgerError::Database { doing: "remember a job", source: Box::new(error) })?;
        self.app.ledger.remember_run(job, &words).await
    }

    async fn show(&self) -> Result<(), LedgerError> {
        self.app.refresh(&self.metrics).await
    }

    fn heard(&self) -> Heard {
        self.metrics.heard()
    }

    fn scheduled(&self, job: Job, state: JobState) {
        self.metrics.schedule(job, state);
    }

    fn timetable(&self, job: Job) -> Timetable {
        let can_run = job != Job::Mail || self.app.can_mail();
        let schedule = &self.app.settings.schedule;
        let own = schedule.cron(job).filter(|_| can_run).cloned();
        // A source's own instants are those of a scan too; a schedule that is off has none.
        let sources = self.app.settings.inventories.iter().filter_map(|source| source.schedule.clone());
        let sources = sources.filter(|_| job == Job::Scan && own.is_some()).collect::<Vec<_>>();
        Timetable::new(own.into_iter().chain(sources), schedule.jitter, seed(&self.ledger_id, job))
    }

    fn stop_within(&self) -> Duration {
        self.app.settings.run.stop_within
    }

    fn check(&self) -> Result<(), String> {
        (self.load)().map(drop)
    }

    async fn reload(&mut self) -> Result<Vec<String>, String> {
        let (mut settings, warnings) = (self.load)()?;
        let kept = keep_what_cannot_change(&self.app.settings, &mut settings);
        self.app.reconfigure(settings, &self.env).await.map_err(|error| chain(&error))?;
        self.metrics.configure(&self.app.configured());
        if let Some(window) = &self.window {
            window.configure(&self.app);
        }
        if let Some(counter) = &self.counter {
            counter.configure(&self.app);
        }
        if let Some(intake) = &self.intake {
            intake.configure(&self.app);
        }
        if let Some(console) = &self.console {
            console.configure(&self.app);
        }
        Ok(warnings.iter().map(ToString::to_string).chain(kept).collect())
    }
}

/// Settings that a running process can't change stay as they were. Returns a sentence about each that is different.
fn keep_what_cannot_change(now: &Settings, next: &mut Settings) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |key: &str| said.push(format!("{key} has changed in the configuration; that takes a restart"));
    if next.ledger != now.ledger {
        say("ledger.url");
        next.ledger = now.ledger.clone();
    }
    let token = |settings: &Settings| settings.http.token.as_ref().map(ToString::to_string);
    let public = |settings: &Settings| {
        (settings.http.public_listen, settings.http.public_url.clone(), settings.http.trust_forwarded)
    };
    if next.http.listen != now.http.listen || token(next) != token(now) || public(next) != public(now) {
        say("http");
        let visitors = std::mem::take(&mut next.http.visitors);
        next.http = HttpSettings { visitors, ..now.http.clone() };
    }
    if next.telemetry != now.telemetry {
        say("telemetry");
        next.telemetry = now.telemetry.clone();
    }
    said
}

/// What a scan brought to light.
fn scanned(summary: &ScanSummary) -> Ran {
    let failed: Vec<String> = summary
        .collected
        .iter()
        .filter_map(|(name, collected)| collected.error.as_ref().map(|error| format!("source {name}: {error}")))
        .collect();
    let inventory = if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) };
    Ran {
        outcome: if summary.complete { JobOutcome::Complete } else { JobOutcome::Incomplete },
        well: summary.complete,
        seen: vec![(PartName::Inventory, inventory)],
    }
}

/// What saying something brought to light. What waits for another try has its own instants, so the schedule is content.
fn mailed(notified: &Notified) -> Ran {
    // That mails are put off for now is no news of the server: it says nothing of whether it takes any.
    let answered = notified.sent + notified.maybe_sent + notified.suppressed > 0;
    let server = match &notified.stopped {
        Some(why) => Some(Err(why.clone())),
        None => answered.then_some(Ok(())),
    };
    Ran {
        outcome: if notified.all_sent() { JobOutcome::Complete } else { JobOutcome::Incomplete },
        well: true,
        seen: server.into_iter().map(|seen| (PartName::Smtp, seen)).collect(),
    }
}
