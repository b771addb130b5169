//! What this process has done since it started. Every series is made at the start, so that rates are right from the first
//! event on, and its handle is kept: counting is an addition.

mod events;
mod hearing;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

pub(in crate::telemetry::metrics) use self::events::Events;
pub use self::hearing::Heard;
use self::hearing::Hearing;
use super::state::seconds;
use super::{ConfiguredProvider, OTHER};
use crate::domain::belief::Liveness;
use crate::domain::ids::ProviderName;
use crate::domain::outcome::{Answer, Outcome, Part, Reason, Verdict, combine};
use crate::domain::time::Timestamp;
use crate::ports::activation::Job;
use crate::ports::meter::{AnnounceOutcome, BounceOutcome, JobOutcome, MailOutcome, PartName, SpanEnd, Stage};

/// The protocol of an answer for which nobody was asked.
const NO_PROTOCOL: &str = "none";

/// The contract's words for an outcome.
const OUTCOMES: [&str; 5] = ["accepted", "limited", "refused", "partly_refused", "unknown"];

/// From an answer at once to a time-out.
const PROBE_SECONDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// From a scan in which nothing is due to a first one of a million credentials.
const STAGE_SECONDS: [f64; 7] = [0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0];

/// The counters and histograms of this process.
pub(super) struct Process {
    families: ByProvider,
    /// the whole catalogue
    catalogue: ArcSwap<BTreeMap<ProviderName, ConfiguredProvider>>,
    /// of those, whoever is in use
    providers: ArcSwap<BTreeMap<ProviderName, Arc<OfProvider>>>,
    /// for providers outside the catalogue, made when there is one
    others: OnceLock<Option<Arc<OfProvider>>>,
    hearing: Hearing,
    mails: BTreeMap<MailOutcome, IntCounter>,
    bounces: BTreeMap<BounceOutcome, IntCounter>,
    messages: BTreeMap<AnnounceOutcome, IntCounter>,
    jobs: BTreeMap<(Job, JobOutcome), IntCounter>,
    stages: BTreeMap<Stage, Histogram>,
    spans: BTreeMap<SpanEnd, IntCounter>,
    parts: IntGaugeVec,
    reload: IntGaugeVec,
    reload_success: GaugeVec,
}

/// The families whose series belong to a provider.
struct ByProvider {
    probes: IntCounterVec,
    unknown: IntCounterVec,
    duration: HistogramVec,
    moves: IntCounterVec,
    held: IntCounterVec,
    answering: IntGaugeVec,
}

/// The series of one provider.
struct OfProvider {
    /// by protocol, in the order of [`OUTCOMES`]
    probes: BTreeMap<String, [IntCounter; 5]>,
    unknown: BTreeMap<Reason, IntCounter>,
    duration: Histogram,
    moves: BTreeMap<Liveness, IntCounter>,
    held: IntCounter,
    answering: IntGauge,
}

impl Process {
    pub(super) fn register(
        registry: &Registry,
        catalogue: &BTreeMap<ProviderName, ConfiguredProvider>,
    ) -> prometheus::Result<Self> {
        let families = ByProvider::register(registry)?;
        let mails =
            counters(registry, "keysweep_mails_total", "Tries to send a mail, by how they ended.", &["outcome"])?;
        let bounces = counters(
            registry,
            "keysweep_mail_bounces_total",
            "Messages that came to the return path of mails, by what they came to.",
            &["outcome"],
        )?;
        let messages = counters(
            registry,
            "keysweep_webhook_messages_total",
            "Tries to tell an endpoint of the operator's, by how they ended.",
            &["outcome"],
        )?;
        let jobs = counters(
            registry,
            "keysweep_jobs_total",
            "Runs of a schedule that are over, asked for or due.",
            &["schedule", "outcome"],
        )?;
        let stages = HistogramOpts::new("keysweep_stage_duration_seconds", "How long the parts of a scan took.");
        let stages = HistogramVec::new(stages.buckets(STAGE_SECONDS.to_vec()), &["stage"])?;
        register(registry, &stages)?;
        let spans =
            counters(registry, "keysweep_trace_spans_total", "Spans of traces, by what became of them.", &["outcome"])?;
        build_info(registry)?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let process = Self {
            families,
            catalogue: ArcSwap::default(),
            providers: ArcSwap::default(),
            others: OnceLock::new(),
            hearing: Hearing::default(),
            mails: each(MailOutcome::ALL, |outcome| mails.get_metric_with_label_values(&[outcome.as_str()]))?,
            bounces: each(BounceOutcome::ALL, |outcome| bounces.get_metric_with_label_values(&[outcome.as_str()]))?,
            messages: each(AnnounceOutcome::ALL, |outcome| messages.get_metric_with_label_values(&[outcome.as_str()]))?,
            jobs: each(&ends_of_jobs(), |(job, outcome)| {
                jobs.get_metric_with_label_values(&[job.as_str(), outcome.as_str()])
            })?,
            stages: each(Stage::ALL, |stage| stages.get_metric_with_label_values(&[stage.as_str()]))?,
            spans: each(SpanEnd::ALL, |end| spans.get_metric_with_label_values(&[end.as_str()]))?,
            parts: gauges(registry, "keysweep_part_up", "Whether the part worked when it was last used.", &["part"])?,
            reload: gauges(
                registry,
                "keysweep_config_last_reload_successful",
                "Whether the configuration that was last read is in force.",
                &[],
            )?,
            reload_success: {
                let name = "keysweep_config_last_reload_success_timestamp_seconds";
                let gauge = GaugeVec::new(Opts::new(name, "When the configuration in force was read."), &[])?;
                register(registry, &gauge)?;
                gauge
            },
        };
        process.configure(catalogue);
        Ok(process)
    }

    /// Takes a catalogue that has come into force. Series that are there stay: a counter doesn't vanish while its
    /// process lives.
    pub(super) fn configure(&self, catalogue: &BTreeMap<ProviderName, ConfiguredProvider>) {
        self.catalogue.store(Arc::new(catalogue.clone()));
        let named = catalogue.iter().filter(|(_, configured)| configured.named).map(|(name, _)| name.clone());
        let used: Vec<ProviderName> = named.chain(self.providers.load().keys().cloned()).collect();
        self.begin(&used);
    }

    /// Makes all series of these providers, where the catalogue knows them.
    pub(super) fn begin<'a>(&self, providers: impl IntoIterator<Item = &'a ProviderName>) {
        for name in providers {
            let (catalogue, known) = (self.catalogue.load(), self.providers.load());
            let Some(configured) = catalogue.get(name) else { continue };
            let is_whole = |known: &Arc<OfProvider>| configured.protocols.iter().all(|p| known.probes.contains_key(p));
            if !known.get(name).is_some_and(is_whole)
                && let Ok(series) = self.families.series(name.as_str(), &configured.protocols)
            {
                let series = Arc::new(series);
                self.providers.rcu(|known| {
                    let mut known = BTreeMap::clone(known);
                    known.insert(name.clone(), Arc::clone(&series));
                    known
                });
            }
        }
    }

    pub(super) fn probed(&self, provider: &ProviderName, answer: &Answer) {
        let Some(of_provider) = self.of(provider) else { return };
        if let Some(reason) = answer.outcome.reason() {
            count(&of_provider.unknown, &reason);
        }
        if answer.parts.is_empty() {
            of_provider.asked(NO_PROTOCOL, answer.outcome);
            return;
        }
        of_provider.duration.observe(answer.took.as_secs_f64());
        // In the order of asking, protocol by protocol. What the operator leaves out was not asked.
        let asked = |parts: &&[Part]| parts.iter().any(|part| part.verdict != Verdict::NotAsked);
        for parts in answer.parts.chunk_by(|one, next| one.protocol == next.protocol).filter(asked) {
            of_provider.asked(&parts[0].protocol, combine(parts));
        }
    }

    pub(super) fn answering(&self, provider: &ProviderName, heard: Result<(), &str>) {
        if let Some(of_provider) = self.of(provider) {
            of_provider.answering.set(i64::from(heard.is_ok()));
        }
        self.hearing.note(provider, heard);
    }

    /// A provider that is not asked any more would else be said not to answer for as long as the process lives.
    pub(super) fn forget_who_is_not_asked(&self, is_asked: impl Fn(&ProviderName) -> bool) {
        for of_provider in self.hearing.forget(is_asked).iter().filter_map(|name| self.of(name)) {
            of_provider.answering.set(1);
        }
    }

    pub(super) fn heard(&self) -> Heard {
        self.hearing.all()
    }

    pub(super) fn moved(&self, provider: &ProviderName, to: Liveness) {
        if let Some(of_provider) = self.of(provider) {
            count(&of_provider.moves, &to);
        }
    }

    pub(super) fn held(&self, provider: &ProviderName) {
        self.of(provider).into_iter().for_each(|of_provider| of_provider.held.inc());
    }

    pub(super) fn blinded(&self, provider: &ProviderName) {
        self.of(provider).into_iter().for_each(|of_provider| count(&of_provider.unknown, &Reason::Blind));
    }

    pub(super) fn mailed(&self, outcome: MailOutcome) {
        count(&self.mails, &outcome);
    }

    pub(super) fn bounced(&self, outcome: BounceOutcome) {
        count(&self.bounces, &outcome);
    }

    pub(super) fn announced(&self, outcome: AnnounceOutcome) {
        count(&self.messages, &outcome);
    }

    pub(super) fn stage(&self, stage: Stage, took: Duration) {
        if let Some(histogram) = self.stages.get(&stage) {
            histogram.observe(took.as_secs_f64());
        }
    }

    pub(super) fn job(&self, job: Job, outcome: JobOutcome) {
        count(&self.jobs, &(job, outcome));
    }

    pub(super) fn traced(&self, end: SpanEnd, count: u64) {
        if let Some(counter) = self.spans.get(&end) {
            counter.inc_by(count);
        }
    }

    pub(super) fn part(&self, part: PartName, up: bool) {
        if let Ok(gauge) = self.parts.get_metric_with_label_values(&[part.as_str()]) {
            gauge.set(i64::from(up));
        }
    }

    pub(super) fn reloaded(&self, at: Timestamp, successful: bool) {
        const NO_LABELS: &[&str] = &[];
        if let Ok(gauge) = self.reload.get_metric_with_label_values(NO_LABELS) {
            gauge.set(i64::from(successful));
        }
        if let (Ok(gauge), true) = (self.reload_success.get_metric_with_label_values(NO_LABELS), successful) {
            Gauge::set(&gauge, seconds(at));
        }
    }

    /// The series of a provider. `None` never happens where the registry took the families.
    fn of(&self, provider: &ProviderName) -> Option<Arc<OfProvider>> {
        let others = || self.others.get_or_init(|| self.families.series(OTHER, &[]).ok().map(Arc::new)).clone();
        if !self.providers.load().contains_key(provider) {
            self.begin([provider]); // its first answer comes before the overview that tells of it
        }
        self.providers.load().get(provider).cloned().or_else(others)
    }
}

impl ByProvider {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let duration = HistogramOpts::new(
            "keysweep_probe_duration_seconds",
            "How long the provider took to answer about one credential, without the wait for its turn.",
        );
        let duration = HistogramVec::new(duration.buckets(PROBE_SECONDS.to_vec()), &["provider"])?;
        register(registry, &duration)?;
        Ok(Self {
            probes: counters(
                registry,
                "keysweep_probes_total",
                "Credentials that were asked about, by protocol and what it said.",
                &["provider", "protocol", "outcome"],
            )?,
            unknown: counters(
                registry,
                "keysweep_probe_unknown_total",
                "Credentials of which not everything could be learnt, by the reason.",
                &["provider", "reason"],
            )?,
            duration,
            moves: counters(
                registry,
                "keysweep_transitions_total",
                "Changes of what is believed of a credential, by what it became.",
                &["provider", "to"],
            )?,
            held: counters(
                registry,
                "keysweep_held_transitions_total",
                "Changes of what is believed of a credential that did not come about because its provider is blind.",
                &["provider"],
            )?,
            answering: gauges(
                registry,
                "keysweep_provider_answering",
                "Whether the provider answered anything when it was last asked.",
                &["provider"],
            )?,
        })
    }

    fn series(&self, provider: &str, protocols: &[String]) -> prometheus::Result<OfProvider> {
        let mut probes = BTreeMap::new();
        for protocol in protocols.iter().map(String::as_str).chain([NO_PROTOCOL]) {
            let counter = |outcome| self.probes.get_metric_with_label_values(&[provider, protocol, outcome]);
            let [accepted, limited, refused, partly, unknown] = OUTCOMES.map(counter);
            probes.insert(protocol.to_owned(), [accepted?, limited?, refused?, partly?, unknown?]);
        }
        let answering = self.answering.get_metric_with_label_values(&[provider])?;
        answering.set(1);
        Ok(OfProvider {
            probes,
            unknown: each(&Reason::ALL, |r| self.unknown.get_metric_with_label_values(&[provider, r.as_str()]))?,
            duration: self.duration.get_metric_with_label_values(&[provider])?,
            moves: each(&Liveness::ALL, |to| self.moves.get_metric_with_label_values(&[provider, to.as_str()]))?,
            held: self.held.get_metric_with_label_values(&[provider])?,
            answering,
        })
    }
}

impl OfProvider {
    /// A protocol outside the catalogue is counted with those that nobody was asked over.
    fn asked(&self, protocol: &str, outcome: Outcome) {
        let counters = self.probes.get(protocol).or_else(|| self.probes.get(NO_PROTOCOL));
        let Some([accepted, limited, refused, partly, unknown]) = counters else { return };
        match outcome {
            Outcome::Accepted => accepted,
            Outcome::Limited => limited,
            Outcome::Refused => refused,
            Outcome::PartlyRefused(_) => partly,
            Outcome::Unknown(_) => unknown,
        }
        .inc();
    }
}

fn count<K: Ord>(counters: &BTreeMap<K, IntCounter>, key: &K) {
    if let Some(counter) = counters.get(key) {
        counter.inc();
    }
}

fn ends_of_jobs() -> Vec<(Job, JobOutcome)> {
    Job::ALL.iter().flat_map(|job| JobOutcome::ALL.iter().map(|outcome| (*job, *outcome))).collect()
}

/// A series for each word of a closed list.
fn each<K: Copy + Ord, S>(
    words: &[K],
    series: impl Fn(K) -> prometheus::Result<S>,
) -> prometheus::Result<BTreeMap<K, S>> {
    words.iter().map(|word| Ok((*word, series(*word)?))).collect()
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    let family = IntCounterVec::new(Opts::new(name, help), labels)?;
    register(registry, &family)?;
    Ok(family)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    let family = IntGaugeVec::new(Opts::new(name, help), labels)?;
    register(registry, &family)?;
    Ok(family)
}

fn build_info(registry: &Registry) -> prometheus::Result<()> {
    let help = "The version of keysweep, and the compiler that built it.";
    let build = gauges(registry, "keysweep_build_info", help, &["version", "rustc"])?;
    build.get_metric_with_label_values(&[env!("CARGO_PKG_VERSION"), env!("KEYSWEEP_RUSTC")])?.set(1);
    Ok(())
}

fn register(registry: &Registry, collector: &(impl Collector + Clone + 'static)) -> prometheus::Result<()> {
    registry.register(Box::new(collector.clone()))
}
