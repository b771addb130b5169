//! What became of what was found, and series of single connections for those who ask for them.

use std::collections::BTreeMap;

use prometheus::proto::MetricType;

use super::{Declared, Series, State};
use crate::domain::finding::RuleName;
use crate::domain::settling::REASONS;
use crate::domain::span::{OpenFor, Took};
use crate::ledger::read::{ClosingsOverview, finding_name};

pub(super) const REMEDIED: &[Declared] = &[
    Declared {
        name: "keysweep_findings_by_age",
        kind: MetricType::GAUGE,
        help: "Open findings, by how long they have been open.",
        labels: &["rule", "band"],
        read: by_age,
    },
    Declared {
        name: "keysweep_findings_closed_total",
        kind: MetricType::COUNTER,
        help: "Findings that closed since the ledger was made, by the reason.",
        labels: &["rule", "why"],
        read: closed,
    },
    Declared {
        name: "keysweep_time_to_revoke_seconds",
        kind: MetricType::HISTOGRAM,
        help: "From the end of the use of a left-behind key that worked to the proof that it is dead.",
        labels: &["provider"],
        read: |state, series| times(state, series, is_revocation),
    },
    Declared {
        name: "keysweep_time_to_rotate_seconds",
        kind: MetricType::HISTOGRAM,
        help: "From the instant at which a secret was stale to its replacement or its death.",
        labels: &["provider"],
        read: |state, series| times(state, series, is_rotation),
    },
    Declared {
        name: "keysweep_connection_finding_since_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "Since when an open finding holds. Only where series of single connections are asked for.",
        labels: &["source", "account", "connection", "provider", "rule", "severity", "finding"],
        read: single_findings,
    },
    Declared {
        name: "keysweep_connection_secret_since_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "Since when the secret of an open connection is known to exist. Only where that is asked for.",
        labels: &["source", "account", "connection", "provider", "liveness"],
        read: single_secrets,
    },
    Declared {
        name: "keysweep_metrics_dropped_connections",
        kind: MetricType::GAUGE,
        help: "Findings and secrets that have no series of their own because there are too many.",
        labels: &["series"],
        read: |state, series| {
            if let Some(singles) = &state.singles {
                series.count(&["findings"], singles.findings_left_out);
                series.count(&["secrets"], singles.secrets.left_out);
            }
        },
    },
];

fn by_age(state: &State, series: &mut Series) {
    let Some(overview) = &state.overview else { return };
    for rule in RuleName::ALL {
        let bands = overview.open_for.get(&rule);
        for band in OpenFor::ALL {
            let count = bands.and_then(|bands| bands.get(&band)).copied().unwrap_or(0);
            series.count(&[rule.as_str(), band.as_str()], count);
        }
    }
}

fn closed(state: &State, series: &mut Series) {
    let Some(overview) = &state.overview else { return };
    for rule in RuleName::ALL {
        for why in REASONS {
            let these = overview.closings.iter().filter(|one| one.rule == rule && one.why == why);
            series.count(&[rule.as_str(), why], these.map(|one| one.times).sum());
        }
    }
}

fn is_revocation(closing: &ClosingsOverview) -> bool {
    closing.rule == RuleName::RevocationMissing && closing.why == "dead"
}

/// Not a deleted connection, whose key lives on; nor a changed limit.
fn is_rotation(closing: &ClosingsOverview) -> bool {
    closing.rule == RuleName::SecretStale && ["rotated", "dead"].contains(&closing.why.as_str())
}

fn times(state: &State, series: &mut Series, which: fn(&ClosingsOverview) -> bool) {
    let Some(overview) = &state.overview else { return };
    for provider in state.labels() {
        let mut counts: BTreeMap<Took, u64> = BTreeMap::new();
        let mut seconds = 0;
        for closing in overview.closings.iter().filter(|one| which(one) && state.label(&one.provider) == provider) {
            *counts.entry(closing.took).or_default() += closing.times;
            seconds += closing.seconds;
        }
        let up_to = |band: Took| counts.range(..=band).map(|(_, count)| count).sum();
        let buckets = Took::LIMITED.map(|(band, limit)| (limit, up_to(band)));
        series.histogram(&[provider], &buckets, up_to(Took::Longer), seconds);
    }
}

fn single_findings(state: &State, series: &mut Series) {
    for one in state.singles.iter().flat_map(|singles| &singles.findings) {
        let (provider, number) = (state.label(&one.provider), finding_name(one.id));
        let labels = [&one.source, &one.account_id, &one.connection_id, provider, one.rule.as_str()];
        let labels = [&labels[..], &[one.severity.as_str(), &number]].concat();
        series.instant(&labels, Some(one.since));
    }
}

fn single_secrets(state: &State, series: &mut Series) {
    for one in state.singles.iter().flat_map(|singles| &singles.secrets.secrets) {
        let provider = state.label(&one.provider);
        let labels = [&one.source, &one.account_id, &one.connection_id, provider, one.liveness.as_str()];
        series.instant(&labels, Some(one.since));
    }
}
