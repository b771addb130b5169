//! Every panel draws something: a real Prometheus scrapes the demo and is asked what Grafana would ask it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use url::form_urlencoded::byte_serialize;

use super::prometheus::{Prometheus, ask};
use super::{Board, Panel, alerts};
use crate::estate::wait_for;

/// Panels that are empty while all is well, each with the reason.
const MAY_BE_EMPTY: [(&str, &str); 5] = [
    ("daemon: Oldest mail waiting", "no mail waits"),
    ("daemon: Oldest mail waiting, over time", "no mail waits"),
    ("daemon: Events by outcome", "no source of the demo takes events"),
    ("daemon: Since the last event", "likewise"),
    ("remediation: The first of them is open again in", "nothing is accepted in the demo"),
];

/// Something that happened within the last minute.
const JUST_NOW: &str = "[1m]";

/// The demo after its story, with the daemon that goes on with it. It ends with this value.
struct Demo {
    program: Child,
    home: PathBuf,
    address: SocketAddr,
    token: String,
    _folder: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder");
        let home = folder.path().join("demo");
        let mut program = Command::new(env!("CARGO_BIN_EXE_keysweep"))
            .args(["demo", "--keep"])
            .arg(&home)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // Read to its end, so that the demo never waits for its reader.
        let story = BufReader::new(program.stdout.take().expect("a pipe"));
        thread::spawn(move || story.lines().count());
        let token = || fs::read_to_string(home.join("http.token")).ok().filter(|token| !token.is_empty());
        let token = wait_for("the demo has a token", token);
        let address = wait_for("the demo has an address", || listens(&home.join("keysweep.toml")));
        let well = || ask(address, "GET", "/healthz", "").ok().filter(|(code, _)| *code == 200);
        wait_for("the demo serves", well);
        Self { program, home, address, token, _folder: folder }
    }

    /// A customer connects a key that its provider doesn't know, and keysweep is asked to look.
    fn goes_on(&self) {
        let file = self.home.join("connections.csv");
        let inventory = fs::read_to_string(&file).expect("the inventory");
        let columns = inventory.lines().next().expect("a head").split(',');
        let cells: Vec<&str> = columns
            .map(|column| match column {
                "connection_id" => "c-new",
                "account_id" => "a-new",
                "provider" => "kit",
                "status" => "active",
                "secret" => "kit_0123456789abcdef0123456789abcdef",
                _ => "",
            })
            .collect();
        let next = self.home.join("next.csv");
        fs::write(&next, format!("{}\n{}\n", inventory.trim_end(), cells.join(","))).expect("a file");
        fs::rename(next, file).expect("a file");
        let (code, body) = ask(self.address, "POST", "/api/v1/scan", &self.bearer()).expect("an answer");
        assert_eq!(code, 202, "{body}");
    }

    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.program.kill().expect("a child");
        self.program.wait().expect("a child");
    }
}

/// The address that a configuration listens on.
fn listens(configuration: &Path) -> Option<SocketAddr> {
    let text = fs::read_to_string(configuration).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("listen = \""))?;
    line.trim_end_matches('"').parse().ok()
}

/// A query as Grafana sends it, with everything chosen and a step as long as the test.
fn filled(query: &str) -> String {
    let steps = JUST_NOW.replace(']', ":1s]");
    let query = query.replace("[$__rate_interval]", JUST_NOW).replace("[$__range:5m]", &steps);
    let chosen = ["$job", "$instance", "$provider", "$source", "$account"];
    let filled = chosen.iter().fold(query, |query, name| query.replace(name, ".+"));
    assert!(!filled.contains('$'), "a variable that Grafana would not know: {filled}");
    filled
}

/// What a panel draws: the samples of all its queries, as far as they are numbers.
fn drawn(prometheus: &Prometheus, panel: &Panel<'_>) -> Result<Vec<f64>, String> {
    let mut samples = Vec::new();
    for query in panel.expressions().map(filled) {
        samples.extend(prometheus.query(&query).map_err(|error| format!("{}: {query}: {error}", panel.name()))?);
    }
    samples.retain(|sample| !sample.is_nan());
    Ok(samples)
}

/// What is wrong with the variables: one that offers nothing to choose.
fn wrong_variables(prometheus: &Prometheus) -> Vec<String> {
    let mut wrong = Vec::new();
    for board in Board::all() {
        for variable in board.variables().iter().filter(|variable| variable["type"] == "query") {
            let query = variable["query"].as_str().and_then(|query| query.strip_prefix("label_values("));
            let (of, label) = query.and_then(|query| query.trim_end_matches(')').rsplit_once(", ")).expect("a label");
            let of: String = byte_serialize(filled(of).as_bytes()).collect();
            let document = prometheus.document(&format!("/api/v1/label/{label}/values?match[]={of}"));
            if document["data"].as_array().is_none_or(Vec::is_empty) {
                wrong.push(format!("{}: {label}: {document}", board.name));
            }
        }
    }
    wrong
}

/// What is wrong with the panels: a query that is refused, nothing to draw, or an excuse that isn't needed.
fn wrong_panels(prometheus: &Prometheus) -> Vec<String> {
    let mut wrong = Vec::new();
    for board in Board::all() {
        for panel in board.panels() {
            let excused = MAY_BE_EMPTY.iter().any(|(name, _)| *name == panel.name());
            match drawn(prometheus, &panel) {
                Ok(samples) if samples.is_empty() != excused => wrong.push(format!("{}: {samples:?}", panel.name())),
                Ok(_) => {}
                Err(error) => wrong.push(error),
            }
        }
    }
    wrong
}

/// What is wrong with the examples of `metrics.md`: one that Prometheus refuses. Most have nothing to say while all is well.
fn wrong_examples(prometheus: &Prometheus) -> Vec<String> {
    let examples = crate::metrics::examples();
    assert!(examples.len() > 40, "the page is read: {}", examples.len());
    let refused = |query: &String| prometheus.query(query).err().map(|error| format!("metrics.md: {query}: {error}"));
    examples.iter().filter_map(refused).collect()
}

#[test]
fn every_panel_draws_something_of_the_demo_every_example_is_answered_and_no_alert_fires() {
    let demo = Demo::start();
    let prometheus = Prometheus::of_two_ledgers(demo.address, &demo.token);
    let until = |what: &str, query: &str| {
        wait_for(what, || prometheus.query(query).ok().filter(|samples| samples.first() == Some(&1.0)));
    };
    // Counters are seen to grow only once they have been seen.
    until("the demo is scraped", "count_over_time(keysweep_build_info[1m]) >bool 2");
    until("the demo has looked once", "keysweep_schedule_last_success_timestamp_seconds{schedule=\"scan\"} >bool 0");
    demo.goes_on();
    until("a new key is asked about", "sum(increase(keysweep_probes_total{provider=\"kit\"}[1m])) >bool 0");
    until("its scan is over", "sum(increase(keysweep_jobs_total{schedule=\"scan\"}[1m])) >bool 0");
    // On a busy machine a scrape may be late, and what is drawn at that instant is empty: what is wrong stays so.
    let look = || [wrong_panels(&prometheus), wrong_variables(&prometheus), wrong_examples(&prometheus)].concat();
    let wrong = (0..5).map(|_| look()).find(Vec::is_empty).unwrap_or_else(look);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let document = prometheus.document("/api/v1/rules");
    let groups = document["data"]["groups"].as_array().expect("groups").iter();
    let rules: Vec<_> = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten()).collect();
    assert_eq!(rules.len(), alerts::alerts().len());
    for rule in rules {
        assert_eq!((&rule["health"], &rule["lastError"]), (&"ok".into(), &serde_json::Value::Null), "{rule}");
        assert_ne!(rule["state"], "firing", "{rule}");
    }
}
