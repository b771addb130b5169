//! The real program under `kill -9`: what it had committed stays, the next run goes on, and nobody is told twice.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};

use keysweep::demo::world::{KeyState, Simulated};
use serde_json::json;

use crate::estate::{Estate, Read, stale_keys, stale_keys_on, wait_for};
use crate::mail_server::MailServer;
use crate::support::{Kind, hex};

/// A scan that mails, under way.
fn start(estate: &Estate) -> Child {
    let mut command = estate.command(&["scan", "--notify"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// Kills the scan once something has come about, or sees it end. True where it was killed.
fn kill_once(mut scan: Child, what: &str, mut come: impl FnMut() -> bool) -> bool {
    let killed = wait_for(what, || match scan.try_wait().expect("a child") {
        Some(_) => Some(false),
        None => come().then(|| {
            scan.kill().expect("SIGKILL");
            true
        }),
    });
    scan.wait().expect("a child");
    killed
}

/// The open findings as `rule connection liveness`, sorted.
fn findings(estate: &Estate) -> Vec<String> {
    let list = estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
    let list = list.as_array().expect("a list").iter();
    let mut all: Vec<String> =
        list.map(|f| format!("{} {} {}", f["rule"], f["connection_id"], f["liveness"])).collect();
    all.sort();
    all
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|number| format!(r#""secret-stale" "c{number:02}" "live""#)).collect()
}

/// The Message-IDs by reader.
fn by_reader(mails: &[Read]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut readers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for mail in mails {
        readers.entry(&mail.to).or_default().insert(&mail.message_id);
    }
    readers
}

#[test]
fn killed_after_any_request_or_any_mail_it_loses_nothing_and_repeats_at_most_the_mail_in_flight() {
    killed_after_any_request_or_any_mail(Kind::Sqlite);
}

#[test]
fn killed_after_any_request_or_any_mail_it_loses_nothing_in_postgresql_either() {
    killed_after_any_request_or_any_mail(Kind::Postgres);
}

fn killed_after_any_request_or_any_mail(kind: Kind) {
    const OWNERS: usize = 6;
    let estate = stale_keys_on(kind, OWNERS);
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "sessions = 1", "");
    estate.release();
    for seen in 1..=OWNERS {
        let before = estate.world.requests().len();
        kill_once(start(&estate), "a request", || estate.world.requests().len() >= before + seen);
    }
    let mut kills = 0;
    while estate.inbox.mails().len() < OWNERS + kills {
        let before = estate.inbox.mails().len();
        let killed = kill_once(start(&estate), "a mail", || estate.inbox.mails().len() > before);
        kills += usize::from(killed);
        // On a busy machine each kill may fall before the record: those that were sent so far are enough.
        if !killed || kills == 5 * OWNERS {
            break;
        }
    }
    estate.notify();
    estate.notify();
    assert_eq!(findings(&estate), expected(OWNERS));
    let mails = estate.mails();
    let readers = by_reader(&mails);
    assert_eq!(readers.len(), OWNERS, "nobody is forgotten: {readers:?}");
    assert!(readers.values().all(|ids| ids.len() == 1), "one digest a person: {readers:?}");
    assert!(mails.len() <= OWNERS + kills, "{} mails, {kills} kills", mails.len());
    let sent: Vec<_> = estate.outbox().into_iter().map(|(_, state)| state).collect();
    assert_eq!(sent, ["sent"; OWNERS]);
}

#[test]
fn killed_while_a_provider_is_silent_the_next_scan_asks_again() {
    let estate = stale_keys(4);
    estate.release();
    let silent = format!("kit_{}", hex("key 2"));
    estate.world.set(Simulated::Kit, None, &silent, KeyState::Hangs);
    let hangs = || estate.world.requests().iter().any(|request| request.status == 0);
    assert!(kill_once(start(&estate), "a request without an answer", hangs));
    assert_eq!(estate.readers(), [""; 0]);
    estate.world.set(Simulated::Kit, None, &silent, KeyState::Live);
    estate.notify();
    estate.notify();
    assert_eq!(findings(&estate), expected(4));
    assert_eq!(estate.readers(), [0, 1, 2, 3].map(|number| format!("o{number:02}@example.org")));
}

#[test]
fn killed_between_data_and_its_record_one_mail_is_sent_again_under_the_same_message_id() {
    killed_between_data_and_its_record(Kind::Sqlite);
}

#[test]
fn killed_between_data_and_its_record_one_mail_is_sent_again_in_postgresql_too() {
    killed_between_data_and_its_record(Kind::Postgres);
}

fn killed_between_data_and_its_record(kind: Kind) {
    let estate = stale_keys_on(kind, 3);
    let server = MailServer::start(estate.folder.path(), &json!({"hang": true}));
    estate.configure(&format!("smtp://127.0.0.1:{}", server.port()), "sessions = 1", "");
    estate.release();
    assert!(kill_once(start(&estate), "a mail without an answer", || !server.taken().is_empty()));
    let states: Vec<_> = estate.outbox().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states.iter().filter(|state| *state == "sending").count(), 1, "{states:?}");
    server.behave(&json!({}));
    estate.notify();
    estate.notify();
    let mails: Vec<Read> = server.taken().into_iter().map(|taken| taken.mail).collect();
    assert_eq!(mails.len(), 4, "three, and one of them twice");
    let readers = by_reader(&mails);
    assert_eq!(readers.len(), 3);
    assert!(readers.values().all(|ids| ids.len() == 1), "{readers:?}");
    assert_eq!(mails.iter().filter(|mail| **mail == mails[0]).count(), 2, "the same mail, to the letter");
}

#[test]
fn killed_in_the_middle_of_reading_nothing_counts_as_gone() {
    let estate = stale_keys(4);
    estate.release();
    estate.notify();
    for _ in 0..5 {
        let mut scan = start(&estate);
        wait_for("the ledger is held", || {
            let held = std::fs::read_to_string(estate.path("ledger.db.lock")).unwrap_or_default();
            (held.trim() == scan.id().to_string()).then_some(())
        });
        scan.kill().expect("SIGKILL");
        scan.wait().expect("a child");
    }
    estate.notify();
    assert_eq!(findings(&estate), expected(4));
    assert_eq!(estate.readers().len(), 4, "and nobody is told twice");
    let scans = estate.run(&["scans", "list", "--format", "json"]).exits(0).json();
    let outcomes: Vec<_> = scans.as_array().expect("a list").iter().map(|scan| scan["outcome"].clone()).collect();
    assert!(outcomes.iter().all(|outcome| outcome == "complete" || outcome == "killed"), "{outcomes:?}");
}
