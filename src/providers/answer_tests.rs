//! What the shipped files ask, and which answers they may believe.

use std::sync::LazyLock;

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
fn probes() -> &'static [(String, Probe)] {
    static PROBES: LazyLock<Vec<(String, Probe)>> = LazyLock::new(read_probes);
    &PROBES
}

fn read_probes() -> Vec<(String, Probe)> {
    let mut probes = Vec::new();
    for provider in shipped().iter() {
        for probe in provider.protocols.iter().flat_map(|protocol| &protocol.probes) {
            probes.push((format!("{} {}", provider.name, probe.path), probe.clone()));
        }
    }
    probes
}

/// The rows that refuse without a body of JSON, each for an exchange that was recorded.
const BARE_REFUSALS: [(&str, u16); 1] = [("mailjet /v3/REST/contactslist", 401)];

/// The rows that refuse with another status than 401: these providers say so.
const OTHER_REFUSALS: [(&str, u16); 4] = [
    ("activecampaign /api/3/users/me", 403),
    ("elasticemail /v4/lists", 200),
    ("moosend /v3/lists.json", 200),
    ("resend /api-keys", 403),
];

#[test]
fn a_refusal_or_a_limit_needs_the_providers_own_envelope() {
    for (at, probe) in probes() {
        for row in probe.answers.iter().filter(|row| matches!(row.verdict, Word::Refused | Word::Limited)) {
            let recorded = row.empty && BARE_REFUSALS.contains(&(at.as_str(), row.status));
            assert!(row.is_enveloped() || recorded, "{at}: {} {:?}", row.status, row.verdict);
        }
        for row in probe.answers.iter().filter(|row| row.verdict == Word::Accepted) {
            assert!(row.names_something(), "{at}: a page that says 200 would be an acceptance");
        }
    }
}

#[test]
fn only_a_200_accepts_and_only_a_401_refuses_but_for_those_who_say_so() {
    for (at, probe) in probes() {
        for row in &probe.answers {
            assert!(row.verdict != Word::Accepted || row.status == 200, "{at}: {}", row.status);
            let usual = row.status == 401 || OTHER_REFUSALS.contains(&(at.as_str(), row.status));
            assert!(row.verdict != Word::Refused || usual, "{at}: {}", row.status);
        }
    }
}

#[test]
fn no_row_that_refuses_stands_on_disputed_ground_and_every_dispute_says_who_says_what() {
    let mut disputes = 0;
    for (at, probe) in probes() {
        for row in probe.answers.iter().filter(|row| row.disputed.is_some()) {
            disputes += 1;
            assert!(matches!(row.verdict, Word::Limited | Word::Unknown), "{at}: {} {:?}", row.status, row.verdict);
        }
    }
    assert!(disputes >= 8, "{disputes}: the places where sources disagree are marked");
}

#[test]
fn nothing_but_mailjets_empty_401_is_said_by_an_empty_body_a_page_or_empty_json_at_any_status() {
    let bodies: [(Option<&str>, &[u8]); 8] = [
        (None, b""),
        (Some("text/html"), b""),
        (Some("application/json"), b""),
        (Some("text/html"), b"<html><body>denied</body></html>"),
        (Some("application/json"), b"{}"),
        (Some("application/problem+json"), b"{}"),
        (Some("application/json"), b"null"),
        (Some("application/json"), b"\"denied\""),
    ];
    for (at, probe) in probes() {
        for status in 100..600 {
            for (content_type, body) in bodies {
                let (given, _) = classify(&probe.answers, status, content_type, body);
                let recorded =
                    body.is_empty() && given == Verdict::Refused && BARE_REFUSALS.contains(&(at.as_str(), status));
                assert!(matches!(given, Verdict::Unknown(_)) || recorded, "{at}: {status} {content_type:?} {given:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_that_is_not_json_lets_in_or_turns_away(status in 100_u16..600, body in "[<a-zA-Z ]{1,40}", json: bool) {
        let content_type = if json { "application/json" } else { "text/html" };
        prop_assume!(serde_json::from_str::<serde_json::Value>(&body).is_err());
        for (at, probe) in probes() {
            let (given, _) = classify(&probe.answers, status, Some(content_type), body.as_bytes());
            prop_assert!(matches!(given, Verdict::Unknown(_)), "{}: {} {:?}", at, status, given);
        }
    }

    #[test]
    fn what_gateways_and_firewalls_say_in_json_decides_nothing(
        status in prop::sample::select(vec![400_u16, 401, 403, 407, 429, 451, 500, 502, 503]),
        word in prop::sample::select(vec!["Forbidden", "Unauthorized", "Access Denied", "Blocked", "Rate exceeded"]),
        key in prop::sample::select(vec!["reason", "status", "detail", "description", "msg", "fault"]),
    ) {
        let body = serde_json::json!({ key: word }).to_string();
        for (at, probe) in probes() {
            let (given, _) = classify(&probe.answers, status, Some("application/json"), body.as_bytes());
            prop_assert!(matches!(given, Verdict::Unknown(_)), "{}: {} {} {:?}", at, status, body, given);
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
fn no_probe_reads_a_resource_that_answers_with_secrets_or_people() {
    for (at, probe) in probes() {
        let last = probe.path.rsplit('/').next().unwrap().to_lowercase();
        // Mailjet's key with its secret, Postmark's server with its tokens, and the people of a list.
        for word in ["apikey", "server", "contacts", "subscribers", "profiles", "messages", "members"] {
            assert_ne!(last, word, "{at}");
        }
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
