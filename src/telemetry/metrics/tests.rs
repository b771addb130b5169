//! What whoever scrapes relies on.

use std::collections::BTreeSet;

use super::*;
use crate::domain::age::AgeBand;
use crate::domain::blindness::Why;
use crate::domain::facts::ConnectionStatus;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::outcome::{Outcome, Part, Reason, Verdict};
use crate::domain::time::days;
use crate::ledger::read::{
    ActsOverview, BlindOverview, FindingsOverview, MailState, OutboxOverview, ProviderOverview, SourceOverview,
};

mod blind;
mod events;
mod exempt;
mod providers;
mod remedied;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn name(provider: &str) -> ProviderName {
    ProviderName::new(provider)
}

fn configured(providers: &[&str]) -> Configured {
    let provider = |provider: &&str| {
        let protocols = ["rest", "smtp"].iter().map(|protocol| (*protocol).to_owned()).collect();
        (name(provider), ConfiguredProvider { named: true, protocols, max_age: days(90) })
    };
    Configured {
        providers: providers.iter().map(provider).collect(),
        sources: vec!["platform".to_owned()],
        takers: vec!["platform".to_owned()],
        retention: days(30),
        holds_until_proven: true,
    }
}

fn metrics() -> Metrics {
    Metrics::new(configured(&["kit", "mailjet"])).unwrap()
}

fn empty() -> Overview {
    Overview {
        at: NOW,
        providers: BTreeMap::new(),
        findings: Vec::new(),
        exempt: Vec::new(),
        open_for: BTreeMap::new(),
        closings: Vec::new(),
        outbox: OutboxOverview::default(),
        acts: Vec::new(),
        sources: Vec::new(),
        blind: Vec::new(),
        clock: None,
        ledger_bytes: 4096,
        log: crate::ledger::read::LogOverview::default(),
    }
}

fn finding(provider: &str, rule: RuleName, severity: Severity, count: u64) -> FindingsOverview {
    let provider = name(provider);
    FindingsOverview { provider, rule, severity, count, unmailed: 0, oldest_opened_at: NOW - days(count) }
}

fn blind(provider: &str, protocol: &str) -> BlindOverview {
    let (provider, protocol, endpoint) = (name(provider), protocol.to_owned(), "default".to_owned());
    BlindOverview { provider, protocol, endpoint, since: NOW, why: Why::Refused }
}

fn source(name: &str) -> SourceOverview {
    SourceOverview {
        name: name.to_owned(),
        last_read: Some(NOW),
        last_complete: None,
        last_through: None,
        error: None,
        rows: 12,
        quarantined: 2,
        held_back: 1,
        last_changes: None,
        last_event: Some(NOW),
    }
}

fn part(protocol: &str, endpoint: &str, verdict: Verdict) -> Part {
    Part { protocol: protocol.to_owned(), endpoint: endpoint.to_owned(), verdict, status: None }
}

fn answer(outcome: Outcome, parts: Vec<Part>) -> Answer {
    let took = Duration::from_millis(300);
    Answer { outcome, parts, at: NOW, took, retry_after: None, date: None, kind: None, is_mistaken: false }
}

/// The samples, without comments.
fn samples(metrics: &Metrics) -> BTreeMap<String, f64> {
    let text = metrics.render();
    let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
}

#[track_caller]
fn assert_samples(metrics: &Metrics, expected: &[(&str, Option<f64>)]) {
    let samples = samples(metrics);
    for (series, value) in expected {
        assert_eq!(samples.get(*series).copied(), *value, "{series}\n{}", metrics.render());
    }
}

#[test]
fn every_series_of_a_provider_is_there_at_zero_before_anything_has_happened() {
    let metrics = metrics();
    metrics.show(empty());
    for series in [
        r#"keysweep_connections{provider="kit",status="absent"}"#,
        r#"keysweep_credentials{liveness="suspect",provider="mailjet"}"#,
        r#"keysweep_credentials_by_age{band="at-least",provider="kit"}"#,
        r#"keysweep_findings_open{provider="kit",rule="secret-stale",severity="critical"}"#,
        r#"keysweep_findings_open{provider="mailjet",rule="secret-shared",severity="low"}"#,
        r#"keysweep_tombstones{provider="mailjet"}"#,
        r#"keysweep_outbox_mails{state="maybe_sent"}"#,
        r#"keysweep_acts_total{act="not_mine",outcome="refused"}"#,
        r#"keysweep_probes_total{outcome="partly_refused",protocol="smtp",provider="mailjet"}"#,
        r#"keysweep_probe_unknown_total{provider="kit",reason="rate_limited"}"#,
        r#"keysweep_probe_duration_seconds_count{provider="kit"}"#,
        r#"keysweep_transitions_total{provider="kit",to="dead"}"#,
        r#"keysweep_mails_total{outcome="address_refused"}"#,
        r#"keysweep_jobs_total{outcome="failed",schedule="upkeep"}"#,
        r#"keysweep_stage_duration_seconds_count{stage="judge"}"#,
    ] {
        assert_samples(&metrics, &[(series, Some(0.0))]);
    }
    assert_samples(&metrics, &[(r#"keysweep_provider_answering{provider="kit"}"#, Some(1.0))]);
}

#[test]
fn an_instant_that_is_not_known_has_no_series_and_nothing_of_the_ledger_has_one_before_it_was_read() {
    let metrics = metrics();
    let unread = samples(&metrics);
    let of_the_ledger = [
        "keysweep_connections",
        "keysweep_findings_exempt",
        "keysweep_ledger_size_bytes",
        "keysweep_log_broken",
        "keysweep_mail_braked",
        "keysweep_mail_put_off",
        "keysweep_snapshot_timestamp_seconds",
    ];
    for family in of_the_ledger {
        assert!(!unread.keys().any(|series| series.starts_with(family)), "{family}: zero would be a lie");
    }
    metrics.show(empty());
    metrics.schedule(Job::Scan, JobState { next: Some(NOW), ..JobState::default() });
    let instants: Vec<String> = samples(&metrics).into_keys().filter(|series| series.contains("timestamp")).collect();
    let expected =
        [r#"keysweep_schedule_next_timestamp_seconds{schedule="scan"}"#, "keysweep_snapshot_timestamp_seconds"];
    assert_eq!(instants, expected);
    metrics.schedule(Job::Scan, JobState::default());
    assert_samples(&metrics, &[(expected[0], None)]);
}

#[test]
fn what_people_asked_for_is_a_counter_that_the_ledger_keeps() {
    let metrics = metrics();
    let counted =
        |act: &str, outcome: &str, times| ActsOverview { act: act.to_owned(), outcome: outcome.to_owned(), times };
    metrics
        .show(Overview { acts: vec![counted("reset", "done", 3), counted("of a later build", "done", 9)], ..empty() });
    assert_samples(
        &metrics,
        &[
            (r#"keysweep_acts_total{act="reset",outcome="done"}"#, Some(3.0)),
            (r#"keysweep_acts_total{act="reset",outcome="refused"}"#, Some(0.0)),
        ],
    );
    let text = metrics.render();
    assert!(text.contains("# TYPE keysweep_acts_total counter") && !text.contains("later build"), "{text}");
}

#[test]
fn an_instant_is_in_seconds_to_the_millisecond() {
    let metrics = metrics();
    metrics.show(Overview { at: NOW + Duration::from_millis(125), ..empty() });
    assert_samples(&metrics, &[("keysweep_snapshot_timestamp_seconds", Some(1_790_000_000.125))]);
    assert!(metrics.render().contains("keysweep_snapshot_timestamp_seconds 1790000000.125\n"));
}

#[test]
fn a_closed_finding_leaves_no_series_behind() {
    const OLDEST: &str = r#"keysweep_finding_oldest_opened_timestamp_seconds{rule="secret-stale",severity="high"}"#;
    const OPEN: &str = r#"keysweep_findings_open{provider="kit",rule="secret-stale",severity="high"}"#;
    let metrics = metrics();
    metrics.show(empty());
    let before = samples(&metrics);
    let odd = finding("kit", RuleName::SecretDue, Severity::Critical, 1);
    let stale = finding("kit", RuleName::SecretStale, Severity::High, 3);
    metrics.show(Overview { findings: vec![odd, stale], ..empty() });
    let opened = (NOW - days(3)).as_secs();
    assert_samples(&metrics, &[(OPEN, Some(3.0)), (OLDEST, Some(opened as f64))]);
    assert_samples(
        &metrics,
        &[(r#"keysweep_findings_open{provider="kit",rule="secret-due",severity="critical"}"#, Some(1.0))],
    );
    metrics.show(empty());
    assert_eq!(samples(&metrics).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}

#[test]
fn a_source_has_series_while_the_configuration_has_it_and_at_most_a_hundred_have() {
    let metrics = metrics();
    let failed = SourceOverview { error: Some("cut short".to_owned()), last_through: Some(NOW), ..source("platform") };
    let unread = SourceOverview { last_read: None, ..source("new") };
    metrics.show(Overview { sources: vec![source("former"), unread, failed], ..empty() });
    metrics.configure(&Configured { sources: vec!["platform".to_owned(), "new".to_owned()], ..configured(&["kit"]) });
    assert_samples(
        &metrics,
        &[
            (r#"keysweep_source_up{source="platform"}"#, Some(0.0)),
            (r#"keysweep_source_last_success_timestamp_seconds{source="platform"}"#, Some(1_790_000_000.0)),
            (r#"keysweep_source_rows{source="platform"}"#, Some(12.0)),
            (r#"keysweep_source_quarantined_rows{source="platform"}"#, Some(2.0)),
            (r#"keysweep_source_held_back{source="platform"}"#, Some(1.0)),
            (r#"keysweep_source_up{source="former"}"#, None),
            (r#"keysweep_source_up{source="new"}"#, None),
            (r#"keysweep_source_rows{source="new"}"#, None),
        ],
    );

    let names: Vec<String> = (0..150).map(|number| format!("source {number:03}")).collect();
    let sources = names.iter().map(|name| source(name)).collect();
    metrics.show(Overview { sources, ..empty() });
    metrics.configure(&Configured { sources: names, ..configured(&["kit"]) });
    let up = samples(&metrics).into_keys().filter(|series| series.starts_with("keysweep_source_up"));
    assert_eq!(up.count(), 100);
    assert_samples(&metrics, &[("keysweep_metrics_dropped_sources", Some(50.0))]);
}

#[test]
fn a_reload_changes_what_is_configured_and_keeps_what_was_counted() {
    let metrics = metrics();
    metrics.show(empty());
    metrics.mailed(MailOutcome::Sent);
    metrics.reloaded(NOW, true);
    let mut next = configured(&["kit", "mailjet"]);
    next.providers.get_mut(&name("kit")).unwrap().max_age = days(30);
    metrics.configure(&next);
    metrics.reloaded(NOW + days(1), false);
    assert_samples(
        &metrics,
        &[
            (r#"keysweep_policy_max_age_seconds{provider="kit"}"#, Some(2_592_000.0)),
            ("keysweep_policy_retention_seconds", Some(2_592_000.0)),
            (r#"keysweep_mails_total{outcome="sent"}"#, Some(1.0)),
            ("keysweep_ledger_size_bytes", Some(4096.0)),
            ("keysweep_config_last_reload_successful", Some(0.0)),
            ("keysweep_config_last_reload_success_timestamp_seconds", Some(1_790_000_000.0)),
        ],
    );
}

#[test]
fn a_probe_counts_once_for_each_protocol_that_was_asked() {
    let metrics = metrics();
    let regions = vec![
        part("rest", "default", Verdict::Refused),
        part("rest", "us", Verdict::Unknown(Reason::Timeout)),
        part("smtp", "relay", Verdict::Refused),
    ];
    metrics.probed(&name("mailjet"), &answer(Outcome::PartlyRefused(Reason::Timeout), regions));
    metrics.probed(&name("mailjet"), &answer(Outcome::Accepted, vec![part("rest", "default", Verdict::Accepted)]));
    metrics.probed(&name("mailjet"), &answer(Outcome::Unknown(Reason::NoCopy), Vec::new()));
    let of = |protocol: &str, outcome: &str| {
        format!(r#"keysweep_probes_total{{outcome="{outcome}",protocol="{protocol}",provider="mailjet"}}"#)
    };
    assert_samples(
        &metrics,
        &[
            (&of("rest", "partly_refused"), Some(1.0)),
            (&of("rest", "accepted"), Some(1.0)),
            (&of("rest", "refused"), Some(0.0)),
            (&of("smtp", "refused"), Some(1.0)),
            (&of("none", "unknown"), Some(1.0)),
            (r#"keysweep_probe_unknown_total{provider="mailjet",reason="timeout"}"#, Some(1.0)),
            (r#"keysweep_probe_unknown_total{provider="mailjet",reason="no_copy"}"#, Some(1.0)),
            (r#"keysweep_probe_duration_seconds_count{provider="mailjet"}"#, Some(2.0)),
            (r#"keysweep_probe_duration_seconds_bucket{provider="mailjet",le="0.5"}"#, Some(2.0)),
            (r#"keysweep_probe_duration_seconds_bucket{provider="mailjet",le="0.25"}"#, Some(0.0)),
        ],
    );
}

#[test]
fn what_is_seen_of_parts_providers_jobs_and_stages_is_what_was_last_said() {
    let metrics = metrics();
    metrics.part(PartName::Smtp, true);
    metrics.part(PartName::Smtp, false);
    metrics.answering(&name("kit"), Err("10 failures in a row"));
    metrics.job(Job::Scan, JobOutcome::Incomplete);
    metrics.stage(Stage::Probe, Duration::from_secs(90));
    assert_samples(
        &metrics,
        &[
            (r#"keysweep_part_up{part="smtp"}"#, Some(0.0)),
            (r#"keysweep_part_up{part="clock"}"#, None),
            (r#"keysweep_provider_answering{provider="kit"}"#, Some(0.0)),
            (r#"keysweep_jobs_total{outcome="incomplete",schedule="scan"}"#, Some(1.0)),
            (r#"keysweep_stage_duration_seconds_bucket{stage="probe",le="60"}"#, Some(0.0)),
            (r#"keysweep_stage_duration_seconds_bucket{stage="probe",le="600"}"#, Some(1.0)),
        ],
    );
}

/// All that can be there of providers, words, sources and schedules, with every number as great as `size`.
fn full(metrics: &Metrics, providers: &[&str], size: u64) {
    let mut overview = Overview { sources: vec![source("platform")], ..empty() };
    for provider in providers {
        let of_provider = overview.providers.entry(name(provider)).or_default();
        of_provider.connections.values_mut().for_each(|count| *count = size);
        of_provider.credentials.values_mut().for_each(|count| *count = size);
        of_provider.ages.values_mut().for_each(|count| *count = size);
        of_provider.tombstones = size;
        (of_provider.oldest_since, of_provider.oldest_tombstone) = (Some(NOW), Some(NOW));
        of_provider.unused_since = Some(NOW);
        overview.blind.push(blind(provider, "rest"));
        for rule in RuleName::ALL {
            for severity in crate::domain::rules::severities(rule) {
                overview.findings.push(finding(provider, rule, *severity, size));
            }
        }
    }
    overview.exempt = exempt::all_rules(size);
    overview.outbox.mails = MailState::ALL.map(|state| (state, size)).into();
    (overview.outbox.oldest_waiting, overview.outbox.oldest_tried) = (Some(NOW), Some(NOW));
    overview.log.audited_at = Some(NOW);
    overview.closings = providers.iter().flat_map(|provider| remedied::closings(provider, size)).collect();
    metrics.show_singles(Some(remedied::singles(size)));
    metrics.limit_ledger(Room { limit: Some(size), free: Some(size) });
    overview.sources[0].last_through = Some(NOW);
    metrics.show(overview);
    for job in Job::ALL {
        let at = Some(NOW);
        metrics.schedule(job, JobState { running_since: at, last_run: at, last_success: at, next: at });
    }
    PartName::ALL.iter().for_each(|part| metrics.part(*part, true));
    metrics.reloaded(NOW, true);
}

#[test]
fn how_many_series_there_are_depends_on_the_providers_in_use_and_never_on_how_much_there_is() {
    let catalogue: Vec<String> = (0..17).map(|number| format!("provider{number}")).collect();
    let catalogue: Vec<&str> = catalogue.iter().map(String::as_str).collect();
    let series = |providers: &[&str], size: u64| {
        let metrics = Metrics::new(configured(providers)).unwrap();
        full(&metrics, providers, size);
        samples(&metrics).into_keys().collect::<BTreeSet<_>>()
    };
    assert_eq!(series(&catalogue[..3], 1), series(&catalogue[..3], 1_000_000));
    let (three, seventeen) = (series(&catalogue[..3], 1).len(), series(&catalogue, 1).len());
    let of_one = (seventeen - three) / 14;
    assert!(of_one <= 117, "{of_one} series a provider");
    // a source that takes events has 43 of them, rules 56 by age and 56 by what became of them, single connections 2, and
    // each rule that may be accepted two
    assert!(three - 3 * of_one <= 190 + 43 + 112 + 5 + 26, "{} series of no provider", three - 3 * of_one);
}

/// `name type label,label` of everything that the registry has once all of it has been seen.
fn registered() -> BTreeSet<String> {
    let metrics = metrics();
    full(&metrics, &["kit", "mailjet"], 1);
    let describe = |family: &prometheus::proto::MetricFamily| {
        let labels = family.get_metric().iter().flat_map(prometheus::proto::Metric::get_label);
        let labels: BTreeSet<&str> = labels.map(prometheus::proto::LabelPair::name).collect();
        let kind = format!("{:?}", family.get_field_type()).to_lowercase();
        format!("{} {kind} {}", family.name(), labels.into_iter().collect::<Vec<_>>().join(","))
    };
    metrics.registry.gather().iter().map(describe).collect()
}

#[test]
fn the_page_of_metrics_has_every_metric_with_its_type_and_labels_and_no_other() {
    let page = include_str!("../../../dashboards/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let described: BTreeSet<String> = rows
        .map(|row| {
            let row = row.replace("\\|", "or"); // within a query
            let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
            let [name, kind, labels, meaning, example] = cells[..] else { panic!("five cells: {cells:?}") };
            let name = name.trim_end_matches('`');
            assert!(meaning.ends_with('.') && example.contains(name), "{row}");
            let labels: BTreeSet<&str> = labels.split(',').map(|label| label.trim_matches([' ', '`'])).collect();
            format!("{name} {kind} {}", labels.into_iter().collect::<Vec<_>>().join(","))
        })
        .collect();
    assert_eq!(described, registered());
}
