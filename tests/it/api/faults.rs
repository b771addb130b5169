//! Others' tools look for faults: a fuzzer that knows only the document, and validators of the document.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::{Api, committed};
use crate::report::python;

/// A tool of `tests/python.txt`.
pub fn tool(name: &str) -> PathBuf {
    python().with_file_name(name)
}

/// Asks every path in every way that the document allows, and in many that it doesn't: the same ones each time.
fn looked_for(api: &Api, document: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(tool("schemathesis"))
        .args(["run", document, "--url", &format!("http://{}", api.0.page)])
        .args(["--header", &format!("Authorization: Bearer {}", api.0.token())])
        .args(["--checks", "all", "--mode", "all", "--seed", "7", "--generation-deterministic"])
        .args(["--no-color", "--no-shrink", "--request-timeout", "20"])
        .args(more)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder.path())
        .output()
        .expect("schemathesis starts")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_fuzzer_that_reads_the_document_finds_no_fault() {
    let api = Api::start();
    let served = format!("http://{}/api/v1/openapi.json", api.0.page);
    let found = looked_for(&api, &served, &["--max-examples", "15", "--continue-on-failure"]);
    assert!(found.status.success(), "{}", told(&found));
    assert!(told(&found).contains("passed"), "{}", told(&found));
}

#[test]
fn a_fault_that_was_put_in_is_found() {
    let api = Api::start();
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = folder.path().join("openapi.json");
    // The document promises a number where a text is, and a status that is no more among those of a path.
    let mut document = api.read("/api/v1/openapi.json");
    document["components"]["schemas"]["ScanRow"]["properties"]["started_at"] = serde_json::json!({"type": "integer"});
    document["paths"]["/api/v1/scans"]["get"]["responses"].as_object_mut().expect("responses").remove("400");
    std::fs::write(&wrong, document.to_string()).expect("a folder that can be written");
    let only = ["--include-path", "/api/v1/scans", "--max-examples", "5", "--continue-on-failure"];
    let found = looked_for(&api, wrong.to_str().expect("a path"), &only);
    let told = told(&found);
    assert!(!found.status.success(), "{told}");
    assert!(told.contains("Response violates schema") && told.contains("Undocumented status code"), "{told}");
}

#[test]
fn the_document_is_what_the_specification_says() {
    let ran = Command::new(tool("openapi-spec-validator"))
        .args(["--schema", "3.1.0"])
        .arg(committed())
        .output()
        .expect("openapi-spec-validator starts");
    assert!(ran.status.success(), "{}", told(&ran));
}
