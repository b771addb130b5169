//! Rows that say more than before, or something else, of the same connection or key.

use chrono::TimeDelta;
use serde_json::Value;

use crate::support::{Inventory, Scan, Settings, Site, ago, hex, pair, stamp};

const PEOPLE: &str = "account_id,member_id,email,role\na1,o1,owner@example.org,owner\na2,o2,other@example.org,owner\n";

fn site(settings: &Settings) -> Site {
    let site = Site::new();
    site.configure(settings);
    site.people(PEOPLE);
    site
}

fn shown(site: &Site, inventory: &Inventory) -> Scan {
    site.connections(inventory.csv());
    site.scan()
}

/// One connection with a ConvertKit secret that is accepted, as it was first shown.
fn with_a_key(secret: &str) -> (Site, Inventory) {
    let mut site = site(&Settings::default());
    let mut inventory = Inventory::default();
    inventory.convertkit("one", "a1", &hex(secret));
    site.providers.set("convertkit", secret, "", &hex(secret), "accept");
    assert_eq!(shown(&site, &inventory).findings(), Vec::<String>::new());
    (site, inventory)
}

/// What would be found in ten days, as it stands.
fn in_ten_days(site: &Site) -> Vec<String> {
    let then = stamp(crate::support::now() + TimeDelta::days(10));
    let document = site.run(&["scan", "--as-of", &then, "--format", "json"]).exits(0).json();
    Scan { document, err: String::new() }.findings()
}

fn nothing_held() -> Settings {
    Settings { escrow: "hold = \"none\"".to_owned(), ..Settings::default() }
}

#[test]
fn a_key_is_asked_where_its_row_says_now_and_everywhere_where_rows_differ() {
    let mut site = site(&Settings::default());
    let mut inventory = Inventory::default();
    inventory.mailjet("one", "a1", "key");
    inventory.set("one", "region", "default");
    let (key_id, secret) = pair("key");
    site.providers.set("mailjet", "key", &key_id, &secret, "refuse");
    shown(&site, &inventory);
    assert_eq!(site.credential("one")["liveness"], "suspect");
    inventory.set("one", "region", "us");
    site.providers.does("mailjet", "key", "accept");
    let corrected = shown(&site, &inventory);
    assert_eq!(corrected.count("asked"), 1, "at once, and not after the gap of a suspect");
    let story = site.run(&["explain", "one"]).exits(0).out;
    assert!(story.contains("no suspect any more: its row says that it belongs elsewhere"), "{story}");
    let credential = site.credential("one");
    assert_eq!((&credential["region"], &credential["liveness"]), (&Value::from("us"), &Value::from("live")));
    inventory.mailjet("two", "a2", "key");
    inventory.set("two", "region", "default");
    shown(&site, &inventory);
    assert_eq!(site.credential("one")["region"], Value::Null, "one of the two is wrong, and nobody knows which");
}

#[test]
fn a_row_whose_use_has_ended_moves_no_key_away_from_where_it_lives() {
    let mut site = site(&Settings::default());
    let mut inventory = Inventory::default();
    let (key_id, secret) = pair("key");
    site.providers.set("mailjet", "key", &key_id, &secret, "accept");
    inventory.mailjet("one", "a1", "key");
    inventory.set("one", "region", "us");
    shown(&site, &inventory);
    let ended = |inventory: &mut Inventory, id: &str| {
        inventory.mailjet(id, "a2", "key");
        inventory.set(id, "region", "default");
        inventory.set(id, "status", "deleted");
    };
    ended(&mut inventory, "two");
    shown(&site, &inventory);
    assert_eq!(site.credential("one")["region"], "us", "it is in use there");
    inventory.set("one", "status", "deleted");
    shown(&site, &inventory);
    ended(&mut inventory, "three");
    shown(&site, &inventory);
    assert_eq!(site.credential("one")["region"], Value::Null, "nobody uses it, and it is asked in each");
}

#[test]
fn where_a_provider_has_no_public_half_one_that_is_named_makes_no_other_key() {
    let mut site = site(&Settings::default());
    let mut inventory = Inventory::default();
    site.providers.set("convertkit", "key", "", &hex("key"), "accept");
    inventory.add("one", "a1", "convertkit", &[("secret", &hex("key"))]);
    inventory.add("two", "a1", "convertkit", &[("secret", &hex("key")), ("key_id", "kkkkkkkkkkkkkkkkkkkkk1")]);
    assert_eq!(shown(&site, &inventory).count("asked"), 1, "it is one key");
    inventory.set("one", "status", "deleted");
    let found = shown(&site, &inventory).findings();
    assert!(!found.iter().any(|found| found.starts_with("revocation")), "the other connection uses it: {found:?}");
}

#[test]
fn a_public_half_that_is_told_later_is_that_of_the_same_secret() {
    let site = site(&Settings::default());
    let (key_id, secret) = pair("key");
    let mut inventory = Inventory::default();
    let then = ago(TimeDelta::days(200));
    inventory.add("one", "a1", "mailjet", &[("secret", &secret), ("secret_set_at", &then)]);
    assert_eq!(shown(&site, &inventory).findings(), ["secret-stale critical one unverified"]);
    inventory.set("one", "key_id", &key_id);
    let told = shown(&site, &inventory).findings();
    assert!(told.iter().any(|found| found.starts_with("secret-stale critical one")), "{told:?}");
    let later = in_ten_days(&site);
    assert!(!later.iter().any(|found| found.starts_with("revocation")), "nothing was left behind: {later:?}");
}

#[test]
fn a_connection_that_moves_to_another_account_is_told_there_and_no_longer_where_it_was() {
    let mut site = site(&Settings::default());
    let mut inventory = Inventory::default();
    let (key_id, secret) = pair("key");
    let then = ago(TimeDelta::days(100));
    let more = [("key_id", key_id.as_str()), ("secret", &secret), ("secret_set_at", &then)];
    inventory.add("one", "a1", "mailjet", &more);
    site.providers.set("mailjet", "key", &key_id, &secret, "accept");
    let first = shown(&site, &inventory);
    assert_eq!(first.finding("secret-stale", "one").expect("it is stale")["account_id"], "a1");
    inventory.set("one", "account_id", "a2");
    let moved = shown(&site, &inventory);
    assert_eq!(moved.findings(), ["secret-stale high one live"], "and nothing was left behind");
    assert_eq!(moved.finding("secret-stale", "one").expect("it is stale")["account_id"], "a2");
    let told = site.run(&["explain", "F1"]).exits(0).out;
    assert!(told.contains("a2"), "{told}");
    inventory.delete("one", TimeDelta::minutes(10));
    let deleted = shown(&site, &inventory);
    assert_eq!(deleted.findings(), ["revocation-missing critical one live"]);
    assert_eq!(deleted.finding("revocation-missing", "one").expect("it is alive")["account_id"], "a2");
}

#[test]
fn the_key_that_a_connection_had_in_another_account_is_still_that_ones() {
    let (mut site, mut inventory) = with_a_key("old");
    site.providers.set("convertkit", "new", "", &hex("new"), "accept");
    inventory.set("one", "account_id", "a2");
    inventory.set("one", "secret", &hex("new"));
    let moved = shown(&site, &inventory);
    let left = moved.finding("revocation-missing", "one").expect("the old key lives");
    assert_eq!(left["account_id"], "a1");
}

#[test]
fn without_secrets_a_version_or_a_date_tells_that_one_was_replaced() {
    for (field, before, after) in [("secret_version", "1", "2"), ("notes", "", "")] {
        let site = site(&nothing_held());
        let mut inventory = Inventory::default();
        inventory.add("one", "a1", "mailjet", &[("secret_set_at", &ago(TimeDelta::days(200))), (field, before)]);
        assert_eq!(shown(&site, &inventory).findings(), ["secret-stale critical one unverified"], "{field}");
        inventory.set("one", field, after);
        inventory.set("one", "secret_set_at", &ago(TimeDelta::days(1)));
        let stale = |found: &String| found.starts_with("secret-stale");
        assert!(!shown(&site, &inventory).findings().iter().any(stale), "{field}");
        let credential = site.credential("one");
        assert_eq!(credential["provenance"], "declared", "{field}: {credential:#}");
        inventory.set("one", "name", "another name");
        shown(&site, &inventory);
        assert_eq!(site.credential("one")["credential"], credential["credential"], "{field}: it stays that one");
    }
}

#[test]
fn a_version_that_is_told_for_the_first_time_is_no_replacement() {
    let site = site(&nothing_held());
    let mut inventory = Inventory::default();
    inventory.add("one", "a1", "mailjet", &[("secret_set_at", &ago(TimeDelta::days(200)))]);
    shown(&site, &inventory);
    inventory.set("one", "secret_version", "7");
    assert_eq!(shown(&site, &inventory).findings(), ["secret-stale critical one unverified"]);
    assert_eq!(in_ten_days(&site), ["secret-stale critical one unverified"], "nothing was left behind");
}

#[test]
fn the_first_secret_that_a_connection_ever_shows_is_no_replacement_even_where_it_comes_back() {
    let site = site(&Settings::default());
    let mut inventory = Inventory::default();
    let then = ago(TimeDelta::days(40));
    inventory.add("one", "a1", "convertkit", &[("created_at", &then)]);
    shown(&site, &inventory);
    inventory.delete("one", TimeDelta::minutes(10));
    shown(&site, &inventory);
    inventory.set("one", "status", "active");
    inventory.set("one", "secret", &hex("first"));
    shown(&site, &inventory);
    assert_eq!(site.credential("one")["provenance"], "first_seen");
    inventory.set("one", "name", "another name");
    shown(&site, &inventory);
    assert_eq!(site.credential("one")["provenance"], "first_seen", "whatever else is said of it");
}

#[test]
fn a_creation_that_is_mapped_later_counts_for_the_first_secret_and_not_for_one_that_replaced_it() {
    let (site, mut inventory) = (site(&nothing_held()), Inventory::default());
    for id in ["first", "second"] {
        inventory.add(id, "a1", "convertkit", &[("secret", &hex(id)), ("created_at", "")]);
    }
    shown(&site, &inventory);
    inventory.set("second", "secret", &hex("new"));
    shown(&site, &inventory);
    for id in ["first", "second"] {
        inventory.set(id, "created_at", &ago(TimeDelta::days(200)));
    }
    let found = shown(&site, &inventory).findings();
    assert_eq!(found, ["revocation-unproven medium second unverified", "secret-stale critical first unverified"]);
    let provenance = |id: &str| site.credential(id)["provenance"].clone();
    assert_eq!((provenance("first"), provenance("second")), ("connected".into(), "observed".into()));
}

#[test]
fn a_key_that_a_connection_had_is_judged_as_one_though_a_permission_took_its_place() {
    let (site, mut inventory) = with_a_key("old");
    inventory.delete("one", TimeDelta::minutes(10));
    assert_eq!(shown(&site, &inventory).findings(), ["revocation-missing critical one live"]);
    inventory.set("one", "status", "active");
    inventory.set("one", "auth", "oauth");
    assert_eq!(shown(&site, &inventory).findings(), ["revocation-missing critical one live"]);
}

#[test]
fn columns_that_are_mapped_later_count_though_their_rows_are_dated_before_the_first_scan() {
    let (site, mut inventory) = (site(&nothing_held()), Inventory::default());
    inventory.add("one", "a1", "convertkit", &[("secret", &hex("one"))]);
    shown(&site, &inventory);
    assert_eq!(site.credential("one")["provenance"], "first_seen");
    inventory.set("one", "updated_at", &ago(TimeDelta::days(300)));
    inventory.set("one", "secret_set_at", &ago(TimeDelta::days(300)));
    assert_eq!(shown(&site, &inventory).findings(), ["secret-stale critical one unverified"]);
    assert_eq!(site.credential("one")["provenance"], "declared");
    // From then on an older row is one from an older export.
    inventory.set("one", "updated_at", &ago(TimeDelta::days(301)));
    inventory.set("one", "status", "deleted");
    assert_eq!(shown(&site, &inventory).findings(), ["secret-stale critical one unverified"]);
}

#[test]
fn a_row_that_may_be_about_anybody_leaves_what_comes_later_no_history() {
    let mut site = site(&Settings::default());
    let mut inventory = Inventory::default();
    inventory.convertkit("one", "a1", &hex("one"));
    inventory.convertkit("tab\tin it", "a1", &hex("two"));
    site.providers.set("convertkit", "one", "", &hex("one"), "accept");
    shown(&site, &inventory);
    inventory.add("left", "a1", "convertkit", &[("status", "deleted"), ("deleted_at", &ago(TimeDelta::minutes(5)))]);
    assert_eq!(shown(&site, &inventory).findings(), ["revocation-unproven medium left unverified"], "it ended since");
}

#[test]
fn what_the_settings_say_of_replaced_secrets_counts_for_rows_that_stay_as_they_are() {
    let replaceable = |says: bool| Settings { inventory: format!("secrets_replaceable = {says}"), ..nothing_held() };
    let (site, mut inventory) = (site(&replaceable(true)), Inventory::default());
    let then = ago(TimeDelta::days(200));
    inventory.add("one", "a1", "convertkit", &[("secret", &hex("one")), ("created_at", &then)]);
    assert_eq!(shown(&site, &inventory).findings(), ["secret-age-unknown low one unverified"]);
    site.configure(&replaceable(false));
    assert_eq!(site.scan().findings(), ["secret-stale critical one unverified"]);
    assert_eq!(site.credential("one")["provenance"], "connected");
}

#[test]
fn a_replaced_secret_is_no_older_for_a_move_or_a_public_half_that_is_told_later() {
    for (field, value) in [("account_id", "a2"), ("key_id", "0123456789abcdef0123456789abcdef")] {
        let (site, mut inventory) = (site(&nothing_held()), Inventory::default());
        let then = ago(TimeDelta::days(400));
        inventory.add("one", "a1", "mailjet", &[("secret", &hex("old")), ("created_at", &then), ("key_id", "")]);
        shown(&site, &inventory);
        inventory.set("one", "secret", &hex("new"));
        shown(&site, &inventory);
        inventory.set("one", field, value);
        let stale = |found: &String| found.starts_with("secret-stale");
        assert!(!shown(&site, &inventory).findings().iter().any(stale), "{field}");
    }
}
