//! Rows that name their secrets instead of showing them: the real program follows the names.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use chrono::TimeDelta;
use keysweep::demo::world::{KeyState, Simulated};
use serde_json::Value;

use crate::estate::Estate;
use crate::support::{Ran, ago};

const KEY: &str = "kit_0123456789abcdef0123456789ab";
const NEXT: &str = "kit_abcdef0123456789abcdef012345";

/// A connection of Kit whose secret is named, and a source that allows it to be.
fn estate(refs: &str) -> Estate {
    let estate = Estate::new();
    fs::create_dir(estate.path("keys")).expect("a folder");
    estate.configure("smtp://127.0.0.1:1", "", &format!("[inventory.secret_refs]\n{refs}"));
    for key in [KEY, NEXT] {
        estate.world.set(Simulated::Kit, None, key, KeyState::Live);
    }
    estate
}

fn show(estate: &Estate, reference: &str, version: &str) {
    let set_at = ago(TimeDelta::days(10));
    estate.write(
        "connections.csv",
        &format!("connection_id,account_id,provider,created_at,secret_ref,secret_version\nc1,a1,convertkit,{set_at},{reference},{version}\n"),
    );
}

fn scan(estate: &Estate) -> Value {
    estate.run(&["scan", "--format", "json"]).exits(0).json()
}

/// The credentials: provider and liveness of each, in the order in which they were first seen.
fn credentials(estate: &Estate) -> Vec<String> {
    let list = estate.run(&["credentials", "list", "--format", "json"]).exits(0).json();
    let word = |one: &Value, name: &str| one[name].as_str().expect("a word").to_owned();
    list.as_array().expect("a list").iter().map(|one| word(one, "provider") + " " + &word(one, "liveness")).collect()
}

fn is_told(document: &Value, words: &str) -> bool {
    document["problems"].as_array().expect("a list").iter().any(|one| one.as_str().expect("a line").contains(words))
}

#[test]
fn a_named_secret_is_followed_when_its_row_changes_and_what_is_named_in_vain_is_tried_again() {
    let estate = estate("files = \"keys\"");
    show(&estate, "file:acme", "1");
    let first = scan(&estate);
    assert!(is_told(&first, "secret_ref: leads to a file that isn't there"), "{first:#}");
    assert!(is_told(&first, "rows that name a secret which could not be had: 1"), "{first:#}");
    estate.write("keys/acme", &format!("{KEY}\n"));
    let second = scan(&estate);
    assert!(!is_told(&second, "secret_ref"), "{second:#}");
    assert!(credentials(&estate).contains(&"kit live".to_owned()), "{:?}", credentials(&estate));
    let asked = estate.world.requests().len();
    estate.write("keys/acme", NEXT);
    scan(&estate);
    assert_eq!(estate.world.requests().len(), asked, "the row says nothing new, and the week isn't over");
    show(&estate, "file:acme", "2");
    let third = scan(&estate);
    let left: Vec<_> = third["findings"].as_array().expect("a list").iter().map(|one| one["rule"].clone()).collect();
    assert!(left.contains(&"revocation-missing".into()), "the old value was left behind: {third:#}");
    // The keeper loses it: what is known stays.
    fs::remove_file(estate.path("keys/acme")).expect("the file");
    show(&estate, "file:acme", "3");
    scan(&estate);
    let open = estate.run(&["connections", "show", "c1", "--format", "json"]).exits(0);
    assert!(open.out.contains("live"), "{}", open.out);
}

#[test]
fn a_command_decrypts_what_rows_hold() {
    let estate = estate("command = [\"/bin/sh\", \"decrypt.sh\"]");
    show(&estate, "encrypted:kit", "1");
    let refused = scan(&estate);
    assert!(is_told(&refused, "secret_ref: the command ended with"), "{refused:#}");
    let script = estate.path("decrypt");
    fs::write(&script, format!("#!/bin/sh\ntest \"$(cat)\" = kit && echo {KEY}\n")).expect("a file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a file");
    estate.configure("smtp://127.0.0.1:1", "", "[inventory.secret_refs]\ncommand = [\"decrypt\"]");
    scan(&estate);
    assert!(credentials(&estate).contains(&"kit live".to_owned()), "{:?}", credentials(&estate));
    let ran: Ran = estate.run(&["inventory", "check", "main"]).exits(0);
    assert!(ran.out.contains("1 connection, "), "{}", ran.out);
}

#[test]
fn a_command_is_the_program_beside_the_configuration_however_that_is_named() {
    let estate = estate("command = [\"tail\"]");
    let program = estate.path("tail");
    fs::write(&program, format!("#!/bin/sh\necho {KEY}\n")).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a file");
    show(&estate, "encrypted:kit_fedcba9876543210fedcba987654", "1");
    let mut command = estate.command(&["scan", "--format", "json"]);
    let path = std::env::var("PATH").expect("a search path, where another program of the name is");
    command.env("KEYSWEEP_CONFIG", "keysweep.toml").env("PATH", path);
    Ran::from(command.output().expect("the program starts")).exits(0);
    assert!(credentials(&estate).contains(&"kit live".to_owned()), "{:?}", credentials(&estate));
}

#[test]
fn nothing_is_followed_that_the_settings_dont_allow() {
    let estate = estate("");
    estate.write("keys/acme", KEY);
    show(&estate, "file:keys/acme", "1");
    let document = scan(&estate);
    assert!(is_told(&document, "this source's settings allow no references"), "{document:#}");
    assert_eq!(estate.world.requests().len(), 0);
}
