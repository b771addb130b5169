//! Mailjet keeps an old secret over SMTP for more than an hour: what REST refuses is dead only where SMTP refuses it too.

use std::net::{Ipv4Addr, TcpListener};

use chrono::TimeDelta;
use serde_json::json;

use crate::support::relay::Relay;
use crate::support::{Inventory, Settings, Site, pair};

/// Has the site ask Mailjet's SMTP there.
pub fn also_smtp(site: &Site, address: &str) {
    let rest = site.providers.address("mailjet");
    let text = std::fs::read_to_string(site.path("keysweep.toml")).expect("the configuration");
    let with = text.replace(&format!("rest = \"{rest}\""), &format!("rest = \"{rest}\", smtp = \"{address}\""));
    assert_ne!(text, with, "the configuration asks Mailjet at the simulator");
    std::fs::write(site.path("keysweep.toml"), with).expect("a folder that can be written");
}

/// A port where nobody listens: it was free a moment ago.
pub fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn quick() -> Settings {
    let liveness = "probe_every = \"100ms\"\nunproven_after = \"300ms\"\ntimeout = \"2s\"\nconnect_timeout = \"1s\"";
    Settings {
        liveness: liveness.to_owned(),
        mailjet: "confirm_gap = \"200ms\"\nsettle = \"200ms\"".to_owned(),
        ..Settings::default()
    }
}

/// A site with a Mailjet key that was deleted on the platform and another that is in use, both accepted.
fn left_behind(settings: &Settings) -> Site {
    let mut site = Site::new();
    site.configure(settings);
    let mut inventory = Inventory::default();
    for id in ["left", "control"] {
        let (key, secret) = pair(id);
        site.providers.set("mailjet", id, &key, &secret, "accept");
        inventory.mailjet(id, "a1", id);
    }
    inventory.delete("left", TimeDelta::minutes(10));
    site.connections(inventory.csv());
    site
}

#[test]
fn a_key_that_rest_refuses_is_alive_while_smtp_accepts_it_and_dead_when_both_refuse() {
    let mut site = left_behind(&quick());
    let relay = Relay::start(site.folder.path());
    also_smtp(&site, &relay.address());
    site.scan();
    assert_eq!((site.liveness("left"), relay.logins()), ("live".to_owned(), 0), "what REST accepts costs no login");
    // The secret is reset: REST refuses at once, SMTP goes on for an hour.
    relay.accept(&[pair("left")]);
    site.providers.does("mailjet", "left", "refuse");
    site.scan_until("it was asked over SMTP three times", |scan| {
        assert!(scan.finding("revocation-missing", "left").is_some_and(|found| found["liveness"] == "live"));
        relay.logins() >= 3
    });
    // And then SMTP refuses as well.
    relay.accept(&[]);
    site.scan_until("the proof is there", |_| site.liveness("left") == "shredded");
    assert!(site.scan().finding("revocation-missing", "left").is_none());
    let story = site.run(&["explain", "left"]).exits(0).out;
    assert!(story.contains("rest/default refused 401; smtp/relay refused 535"), "{story}");
    assert!(relay.heard().iter().all(|line| line != "MAIL"), "no mail is ever begun");
    assert!(!site.ledger_text().contains(&pair("left").1));
}

#[test]
fn a_closed_port_leaves_the_proof_open_and_says_which_way_could_not_be_asked() {
    let mut site = left_behind(&quick());
    also_smtp(&site, &format!("smtp://127.0.0.1:{}", closed_port()));
    site.scan();
    site.providers.does("mailjet", "left", "refuse");
    let scan = site.scan_until("it is told as unproven", |scan| scan.finding("revocation-unproven", "left").is_some());
    assert_eq!(site.liveness("left"), "suspect", "REST alone proves nothing");
    let evidence = &scan.finding("revocation-unproven", "left").expect("it is open")["evidence"];
    assert_eq!((&evidence["reason"], &evidence["refused_partly"]), (&json!("protocol_unasked"), &json!("connect")));
}

#[test]
fn only_the_address_that_a_test_names_is_asked() {
    let mut site = left_behind(&quick());
    site.scan();
    site.providers.does("mailjet", "left", "refuse");
    let scan = site.scan_until("it is told as unproven", |scan| scan.finding("revocation-unproven", "left").is_some());
    let evidence = &scan.finding("revocation-unproven", "left").expect("it is open")["evidence"];
    assert_eq!(evidence["refused_partly"], "no_prober", "Mailjet's own relay is not dialled");
    let warned = site.run(&["config", "check"]).exits(0).err;
    let key = "providers.mailjet.dangerous_test_endpoints";
    assert!(warned.lines().any(|line| line.contains(key) && line.contains("smtp is not asked")), "{warned}");
}
