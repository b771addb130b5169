//! What somebody says of a key, what kind it is, what else it serves, and who can be told.

use serde_json::Value;

use super::{Estate, PEOPLE, days};
use crate::support::{Scan, Settings, ago, hex, now, pair, stamp};

/// The findings of one rule, as `connection liveness`.
fn of_rule(scan: &Scan, rule: &str) -> Vec<String> {
    let all = scan.findings();
    let of_rule = all.iter().filter_map(|finding| finding.strip_prefix(rule)?.trim().split_once(' '));
    of_rule.map(|(_, rest)| rest.to_owned()).collect()
}

#[test]
fn a_leak_that_the_platform_knows_of_is_critical_in_that_account_and_told_to_no_other() {
    let mut estate = Estate::new();
    estate.mailjet("leaked", "accept");
    estate.inventory.set("leaked", "compromised_at", &ago(days(2)));
    estate.inventory.set("leaked", "secret_set_at", &ago(days(200)));
    estate.inventory.set("leaked", "created_at", &ago(days(200)));
    estate.mailjet_of("stranger", "a2", "leaked", "accept");
    estate.mailjet("ahead", "accept");
    estate.inventory.set("ahead", "compromised_at", &stamp(now() + days(2)));
    let scan = estate.scan();

    // The value is as old for the stranger, and that is all that they hear.
    assert_eq!(scan.findings(), ["secret-compromised critical leaked live", "secret-stale critical stranger live"]);
    let finding = scan.finding("secret-compromised", "leaked").expect("a finding");
    assert_eq!(finding["evidence"]["said_by"], "platform");
    assert!(scan.problems().join("\n").contains("compromised_at"), "a leak in the future is a problem, and dropped");

    estate.inventory.set("leaked", "compromised_at", "");
    assert_eq!(of_rule(&estate.scan(), "secret-compromised"), Vec::<String>::new(), "the platform takes it back");
}

#[test]
fn a_date_that_was_left_standing_is_about_the_value_before_and_not_the_new_one() {
    let mut estate = Estate::new();
    estate.mailjet("rotated", "accept");
    estate.scan();
    let (key_id, fresh) = (pair("rotated").0, hex("a fresh secret"));
    estate.site.providers.set("mailjet", "rotated, new", &key_id, &fresh, "accept");
    estate.inventory.set("rotated", "secret", &fresh);
    estate.inventory.set("rotated", "secret_set_at", "");
    estate.inventory.set("rotated", "compromised_at", &ago(days(1)));
    for _ in 0..2 {
        let scan = estate.scan();
        assert_eq!(of_rule(&scan, "secret-compromised"), ["rotated live"]);
        let evidence = &scan.finding("secret-compromised", "rotated").expect("a finding")["evidence"];
        assert_eq!(evidence["ended_by"], "replaced", "it is the old value that leaked: {evidence}");
    }
    let later = stamp(now());
    estate.inventory.set("rotated", "compromised_at", &later);
    let scan = estate.scan();
    assert_eq!(of_rule(&scan, "secret-compromised"), ["rotated live", "rotated live"], "and now the new one too");
}

#[test]
fn the_operator_says_that_a_key_leaked_and_takes_it_back() {
    let mut estate = Estate::new();
    estate.mailjet("one", "accept");
    estate.mailjet_of("twin", "a2", "one", "accept");
    estate.mailjet("other", "accept");
    estate.scan();
    let said =
        estate.site.run(&["compromised", "one", "--at", "2026-01-02T03:04:05Z", "--note", "in a paste"]).exits(0);
    assert!(
        said.err.contains("leaked since 2026-01-02T03:04:05Z") && said.err.contains("2 of its 2 uses"),
        "{}",
        said.err
    );
    let scan = estate.scan();
    assert_eq!(of_rule(&scan, "secret-compromised"), ["one live", "twin live"], "wherever it is held");
    let evidence = &scan.finding("secret-compromised", "twin").expect("a finding")["evidence"];
    assert_eq!((&evidence["said_by"], &evidence["note"]), (&"operator".into(), &"in a paste".into()));
    let again =
        estate.site.run(&["compromised", "one", "--at", "2026-01-02T03:04:05Z", "--note", "in a paste"]).exits(0);
    assert!(again.err.contains("nothing is changed"), "{}", again.err);

    let id = scan.finding("secret-compromised", "one").expect("a finding")["id"].as_str().expect("a number").to_owned();
    for wrong in [
        &["compromised", "nobody"][..],
        &["compromised", "one", "--at", "2999-01-01T00:00:00Z"],
        &["compromised", "one", "--note", &hex("what could be a key")],
    ] {
        estate.site.run(wrong).exits(1);
    }
    estate.site.run(&["compromised", "one", "--undo", "--note", "x"]).exits(2);
    estate.site.run(&["compromised", &id, "--undo"]).exits(0);
    assert_eq!(estate.scan().findings(), Vec::<String>::new());
    let story = estate.site.run(&["explain", "one"]).exits(0).out;
    for part in ["says that it leaked at 2026-01-02T03:04:05Z: in a paste", "takes back", "closes on main/one: cleared"]
    {
        assert!(story.contains(part), "{part}: {story}");
    }
}

#[test]
fn an_api_key_where_the_secret_is_needed_is_the_wrong_kind() {
    let mut estate = Estate::new();
    let value = &hex("an API Key")[..22];
    estate.convertkit("pasted-key", "convertkit", value, "accept");
    estate.site.providers.set_kind("convertkit", "pasted-key", "", value, "accept", "api_key");
    estate.convertkit("secret", "convertkit", &hex("a secret")[..22], "accept");
    estate.mailjet("of-one-kind", "accept");
    let scan = estate.scan();
    assert_eq!(scan.findings(), ["wrong-key-kind medium pasted-key live"]);
    let evidence = &scan.finding("wrong-key-kind", "pasted-key").expect("a finding")["evidence"];
    assert_eq!((&evidence["kind"], &evidence["wanted_kind"]), (&"api_key".into(), &"api_secret".into()));
}

#[test]
fn a_key_that_sends_mail_too_is_found_on_every_open_connection_of_the_account_that_uses_it() {
    let mut estate = Estate::new();
    for (id, account, word, used_for) in [
        ("both", "a1", "both", "sync;smtp"),
        ("half-1", "a1", "half", "sync"),
        ("half-2", "a1", "half", "transactional"),
        ("elsewhere", "a2", "half", "sync"),
        ("only-mail", "a1", "only-mail", "transactional, smtp"),
        ("only-sync", "a1", "only-sync", "sync"),
        ("unsaid", "a1", "unsaid", ""),
    ] {
        estate.mailjet_of(id, account, word, "accept");
        estate.inventory.set(id, "used_for", used_for);
    }
    assert_eq!(of_rule(&estate.scan(), "mixed-use"), ["both live", "half-1 live", "half-2 live"]);
    // a neighbour's change flips the summary, and so it flips back
    estate.inventory.set("half-2", "used_for", "sync");
    estate.inventory.set("only-sync", "used_for", "sync,smtp");
    assert_eq!(of_rule(&estate.scan(), "mixed-use"), ["both live", "only-sync live"]);
}

#[test]
fn a_connection_without_synchronisations_is_idle_where_the_operator_asks_for_that() {
    let mut estate = Estate::new();
    for (id, synced) in [("at-work", ago(days(2))), ("idle", ago(days(15))), ("never", String::new())] {
        estate.mailjet(id, "accept");
        estate.inventory.set(id, "last_sync_at", &synced);
    }
    assert_eq!(estate.scan().findings(), Vec::<String>::new(), "off by default");
    let asked = Settings { rest: "[policy]\nidle_after = \"10d\"".to_owned(), ..Settings::default() };
    estate.site.configure(&asked);
    assert_eq!(of_rule(&estate.scan(), "connection-idle"), ["idle live", "never live"], "a changed policy judges anew");
    estate.inventory.set("idle", "last_sync_at", &ago(days(1)));
    assert_eq!(of_rule(&estate.scan(), "connection-idle"), ["never live"], "a volatile fact counts while it is read");

    let mut silent = Estate::new();
    silent.mailjet("never-told", "accept");
    silent.site.configure(&asked);
    assert_eq!(
        silent.scan().findings(),
        Vec::<String>::new(),
        "a source that tells of no synchronisation says nothing"
    );
}

#[test]
fn what_nobody_can_be_told_goes_to_the_operator_until_somebody_can() {
    let mut estate = Estate::new();
    let stale = |estate: &mut Estate, id: &str, account: &str, creator: &str| {
        estate.mailjet_of(id, account, id, "accept");
        estate.inventory.set(id, "created_by", creator);
        for date in ["created_at", "secret_set_at"] {
            estate.inventory.set(id, date, &ago(days(100)));
        }
    };
    stale(&mut estate, "told-owner", "a1", "");
    stale(&mut estate, "told-maker", "a3", "m9");
    stale(&mut estate, "untold", "a3", "");
    estate.mailjet_of("nothing-to-tell", "a2", "nothing-to-tell", "accept");
    let scan = estate.scan();
    assert_eq!(of_rule(&scan, "owner-unreachable"), ["untold live"]);
    let finding = scan.finding("owner-unreachable", "untold").expect("a finding");
    assert_eq!(finding["evidence"]["cause"], "no_owner");
    assert_eq!(finding["evidence"]["untold"], serde_json::json!(["connection-orphaned", "secret-stale"]));
    assert_eq!(finding["mailed"], Value::Bool(false));

    estate.site.people(format!("{PEOPLE}a3,o3,owner.three@example.org,owner,active\r\n"));
    assert_eq!(of_rule(&estate.scan(), "owner-unreachable"), Vec::<String>::new());
    assert_eq!(of_rule(&estate.scan(), "secret-stale"), ["told-maker live", "told-owner live", "untold live"]);
}
