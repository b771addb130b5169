//! The numbers for Prometheus.
//!
//! Two kinds, in two files. `state` is what the ledger holds: gauges that are read from the last [`Overview`] at each
//! scrape, so that a series lives exactly as long as what it counts. `process` is what this process has done since it
//! started: counters and histograms, reached by the stages through [`Meter`].
//!
//! Labels hold words of closed lists, providers of the catalogue and sources of the configuration: how many series there
//! are depends on those and never on the estate. Series of single connections are there only where they are asked for, and
//! capped ([`Singles`]). An instant is exported as a timestamp, and not at all while it is
//! unknown. `dashboards/metrics.md` says what each one means.

mod process;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::{Registry, TextEncoder};

pub use self::process::Heard;
use self::process::{Events, Process};
use self::state::{State, StateCollector};
use crate::domain::belief::Liveness;
use crate::domain::event::EventKind;
use crate::domain::ids::ProviderName;
use crate::domain::outcome::Answer;
use crate::domain::time::Timestamp;
use crate::ledger::read::{OldestSecrets, Overview, WorstFinding};
use crate::ports::activation::Job;
use crate::ports::health::JobState;
use crate::ports::meter::{
    AnnounceOutcome, BounceOutcome, EventOutcome, EventRefusal, JobOutcome, MailOutcome, Meter, PartName, SpanEnd,
    Stage,
};

/// The content type of what [`Metrics::render`] returns.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The label value for everything that belongs to a provider outside the catalogue.
pub const OTHER: &str = "other";

/// What the catalogue and the configuration say, as far as the numbers need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// every provider of the catalogue
    pub providers: BTreeMap<ProviderName, ConfiguredProvider>,
    /// every source of the configuration, by name
    pub sources: Vec<String>,
    /// those of them that take events
    pub takers: Vec<String>,
    /// how long a copy is held at most
    pub retention: Duration,
    /// copies are held until the key is proven dead, as far as that
    pub holds_until_proven: bool,
}

/// A provider of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfiguredProvider {
    /// whether the operator's configuration names it: then it has series before the ledger has a connection of it
    pub named: bool,
    /// the names of its protocols
    pub protocols: Vec<String>,
    /// a secret is stale when it is older than this
    pub max_age: Duration,
}

/// How much room the ledger has, in bytes; `None` where nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// how large it may grow
    pub limit: Option<u64>,
    /// what is free on its disk
    pub free: Option<u64>,
}

/// What there is to say of single connections, where the operator asked for it (`telemetry.per_connection`). The number
/// of series is that of the entries, which is capped; labels are the platform's own ids of accounts and connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Singles {
    /// open findings, the worst first
    pub findings: Vec<WorstFinding>,
    /// open findings that have no series because there are too many
    pub findings_left_out: u64,
    /// secrets in use
    pub secrets: OldestSecrets,
}

/// Why there are no metrics: a name or a label that the registry refuses, which is a defect of this build.
#[derive(Debug, thiserror::Error)]
#[error("the metrics can't be set up, which is a defect of this build: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// Everything that is exported. One for a process; to be shared in an [`Arc`].
pub struct Metrics {
    registry: Registry,
    state: Arc<ArcSwap<State>>,
    process: Process,
    events: Events,
}

impl Metrics {
    /// The metrics of a keysweep that has done nothing yet. Every series of a protocol or word is there, for each
    /// provider that the configuration names; those of others come with their first connection.
    ///
    /// # Errors
    /// [`MetricsError`], never where the tests of this room pass.
    pub fn new(configured: Configured) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let process = Process::register(&registry, &configured.providers)?;
        let events = Events::register(&registry)?;
        events.begin(&configured.takers);
        let state = Arc::new(ArcSwap::from_pointee(State::new(configured)));
        registry.register(Box::new(StateCollector::new(Arc::clone(&state))?))?;
        Ok(Self { registry, state, process, events })
    }

    /// Takes a configuration that has come into force, with the catalogue that came with it.
    pub fn configure(&self, configured: &Configured) {
        self.process.configure(&configured.providers);
        self.events.begin(&configured.takers);
        self.state.rcu(|state| State { configured: configured.clone(), ..State::clone(state) });
    }

    /// Shows the estate as it is now. Called at the start, after each job and every few minutes beside one, never for a scrape.
    pub fn show(&self, overview: Overview) {
        self.process.begin(overview.providers.keys());
        let is_asked =
            |name: &ProviderName| overview.providers.get(name).is_some_and(|provider| provider.answers.to_ask > 0);
        self.process.forget_who_is_not_asked(is_asked);
        let overview = Arc::new(overview);
        self.state.rcu(|state| State { overview: Some(Arc::clone(&overview)), ..State::clone(state) });
    }

    /// How each provider was heard that was asked: that it answers, or why it is said not to. One of which nothing is
    /// left to ask is none of them.
    pub fn heard(&self) -> Heard {
        self.process.heard()
    }

    /// Shows single connections, or none of them.
    pub fn show_singles(&self, singles: Option<Singles>) {
        let singles = singles.map(Arc::new);
        self.state.rcu(|state| State { singles: singles.clone(), ..State::clone(state) });
    }

    /// Shows how much room the ledger has.
    pub fn limit_ledger(&self, room: Room) {
        self.state.rcu(|state| State { room, ..State::clone(state) });
    }

    /// The overview that is shown, for the first page; `None` before the first.
    pub fn shown(&self) -> Option<Arc<Overview>> {
        self.state.load().overview.clone()
    }

    /// Shows how far a job is by its schedule.
    pub fn schedule(&self, job: Job, at: JobState) {
        self.state.rcu(|state| {
            let mut next = State::clone(state);
            next.schedules.insert(job, at);
            next
        });
    }

    /// Everything, in the text format of Prometheus. Costs what the number of series costs, whatever the estate.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            // Only a family without a name or without series fails, and the registry leaves those out.
            tracing::error!(%error, "the metrics can't be written");
        }
        text
    }
}

impl Meter for Metrics {
    fn probed(&self, provider: &ProviderName, answer: &Answer) {
        self.process.probed(provider, answer);
    }

    fn answering(&self, provider: &ProviderName, heard: Result<(), &str>) {
        self.process.answering(provider, heard);
    }

    fn moved(&self, provider: &ProviderName, to: Liveness) {
        self.process.moved(provider, to);
    }

    fn held(&self, provider: &ProviderName) {
        self.process.held(provider);
    }

    fn blinded(&self, provider: &ProviderName) {
        self.process.blinded(provider);
    }

    fn mailed(&self, outcome: MailOutcome) {
        self.process.mailed(outcome);
    }

    fn bounced(&self, outcome: BounceOutcome) {
        self.process.bounced(outcome);
    }

    fn announced(&self, outcome: AnnounceOutcome) {
        self.process.announced(outcome);
    }

    fn told(&self, source: &str, kind: EventKind, outcome: EventOutcome) {
        self.events.told(source, kind, outcome);
    }

    /// Shown at once: the next overview may be an hour away.
    fn heard_of(&self, source: &str, at: Timestamp) {
        self.state.rcu(|state| {
            let mut next = State::clone(state);
            next.heard.insert(source.to_owned(), at);
            next
        });
    }

    fn turned_away(&self, why: EventRefusal) {
        self.events.turned_away(why);
    }

    fn stage(&self, stage: Stage, took: Duration) {
        self.process.stage(stage, took);
    }

    fn job(&self, job: Job, outcome: JobOutcome) {
        self.process.job(job, outcome);
    }

    fn part(&self, part: PartName, up: bool) {
        self.process.part(part, up);
    }

    fn reloaded(&self, at: Timestamp, successful: bool) {
        self.process.reloaded(at, successful);
    }

    fn traced(&self, end: SpanEnd, count: u64) {
        self.process.traced(end, count);
    }
}
