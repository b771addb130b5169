//! An estate of awkward connections against providers that keysweep has no part in: exactly the expected verdicts, and
//! nothing sent where it doesn't belong.

use chrono::{TimeDelta, Utc};

use crate::support::{Inventory, Scan, Site, ago, hex, now, pair, stamp};

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
fn ages_are_judged_by_the_best_date_and_silent_where_there_is_none_to_judge() {
    let mut estate = Estate::new();
    let secret_set = |estate: &mut Estate, id: &str, before: TimeDelta| {
        estate.mailjet(id, "accept");
        estate.inventory.set(id, "created_at", &ago(days(400)));
        estate.inventory.set(id, "secret_set_at", &ago(before));
    };
    secret_set(&mut estate, "age-75", days(75));
    secret_set(&mut estate, "age-76", days(76) + TimeDelta::minutes(1));
    secret_set(&mut estate, "age-89", days(89));
    secret_set(&mut estate, "age-91", days(91));
    secret_set(&mut estate, "age-181", days(181));
    // in seconds since 1970
    secret_set(&mut estate, "age-unix", days(0));
    estate.inventory.set("age-unix", "secret_set_at", &(now() - days(100)).timestamp().to_string());
    // by its connection's date
    estate.mailjet("connected", "accept");
    estate.inventory.set("connected", "secret_set_at", "");
    estate.inventory.set("connected", "created_at", &ago(days(95)));
    // no date at all
    estate.mailjet("undated", "accept");
    estate.inventory.set("undated", "secret_set_at", "");
    estate.inventory.set("undated", "created_at", "");
    // the same value, told to be older by a connection that is gone
    estate.mailjet("pasted", "accept");
    estate.mailjet_of("pasted-before", "a2", "pasted", "accept");
    estate.inventory.set("pasted-before", "secret_set_at", &ago(days(120)));
    estate.inventory.delete("pasted-before", days(60));
    // a grant has no age
    estate.inventory.add("grant", "a1", "mailjet", &[("auth", "oauth"), ("created_at", &ago(days(300)))]);
    // stale and suspect is still stale
    secret_set(&mut estate, "refused", days(91));
    estate.site.providers.does("mailjet", "refused", "refuse");
    let scan = estate.scan();

    assert_eq!(
        scan.findings(),
        [
            "revocation-missing critical pasted-before live",
            "secret-age-unknown low undated live",
            "secret-due low age-76 live",
            "secret-due low age-89 live",
            "secret-stale critical age-181 live",
            "secret-stale high age-91 live",
            "secret-stale high age-unix live",
            "secret-stale high connected live",
            "secret-stale high pasted live",
            "secret-stale high refused suspect",
        ]
    );
}

#[test]
fn a_secret_is_stale_one_second_after_ninety_days_and_not_before() {
    let mut estate = Estate::new();
    let set_at = chrono::DateTime::<Utc>::from_timestamp(now().timestamp(), 0).expect("an instant") - days(10);
    estate.mailjet("boundary", "accept");
    estate.inventory.set("boundary", "secret_set_at", &stamp(set_at));
    estate.scan();

    let second = TimeDelta::seconds(1);
    for (age, findings) in [
        (days(76) - second, vec![]),
        (days(76), vec!["secret-due low"]),
        (days(90), vec!["secret-due low"]),
        (days(90) + second, vec!["secret-stale high"]),
        (days(180), vec!["secret-stale high"]),
        (days(180) + second, vec!["secret-stale critical"]),
    ] {
        let at = stamp(set_at + age);
        let ran = estate.site.run(&["scan", "--as-of", &at, "--format", "json"]).exits(0);
        let scan = Scan { document: ran.json(), err: ran.err };
        let expected: Vec<String> = findings.iter().map(|finding| format!("{finding} boundary live")).collect();
        assert_eq!(scan.findings(), expected, "at the age of {age}");
    }
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
    assert_eq!(scan.findings(), expected.map(|id| format!("connection-orphaned high {id} live")));
    let cause = |id: &str| scan.finding("connection-orphaned", id).map(|f| f["evidence"]["cause"].clone());
    assert_eq!(cause("by-removed"), Some("creator_removed".into()));
    assert_eq!(cause("by-suspended"), Some("creator_suspended".into()));
    assert_eq!(cause("no-owner"), Some("no_owner".into()));
}

#[test]
fn bad_rows_are_set_aside_by_row_and_field_while_the_others_go_on() {
    let mut estate = Estate::new();
    estate.mailjet("good", "accept"); // row 2
    estate.mailjet("good", "accept"); // row 3: twice
    estate.mailjet("when", "accept"); // row 4
    estate.inventory.set("when", "created_at", "yesterday");
    estate.inventory.add("who", "", "mailjet", &[]); // row 5
    estate.inventory.add("what", "a1", "no-such-provider", &[("secret", &hex("what"))]); // row 6
    estate.inventory.add("how", "a1", "mailjet", &[("status", "zombie")]); // row 7
    estate.inventory.add("tab\there", "a1", "mailjet", &[]); // row 8
    estate.mailjet("ahead", "accept"); // row 9: a problem, but no bad row
    estate.inventory.set("ahead", "secret_set_at", &stamp(now() + days(30)));
    estate.inventory.set("ahead", "created_at", &ago(days(95)));
    estate.mailjet("last", "accept"); // row 10
    let scan = estate.scan();

    assert_eq!(
        scan.quarantined(),
        ["3 connection_id", "4 created_at", "5 account_id", "6 provider", "7 status", "8 connection_id"]
    );
    let mut known: Vec<String> =
        estate.site.list("connections").iter().map(|c| c["connection_id"].as_str().unwrap_or("?").to_owned()).collect();
    known.sort();
    assert_eq!(known, ["ahead", "good", "last"]);
    assert_eq!(scan.findings(), ["secret-stale high ahead live"], "a date in the future is no date");
    let problems = scan.problems().join("\n");
    assert!(problems.contains("row 9: secret_set_at"), "{problems}");
    let said = format!("{}{}", scan.document, scan.err);
    assert!(!said.contains(&hex("what")), "no problem shows a key");
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
fn what_had_ended_long_before_is_counted_and_never_mailed() {
    let mut estate = Estate::new();
    estate.deleted("recent", "accept");
    estate.deleted("ancient", "accept");
    estate.inventory.set("ancient", "created_at", &ago(days(300)));
    estate.inventory.set("ancient", "deleted_at", &ago(days(100)));
    estate.inventory.add("no-copy", "a1", "mailjet", &[("status", "deleted"), ("deleted_at", &ago(days(5)))]);
    let scan = estate.scan();

    assert_eq!(
        scan.findings(),
        ["revocation-missing critical ancient live", "revocation-missing critical recent live"]
    );
    assert_eq!(scan.finding("revocation-missing", "ancient").map(|f| f["mailed"].clone()), Some(false.into()));
    assert_eq!(scan.finding("revocation-missing", "recent").map(|f| f["mailed"].clone()), Some(true.into()));
}

#[test]
fn names_are_shown_as_they_are_and_run_nothing() {
    let names = [
        "=HYPERLINK(\"http://x.test\")",
        "{{ 7*7 }}",
        "<script>alert(1)</script>",
        "two\r\nlines, \"quoted\"",
        "Ünïcödé 名前 \u{202e}gnp.exe",
        "'; DROP TABLE finding; --",
    ];
    let mut estate = Estate::new();
    for (number, name) in names.iter().enumerate() {
        let id = format!("n{number}");
        estate.deleted(&id, "accept");
        estate.inventory.set(&id, "name", name);
    }
    let scan = estate.scan();

    let shown = |number: usize| {
        let found = scan.finding("revocation-missing", &format!("n{number}")).expect("a finding");
        found["connection_name"].as_str().expect("a name").to_owned()
    };
    assert_eq!(shown(1), "{{ 7*7 }}", "no template is run");
    assert_eq!(shown(3), "two  lines, \"quoted\"", "one line");
    assert_eq!(shown(4), names[4]);
    assert_eq!(scan.findings().len(), names.len(), "no name changed the ledger");

    let csv = estate.site.run(&["findings", "list", "--format", "csv"]).exits(0).out;
    assert!(!csv.lines().any(|line| line.split(',').any(|cell| cell.trim_matches('"').starts_with('='))), "{csv}");
    let table = estate.site.run(&["findings", "list"]).exits(0).out;
    assert!(!table.contains('\u{202e}') && !table.contains('\u{1b}'), "{table}");
}

#[test]
fn the_document_has_the_contracts_shape_and_the_exit_code_says_how_bad_it_is() {
    let mut estate = Estate::new();
    estate.deleted("left", "accept");
    let scan = estate.scan();

    let finding = scan.finding("revocation-missing", "left").expect("a finding");
    for (name, value) in [
        ("rule", "revocation-missing"),
        ("severity", "critical"),
        ("source", "main"),
        ("connection_id", "left"),
        ("account_id", "a1"),
        ("provider", "mailjet"),
        ("liveness", "live"),
        ("state", "open"),
    ] {
        assert_eq!(finding[name], value, "{name}");
    }
    assert!(finding["id"].as_str().is_some_and(|id| id.starts_with('F')), "{finding}");
    for time in ["opened_at", "since"] {
        let text = finding[time].as_str().expect("a time");
        assert!(chrono::DateTime::parse_from_rfc3339(text).is_ok(), "{time}: {text}");
    }
    assert!(finding["evidence"].is_object());
    for part in ["scan", "counts", "findings", "quarantined", "problems"] {
        assert!(scan.document.get(part).is_some(), "{part}");
    }

    for (arguments, code) in [
        (&["scan"][..], 0),
        (&["scan", "--fail-on", "critical"], 3),
        (&["scan", "--fail-on", "low"], 3),
        (&["scan", "--fail-on", "dire"], 2),
        (&["scan", "--dry-run", "--notify"], 2),
        (&["scan", "--no-probe", "--format", "jsonl"], 0),
        (&["scan", "--dry-run"], 0),
    ] {
        let ran = estate.site.run(arguments).exits(code);
        let said = format!("{}{}", ran.out, ran.err);
        let (key_id, secret) = pair("left");
        assert!(!said.contains(&secret) && !said.contains(&key_id), "{arguments:?} shows a key");
    }
    estate.inventory.delete("left", days(4));
    estate.site.providers.does("mailjet", "left", "refuse");
    estate.site.connections(estate.inventory.csv());
    let before = estate.site.ledger_text();
    estate.site.run(&["scan", "--dry-run"]).exits(0);
    assert!(before == estate.site.ledger_text(), "a dry run writes nothing");
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

#[test]
fn a_replaced_secret_is_as_old_as_its_replacement_unless_somebody_says_more() {
    let mut estate = Estate::new();
    for id in ["kept-date", "moved-date", "untouched"] {
        estate.mailjet(id, "accept");
        estate.inventory.set(id, "created_at", &ago(days(200)));
        estate.inventory.set(id, "secret_set_at", &ago(days(100)));
    }
    let stale = |id: &str| format!("secret-stale high {id} live");
    let mut scan = estate.scan();
    assert_eq!(scan.findings(), ["kept-date", "moved-date", "untouched"].map(stale));

    for id in ["kept-date", "moved-date"] {
        let secret = hex(&format!("new secret of {id}"));
        estate.site.providers.set("mailjet", &format!("{id}, new"), &pair(id).0, &secret, "accept");
        estate.site.providers.does("mailjet", id, "refuse");
        estate.inventory.set(id, "secret", &secret);
    }
    estate.inventory.set("moved-date", "secret_set_at", &ago(days(95)));
    // the same value, told to be newer: nothing moves it forward
    estate.inventory.set("untouched", "secret_set_at", &ago(days(1)));
    scan = estate.scan();
    let findings = scan.findings();
    assert!(!findings.contains(&stale("kept-date")), "the old date is the old value's: {findings:?}");
    assert!(findings.contains(&stale("moved-date")), "the platform says when: {findings:?}");
    assert!(findings.contains(&stale("untouched")), "pasting it again does not make it younger: {findings:?}");
}

#[test]
fn every_finding_can_be_explained() {
    let mut estate = Estate::new();
    estate.deleted("left", "accept");
    estate.mailjet("old", "accept");
    estate.inventory.set("old", "secret_set_at", &ago(days(400)));
    estate.inventory.set("old", "created_by", "m2");
    estate.mailjet_of("twin", "a1", "old", "accept");
    let scan = estate.scan();
    assert!(scan.findings().len() >= 5, "{:?}", scan.findings());
    for finding in scan.document["findings"].as_array().expect("a list") {
        let id = finding["id"].as_str().expect("a number");
        let told = estate.site.run(&["explain", id]).exits(0).out;
        for part in ["rule", "connection_id", "account_id"] {
            let word = finding[part].as_str().expect("a word");
            assert!(told.contains(word), "{id} says nothing of {part} {word}: {told}");
        }
        estate.site.run(&["explain", id, "--format", "json"]).exits(0).json();
        estate.site.run(&["findings", "show", id, "--format", "json"]).exits(0).json();
    }
    estate.site.run(&["explain", "F9999"]).exits(1);
}
