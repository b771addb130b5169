//! What is missing from an inventory, and when that is believed.

use std::time::Duration;

use chrono::TimeDelta;

use crate::support::{Inventory, Scan, Settings, Site, ago, pair};

const PEOPLE: &str = "account_id,member_id,email,role\na1,o1,owner@example.org,owner\na2,o2,other@example.org,owner\n";

/// Connections of account `a1`, each with a live Mailjet key of its own.
struct Estate {
    site: Site,
    inventory: Inventory,
}

impl Estate {
    fn new(absent_after: &str, ids: &[&str]) -> Self {
        let site = Site::new();
        site.configure(&Settings { inventory: format!("absent_after = \"{absent_after}\""), ..Settings::default() });
        site.people(PEOPLE);
        let mut estate = Self { site, inventory: Inventory::default() };
        for id in ids {
            let (key_id, secret) = pair(id);
            estate.inventory.mailjet(id, "a1", id);
            estate.site.providers.set("mailjet", id, &key_id, &secret, "accept");
        }
        estate.write();
        assert_eq!(estate.site.scan().findings(), Vec::<String>::new());
        estate
    }

    fn write(&self) {
        self.site.connections(self.inventory.csv());
    }

    fn without(&self, ids: &[&str]) -> Inventory {
        let mut fewer = self.inventory.clone();
        ids.iter().for_each(|id| fewer.remove(id));
        fewer
    }

    fn show(&self, inventory: &Inventory) {
        self.site.connections(inventory.csv());
    }

    fn status(&self, id: &str) -> String {
        let all = self.site.list("connections");
        let found = all.iter().find(|c| c["connection_id"] == id).expect("the connection");
        found["status"].as_str().expect("a word").to_owned()
    }

    /// Scans for longer than absence takes; nothing may come of it.
    fn nothing_comes_of_it(&self, span: Duration, code: i32) -> Scan {
        let begun = std::time::Instant::now();
        loop {
            let scan = self.site.scan_exits(code);
            assert_eq!(scan.findings(), Vec::<String>::new(), "{:#}", scan.document);
            if begun.elapsed() > span {
                return scan;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn a_missing_row_is_gone_after_two_complete_snapshots_that_lie_far_enough_apart() {
    let estate = Estate::new("1s", &["stays", "goes"]);
    estate.show(&estate.without(&["goes"]));
    let first_miss = std::time::Instant::now();
    assert_eq!(estate.site.scan().findings(), Vec::<String>::new(), "once is nothing");
    assert_eq!(estate.status("goes"), "active");
    let gone = estate.site.scan_until("it is gone", |scan| !scan.findings().is_empty());
    assert!(first_miss.elapsed() >= Duration::from_secs(1), "too early: {:?}", first_miss.elapsed());
    assert_eq!(gone.findings(), ["revocation-missing critical goes live"]);
    assert_eq!(gone.document["findings"][0]["evidence"]["ended_by"], "absent");
    assert_eq!((estate.status("goes"), estate.status("stays")), ("absent".to_owned(), "active".to_owned()));
}

#[test]
fn a_row_that_is_back_in_time_was_never_gone() {
    let estate = Estate::new("1s", &["stays", "blinks"]);
    for _ in 0..3 {
        estate.show(&estate.without(&["blinks"]));
        assert_eq!(estate.site.scan().findings(), Vec::<String>::new());
        estate.write();
        estate.nothing_comes_of_it(Duration::from_millis(600), 0);
    }
    assert_eq!(estate.status("blinks"), "active");
}

#[test]
fn a_file_that_was_cut_short_implies_nothing() {
    let estate = Estate::new("200ms", &["one", "two", "three"]);
    let whole = estate.inventory.csv();
    let third = whole.find("\"three\"").expect("the third row");
    for cut in [third + 3, third - 40] {
        estate.site.connections(&whole.as_bytes()[..cut]);
        let scan = estate.nothing_comes_of_it(Duration::from_millis(700), 4);
        assert_eq!(scan.document["scan"]["outcome"], "incomplete");
        assert_eq!(scan.document["scan"]["sources"][0]["complete"], false);
        assert!(scan.problems().iter().any(|problem| problem.contains("source main")), "{:?}", scan.problems());
    }
    std::fs::remove_file(estate.site.path("connections.csv")).expect("the inventory");
    estate.nothing_comes_of_it(Duration::from_millis(700), 4);
    estate.site.connections("id,account,provider\nx,y,mailjet\n");
    let scan = estate.nothing_comes_of_it(Duration::from_millis(700), 4);
    assert!(scan.problems().iter().any(|problem| problem.contains("connection_id")), "{:?}", scan.problems());
    for id in ["one", "two", "three"] {
        assert_eq!(estate.status(id), "active");
    }
}

#[test]
fn rows_that_are_set_aside_count_as_present_and_one_without_an_id_as_any() {
    let estate = Estate::new("200ms", &["one", "two"]);
    let mut bad = estate.inventory.clone();
    bad.set("two", "status", "zombie");
    estate.show(&bad);
    let scan = estate.nothing_comes_of_it(Duration::from_millis(700), 0);
    assert_eq!(scan.quarantined(), ["3 status"]);

    let mut nameless = estate.without(&["two"]);
    nameless.add("", "a1", "mailjet", &[]);
    estate.show(&nameless);
    let scan = estate.nothing_comes_of_it(Duration::from_millis(700), 0);
    assert_eq!(scan.quarantined(), ["3 connection_id"]);
    assert!(scan.problems().iter().any(|p| p.contains("nothing counts as absent")), "{:?}", scan.problems());
    assert_eq!(estate.status("two"), "active");
}

#[test]
fn a_row_that_is_set_aside_between_two_absences_was_there() {
    let estate = Estate::new("200ms", &["one", "two"]);
    let mut bad = estate.inventory.clone();
    bad.set("two", "status", "zombie");
    estate.show(&estate.without(&["two"]));
    assert_eq!(estate.site.scan().findings(), Vec::<String>::new());
    estate.show(&bad);
    estate.nothing_comes_of_it(Duration::from_millis(400), 0);
    estate.show(&estate.without(&["two"]));
    assert_eq!(estate.site.scan().findings(), Vec::<String>::new(), "once since it was there");
    assert_eq!(estate.status("two"), "active");
}

#[test]
fn too_many_missing_at_once_are_held_back_until_somebody_accepts_it() {
    let ids = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];
    let estate = Estate::new("200ms", &ids);
    estate.show(&estate.without(&ids[..4]));
    estate.site.scan();
    let held = estate.site.scan_until("they are held back", |scan| scan.count("held_back") > 0);
    assert_eq!(held.count("held_back"), 4);
    assert_eq!(held.findings(), Vec::<String>::new());
    let told = held.problems().join("\n");
    assert!(told.contains("inventory accept main"), "the problem says what to do: {told}");
    estate.nothing_comes_of_it(Duration::from_millis(700), 0);

    estate.site.run(&["inventory", "accept", "no-such-source"]).exits(2);
    let said = estate.site.run(&["inventory", "accept", "main"]).exits(0).err;
    assert!(said.contains("Of main, 4 connections and 0 people are now believed gone"), "{said}");
    let after = estate.site.scan();
    assert_eq!(after.findings(), ["c1", "c2", "c3", "c4"].map(|id| format!("revocation-missing critical {id} live")));
    assert_eq!(estate.status("c5"), "active");
}

#[test]
fn an_empty_inventory_is_more_likely_a_mistake() {
    let ids = ["c1", "c2", "c3", "c4"];
    let estate = Estate::new("200ms", &ids);
    estate.show(&estate.without(&ids));
    estate.nothing_comes_of_it(Duration::from_millis(900), 0);
    estate.write();
    let scan = estate.nothing_comes_of_it(Duration::from_millis(500), 0);
    assert_eq!(scan.count("held_back"), 0, "all are back, so nothing is held back any more");
    assert!(!scan.problems().iter().any(|p| p.contains("accept")), "{:?}", scan.problems());
}

#[test]
fn an_id_that_comes_back_begins_a_new_use_and_its_finding_closes() {
    let mut estate = Estate::new("200ms", &["stays", "absent", "deleted"]);
    let mut fewer = estate.without(&["absent"]);
    fewer.delete("deleted", TimeDelta::minutes(1));
    estate.show(&fewer);
    estate.site.scan_until("both are gone", |scan| {
        scan.findings() == ["revocation-missing critical absent live", "revocation-missing critical deleted live"]
    });

    estate.write();
    let scan = estate.site.scan();
    assert_eq!(
        scan.findings(),
        ["secret-reused high deleted live"],
        "what was only missing was not left behind; what was deleted was"
    );
    let uses = |id: &str| {
        let shown = estate.site.run(&["connections", "show", id, "--format", "json"]).exits(0).json();
        shown[0]["uses"].as_array().map(Vec::len)
    };
    assert_eq!((uses("absent"), uses("deleted"), uses("stays")), (Some(2), Some(2), Some(1)));

    let (key_id, secret) = (pair("deleted").0, crate::support::hex("a fresh one"));
    estate.site.providers.set("mailjet", "fresh", &key_id, &secret, "accept");
    estate.inventory.set("deleted", "secret", &secret);
    estate.write();
    let scan = estate.site.scan();
    assert_eq!(scan.findings(), ["revocation-missing critical deleted live"], "the old one is now left behind");
}

#[test]
fn a_key_that_is_connected_anew_between_two_readings_was_left_behind_before() {
    let mut estate = Estate::new("200ms", &["deleted", "dated", "absent", "beside"]);
    let again = |estate: &mut Estate, id: &str, of: &str, created: TimeDelta| {
        let (key_id, secret) = pair(of);
        let created = ago(created);
        let row = [("key_id", key_id.as_str()), ("secret", &secret), ("created_at", &created)];
        estate.inventory.add(id, "a1", "mailjet", &row);
    };
    again(&mut estate, "beside-again", "beside", TimeDelta::days(1));
    estate.write();
    estate.site.scan();
    for (of, created) in [("deleted", 0), ("dated", 60), ("absent", 0)] {
        again(&mut estate, &format!("{of}-again"), of, TimeDelta::seconds(created));
    }
    for id in ["deleted", "beside"] {
        estate.inventory.set(id, "status", "deleted");
    }
    estate.inventory.delete("dated", TimeDelta::seconds(30)); // half a minute after the other was made
    estate.inventory.remove("absent");
    estate.write();
    estate.site.scan_until("it is gone", |_| estate.status("absent") == "absent");
    let reused = ["secret-reused high absent-again live", "secret-reused high deleted-again live"];
    assert_eq!(estate.site.scan().findings(), reused, "two that were seen side by side, or say so, were shared");
}

#[test]
fn people_obey_the_same_rules() {
    let estate = Estate::new("1s", &["one"]);
    estate.site.people("account_id,member_id,email,role\na2,o2,other@example.org,owner\n");
    assert_eq!(estate.site.scan().findings(), Vec::<String>::new(), "once is nothing");
    estate.site.people(&PEOPLE.as_bytes()[..PEOPLE.len() - 10]);
    estate.nothing_comes_of_it(Duration::from_millis(1300), 4);
    estate.site.people("account_id,member_id,email,role\na2,o2,other@example.org,owner\n");
    let whole = estate.inventory.csv();
    estate.site.connections(&whole.as_bytes()[..whole.len() - 10]);
    estate.nothing_comes_of_it(Duration::from_millis(1300), 4);
    estate.write();
    estate.site.people("account_id,member_id,email,role\na2,o2,other@example.org,owner\n");
    let scan = estate.site.scan_until("the owner is gone", |scan| !scan.findings().is_empty());
    assert_eq!(scan.findings(), ["connection-orphaned high one live", "owner-unreachable medium one live"]);
    estate.site.people(PEOPLE);
    assert_eq!(estate.site.scan().findings(), Vec::<String>::new(), "and back");
}

#[test]
fn older_facts_never_overwrite_newer_ones() {
    let mut estate = Estate::new("1h", &["other"]);
    let (key_id, secret) = pair("one");
    estate.site.providers.set("mailjet", "one", &key_id, &secret, "accept");
    estate.inventory.mailjet("one", "a1", "one");
    estate.inventory.set("one", "updated_at", &ago(TimeDelta::hours(3)));
    let before = estate.inventory.clone();
    estate.inventory.delete("one", TimeDelta::hours(1));
    estate.inventory.set("one", "updated_at", &ago(TimeDelta::hours(1)));
    let deleted = ["revocation-missing critical one live"];

    estate.show(&before);
    assert_eq!(estate.site.scan().findings(), Vec::<String>::new());
    estate.write();
    assert_eq!(estate.site.scan().findings(), deleted);
    estate.show(&before); // from a replica that lags behind
    assert_eq!(estate.site.scan().findings(), deleted);
    assert_eq!(estate.status("one"), "deleted");
}
