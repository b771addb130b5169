//! Who is told, and when: ramp, baseline, brake, quiet hours, the cap of a day, the security contact, the note that ends a
//! tombstone, and the operator's pauses. The real program, by the real clock; ladders over months are in virtual time
//! elsewhere.

use std::fs;

use chrono::{TimeDelta, Timelike};
use keysweep::demo::world::{KeyState, Simulated};
use serde_json::{Value, json};

use crate::estate::{Connection, Estate, stale_keys, wait_for};
use crate::support::now;

const KEYS: [&str; 4] = [
    "kit_00000000000000000000000000000011",
    "kit_00000000000000000000000000000012",
    "kit_00000000000000000000000000000013",
    "kit_00000000000000000000000000000014",
];

fn configure(estate: &Estate, mail: &str) {
    estate.configure(&format!("smtp://{}", estate.inbox.address()), mail, "");
}

fn preview(estate: &Estate) -> Value {
    estate.run(&["mail", "preview", "--format", "json"]).exits(0).json()
}

/// One owner with so many stale keys.
fn owner_with(estate: &Estate, count: usize) {
    let ids = ["c1", "c2", "c3", "c4"];
    let rows: Vec<Connection> =
        ids.iter().zip(KEYS).take(count).map(|(id, key)| Connection::active(id, "a", "owner", key)).collect();
    estate.connections(&rows);
    for key in &KEYS {
        estate.world.set(Simulated::Kit, None, key, KeyState::Live);
    }
}

fn owner() -> Estate {
    let estate = Estate::new();
    estate.people(&[["a", "owner", "owner", "active", "true"]]);
    owner_with(&estate, 1);
    estate
}

#[test]
fn a_ramp_tells_a_few_people_a_run_until_everybody_was_told_once() {
    let estate = stale_keys(5);
    configure(&estate, "first_run = \"ramp\"\nramp_size = 2");
    for told in [2, 4, 5, 5] {
        estate.notify();
        assert_eq!(estate.readers().len(), told);
    }
    let mut readers = estate.readers();
    readers.dedup();
    assert_eq!(readers.len(), 5, "each once");
    assert_eq!(preview(&estate)["mode"], "released");
}

#[test]
fn a_baseline_is_recorded_and_only_what_is_new_after_it_is_told() {
    let estate = owner();
    configure(&estate, "first_run = \"baseline\"");
    estate.notify();
    assert_eq!(estate.readers(), [""; 0]);
    let listed = estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
    assert_eq!((&listed[0]["rule"], &listed[0]["baseline"]), (&json!("secret-stale"), &json!(true)), "{listed:#}");

    owner_with(&estate, 2);
    estate.notify();
    estate.notify();
    let mails = estate.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("List c2") && !mails[0].text.contains("List c1"), "{}", mails[0].text);
}

#[test]
fn the_operator_is_told_where_nobody_else_can_be_in_one_digest_over_all_accounts() {
    let estate = Estate::new();
    estate.people(&[
        ["a", "owner-a", "owner", "suspended", "true"],
        ["b", "owner-b", "owner", "active", "false"],
        ["c", "owner-c", "owner", "active", "true"],
    ]);
    estate.connections(&[
        Connection::active("c1", "a", "owner-a", KEYS[0]),
        Connection::active("c2", "b", "owner-b", KEYS[1]),
        Connection::active("c3", "c", "owner-c", KEYS[2]),
    ]);
    for key in &KEYS {
        estate.world.set(Simulated::Kit, None, key, KeyState::Live);
    }
    configure(&estate, "security_contact = \"security@example.org\"");
    estate.release();
    estate.notify();
    estate.notify();
    assert_eq!(estate.readers(), ["owner-c@example.org", "security@example.org"]);
    let mail = estate.mails().into_iter().find(|mail| mail.to == "security@example.org").expect("its mail");
    assert!(mail.text.contains("List c1") && mail.text.contains("List c2") && !mail.text.contains("List c3"));
    let findings = estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
    let unreachable = findings.as_array().expect("a list").iter().filter(|f| f["rule"] == "owner-unreachable");
    assert_eq!(unreachable.count(), 2, "told or not, they can't be reached");
}

#[test]
fn quiet_hours_put_a_digest_off_and_what_is_new_by_then_joins_it() {
    let estate = owner();
    let hour = |by: i64| (now() + TimeDelta::hours(by)).hour();
    let quiet = format!("quiet = \"{:02}:00-{:02}:00\"", hour(-1), hour(2));
    configure(&estate, &quiet);
    estate.release();
    let ran = estate.notify();
    assert!(ran.err.contains("1 person waits until their quiet hours are over"), "{}", ran.err);
    owner_with(&estate, 2);
    estate.notify();
    assert_eq!((estate.readers().len(), estate.outbox().len()), (0, 0), "nothing is formed meanwhile");
    let seen = preview(&estate);
    let put_off = &seen["put_off"][0];
    assert_eq!((&put_off["reason"], &put_off["notices"], &put_off["people"]), (&json!("quiet"), &json!(2), &json!(1)));
    assert!(
        put_off["until"].as_str().is_some_and(|until| until.contains(&format!("{:02}:00:00", hour(2)))),
        "{seen:#}"
    );
    let shown = estate.run(&["mail", "preview"]).exits(0).out;
    assert!(shown.contains("Waiting for quiet hours to end: 2 notices to 1 person, until "), "{shown}");
    configure(&estate, "");
    estate.notify();
    estate.notify();
    let mails = estate.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("List c1") && mails[0].text.contains("List c2"), "{}", mails[0].text);
}

#[test]
fn what_is_too_much_for_a_day_waits_through_restarts_and_is_counted() {
    let estate = owner();
    configure(&estate, "per_address_per_day = 1");
    estate.release();
    estate.notify();
    for count in [2, 3] {
        owner_with(&estate, count);
        let ran = estate.notify();
        assert!(ran.err.contains("1 person waits for room among the mails of a day"), "{}", ran.err);
        assert_eq!(estate.readers().len(), 1);
    }
    configure(&estate, "per_address_per_day = 2");
    estate.notify();
    estate.notify();
    let mails = estate.mails();
    assert_eq!(mails.len(), 2);
    let joined = mails.iter().filter(|mail| mail.text.contains("List c2") && mail.text.contains("List c3"));
    assert_eq!(joined.count(), 1);
}

#[test]
fn the_brake_holds_everything_until_the_operator_has_looked() {
    let estate = owner();
    configure(&estate, "brake_times = 1\nbrake_at_least = 1");
    estate.release();
    estate.notify();
    assert_eq!(estate.readers().len(), 1, "the operator's release is their word for what is there");
    owner_with(&estate, 4);
    for _ in 0..2 {
        let ran = estate.notify();
        assert!(ran.err.contains("the brake is on: 3 findings are new"), "{}", ran.err);
        assert_eq!(estate.readers().len(), 1);
    }
    assert_eq!(preview(&estate)["brake"]["new"], 3);
    estate.release();
    estate.notify();
    estate.notify();
    assert_eq!(estate.readers().len(), 2);
    assert_eq!(preview(&estate)["brake"], Value::Null);
}

#[test]
fn whoever_was_told_of_a_left_behind_key_is_told_once_that_it_is_refused() {
    let estate = Estate::new();
    estate.people(&[["a", "owner", "owner", "active", "true"], ["b", "other", "owner", "active", "true"]]);
    estate.connections(&[
        Connection::active("c1", "a", "owner", KEYS[0]).deleted(),
        Connection::active("c2", "b", "other", KEYS[1]),
    ]);
    for key in &KEYS {
        estate.world.set(Simulated::Kit, None, key, KeyState::Live);
    }
    configure(&estate, "recheck_after = \"1ms\"\nper_address_per_day = 0");
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    estate.write("keysweep.toml", &text.replace("[liveness]", "[liveness]\nprobe_every = \"1ms\""));
    estate.release();
    estate.notify();
    assert_eq!(estate.readers(), ["other@example.org", "owner@example.org"]);
    estate.world.set(Simulated::Kit, None, KEYS[0], KeyState::Refused);
    wait_for("the key is dead, and its owner told", || {
        estate.notify();
        (estate.readers().len() > 2).then_some(())
    });
    estate.notify();
    assert_eq!(estate.readers(), ["other@example.org", "owner@example.org", "owner@example.org"]);
}

#[test]
fn nobody_is_reminded_of_what_the_operator_snoozed_until_they_take_it_back() {
    let estate = owner();
    estate.release();
    estate.run(&["scan"]).exits(0);
    let listed = || estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
    let id = listed()[0]["id"].as_str().expect("an id").to_owned();
    estate.run(&["snooze", &id]).exits(2);
    estate.run(&["snooze", &id, "--for", "400d"]).exits(1);
    estate.run(&["snooze", "F99", "--for", "7d"]).exits(1);
    for (span, words) in
        [("1month", "no exact length"), ("2y", "no exact length"), ("", "not a duration"), ("7", "no unit")]
    {
        let refused = estate.run(&["snooze", &id, "--for", span]).exits(2).err;
        assert!(refused.contains(words), "{span}: {refused}");
    }
    estate.run(&["snooze", &id, "--for", "7d"]).exits(0);
    estate.notify();
    assert_eq!((estate.readers().len(), &listed()[0]["pause"]), (0, &json!("snoozed")));
    let until = listed()[0]["pause_until"].as_str().expect("a time").to_owned();
    for shown in [&["explain", id.as_str()][..], &["findings", "show", id.as_str()]] {
        let told = estate.run(shown).exits(0).out;
        let (date, _) = until.split_once('T').expect("a date and a time");
        let says = |word: &str| told.lines().any(|line| line.contains(word) && line.contains(date));
        assert!(says("snoozed until") && says("told again"), "{told}");
    }
    estate.run(&["ack", &id]).exits(0);
    estate.notify();
    assert_eq!((estate.readers().len(), &listed()[0]["pause"]), (0, &json!("acknowledged")));
    estate.run(&["ack", &id, "--undo"]).exits(0);
    estate.notify();
    assert_eq!(estate.readers(), ["owner@example.org"]);
}

#[test]
fn a_pause_that_is_over_is_not_listed_as_one() {
    let estate = owner();
    estate.run(&["scan"]).exits(0);
    let row = || {
        let table = estate.run(&["findings", "list"]).exits(0).out;
        table.lines().find(|line| line.contains("F1 ")).expect("its row").to_owned()
    };
    estate.run(&["snooze", "F1", "--for", "6s"]).exits(0);
    assert!(row().contains("snoozed to "), "{}", row());
    wait_for("the end of the pause", || (!row().contains("snoozed")).then_some(()));
}

#[test]
fn what_the_operator_says_goes_by_the_clock_that_the_providers_set_right() {
    let estate = owner();
    let ours = now();
    let theirs = (ours + TimeDelta::days(1)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    estate.world.date(Some(theirs)); // this machine is a day behind
    estate.run(&["scan"]);
    let listed = || estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
    let id = listed()[0]["id"].as_str().expect("an id").to_owned();
    estate.run(&["snooze", &id, "--for", "12h"]).exits(0);
    let until: chrono::DateTime<chrono::Utc> =
        listed()[0]["pause_until"].as_str().expect("a time").parse().expect("a time");
    let ahead = (until - ours).num_hours();
    assert!((35..=37).contains(&ahead), "12 hours from now would be over when it is written: {until}");
}

#[test]
fn a_connection_or_a_credential_stands_for_all_that_is_open_about_it() {
    let estate = owner();
    estate.run(&["scan"]).exits(0);
    let listed = || estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
    let first = listed()[0].clone();
    let word = |key: &str| first[key].as_str().expect("a text").to_owned();
    let (id, connection, credential) = (word("id"), word("connection_id"), word("credential"));
    for (named, act, pause) in [
        (&connection, "snooze", json!("snoozed")),
        (&format!("main/{connection}"), "ack", json!("acknowledged")),
        (&credential, "snooze", json!("snoozed")),
    ] {
        let until =
            if act == "ack" { &["ack", named.as_str()][..] } else { &["snooze", named.as_str(), "--for", "7d"] };
        let said = estate.run(until).exits(0).err;
        assert!(said.contains(&format!("{id} (")) && said.contains(&format!("main/{connection})")), "{said}");
        let all = listed();
        let about =
            all.as_array().expect("a list").iter().filter(|finding| finding["credential"] == credential.as_str());
        assert!(about.clone().count() > 0 && about.clone().all(|finding| finding["pause"] == pause), "{all:#}");
        estate.run(&["ack", named.as_str(), "--undo"]).exits(0);
        assert!(listed().as_array().expect("a list").iter().all(|finding| finding["pause"].is_null()));
    }
    let unknown = estate.run(&["ack", "nowhere"]).exits(1);
    assert!(unknown.err.contains("give a finding (F12), a connection's id, or the last 12 digits"), "{}", unknown.err);
}
