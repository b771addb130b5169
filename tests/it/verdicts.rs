//! An estate of awkward connections against providers that keysweep has no part in: exactly the expected verdicts, and
//! nothing sent where it doesn't belong.

mod accepted;
mod ages;
mod others;
mod shown;

use chrono::TimeDelta;

use crate::support::{Inventory, Scan, Site, ago, hex, pair};

const PEOPLE: &str = "account_id,member_id,email,role,status\r\n\
    a1,o1,owner.one@example.org,owner,active\r\n\
    a1,m1,member.one@example.org,member,active\r\n\
    a1,m2,member.two@example.org,member,removed\r\n\
    a1,m3,member.three@example.org,member,suspended\r\n\
    a2,o2,\"owner.two@example.org\",owner,active\r\n\
    a3,m9,member.nine@example.org,member,active\r\n\
    a4,o4,owner.four@example.org,owner,removed\r\n";

fn days(count: i64) -> TimeDelta {
    TimeDelta::days(count)
}

/// A site whose inventory is being put together.
struct Estate {
    site: Site,
    inventory: Inventory,
}

impl Estate {
    fn new() -> Self {
        let site = Site::new();
        site.people(PEOPLE);
        Self { site, inventory: Inventory::default() }
    }

    /// An active Mailjet connection of account `a1`, whose key does something.
    fn mailjet(&mut self, id: &str, does: &str) {
        self.mailjet_of(id, "a1", id, does);
    }

    fn mailjet_of(&mut self, id: &str, account: &str, word: &str, does: &str) {
        let (key_id, secret) = pair(word);
        self.inventory.mailjet(id, account, word);
        self.site.providers.set("mailjet", word, &key_id, &secret, does);
    }

    /// The same, deleted five days ago: whatever is believed alive then shows as a finding.
    fn deleted(&mut self, id: &str, does: &str) {
        self.mailjet(id, does);
        self.inventory.delete(id, days(5));
    }

    fn convertkit(&mut self, id: &str, provider: &str, secret: &str, does: &str) {
        self.inventory.convertkit(id, "a1", secret);
        self.site.providers.set(provider, id, "", secret, does);
    }

    fn scan(&self) -> Scan {
        self.site.connections(self.inventory.csv());
        self.site.scan()
    }
}

/// No test may find a request that is no GET, or anybody where a redirect leads.
fn assert_only_gets_and_no_redirect_followed(site: &Site) {
    let requests = site.providers.requests();
    assert!(!requests.is_empty(), "the providers saw nothing");
    for request in &requests {
        assert_eq!(request.method, "GET", "{request:?}");
        assert_ne!(request.provider, "elsewhere", "a redirect was followed: {request:?}");
        assert!(request.headers.contains(&"user-agent".to_owned()), "{request:?}");
        for unwanted in ["cookie", "referer"] {
            assert!(!request.headers.contains(&unwanted.to_owned()), "{request:?}");
        }
    }
}

#[test]
fn only_what_a_provider_itself_accepts_counts_as_alive() {
    let mut estate = Estate::new();
    for alive in ["accept", "accept_empty_account", "limited", "forbidden"] {
        estate.deleted(alive, alive);
    }
    let unknown = [
        "forbidden_html",
        "unauthorized_html",
        "throttle",
        "wrong_path",
        "fail",
        "unavailable",
        "redirect",
        "redirect_permanently",
        "garbage",
        "empty",
        "cut",
        "drop",
        "gone",
        "hang",
    ];
    for unknown in unknown {
        estate.deleted(unknown, unknown);
    }
    estate.deleted("refuse", "refuse");

    let scan = estate.scan();

    assert_eq!(
        scan.findings(),
        [
            "revocation-missing critical accept live",
            "revocation-missing critical accept_empty_account live",
            "revocation-missing critical forbidden live",
            "revocation-missing critical limited live",
        ]
    );
    for id in unknown {
        assert_eq!(estate.site.liveness(id), "unverified", "{id}");
    }
    assert_eq!(estate.site.liveness("refuse"), "suspect", "one refusal proves nothing");
    assert_eq!((scan.count("accepted"), scan.count("limited")), (2, 2));
    assert_eq!(scan.count("unknown"), unknown.len() as u64);
    assert_eq!(scan.count("refused") + scan.count("partly_refused"), 1);
    assert_only_gets_and_no_redirect_followed(&estate.site);
}

#[test]
fn both_versions_of_convertkit_are_judged_by_their_own_envelopes() {
    let mut estate = Estate::new();
    for (id, does) in [("ck-accept", "accept"), ("ck-full", "forbidden"), ("ck-refuse", "refuse")] {
        estate.convertkit(id, "convertkit", &format!("{}_{id}", hex(id)), does);
    }
    for does in ["throttle", "unauthorized_html", "forbidden_html", "fail", "redirect", "garbage"] {
        let id = format!("ck-{does}");
        estate.convertkit(&id, "convertkit", &hex(&id), does);
        estate.convertkit(&format!("kit-{does}"), "kit", &format!("kit_{}", hex(does)), does);
    }
    for (id, does) in [("kit-accept", "accept"), ("kit-forbidden", "forbidden"), ("kit-refuse", "refuse")] {
        estate.convertkit(id, "kit", &format!("kit_{}", hex(id)), does);
    }
    let scan = estate.scan();

    for (id, liveness) in [
        ("ck-accept", "live"),
        ("ck-full", "live"),
        ("ck-refuse", "suspect"),
        ("kit-accept", "live"),
        ("kit-forbidden", "live"),
        ("kit-refuse", "suspect"),
    ] {
        assert_eq!(estate.site.liveness(id), liveness, "{id}");
    }
    for does in ["throttle", "unauthorized_html", "forbidden_html", "fail", "redirect", "garbage"] {
        assert_eq!(estate.site.liveness(&format!("ck-{does}")), "unverified", "ConvertKit, {does}");
        assert_eq!(estate.site.liveness(&format!("kit-{does}")), "unverified", "Kit, {does}");
    }
    assert_eq!(scan.findings(), Vec::<String>::new());
    let kit = estate.site.list("connections").into_iter().filter(|c| c["provider"] == "kit").count();
    assert_eq!(kit, 9, "a value that begins with kit_ is a Kit key, whatever the inventory calls it");
    assert_only_gets_and_no_redirect_followed(&estate.site);
    let asked = estate.site.providers.requests();
    assert!(
        asked.iter().all(|r| r.key.as_ref().is_some_and(|key| key.starts_with("kit-") == (r.provider == "kit"))),
        "no key goes to the other version: {asked:?}"
    );
}

#[test]
fn shared_left_behind_and_replaced_keys_are_told_from_each_other() {
    let mut estate = Estate::new();
    estate.mailjet("clean", "accept");
    // one key in two connections of an account, and in another account
    estate.mailjet("twin-1", "accept");
    estate.mailjet_of("twin-2", "a1", "twin-1", "accept");
    estate.mailjet_of("stranger", "a2", "twin-1", "accept");
    // deleted, and connected anew with the same secret
    estate.deleted("same-old", "accept");
    estate.mailjet_of("same-new", "a1", "same-old", "accept");
    estate.inventory.set("same-new", "created_at", &ago(days(4)));
    // deleted, and connected anew with another secret; the name says nothing
    estate.deleted("other-old", "accept");
    estate.mailjet("other-new", "accept");
    for id in ["other-old", "other-new"] {
        estate.inventory.set(id, "name", "Newsletter");
    }
    // deleted here, in use in another account
    estate.deleted("moved-old", "accept");
    estate.mailjet_of("moved-new", "a2", "moved-old", "accept");
    // its secret will be replaced by another
    estate.mailjet("replaced", "accept");
    let before = estate.scan();

    assert_eq!(
        before.findings(),
        [
            "revocation-missing critical moved-old live",
            "revocation-missing critical other-old live",
            "secret-reused high same-new live",
            "secret-shared low twin-1 live",
            "secret-shared low twin-2 live",
        ]
    );
    for (word, what) in [("twin-1", "three connections"), ("same-old", "two"), ("moved-old", "two accounts")] {
        assert_eq!(estate.site.providers.asked("mailjet", word), 1, "one question for {what}");
    }

    let (key_id, secret) = (pair("replaced").0, hex("another secret"));
    estate.site.providers.set("mailjet", "replaced, new", &key_id, &secret, "accept");
    estate.inventory.set("replaced", "secret", &secret);
    estate.inventory.set("replaced", "secret_set_at", "");
    let after = estate.scan();
    let finding = after.finding("revocation-missing", "replaced").expect("the old secret is still accepted");
    assert_eq!(finding["evidence"]["ended_by"], "replaced");
    assert_eq!(finding["evidence"]["connection_deleted_at"], serde_json::Value::Null);
    assert_eq!(after.findings().len(), before.findings().len() + 1, "{:#?}", after.findings());
    assert_only_gets_and_no_redirect_followed(&estate.site);
}

#[test]
fn a_connection_is_orphaned_by_people_who_are_known_to_be_gone_and_by_nobody_else() {
    let mut estate = Estate::new();
    for (id, account, creator) in [
        ("by-active", "a1", "m1"),
        ("by-removed", "a1", "m2"),
        ("by-suspended", "a1", "m3"),
        ("by-unknown", "a1", "m77"),
        ("by-nobody", "a1", ""),
        ("no-owner", "a3", "m9"),
        ("owner-removed", "a4", ""),
    ] {
        estate.mailjet_of(id, account, id, "accept");
        estate.inventory.set(id, "created_by", creator);
    }
    // gone with its connection: nothing is orphaned that is not in use
    estate.mailjet("deleted-dead", "refuse");
    estate.inventory.set("deleted-dead", "created_by", "m2");
    estate.inventory.delete("deleted-dead", days(3));
    let scan = estate.scan();

    let expected = ["by-removed", "by-suspended", "no-owner", "owner-removed"];
    let orphaned = expected.map(|id| format!("connection-orphaned high {id} live"));
    let untold = "owner-unreachable medium owner-removed live".to_owned();
    assert_eq!(scan.findings(), orphaned.into_iter().chain([untold]).collect::<Vec<_>>());
    let cause = |id: &str| scan.finding("connection-orphaned", id).map(|f| f["evidence"]["cause"].clone());
    assert_eq!(cause("by-removed"), Some("creator_removed".into()));
    assert_eq!(cause("by-suspended"), Some("creator_suspended".into()));
    assert_eq!(cause("no-owner"), Some("no_owner".into()));
}

#[test]
fn keys_that_cannot_be_asked_are_unverified_and_nothing_is_said_of_them() {
    let mut estate = Estate::new();
    estate.mailjet("asked", "accept");
    estate.inventory.add("no-secret", "a1", "mailjet", &[("key_id", &hex("k")), ("created_at", &ago(days(3)))]);
    let half = [("secret", hex("half")), ("created_at", ago(days(3)))];
    let half: Vec<(&'static str, &str)> = half.iter().map(|(name, value)| (*name, value.as_str())).collect();
    estate.inventory.add("no-key-id", "a1", "mailjet", &half);
    estate.inventory.add("grant", "a1", "mailjet", &[("auth", "oauth"), ("secret", &hex("token"))]);
    let scan = estate.scan();

    assert_eq!(scan.findings(), Vec::<String>::new());
    for id in ["no-secret", "no-key-id", "grant"] {
        assert_eq!(estate.site.liveness(id), "unverified", "{id}");
    }
    assert_eq!(estate.site.providers.requests().len(), 1, "only the whole key is presented");

    estate.inventory.delete("grant", TimeDelta::zero());
    estate.inventory.delete("no-secret", TimeDelta::zero());
    let scan = estate.scan();
    assert_eq!(
        scan.findings(),
        ["revocation-unproven medium grant unverified", "revocation-unproven medium no-secret unverified"]
    );
}

#[test]
fn a_secret_reaches_its_provider_as_it_was_given_whatever_is_in_it() {
    let awkward = [
        ("plus", "a+b&c=d%20e#f?g/h:i;j"),
        ("quote", "say \"hush\", 'twice'\\"),
        ("words", "two words"),
        ("letters", "žluťoučký-kůň"),
        ("formula", "=cmd|'/C calc'!A0"),
        ("scheme", "env:HOME"),
    ];
    let mut estate = Estate::new();
    for (id, secret) in awkward {
        estate.convertkit(id, "convertkit", secret, "accept");
    }
    // white space around a pasted value is not part of it
    estate.convertkit("pasted", "convertkit", &hex("pasted"), "accept");
    estate.inventory.set("pasted", "secret", &format!(" {}\t\r\n", hex("pasted")));
    // what can't stand in a header is not sent
    estate.convertkit("unsendable", "kit", "kit_\u{7}bell", "accept");
    let (key_id, secret) = pair("colon");
    estate.mailjet("colon", "accept");
    estate.site.providers.set("mailjet", "colon", &key_id, &format!("{secret}:x"), "accept");
    estate.inventory.set("colon", "secret", &format!("{secret}:x"));
    estate.scan();

    for (id, _) in awkward {
        assert_eq!(estate.site.liveness(id), "live", "{id}");
    }
    assert_eq!(estate.site.liveness("pasted"), "live");
    assert_eq!(estate.site.liveness("colon"), "live");
    assert_eq!(estate.site.liveness("unsendable"), "unverified");
    assert!(estate.site.providers.requests().iter().all(|request| request.key.is_some()), "nothing else was sent");
}

#[test]
fn the_same_value_is_one_credential_under_either_name_of_kit() {
    let mut estate = Estate::new();
    let secret = format!("kit_{}", hex("one"));
    estate.convertkit("as-convertkit", "kit", &secret, "accept");
    estate.inventory.add("as-kit", "a1", "kit", &[("secret", &secret), ("created_at", &ago(days(20)))]);
    let scan = estate.scan();
    assert_eq!(scan.findings(), ["secret-shared low as-convertkit live", "secret-shared low as-kit live"]);
    assert_eq!(estate.site.providers.asked("kit", "as-convertkit"), 1);
}
