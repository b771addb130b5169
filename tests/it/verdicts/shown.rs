//! What is set aside, and what people and programs are shown.

use super::{Estate, days};
use crate::support::{ago, hex, now, pair, stamp};

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
