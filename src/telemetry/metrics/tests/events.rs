//! What the platform tells by events.

use super::*;

#[test]
fn the_latest_event_of_a_source_is_shown_at_once_and_outlives_the_process() {
    let metrics = metrics();
    let series = r#"keysweep_source_last_event_timestamp_seconds{source="platform"}"#;
    assert_samples(&metrics, &[(series, None)]);
    metrics.heard_of("platform", NOW);
    assert_samples(&metrics, &[(series, Some(1_790_000_000.0))]);
    let earlier = SourceOverview { last_event: Some(NOW - days(1)), ..source("platform") };
    metrics.show(Overview { sources: vec![earlier.clone()], ..empty() });
    assert_samples(&metrics, &[(series, Some(1_790_000_000.0))]);
    let anew = self::metrics();
    anew.show(Overview { sources: vec![earlier], ..empty() });
    assert_samples(&anew, &[(series, Some(1_790_000_000.0 - 86_400.0))]);
}

#[test]
fn events_are_counted_by_what_became_of_them_from_zero_on() {
    let metrics = metrics();
    let series = r#"keysweep_events_total{outcome="late",source="platform",type="connection.deleted"}"#;
    let refused = r#"keysweep_event_requests_refused_total{reason="unsigned"}"#;
    assert_samples(&metrics, &[(series, Some(0.0)), (refused, Some(0.0))]);
    metrics.told("platform", EventKind::ConnectionDeleted, EventOutcome::Late);
    metrics.turned_away(EventRefusal::Unsigned);
    assert_samples(&metrics, &[(series, Some(1.0)), (refused, Some(1.0))]);
}

#[test]
fn a_source_beyond_the_limit_has_no_series_even_when_it_tells_something() {
    let takers: Vec<String> = (0..=100).map(|n| format!("platform-{n}")).collect();
    let metrics = Metrics::new(Configured { takers, ..configured(&["kit"]) }).unwrap();
    let series =
        |n: u32| format!(r#"keysweep_events_total{{outcome="late",source="platform-{n}",type="connection.deleted"}}"#);
    for n in [99, 100] {
        metrics.told(&format!("platform-{n}"), EventKind::ConnectionDeleted, EventOutcome::Late);
    }
    assert_samples(&metrics, &[(&series(99), Some(1.0)), (&series(100), None)]);
    metrics.configure(&Configured { takers: vec!["platform-100".to_owned()], ..configured(&["kit"]) });
    metrics.told("platform-100", EventKind::ConnectionDeleted, EventOutcome::Late);
    assert_samples(&metrics, &[(&series(100), None)]);
}
