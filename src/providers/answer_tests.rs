//! What the shipped files ask, and which answers they may believe.

use proptest::prelude::*;

use super::catalogue::Catalogue;
use crate::domain::catalogue::{Probe, ProbeAuth, ProtocolKind, Provider, Template, Word, classify};
use crate::domain::outcome::Verdict;

fn shipped() -> Catalogue {
    Catalogue::shipped().unwrap()
}

fn provider(name: &str) -> Provider {
    shipped().iter().find(|provider| provider.name.as_str() == name).unwrap().clone()
}

/// Every probe, with a name for a test that fails.
fn probes() -> Vec<(String, Probe)> {
    let mut probes = Vec::new();
    for provider in shipped().iter() {
        for probe in provider.protocols.iter().flat_map(|protocol| &protocol.probes) {
            probes.push((format!("{} {}", provider.name, probe.path), probe.clone()));
        }
    }
    probes
}

#[test]
fn an_example_for_unknown_says_why_and_no_other_does() {
    for (at, probe) in probes() {
        for example in &probe.examples {
            assert_eq!(example.verdict == Word::Unknown, example.reason.is_some(), "{at}: {}", example.name);
        }
    }
}

#[test]
fn a_refusal_or_a_limit_needs_the_providers_own_envelope() {
    for (at, probe) in probes() {
        for row in probe.answers.iter().filter(|row| matches!(row.verdict, Word::Refused | Word::Limited)) {
            let enveloped = row.content_type.as_deref() == Some("application/json") && !row.json.is_empty();
            // One exception, as recorded: Mailjet refuses with a 401 that has no body at all.
            let mailjets = at.starts_with("mailjet ") && row.status == 401 && row.empty && row.verdict == Word::Refused;
            assert!(enveloped || mailjets, "{at}: {} {:?}", row.status, row.verdict);
        }
        for row in probe.answers.iter().filter(|row| row.verdict == Word::Accepted) {
            assert!(!row.json.is_empty(), "{at}: a page that says 200 would be an acceptance");
        }
    }
}

proptest! {
    #[test]
    fn no_text_that_is_not_json_lets_in_or_turns_away(status in 100_u16..600, body in "[<a-z ]{1,40}", json: bool) {
        let content_type = if json { "application/json" } else { "text/html" };
        prop_assume!(serde_json::from_str::<serde_json::Value>(&body).is_err());
        for (at, probe) in probes() {
            let (given, _) = classify(&probe.answers, status, Some(content_type), body.as_bytes());
            prop_assert!(matches!(given, Verdict::Unknown(_)), "{}: {} {:?}", at, status, given);
        }
    }
}

#[test]
fn only_a_401_refuses_and_only_a_200_accepts() {
    for (at, probe) in probes() {
        for row in &probe.answers {
            assert_eq!(row.verdict == Word::Accepted, row.status == 200, "{at}: {}", row.status);
            assert!(row.verdict != Word::Refused || row.status == 401, "{at}: {}", row.status);
        }
    }
}

fn template(text: &str) -> Template {
    Template::try_from(text.to_owned()).unwrap()
}

#[test]
fn mailjet_is_asked_for_a_list_in_each_region_then_over_smtp() {
    let mailjet = provider("mailjet");
    let rest = &mailjet.protocols[0];
    let endpoints: Vec<_> =
        rest.endpoints.iter().map(|e| (e.name.as_str(), e.regions.clone(), e.base.to_string())).collect();
    assert_eq!(
        endpoints,
        [
            ("default", vec!["default".to_owned(), "eu".to_owned()], "https://api.mailjet.com".to_owned()),
            ("us", vec!["us".to_owned()], "https://api.us.mailjet.com".to_owned()),
        ]
    );
    let [probe] = rest.probes.as_slice() else { panic!("one probe") };
    assert_eq!(probe.path, "/v3/REST/contactslist");
    assert_eq!(probe.auth, ProbeAuth::Basic(template("{key_id}"), template("{secret}")));
    assert_eq!(probe.query, [("Limit".to_owned(), "1".to_owned())]);
    let smtp = &mailjet.protocols[1];
    assert_eq!((smtp.name.as_str(), smtp.kind, smtp.probes.len()), ("smtp", ProtocolKind::Smtp, 0));
    assert_eq!(smtp.endpoints[0].base.to_string(), "smtp://in-v3.mailjet.com:587");
}

#[test]
fn no_probe_reads_a_resource_that_answers_with_secrets() {
    for (at, probe) in probes() {
        assert!(!probe.path.to_lowercase().ends_with("/apikey"), "{at}");
    }
}

#[test]
fn convertkit_is_asked_for_the_secret_first_and_for_the_key_only_where_the_shape_allows() {
    let convertkit = provider("convertkit");
    let [secret, key] = convertkit.protocols[0].probes.as_slice() else { panic!("two probes") };
    assert_eq!((secret.path.as_str(), secret.key_kind.as_deref()), ("/v3/account", Some("api_secret")));
    assert_eq!(secret.auth, ProbeAuth::Query("api_secret".to_owned(), template("{secret}")));
    assert_eq!(secret.when_secret, None);
    assert_eq!((key.path.as_str(), key.key_kind.as_deref()), ("/v3/forms", Some("api_key")));
    assert_eq!(key.auth, ProbeAuth::Query("api_key".to_owned(), template("{secret}")));
    let shape = regex::Regex::new(key.when_secret.as_deref().unwrap()).unwrap();
    for (length, fits) in [(21, false), (22, true), (23, false), (43, false)] {
        assert_eq!(shape.is_match(&"a".repeat(length)), fits, "{length}");
    }
}

#[test]
fn kit_is_asked_by_header_and_never_in_the_address() {
    let kit = provider("kit");
    let [probe] = kit.protocols[0].probes.as_slice() else { panic!("one probe") };
    assert_eq!(probe.path, "/v4/account");
    assert_eq!(probe.auth, ProbeAuth::Header("X-Kit-Api-Key".to_owned(), template("{secret}")));
}
