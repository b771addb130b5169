use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::report::{Incoming, read};
use crate::domain::bounce::{Failure, Fault, failure};
use crate::domain::verp::ReturnPath;

/// What a message comes to: its tokens; nothing where it is no report, else nothing where nothing came back.
type Expected = (&'static str, &'static [&'static str], Option<Option<(Fault, &'static str, &'static str)>>);

const NOT_FINAL: Option<Option<(Fault, &str, &str)>> = Some(None);

const fn back(
    fault: Fault,
    status: &'static str,
    said: &'static str,
) -> Option<Option<(Fault, &'static str, &'static str)>> {
    Some(Some((fault, status, said)))
}

const TABLE: [Expected; 16] = [
    (
        "postfix_unknown_user",
        &["TOKEN"],
        back(Fault::Address, "5.1.1", "550 5.1.1 [address] Recipient address rejected: no such mailbox"),
    ),
    ("exim_unrouteable", &["token"], back(Fault::Ours, "5.0.0", "550 no such user here")),
    (
        "exchange_not_found",
        &["TOKEN"],
        back(
            Fault::Address,
            "5.1.10",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient [address] not found by SMTP address lookup",
        ),
    ),
    (
        "gmail_no_such_account",
        &["TOKEN"],
        back(
            Fault::Address,
            "5.2.1",
            "550-5.2.1 The email account that you tried to reach is disabled. 550 5.2.1 \
             https://support.example.com/mail/?p=DisabledUser gm1 - gsmtp",
        ),
    ),
    ("ses_unknown_user", &["TOKEN"], back(Fault::Address, "5.1.1", "550 5.1.1 user unknown")),
    ("delayed", &["TOKEN"], NOT_FINAL),
    (
        "gave_up_after_days",
        &["TOKEN"],
        back(Fault::Passing, "4.4.1", "connect to mail.example.org[192.0.2.9]:25: Connection timed out"),
    ),
    ("mailbox_full", &["TOKEN"], back(Fault::Passing, "5.2.2", "552 5.2.2 Mailbox full")),
    ("policy", &["TOKEN"], back(Fault::Ours, "5.7.1", "550 5.7.1 Message refused: your network is on a list")),
    ("relayed", &["TOKEN"], NOT_FINAL),
    ("expanded_one_gone", &["TOKEN"], NOT_FINAL),
    ("international", &["TOKEN"], back(Fault::Address, "5.1.1", "550 5.1.1 unbekannt")),
    ("without_token", &[], back(Fault::Address, "5.1.1", "550 5.1.1 unknown")),
    ("disposition", &["TOKEN"], None),
    ("out_of_office", &["TOKEN"], None),
    ("unasked", &[], None),
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bounces")
}

fn path() -> ReturnPath {
    ReturnPath::parse("bounces@mail.example.org").expect("a good address")
}

#[test]
fn reports_as_servers_write_them_say_what_came_back_and_why() {
    for (name, tokens, expected) in TABLE {
        let raw = fs::read(folder().join(name).with_extension("eml")).expect(name);
        let Incoming { tokens: found, told } = read(&raw, &path());
        assert_eq!(found, tokens, "{name}");
        let came = told.map(|told| failure(&told));
        let expected =
            expected.map(|back| back.map(|(fault, status, said)| (fault, Some(status.to_owned()), said.to_owned())));
        let found = came.map(|back| {
            back.map(|Failure { fault, status, said }| (fault, status.map(|status| status.to_string()), said))
        });
        assert_eq!(found, expected, "{name}");
    }
    let files = fs::read_dir(folder()).expect("the fixtures").count();
    assert_eq!(files, TABLE.len(), "every fixture is in the table");
}

#[test]
fn the_enclosed_mail_and_what_a_report_says_of_itself_name_no_mail() {
    let raw = fs::read_to_string(folder().join("postfix_unknown_user.eml")).expect("a fixture");
    let raw = raw.replacen("X-Original-To: bounces+TOKEN@", "X-Other: bounces+TOKEN@", 1);
    let raw = raw.replacen("Delivered-To: bounces+TOKEN@", "X-Other: bounces+TOKEN@", 1);
    let raw = raw.replacen("\nTo: bounces+TOKEN@", "\nTo: someone@", 1);
    assert!(raw.contains("bounces+OTHER@") && raw.contains("X-Postfix-Sender: rfc822; bounces+TOKEN@"));
    assert_eq!(read(raw.as_bytes(), &path()).tokens, Vec::<String>::new());
}

#[test]
fn what_is_kept_is_short_and_names_nobody() {
    let raw = fs::read_to_string(folder().join("policy.eml")).expect("a fixture");
    let raw = raw.replace("your network", &format!("owner@example.org\u{7}\u{1b}[31m {}", "x".repeat(5000)));
    let told = read(raw.as_bytes(), &path()).told.expect("a report");
    assert!(told[0].said.chars().count() <= 200 && !told[0].said.contains('@'), "{}", told[0].said);
    assert!(!told[0].said.contains(char::is_control), "{}", told[0].said);
}

#[test]
fn a_thousand_recipients_are_not_walked_through() {
    let raw = fs::read_to_string(folder().join("policy.eml")).expect("a fixture");
    let group = "\nFinal-Recipient: rfc822; owner@example.org\nAction: failed\nStatus: 5.1.1\n";
    let raw = raw.replace("\n\nFinal-Recipient", &format!("\n{}\nFinal-Recipient", group.repeat(1000)));
    assert_eq!(read(raw.as_bytes(), &path()).told.map(|told| told.len()), Some(100));
}

proptest! {
    #[test]
    fn any_bytes_say_something_or_nothing(
        file in 0..TABLE.len(),
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut raw = fs::read(folder().join(TABLE[file].0).with_extension("eml")).expect("a fixture");
        let place = at.index(raw.len());
        raw.splice(place..place, bytes.iter().copied());
        raw.truncate(cut.index(raw.len()) + 1);
        read(&raw, &path());
        read(&bytes, &path());
    }
}
