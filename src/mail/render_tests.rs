use std::collections::BTreeMap;

use mail_parser::{MessageParser, MimeHeaders as _};

use super::own::OwnTemplates;
use super::render::{MailSettings, Parts, ProviderTexts, Sender, Templates};
use super::samples::{SAMPLES_AT as NOW, samples};
use crate::domain::belief::Belief;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{CredentialId, ProviderName};
use crate::domain::link::ActionLink;
use crate::domain::outlived::Outlived;
use crate::domain::record::{Address, UsedFor};
use crate::domain::time::{days, hours};
use crate::ports::notify::{ClaimedMail, MailNotice, Renderer as _};
use crate::providers::Catalogue;

/// Every template with every sample in every language: subject and text in one, the HTML in another.
#[test]
fn every_sample_reads_as_it_was_reviewed() {
    let templates = templates();
    for language in templates.languages() {
        for sample in samples(language) {
            let parts = templates.parts(&sample.mail, NOW).expect("rendered");
            let name = format!("{}.{language}", sample.name);
            insta::assert_snapshot!(format!("{name}.txt"), format!("Subject: {}\n\n{}", parts.subject, parts.text));
            insta::assert_snapshot!(format!("{name}.html"), parts.html);
        }
    }
}

#[test]
fn no_sample_leaves_a_blank_open_or_says_nothing() {
    let templates = templates();
    for language in templates.languages() {
        for sample in samples(language).into_iter().filter(|sample| sample.name != "hostile") {
            let Parts { subject, text, html, .. } = templates.parts(&sample.mail, NOW).expect("rendered");
            for body in [&subject, &text] {
                assert!(!body.contains(['{', '}']) && !body.contains("  \n"), "{}.{language}: {body}", sample.name);
            }
            assert!(!text.contains(": \n") && !text.contains("\n\n\n\n"), "{}.{language}: {text}", sample.name);
            assert!(html.matches("<h1").count() == 1 && html.contains(&format!("<html lang=\"{language}\"")));
        }
    }
}

#[test]
fn no_line_of_the_text_is_longer_than_a_mail_program_shows() {
    let templates = templates();
    for sample in templates.languages().into_iter().flat_map(samples) {
        let text = templates.parts(&sample.mail, NOW).expect("rendered").text;
        for line in text.lines().filter(|line| !line.contains("://")) {
            assert!(line.chars().count() <= 76, "{}: {line}", sample.name);
        }
    }
}

/// Only the provider knows whether a key was revoked: what is known here is what it answered.
#[test]
fn no_mail_calls_a_key_revoked() {
    let templates = templates();
    for sample in templates.languages().into_iter().flat_map(samples) {
        let parts = templates.parts(&sample.mail, NOW).expect("rendered");
        for text in [parts.subject, parts.text, parts.html] {
            let text = text.to_lowercase();
            assert!(!text.contains("revoked") && !text.contains("wurde widerrufen"), "{}: {text}", sample.name);
        }
    }
}

#[test]
fn no_html_is_fetched_from_anywhere_or_runs() {
    let templates = templates();
    for sample in templates.languages().into_iter().flat_map(samples) {
        let html = templates.parts(&sample.mail, NOW).expect("rendered").html;
        for remote in ["<img", "<script", "<link", "url(", "@import", "src=", "<form", " on"] {
            let found = html.find(remote).filter(|_| remote != " on" || html.contains(" onclick"));
            assert!(found.is_none(), "{}: {remote}", sample.name);
        }
    }
}

#[test]
fn a_readers_own_page_is_the_one_button_and_the_provider_an_ordinary_link() {
    let html = |name: &str| templates().parts(&sample(name), NOW).expect("rendered").html;
    let (paged, unpaged) = (html("secret-stale"), html("no-page"));
    assert_eq!((paged.matches("bgcolor").count(), unpaged.matches("bgcolor").count()), (1, 1));
    let button = |html: &str| html.split("bgcolor").nth(1).map(|rest| rest[..300].to_owned()).expect("a button");
    assert!(button(&paged).contains("keys.example.org&#x2f;a&#x2f;sample-token-1"), "{paged}");
    assert!(button(&unpaged).contains("app.mailjet.com"), "{unpaged}");
    for html in [paged, unpaged] {
        assert!(html.contains("class=\"way\" href=\"https:&#x2f;&#x2f;app.mailjet.com"), "{html}");
    }
}

#[test]
fn steps_in_another_language_than_the_readers_are_marked_as_such() {
    let mut german = sample("revocation-missing");
    (german.locale, german.notices[0].provider) = (Some("de-AT".to_owned()), ProviderName::new("drip"));
    let mut own = settings();
    let drip = own.providers.get_mut(&ProviderName::new("drip")).expect("a provider");
    drip.translations.clear(); // as in an operator's own file
    let own = Templates::new(own, OwnTemplates::none().expect("the shipped texts")).expect("the shipped templates");
    let html = own.parts(&german, NOW).expect("rendered").html;
    assert!(
        html.contains("<html lang=\"de\"") && html.contains(" lang=\"en\">") && html.contains("Schritte"),
        "{html}"
    );
    german.notices[0].provider = ProviderName::new("brevo");
    let html = templates().parts(&german, NOW).expect("rendered").html;
    assert!(!html.contains("lang=\"en\"") && html.contains("löschen Sie den Schlüssel"), "{html}");
}

#[test]
fn a_provider_without_a_file_gets_general_steps_and_no_invented_path() {
    let mut mail = sample("uncatalogued");
    mail.notices.extend(sample("secret-stale").notices);
    let parts = templates().parts(&mail, NOW).expect("rendered");
    assert!(parts.text.contains("Log in to acme") && parts.text.contains("Reset Secret Key"), "{}", parts.text);
    assert!(!parts.text.contains("Where: \n"), "{}", parts.text);
}

#[test]
fn a_key_that_a_newer_secret_proves_dead_is_not_said_to_have_been_refused_unless_it_was() {
    let outlived = Some(Outlived { at: NOW - hours(2), by: None });
    let mut mail = sample("settled");
    mail.notices[0].belief.outlived.clone_from(&outlived);
    let both = parts(&mail).text.replace('\n', " ");
    assert!(both.contains("refused this key") && both.contains("newer secret of the same key"), "{both}");
    mail.notices[0].belief = Belief { outlived, died_at: Some(NOW), ..Belief::default() };
    let alone = parts(&mail).text.replace('\n', " ");
    assert!(!alone.contains("refuse") && alone.contains("newer secret of the same key"), "{alone}");
    let rendered = parts(&mail);
    assert!(rendered.subject.starts_with("Done: a newer secret has replaced that of"), "{}", rendered.subject);
    assert!(!rendered.html.contains("refuse"), "{}", rendered.html);
}

#[test]
fn what_is_beyond_25_items_is_counted_honestly() {
    let mut mail = sample("over-25");
    // two more connections under the last, hidden item: hidden findings are counted, not items
    let last = mail.notices.last().expect("a notice").clone();
    for id in 41..=42 {
        mail.notices.push(MailNotice { credential: last.credential, ..numbered(&last, id) });
    }
    let parts = parts(&mail);
    assert_eq!(parts.subject, "28 API keys need your attention: reset 28");
    assert_eq!(parts.text.matches("Steps:").count(), 25);
    assert_eq!(parts.html.matches("<h2 ").count(), 25);
    for body in [&parts.text, &parts.html] {
        let body = in_one_line(body);
        assert!(body.contains("And 5 more findings that are not listed here."), "they are as urgent as those that are");
        assert!(body.contains("What is still open then is part of the next reminder."));
    }
    for notice in mail.notices.iter_mut().skip(25) {
        (notice.severity, notice.reminded) = (Severity::Low, false);
    }
    let text = in_one_line(&self::parts(&mail).text);
    assert!(text.contains("And 5 more findings, less urgent and not listed here."), "{text}");
    assert!(text.contains("There may be no reminder of it: ask whoever runs"), "no reminder is promised: {text}");
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_ends_no_key_names_no_button_that_does_and_nothing_that_would_stop() {
    for name in ["mixed-use", "connection-idle"] {
        let text = parts(&sample(name)).text;
        assert!(!text.contains("Where:") && !text.contains("Reset Secret Key"), "{name}: {text}");
    }
    let text = parts(&sample("wrong-key-kind")).text;
    assert!(!text.contains("Everything that uses") && !text.contains("The old value:"), "{text}");
    let text = parts(&sample("connection-broken")).text;
    assert!(text.contains("Everything that uses") && text.contains("The old value:"), "it may end in a reset: {text}");
    assert!(text.contains("Mailjet refuses the key"), "{text}");
    let mut broken = sample("connection-broken");
    broken.notices[0].belief =
        Belief { outlived: Some(Outlived { at: NOW, by: None }), died_at: Some(NOW), ..Belief::default() };
    let subject = parts(&broken).subject;
    assert!(subject.contains("a newer secret at Mailjet has replaced its own"), "{subject}");
    broken.notices[0].provider = ProviderName::new("kit");
    let text = parts(&broken).text;
    assert!(
        !text.contains("Everything that uses") && !text.contains("The old value:"),
        "it is refused already: {text}"
    );
}

#[test]
fn a_permission_has_no_secret_whose_age_is_told() {
    let mut mail = sample("unproven");
    mail.notices.truncate(1);
    assert!(parts(&mail).text.contains("Secret: "), "a key has");
    mail.notices[0].auth = crate::domain::record::Auth::Oauth;
    assert!(
        parts(&mail).text.contains("Secret: "),
        "what the connection is made with by now is no word on a former key"
    );
    (mail.notices[0].held, mail.notices[0].belief) = (false, Belief::default());
    let parts = parts(&mail);
    assert!(!parts.text.contains("Secret: ") && !parts.html.contains(">Secret<"), "{}", parts.text);
}

#[test]
fn subjects_say_what_to_do_and_how_many() {
    let (stale, left) = (sample("no-page").notices.remove(0), sample("revocation-missing").notices.remove(0));
    let shared = MailNotice { rule: RuleName::SecretShared, ..numbered(&stale, 2) };
    let table = [
        (vec![stale.clone()], r#"Reset the Mailjet secret of "Shop EU" (97 days old)"#),
        (vec![left.clone()], r#"Revoke the ConvertKit key of "Old shop": it still works"#),
        (vec![stale.clone(), another(&stale), numbered(&left, 3)], "3 API keys need your attention: revoke 1, reset 2"),
        // one key under two rules is one key
        (
            vec![stale.clone(), MailNotice { credential: stale.credential, ..shared }],
            r#"Reset the Mailjet secret of "Shop EU" (97 days old)"#,
        ),
        (vec![], "Nothing needs your attention"),
    ];
    for (notices, subject) in table {
        assert_eq!(parts(&ClaimedMail { notices, ..sample("no-page") }).subject, subject);
    }
}

#[test]
fn the_worst_is_told_first_whatever_came_first() {
    let text = parts(&sample("several")).text;
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"));
    assert!(place("1. Revoke") < place("2. Reset") && place("2. Reset") < place("3. Reconnect"));
}

#[test]
fn the_same_key_in_two_accounts_is_two_items_for_the_security_contact() {
    let mut mail = sample("security-contact");
    mail.notices[1].credential = mail.notices[0].credential;
    let text = parts(&mail).text;
    assert!(text.contains("Account:      acct-1") && text.contains("Account:      acct-2"), "{text}");
}

#[test]
fn what_is_no_longer_current_is_not_mentioned() {
    let mut mail = sample("no-page");
    mail.notices.push(MailNotice { current: false, name: Some("Fixed".to_owned()), ..another(&mail.notices[0]) });
    let parts = parts(&mail);
    for text in [&parts.subject, &parts.text, &parts.html] {
        assert!(text.contains("Shop EU") && !text.contains("Fixed"), "{text}");
    }
}

#[test]
fn what_is_settled_says_when_and_where_and_what_could_undo_it() {
    let settled = parts(&sample("settled-several"));
    assert_eq!(settled.subject, "Done: 2 API keys are refused now");
    let text = joined(&settled.text);
    for words in [
        "Mailjet refused this key on REST and SMTP at 20 September 2026, 12:13 UTC and 20 September 2026, 14:13 UTC.",
        "If you only deactivated it, reset the secret before you activate it again",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let beside = parts(&sample("settled-beside"));
    assert_eq!(beside.subject, "Reset the Mailjet secret of \"Shop EU\" (97 days old)");
    assert!(beside.text.contains("Settled\n---"), "{}", beside.text);
}

#[test]
fn the_boundary_is_printed_to_the_second() {
    let text = joined(&parts(&sample("no-page")).text);
    assert!(text.contains("For Mailjet, stale means older than 90 days 0 h 0 min 0 s, counted in UTC."), "{text}");
}

#[test]
fn the_message_carries_the_headers_that_machines_read() {
    let mut mail = sample("unsubscribe");
    mail.notices[0].name = Some("Shop ÄÖ".to_owned());
    mail.locale = Some("de_AT".to_owned());
    mail.references = vec!["<first@example.org>".to_owned(), "<second@example.org>".to_owned()];
    let raw = templates().render(&mail, NOW).expect("rendered");
    let message = MessageParser::default().parse(&raw).expect("a message");
    let header = |name: &str| message.header_raw(name).map(str::trim).unwrap_or_default().to_owned();
    assert_eq!(message.message_id(), Some("mail-1.0@example.org"));
    assert_eq!(message.date().map(mail_parser::DateTime::to_timestamp), Some(NOW.as_secs()));
    for (name, value) in [
        ("From", "keysweep <keysweep@example.org>"),
        ("To", "owner@example.com"),
        ("Reply-To", "help@example.org"),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", "de"),
        ("In-Reply-To", "<second@example.org>"),
        ("References", "<first@example.org> <second@example.org>"),
        ("List-Unsubscribe", "<https://keys.example.org/u/sample-token>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ] {
        assert_eq!(header(name), value, "{name}");
    }
    assert!(message.content_type().is_some_and(|kind| kind.subtype() == Some("alternative")));
    assert_eq!((message.text_body_count(), message.html_body_count()), (1, 1));
    assert!(raw.is_ascii(), "so that no server needs 8BITMIME");
}

#[test]
fn nothing_can_be_unsubscribed_from_where_no_address_is_given_or_it_is_no_plain_one() {
    let header = |unsubscribe: Option<&str>| {
        let unsubscribe = unsubscribe.map(|address| ActionLink::new(address.to_owned()));
        let raw = templates().render(&ClaimedMail { unsubscribe, ..sample("unsubscribe") }, NOW).expect("rendered");
        String::from_utf8(raw).expect("ASCII").contains("List-Unsubscribe")
    };
    assert!(header(Some(&format!("https://keys.example.org/u/{}", "t".repeat(400)))));
    assert!(!header(None) && !header(Some("https://keys.example.org/u/a\r\nBcc: x@example.com")));
    assert!(!header(Some("https://keys.example.org/> <b")));
}

#[test]
fn the_same_mail_at_the_same_instant_is_the_same_bytes() {
    let mail = sample("several");
    assert_eq!(templates().render(&mail, NOW), templates().render(&mail, NOW));
}

/// A text in one line.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn parts(mail: &ClaimedMail) -> Parts {
    templates().parts(mail, NOW).expect("rendered")
}

/// A sample in English.
pub(super) fn sample(name: &str) -> ClaimedMail {
    let found = samples("en").into_iter().find(|sample| sample.name == name);
    found.unwrap_or_else(|| panic!("no sample {name}")).mail
}

/// The shipped templates with the shipped catalogue.
pub(super) fn templates() -> Templates {
    Templates::new(settings(), OwnTemplates::none().expect("the shipped texts")).expect("the shipped templates")
}

pub(super) fn settings() -> MailSettings {
    let from = Sender::parse("keysweep <keysweep@example.org>").expect("a sender");
    MailSettings {
        reply_to: Address::parse("help@example.org"),
        platform: "Example Checker".to_owned(),
        ..MailSettings::new(from, words())
    }
}

pub(super) fn words() -> BTreeMap<ProviderName, ProviderTexts> {
    let catalogue = Catalogue::shipped().expect("the shipped catalogue");
    catalogue.iter().map(|provider| (provider.name.clone(), ProviderTexts::of(provider))).collect()
}

pub(super) fn numbered(notice: &MailNotice, id: i64) -> MailNotice {
    let finding = crate::domain::ids::FindingId(id);
    MailNotice { id: crate::domain::ids::NoticeId(id), finding, credential: CredentialId(id), ..notice.clone() }
}

pub(super) fn another(notice: &MailNotice) -> MailNotice {
    MailNotice { name: Some("Shop US".to_owned()), ..numbered(notice, 99) }
}

/// A provider that turns everybody away says nothing of one key.
#[test]
fn a_key_of_a_blind_provider_may_still_work() {
    let text = joined(&parts(&sample("doubtful")).text);
    assert!(text.contains("the answers of ConvertKit can't be relied on, for this key or any other."), "{text}");
    let mut kept = sample("revocation-missing");
    kept.notices[0].belief = Belief { unknown_since: Some(NOW - days(1)), ..Belief::default() };
    assert!(parts(&kept).subject.ends_with("it may still work"));
    kept.notices[0].severity = Severity::Low;
    kept.notices[0].used_for = vec![UsedFor::Smtp];
    assert!(parts(&kept).text.contains("SMTP login"));
}
