//! Lists on the command line: whole for programs, the worst first for people, and no row that could be another's.

use std::process::Stdio;

use chrono::TimeDelta;
use keysweep::demo::inbox::Behaviour;
use keysweep::demo::world::{KeyState, Simulated};
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
    estate.world.set(Simulated::Kit, None, &format!("kit_{}", hex("second")), KeyState::Live);
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
fn the_latest_mail_stands_first_and_those_that_fail_can_be_had_alone() {
    let estate = stale_keys(3);
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "retry = [\"1h\"]", "");
    let csv = std::fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    let (two, third) = csv.split_at(csv.trim_end().rfind('\n').expect("a last row") + 1);
    estate.write("connections.csv", two);
    estate.release();
    estate.notify();
    estate.inbox.behave(Behaviour::RefuseData("451 4.3.2 come back later".to_owned()));
    estate.write("connections.csv", &format!("{two}{third}"));
    estate.run(&["scan", "--notify"]);
    let mails = |more: &[&str]| estate.run(&[&["mails", "list"], more].concat()).exits(0).out;
    let first = |table: &str| table.lines().nth(2).unwrap_or_default().to_owned();
    let table = mails(&["--limit", "1"]);
    assert!(first(&table).contains("failed") && first(&table).contains("come back later"), "{table}");
    assert!(table.contains("… and 2 more"), "{table}");
    let numbers = |text: &str| {
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an object"));
        rows.map(|row| row["id"].as_i64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&mails(&["--format", "jsonl"])), [3, 2, 1]);
    assert_eq!(numbers(&mails(&["--format", "jsonl", "--state", "sent"])), [2, 1]);
    assert_eq!(numbers(&mails(&["--format", "jsonl", "--state", "failed"])), [3]);
    let sent = mails(&["--state", "sent", "--limit", "1"]);
    assert!(sent.contains("… and 1 more") && !sent.contains("failed"), "{sent}");
    estate.run(&["mails", "list", "--state", "lost"]).exits(2);
}

#[test]
fn what_is_closed_says_so_and_stands_behind_what_is_open() {
    let estate = stale_keys(3);
    estate.run(&["scan", "--no-probe"]).exits(0);
    let csv = std::fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    let gone = csv.lines().enumerate().map(|(at, line)| match at {
        0 => format!("{line},status\n"),
        1 => format!("{line},deleted\n"),
        _ => format!("{line},active\n"),
    });
    estate.write("connections.csv", &gone.collect::<String>());
    estate.run(&["scan", "--no-probe"]).exits(0);
    let all = estate.run(&["findings", "list", "--all"]).exits(0).out;
    let (header, rows) = (all.lines().next().unwrap_or_default(), all.lines().skip(2));
    assert!(header.contains("state"), "{all}");
    let states: Vec<&str> = rows.filter_map(|row| row.split_whitespace().nth(1)).collect();
    let objects = estate.run(&["findings", "list", "--all", "--format", "json"]).exits(0).json();
    let closed = objects.as_array().expect("a list").iter().filter(|one| one["state"] == "closed").count();
    assert!(closed > 0 && states.len() > closed, "{all}");
    assert!(states[states.len() - closed..].iter().all(|state| *state == "closed"), "{all}");
    assert!(states[..states.len() - closed].iter().all(|state| *state == "open"), "{all}");
    for shown in [1, states.len() - closed] {
        let some = estate.run(&["findings", "list", "--all", "--limit", &shown.to_string()]).exits(0).out;
        assert!(some.contains(&format!("… and {} more", states.len() - shown)), "{shown}: {some}");
    }
    let open = estate.run(&["findings", "list"]).exits(0).out;
    assert!(!open.contains("closed") && !open.contains("state"), "{open}");
}

#[test]
fn a_source_that_the_configuration_no_longer_names_is_complained_of_no_more() {
    let estate = stale_keys(1);
    estate.write("connections.csv", "connection_id,account_id,provider\nc1,a,nobody\n");
    estate.run(&["scan", "--no-probe"]).exits(0);
    std::fs::remove_file(estate.path("connections.csv")).expect("the inventory");
    let before = estate.run(&["scan", "--no-probe", "--format", "json"]).exits(4).json();
    assert!(before["problems"].to_string().contains("source main"), "{before:#}");
    let config = std::fs::read_to_string(estate.path("keysweep.toml")).expect("a configuration");
    estate.write("keysweep.toml", &config.replace("\"main\"", "\"other\"").replace("connections.csv", "second.csv"));
    estate.write("second.csv", "connection_id,account_id,provider\nc1,a,kit\nc2,a,nobody\n");
    let ran = estate.run(&["scan", "--no-probe"]).exits(0);
    let told = |words: &str| ran.err.contains(words);
    assert!(told("quarantined: other row 3") && !told("main row") && !told("source main"), "{}", ran.err);
    let scan = estate.run(&["scan", "--no-probe", "--format", "json"]).exits(0).json();
    assert_eq!((&scan["counts"]["quarantined"], &scan["scan"]["counts"]["quarantined"]), (&json!(1), &json!(1)));
    assert!(!scan["quarantined"].to_string().contains("main") && !scan["problems"].to_string().contains("main"));
    let then = estate.run(&["scan", "--as-of", "2999-01-01", "--format", "json"]).exits(0).json();
    assert_eq!(then["counts"]["quarantined"], 1);
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
fn findings_can_be_narrowed_and_a_name_that_there_is_not_is_a_mistake() {
    let estate = stale_keys(3);
    second_source(&estate);
    estate.run(&["scan", "--no-probe"]).exits(0);
    let all = estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
    let all = all.as_array().expect("a list").clone();
    for (flag, field, value) in [
        ("--rule", "rule", "secret-stale"),
        ("--severity", "severity", "critical"),
        ("--account", "account_id", "a00"),
        ("--source", "source", "second"),
    ] {
        let found = estate.run(&["findings", "list", flag, value, "--format", "json"]).exits(0).json();
        let wanted: Vec<&Value> = all.iter().filter(|row| row[field] == value).collect();
        assert!(!wanted.is_empty(), "{flag} {value}: {all:#?}");
        assert_eq!(found.as_array().expect("a list").iter().collect::<Vec<_>>(), wanted, "{flag} {value}");
    }
    let table = estate.run(&["findings", "list", "--rule", "secret-stale", "--limit", "1"]).exits(0).out;
    let stale = all.iter().filter(|row| row["rule"] == "secret-stale").count();
    assert!(table.contains(&format!("{} more", stale - 1)), "{table}");
    for wrong in [["--rule", "no-rule"], ["--account", "nobody"], ["--source", "nowhere"]] {
        estate.run(&["findings", "list", wrong[0], wrong[1]]).exits(2);
    }
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
    // Each of the two accounts `a00` has an owner, and each owner a mail.
    estate.release();
    estate.run(&["scan", "--notify"]);
    let mails = estate.run(&["mails", "list"]).exits(0).out;
    let objects = estate.run(&["mails", "list", "--format", "json"]).exits(0).json();
    let sheet = estate.run(&["mails", "list", "--format", "csv"]).exits(0).out;
    for source in ["main", "second"] {
        let has = |text: &str| text.lines().any(|line| line.contains(source) && line.contains("a00"));
        assert!(has(&mails) && has(&sheet), "{source}: {mails}{sheet}");
        let mail = objects.as_array().expect("a list").iter().find(|mail| mail["source"] == source).expect("its mail");
        let shown = estate.run(&["mails", "show", &mail["id"].to_string()]).exits(0).out;
        assert!(shown.lines().any(|line| line.starts_with("source") && line.ends_with(source)), "{shown}");
    }
}

/// What a form for programs has by dotted names, but for what has no cell of its own.
fn facts(object: &Value, before: &str, into: &mut Vec<(String, String)>) {
    let words = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (name, value) in object.as_object().expect("an object") {
        let name = format!("{before}{name}");
        match value {
            _ if ["evidence", "last_answer"].contains(&name.as_str()) => {}
            Value::Object(_) => facts(value, &format!("{name}."), into),
            Value::Array(list) => into.push((name, list.iter().map(words).collect::<Vec<_>>().join(" "))),
            Value::Null => into.push((name, String::new())),
            other => into.push((name, words(other))),
        }
    }
}

#[test]
fn a_sheet_has_a_cell_for_each_fact_by_the_names_of_the_json() {
    let estate = stale_keys(2);
    second_source(&estate);
    let csv = std::fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    estate.write("connections.csv", &format!("{csv}bare,a00,kit,,\n"));
    let config = std::fs::read_to_string(estate.path("keysweep.toml")).expect("a configuration");
    let exempt = "[[policy.exempt]]\nrules = [\"secret-stale\"]\naccount = \"a01\"\nreason = \"it moves\"\nuntil = \"2099-03-31\"\n";
    estate.write("keysweep.toml", &format!("{config}\n{exempt}"));
    estate.release();
    estate.run(&["scan", "--notify"]);
    let mut stand_ins = 0;
    for list in ["findings", "connections", "credentials", "mails", "scans"] {
        let sheet = estate.run(&[list, "list", "--format", "csv"]).exits(0).out;
        let mut reader = csv::Reader::from_reader(sheet.as_bytes());
        let headers = reader.headers().expect("a header").clone();
        let objects = estate.run(&[list, "list", "--format", "json"]).exits(0).json();
        let objects = objects.as_array().expect("a list");
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
        assert!(!rows.is_empty() && rows.len() == objects.len(), "{list}: {sheet}");
        for (row, object) in rows.iter().zip(objects) {
            let mut told = Vec::new();
            facts(object, "", &mut told);
            stand_ins += usize::from(object["placeholder"] == true);
            for (name, fact) in told {
                // What is not there has no names within.
                let is_in_parts =
                    fact.is_empty() && headers.iter().any(|header| header.starts_with(&format!("{name}.")));
                let cell = headers.iter().position(|header| *header == name).and_then(|at| row.get(at));
                assert!(is_in_parts || cell == Some(fact.as_str()), "{list} {name}, {fact}: {sheet}");
            }
        }
    }
    assert!(stand_ins > 0, "a row without a secret");
    let table = estate.run(&["credentials", "list"]).exits(0).out;
    assert_eq!(table.matches("no secret").count(), stand_ins, "{table}");
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
    let opened = |document: &Value| {
        let findings = document["findings"].as_array().expect("a list").iter();
        let mut opened: Vec<_> = findings.map(|f| (f["id"].to_string(), f["opened_at"].clone())).collect();
        opened.sort_by(|one, other| one.0.cmp(&other.0));
        opened
    };
    assert_eq!(opened(&then), opened(&scan), "what is open has been so since it opened");
    let names = |document: &Value| document.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&then), names(&scan));
    estate.run(&["scan", "--as-of", "2027"]).exits(2);
    estate.run(&["report", "--since", "20260701"]).exits(2);
    let day = estate.run(&["scan", "--as-of", "2999-01-01", "--format", "json"]).exits(0).json();
    assert_eq!(day["scan"]["as_of"], "2999-01-01T00:00:00Z");
    let (known, new): (Vec<_>, Vec<_>) = opened(&day).into_iter().partition(|(id, _)| id != "null");
    assert_eq!(known, opened(&scan));
    assert!(new.iter().all(|(_, opened)| opened == "2999-01-01T00:00:00Z"), "{new:?}");
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
