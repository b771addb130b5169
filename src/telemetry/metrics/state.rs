//! What the ledger holds, as gauges, and what it has counted. Read at each scrape from the last overview: what is gone from it leaves no series.

mod ends;
mod exempt;
mod gauges;
mod remedied;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use self::gauges::GAUGES;
use self::remedied::REMEDIED;
use super::{Configured, OTHER, Room, Singles};
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::ledger::read::{
    BlindOverview, ExemptOverview, FindingsOverview, Overview, ProviderOverview, SourceOverview,
};
use crate::ports::activation::Job;
use crate::ports::health::JobState;

/// Sources that have series; more are counted, not shown.
const SOURCES_AT_MOST: usize = 100;

/// All that the gauges of state are read from.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) configured: Configured,
    pub(super) overview: Option<Arc<Overview>>,
    pub(super) schedules: BTreeMap<Job, JobState>,
    /// when an event of a source was last taken by this process
    pub(super) heard: BTreeMap<String, Timestamp>,
    /// the connections that have series of their own; `None` where nobody asked for such
    pub(super) singles: Option<Arc<Singles>>,
    /// how much room the ledger has
    pub(super) room: Room,
}

impl State {
    pub(super) fn new(configured: Configured) -> Self {
        Self { configured, ..Self::default() }
    }

    /// What is known of a provider of the catalogue, or of all others together: zero where the ledger has nothing.
    fn provider(&self, name: &str, pick: impl Fn(&ProviderOverview) -> u64) -> u64 {
        self.named(name).map(|(_, provider)| pick(provider)).sum()
    }

    /// The earliest of an instant of a provider of the catalogue, or of all others together.
    fn earliest(&self, name: &str, pick: impl Fn(&ProviderOverview) -> Option<Timestamp>) -> Option<Timestamp> {
        self.named(name).filter_map(|(_, provider)| pick(provider)).min()
    }

    fn named(&self, label: &str) -> impl Iterator<Item = (&ProviderName, &ProviderOverview)> {
        let providers = self.overview.iter().flat_map(|overview| &overview.providers);
        providers.filter(move |(name, _)| self.label(name) == label)
    }

    /// A provider's label value.
    fn label<'a>(&self, name: &'a ProviderName) -> &'a str {
        if self.configured.providers.contains_key(name) { name.as_str() } else { OTHER }
    }

    /// The label values of providers: those of the catalogue that are in use, and [`OTHER`] where the ledger has some that
    /// are not of the catalogue. None before the first overview.
    fn labels(&self) -> BTreeSet<&str> {
        let Some(overview) = &self.overview else { return BTreeSet::new() };
        let named = self.configured.providers.iter().filter(|(_, configured)| configured.named);
        let findings = overview.findings.iter().map(|kind| &kind.provider);
        let blind = overview.blind.iter().map(|blind| &blind.provider);
        let closings = overview.closings.iter().map(|closing| &closing.provider);
        let used = overview.providers.keys().chain(findings).chain(blind).chain(closings).map(|name| self.label(name));
        named.map(|(name, _)| name.as_str()).chain(used).collect()
    }

    /// When an event of a source was last taken, by whichever process.
    fn last_event(&self, source: &str) -> Option<Timestamp> {
        let known = self.overview.iter().flat_map(|overview| &overview.sources).find(|known| known.name == source);
        known.and_then(|known| known.last_event).max(self.heard.get(source).copied())
    }

    fn blind(&self) -> impl Iterator<Item = &BlindOverview> {
        self.overview.iter().flat_map(|overview| &overview.blind)
    }

    fn findings(&self) -> impl Iterator<Item = &FindingsOverview> {
        self.overview.iter().flat_map(|overview| &overview.findings)
    }

    fn exempt(&self) -> impl Iterator<Item = &ExemptOverview> {
        self.overview.iter().flat_map(|overview| &overview.exempt)
    }

    /// The sources of the configuration that the ledger knows, as far as they have series.
    fn sources(&self) -> impl Iterator<Item = &SourceOverview> {
        let known = self.overview.iter().flat_map(|overview| &overview.sources);
        let shown = self.configured.sources.iter().take(SOURCES_AT_MOST);
        known.filter(move |source| shown.clone().any(|name| *name == source.name))
    }
}

/// One family: its name, whether it is a gauge, or a counter or histogram that outlives processes, what it means, its
/// labels, and where its series come from.
struct Declared {
    name: &'static str,
    kind: MetricType,
    help: &'static str,
    labels: &'static [&'static str],
    read: fn(&State, &mut Series),
}

/// Everything that the ledger knows.
fn declared() -> impl Iterator<Item = &'static Declared> {
    GAUGES.iter().chain(ends::GAUGES).chain(exempt::GAUGES).chain(REMEDIED)
}

/// The series of one family.
struct Series {
    kind: MetricType,
    labels: &'static [&'static str],
    metrics: Vec<Metric>,
}

impl Series {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn count(&mut self, values: &[&str], count: u64) {
        self.add(values, count as f64);
    }

    /// An instant; no series while it is unknown.
    fn instant(&mut self, values: &[&str], at: Option<Timestamp>) {
        if let Some(at) = at {
            self.add(values, seconds(at));
        }
    }

    /// How many took at most so long, in rising order, then how many there are and how many seconds they took together.
    #[expect(clippy::cast_precision_loss, reason = "seconds far below 2^53")]
    fn histogram(&mut self, values: &[&str], buckets: &[(Duration, u64)], count: u64, seconds: u64) {
        let bucket = |(limit, count): &(Duration, u64)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(limit.as_secs_f64());
            bucket.set_cumulative_count(*count);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.iter().map(bucket).collect());
        histogram.set_sample_count(count);
        histogram.set_sample_sum(seconds as f64);
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        self.push(values, metric);
    }

    fn add(&mut self, values: &[&str], value: f64) {
        let mut metric = Metric::default();
        match self.kind {
            MetricType::COUNTER => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            _ => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.push(values, metric);
    }

    fn push(&mut self, values: &[&str], mut metric: Metric) {
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        let mut labels: Vec<LabelPair> = self.labels.iter().zip(values).map(pair).collect();
        labels.sort_by(|one, other| one.name().cmp(other.name())); // as the crate's own families have them
        metric.set_label(labels);
        self.metrics.push(metric);
    }
}

/// An instant as Prometheus writes it.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of any year to come are below 2^53")]
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

/// Hands the gauges to the registry.
pub(super) struct StateCollector {
    state: Arc<ArcSwap<State>>,
    descriptions: Vec<Desc>,
}

impl StateCollector {
    pub(super) fn new(state: Arc<ArcSwap<State>>) -> prometheus::Result<Self> {
        let describe = |gauge: &Declared| {
            let labels = gauge.labels.iter().map(|label| (*label).to_owned()).collect();
            Desc::new(gauge.name.to_owned(), gauge.help.to_owned(), labels, HashMap::new())
        };
        Ok(Self { state, descriptions: declared().map(describe).collect::<Result<_, _>>()? })
    }
}

impl Collector for StateCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let state = self.state.load();
        let family = |gauge: &Declared| {
            let mut series = Series { kind: gauge.kind, labels: gauge.labels, metrics: Vec::new() };
            (gauge.read)(&state, &mut series);
            let mut family = MetricFamily::default();
            family.set_name(gauge.name.to_owned());
            family.set_help(gauge.help.to_owned());
            family.set_field_type(gauge.kind);
            family.set_metric(series.metrics);
            family
        };
        declared().map(family).collect()
    }
}
