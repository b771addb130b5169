//! Reports: what auditors, spreadsheets and other systems are given, from the ledger that the demo leaves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keysweep::domain::finding::RuleName;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Settings, Site, now, pair};

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

    /// The addresses of everybody in it.
    fn addresses(&self) -> BTreeSet<String> {
        let mut people = csv::Reader::from_path(self.home().join("people.csv")).expect("the people");
        let rows = people.deserialize().map(|row| row.expect("a row"));
        rows.map(|row: std::collections::HashMap<String, String>| row["email"].clone()).collect()
    }

    fn rows(&self, arguments: &[&str]) -> Vec<std::collections::HashMap<String, String>> {
        let text = self.text(arguments);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(|row| row.expect("a row of as many cells as columns")).collect()
    }
}

/// Nothing of ours, and an end.
fn program() -> Command {
    let mut command = Command::new("/usr/bin/timeout");
    command.env_clear().args(["300", env!("CARGO_BIN_EXE_keysweep")]);
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
    let rules: BTreeSet<&str> = rows.iter().map(|row| row["rule"].as_str()).collect();
    assert_eq!(rules, RuleName::ALL.map(RuleName::as_str).into(), "the demo shows every rule");
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
    let addresses = estate.addresses();
    assert!(addresses.len() > 10, "{addresses:?}");
    for form in ["table", "json", "csv", "ocsf"] {
        let text = estate.text(&["report", "--format", form]);
        assert!(!text.contains(keysweep::demo::estate::MARK), "{form}");
        for address in &addresses {
            assert!(!text.contains(address), "{form} has {address}");
        }
    }
}

#[test]
fn a_log_that_was_found_broken_is_no_evidence_and_whatever_is_made_of_it_says_so() {
    let estate = Estate::told();
    assert_eq!(estate.document(&["report", "--format", "json"])["report"]["log_audit"]["broken"], false);
    let noted =
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('trouble.log', '1'), ('log_audited_at', '1790000000000')";
    let noted = Command::new("sqlite3").arg(estate.home().join("ledger.db")).arg(noted).status().expect("sqlite3 runs");
    assert!(noted.success(), "as upkeep notes it");
    let pack = estate.document(&["report", "--format", "json"]);
    assert_eq!(pack["report"]["log_audit"]["broken"], true, "{}", pack["report"]);
    for report in [&["report"][..], &["report", "--format", "csv"], &["report", "--format", "ocsf"]] {
        let beside = String::from_utf8(estate.run(report).stderr).expect("text");
        assert!(beside.starts_with("warning: the event log was found at 20"), "{report:?}: {beside}");
    }
    let told = estate.text(&["explain", "F1"]);
    assert!(told.contains("not to be as it was written: `keysweep audit verify` says where)"), "{told}");
}

#[test]
fn the_pack_shows_a_key_from_its_acceptance_to_the_proof_that_it_is_dead_and_who_was_told() {
    let estate = Estate::told();
    let pack = estate.document(&["report", "--format", "json"]);
    let head = pack["report"]["log_head"].as_str().expect("the head of the log");
    assert!(estate.text(&["audit", "verify", "--head", head]).contains("as they were written"));
    // So has every other form, beside its rows where these have no place for it.
    let detections = estate.document(&["report", "--format", "ocsf"]);
    let detections = detections.as_array().expect("a list");
    assert!(!detections.is_empty() && detections.iter().all(|one| one["unmapped"]["log_head"] == head));
    assert!(estate.text(&["report"]).contains(head));
    let beside = estate.run(&["report", "--format", "csv"]).stderr;
    assert_eq!(String::from_utf8_lossy(&beside), format!("event log: {head}\n"));
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
fn the_pack_shows_keys_about_which_nothing_was_ever_found_too() {
    let mut site = Site::new();
    site.providers.set("kit", "well", "", &format!("kit_{}", "1".repeat(20)), "accept");
    let owners = ["acct-one,o-1,one@example.org,owner,active,true", "acct-two,o-2,two@example.org,owner,active,true"];
    site.people(format!("account_id,member_id,email,role,status,verified\n{}\n", owners.join("\n")));
    let now = now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let row = |id: &str, account: &str, digit: &str| format!("{id},{account},kit,kit_{},{now}\n", digit.repeat(20));
    let rows = [row("c-well", "acct-one", "1"), row("c-other", "acct-two", "2")].concat();
    site.connections(format!("connection_id,account_id,provider,secret,secret_set_at\n{rows}"));
    site.scan();
    let keys = |more: &[&str]| {
        let pack = site.run(&[&["report", "--format", "json"], more].concat()).exits(0).json();
        let about = |id: &str| {
            pack["findings"].as_array().expect("a list").iter().any(|one| one["finding"]["connection_id"] == id)
        };
        assert!(!about("c-well"), "{pack}");
        pack["credentials"].as_array().expect("a list").clone()
    };
    let used_by = |keys: &[Value]| -> BTreeSet<String> {
        keys.iter().map(|key| key["uses"][0]["connection_id"].as_str().expect("an id").to_owned()).collect()
    };
    let (well, other) = ("c-well".to_owned(), "c-other".to_owned());
    assert_eq!(used_by(&keys(&[])), BTreeSet::from([well.clone(), other.clone()]));
    assert_eq!(used_by(&keys(&["--source", "main"])), BTreeSet::from([well.clone(), other]));
    let own = keys(&["--account", "acct-one"]);
    assert_eq!(used_by(&own), BTreeSet::from([well]));
    assert_eq!(own[0]["proof"], "accepted");
    let mut kinds = own[0]["timeline"].as_array().expect("a list").iter().map(|entry| entry["kind"].as_str());
    assert!(kinds.any(|kind| kind == Some("credential.live")), "when it was live: {own:?}");
    assert!(keys(&["--open"]).is_empty(), "that is about what is open");
}

/// A second source, with an account that has the first one's key since long before, and one that is numbered like the first.
fn shared() -> Site {
    let mut site = Site::new();
    let (key_id, secret) = pair("shared");
    site.providers.set("mailjet", "shared", &key_id, &secret, "accept");
    let second = "[[inventory]]\nname = \"second-shop\"\nkind = \"csv\"\npath = \"second.csv\"\n";
    site.configure(&Settings { rest: second.to_owned(), ..Settings::default() });
    let head = "connection_id,account_id,provider,key_id,secret,secret_set_at\n";
    let row = |id: &str, account: &str, since: &str| format!("{id},{account},mailjet,{key_id},{secret},{since}\n");
    let other = format!("c-nine,acct-one,kit,,kit_{},2025-01-02T00:00:00Z\n", "0".repeat(20));
    let second = [head, &row("c-two", "acct-two", "2025-01-01T00:00:00Z"), &other].concat();
    std::fs::write(site.path("second.csv"), second).expect("a file");
    site.scan();
    assert_eq!(site.liveness("c-two"), "live");
    let now = now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let rows = [row("c-one", "acct-one", &now), row("c-three", "acct-three", "2026-01-01T00:00:00Z")].concat();
    site.connections([head, &rows].concat());
    site.scan();
    site.run(&["compromised", "c-one", "--note", "seen-in-a-paste", "--at", &now]).exits(0);
    site.run(&["scan", "--no-probe"]).exits(0);
    site
}

#[test]
fn a_report_about_one_account_says_nothing_of_another_that_has_the_same_key() {
    let site = shared();
    let report = |more: &[&str]| site.run(&[&["report", "--format", "json"], more].concat()).exits(0).out;
    let all = report(&[]);
    for other in ["acct-two", "second-shop/c-two", "seen-in-a-paste", "2025-01-01"] {
        assert!(all.contains(other), "the operator is told of {other}");
    }
    for form in ["json", "csv", "ocsf", "table"] {
        let own = ["report", "--format", form, "--account", "acct-one", "--source", "main"];
        let told = site.run(&own).exits(0).out;
        for other in ["acct-two", "acct-three", "c-two", "c-three", "c-nine", "second-shop", "seen-in-a-paste"] {
            assert!(!told.contains(other), "{form}: {other}: {told}");
        }
    }
    let pack: Value =
        serde_json::from_str(&report(&["--account", "acct-one", "--source", "main"])).expect("a document");
    assert_eq!(
        (&pack["report"]["scope"]["account_id"], &pack["report"]["scope"]["source"]),
        (&json!("acct-one"), &json!("main"))
    );
    let [key] = &pack["credentials"].as_array().expect("a list")[..] else { panic!("one key: {pack}") };
    assert_eq!(key["uses"].as_array().map(Vec::len), Some(1));
    let row = &key["credential"];
    assert_eq!((&row["source"], &row["open_uses"], &row["first_seen_at"]), (&json!("main"), &json!(1), &Value::Null));
    let since = key["uses"][0]["since"].as_str().expect("a time");
    assert_eq!(row["secret_since"], since);
    assert!(!pack.to_string().contains("2025-01-01"), "{pack}");
    let times = key["timeline"].as_array().expect("a list").iter().map(|entry| entry["at"].as_str().expect("a time"));
    assert!(times.clone().count() > 2 && times.min() == Some(since), "{key}");
}

#[test]
fn an_id_that_means_several_accounts_is_not_taken_for_one() {
    let site = shared();
    let report = |more: &[&str]| site.run(&[&["report", "--format", "json"], more].concat());
    let refused = report(&["--account", "acct-one"]).exits(2).err;
    assert!(refused.contains("name its source: main, second-shop"), "{refused}");
    let other = report(&["--account", "acct-one", "--source", "second-shop"]).exits(0).json();
    let connections = |pack: &Value| -> BTreeSet<String> {
        let findings = pack["findings"].as_array().expect("a list").iter();
        findings.map(|one| one["finding"]["connection_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(connections(&other), BTreeSet::from(["c-nine".to_owned()]));
    let of_one = report(&["--source", "second-shop"]).exits(0).json();
    assert_eq!(connections(&of_one), BTreeSet::from(["c-nine".to_owned(), "c-two".to_owned()]));
    let alone = report(&["--account", "acct-two"]).exits(0).json();
    assert_eq!(alone["report"]["scope"]["source"], "second-shop", "there is one");
    for (wrong, says) in [
        (&["--account", "no-such-account"][..], "no-such-account"),
        (&["--account", "acct-two", "--source", "main"], "these have: second-shop"),
        (&["--source", "no-such-source"], "no-such-source"),
    ] {
        let refused = report(wrong).exits(2).err;
        assert!(refused.contains(says), "a report of nothing looks clean: {refused}");
    }
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
        exempt("provider = \"mailjet\"", "it covers what nothing else does"),
        exempt("source = \"second-shop\"", "of another source"),
        "[[inventory]]\nname = \"second-shop\"\nkind = \"csv\"\npath = \"second.csv\"\n".to_owned(),
    ];
    std::fs::write(site.path("second.csv"), "connection_id,account_id,provider\n").expect("a file");
    site.configure(&Settings { rest: rest.concat(), ..Settings::default() });
    let row = |id: &str, account: &str| format!("{id},{account},mailjet,{id},key-{id},2026-01-01T00:00:00Z\n");
    let rows = [row("c-one", "acct-one"), row("c-two", "acct-two"), row("c-three", "acct-three")].concat();
    site.connections(format!("connection_id,account_id,provider,key_id,secret,secret_set_at\n{rows}"));
    site.run(&["scan", "--no-probe"]).exits(0);
    let listed = |more: &[&str]| -> Vec<(String, u64)> {
        let pack = site.run(&[&["report", "--format", "json"], more].concat()).exits(0).json();
        let line = |entry: &Value| {
            (entry["reason"].as_str().expect("a reason").to_owned(), entry["findings"].as_u64().expect("a count"))
        };
        pack["exemptions"].as_array().expect("a list").iter().map(line).collect()
    };
    let all = [
        ("it moves in March", 1),
        ("not theirs to know", 0),
        ("nor this", 1),
        ("it covers nobody", 0),
        ("it covers what nothing else does", 1),
        ("of another source", 0),
    ];
    let of =
        |entries: &[(&str, u64)]| entries.iter().map(|(why, count)| ((*why).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(listed(&[]), of(&all));
    assert_eq!(listed(&["--source", "main"]), of(&all[..5]), "nothing of another source");
    assert_eq!(listed(&["--account", "acct-one"]), of(&all[..1]), "what covers none of theirs is not theirs to know");
    assert_eq!(listed(&["--account", "acct-three"]), of(&all[4..5]));
    let told = site.run(&["report", "--account", "acct-one"]).exits(0).out;
    assert!(told.contains("exempt: ") && told.contains("it moves in March") && !told.contains("theirs"), "{told}");
}
