//! Mail that comes back: its address is left alone, and the next in line is told the same, once.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use keysweep::demo::world::{KeyState, Simulated};

use crate::estate::{Connection, Estate};
use crate::support::{Kind, Ran};

const KEY: &str = "kit_0000000000000000000000000000back";
const MAIL: &str =
    "return_path = \"bounces@mail.example.org\"\nbounces = \"box\"\nsecurity_contact = \"security@example.org\"";

/// An owner with one stale key, whose mails come back to an address of their own.
fn estate(kind: Kind) -> Estate {
    let estate = Estate::on(kind);
    estate.configure(&format!("smtp://{}", estate.inbox.address()), MAIL, "");
    estate.people(&[["a", "owner", "owner", "active", "true"]]);
    estate.connections(&[Connection::active("c1", "a", "owner", KEY)]);
    estate.world.set(Simulated::Kit, None, KEY, KeyState::Live);
    estate.release();
    estate.notify();
    assert_eq!(estate.readers(), ["owner@example.org"]);
    estate
}

fn maildir(folder: &Path) {
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(folder.join(part)).expect("a folder that can be written");
    }
}

/// A report to where the first mail came from.
fn report(estate: &Estate, fixture: &str) -> String {
    let from = estate.inbox.mails()[0].from.clone();
    let token = from.strip_prefix("bounces+").and_then(|rest| rest.strip_suffix("@mail.example.org"));
    let token = token.expect("it comes back to an address of its own");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bounces").join(fixture);
    fs::read_to_string(path).expect("a fixture").replace("TOKEN", token)
}

fn piped(estate: &Estate, arguments: &[&str], input: &str) -> Ran {
    let mut child = estate
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("a pipe");
    child.wait_with_output().expect("it ends").into()
}

fn suppressed(estate: &Estate) -> usize {
    let list = estate.run(&["mail", "suppressed", "--format", "json"]).exits(0).json();
    list.as_array().expect("a list").len()
}

#[track_caller]
fn the_next_in_line_is_told_once(estate: &Estate) {
    for _ in 0..2 {
        estate.notify();
        assert_eq!(estate.readers(), ["owner@example.org", "security@example.org"]);
    }
    let mails = estate.mails();
    for mail in &mails {
        assert!(mail.text.contains("List c1"), "the same finding: {}", mail.text);
    }
    assert_ne!(mails[0].message_id, mails[1].message_id);
    let states: Vec<String> = estate.outbox().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["bounced", "sent"]);
    assert_eq!(suppressed(estate), 1);
}

#[test]
fn what_came_back_to_a_folder_is_told_to_the_next_in_line_once() {
    let estate = estate(Kind::Sqlite);
    let folder = estate.path("box");
    maildir(&folder);
    let gone = report(&estate, "postfix_unknown_user.eml");
    fs::write(folder.join("new/1.report"), &gone).expect("a folder");
    fs::write(folder.join("new/2.report"), &gone).expect("a folder");
    fs::write(folder.join("new/3.other"), report(&estate, "out_of_office.eml")).expect("a folder");
    the_next_in_line_is_told_once(&estate);
    let mut seen: Vec<_> =
        fs::read_dir(folder.join("cur")).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
    seen.sort();
    assert_eq!(seen, ["1.report:2,S", "2.report:2,S", "3.other:2,S"]);
    assert_eq!(fs::read_dir(folder.join("new")).expect("a folder").count(), 0);

    // The way back: what the owner was not told then is told where it still holds.
    estate.run(&["mail", "unsuppress", "owner@example.org"]).exits(0);
    fs::write(folder.join("new/4.again"), &gone).expect("a folder");
    estate.notify();
    assert_eq!(suppressed(&estate), 0, "an old report changes nothing any more");
}

#[test]
fn what_came_back_to_a_file_is_told_to_the_next_in_line_once() {
    let estate = estate(Kind::Sqlite);
    estate.notify(); // nothing is there yet
    let mail = |fixture: &str| format!("From MAILER-DAEMON Mon Sep 21 13:46:40 2026\n{}\n", report(&estate, fixture));
    let whole = [mail("out_of_office.eml"), mail("delayed.eml"), mail("ses_unknown_user.eml")].concat();
    let cut = whole.len() - 200;
    fs::write(estate.path("box"), &whole[..cut]).expect("a file");
    estate.notify();
    assert_eq!(suppressed(&estate), 0, "it is still being written");
    fs::write(estate.path("box"), &whole).expect("a file");
    the_next_in_line_is_told_once(&estate);
    assert_eq!(fs::read_to_string(estate.path("box")).expect("a file"), whole, "it is never changed");
}

#[test]
fn what_a_mail_server_hands_over_is_taken_in_beside_postgresql_as_well() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let estate = estate(kind);
        let ran = piped(&estate, &["mail", "bounce"], &report(&estate, "gmail_no_such_account.eml")).exits(0);
        assert_eq!(ran.out, "address_refused: 1\n");
        let again = piped(&estate, &["mail", "bounce"], &report(&estate, "gmail_no_such_account.eml")).exits(0);
        assert_eq!(again.out, "repeated: 1\n");
        the_next_in_line_is_told_once(&estate);
    }
}

#[test]
fn what_proves_nothing_changes_nothing() {
    let estate = estate(Kind::Sqlite);
    let gone = report(&estate, "postfix_unknown_user.eml");
    let token = gone.split("Delivered-To: bounces+").nth(1).and_then(|rest| rest.split('@').next()).expect("a token");
    let mut forged = token.to_owned();
    forged.replace_range(5..6, if token[5..].starts_with('7') { "8" } else { "7" });
    let elsewhere = gone.replace("bounces+", "bounces");
    for (message, outcome) in [
        (gone.replace(token, &forged), "forged"),
        (gone.replace(token, "x"), "forged"),
        (elsewhere, "unaddressed"),
        (report(&estate, "out_of_office.eml"), "not_a_report"),
        (report(&estate, "delayed.eml"), "not_final"),
        (report(&estate, "expanded_one_gone.eml"), "not_final"),
        (format!("Subject: long\n\n{}", "x".repeat(2_000_000)), "unreadable"),
    ] {
        let ran = piped(&estate, &["mail", "bounce"], &message).exits(0);
        assert_eq!(ran.out, format!("{outcome}: 1\n"));
    }
    let ours = piped(&estate, &["mail", "bounce"], &report(&estate, "policy.eml")).exits(0);
    assert_eq!(ours.out, "ours: 1\n");
    assert!(ours.err.contains("look at what is said of us"), "{}", ours.err);
    estate.notify();
    assert_eq!(estate.readers(), ["owner@example.org"]);
    assert_eq!(suppressed(&estate), 0);
    assert_eq!(estate.outbox()[0].1, "bounced", "it is noted that it did not arrive");
}

#[test]
fn a_file_of_reports_is_taken_in_by_hand() {
    let estate = estate(Kind::Sqlite);
    let mail = |fixture: &str| format!("From MAILER-DAEMON Mon Sep 21 13:46:40 2026\n{}\n", report(&estate, fixture));
    estate.write("reports", &[mail("delayed.eml"), mail("exchange_not_found.eml")].concat());
    assert_eq!(estate.run(&["mail", "bounce", "reports"]).exits(0).out, "address_refused: 1\nnot_final: 1\n");
    maildir(&estate.path("folder"));
    fs::write(estate.path("folder/new/1"), report(&estate, "exchange_not_found.eml")).expect("a folder");
    assert_eq!(estate.run(&["mail", "bounce", "folder"]).exits(0).out, "repeated: 1\n");
    let missing = estate.run(&["mail", "bounce", "nothing"]).exits(1);
    assert!(missing.err.contains("nothing:"), "{}", missing.err);
    the_next_in_line_is_told_once(&estate);
}

#[test]
fn an_owner_who_can_be_reached_no_more_is_reported_where_nobody_is_left() {
    let estate = estate(Kind::Sqlite);
    let mail = "return_path = \"bounces@mail.example.org\"\nbounces = \"box\"";
    estate.configure(&format!("smtp://{}", estate.inbox.address()), mail, "");
    piped(&estate, &["mail", "bounce"], &report(&estate, "postfix_unknown_user.eml")).exits(0);
    let ran = estate.run(&["scan", "--notify", "--format", "json"]);
    let findings = ran.json()["findings"].as_array().expect("findings").clone();
    assert!(findings.iter().any(|finding| finding["rule"] == "owner-unreachable"), "{findings:#?}");
}

#[test]
fn a_mailbox_that_can_not_be_used_stops_no_mail_and_is_told_of() {
    let estate = estate(Kind::Sqlite);
    let doctor = |estate: &Estate| {
        let checks = estate.run(&["doctor", "--format", "json"]).json();
        let all = checks["checks"].as_array().or(checks.as_array()).expect("checks").clone();
        let found = all.into_iter().find(|check| check["setting"] == "mail.bounces").expect("a check of the mailbox");
        (found["state"].as_str().expect("a state").to_owned(), found["what"].as_str().expect("words").to_owned())
    };
    assert_eq!(doctor(&estate).0, "warning");
    fs::create_dir(estate.path("box")).expect("a folder");
    let (state, what) = doctor(&estate);
    assert!(state == "error" && what.contains("neither a file nor a folder"), "{what}");
    let ran = estate.run(&["scan", "--notify"]);
    assert!(ran.err.contains("mail.bounces"), "{}", ran.err);
    maildir(&estate.path("box"));
    assert_eq!(doctor(&estate).0, "ok");
}

#[test]
fn without_a_return_path_mails_come_from_their_sender() {
    let estate = crate::estate::one_stale_key();
    estate.release();
    estate.notify();
    assert_eq!(estate.inbox.mails()[0].from, "keys@example.org");
    let ran = piped(&estate, &["mail", "bounce"], "Subject: hello\n\n").exits(78);
    assert!(ran.err.contains("mail.return_path"), "{}", ran.err);
}

#[test]
fn while_the_ledger_cannot_be_had_the_mail_server_is_to_try_again_later() {
    let estate = estate(Kind::Sqlite);
    let gone = report(&estate, "postfix_unknown_user.eml");
    let (ledger, aside) = (estate.path("ledger.db"), estate.path("aside.db"));
    fs::rename(&ledger, &aside).expect("a file that can be moved");
    for what in ["missing", "no database"] {
        let ran = piped(&estate, &["mail", "bounce"], &gone).exits(75);
        assert!(ran.err.contains("try again later"), "{what}: {}", ran.err);
        fs::write(&ledger, [b'x'; 4096]).expect("a folder that can be written");
    }
    fs::remove_file(&ledger).expect("a file that can be removed");
    fs::rename(&aside, &ledger).expect("a file that can be moved");
    assert_eq!(suppressed(&estate), 0, "nothing was taken in meanwhile");
    piped(&estate, &["mail", "bounce"], &gone).exits(0);
    assert_eq!(suppressed(&estate), 1);
}
