//! Events that the platform told, and what was turned away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{IntCounter, IntCounterVec, Registry};

use super::{count, counters, each};
use crate::domain::event::EventKind;
use crate::ports::meter::{EventOutcome, EventRefusal};

/// Sources whose events are counted; more have no series.
const SOURCES_AT_MOST: usize = 100;

/// What has become of events.
pub(in crate::telemetry::metrics) struct Events {
    told: IntCounterVec,
    turned_away: BTreeMap<EventRefusal, IntCounter>,
    /// the sources that have series: at most [`SOURCES_AT_MOST`], those of earlier configurations included
    counted: Mutex<BTreeSet<String>>,
}

impl Events {
    pub(in crate::telemetry::metrics) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let told = counters(
            registry,
            "keysweep_events_total",
            "Events of a source, by what they told and what became of them.",
            &["source", "type", "outcome"],
        )?;
        let turned_away = counters(
            registry,
            "keysweep_event_requests_refused_total",
            "Requests with an event that were turned away before their source was known.",
            &["reason"],
        )?;
        let of = |why: EventRefusal| turned_away.get_metric_with_label_values(&[why.as_str()]);
        Ok(Self { turned_away: each(EventRefusal::ALL, of)?, told, counted: Mutex::default() })
    }

    /// Makes all series of these sources.
    pub(in crate::telemetry::metrics) fn begin(&self, sources: &[String]) {
        let mut counted = self.counted();
        for source in sources {
            if counted.len() >= SOURCES_AT_MOST || !counted.insert(source.clone()) {
                continue;
            }
            for kind in EventKind::ALL {
                for outcome in EventOutcome::ALL {
                    // only a wrong number of labels is refused
                    drop(self.told.get_metric_with_label_values(&[source, kind.as_str(), outcome.as_str()]));
                }
            }
        }
    }

    /// Counts an event of a source that has series.
    pub(in crate::telemetry::metrics) fn told(&self, source: &str, kind: EventKind, outcome: EventOutcome) {
        // asking for a series makes it
        if !self.counted().contains(source) {
            return;
        }
        if let Ok(counter) = self.told.get_metric_with_label_values(&[source, kind.as_str(), outcome.as_str()]) {
            counter.inc();
        }
    }

    fn counted(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::telemetry::metrics) fn turned_away(&self, why: EventRefusal) {
        count(&self.turned_away, &why);
    }
}
