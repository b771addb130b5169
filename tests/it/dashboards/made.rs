//! The dashboards are made: `dashboards/source/*.toml` is for people, and what Grafana takes is made of it here.
//!
//! `KEYSWEEP_MAKE_DASHBOARDS=1 cargo nextest run dashboards::made` writes the files anew.

mod frame;
mod panel;

use std::fs;

use serde::Deserialize;

use super::{BOARDS, path, text};

/// Set, it has the files written instead of only compared.
const SETTING: &str = "KEYSWEEP_MAKE_DASHBOARDS";

/// A dashboard, as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    /// its name
    title: String,
    /// in a sentence
    about: String,
    /// where its time begins at first, as Grafana writes it
    from: String,
    /// how often it is drawn anew
    refresh: String,
    /// what can be chosen at the top, beside data source, job, instance and provider
    #[serde(default)]
    choose: Vec<Choice>,
    /// in the order of reading
    panel: Vec<PanelSource>,
}

/// One more thing that can be chosen at the top.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    /// the label
    name: String,
    /// in a few words
    about: String,
    /// the series that have it
    of: String,
}

/// A panel. What is not said is as it is for most.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PanelSource {
    /// the heading of the row that begins here
    row: Option<String>,
    /// Grafana's kind of panel
    kind: String,
    title: String,
    /// what it means, in a sentence or two
    about: String,
    /// width, of 24, and height
    size: [u64; 2],
    #[serde(default = "plain")]
    unit: String,
    decimals: Option<u64>,
    max: Option<f64>,
    /// the shortest step of a graph
    every: Option<String>,
    /// what stands there instead of nothing
    empty: Option<String>,
    /// a colour, then a colour and from where on it holds
    #[serde(default)]
    limits: Vec<String>,
    /// colours and words for 0 and 1
    #[serde(default)]
    states: Vec<String>,
    /// a graph's way: `line`, `stack` or `bars`
    #[serde(default)]
    draw: Draw,
    /// `table`: beside a graph; else below it
    legend: Option<String>,
    /// `name`: a figure shows what the series is called
    text: Option<String>,
    /// the colours of series by their names, or by a pattern between slashes
    #[serde(default)]
    colours: Vec<[String; 2]>,
    /// a series that is a limit, by name or pattern
    dashed: Option<String>,
    /// a table's labels
    #[serde(default)]
    by: Vec<String>,
    /// the column that a table is sorted by, and `up` or `down`
    sort: Option<String>,
    /// where a click on a column leads
    #[serde(default)]
    leads: Vec<[String; 3]>,
    /// the alerts that it has to do with
    #[serde(default)]
    runbooks: Vec<String>,
    ask: Vec<Ask>,
}

/// A way to draw a graph.
#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Draw {
    #[default]
    Line,
    Stack,
    Bars,
}

/// A query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// PromQL, with the shorthands of [`filled`]
    expr: String,
    /// how its series are called
    legend: Option<String>,
    /// a table's column, with its unit, limits and states
    column: Option<String>,
    unit: Option<String>,
    #[serde(default)]
    limits: Vec<String>,
    #[serde(default)]
    states: Vec<String>,
}

fn plain() -> String {
    "none".to_owned()
}

/// Writes the shorthands out: `@` between braces is what is chosen as job and instance, `@provider`, `@source` and `@account`
/// also that, each with those before it; `once(` counts what all replicas say of one ledger once.
fn filled(query: &str) -> String {
    const HERE: &str = r#"{job=~"$job", instance=~"$instance""#;
    let query = query.replace("{@account", r#"{@source, account=~"$account""#);
    let query = query.replace("{@source", r#"{@provider, source=~"$source""#);
    let query = query.replace("{@provider", &format!(r#"{HERE}, provider=~"$provider""#));
    query.replace("{@", HERE).replace("once(", "max without (instance, pod) (")
}

/// The dashboard as Grafana takes it.
fn made(name: &str) -> String {
    let source: Source = toml::from_str(&text(&format!("source/{name}.toml"))).expect("a dashboard's source");
    let json = frame::board(name, &source);
    serde_json::to_string_pretty(&json).expect("JSON") + "\n"
}

#[test]
fn the_dashboards_are_what_their_sources_make() {
    for name in BOARDS {
        let (file, made) = (format!("{name}.json"), made(name));
        if std::env::var_os(SETTING).is_some() {
            fs::write(path(&file), &made).expect("a file");
        }
        let same = fs::read_to_string(path(&file)).is_ok_and(|text| text == made);
        assert!(
            same,
            "{file} is another: change source/{name}.toml, then {SETTING}=1 cargo nextest run dashboards::made"
        );
    }
}

#[test]
fn every_source_is_a_dashboard() {
    let mut names: Vec<String> = fs::read_dir(path("source"))
        .expect("the sources")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().replace(".toml", ""))
        .collect();
    names.sort();
    let mut boards = BOARDS.to_vec();
    boards.sort_unstable();
    assert_eq!(names, boards);
}
