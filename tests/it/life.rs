//! A key's way from live to shredded, and everything that must not move it along that way.

mod proof;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::support::{Inventory, Kind, Scan, Settings, Site, ago, hex};

fn settings(liveness: &str) -> Settings {
    Settings {
        liveness: format!("probe_every = \"100ms\"\ntimeout = \"1s\"\nconnect_timeout = \"500ms\"\n{liveness}"),
        ..Settings::default()
    }
}

/// Connections of account `a1`, each with a ConvertKit secret of its own that is asked over one protocol.
struct Estate {
    site: Site,
    inventory: Inventory,
}

impl Estate {
    fn new(settings: &Settings) -> Self {
        Self::on(Kind::Sqlite, settings)
    }

    fn on(kind: Kind, settings: &Settings) -> Self {
        let site = Site::on(kind);
        site.configure(settings);
        site.people("account_id,member_id,email,role\na1,o1,owner@example.org,owner\na2,o2,other@example.org,owner\n");
        Self { site, inventory: Inventory::default() }
    }

    fn key(&mut self, id: &str, does: &str) {
        self.inventory.convertkit(id, "a1", &hex(id));
        self.site.providers.set("convertkit", id, "", &hex(id), does);
        self.write();
    }

    fn delete(&mut self, id: &str) {
        self.inventory.delete(id, TimeDelta::minutes(10));
        self.write();
    }

    fn does(&mut self, id: &str, does: &str) {
        self.site.providers.does("convertkit", id, does);
    }

    fn write(&self) {
        self.site.connections(self.inventory.csv());
    }

    fn instant(&self, id: &str, name: &str) -> DateTime<Utc> {
        let credential = self.site.credential(id);
        assert!(credential[name].is_string(), "no {name}: {credential:#}");
        let text = credential[name].as_str().unwrap_or_default();
        DateTime::parse_from_rfc3339(text).expect("a time").to_utc()
    }

    fn until(&self, id: &str, liveness: &str) {
        self.site.scan_until(&format!("{id} is {liveness}"), |_| self.site.liveness(id) == liveness);
    }
}

#[test]
fn a_key_is_dead_once_its_refusal_is_confirmed_and_shredded_once_it_has_settled() {
    a_keys_whole_life(Kind::Sqlite);
}

#[test]
fn a_key_lives_and_dies_in_postgresql_as_it_does_in_sqlite() {
    a_keys_whole_life(Kind::Postgres);
}

fn a_keys_whole_life(kind: Kind) {
    let mut estate = Estate::on(kind, &settings("confirm_gap = \"1s\"\nsettle = \"15s\""));
    estate.key("control", "accept");
    estate.key("left", "accept");
    estate.delete("left");
    let found = Scan::findings;
    assert_eq!(found(&estate.site.scan()), ["revocation-missing critical left live"]);

    estate.does("left", "refuse");
    let doubtful = estate.site.scan_until("a refusal", |_| estate.site.liveness("left") != "live");
    assert_eq!(found(&doubtful), ["revocation-missing critical left suspect"], "doubt closes nothing");

    estate.until("left", "dead");
    assert_eq!(found(&estate.site.scan()), Vec::<String>::new());
    assert!(estate.site.credential("left")["held"].as_bool().expect("a flag"), "held until it has settled");
    let (refused, died) = (estate.instant("left", "refused_first"), estate.instant("left", "died_at"));
    assert!(died - refused >= TimeDelta::seconds(1), "confirmed after the gap: {refused} {died}");

    estate.until("left", "shredded");
    let credential = estate.site.credential("left");
    assert_eq!(credential["shredding"], "proven");
    assert_eq!(credential["held"], false);
    let last = estate.instant("left", "refused_last");
    assert!(last - died >= TimeDelta::seconds(15), "still refused when settling was over: {died} {last}");

    estate.site.providers.forget_requests();
    estate.site.scan_for(Duration::from_millis(500), "nothing is said of what is proven", |s| s.findings().is_empty());
    assert_eq!(estate.site.providers.asked("convertkit", "left"), 0, "there is nothing left to ask with");
    assert!(estate.site.providers.asked("convertkit", "control") > 0);
}

#[test]
fn a_dead_key_that_answers_again_is_live_and_its_finding_reopens() {
    let mut estate = Estate::new(&settings("confirm_gap = \"200ms\"\nsettle = \"1h\""));
    estate.key("control", "accept");
    estate.key("left", "accept");
    estate.delete("left");
    let id = |scan: &Scan| scan.finding("revocation-missing", "left").map(|f| f["id"].clone());
    let first = estate.site.scan();
    estate.does("left", "refuse");
    estate.until("left", "dead");
    assert_eq!(estate.site.scan().findings(), Vec::<String>::new());

    estate.does("left", "accept");
    let again = estate.site.scan_until("it is live again", |scan| !scan.findings().is_empty());
    assert_eq!(again.findings(), ["revocation-missing critical left live"]);
    assert_eq!(id(&again), id(&first), "the same finding, opened anew");
    let ran = estate.site.run(&["explain", "left"]).exits(0);
    assert!(ran.out.contains("opens again"), "the timeline tells it: {}", ran.out);
}

#[test]
fn no_failure_of_a_provider_moves_any_belief() {
    let mut estate = Estate::new(&settings("confirm_gap = \"100ms\"\nsettle = \"1h\""));
    for id in ["live-1", "live-2", "live-3", "left", "doubtful", "dead"] {
        estate.key(id, "accept");
    }
    estate.delete("left");
    estate.delete("dead");
    estate.site.scan();
    estate.does("dead", "refuse");
    estate.until("dead", "dead");
    let ids = ["live-1", "live-2", "live-3", "left", "dead"];
    let beliefs = |estate: &Estate| ids.map(|id| estate.site.liveness(id));
    let findings = estate.site.scan().findings();
    assert_eq!(findings, ["revocation-missing critical left live"]);

    let failures = [
        "fail",
        "unavailable",
        "throttle",
        "drop",
        "cut",
        "redirect",
        "forbidden_html",
        "unauthorized_html",
        "gone",
        "garbage",
    ];
    for failure in failures {
        estate.site.providers.everyone("convertkit", Some(failure));
        estate.site.providers.forget_requests();
        let asked = || !estate.site.providers.requests().is_empty();
        let scan = estate.site.scan_until("somebody was asked", |_| asked());
        assert_eq!(scan.findings(), findings, "{failure}");
        assert_eq!(beliefs(&estate), ["live", "live", "live", "live", "dead"], "{failure}");
        assert_eq!(scan.count("accepted") + scan.count("refused"), 0, "{failure}");
    }
    assert!(estate.site.providers.requests().iter().all(|request| request.provider != "elsewhere"));
    // out of nothing but silence comes nothing either
    estate.site.providers.everyone("convertkit", None);
    estate.site.scan_until("all is well", |scan| scan.count("accepted") > 0);
    assert_eq!(estate.site.scan().findings(), findings);
}

#[test]
fn a_dead_host_is_given_up_and_says_so_and_what_was_not_asked_stays_due() {
    let mut short = settings("");
    short.liveness = short.liveness.replace("\"1s\"", "\"500ms\"");
    let mut estate = Estate::new(&short);
    for number in 0..30 {
        estate.key(&format!("key-{number}"), "hang");
    }
    let scan = estate.site.scan_exits(4);
    assert!(scan.problems().iter().any(|problem| problem.starts_with("convertkit: ")), "{:?}", scan.problems());
    assert!(scan.count("asked") < 30, "{}", scan.document["scan"]);
    assert_eq!(scan.document["scan"]["outcome"], "incomplete");

    for number in 0..30 {
        estate.does(&format!("key-{number}"), "accept");
    }
    let scan = estate.site.scan_until("the rest was asked", |_| {
        estate.site.list("credentials").iter().all(|credential| credential["liveness"] == "live")
    });
    assert!(!scan.problems().iter().any(|problem| problem.starts_with("convertkit: ")), "{:?}", scan.problems());
}

#[test]
fn a_shredded_key_that_comes_back_into_use_is_sealed_and_judged_anew() {
    let mut estate = Estate::new(&settings("confirm_gap = \"100ms\"\nsettle = \"100ms\""));
    estate.key("control", "accept");
    estate.key("left", "accept");
    estate.delete("left");
    estate.site.scan();
    estate.does("left", "refuse");
    estate.until("left", "shredded");

    estate.inventory.convertkit("anew", "a1", &hex("left"));
    estate.write();
    estate.does("left", "accept");
    let scan = estate.site.scan_until("it is live", |_| estate.site.liveness("anew") == "live");
    assert_eq!(estate.site.credential("anew")["held"], true);
    // made twenty days ago by its own account, so before the other was deleted: two that overlapped
    assert_eq!(scan.findings(), Vec::<String>::new());
    estate.inventory.delete("anew", TimeDelta::zero());
    estate.write();
    let scan = estate.site.scan_until("it is left behind once more", |scan| !scan.findings().is_empty());
    assert_eq!(scan.findings(), ["revocation-missing critical anew live", "revocation-missing critical left live"]);
}

#[test]
fn at_the_end_of_retention_the_copy_goes_and_the_verdict_stays() {
    let mut short = settings("");
    short.escrow += "\nretention = \"2s\"";
    let mut estate = Estate::new(&short);
    estate.key("open", "accept");
    estate.key("left", "accept");
    estate.delete("left");
    assert_eq!(estate.site.scan().findings(), ["revocation-missing critical left live"]);
    estate.until("left", "shredded");
    let scan = estate.site.scan();
    assert_eq!(scan.findings(), ["revocation-missing critical left shredded"], "alive when last asked");
    let credential = estate.site.credential("left");
    assert_eq!((&credential["shredding"], &credential["held"]), (&Value::from("unproven"), &Value::from(false)));
    assert_eq!(estate.site.liveness("open"), "live", "a key in use is held whatever the limit");
}

#[test]
fn held_until_deletion_means_one_look_after_the_end_and_no_copy() {
    let mut choice = settings("");
    choice.escrow = "hold = \"at-deletion\"".to_owned();
    let mut estate = Estate::new(&choice);
    estate.key("open", "accept");
    estate.key("left", "accept");
    estate.site.scan();
    assert_eq!(estate.site.liveness("left"), "live");

    estate.delete("left");
    estate.site.providers.forget_requests();
    let scan = estate.site.scan_until("the copy is gone", |_| estate.site.liveness("left") == "shredded");
    assert_eq!(scan.findings(), ["revocation-missing critical left shredded"]);
    assert_eq!(estate.site.providers.asked("convertkit", "left"), 1, "one look");
    assert_eq!(estate.site.credential("left")["held"], false);
}

#[test]
fn holding_nothing_asks_nobody_and_still_tells_ages() {
    let mut choice = settings("");
    choice.escrow = "hold = \"none\"".to_owned();
    let mut estate = Estate::new(&choice);
    estate.key("old", "accept");
    estate.inventory.set("old", "secret_set_at", &ago(TimeDelta::days(100)));
    estate.key("left", "accept");
    estate.write();
    let scan = estate.site.scan();
    assert_eq!(scan.findings(), ["secret-stale high old unverified"]);
    estate.delete("left");
    let scan = estate.site.scan();
    assert_eq!(
        scan.findings(),
        ["revocation-unproven medium left unverified", "secret-stale high old unverified"],
        "what can't be asked can't be proven"
    );
    assert_eq!(estate.site.providers.requests().len(), 0);
}

#[test]
fn a_provider_that_asks_to_wait_is_not_asked_before() {
    let mut estate = Estate::new(&settings(""));
    estate.key("one", "unavailable"); // with Retry-After: 1
    estate.site.scan_until("it was asked twice", |_| estate.site.providers.asked("convertkit", "one") >= 2);
    let at: Vec<f64> = estate.site.providers.requests().iter().map(|request| request.at).collect();
    assert!(at[1] - at[0] >= 1.0, "{at:?}");
}

#[test]
fn a_copy_is_held_while_any_account_uses_the_key_and_each_is_told_only_its_own() {
    let mut short = settings("");
    short.escrow += "\nretention = \"1s\"";
    let mut estate = Estate::new(&short);
    estate.key("left", "accept");
    estate.inventory.convertkit("elsewhere", "a2", &hex("left"));
    estate.delete("left");
    let begun = std::time::Instant::now();
    estate.site.scan_until("retention would be over twice", |scan| {
        assert_eq!(scan.findings(), ["revocation-missing critical left live"], "the other account is none of theirs");
        begun.elapsed() > Duration::from_secs(2)
    });
    assert_eq!(estate.site.credential("elsewhere")["held"], true);

    estate.inventory.delete("elsewhere", TimeDelta::zero());
    estate.write();
    estate.until("elsewhere", "shredded");
    let both = ["revocation-missing critical elsewhere shredded", "revocation-missing critical left shredded"];
    assert_eq!(estate.site.scan().findings(), both);
}
