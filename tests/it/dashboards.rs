//! The dashboards and alerts: in Grafana's own form, by the rules of its linter, about metrics that there are, with
//! alerts that fire when they should.

mod alertmanager;
mod alerts;
mod layout;
mod linter;
mod made;
mod prometheus;
mod promql;
mod provisioned;
mod queries;
mod recipe;
mod schema;
mod served;
mod yaml;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The dashboards, without the end of their files' names.
const BOARDS: [&str; 4] = ["estate", "remediation", "daemon", "account"];
/// Where the documents are, as long as nobody has said where theirs are.
const DOCUMENTS: &str = "https://example.org/keysweep/docs";
/// Where keysweep's own page is, likewise.
const PAGE: &str = "http://127.0.0.1:9184";
/// The width of every dashboard of Grafana, in its own unit.
const WIDTH: u64 = 24;

/// A file of `dashboards/`.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards").join(name)
}

/// Its text.
fn text(name: &str) -> String {
    fs::read_to_string(path(name)).expect("a file of dashboards/")
}

/// A dashboard.
struct Board {
    name: &'static str,
    json: Value,
}

impl Board {
    /// All of them.
    fn all() -> Vec<Self> {
        let read = |name| {
            let json = serde_json::from_str(&text(&format!("{name}.json"))).expect("a dashboard is JSON");
            Self { name, json }
        };
        BOARDS.into_iter().map(read).collect()
    }

    /// What it shows, rows included, in order.
    fn items(&self) -> &[Value] {
        self.json["panels"].as_array().expect("a list of panels")
    }

    /// What it shows, without the rows that part it.
    fn panels(&self) -> impl Iterator<Item = Panel<'_>> {
        let panels = self.items().iter().filter(|item| item["type"] != "row");
        panels.map(|json| Panel { board: self.name, json })
    }

    /// Its variables.
    fn variables(&self) -> &[Value] {
        self.json["templating"]["list"].as_array().expect("a list of variables")
    }
}

/// One panel of a dashboard.
struct Panel<'a> {
    board: &'static str,
    json: &'a Value,
}

impl Panel<'_> {
    fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap_or_default()
    }

    /// For people who read why a test failed.
    fn name(&self) -> String {
        format!("{}: {}", self.board, self.title())
    }

    fn title(&self) -> &str {
        self.json["title"].as_str().unwrap_or_default()
    }

    fn targets(&self) -> &[Value] {
        self.json["targets"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// What it asks Prometheus for, as it stands in the file.
    fn expressions(&self) -> impl Iterator<Item = &str> {
        self.targets().iter().map(|target| target["expr"].as_str().unwrap_or_default())
    }
}
