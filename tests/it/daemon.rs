//! `keysweep run`, the real program: signals, its service manager, parts that fail, and `kill -9`.

mod parts;
pub mod running;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::Duration;

use keysweep::demo::world::{KeyState, Simulated};
use serde_json::{Value, json};

use self::running::Running;
use crate::estate::{Connection, Estate, Read, one_stale_key, stale_keys, wait_for};
use crate::mail_server::MailServer;
use crate::support::hex;

/// What the daemon is given to stop in, in most tests: long enough not to matter.
const UNHURRIED: &str = "[run]\nstop_within = \"25s\"";

/// The runs that the ledger lists, oldest first, by their outcomes.
fn outcomes(estate: &Estate) -> Vec<String> {
    let scans = estate.run(&["scans", "list", "--format", "json"]).exits(0).json();
    let word = |scan: &Value| scan["outcome"].as_str().unwrap_or("none").to_owned();
    let mut all: Vec<String> = scans.as_array().expect("a list").iter().map(word).collect();
    all.reverse();
    all
}

/// The secret of the numbered key of [`stale_keys`].
fn key(number: usize) -> String {
    format!("kit_{}", hex(&format!("key {number}")))
}

/// The open findings, as `rule connection`, sorted.
fn findings(estate: &Estate) -> Vec<String> {
    let list = estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
    let word = |f: &Value, name: &str| f[name].as_str().unwrap_or("?").to_owned();
    let list = list.as_array().expect("a list").iter();
    let mut all: Vec<String> = list.map(|f| format!("{} {}", word(f, "rule"), word(f, "connection_id"))).collect();
    all.sort();
    all
}

/// Waits until so many runs have come to their end.
#[track_caller]
fn wait_for_runs(estate: &Estate, count: usize) {
    let ended = || outcomes(estate).iter().filter(|outcome| *outcome != "none").count();
    wait_for(&format!("{count} runs"), || (ended() >= count).then_some(()));
}

#[test]
fn a_new_ledger_is_scanned_at_once_and_a_signal_rings_for_more() {
    let estate = stale_keys(3);
    let daemon = Running::start(&estate);
    wait_for_runs(&estate, 1);
    assert_eq!(findings(&estate), ["secret-stale c00", "secret-stale c01", "secret-stale c02"]);
    daemon.signal("USR1");
    wait_for_runs(&estate, 2);
    daemon.stop();
    assert_eq!(outcomes(&estate), ["complete", "complete"]);
}

#[test]
fn mail_can_be_released_while_it_runs_and_then_leaves() {
    let estate = one_stale_key();
    let daemon = Running::start(&estate);
    wait_for_runs(&estate, 1);
    daemon.signal("USR2");
    wait_for_runs(&estate, 2);
    assert_eq!(estate.readers(), [""; 0], "a new ledger is in preview");
    estate.release();
    daemon.signal("USR2");
    wait_for("a mail", || (estate.readers().len() == 1).then_some(()));
    daemon.stop();
}

#[test]
fn the_verb_rings_for_a_scan_as_the_signal_does() {
    let estate = one_stale_key();
    let refused = estate.run(&["scan", "--daemon"]).exits(1);
    assert!(refused.err.contains("http.token"), "{}", refused.err);
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port();
    let token = "a-token-of-this-test-that-is-long-enough";
    let listen = format!("[http]\nlisten = \"127.0.0.1:{port}\"\ntoken = \"{token}\"");
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &listen);
    let nobody = estate.run(&["scan", "--daemon"]).exits(1);
    assert!(nobody.err.contains("keysweep run") && !nobody.err.contains(token), "{}", nobody.err);
    let daemon = Running::start_with(&estate, &[("KEYSWEEP__HTTP__LISTEN", &format!("127.0.0.1:{port}"))]);
    wait_for_runs(&estate, 1);
    let rung = estate.run(&["scan", "--daemon", "--format", "json"]).exits(0).json();
    assert_eq!((&rung["job"], &rung["status"]), (&"scan".into(), &"rung".into()));
    wait_for_runs(&estate, 2);
    daemon.stop();
}

#[test]
fn its_service_manager_hears_when_it_is_ready_alive_reloading_and_stopping() {
    let estate = one_stale_key();
    let daemon = Running::start_with(&estate, &[("WATCHDOG_USEC", "200000")]);
    wait_for_runs(&estate, 1);
    let alive = || daemon.news().iter().filter(|news| *news == "WATCHDOG=1").count();
    wait_for("it lives on", || (alive() > 5).then_some(()));
    daemon.signal("HUP");
    daemon.says("is in force");
    let heard = wait_for("ready again", || {
        let news = daemon.news();
        let at = news.iter().position(|news| news == "RELOADING=1")?;
        news[at..].iter().any(|news| news == "READY=1").then(|| news[at..].to_vec())
    });
    assert!(heard[1].starts_with("MONOTONIC_USEC="), "in the same message: {heard:?}");
    daemon.signal("TERM");
    wait_for("it says that it stops", || daemon.news().iter().any(|news| news == "STOPPING=1").then_some(()));
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_service_manager_that_does_not_listen_keeps_it_from_nothing() {
    let estate = one_stale_key();
    let daemon = Running::start_with(&estate, &[("WATCHDOG_USEC", "2000")]);
    wait_for_runs(&estate, 1);
    daemon.signal("USR1");
    wait_for_runs(&estate, 2);
    daemon.signal("TERM");
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn a_provider_that_hangs_starves_no_watchdog() {
    let estate = one_stale_key();
    estate.world.set_all(Simulated::Kit, Some(KeyState::Hangs));
    let env = [("WATCHDOG_USEC", "100000"), ("KEYSWEEP__LIVENESS__TIMEOUT", "3s")];
    let daemon = Running::start_with(&estate, &env);
    wait_for("a question without an answer", || (!estate.world.requests().is_empty()).then_some(()));
    let alive = || daemon.news().iter().filter(|news| *news == "WATCHDOG=1").count();
    let before = alive();
    wait_for("it lives on", || (alive() > before + 10).then_some(()));
    assert_eq!(outcomes(&estate), ["none"], "the scan is still under way");
    assert!(daemon.news().iter().any(|news| news.starts_with("STATUS=probe")), "{:?}", daemon.news());
    daemon.stop();
}

#[test]
fn told_to_stop_in_the_middle_of_a_scan_it_hears_the_answers_out_and_leaves_the_rest_due() {
    let estate = stale_keys(4);
    estate.world.set(Simulated::Kit, None, &key(2), KeyState::Hangs);
    let daemon = Running::start_with(&estate, &[("KEYSWEEP__LIVENESS__TIMEOUT", "1s")]);
    wait_for("a question without an answer", || estate.world.requests().iter().any(|r| r.status == 0).then_some(()));
    daemon.signal("TERM");
    let (code, took) = daemon.end();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(outcomes(&estate), ["interrupted"]);
    estate.world.set(Simulated::Kit, None, &key(2), KeyState::Live);
    estate.run(&["scan"]).exits(0);
    assert_eq!(findings(&estate).len(), 4);
    let asked = |number: usize| estate.world.requests().iter().filter(|r| r.key == Some(number)).count();
    assert_eq!([0, 1, 3].map(asked), [1, 1, 1], "what was answered before the end is not asked again");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let estate = one_stale_key();
    estate.world.set_all(Simulated::Kit, Some(KeyState::Hangs));
    let daemon = Running::start_with(&estate, &[("KEYSWEEP__LIVENESS__TIMEOUT", "50s")]);
    wait_for("a question without an answer", || (!estate.world.requests().is_empty()).then_some(()));
    daemon.signal("INT");
    daemon.says("stopping");
    daemon.signal("INT");
    let (code, took) = daemon.end();
    assert_eq!(code, Some(130));
    assert!(took < Duration::from_secs(20), "{took:?}");
    estate.world.set_all(Simulated::Kit, None);
    estate.run(&["scan"]).exits(0);
}

#[test]
fn told_to_stop_in_the_middle_of_a_mail_it_gives_back_what_it_claimed_and_doubts_only_what_was_on_its_way() {
    let estate = stale_keys(3);
    let server = MailServer::start(estate.folder.path(), &json!({"hang": true}));
    let mail = "sessions = 1\ntimeout = \"30s\"";
    estate.configure(&format!("smtp://127.0.0.1:{}", server.port()), mail, "[run]\nstop_within = \"1s\"");
    estate.release();
    let daemon = Running::start(&estate);
    wait_for_runs(&estate, 1);
    daemon.signal("USR2");
    wait_for("a mail without an answer", || (!server.taken().is_empty()).then_some(()));
    daemon.signal("TERM");
    assert_eq!(daemon.end().0, Some(0));
    let mut states: Vec<_> = estate.outbox().into_iter().map(|(_, state)| state).collect();
    states.sort();
    assert_eq!(states, ["maybe_sent", "planned", "planned"]);
}

#[test]
fn a_broken_configuration_changes_nothing_and_a_good_one_comes_into_force() {
    let estate = one_stale_key();
    let good = std::fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    let daemon = Running::start(&estate);
    wait_for_runs(&estate, 1);
    estate.write("keysweep.toml", &good.replace("confirm_gap", "confirm_gape"));
    daemon.signal("HUP");
    daemon.says("the last good one stays in force");
    assert!(daemon.log().contains("liveness.confirm_gape"), "{}", daemon.log());
    estate.write("keysweep.toml", &good); // for those who look from outside; the daemon is not told
    daemon.signal("USR1");
    wait_for_runs(&estate, 2);
    let moved = good.replace("ledger.db", "other.db").replace("connections.csv", "elsewhere.csv");
    estate.write("keysweep.toml", &moved);
    daemon.signal("HUP");
    daemon.says("is in force");
    daemon.says("ledger.url has changed");
    daemon.signal("USR1");
    daemon.says("elsewhere.csv");
    daemon.stop();
    assert!(!estate.path("other.db").exists());
}

#[test]
fn what_would_not_heal_by_itself_refuses_the_start() {
    let estate = one_stale_key();
    let daemon = Running::start(&estate);
    let second = estate.run(&["run"]).exits(1); // refused before it would listen
    assert!(
        second.err.contains(&format!("{}", daemon.pid())) && second.err.contains("holds the ledger"),
        "{}",
        second.err
    );
    daemon.stop();
    let good = std::fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    let (head, _) = good.split_once("[[inventory]]").expect("an inventory");
    estate.write("keysweep.toml", head);
    let nothing = estate.run(&["run"]).exits(78);
    assert!(nothing.err.contains("[[inventory]]"), "{}", nothing.err);
}

#[test]
fn killed_again_and_again_it_loses_nothing_and_repeats_at_most_the_mail_in_flight() {
    const OWNERS: usize = 5;
    let estate = stale_keys(OWNERS);
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "sessions = 1", UNHURRIED);
    estate.release();
    for seen in 1..=OWNERS {
        let before = estate.world.requests().len();
        let daemon = Running::start(&estate);
        daemon.signal("USR1");
        wait_for("a request, or an end", || {
            let ended = outcomes(&estate).contains(&"complete".to_owned());
            (ended || estate.world.requests().len() >= before + seen).then_some(())
        });
        daemon.kill();
    }
    let mut kills = 0;
    while estate.inbox.mails().len() < OWNERS + kills && kills < 20 {
        let before = estate.inbox.mails().len();
        let daemon = Running::start(&estate);
        daemon.signal("USR2");
        wait_for("a mail", || (estate.inbox.mails().len() > before).then_some(()));
        daemon.kill();
        kills += 1;
        if by_reader(&estate.mails()).len() == OWNERS {
            break;
        }
    }
    let daemon = Running::start(&estate);
    daemon.signal("USR1");
    daemon.signal("USR2");
    wait_for("all are sent", || {
        let outbox = estate.outbox();
        (outbox.len() == OWNERS && outbox.iter().all(|(_, state)| state == "sent")).then_some(())
    });
    daemon.stop();
    assert_eq!(findings(&estate).len(), OWNERS);
    let mails = estate.mails();
    let readers = by_reader(&mails);
    assert_eq!(readers.len(), OWNERS, "nobody is forgotten: {readers:?}");
    assert!(readers.values().all(|ids| ids.len() == 1), "one digest a person: {readers:?}");
    assert!(mails.len() <= OWNERS + kills, "{} mails, {kills} kills", mails.len());
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
fn its_log_says_what_it_did_and_names_no_secret_and_nobody() {
    let estate = one_stale_key();
    estate.connections(&[Connection::active("c1", "a", "owner", "kit_0000000000000000000000000000one")]);
    estate.configure(
        &format!("smtp://{}", estate.inbox.address()),
        "",
        "[telemetry]\nlog_format = \"json\"\nlog_filter = \"trace\"",
    );
    estate.release();
    let daemon = Running::start(&estate);
    wait_for_runs(&estate, 1);
    daemon.signal("USR2");
    wait_for("a mail", || (estate.readers().len() == 1).then_some(()));
    daemon.says("mail finished");
    let log = daemon.log();
    daemon.stop();
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "each line is an object: {line}");
    }
    let scan = log.lines().find(|line| line.contains("scan finished")).expect("a line for the scan");
    let scan: Value = serde_json::from_str(scan).expect("an object");
    assert_eq!((&scan["scan.id"], &scan["scan.outcome"]), (&json!(1), &json!("complete")), "{scan}");
    for never in ["0000000000000000000000000000one", "owner@example.org", crate::support::MASTER_KEY] {
        assert!(!log.contains(never), "the log has {never}");
    }
}
