//! A client that somebody else's generator makes of the document.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::Api;
use super::faults::tool;
use crate::report::python;
use crate::support::fixtures;

#[test]
fn a_client_made_of_the_document_reads_all_pages_one_finding_and_a_problem() {
    let api = Api::start();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("openapi.json"), api.get("/api/v1/openapi.json").text()).expect("a folder that can be written");
    fs::write(path("generator.yml"), "post_hooks: []\npackage_name_override: keysweep_client\n").expect("a file");
    let made = Command::new(tool("openapi-python-client"))
        .args(["generate", "--meta", "none", "--fail-on-warning", "--path"])
        .arg(path("openapi.json"))
        .arg("--config")
        .arg(path("generator.yml"))
        .arg("--output-path")
        .arg(path("keysweep_client"))
        .output()
        .expect("openapi-python-client starts");
    let words = format!("{}{}", String::from_utf8_lossy(&made.stdout), String::from_utf8_lossy(&made.stderr));
    assert!(made.status.success(), "{words}");
    let ran = Command::new(python())
        .arg(fixtures().join("api_client.py"))
        .arg(format!("http://{}", api.0.page))
        .env("PYTHONPATH", folder.path())
        .env("KEYSWEEP_TOKEN", api.0.token())
        .output()
        .expect("Python starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let met: Value = serde_json::from_slice(&ran.stdout).expect("a document");
    let wanted: Vec<Value> = api.all("/api/v1/findings", 200);
    let ids: Vec<&Value> = wanted.iter().map(|finding| &finding["id"]).collect();
    assert_eq!(met["listed"].as_array().expect("a list").iter().collect::<Vec<_>>(), ids);
    assert!(met["pages"].as_u64().is_some_and(|pages| pages > 2), "{met}");
    assert_eq!(met["read"], wanted[0]["rule"], "{met}");
    assert_eq!(met["worst"], "critical", "{met}");
    assert_eq!((&met["problem"]["status"], &met["problem"]["field"]), (&404.into(), &"id".into()), "{met}");
    assert_eq!(met["refused"], 401, "{met}");
}
