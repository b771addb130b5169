//! Another master key: every copy is sealed anew under it, and nothing else changes.

use std::fs;

use crate::support::{Kind, Site};

/// Base64 of 32 bytes that no other test has.
const NEW: &str = "bmV3IG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzISEhISE=";

fn prepared(kind: Kind) -> Site {
    let mut site = Site::on(kind);
    for word in ["one", "two"] {
        site.providers.set("kit", word, "", &format!("kit_{word}"), "accept");
    }
    site.connections("connection_id,account_id,provider,secret\nc-1,a,kit,kit_one\nc-2,a,kit,kit_two\n");
    site.scan();
    site
}

fn on(kind: Kind) {
    let site = prepared(kind);
    let under = |key: &str, arguments: &[&str]| {
        let run = site.command().env("KEYSWEEP_MASTER_KEY", key).args(arguments).output().expect("the program starts");
        crate::support::Ran::from(run)
    };
    let before = site.list("credentials");
    let ran = site.command().env("NEW_KEY", NEW).args(["rekey", "--new-key", "env:NEW_KEY"]).output();
    let ran = crate::support::Ran::from(ran.expect("the program starts")).exits(0);
    assert!(ran.out.contains("2 copies") && !ran.out.contains(NEW), "{}", ran.out);

    let refused = site.run(&["scan"]).exits(78);
    assert!(refused.err.contains("escrow.master_key"), "{}", refused.err);
    let again = site.command().env("NEW_KEY", NEW).args(["rekey", "--new-key", "env:NEW_KEY"]).output();
    crate::support::Ran::from(again.expect("the program starts")).exits(78);
    site.providers.forget_requests();
    under(NEW, &["scan", "--format", "json"]).exits(0);
    let after = site.list("credentials");
    let names = |of: &[serde_json::Value]| of.iter().map(|row| row["credential"].to_string()).collect::<Vec<_>>();
    assert_eq!((names(&after), after.len()), (names(&before), 2), "every key is the same key");
    for (connection, word) in [("c-1", "one"), ("c-2", "two")] {
        assert_eq!(site.liveness(connection), "live");
        assert_eq!(site.providers.asked("kit", word), 1, "what is sealed is still what the provider knows");
    }
    let told = under(NEW, &["audit", "verify"]).exits(0);
    assert!(told.out.contains("as they were written"), "{}", told.out);
}

#[test]
fn on_sqlite_every_copy_is_opened_by_the_new_key_and_the_old_one_is_refused() {
    on(Kind::Sqlite);
}

#[test]
fn on_postgres_every_copy_is_opened_by_the_new_key_and_the_old_one_is_refused() {
    on(Kind::Postgres);
}

#[test]
fn a_damaged_copy_is_sealed_anew_when_the_inventory_shows_its_secret_again() {
    const DAMAGE: &str = r#"import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as ledger:
    cut = "UPDATE escrow SET sealed = substr(sealed, 1, length(sealed) - 4) || ? WHERE id = 1"
    ledger.execute(cut, ("AAAA",))"#;
    let site = prepared(Kind::Sqlite);
    let done = std::process::Command::new("python3").args(["-c", DAMAGE]).arg(site.path("ledger.db")).output();
    let done = done.expect("python3 runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let ran = site.command().env("NEW_KEY", NEW).args(["rekey", "--new-key", "env:NEW_KEY"]).output();
    let ran = crate::support::Ran::from(ran.expect("the program starts")).exits(1);
    assert!(ran.out.contains("1 copy could not be opened") && ran.out.contains("is destroyed"), "{}", ran.out);
    let held = || site.list("credentials").iter().filter(|row| row["held"] == true).count();
    assert_eq!(held(), 1);
    let scan = site.command().env("KEYSWEEP_MASTER_KEY", NEW).args(["scan", "--no-probe"]).output();
    crate::support::Ran::from(scan.expect("the program starts")).exits(0);
    assert_eq!(held(), 2, "the rows are the same, and read anew");
}

#[test]
fn where_there_is_no_ledger_or_no_key_nothing_is_made() {
    let site = Site::new();
    let rekey = || {
        let ran = site.command().env("NEW_KEY", NEW).args(["rekey", "--new-key", "env:NEW_KEY"]).output();
        crate::support::Ran::from(ran.expect("the program starts"))
    };
    let ran = rekey();
    assert!(ran.code != Some(0) && ran.err.contains("there is no ledger"), "{}", ran.err);
    assert!(!site.path("ledger.db").exists(), "another configuration's ledger was meant");
    site.run(&["migrate"]).exits(0);
    let ran = rekey();
    assert!(ran.code != Some(0) && ran.err.contains("nothing was sealed"), "{}", ran.err);
    site.scan();
}

#[test]
fn a_key_is_never_an_argument_and_what_is_no_key_changes_nothing() {
    let site = prepared(Kind::Sqlite);
    fs::write(site.path("short"), "c2hvcnQ=").expect("a file");
    fs::write(site.path("new"), NEW).expect("a file");
    for (place, says) in
        [(NEW, "env:NAME"), ("file:short", "32"), ("file:none", "none"), ("env:UNSET", "UNSET"), ("file:new", "")]
    {
        let refused = site.run(&["rekey", "--new-key", place]);
        let is_good = says.is_empty();
        assert_eq!(refused.code == Some(0), is_good, "{place}: {}", refused.err);
        assert!(refused.err.contains(says) && !refused.err.contains(NEW), "{place}: {}", refused.err);
        if !is_good {
            site.scan();
        }
    }
}
