//! What Prometheus is shown of a real scan: nothing that is anybody's, and nothing that its own tool complains of.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::TimeDelta;
use keysweep::app::scan::ScanOptions;
use keysweep::app::{App, SystemClock};
use keysweep::config;
use keysweep::demo::world::{KeyState, Simulated};
use keysweep::ports::Quiet;
use keysweep::ports::activation::Job;
use keysweep::ports::health::JobState;
use keysweep::providers::Catalogue;
use keysweep::telemetry::metrics::{Metrics, OTHER};

use crate::estate::{Estate, stale_keys};
use crate::support::{MASTER_KEY, ago, hex};

/// What marks everything that is somebody's: secrets, public halves, accounts, members, addresses, names and tags.
const CANARY: &str = "c4nary";

/// An estate in which everything is somebody's, with keys in every state that a provider can be in, an open one and a
/// deleted one each.
fn awkward_estate() -> Estate {
    let estate = Estate::new();
    let states = [
        KeyState::Live,
        KeyState::Refused,
        KeyState::Limited,
        KeyState::RateLimited { retry_after: Some(1) },
        KeyState::ServerError,
        KeyState::HtmlForbidden,
        KeyState::Garbage,
    ];
    let (set_at, deleted_at) = (ago(TimeDelta::days(400)), ago(TimeDelta::days(2)));
    let mut people = "account_id,member_id,email\n".to_owned();
    let mut rows =
        "connection_id,account_id,provider,name,status,deleted_at,secret_set_at,created_by,key_id,secret,tags\n"
            .to_owned();
    for at in Simulated::ALL {
        let provider = at.name();
        for (number, state) in states.iter().enumerate() {
            for status in ["active", "deleted"] {
                let id = format!("{CANARY}-{provider}-{number}-{status}");
                let secret = format!("{}{CANARY}{}", if provider == "kit" { "kit_" } else { "" }, &hex(&id)[..26]);
                let key_id = if provider == "mailjet" { format!("{CANARY}{}", &hex(&id)[6..]) } else { String::new() };
                estate.world.set(at, (provider == "mailjet").then_some(key_id.as_str()), &secret, state.clone());
                let deleted_at = if status == "deleted" { &deleted_at } else { "" };
                writeln!(people, "{id}-account,{id}-member,{id}@{CANARY}.example.org").expect("memory");
                writeln!(
                    rows,
                    "{id},{id}-account,{provider},{CANARY} list,{status},{deleted_at},{set_at},{id}-member,{key_id},{secret},{CANARY}"
                )
                .expect("memory");
            }
        }
    }
    writeln!(rows, "{CANARY}-bad,{CANARY}-account,{CANARY}-provider,,,,,,,{CANARY},").expect("memory");
    estate.write("people.csv", &people);
    estate.write("connections.csv", &rows);
    // However slow the machine is, no refusal is confirmed meanwhile.
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    estate.write("keysweep.toml", &text.replace("confirm_gap = \"300ms\"", "confirm_gap = \"1h\""));
    estate
}

/// What is exported after some scans that mail.
fn exported(estate: &Estate) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
        let env = [("KEYSWEEP_MASTER_KEY".to_owned(), MASTER_KEY.to_owned())];
        let catalogue = Catalogue::shipped().expect("the catalogue");
        let source = config::Source { name: "keysweep.toml", text: &text };
        let read = config::read(Some(source), estate.folder.path(), &env, &catalogue.names());
        let app = App::open(read.expect("settings").0, &env, SystemClock, None).await.expect("a keysweep");
        let metrics = Arc::new(Metrics::new(app.configured()).expect("metrics"));
        let app = app.metered(Arc::<Metrics>::clone(&metrics));
        for _ in 0..2 {
            app.scan(ScanOptions { probe: true, notify: true }, &Quiet).await.expect("a scan");
        }
        app.refresh(&metrics).await.expect("an overview");
        let now = Some(app.now());
        for job in Job::ALL {
            metrics.schedule(job, JobState { running_since: None, last_run: now, last_success: now, next: now });
        }
        app.ledger.close().await;
        metrics.render()
    })
}

/// The sum of a family's samples whose labels have all of these.
fn sum(text: &str, family: &str, labels: &[&str]) -> f64 {
    let of_family = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(family));
    let fitting = of_family.filter(|line| labels.iter().all(|label| line.contains(label)));
    fitting.map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a value")).sum()
}

/// What a tool of Prometheus says of `input`, and whether it is content.
fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut tool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool of Debian's package prometheus: tests/run installs it");
    tool.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    let said = tool.wait_with_output().expect("it ends");
    let words = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (said.status.success(), words)
}

#[test]
fn a_scan_is_seen_in_the_metrics_and_nothing_that_is_anybodys() {
    let estate = awkward_estate();
    estate.release();
    let text = exported(&estate);
    assert!(!text.contains(CANARY) && !text.contains('@') && !text.contains("example"), "{text}");
    assert!(!text.contains(OTHER), "every provider is of the catalogue: {text}");
    for (family, labels, expected) in [
        ("keysweep_connections", &["provider=\"kit\"", "status=\"active\""][..], 7.0),
        ("keysweep_connections", &["status=\"deleted\""], 21.0),
        ("keysweep_credentials", &[], 42.0),
        ("keysweep_credentials_by_age", &["band=\"over-365d\""], 21.0),
        ("keysweep_source_up", &["source=\"main\""], 1.0),
        ("keysweep_source_rows", &[], 43.0),
        ("keysweep_source_quarantined_rows", &[], 1.0),
        ("keysweep_policy_max_age_seconds", &["provider=\"mailjet\""], 90.0 * 86_400.0),
        ("keysweep_stage_duration_seconds_count", &["stage=\"notify\""], 2.0),
    ] {
        assert_eq!(sum(&text, family, labels), expected, "{family} {labels:?}\n{text}");
    }
    for (family, labels) in [
        ("keysweep_probes_total", &["provider=\"convertkit\"", "outcome=\"accepted\""][..]),
        ("keysweep_probes_total", &["provider=\"mailjet\"", "protocol=\"smtp\"", "outcome=\"unknown\""]),
        ("keysweep_probe_unknown_total", &["reason=\"rate_limited\""]),
        ("keysweep_probe_duration_seconds_count", &["provider=\"kit\""]),
        ("keysweep_transitions_total", &["to=\"live\""]),
        ("keysweep_mails_total", &["outcome=\"sent\""]),
        ("keysweep_outbox_mails", &["state=\"sent\""]),
        ("keysweep_findings_open", &["rule=\"secret-stale\"", "severity=\"critical\""]),
        ("keysweep_findings_open", &["rule=\"revocation-missing\""]),
        ("keysweep_tombstones", &["provider=\"kit\""]),
        ("keysweep_tombstone_oldest_timestamp_seconds", &["provider=\"kit\""]),
        ("keysweep_ledger_size_bytes", &[]),
    ] {
        assert!(sum(&text, family, labels) > 0.0, "{family} {labels:?}\n{text}");
    }
    // Whether a refusal is believed or held depends on how many of the others were heard before it.
    let refused = sum(&text, "keysweep_transitions_total", &["to=\"suspect\""]);
    assert!(refused + sum(&text, "keysweep_held_transitions_total", &[]) > 0.0, "{text}");
    let (content, said) = promtool(&["check", "metrics"], &text);
    assert!(content && said.is_empty(), "{said}");
}

#[test]
fn a_provider_and_a_mail_server_that_do_not_answer_are_seen_not_to() {
    let estate = stale_keys(12);
    estate.release();
    estate.configure("smtp://127.0.0.1:1", "", "");
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    estate
        .write("keysweep.toml", &text.replace(&estate.world.address(Simulated::Kit).to_string(), "http://127.0.0.1:1"));
    let text = exported(&estate);
    for (family, labels, expected) in [
        ("keysweep_provider_answering", &["provider=\"kit\""][..], 0.0),
        ("keysweep_provider_answering", &["provider=\"mailjet\""], 1.0),
        ("keysweep_mails_total", &["outcome=\"sent\""], 0.0),
    ] {
        assert_eq!(sum(&text, family, labels), expected, "{family} {labels:?}\n{text}");
    }
    // Some were at the door when nobody opened; the others wait, and no try is counted against them.
    let [tried, waiting] =
        ["failed", "planned"].map(|state| sum(&text, "keysweep_outbox_mails", &[&format!("state=\"{state}\"")]));
    assert!(tried > 0.0 && waiting > 0.0 && (tried + waiting - 12.0).abs() < 0.5, "{tried} and {waiting}\n{text}");
    for (family, labels) in [
        ("keysweep_probes_total", &["protocol=\"rest\"", "outcome=\"unknown\""][..]),
        ("keysweep_probe_unknown_total", &["reason=\"connect\""]),
        ("keysweep_mails_total", &["outcome=\"failed\""]),
        ("keysweep_outbox_oldest_timestamp_seconds", &[]),
    ] {
        assert!(sum(&text, family, labels) > 0.0, "{family} {labels:?}\n{text}");
    }
}

#[test]
fn a_provider_that_has_too_few_keys_to_be_given_up_over_is_not_said_to_answer_either() {
    let estate = stale_keys(3);
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    estate
        .write("keysweep.toml", &text.replace(&estate.world.address(Simulated::Kit).to_string(), "http://127.0.0.1:1"));
    estate.release();
    let text = exported(&estate);
    assert_eq!(sum(&text, "keysweep_provider_answering", &["provider=\"kit\""]), 0.0, "{text}");
    assert_eq!(sum(&text, "keysweep_credentials", &["provider=\"kit\""]), 3.0, "{text}");
}

/// The queries on the page of metrics, one a row.
pub fn examples() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards/metrics.md");
    let page = fs::read_to_string(page).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_end_matches("` |").rsplit("| `").next().expect("a cell").replace("\\|", "|")).collect()
}

#[test]
fn every_query_on_the_page_of_metrics_is_one() {
    let rules: Vec<serde_json::Value> = examples()
        .into_iter()
        .enumerate()
        .map(|(at, query)| serde_json::json!({"record": format!("query{at}"), "expr": query}))
        .collect();
    assert!(rules.len() > 40);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("queries.json"); // which YAML reads too
    let groups = serde_json::json!({"groups": [{"name": "page", "rules": rules}]});
    fs::write(&file, groups.to_string()).expect("a file");
    let (content, said) = promtool(&["check", "rules", &file.display().to_string()], "");
    assert!(content, "{said}");
}

#[test]
fn single_connections_have_series_where_they_are_asked_for_and_never_more_than_allowed() {
    let estate = stale_keys(5);
    let telemetry = "[telemetry]\nper_connection = \"all\"\nper_connection_limit = 2\nledger_limit = \"64MiB\"";
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", telemetry);
    let text = exported(&estate);
    for family in
        ["keysweep_connection_finding_since_timestamp_seconds", "keysweep_connection_secret_since_timestamp_seconds"]
    {
        let series: Vec<&str> = text.lines().filter(|line| line.starts_with(family)).collect();
        assert_eq!(series.len(), 2, "{text}");
        for (series, connection) in series.iter().zip(["c00", "c01"]) {
            assert!(series.contains(&format!("connection=\"{connection}\"")), "{series}");
            assert!(series.contains("account=\"a0") && series.contains("source=\"main\""), "{series}");
        }
    }
    for (family, labels, expected) in [
        ("keysweep_metrics_dropped_connections", &["series=\"findings\""][..], 3.0),
        ("keysweep_metrics_dropped_connections", &["series=\"secrets\""], 3.0),
        ("keysweep_findings_by_age", &["rule=\"secret-stale\"", "band=\"0-7d\""], 5.0),
        ("keysweep_ledger_limit_bytes", &[], 67_108_864.0),
    ] {
        assert_eq!(sum(&text, family, labels), expected, "{family} {labels:?}\n{text}");
    }
}
