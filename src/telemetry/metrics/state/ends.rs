//! What comes to an end: copies, and the room for the ledger.

use prometheus::proto::MetricType;

use super::{Declared, Series, State};

pub(super) const GAUGES: &[Declared] = &[
    Declared {
        name: "keysweep_policy_retention_seconds",
        kind: MetricType::GAUGE,
        help: "How long a copy of a secret is held at most once nothing uses it.",
        labels: &[],
        read: |state, series| series.add(&[], state.configured.retention.as_secs_f64()),
    },
    Declared {
        name: "keysweep_copy_next_end_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the first copy is to be destroyed of a key that nothing uses any more and that still works.",
        labels: &["provider"],
        read: next_end,
    },
    Declared {
        name: "keysweep_ledger_size_bytes",
        kind: MetricType::GAUGE,
        help: "The size of the ledger's database.",
        labels: &[],
        read: |state, series| state.overview.iter().for_each(|overview| series.count(&[], overview.ledger_bytes)),
    },
    Declared {
        name: "keysweep_ledger_limit_bytes",
        kind: MetricType::GAUGE,
        help: "The size that the ledger may grow to: as configured, else what its disk has room for.",
        labels: &[],
        read: |state, series| state.room.limit.iter().for_each(|limit| series.count(&[], *limit)),
    },
    Declared {
        name: "keysweep_ledger_free_bytes",
        kind: MetricType::GAUGE,
        help: "The room on the disk that the ledger is on.",
        labels: &[],
        read: |state, series| state.room.free.iter().for_each(|free| series.count(&[], *free)),
    },
];

/// Where copies are not held until the proof, nobody waits for it.
fn next_end(state: &State, series: &mut Series) {
    if !state.configured.holds_until_proven {
        return;
    }
    for provider in state.labels() {
        let unused_since = state.earliest(provider, |p| p.unused_since);
        series.instant(&[provider], unused_since.map(|since| since + state.configured.retention));
    }
}
