use std::collections::BTreeMap;

use mail_parser::{MessageParser, MimeHeaders as _};
use proptest::prelude::*;
use serde_json::json;

use super::render::{MailSettings, Parts, ProviderTexts, Sender, Templates};
use crate::domain::belief::{Belief, Liveness};
use crate::domain::catalogue::Source;
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{CredentialId, FindingId, MailId, NoticeId, PersonId, ProviderName};
use crate::domain::outcome::Reason;
use crate::domain::record::{Address, Auth, UsedFor};
use crate::domain::remedy::{Remedies, Situation, Words};
use crate::domain::secret::Fingerprint;
use crate::domain::time::{Timestamp, days, hours};
use crate::ports::notify::{Audience, ClaimedMail, MailNotice, Renderer as _};

mod blind;

/// 21 September 2026, 14:13:20 UTC
const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

#[test]
fn one_stale_secret_names_key_age_and_steps() {
    insta::assert_snapshot!("stale", shown(&mail(vec![stale(1, "Shop EU")])));
}

#[test]
fn a_left_behind_key_says_when_it_was_deleted_and_last_accepted() {
    insta::assert_snapshot!("revocation-missing", shown(&mail(vec![left_behind(1, "Old shop")])));
}

#[test]
fn a_key_that_may_have_died_since_is_not_said_to_work() {
    let unconfirmed = Belief {
        accepted_at: Some(NOW - days(2)),
        refused_first: Some(NOW - hours(3)),
        refused_last: Some(NOW - hours(3)),
        ..Belief::default()
    };
    let unasked = Belief { accepted_at: Some(NOW - days(2)), unknown_since: Some(NOW - days(1)), ..Belief::default() };
    let notices = vec![
        MailNotice { belief: unconfirmed, ..left_behind(1, "Refused") },
        MailNotice { belief: unasked, ended_by: Some(EndedBy::Absent), ..left_behind(2, "Unasked") },
        MailNotice { held: false, ended_by: Some(EndedBy::Replaced), ..left_behind(3, "Shredded") },
    ];
    insta::assert_snapshot!("may-still-work", shown(&mail(notices)));
}

#[test]
fn a_mixed_digest_begins_with_the_worst_and_joins_what_shares_a_key() {
    let shared = |id, name| MailNotice {
        rule: RuleName::SecretShared,
        severity: Severity::Low,
        credential: CredentialId(7),
        sharers: 3,
        used_for: vec![UsedFor::Smtp, UsedFor::Transactional],
        ..stale(id, name)
    };
    let broken = MailNotice {
        rule: RuleName::ConnectionBroken,
        severity: Severity::Medium,
        running_jobs: 1,
        belief: refused_twice(),
        evidence: json!({"refused_on": ["rest", "smtp"]}).as_object().expect("an object").clone(),
        ..stale(5, "Outlet")
    };
    let mail = mail(vec![
        shared(2, "North"),
        MailNotice { running_jobs: 2, ..stale(1, "Shop EU") },
        shared(3, "South"),
        broken,
        shared(4, "West"),
        left_behind(6, "Old shop"),
        MailNotice { credential: CredentialId(6), ..left_behind(7, "Old twin") },
    ]);
    insta::assert_snapshot!("mixed", shown(&mail));
    insta::assert_snapshot!("mixed-html", templates().parts(&mail, NOW).expect("rendered").html);
}

#[test]
fn every_rule_has_sentences_that_read_well() {
    let mut notices = Vec::new();
    for (id, rule) in (1..).zip(RuleName::ALL) {
        let mut notice = if matches!(rule, RuleName::RevocationMissing | RuleName::RevocationUnproven) {
            MailNotice { ended_by: Some(EndedBy::Replaced), ..left_behind(id, "Shop") }
        } else {
            stale(id, "Shop")
        };
        notice.rule = rule;
        notice.provenance = Provenance::FirstSeen;
        match rule {
            RuleName::ConnectionBroken => notice.belief = refused_twice(),
            RuleName::SecretDue => notice.secret_since = NOW - days(80),
            RuleName::SecretAgeUnknown => notice.secret_since = NOW - hours(30),
            RuleName::SecretShared => notice.sharers = 3,
            RuleName::SecretCompromised => notice.evidence = facts(&json!({"compromised_at": "2026-09-19T08:00:00Z"})),
            RuleName::WrongKeyKind => {
                notice.evidence = facts(&json!({"kind": "api_key", "wanted_kind": "api_secret"}));
            }
            RuleName::MixedUse => notice.used_for = vec![UsedFor::Sync, UsedFor::Smtp],
            RuleName::ConnectionIdle => notice.evidence = facts(&json!({"last_sync_at": "2026-06-01T08:00:00Z"})),
            _ => {}
        }
        notices.push(notice);
    }
    insta::assert_snapshot!("every-rule", shown(&mail(notices)));
}

fn facts(of: &serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    of.as_object().expect("an object").clone()
}

#[test]
fn an_unproven_key_says_why_it_can_not_be_proven() {
    let unproven = |id, name, reason: &str| MailNotice {
        rule: RuleName::RevocationUnproven,
        severity: Severity::Medium,
        evidence: json!({ "reason": reason }).as_object().expect("an object").clone(),
        held: false,
        ..left_behind(id, name)
    };
    let doubted = |id, reason| {
        let mut notice = unproven(id, "Doubtful", reason);
        notice.belief.refused_first = Some(NOW - days(8));
        notice.belief.partly = Some(Reason::Timeout);
        notice.belief.unknown_since = Some(NOW - days(9));
        notice.belief.unknown_reason = Some(Reason::Blocked);
        notice
    };
    let notices = vec![
        unproven(1, "Old shop", "no_copy"),
        unproven(2, "Grant", "oauth"),
        doubted(3, "no_control"),
        doubted(4, "protocol_unasked"),
        doubted(5, "unknown_too_long"),
        doubted(6, "unconfirmed"),
        unproven(7, "Odd", "a\r\nnew_reason"),
    ];
    insta::assert_snapshot!("unproven", shown(&mail(notices)));
}

#[test]
fn a_reminder_says_which_but_only_if_nothing_is_new() {
    let reminded = MailNotice { step: 2, ..stale(1, "Shop EU") };
    insta::assert_snapshot!("reminder", shown(&mail(vec![reminded.clone()])));
    let with_new = parts(&mail(vec![reminded, stale(2, "Shop US")])).subject;
    assert_eq!(with_new, "2 API keys need your attention: reset 2");
}

#[test]
fn thirty_items_are_cut_at_25_with_an_honest_count() {
    let mut notices: Vec<_> = (1..=30).map(|id| stale(id, &format!("Shop {id}"))).collect();
    // two more connections under the last, hidden item: hidden findings are counted, not items
    notices.extend((31..=32).map(|id| MailNotice { credential: CredentialId(30), ..stale(id, "Twin") }));
    let parts = parts(&mail(notices));
    assert_eq!(parts.subject, "30 API keys need your attention: reset 30");
    assert_eq!(parts.text.matches("Steps:").count(), 25);
    assert_eq!(parts.html.matches("<h2 ").count(), 25);
    for body in [&parts.text, &parts.html] {
        assert!(body.contains("And 7 more findings, less urgent and not listed here."));
    }
    insta::assert_snapshot!("thirty-end", parts.text[parts.text.rfind("25. ").expect("item 25")..]);
}

#[test]
fn subjects_say_what_to_do_and_how_many() {
    let small = |id, rule| MailNotice { rule, ..stale(id, "Shop") };
    let table = [
        (vec![stale(1, "Shop EU")], r#"Reset the Mailjet secret of "Shop EU" (97 days old)"#),
        (vec![left_behind(1, "Old shop")], r#"Revoke the ConvertKit key of "Old shop": it still works"#),
        (vec![stale(1, "A"), stale(2, "B"), left_behind(3, "C")], "3 API keys need your attention: revoke 1, reset 2"),
        (
            // one key under two rules is one key
            vec![stale(1, "A"), MailNotice { credential: CredentialId(1), ..small(2, RuleName::SecretShared) }],
            r#"Reset the Mailjet secret of "A" (97 days old)"#,
        ),
        (vec![], "Nothing needs your attention"),
    ];
    for (notices, subject) in table {
        assert_eq!(parts(&mail(notices)).subject, subject);
    }
}

#[test]
fn what_is_no_longer_current_is_not_mentioned() {
    let parts = parts(&mail(vec![stale(1, "Kept"), MailNotice { current: false, ..stale(2, "Fixed") }]));
    for text in [&parts.subject, &parts.text, &parts.html] {
        assert!(text.contains("Kept") && !text.contains("Fixed"), "{text}");
    }
}

#[test]
fn the_boundary_is_printed_to_the_second() {
    let text = parts(&mail(vec![stale(1, "Shop")])).text;
    assert!(text.contains("For Mailjet, stale means older than 90 days 0 h 0 min 0 s, counted in UTC."), "{text}");
}

#[test]
fn a_provider_without_texts_is_an_error_for_the_operator() {
    let notice = MailNotice { provider: ProviderName::new("unheard-of"), ..stale(1, "Shop") };
    let error = templates().render(&mail(vec![notice]), NOW).expect_err("no texts");
    assert_eq!(error, "the catalogue has no texts for unheard-of");
}

#[test]
fn the_message_carries_the_headers_that_machines_read() {
    let mut mail = mail(vec![stale(1, "Shop ÄÖ")]);
    mail.references = vec!["<first@example.org>".to_owned(), "<second@example.org>".to_owned()];
    let raw = templates().render(&mail, NOW).expect("rendered");
    let message = MessageParser::default().parse(&raw).expect("a message");
    let header = |name: &str| message.header_raw(name).map(str::trim).unwrap_or_default().to_owned();
    assert_eq!(message.message_id(), Some("mail-1.0@example.org"));
    assert_eq!(message.subject(), Some("Reset the Mailjet secret of \"Shop ÄÖ\" (97 days old)"));
    assert_eq!(message.date().map(mail_parser::DateTime::to_timestamp), Some(NOW.as_secs()));
    assert_eq!(header("From"), "keysweep <keysweep@example.org>");
    assert_eq!(header("To"), "owner@example.com");
    assert_eq!(header("Reply-To"), "help@example.org");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(header("In-Reply-To"), "<second@example.org>");
    assert_eq!(header("References"), "<first@example.org> <second@example.org>");
    assert!(message.content_type().is_some_and(|kind| kind.subtype() == Some("alternative")));
    assert_eq!((message.text_body_count(), message.html_body_count()), (1, 1));
    assert!(raw.is_ascii(), "so that no server needs 8BITMIME");
}

#[test]
fn the_same_mail_at_the_same_instant_is_the_same_bytes() {
    let mail = mail(vec![stale(1, "Shop"), left_behind(2, "Old")]);
    assert_eq!(templates().render(&mail, NOW), templates().render(&mail, NOW));
}

#[test]
fn a_hostile_name_changes_neither_headers_nor_markup_nor_layout() {
    let hostile = format!(
        "<script>alert(1)</script>\r\nBcc: victim@example.com\r\n\r\n--=_x\u{202e}{{{{ platform }}}}{}",
        "x".repeat(10_000)
    );
    let mut mail =
        mail(vec![MailNotice { connection: hostile.clone(), kind: Some(hostile.clone()), ..stale(1, &hostile) }]);
    mail.account = hostile;
    let raw = templates().render(&mail, NOW).expect("rendered");
    let message = MessageParser::default().parse(&raw).expect("a message");
    assert!(message.header_raw("Bcc").is_none());
    assert!(message.subject().is_some_and(|subject| subject.chars().count() < 200));
    let (text, html) = (message.body_text(0).expect("text"), message.body_html(0).expect("HTML"));
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
    assert!(html.contains("{{ platform }}"), "a name is never a template");
    assert!(!text.lines().any(|line| line.starts_with("Bcc:") || line.starts_with("--=_")), "{text}");
    assert!(!text.contains('\u{202e}') && !html.contains('\u{202e}'));
    assert!(!text.contains(&"x".repeat(81)) && !html.contains(&"x".repeat(81)));
}

#[test]
fn no_html_is_fetched_from_anywhere() {
    let html = parts(&mail(vec![stale(1, "Shop"), left_behind(2, "Old")])).html;
    for remote in ["<img", "<script", "<link", "url(", "@import", "src="] {
        assert!(!html.contains(remote), "{remote}");
    }
}

/// Only the provider knows whether a key was revoked: what is known here is what it answered.
#[test]
fn no_mail_calls_a_key_revoked() {
    for rule in RuleName::ALL {
        let parts = parts(&mail(vec![MailNotice { rule, belief: refused_twice(), ..left_behind(1, "Shop") }]));
        for text in [parts.subject, parts.text, parts.html] {
            assert!(!text.to_lowercase().contains("revoked"), "{rule}: {text}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_connection_is_called_the_mail_has_two_bodies_and_one_recipient(name in any::<String>()) {
        let raw = templates().render(&mail(vec![stale(1, &name)]), NOW).expect("rendered");
        let message = MessageParser::default().parse(&raw).expect("a message");
        prop_assert_eq!((message.text_body_count(), message.html_body_count()), (1, 1));
        prop_assert_eq!(message.to().map(|to| to.iter().count()), Some(1));
        prop_assert!(message.bcc().is_none() && message.cc().is_none());
    }
}

fn shown(mail: &ClaimedMail) -> String {
    let parts = parts(mail);
    format!("Subject: {}\n\n{}", parts.subject, parts.text)
}

fn parts(mail: &ClaimedMail) -> Parts {
    templates().parts(mail, NOW).expect("rendered")
}

fn templates() -> Templates {
    let from = Sender::parse("keysweep <keysweep@example.org>").expect("a sender");
    let providers = BTreeMap::from([texts("mailjet", "Mailjet"), texts("convertkit", "ConvertKit")]);
    let settings = MailSettings {
        reply_to: Address::parse("help@example.org"),
        platform: "Example Checker".to_owned(),
        ..MailSettings::new(from, providers)
    };
    Templates::new(settings).expect("the embedded templates")
}

fn texts(name: &str, title: &str) -> (ProviderName, ProviderTexts) {
    let steps = Situation::ALL.map(|situation| {
        (situation, vec![format!("Open the API keys page of {title}."), format!("Do what fits {situation:?}.")])
    });
    let remedies = Remedies {
        path: "Account > API keys".to_owned(),
        link: format!("https://{name}.test/account/api_keys?a=1&b=2"),
        old_value: "Refused at once.".to_owned(),
        breaks: "Everything else that uses this key must get the new secret.".to_owned(),
        words: Words::default(),
        steps: BTreeMap::from(steps),
        oauth: None,
        source: Source::try_from("[I] a test".to_owned()).expect("a source"),
    };
    (ProviderName::new(name), ProviderTexts { title: title.to_owned(), remedies })
}

fn mail(notices: Vec<MailNotice>) -> ClaimedMail {
    ClaimedMail {
        id: MailId(1),
        message_id: "<mail-1.0@example.org>".to_owned(),
        person: PersonId(1),
        address: Address::parse("owner@example.com").expect("an address"),
        deliverable: true,
        locale: None,
        timezone: None,
        audience: Audience::Account,
        account: "acct-1".to_owned(),
        unsubscribe: None,
        attempts: 0,
        maybe_sent: false,
        references: Vec::new(),
        notices,
    }
}

fn stale(id: i64, name: &str) -> MailNotice {
    MailNotice {
        id: NoticeId(id),
        finding: FindingId(id),
        step: 0,
        closing: false,
        current: true,
        link: None,
        account: "acct-1".to_owned(),
        rule: RuleName::SecretStale,
        severity: Severity::High,
        since: NOW - days(7),
        evidence: serde_json::Map::new(),
        connection: format!("conn-{id}"),
        name: Some(name.to_owned()),
        auth: Auth::Key,
        provider: ProviderName::new("mailjet"),
        credential: CredentialId(id),
        fingerprint: Fingerprint::from_hex(format!("{id:064x}")),
        key_tail: "c0de".to_owned(),
        kind: None,
        belief: Belief { liveness: Liveness::Live, accepted_at: Some(NOW - hours(20)), ..Belief::default() },
        held: true,
        secret_since: NOW - days(97),
        provenance: Provenance::Declared,
        ended_by: None,
        until: None,
        sharers: 1,
        running_jobs: 0,
        used_for: vec![UsedFor::Sync],
    }
}

fn left_behind(id: i64, name: &str) -> MailNotice {
    MailNotice {
        rule: RuleName::RevocationMissing,
        severity: Severity::Critical,
        since: NOW - days(3),
        auth: Auth::Key,
        provider: ProviderName::new("convertkit"),
        key_tail: String::new(),
        ended_by: Some(EndedBy::Deleted),
        until: Some(NOW - days(3)),
        sharers: 0,
        provenance: Provenance::Connected,
        secret_since: NOW - days(40),
        ..stale(id, name)
    }
}

fn refused_twice() -> Belief {
    Belief {
        liveness: Liveness::Dead,
        refused_first: Some(NOW - hours(26)),
        refused_last: Some(NOW - hours(24)),
        died_at: Some(NOW - hours(24)),
        ..Belief::default()
    }
}
