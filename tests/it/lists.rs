//! Lists on the command line: whole for programs, the worst first for people, and no row that could be another's.

use std::process::Stdio;

use chrono::TimeDelta;
use keysweep::domain::time::Timestamp;
use keysweep::ledger::Ledger;
use serde_json::{Value, json};

use crate::estate::{Estate, stale_keys};
use crate::support::{Ran, ago, hex};

/// Rows that a table shows unless told otherwise.
const TABLE_ROWS: usize = 200;

fn lines(text: &str) -> usize {
    text.lines().count()
}

/// A scan or a look whose output nobody reads at all.
fn unread(estate: &Estate, arguments: &[&str]) -> Ran {
    let mut command = estate.command(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    child.wait_with_output().expect("it ends").into()
}

/// One more source, of one connection whose id the first source has too.
fn second_source(estate: &Estate) {
    let config = std::fs::read_to_string(estate.path("keysweep.toml")).expect("a configuration");
    let more =
        "[[inventory]]\nname = \"second\"\nkind = \"csv\"\npath = \"second.csv\"\npeople_path = \"people.csv\"\n";
    estate.write("keysweep.toml", &format!("{config}\n{more}"));
    let row = format!("c00,a00,kit,{},kit_{},{}", ago(TimeDelta::days(400)), hex("second"), "n".repeat(50));
    estate.write("second.csv", &format!("connection_id,account_id,provider,secret_set_at,secret,name\n{row}\n"));
}

#[test]
fn every_scan_is_listed_for_programs_and_a_table_says_how_many_it_leaves_out() {
    let estate = stale_keys(1);
    estate.run(&["scan", "--no-probe"]).exits(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let url = format!("sqlite:{}", estate.path("ledger.db").display());
        let ledger = Ledger::open(&url).await.expect("the ledger");
        for number in 1..=TABLE_ROWS as i64 {
            let at = Timestamp::from_secs(1_790_000_000 + number);
            let id = ledger.begin_scan(at).await.expect("a scan");
            ledger.end_scan(id, at, "complete", &json!({"asked": 0})).await.expect("its end");
        }
        ledger.close().await;
    });
    let all = estate.run(&["scans", "list", "--format", "json"]).exits(0).json();
    let numbers: Vec<i64> = all.as_array().expect("a list").iter().filter_map(|scan| scan["id"].as_i64()).collect();
    assert_eq!(numbers, (1..=TABLE_ROWS as i64 + 1).rev().collect::<Vec<_>>(), "the latest first, and all of them");
    assert_eq!(lines(&estate.run(&["scans", "list", "--format", "jsonl"]).exits(0).out), TABLE_ROWS + 1);
    assert_eq!(lines(&estate.run(&["scans", "list", "--format", "csv"]).exits(0).out), TABLE_ROWS + 2, "and a header");
    let table = estate.run(&["scans", "list"]).exits(0).out;
    assert!(table.ends_with("… and 1 more (--limit shows more)\n"), "{table}");
    let whole = estate.run(&["scans", "list", "--limit", "201"]).exits(0).out;
    assert!(!whole.contains("more"), "{whole}");
    for (limit, expected) in [("0", 0), ("3", 3)] {
        let some = estate.run(&["scans", "list", "--limit", limit, "--format", "jsonl"]).exits(0).out;
        assert_eq!(lines(&some), expected);
    }
    let none = estate.run(&["scans", "list", "--limit", "0"]).exits(0).out;
    assert!(none.contains("… and 201 more"), "{none}");
}

#[test]
fn what_a_table_leaves_out_is_counted_for_every_list() {
    let estate = stale_keys(3);
    estate.release();
    estate.notify();
    for list in ["connections", "credentials", "findings", "mails"] {
        let table = estate.run(&[list, "list", "--limit", "1"]).exits(0).out;
        assert!(table.contains("… and 2 more (--limit shows more)"), "{list}: {table}");
        let programs = estate.run(&[list, "list", "--limit", "1", "--format", "jsonl"]).exits(0).out;
        assert_eq!(lines(&programs), 1, "{list}: {programs}");
        let whole = estate.run(&[list, "list", "--limit", "3"]).exits(0).out;
        assert!(!whole.contains("more"), "{list}: {whole}");
    }
}

#[test]
fn a_new_critical_finding_stands_first_and_the_hint_leads_to_the_rest() {
    let estate = Estate::new();
    let config = std::fs::read_to_string(estate.path("keysweep.toml")).expect("a configuration");
    estate.write("keysweep.toml", &config.replace("[providers.kit]", "[providers.kit]\nmax_age = \"90d\""));
    let mut csv = "connection_id,account_id,provider,secret_set_at,secret\n".to_owned();
    let mut row = |id: &str, days| {
        csv.push_str(&format!("{id},a,kit,{},kit_{}\n", ago(TimeDelta::days(days)), hex(id)));
        estate.write("connections.csv", &csv);
    };
    (0..TABLE_ROWS).for_each(|number| row(&format!("old{number:03}"), 100));
    estate.run(&["scan", "--no-probe"]).exits(0);
    row("leak", 400);
    let scan = estate.run(&["scan", "--no-probe"]).exits(0).out;
    let hint = "more (`keysweep findings list` shows them)\n";
    let later = estate.run(&["scan", "--as-of", "2999-01-01"]).exits(0).out;
    let list = estate.run(&["findings", "list"]).exits(0).out;
    for (what, table, hint) in [
        ("scan", &scan, hint),
        ("list", &list, "more (--limit shows more)\n"),
        ("then", &later, "(--format csv shows all)\n"),
    ] {
        assert!(table.ends_with(hint), "{what}: {table}");
        let first = table.lines().nth(2).unwrap_or_default();
        assert!(first.contains("critical"), "{what}: {first}");
    }
    assert!(scan.lines().nth(2).is_some_and(|first| first.contains("leak")), "{scan}");
}

#[test]
fn two_sources_with_the_same_id_are_told_apart_in_every_table_and_sheet() {
    let estate = stale_keys(1);
    let table = estate.run(&["scan", "--no-probe"]).exits(0).out;
    assert!(!table.contains("main"), "one source has no column: {table}");
    second_source(&estate);
    let scan = estate.run(&["scan", "--no-probe"]).exits(0).out;
    let findings = estate.run(&["findings", "list"]).exits(0).out;
    let connections = estate.run(&["connections", "list"]).exits(0).out;
    for table in [&scan, &findings, &connections] {
        for source in ["main", "second"] {
            let has = table.lines().any(|line| line.contains(source) && line.contains("c00"));
            assert!(has, "{source}: {table}");
        }
        assert!(table.contains(&format!("c00 ({})", "n".repeat(50))), "whole in a pipe: {table}");
    }
}

#[test]
fn a_sheet_has_a_cell_for_each_fact_and_the_facts_whole() {
    let estate = stale_keys(1);
    second_source(&estate);
    estate.run(&["scan", "--no-probe"]).exits(0);
    let objects = |list: &str| estate.run(&[list, "list", "--format", "json"]).exits(0).json();
    for (list, same) in [
        ("findings", &["source", "connection_id", "connection_name", "account_id", "since", "opened_at", "state"][..]),
        ("connections", &["source", "connection_id", "account_id", "secret_since", "judge_at", "status"]),
        ("credentials", &["credential", "source", "key_tail", "secret_since", "probe_at"]),
        ("scans", &["started_at", "finished_at", "outcome"]),
    ] {
        let sheet = estate.run(&[list, "list", "--format", "csv"]).exits(0).out;
        let mut reader = csv::Reader::from_reader(sheet.as_bytes());
        let headers = reader.headers().expect("a header").clone();
        let objects = objects(list);
        let mut count = 0;
        for (row, object) in reader.records().zip(objects.as_array().expect("a list")) {
            let row = row.expect("a row");
            for name in same {
                let at = headers.iter().position(|header| header == *name);
                let cell = at.and_then(|at| row.get(at));
                let told = object[*name].as_str().unwrap_or_default();
                assert_eq!(cell, Some(told), "{list} {name}: {sheet}");
            }
            count += 1;
        }
        assert_eq!(count, objects.as_array().expect("a list").len(), "{list}");
    }
}

#[test]
fn an_exit_code_tells_what_was_found_whether_or_not_anybody_reads_the_list() {
    let estate = stale_keys(30);
    for form in ["jsonl", "json", "csv", "table"] {
        let ran = unread(&estate, &["scan", "--no-probe", "--fail-on", "high", "--format", form]).exits(3);
        assert!(form == "json" || ran.err.contains("open findings"), "{form}: {}", ran.err);
        unread(&estate, &["scan", "--as-of", "2999-01-01", "--fail-on", "high", "--format", form]).exits(3);
        unread(&estate, &["scan", "--no-probe", "--format", form]).exits(0);
    }
    std::fs::remove_file(estate.path("connections.csv")).expect("the inventory");
    for form in ["jsonl", "json", "csv", "table"] {
        unread(&estate, &["scan", "--no-probe", "--format", form]).exits(4);
    }
}

#[test]
fn a_judgement_of_another_time_has_the_members_of_a_scan() {
    let estate = stale_keys(3);
    let scan = estate.run(&["scan", "--no-probe", "--format", "json"]).exits(0).json();
    let then = estate.run(&["scan", "--as-of", &ago(TimeDelta::zero()), "--format", "json"]).exits(0).json();
    assert_eq!(then["counts"], scan["counts"]);
    assert_eq!(then["findings"].as_array().map(Vec::len), Some(3), "{then:#}");
    let names = |document: &Value| document.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&then), names(&scan));
    estate.run(&["scan", "--as-of", "2027"]).exits(2);
    estate.run(&["report", "--since", "20260701"]).exits(2);
    let day = estate.run(&["scan", "--as-of", "2999-01-01", "--format", "json"]).exits(0).json();
    assert_eq!(day["scan"]["as_of"], "2999-01-01T00:00:00Z");
}

#[test]
fn a_daemon_is_asked_in_a_form_that_has_an_answer() {
    let estate = stale_keys(1);
    for unsuitable in [&["--format", "csv"][..], &["--format", "jsonl"], &["--notify"], &["--fail-on", "high"]] {
        let ran = estate.run(&[&["scan", "--daemon"], unsuitable].concat()).exits(2);
        assert_eq!(ran.out, "");
    }
}

#[test]
fn one_mail_is_shown_with_what_it_tells_of_and_no_address() {
    let estate = stale_keys(2);
    estate.release();
    estate.notify();
    let shown = estate.run(&["mails", "show", "1", "--format", "json"]).exits(0);
    let mail = shown.json();
    assert_eq!((&mail["mail"]["state"], &mail["mail"]["attempts"]), (&json!("sent"), &json!(1)), "{mail:#}");
    assert_eq!((&mail["notices"][0]["finding"], &mail["notices"][0]["rule"]), (&json!("F1"), &json!("secret-stale")));
    let message_id = estate.outbox()[0].0.clone();
    let table = estate.run(&["mails", "show", "1"]).exits(0).out;
    assert!(table.contains(&message_id) && table.contains("F1 secret-stale, step 0"), "{table}");
    for text in [&shown.out, &table] {
        assert!(text.contains("@example.org") && !text.contains("o00@") && !text.contains("o01@"), "{text}");
    }
    for nobody in ["9", "x", "-1", "9223372036854775807"] {
        let ran = estate.run(&["mails", "show", "--", nobody]).exits(1);
        assert!(ran.err.contains("mails list"), "{}", ran.err);
    }
}

#[test]
fn one_scan_is_shown_with_its_sources_and_what_went_wrong() {
    let estate = stale_keys(2);
    estate.run(&["scan", "--no-probe"]).exits(0);
    std::fs::remove_file(estate.path("connections.csv")).expect("the inventory");
    estate.run(&["scan", "--no-probe"]).exits(4);
    let first = estate.run(&["scans", "show", "1", "--format", "json"]).exits(0).json();
    assert_eq!((&first["sources"][0]["name"], &first["sources"][0]["rows"]), (&json!("main"), &json!(2)), "{first:#}");
    assert_eq!((&first["problems"], &first["scan"]["counts"]["new"]), (&json!([]), &json!(2)), "{first:#}");
    let second = estate.run(&["scans", "show", "2"]).exits(0).out;
    assert!(second.contains("incomplete") && second.contains("source main: 0 rows, not complete"), "{second}");
    assert!(second.contains("problem: source main"), "{second}");
    let listed = estate.run(&["scans", "list", "--format", "json"]).exits(0).json();
    assert!(listed[0]["counts"]["sources"].is_null() && listed[0]["counts"]["problems"].is_null(), "{listed:#}");
    estate.run(&["scans", "show", "9"]).exits(1);
}
