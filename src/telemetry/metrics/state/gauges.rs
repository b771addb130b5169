//! Everything that the ledger knows, declared once.

use std::collections::BTreeMap;

use prometheus::proto::MetricType;

use super::{Declared, SOURCES_AT_MOST, Series, State};
use crate::domain::age::AgeBand;
use crate::domain::belief::Liveness;
use crate::domain::facts::ConnectionStatus;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::rules;
use crate::domain::time::Timestamp;
use crate::ledger::read::{MailState, SourceOverview};
use crate::ports::health::JobState;
use crate::ports::meter::{ActName, ActOutcome};
use crate::ports::notify::WaitReason;

pub(super) const GAUGES: &[Declared] = &[
    Declared {
        name: "keysweep_connections",
        kind: MetricType::GAUGE,
        help: "Connections in the ledger.",
        labels: &["provider", "status"],
        read: connections,
    },
    Declared {
        name: "keysweep_credentials",
        kind: MetricType::GAUGE,
        help: "Credentials in the ledger, by what is believed of them.",
        labels: &["provider", "liveness"],
        read: credentials,
    },
    Declared {
        name: "keysweep_credentials_by_age",
        kind: MetricType::GAUGE,
        help: "Secrets in open use that are not proven dead, by the age that is known.",
        labels: &["provider", "band"],
        read: ages,
    },
    Declared {
        name: "keysweep_credential_oldest_since_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "Since when the oldest secret in open use is known to exist.",
        labels: &["provider"],
        read: |state, series| {
            for provider in state.labels() {
                series.instant(&[provider], state.earliest(provider, |p| p.oldest_since));
            }
        },
    },
    Declared {
        name: "keysweep_provider_blind",
        kind: MetricType::GAUGE,
        help: "Whether no refusal of the provider is believed at some endpoint, because it refuses or fails in bulk.",
        labels: &["provider"],
        read: |state, series| {
            for provider in state.labels() {
                series
                    .count(&[provider], u64::from(state.blind().any(|blind| state.label(&blind.provider) == provider)));
            }
        },
    },
    Declared {
        name: "keysweep_provider_blind_since_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "Since when that is so.",
        labels: &["provider", "protocol", "at"],
        read: blind_since,
    },
    Declared {
        name: "keysweep_clock_suspect",
        kind: MetricType::GAUGE,
        help: "Whether most providers say that our clock is more than an hour off.",
        labels: &[],
        read: |state, series| {
            state.overview.iter().for_each(|overview| series.count(&[], u64::from(overview.clock.is_some())));
        },
    },
    Declared {
        name: "keysweep_log_broken",
        kind: MetricType::GAUGE,
        help: "Whether the event log was not as it was written when its chain was last looked at.",
        labels: &[],
        read: |state, series| {
            state.overview.iter().for_each(|overview| series.count(&[], u64::from(overview.log.broken)));
        },
    },
    Declared {
        name: "keysweep_log_audited_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the event log's chain was last looked at.",
        labels: &[],
        read: |state, series| {
            series.instant(&[], state.overview.as_ref().and_then(|overview| overview.log.audited_at));
        },
    },
    Declared {
        name: "keysweep_findings_open",
        kind: MetricType::GAUGE,
        help: "Open findings.",
        labels: &["provider", "rule", "severity"],
        read: findings,
    },
    Declared {
        name: "keysweep_finding_oldest_opened_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the oldest open finding of the rule was opened that is as severe.",
        labels: &["rule", "severity"],
        read: oldest_opened,
    },
    Declared {
        name: "keysweep_tombstones",
        kind: MetricType::GAUGE,
        help: "Ended uses whose credential is not used in the account any more and not proven dead.",
        labels: &["provider"],
        read: |state, series| {
            for provider in state.labels() {
                series.count(&[provider], state.provider(provider, |p| p.tombstones));
            }
        },
    },
    Declared {
        name: "keysweep_tombstone_oldest_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the use of the oldest tombstone ended.",
        labels: &["provider"],
        read: |state, series| {
            for provider in state.labels() {
                series.instant(&[provider], state.earliest(provider, |p| p.oldest_tombstone));
            }
        },
    },
    Declared {
        name: "keysweep_outbox_mails",
        kind: MetricType::GAUGE,
        help: "Mails in the ledger, by how far they have come.",
        labels: &["state"],
        read: |state, series| {
            let Some(overview) = &state.overview else { return };
            for mail in MailState::ALL {
                series.count(&[mail.as_str()], overview.outbox.mails.get(&mail).copied().unwrap_or(0));
            }
        },
    },
    Declared {
        name: "keysweep_addresses_suppressed",
        kind: MetricType::GAUGE,
        help: "Addresses that are left alone because their server refused them for good.",
        labels: &[],
        read: |state, series| {
            let Some(overview) = &state.overview else { return };
            series.count(&[], overview.outbox.suppressed);
        },
    },
    Declared {
        name: "keysweep_outbox_oldest_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the oldest mail that still has to go out was formed.",
        labels: &[],
        read: |state, series| {
            series.instant(&[], state.overview.as_ref().and_then(|overview| overview.outbox.oldest_waiting));
        },
    },
    Declared {
        name: "keysweep_outbox_oldest_tried_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the oldest of those mails was formed that were tried and not taken.",
        labels: &[],
        read: |state, series| {
            series.instant(&[], state.overview.as_ref().and_then(|overview| overview.outbox.oldest_tried));
        },
    },
    Declared {
        name: "keysweep_acts_total",
        kind: MetricType::COUNTER,
        help: "What people asked for about findings and mails, since the ledger was made.",
        labels: &["act", "outcome"],
        read: acts,
    },
    Declared {
        name: "keysweep_mail_put_off",
        kind: MetricType::GAUGE,
        help: "People whose digest is put off.",
        labels: &["reason"],
        read: |state, series| {
            let Some(overview) = &state.overview else { return };
            for why in WaitReason::ALL {
                series.count(&[why.as_str()], overview.outbox.put_off.get(&why).copied().unwrap_or(0));
            }
        },
    },
    Declared {
        name: "keysweep_mail_braked",
        kind: MetricType::GAUGE,
        help: "Whether nobody is told of anything because far more is new than usual.",
        labels: &[],
        read: |state, series| {
            let Some(overview) = &state.overview else { return };
            series.count(&[], u64::from(overview.outbox.braked.is_some()));
        },
    },
    Declared {
        name: "keysweep_source_up",
        kind: MetricType::GAUGE,
        help: "Whether the last reading of the source came to its end.",
        labels: &["source"],
        read: |state, series| {
            for source in state.sources() {
                if let Some(up) = source.is_up() {
                    series.count(&[&source.name], u64::from(up));
                }
            }
        },
    },
    Declared {
        name: "keysweep_source_last_success_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the last reading of the source that came to its end began, of everything or of what had changed.",
        labels: &["source"],
        read: |state, series| {
            state.sources().for_each(|source| series.instant(&[&source.name], source.last_success()));
        },
    },
    Declared {
        name: "keysweep_source_rows",
        kind: MetricType::GAUGE,
        help: "Rows that the last reading of the source saw.",
        labels: &["source"],
        read: |state, series| of_sources(state, series, |source| source.rows),
    },
    Declared {
        name: "keysweep_source_quarantined_rows",
        kind: MetricType::GAUGE,
        help: "Rows that the last reading of the source set aside.",
        labels: &["source"],
        read: |state, series| of_sources(state, series, |source| source.quarantined),
    },
    Declared {
        name: "keysweep_source_held_back",
        kind: MetricType::GAUGE,
        help: "Connections and people that vanished from the source, held back because they are too many at once.",
        labels: &["source"],
        read: |state, series| of_sources(state, series, |source| source.held_back),
    },
    Declared {
        name: "keysweep_source_last_event_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When an event of the source was last taken.",
        labels: &["source"],
        read: |state, series| {
            for source in state.configured.takers.iter().take(SOURCES_AT_MOST) {
                series.instant(&[source], state.last_event(source));
            }
        },
    },
    Declared {
        name: "keysweep_metrics_dropped_sources",
        kind: MetricType::GAUGE,
        help: "Sources of the configuration that have no series because there are too many.",
        labels: &[],
        read: |state, series| {
            let dropped = state.configured.sources.len().saturating_sub(SOURCES_AT_MOST);
            series.count(&[], u64::try_from(dropped).unwrap_or(u64::MAX));
        },
    },
    Declared {
        name: "keysweep_schedule_last_run_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When a run of the schedule last ended, however it ended.",
        labels: &["schedule"],
        read: |state, series| schedules(state, series, |schedule| schedule.last_run),
    },
    Declared {
        name: "keysweep_schedule_last_success_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When a run of the schedule last ended with everything done.",
        labels: &["schedule"],
        read: |state, series| schedules(state, series, |schedule| schedule.last_success),
    },
    Declared {
        name: "keysweep_schedule_running_since_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the run of the schedule began that is under way.",
        labels: &["schedule"],
        read: |state, series| schedules(state, series, |schedule| schedule.running_since),
    },
    Declared {
        name: "keysweep_schedule_next_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the schedule is due next.",
        labels: &["schedule"],
        read: |state, series| schedules(state, series, |schedule| schedule.next),
    },
    Declared {
        name: "keysweep_policy_max_age_seconds",
        kind: MetricType::GAUGE,
        help: "The age beyond which a secret of the provider is stale.",
        labels: &["provider"],
        read: |state, series| {
            let used = state.labels();
            for (provider, configured) in &state.configured.providers {
                if used.contains(provider.as_str()) {
                    series.add(&[provider.as_str()], configured.max_age.as_secs_f64());
                }
            }
        },
    },
    Declared {
        name: "keysweep_snapshot_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the ledger was last read for the gauges of state.",
        labels: &[],
        read: |state, series| series.instant(&[], state.overview.as_ref().map(|overview| overview.at)),
    },
];

fn connections(state: &State, series: &mut Series) {
    for provider in state.labels() {
        for status in ConnectionStatus::ALL {
            let count = state.provider(provider, |p| p.connections.get(&status).copied().unwrap_or(0));
            series.count(&[provider, status.as_str()], count);
        }
    }
}

fn credentials(state: &State, series: &mut Series) {
    for provider in state.labels() {
        for liveness in Liveness::ALL {
            let count = state.provider(provider, |p| p.credentials.get(&liveness).copied().unwrap_or(0));
            series.count(&[provider, liveness.as_str()], count);
        }
    }
}

fn ages(state: &State, series: &mut Series) {
    for provider in state.labels() {
        for band in AgeBand::ALL {
            let count = state.provider(provider, |p| p.ages.get(&band).copied().unwrap_or(0));
            series.count(&[provider, band.as_str()], count);
        }
    }
}

fn findings(state: &State, series: &mut Series) {
    let mut counts: BTreeMap<(&str, RuleName, Severity), u64> = BTreeMap::new();
    for provider in state.labels() {
        for rule in RuleName::ALL {
            counts.extend(rules::severities(rule).iter().map(|severity| ((provider, rule, *severity), 0)));
        }
    }
    for kind in state.findings() {
        *counts.entry((state.label(&kind.provider), kind.rule, kind.severity)).or_default() += kind.count;
    }
    for ((provider, rule, severity), count) in counts {
        series.count(&[provider, rule.as_str(), severity.as_str()], count);
    }
}

fn oldest_opened(state: &State, series: &mut Series) {
    let mut oldest: BTreeMap<(RuleName, Severity), Timestamp> = BTreeMap::new();
    for kind in state.findings() {
        let earliest = oldest.entry((kind.rule, kind.severity)).or_insert(kind.oldest_opened_at);
        *earliest = kind.oldest_opened_at.min(*earliest);
    }
    for ((rule, severity), at) in oldest {
        series.instant(&[rule.as_str(), severity.as_str()], Some(at));
    }
}

fn acts(state: &State, series: &mut Series) {
    let Some(overview) = &state.overview else { return };
    for act in ActName::ALL.iter().map(|act| act.as_str()) {
        for outcome in ActOutcome::ALL.iter().map(|outcome| outcome.as_str()) {
            let counted = overview.acts.iter().find(|counted| counted.act == act && counted.outcome == outcome);
            series.count(&[act, outcome], counted.map_or(0, |counted| counted.times));
        }
    }
}

/// Providers outside the catalogue are one, and so may their endpoints be: the earliest instant is shown.
fn blind_since(state: &State, series: &mut Series) {
    let mut since: BTreeMap<[&str; 3], Timestamp> = BTreeMap::new();
    for blind in state.blind() {
        let labels = [state.label(&blind.provider), &blind.protocol, &blind.endpoint];
        let earliest = since.entry(labels).or_insert(blind.since);
        *earliest = blind.since.min(*earliest);
    }
    since.into_iter().for_each(|(labels, since)| series.instant(&labels, Some(since)));
}

fn of_sources(state: &State, series: &mut Series, pick: fn(&SourceOverview) -> u64) {
    let read = state.sources().filter(|source| source.last_read.is_some());
    read.for_each(|source| series.count(&[&source.name], pick(source)));
}

fn schedules(state: &State, series: &mut Series, pick: fn(&JobState) -> Option<Timestamp>) {
    state.schedules.iter().for_each(|(job, at)| series.instant(&[job.as_str()], pick(at)));
}
