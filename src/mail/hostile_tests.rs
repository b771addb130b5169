//! Whatever other people call things, mails keep their shape.

use std::sync::LazyLock;

use mail_parser::MessageParser;
use proptest::prelude::*;

use super::own::OwnTemplates;
use super::render::{MailSettings, Templates};
use super::render_tests::{sample, settings, templates};
use super::samples::SAMPLES_AT as NOW;
use crate::domain::record::Address;
use crate::ports::notify::{ClaimedMail, MailNotice, Renderer as _};

/// A mail in which everything that others can name is called this.
fn called(name: &str) -> ClaimedMail {
    let mut mail = sample("several");
    mail.notices.extend(sample("settled").notices);
    for notice in &mut mail.notices {
        *notice = MailNotice {
            name: Some(name.to_owned()),
            connection: name.to_owned(),
            kind: Some(name.to_owned()),
            key_tail: name.to_owned(),
            account: name.to_owned(),
            ..notice.clone()
        };
        notice.belief.refused_on = vec![name.to_owned()];
    }
    name.clone_into(&mut mail.account);
    mail.locale = Some(name.to_owned());
    mail.timezone = Some(name.to_owned());
    mail
}

/// Read once: a shape is looked at hundreds of times.
static TEMPLATES: LazyLock<Templates> = LazyLock::new(templates);

/// Subject, text and HTML of a mail as its reader gets them.
fn received(mail: &ClaimedMail) -> (String, String, String) {
    let raw = TEMPLATES.render(mail, NOW).expect("rendered");
    assert!(raw.is_ascii(), "so that no server needs 8BITMIME");
    let longest = raw.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
    assert!(longest < Some(999), "a line of {longest:?} bytes");
    let boundaries = raw.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"--=_")).count();
    assert_eq!(boundaries, 3, "two parts and an end");
    let message = MessageParser::default().parse(&raw).expect("a message");
    assert_eq!((message.text_body_count(), message.html_body_count()), (1, 1));
    assert_eq!(message.to().map(|to| to.iter().count()), Some(1));
    assert!(message.bcc().is_none() && message.cc().is_none());
    let (text, html) = (message.body_text(0).expect("text"), message.body_html(0).expect("HTML"));
    (message.subject().expect("a subject").to_owned(), text.into_owned(), html.into_owned())
}

/// The tags of a page in order, without what stands in them: names can't add any.
fn tags(html: &str) -> Vec<&str> {
    let names = html.split('<').skip(1).filter_map(|rest| rest.split([' ', '>', '\n']).next());
    names.collect()
}

#[test]
fn a_hostile_name_changes_neither_headers_nor_markup_nor_layout() {
    let (_, _, plain) = received(&called("Shop"));
    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='x",
        "--><style>*{display:none}</style>",
        "x\r\nBcc: victim@example.com\r\n\r\n--=_x",
        "\n.\r\nMAIL FROM:<x@example.com>",
        "=?utf-8?b?DQpCY2M6IHhAZXhhbXBsZS5jb20=?=",
        "=0D=0ABcc: x=3D",
        "{{ platform }}{% for x in items %}{{ x }}{% endfor %}{title}",
        "\u{0}\u{1b}[2J\u{7f}\u{85}\u{2028}",
        "\u{202e}gnp.exe\u{2066}\u{200f}",
        "=cmd|' /C calc'!A0",
        "&lt;b&gt;&amp;",
        "👩\u{200d}👩\u{200d}👧\u{fe0f}",
        "Z\u{310}\u{310}\u{310}\u{310}\u{310}",
        "visit https://evil.example/?a=b&c=d now",
    ] {
        let (subject, text, html) = received(&called(hostile));
        assert_eq!(tags(&html), tags(&plain), "{hostile:?}");
        assert!(!subject.contains(['\r', '\n', '\u{0}', '\u{1b}', '\u{202e}']), "{subject:?}");
        for body in [&text, &html] {
            assert!(!body.contains("evil.example") && !body.contains("https://evil"), "{hostile:?}");
            assert!(!body.contains(['\u{202e}', '\u{2066}', '\u{0}', '\u{1b}', '\u{7f}', '\u{2028}']), "{hostile:?}");
        }
        assert!(!text.lines().any(|line| line == "."), "{text}");
    }
}

#[test]
fn a_name_of_ten_thousand_letters_is_cut() {
    for letter in ["x", "é ", "\u{1f469}", "<", "&"] {
        let (subject, text, html) = received(&called(&letter.repeat(10_000)));
        assert!(subject.chars().count() < 300, "{subject}");
        assert!(text.len() < 40_000 && html.len() < 120_000, "{} {}", text.len(), html.len());
    }
}

#[test]
fn an_address_that_can_not_stand_in_a_header_stands_in_none() {
    for address in ["can..ary@example.com", ".canary@example.com", "canary@exa_mple..com", "canary@-example.com"] {
        let Some(address) = Address::parse(address) else { continue };
        let raw = templates().render(&ClaimedMail { address, ..sample("no-page") }, NOW).expect("rendered");
        let raw = String::from_utf8(raw).expect("ASCII");
        assert!(raw.contains("To: undisclosed-recipients:;\r\n") && !raw.contains("ary@"), "{raw}");
    }
}

#[test]
fn a_domain_beyond_ascii_stands_in_the_header_as_servers_know_it() {
    let address = Address::parse("owner@bücher.example").expect("an address");
    let raw = templates().render(&ClaimedMail { address, ..sample("no-page") }, NOW).expect("rendered");
    let raw = String::from_utf8(raw).expect("ASCII");
    assert!(raw.contains("To: owner@xn--bcher-kva.example\r\n"), "{raw}");
}

#[test]
fn an_operators_platform_may_be_an_address_and_keeps_it() {
    let settings = MailSettings { platform: "checker.example.org".to_owned(), ..settings() };
    let templates = Templates::new(settings, OwnTemplates::none().expect("the shipped texts")).expect("templates");
    let text = templates.parts(&sample("several"), NOW).expect("rendered").text;
    assert!(text.contains("checker.example.org"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_things_are_called_the_mail_keeps_its_shape(name in any::<String>()) {
        let (subject, _, html) = received(&called(&name));
        prop_assert!(!subject.chars().any(char::is_control));
        // A name that is empty once it is clean leaves the key's end out, and nothing else.
        let plain = received(&called("Shop")).2;
        prop_assert_eq!(tags(&html), tags(&plain));
    }
}
