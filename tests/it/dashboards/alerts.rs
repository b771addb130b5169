//! The alerts: Prometheus takes them, each is tested both ways, and each tells its reader what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use super::yaml::entries;
use super::{DOCUMENTS, path, text};

/// An alert, as `alerts.yml` has it.
#[derive(Debug, Default)]
pub struct Alert {
    /// its name
    pub name: String,
    /// what it asks Prometheus for
    pub expression: String,
    /// what else it says, by key
    pub words: BTreeMap<String, String>,
}

/// The alerts in the order of the file.
pub fn alerts() -> Vec<Alert> {
    let mut found: Vec<Alert> = Vec::new();
    for (path, value) in entries("alerts.yml") {
        let Some(words) = path.strip_prefix("groups.rules.") else { continue };
        if words == "alert" {
            found.push(Alert { name: value, ..Alert::default() });
            continue;
        }
        let Some(alert) = found.last_mut() else { continue };
        let key = words.rsplit('.').next().unwrap_or_default();
        match key {
            "expr" => alert.expression = value,
            key => _ = alert.words.insert(key.to_owned(), value),
        }
    }
    found
}

/// Runs promtool, which must be content.
#[track_caller]
fn promtool(arguments: &[&str]) -> String {
    let output = Command::new("promtool").args(arguments).current_dir(path("")).output();
    let output = output.expect("promtool starts: is Debian's prometheus installed?");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

#[test]
fn prometheus_takes_the_alerts() {
    let said = promtool(&["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"]);
    assert!(said.contains(&format!("SUCCESS: {} rules found", alerts().len())), "{said}");
    let readme = text("README.md");
    assert!(readme.contains(&format!("{} alerts for Prometheus", alerts().len())), "the README counts them");
}

#[test]
fn every_alert_fires_when_it_should_and_not_else() {
    promtool(&["test", "rules", "alerts_test.yml", "alerts_week_test.yml"]);
}

#[test]
fn every_alert_is_tested_both_ways() {
    let tests = text("alerts_test.yml") + &text("alerts_week_test.yml");
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for case in tests.split("- alertname: ").skip(1) {
        let name = case.lines().next().unwrap_or_default();
        // The first test of all is a calm estate, in which every alert is silent.
        if case.contains("exp_alerts: []") {
            silent.insert(name)
        } else {
            fires.insert(name)
        };
    }
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(fires, names);
    assert_eq!(silent, names);
}

#[test]
fn every_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on() {
    for Alert { name, words, expression } in alerts() {
        assert!(name.starts_with("Keysweep") && name.chars().all(char::is_alphanumeric), "{name}");
        assert!(!expression.is_empty(), "{name}");
        assert!(["warning", "critical"].contains(&words["severity"].as_str()), "{name}");
        for key in ["summary", "description"] {
            assert!(words[key].ends_with('.'), "{name}: {key}: {}", words[key]);
        }
        assert_eq!(words["runbook_url"], format!("{DOCUMENTS}/runbooks.md#{}", name.to_lowercase()));
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks.md");
    let runbooks = fs::read_to_string(file).expect("the runbooks");
    let headings: Vec<&str> = runbooks.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts = alerts();
    assert_eq!(headings, alerts.iter().map(|alert| alert.name.as_str()).collect::<Vec<_>>());
    for section in runbooks.split("\n## ").skip(1) {
        for part in ["**Means.**", "**Look at", "o.**"] {
            assert!(section.contains(part), "{part} in: {section}");
        }
    }
}
