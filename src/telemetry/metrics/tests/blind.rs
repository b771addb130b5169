use super::*;
use crate::domain::clock::Suspect;

#[test]
fn a_blind_provider_is_one_and_since_when_is_gone_once_it_is_sighted() {
    const KIT: &str = r#"keysweep_provider_blind{provider="kit"}"#;
    const SINCE: &str =
        r#"keysweep_provider_blind_since_timestamp_seconds{at="default",protocol="smtp",provider="mailjet"}"#;
    let metrics = metrics();
    let odd = BlindOverview { since: NOW - days(1), ..blind("gone", "rest") };
    let clock = Some(Suspect { since: NOW, ahead: 7_200_000 });
    let all = vec![blind("mailjet", "smtp"), blind("gone", "rest"), odd];
    metrics.show(Overview { blind: all, clock, ..empty() });
    metrics.held(&name("kit"));
    metrics.blinded(&name("kit"));
    let other = r#"keysweep_provider_blind_since_timestamp_seconds{at="default",protocol="rest",provider="other"}"#;
    assert_samples(
        &metrics,
        &[
            (KIT, Some(0.0)),
            (r#"keysweep_provider_blind{provider="mailjet"}"#, Some(1.0)),
            (r#"keysweep_provider_blind{provider="other"}"#, Some(1.0)),
            (SINCE, Some(NOW.as_secs() as f64)),
            (other, Some((NOW - days(1)).as_secs() as f64)),
            (r#"keysweep_held_transitions_total{provider="kit"}"#, Some(1.0)),
            (r#"keysweep_probe_unknown_total{provider="kit",reason="blind"}"#, Some(1.0)),
            ("keysweep_clock_suspect", Some(1.0)),
        ],
    );
    metrics.show(empty());
    assert_samples(&metrics, &[(KIT, Some(0.0)), (SINCE, None), (other, None), ("keysweep_clock_suspect", Some(0.0))]);
}
