//! Which providers have series.

use super::*;
use crate::ledger::read::AnswersOverview;

#[test]
fn a_provider_that_nobody_uses_has_no_series_and_one_that_comes_into_use_has_all_of_them() {
    let mut catalogue = configured(&["brevo", "kit", "mailjet"]);
    catalogue.providers.get_mut(&name("brevo")).unwrap().named = false;
    let metrics = Metrics::new(catalogue).unwrap();
    metrics.show(empty());
    assert!(!metrics.render().contains("brevo"));
    let mut overview = empty();
    overview.providers.insert(name("brevo"), ProviderOverview::default());
    metrics.show(overview);
    let of = |provider: &str| {
        let series = samples(&metrics).into_keys().filter(|series| series.contains(provider));
        series.map(|series| series.replace(provider, "")).collect::<BTreeSet<_>>()
    };
    assert_eq!(of("brevo"), of("kit"));
    metrics.moved(&name("brevo"), Liveness::Live);
    assert_samples(&metrics, &[(r#"keysweep_transitions_total{provider="brevo",to="live"}"#, Some(1.0))]);
}

#[test]
fn providers_outside_the_catalogue_are_one_however_many_there_are() {
    let metrics = metrics();
    let mut overview = empty();
    for (number, provider) in (0_u64..500).zip((0..500).map(|number| name(&format!("gone{number}")))) {
        let mut of_provider = ProviderOverview { tombstones: 2, ..ProviderOverview::default() };
        of_provider.connections.insert(ConnectionStatus::Active, 1);
        of_provider.ages.insert(AgeBand::Over365, 3);
        of_provider.oldest_since = Some(NOW - days(number));
        overview.providers.insert(provider, of_provider);
        overview.findings.push(finding(&format!("gone{number}"), RuleName::SecretStale, Severity::High, 1));
    }
    metrics.show(overview);
    for number in 0..500 {
        metrics.probed(&name(&format!("gone{number}")), &answer(Outcome::Unknown(Reason::NoProber), Vec::new()));
        metrics.moved(&name(&format!("gone{number}")), Liveness::Shredded);
    }
    assert_samples(
        &metrics,
        &[
            (r#"keysweep_connections{provider="other",status="active"}"#, Some(500.0)),
            (r#"keysweep_tombstones{provider="other"}"#, Some(1000.0)),
            (r#"keysweep_credentials_by_age{band="over-365d",provider="other"}"#, Some(1500.0)),
            (r#"keysweep_findings_open{provider="other",rule="secret-stale",severity="high"}"#, Some(500.0)),
            (
                r#"keysweep_credential_oldest_since_timestamp_seconds{provider="other"}"#,
                Some((NOW - days(499)).as_secs() as f64),
            ),
            (r#"keysweep_probe_unknown_total{provider="other",reason="no_prober"}"#, Some(500.0)),
            (r#"keysweep_transitions_total{provider="other",to="shredded"}"#, Some(500.0)),
        ],
    );
    assert!(!metrics.render().contains("gone"));
}

#[test]
fn a_provider_of_which_nothing_is_left_to_ask_is_not_said_to_be_silent_for_ever() {
    const KIT: &str = r#"keysweep_provider_answering{provider="kit"}"#;
    let metrics = metrics();
    let with = |to_ask| {
        let kit = ProviderOverview {
            answers: AnswersOverview { to_ask, ..AnswersOverview::default() },
            ..ProviderOverview::default()
        };
        Overview { providers: [(name("kit"), kit)].into(), ..empty() }
    };
    metrics.answering(&name("kit"), Err("none of 3 questions was answered"));
    metrics.show(with(1));
    assert_samples(&metrics, &[(KIT, Some(0.0))]);
    assert_eq!(metrics.heard()[&name("kit")], Err("none of 3 questions was answered".to_owned()));
    metrics.show(with(0));
    assert_samples(&metrics, &[(KIT, Some(1.0))]);
    assert!(metrics.heard().is_empty());
}

#[test]
fn the_end_of_a_copy_is_that_of_the_key_that_has_been_unused_for_longest() {
    const KIT: &str = r#"keysweep_copy_next_end_timestamp_seconds{provider="kit"}"#;
    let metrics = metrics();
    let unused = |since| ProviderOverview { unused_since: since, ..ProviderOverview::default() };
    let show = |since| metrics.show(Overview { providers: [(name("kit"), unused(since))].into(), ..empty() });
    show(None);
    assert_samples(&metrics, &[(KIT, None)]);
    show(Some(NOW - days(20)));
    assert_samples(&metrics, &[(KIT, Some((NOW + days(10)).as_secs() as f64))]);
    metrics.configure(&Configured { holds_until_proven: false, ..configured(&["kit"]) });
    assert_samples(&metrics, &[(KIT, None)]);
}
