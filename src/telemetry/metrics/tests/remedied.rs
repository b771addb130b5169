//! What became of what was found, and single connections.

use super::*;
use crate::domain::ids::FindingId;
use crate::domain::span::{OpenFor, Took};
use crate::ledger::read::{ClosingsOverview, OldestSecrets, SecretInUse, WorstFinding};

pub(super) fn closing(provider: &str, rule: RuleName, why: &str, took: Took, times: u64) -> ClosingsOverview {
    let (provider, why) = (name(provider), why.to_owned());
    ClosingsOverview { provider, rule, why, took, times, seconds: 1000 * times }
}

/// One of each kind that counts for something.
pub(super) fn closings(provider: &str, times: u64) -> Vec<ClosingsOverview> {
    vec![
        closing(provider, RuleName::RevocationMissing, "dead", Took::Longer, times),
        closing(provider, RuleName::SecretStale, "rotated", Took::Hour, times),
    ]
}

/// One finding and one secret, and so many left out.
pub(super) fn singles(left_out: u64) -> Singles {
    let [source, account_id, connection_id] = ["platform", "acc-1", "conn-1"].map(str::to_owned);
    let finding = WorstFinding {
        id: FindingId(12),
        rule: RuleName::SecretStale,
        severity: Severity::High,
        provider: name("kit"),
        source: source.clone(),
        account_id: account_id.clone(),
        connection_id: connection_id.clone(),
        since: NOW,
        liveness: Liveness::Live,
    };
    let (provider, liveness) = (name("gone"), Liveness::Suspect);
    let secret = SecretInUse { source, account_id, connection_id, provider, liveness, since: NOW };
    Singles {
        findings: vec![finding],
        findings_left_out: left_out,
        secrets: OldestSecrets { secrets: vec![secret], left_out },
    }
}

#[test]
fn the_time_to_revoke_and_to_rotate_counts_what_people_did_and_nothing_else() {
    const REVOKED: &str = "keysweep_time_to_revoke_seconds";
    let metrics = metrics();
    let (left, stale) = (RuleName::RevocationMissing, RuleName::SecretStale);
    let closings = vec![
        closing("kit", left, "dead", Took::Day, 3),
        closing("kit", left, "dead", Took::Month, 2),
        closing("kit", left, "dead", Took::Longer, 1),
        closing("kit", left, "cleared", Took::Hour, 100),
        closing("mailjet", stale, "rotated", Took::Week, 4),
        closing("mailjet", stale, "dead", Took::Week, 1),
        closing("mailjet", stale, "ended", Took::Week, 100),
        closing("mailjet", RuleName::SecretCompromised, "dead", Took::Week, 100),
    ];
    metrics.show(Overview { closings, ..empty() });
    let revoked = |le: &str| format!(r#"{REVOKED}_bucket{{provider="kit",le="{le}"}}"#);
    assert_samples(
        &metrics,
        &[
            (&revoked("21600"), Some(0.0)),
            (&revoked("86400"), Some(3.0)),
            (&revoked("1209600"), Some(3.0)),
            (&revoked("2592000"), Some(5.0)),
            (&revoked("15552000"), Some(5.0)),
            (&revoked("+Inf"), Some(6.0)),
            (r#"keysweep_time_to_revoke_seconds_count{provider="kit"}"#, Some(6.0)),
            (r#"keysweep_time_to_revoke_seconds_sum{provider="kit"}"#, Some(6000.0)),
            (r#"keysweep_time_to_revoke_seconds_count{provider="mailjet"}"#, Some(0.0)),
            (r#"keysweep_time_to_rotate_seconds_count{provider="mailjet"}"#, Some(5.0)),
            (r#"keysweep_time_to_rotate_seconds_count{provider="kit"}"#, Some(0.0)),
            (r#"keysweep_findings_closed_total{rule="revocation-missing",why="dead"}"#, Some(6.0)),
            (r#"keysweep_findings_closed_total{rule="revocation-missing",why="cleared"}"#, Some(100.0)),
            (r#"keysweep_findings_closed_total{rule="secret-due",why="ended"}"#, Some(0.0)),
        ],
    );
    let text = metrics.render();
    assert!(text.contains("# TYPE keysweep_time_to_revoke_seconds histogram"), "{text}");
}

#[test]
fn how_long_findings_have_been_open_is_shown_by_rule_and_zero_is_there() {
    let metrics = metrics();
    let mut overview = empty();
    overview.open_for.insert(RuleName::SecretStale, [(OpenFor::Over90, 7)].into());
    metrics.show(overview);
    assert_samples(
        &metrics,
        &[
            (r#"keysweep_findings_by_age{band="over-90d",rule="secret-stale"}"#, Some(7.0)),
            (r#"keysweep_findings_by_age{band="0-7d",rule="secret-stale"}"#, Some(0.0)),
            (r#"keysweep_findings_by_age{band="7-30d",rule="mixed-use"}"#, Some(0.0)),
        ],
    );
}

#[test]
fn single_connections_have_series_only_while_they_are_asked_for() {
    const FINDING: &str = r#"keysweep_connection_finding_since_timestamp_seconds{account="acc-1",connection="conn-1",finding="F12",provider="kit",rule="secret-stale",severity="high",source="platform"}"#;
    const SECRET: &str = r#"keysweep_connection_secret_since_timestamp_seconds{account="acc-1",connection="conn-1",liveness="suspect",provider="other",source="platform"}"#;
    const DROPPED: &str = r#"keysweep_metrics_dropped_connections{series="secrets"}"#;
    let metrics = metrics();
    metrics.show(empty());
    let names = |metrics: &Metrics| samples(metrics).into_keys().collect::<BTreeSet<_>>();
    let without = names(&metrics);
    assert!(!without.iter().any(|series| series.contains("connection_") || series == DROPPED));
    metrics.show_singles(Some(singles(3)));
    let at = Some(1_790_000_000.0);
    assert_samples(&metrics, &[(FINDING, at), (SECRET, at), (DROPPED, Some(3.0))]);
    metrics.show_singles(None);
    assert!(names(&metrics) == without);
}

#[test]
fn a_limit_of_the_ledger_that_nobody_knows_has_no_series() {
    let metrics = metrics();
    metrics.limit_ledger(Room { limit: Some(1 << 30), free: Some(1 << 20) });
    let limit = ("keysweep_ledger_limit_bytes", Some(1_073_741_824.0));
    assert_samples(&metrics, &[limit, ("keysweep_ledger_free_bytes", Some(1_048_576.0))]);
    metrics.limit_ledger(Room::default());
    assert_samples(&metrics, &[("keysweep_ledger_limit_bytes", None), ("keysweep_ledger_free_bytes", None)]);
}
