//! What is said and asked for fits what has happened to the key, and whether it is one.

use serde_json::Value;

use super::render_tests::{parts, sample, templates};
use super::samples::SAMPLES_AT as NOW;
use crate::domain::belief::Belief;
use crate::domain::finding::RuleName;
use crate::domain::ids::ProviderName;
use crate::domain::record::Auth;
use crate::ports::links::Described;
use crate::ports::notify::ClaimedMail;

/// A sample's words in a language.
fn described(mut mail: ClaimedMail, language: &str) -> Described {
    mail.locale = Some(language.to_owned());
    templates().describe(&mail, NOW).expect("words")
}

/// The sample of a rule, of a connection that was made by permission.
fn permission(rule: RuleName) -> ClaimedMail {
    let mut mail = sample(rule.as_str());
    let notice = &mut mail.notices[0];
    (notice.provider, notice.auth) = (ProviderName::new("kit"), Auth::Oauth);
    (notice.held, notice.belief) = (false, Belief::default());
    if rule == RuleName::RevocationUnproven {
        notice.evidence.insert("reason".to_owned(), Value::from("oauth"));
    }
    mail
}

#[test]
fn of_a_permission_nothing_is_said_that_holds_only_of_a_key() {
    for rule in [
        RuleName::SecretCompromised,
        RuleName::ConnectionOrphaned,
        RuleName::RevocationUnproven,
        RuleName::ConnectionIdle,
        RuleName::OwnerUnreachable,
    ] {
        for (language, permission_word, key_words) in
            [("en", "permission", ["key", "secret", "copy"]), ("de", "Freigabe", ["Schlüssel", "Secret", "Kopie"])]
        {
            let said = described(permission(rule), language);
            assert!(said.heading.contains(permission_word), "{rule}: {}", said.heading);
            assert!(said.key.contains(permission_word) && said.age.is_empty(), "{rule}: {}", said.key);
            for text in [&said.heading, &said.what, &said.why] {
                assert!(!key_words.iter().any(|word| text.contains(word)), "{rule}: {text}");
            }
        }
    }
    let unproven = described(permission(RuleName::RevocationUnproven), "en");
    assert!(unproven.what.ends_with("only the provider's own page can show that a permission has ended."));
    assert!(unproven.why.ends_with("Whoever has its tokens can read and change your subscribers."), "{}", unproven.why);
}

#[test]
fn a_key_that_a_connection_had_before_it_was_made_by_permission_is_still_called_a_key() {
    let mut mail = sample("revocation-missing");
    mail.notices[0].auth = Auth::Oauth;
    let said = described(mail, "en");
    assert!(said.heading.starts_with("Revoke the ConvertKit key of"), "{}", said.heading);
    assert!(said.steps.concat().contains("API Secret"), "{:?}", said.steps);
}

#[test]
fn whoever_pasted_the_api_key_is_told_to_regenerate_that_one() {
    for rule in [RuleName::SecretCompromised, RuleName::SecretStale] {
        let mut mail = sample(rule.as_str());
        (mail.notices[0].provider, mail.notices[0].kind) =
            (ProviderName::new("convertkit"), Some("api_key".to_owned()));
        let said = described(mail, "en");
        let steps = said.steps.join(" ");
        assert!(steps.contains("icon beside API Key") && !steps.contains("icon beside API Secret"), "{steps}");
        assert!(said.path.ends_with("beside API Key (newer: Settings, Developer)"), "{}", said.path);
    }
}

#[test]
fn a_leaked_key_that_nothing_uses_is_ended_and_nothing_is_connected_again() {
    let said = described(sample("leaked-after"), "en");
    let steps = said.steps.join(" ");
    assert!(steps.contains("Act now") && !steps.to_lowercase().contains("connect kit again"), "{steps}");
    let used = described(
        {
            let mut mail = sample("leaked-after");
            (mail.notices[0].ended_by, mail.notices[0].until, mail.notices[0].sharers) = (None, None, 1);
            mail
        },
        "en",
    );
    assert!(used.steps.join(" ").contains("connect Kit again"), "{:?}", used.steps);
}

#[test]
fn a_key_that_answers_again_after_it_was_called_dead_is_said_to_have_been() {
    let again = "It was refused for a while, and is accepted again since 20 September 2026, 18:13 UTC.";
    let text = |mail| parts(&mail).text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = text(sample("alive-again"));
    assert!(said.contains(again), "{said}");
    assert!(!text(sample("revocation-missing")).contains("for a while"));
}
