//! What keeps the daemon from starting, and what doesn't.

use std::fs;

use keysweep::app::SystemClock;
use keysweep::app::doctor::preflight;
use keysweep::config::{self, ConfigChoice};
use keysweep::ports::Clock as _;
use keysweep::providers::Catalogue;

use super::{healthy_site, quick};
use crate::support::{MASTER_KEY, Ran, Settings, Site};

/// The parts and settings that keep a site's daemon from starting.
fn refusals(site: &Site, master_key: &str) -> Vec<String> {
    let env = [("KEYSWEEP_MASTER_KEY".to_owned(), master_key.to_owned())];
    let catalogue = Catalogue::shipped().expect("the catalogue");
    let choice = ConfigChoice::usual(Some(site.path("keysweep.toml")));
    let (settings, _) = config::load(&choice, &env, &catalogue.names()).expect("a good configuration");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let checks = runtime.block_on(preflight(&settings, &catalogue, &env, SystemClock.now()));
    checks.iter().map(|check| format!("{} {}", check.name, check.setting)).collect()
}

#[test]
fn what_recovers_by_itself_is_no_reason_not_to_start() {
    let site = healthy_site();
    // No mail server, no providers, nobody who owns anything, a file that was cut short: nothing of that is asked for.
    site.configure(&Settings {
        rest: "[mail]\nfrom = \"keys@example.org\"\nsmtp_url = \"smtp://mail.invalid:1\"".to_owned(),
        mailjet: "protocols = [\"rest\"]".to_owned(),
        ..quick()
    });
    site.people("account_id,member_id,email\n");
    site.connections("connection_id,acc");
    assert_eq!(refusals(&site, MASTER_KEY), [""; 0]);
    assert!(!site.path("ledger.db").exists(), "and nothing is made");
}

#[test]
fn what_only_the_operator_can_cure_keeps_it_from_starting() {
    let site = healthy_site();
    assert_eq!(refusals(&site, ""), ["master key escrow.master_key"]);
    fs::remove_file(site.path("connections.csv")).expect("a file of ours");
    fs::remove_file(site.path("people.csv")).expect("a file of ours");
    assert_eq!(refusals(&site, MASTER_KEY), ["source main inventory[0].people_path", "source main inventory[0].path"]);
    fs::create_dir(site.path("ledger.db")).expect("a folder of ours");
    assert!(refusals(&site, MASTER_KEY).contains(&"ledger ledger.url".to_owned()));
}

#[test]
fn another_ledgers_key_keeps_it_from_starting_and_a_held_ledger_does_not() {
    let site = healthy_site();
    site.scan();
    assert_eq!(refusals(&site, super::OTHER_KEY), ["master key escrow.master_key"]);
    let lock = fs::File::open(site.path("ledger.db.lock")).expect("the lock");
    lock.lock().expect("it is free");
    assert_eq!(refusals(&site, MASTER_KEY), [""; 0]);
}

#[test]
fn the_daemon_says_all_that_keeps_it_from_starting() {
    let site = healthy_site();
    site.scan();
    fs::remove_file(site.path("people.csv")).expect("a file of ours");
    let ran = site.run(&["run"]).exits(1);
    assert!(ran.err.contains("source main: inventory[0].people_path: "), "{}", ran.err);
    assert!(ran.err.contains("there is no such file; check `people_path`"), "{}", ran.err);
    let ran = site.command().env("KEYSWEEP_MASTER_KEY", super::OTHER_KEY).arg("run").output();
    let ran = Ran::from(ran.expect("the program starts")).exits(78);
    assert!(ran.err.contains("master key: escrow.master_key: ") && ran.err.contains("people_path"), "{}", ran.err);
}
