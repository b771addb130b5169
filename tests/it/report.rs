//! Reports: what auditors, spreadsheets and other systems are given, from the ledger that the demo leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keysweep::domain::finding::RuleName;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Settings, Site};

/// The demo's ledger, when its story is told.
struct Estate(TempDir);

impl Estate {
    fn told() -> Self {
        let estate = Self(tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a folder"));
        let told = program().args(["demo", "--once", "--keep"]).arg(estate.home()).output().expect("the program runs");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        estate
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("kept")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        program().arg("--config").arg(self.home().join("keysweep.toml")).args(arguments).output().expect("it runs")
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn document(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).expect("a document")
    }

    fn rows(&self, arguments: &[&str]) -> Vec<std::collections::HashMap<String, String>> {
        let text = self.text(arguments);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(|row| row.expect("a row of as many cells as columns")).collect()
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keysweep"));
    command.env("NO_COLOR", "1");
    command
}

/// A Python that has what `tests/python.txt` names.
pub fn python() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let output = Command::new(script).output().expect("tests/python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

#[test]
fn every_form_of_a_report_tells_of_the_same_findings_and_of_no_secret() {
    let estate = Estate::told();
    let rows = estate.rows(&["report", "--format", "csv"]);
    let pack = estate.document(&["report", "--format", "json"]);
    let detections = estate.document(&["report", "--format", "ocsf"]);
    let (findings, detections) = (pack["findings"].as_array().expect("a list"), detections.as_array().expect("a list"));
    assert!(rows.len() >= RuleName::ALL.len(), "the demo shows every rule");
    let ids = |of: &dyn Fn(usize) -> String| (0..rows.len()).map(of).collect::<Vec<_>>();
    let in_rows = ids(&|n| rows[n]["finding"].clone());
    assert_eq!(in_rows, ids(&|n| findings[n]["finding"]["id"].as_str().expect("a name").to_owned()));
    let uid = |n: usize| detections[n]["finding_info"]["uid"].as_str().expect("a name").to_owned();
    assert_eq!(in_rows, ids(&|n| uid(n).split_once('/').expect("the ledger's name before it").1.to_owned()));
    assert_eq!((findings.len(), detections.len()), (rows.len(), rows.len()));
    let open = rows.iter().filter(|row| row["state"] == "open").count() as u64;
    let counted: u64 =
        pack["owasp_nhi"].as_array().expect("a list").iter().map(|line| line["open"].as_u64().expect("a count")).sum();
    assert_eq!(counted, open);
    assert_eq!(estate.rows(&["report", "--format", "csv", "--open"]).len() as u64, open);
    for form in ["table", "json", "csv", "ocsf"] {
        let text = estate.text(&["report", "--format", form]);
        assert!(!text.contains(keysweep::demo::estate::MARK), "{form}");
        assert!(!text.contains("@example"), "{form} has an address");
    }
}

#[test]
fn the_pack_shows_a_key_from_its_acceptance_to_the_proof_that_it_is_dead_and_who_was_told() {
    let estate = Estate::told();
    let pack = estate.document(&["report", "--format", "json"]);
    let head = pack["report"]["log_head"].as_str().expect("the head of the log");
    assert!(estate.text(&["audit", "verify", "--head", head]).contains("as they were written"));
    let keys = pack["credentials"].as_array().expect("a list");
    let dead = keys.iter().find(|key| key["proof"] == "dead").expect("the demo's key that was shredded");
    let kinds: Vec<&str> = dead["timeline"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["kind"].as_str().expect("a word"))
        .collect();
    let place =
        |kind: &str| kinds.iter().position(|known| *known == kind).unwrap_or_else(|| panic!("{kind}: {kinds:?}"));
    let way = ["credential.live", "notice.sent", "credential.suspect", "credential.dead", "credential.shredded"];
    assert!(way.map(place).is_sorted(), "{kinds:?}");
    let name = dead["credential"]["credential"].as_str().expect("a name");
    let row = estate
        .rows(&["report", "--format", "csv"])
        .into_iter()
        .find(|row| row["credential"] == name && row["rule"] == "revocation-missing");
    let row = row.expect("its finding");
    assert_eq!(
        (row["proof"].as_str(), row["closed_why"].as_str(), row["owasp_nhi"].as_str()),
        ("dead", "dead", "NHI1:2025")
    );
    assert!(row["notices_sent"] != "0" && row["last_accepted_at"] < row["first_refused_at"], "{row:?}");
}

#[test]
fn a_report_about_one_account_says_nothing_of_another_that_has_the_same_key() {
    let site = Site::new();
    let row = |id: &str, account: &str| format!("{id},{account},mailjet,public,the-same-key,2026-01-01T00:00:00Z\n");
    let rows = [row("c-one", "acct-one"), row("c-two", "acct-two"), row("c-three", "acct-two")].concat();
    site.connections(format!("connection_id,account_id,provider,key_id,secret,secret_set_at\n{rows}"));
    site.run(&["scan", "--no-probe"]).exits(0);
    let report = |more: &[&str]| site.run(&[&["report", "--format", "json"], more].concat()).exits(0).out;
    let all = report(&[]);
    assert!(all.contains("acct-two") && all.contains("main/c-two"), "the operator is told of both");
    let one = report(&["--account", "acct-one"]);
    let pack: Value = serde_json::from_str(&one).expect("a document");
    assert_eq!(pack["credentials"][0]["uses"].as_array().map(Vec::len), Some(1));
    assert_eq!(pack["credentials"][0]["credential"]["open_uses"], 1);
    for other in ["acct-two", "c-two", "c-three"] {
        assert!(!one.contains(other), "{other}: {one}");
    }
    let unknown = site.run(&["report", "--account", "no-such-account"]).exits(2);
    assert!(unknown.err.contains("no-such-account"), "a report of nothing looks clean");
}

#[test]
fn what_closed_before_is_left_out() {
    let estate = Estate::told();
    let all = estate.rows(&["report", "--format", "csv"]);
    let closed =
        all.iter().map(|row| row["closed_at"].as_str()).filter(|at| !at.is_empty()).max().expect("a closed one");
    let late = estate.rows(&["report", "--format", "csv", "--since", closed]);
    assert!(late.iter().all(|row| row["state"] == "open" || row["closed_at"] == closed));
    assert!(late.len() < all.len() && late.iter().any(|row| row["closed_at"] == closed));
}

#[test]
fn detection_findings_are_what_another_reader_of_ocsf_takes_them_for() {
    let estate = Estate::told();
    let path = estate.home().join("findings.json");
    std::fs::write(&path, estate.text(&["report", "--format", "ocsf"])).expect("a file");
    let reads = "\
import json, sys
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
findings = json.load(open(sys.argv[1]))
for finding in findings:
    read = DetectionFinding.model_validate(finding)
    assert read.type_uid == read.class_uid * 100 + read.activity_id, finding
    assert int(read.time_dt.timestamp()) == read.time // 1000, finding
    unknown = set(finding) - set(DetectionFinding.model_fields)
    assert not unknown, unknown
    for part in ('metadata', 'finding_info', 'remediation'):
        unknown = set(finding[part]) - set(type(getattr(read, part)).model_fields)
        assert not unknown, (part, unknown)
    for given, resource in zip(finding['resources'], read.resources):
        unknown = set(given) - set(type(resource).model_fields)
        assert not unknown, unknown
print(len(findings))
";
    let output = Command::new(python()).args(["-c", reads]).arg(&path).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        estate.rows(&["report", "--format", "csv"]).len().to_string()
    );
}

#[test]
fn every_report_lists_what_is_accepted_and_one_about_an_account_nothing_of_another() {
    let site = Site::new();
    let exempt = |names: &str, reason: &str| {
        format!(
            "[[policy.exempt]]\nrules = [\"secret-stale\"]\n{names}\nreason = \"{reason}\"\nuntil = \"2099-03-31\"\n"
        )
    };
    let rest = [
        exempt("account = \"acct-one\"", "it moves in March"),
        exempt("account = \"acct-two\"", "not theirs to know"),
        exempt("connection = \"c-two\"", "nor this"),
        exempt("provider = \"kit\"", "it covers nobody"),
    ];
    site.configure(&Settings { rest: rest.concat(), ..Settings::default() });
    let row = |id: &str, account: &str| format!("{id},{account},mailjet,{id},key-{id},2026-01-01T00:00:00Z\n");
    let rows = [row("c-one", "acct-one"), row("c-two", "acct-two")].concat();
    site.connections(format!("connection_id,account_id,provider,key_id,secret,secret_set_at\n{rows}"));
    site.run(&["scan", "--no-probe"]).exits(0);
    let listed = |more: &[&str]| -> Vec<(String, u64)> {
        let pack = site.run(&[&["report", "--format", "json"], more].concat()).exits(0).json();
        let line = |entry: &Value| {
            (entry["reason"].as_str().expect("a reason").to_owned(), entry["findings"].as_u64().expect("a count"))
        };
        pack["exemptions"].as_array().expect("a list").iter().map(line).collect()
    };
    let all = [("it moves in March", 1), ("not theirs to know", 0), ("nor this", 1), ("it covers nobody", 0)];
    assert_eq!(listed(&[]), all.map(|(reason, count)| (reason.to_owned(), count)));
    let own = [all[0], all[3]].map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!(listed(&["--account", "acct-one"]), own);
    let told = site.run(&["report", "--account", "acct-one"]).exits(0).out;
    assert!(told.contains("exempt: ") && told.contains("it moves in March") && !told.contains("theirs"), "{told}");
}
