//! The API's paths, each asked by everybody.

use std::collections::BTreeSet;

use super::roles::{AUDITOR, SECOND, VIEWER, listed, shown};
use super::*;
use crate::http::access::Role;
use crate::http::api;

/// Every operation of the document: method, path as the document writes it, and what it is described by.
fn operations() -> Vec<(String, String, String)> {
    let document = api::openapi();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods
            .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation["description"].to_string()))
    });
    operations.collect()
}

/// A path with something in its places that could be there.
fn target(path: &str) -> String {
    path.replace("{id}", "F1").replace("{number}", "1").replace("{name}", "0123456789ab")
}

#[tokio::test]
async fn every_path_is_for_those_whom_its_description_names_and_for_nobody_else() {
    let house = House::open_to(None, listed()).await;
    for (method, path, description) in operations() {
        let least = Role::ALL.into_iter().find(|role| description.contains(role.as_str())).unwrap();
        for (role, value) in [(Role::Viewer, VIEWER), (Role::Auditor, AUDITOR), (Role::Operator, SECOND)] {
            let answer = house.ask(&request(&method, &target(&path), &shown(value))).await;
            let may =
                Role::ALL.iter().position(|known| *known == role) >= Role::ALL.iter().position(|known| *known == least);
            assert_eq!(answer.status != 403, may, "{method} {path} as {}", role.as_str());
            assert_ne!(answer.status, 401, "{method} {path}");
        }
        let nobody = house.ask(&request(&method, &target(&path), "")).await;
        assert_eq!((nobody.status, nobody.header("content-type")), (401, "application/problem+json"), "{path}");
    }
}

#[test]
fn the_evidence_is_for_auditors_and_work_is_for_operators() {
    let of = |role: &str| -> BTreeSet<String> {
        let all = operations().into_iter().filter(|(.., description)| {
            let first = Role::ALL.into_iter().find(|known| description.contains(known.as_str()));
            first.is_some_and(|first| first.as_str() == role)
        });
        all.map(|(method, path, _)| format!("{method} {path}")).collect()
    };
    assert_eq!(
        of("operator").into_iter().collect::<Vec<_>>(),
        [
            "DELETE /api/v1/credentials/{name}/compromised",
            "POST /api/v1/credentials/{name}/compromised",
            "POST /api/v1/findings/{id}/acknowledge",
            "POST /api/v1/findings/{id}/resume",
            "POST /api/v1/findings/{id}/snooze",
            "POST /api/v1/providers/{name}/trust",
            "POST /api/v1/scan",
            "POST /api/v1/sources/{name}/accept",
        ]
    );
    let audited = ["GET /api/v1/events", "GET /api/v1/mails", "GET /api/v1/report"];
    assert_eq!(of("auditor").into_iter().collect::<Vec<_>>(), audited);
    assert!(of("viewer").len() > 10);
}

#[test]
fn the_paths_that_the_log_names_are_those_of_the_document() {
    let all: BTreeSet<String> = operations().into_iter().map(|(_, path, _)| path).collect();
    for path in &all {
        assert_eq!(api::template(&target(path)), Some(path.as_str()));
    }
    for other in ["/api/v1/", "/api/v1/findings/F1/more", "/api/v1/nothing", "/"] {
        assert_eq!(api::template(other), None, "{other}");
    }
    assert_eq!(all.len(), 24);
}

#[tokio::test]
async fn an_estate_that_was_never_counted_is_not_told_as_an_empty_one() {
    let house = House::open(with_token()).await;
    for path in ["/api/v1/overview", "/api/v1/providers"] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "10"), "{path}");
    }
}

#[tokio::test]
async fn a_ledger_that_is_gone_is_told_as_that() {
    let house = House::open(with_token()).await;
    let path = house._folder.path().join("ledger.db");
    let dropped = std::process::Command::new("sqlite3").arg(path).arg("DROP TABLE scan; DROP TABLE meta;").status();
    assert!(dropped.expect("sqlite3 is installed").success());
    for path in ["/api/v1/scans", "/api/v1/report", "/api/v1/report?format=csv"] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (503, "application/problem+json"), "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("try again"), "{}", answer.body);
    }
}
