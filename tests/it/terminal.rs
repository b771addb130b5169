//! The program on a terminal, in a pipe and in a script: what it prints fits, is whole, and has a form for programs.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::estate::{Estate, stale_keys};
use crate::support::Ran;

/// Verbs without `--format json`, each with its reason.
const NO_FORMAT: [(&str, &str); 6] = [
    ("run", "it prints nothing; its log has telemetry.log_format"),
    ("demo", "a story for people"),
    ("completions", "a script for a shell"),
    ("man", "a page for man"),
    ("openapi", "it is a document"),
    ("config schema", "it is a document"),
];

/// Everything that can be said, as the program's own help lists it: the words of each verb that has none below it.
fn verbs(before: &[String]) -> Vec<Vec<String>> {
    let help = help(before);
    let Some((_, rest)) = help.split_once("Commands:\n") else { return vec![before.to_vec()] };
    let block = rest.split("\n\n").next().unwrap_or_default();
    let named = block.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.flat_map(|name| verbs(&[before, &[name.to_owned()]].concat())).collect()
}

fn help(verb: &[String]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_keysweep")).env_clear().args(verb).arg("--help").output();
    let ran = ran.expect("the program starts");
    assert!(ran.status.success(), "{verb:?}");
    String::from_utf8(ran.stdout).expect("UTF-8")
}

#[test]
fn every_verb_has_a_form_for_programs_or_a_reason_to_have_none() {
    let all = verbs(&[]);
    assert!(all.len() > 30, "{all:?}");
    let mut left: BTreeSet<&str> = NO_FORMAT.iter().map(|(verb, _)| *verb).collect();
    for verb in &all {
        let help = help(verb);
        let has = help.contains("--format <FORMAT>") && help.contains("json");
        let is_left_out = left.remove(verb.join(" ").as_str());
        assert!(has != is_left_out, "{verb:?}: {help}");
    }
    assert!(left.is_empty(), "no such verbs: {left:?}");
}

#[test]
fn every_form_for_programs_is_one_document() {
    let estate = stale_keys(2);
    estate.run(&["scan"]).exits(0);
    for (verb, code) in [
        (&["config", "check"][..], 0),
        (&["config", "show"], 0),
        (&["doctor"], 0),
        (&["connections", "list"], 0),
        (&["connections", "show", "c00"], 0),
        (&["credentials", "list"], 0),
        (&["findings", "list"], 0),
        (&["findings", "show", "F1"], 0),
        (&["explain", "F1"], 0),
        (&["mails", "list"], 0),
        (&["scans", "list"], 0),
        (&["scans", "show", "1"], 0),
        (&["ack", "F1"], 0),
        (&["snooze", "c01", "--for", "3d"], 0),
        (&["compromised", "c01", "--note", "seen in a paste"], 0),
        (&["inventory", "check", "main"], 0),
        (&["inventory", "accept", "main"], 0),
        (&["providers", "list"], 0),
        (&["providers", "show", "kit"], 0),
        (&["mail", "preview"], 0),
        (&["mail", "release"], 0),
        (&["mail", "sample"], 0),
        (&["mail", "test", "ops@example.org"], 0),
        (&["mail", "suppressed"], 0),
        (&["report"], 0),
        (&["audit", "verify"], 0),
        (&["migrate"], 0),
        (&["scan", "--no-probe"], 0),
    ] {
        let ran = estate.run(&[verb, &["--format", "json"]].concat()).exits(code);
        let document = ran.json();
        assert!(document.is_object() || document.is_array(), "{verb:?}: {document}");
    }
    let acked = estate.run(&["ack", "F1", "--undo", "--format", "json"]).exits(0).json();
    assert_eq!((&acked[0]["id"], &acked[0]["changed"]), (&Value::from("F1"), &Value::from(true)));
    estate.write("keysweep.toml", "[telemetry]\nlog_format = \"loud\"\n");
    let bad = estate.run(&["config", "check", "--format", "json"]).exits(78).json();
    assert_eq!((&bad["good"], &bad["problems"][0]["key"]), (&Value::from(false), &Value::from("telemetry.log_format")));
}

/// What the program prints on a terminal of this width: a real one, by util-linux's `script`.
fn on_a_terminal(estate: &Estate, arguments: &str, width: u16, more: &[(&str, &str)]) -> String {
    let line = format!("stty cols {width} rows 50; {} {arguments}", env!("CARGO_BIN_EXE_keysweep"));
    let mut command = estate.command(&[]);
    let (env, folder): (Vec<_>, _) =
        (command.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect(), estate.path(""));
    command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env_clear().current_dir(folder).stdin(Stdio::null());
    command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
    command.envs(env.into_iter().filter_map(|(k, v)| Some((k, v?)))).envs(more.iter().copied());
    let ran: Ran = command.output().expect("script of Debian's package bsdutils").into();
    ran.out.replace('\r', "")
}

/// How many columns a line takes, its colours left out.
fn columns(line: &str) -> usize {
    let mut bare = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        bare.push_str(before);
        rest = after.trim_start_matches(|c: char| c == '[' || c == ';' || c.is_ascii_digit()).get(1..).unwrap_or("");
    }
    bare.push_str(rest);
    bare.chars()
        .map(|c| if ('\u{1100}'..='\u{115f}').contains(&c) || ('\u{2e80}'..='\u{ffdc}').contains(&c) { 2 } else { 1 })
        .sum()
}

/// Rows whose names are long and wide, as far as lists for people show a name.
fn wide_estate() -> Estate {
    let estate = stale_keys(3);
    let csv = std::fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    let names = ["name", "ニュースレター配信用の接続", "a name that goes on and on", "Übergröße"];
    let lines = csv.lines().zip(names).map(|(line, name)| format!("{line},{name}\n"));
    estate.write("connections.csv", &lines.collect::<String>());
    estate.run(&["scan"]).exits(0);
    estate
}

#[test]
fn on_a_terminal_of_no_width_a_list_is_as_wide_as_the_environment_says_or_as_most_are() {
    let estate = wide_estate();
    for list in ["connections list", "findings list --all", "providers list"] {
        let usual = on_a_terminal(&estate, list, 80, &[]);
        assert_eq!(on_a_terminal(&estate, list, 0, &[]), usual, "{list}");
        let told = on_a_terminal(&estate, list, 0, &[("COLUMNS", "120")]);
        assert_eq!(told, on_a_terminal(&estate, list, 120, &[]), "{list}");
    }
    let lines = |width| on_a_terminal(&estate, "doctor", width, &[]).lines().count();
    assert!(lines(0) <= lines(80) + 2, "what the doctor says is as long as on a terminal that knows its width");
}

#[test]
fn tables_fit_the_terminal_whatever_its_width_and_are_whole_in_a_pipe() {
    let estate = wide_estate();
    for width in [40, 80, 120, 200] {
        for list in ["connections list", "credentials list", "findings list --all", "scans list", "providers list"] {
            let text = on_a_terminal(&estate, list, width, &[]);
            assert!(text.lines().count() > 2, "{list}: {text}");
            for line in text.lines() {
                assert!(
                    columns(line) <= usize::from(width),
                    "{list} at {width}: {} columns: {line}\n{text}",
                    columns(line)
                );
            }
        }
    }
    let piped = estate.run(&["connections", "list"]).exits(0).out;
    for name in ["ニュースレター配信用の接続", "a name that goes on and on", "Übergröße"] {
        assert!(piped.lines().any(|line| line.contains(name)), "{name} is whole: {piped}");
    }
    assert!(!piped.contains('\u{1b}'));
}

#[test]
fn ids_dates_and_words_stand_whole_at_eighty_columns_or_are_left_out_by_name() {
    let estate = stale_keys(3);
    let csv = std::fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    // Ids as platforms have them, and a name that takes several lines.
    let rows = csv.replace("\nc0", "\n0d9c6a5e-7f0b-4a52-9a70-00000000000");
    let lines = rows.lines().enumerate();
    let named =
        lines.map(|(at, line)| format!("{line},{}\n", if at == 0 { "name" } else { "Weekly letter to all of them" }));
    estate.write("connections.csv", &named.collect::<String>());
    estate.release();
    estate.notify();
    for (list, ids) in [
        ("findings", &["id", "severity", "rule", "connection_id"][..]),
        ("connections", &["connection_id", "account_id", "provider"]),
        ("credentials", &["credential", "provider", "liveness"]),
        ("mails", &["account_id", "state"]),
        ("scans", &["outcome"]),
    ] {
        let objects = estate.run(&[list, "list", "--format", "json"]).exits(0).json();
        let drawn = on_a_terminal(&estate, &format!("{list} list"), 80, &[]);
        let words: BTreeSet<&str> = drawn.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        for object in objects.as_array().expect("a list") {
            for id in ids.iter().map(|name| object[*name].as_str().expect("a word")) {
                assert!(words.iter().any(|word| word.ends_with(id)), "{id}: {drawn}");
            }
        }
        let headers = drawn.lines().next().unwrap_or_default();
        let is_cut = |word: &&str| word.len() > 1 && word.ends_with('-') || word.starts_with("20") && word.len() < 10;
        assert!(!words.iter().filter(|word| word.contains('-')).any(is_cut), "no date is broken: {drawn}");
        // What there is no room for is named; the last column of findings is empty here, and nobody misses it.
        let whole = estate.run(&[list, "list"]).exits(0).out;
        let all =
            whole.lines().next().unwrap_or_default().split("  ").map(str::trim).filter(|header| !header.is_empty());
        for header in all.filter(|header| !headers.contains(header)) {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let told = drawn.split_once("no room for:").map(|(_, told)| words(told));
            assert!(told.is_some_and(|told| told.contains(header)), "{list} leaves out {header}: {drawn}");
        }
    }
}

#[test]
fn colours_and_progress_are_for_terminals_and_obey_their_variables() {
    let estate = stale_keys(1);
    // A stale secret is critical, and so in red.
    let tells = |more: &[(&str, &str)]| on_a_terminal(&estate, "scan --no-probe", 100, more).contains("\u{1b}[38;5;9m");
    assert!(tells(&[]), "colours");
    assert!(!tells(&[("NO_COLOR", "1")]), "NO_COLOR");
    assert!(!tells(&[("TERM", "dumb")]), "a dumb terminal");
    let piped = estate.run(&["scan"]).exits(0);
    assert!(
        !piped.err.contains('\u{1b}') && !piped.err.contains("/s,"),
        "no bar and no colour in a pipe: {}",
        piped.err
    );
    let mut forced = estate.command(&["scan"]);
    let forced: Ran = forced.env("CLICOLOR_FORCE", "1").output().expect("the program starts").into();
    assert!(forced.err.contains("\u{1b}["), "CLICOLOR_FORCE: {}", forced.err);
}

#[test]
fn a_bar_tells_how_fast_it_goes_and_how_long_it_takes_and_makes_way_for_the_log() {
    let estate = stale_keys(100);
    let config = std::fs::read_to_string(estate.path("keysweep.toml")).expect("a configuration");
    let slow = config.replace("[providers.kit]\npace = \"unpaced\"", "[providers.kit]\npace = \"30/s\"");
    assert_ne!(slow, config);
    estate.write("keysweep.toml", &slow);
    let drawn = on_a_terminal(&estate, "scan", 100, &[]);
    let bars: Vec<&str> = drawn.split('\u{1b}').filter(|text| text.contains("/s,")).collect();
    let probing = bars.iter().any(|bar| bar.contains("probe [") && bar.contains("/100") && bar.contains(" left"));
    assert!(probing, "{drawn:?}");
    // The lines of the log stand alone: what was drawn before them is gone.
    let logged = drawn.lines().filter_map(|line| line.split_once("INFO")?.0.rsplit_once("/s,"));
    let after: Vec<&str> = logged.map(|(_, after)| after).collect();
    assert!(!after.is_empty(), "a line of the log comes behind a bar: {drawn:?}");
    assert!(after.iter().all(|after| after.contains("\u{1b}[2K")), "{after:?}");
}

#[test]
fn a_second_reading_tells_how_far_it_is_of_the_rows_of_the_first() {
    let estate = stale_keys(100);
    estate.run(&["scan", "--no-probe"]).exits(0);
    // A row that is slow to read: its secret is behind a command that takes its time.
    let config = std::fs::read_to_string(estate.path("keysweep.toml")).expect("a configuration");
    let slow = "[inventory.secret_refs]\ncommand = [\"/bin/sh\", \"-c\", \"sleep 2; cat\"]\n";
    estate.write("keysweep.toml", &format!("{config}{slow}"));
    let csv = std::fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    let lines = csv.lines().enumerate().map(|(at, line)| match at {
        0 => format!("{line},secret_ref\n"),
        1 => format!("{},encrypted:{}\n", &line[..=line.rfind(',').expect("a last cell")], "kit_00112233445566778899"),
        _ => format!("{line},\n"),
    });
    estate.write("connections.csv", &lines.collect::<String>());
    let drawn = on_a_terminal(&estate, "scan --no-probe", 100, &[]);
    let collecting = drawn.split('\u{1b}').any(|text| text.contains("collect [") && text.contains("/100"));
    assert!(collecting, "{drawn:?}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    let estate = stale_keys(30);
    estate.run(&["scan"]).exits(0);
    for verb in [
        "findings list --format jsonl",
        "connections list",
        "providers show mailjet",
        "config show",
        "completions bash",
        "man",
        "mail sample --format json",
        "--help",
    ] {
        let line = format!("{} {verb} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_keysweep"));
        let mut command = estate.command(&[]);
        let env: Vec<_> = command.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
        command = Command::new("bash");
        command
            .args(["--norc", "-c", &line])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(env)
            .current_dir(estate.path(""));
        let ran: Ran = command.output().expect("bash runs").into();
        assert_eq!((ran.out.trim(), ran.err.as_str()), ("0", ""), "{verb}");
    }
}

#[test]
fn exit_codes_are_told_in_the_help_the_manual_page_and_the_documents() {
    let documents = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md")).expect("it");
    let section =
        documents.split("## Exit codes").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let page =
        Command::new(env!("CARGO_BIN_EXE_keysweep")).env_clear().arg("man").output().expect("the program starts");
    let page = String::from_utf8(page.stdout).expect("UTF-8");
    let help = help(&[]);
    for code in ["0", "1", "2", "3", "4", "75", "78", "130"] {
        for (place, text) in [("--help", help.as_str()), ("man", page.as_str())] {
            let told = text.split("Exit codes").nth(1).unwrap_or_default();
            let words: BTreeSet<&str> = told.split(|c: char| !c.is_ascii_digit()).collect();
            assert!(words.contains(code), "{code} in {place}: {told}");
        }
        assert!(section.contains(&format!("| {code} |")), "{code} in docs/operating.md: {section}");
    }
}
