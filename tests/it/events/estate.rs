//! The same estate, told by events and read from a list: the same is known of it.

use keysweep::domain::time::{Timestamp, days, hours, minutes};
use serde_json::{Value, json};

use super::place::{Place, START, body};
use crate::forms::lists::{self, CONNECTION};
use crate::support::Kind;

/// What the platform has, without ids.
fn estate() -> Vec<Value> {
    let old = (START - days(200)).to_string();
    vec![
        json!({
            "account_id": "a", "provider": "mailjet", "name": "News, \"spring\"", "created_at": old, "secret_set_at": old,
            "key_id": "public-1", "secret": "example-1", "created_by": "m-1", "running_jobs": 2,
            "used_for": ["sync", "transactional"], "tags": ["eu", "big"],
        }),
        json!({"account_id": "a", "provider": "kit", "status": "paused", "secret": "kit_example-2"}),
        json!({"account_id": "b", "provider": "convertkit", "secret": "kit_example-3"}),
        json!({"account_id": "b", "provider": "mailjet", "name": "no secret", "key_id": "public-4"}),
        json!({"account_id": "b", "provider": "kit", "auth": "oauth", "secret": "a token"}),
    ]
}

/// What becomes of it: another secret and another name, a secret at last, an end with the secret and one without.
fn later(mut rows: Vec<Value>) -> Vec<(&'static str, Value)> {
    rows[0]["secret"] = json!("example-1-anew");
    rows[0]["name"] = json!("News");
    rows[3]["secret"] = json!("example-4");
    for (ended, with_secret) in [(1, true), (2, false)] {
        rows[ended]["status"] = json!("deleted");
        if !with_secret {
            rows[ended].as_object_mut().expect("a row").remove("secret");
        }
    }
    let kind = |row: &Value| if row["status"] == "deleted" { "connection.deleted" } else { "connection.updated" };
    rows.into_iter().map(|row| (kind(&row), row)).collect()
}

fn event(number: usize, kind: &str, row: &Value, at: Timestamp) -> String {
    let mut row = row.clone();
    row["connection_id"] = json!(id(number));
    body(kind, at, &row.to_string())
}

/// As the platform's file has it, dated like the event.
fn listed(number: usize, row: &Value, at: Timestamp) -> Value {
    let mut row = row.clone();
    row["connection_id"] = json!(id(number));
    row["updated_at"] = json!(at.to_string());
    if row["status"] == "deleted" {
        row["deleted_at"] = json!(at.to_string());
    }
    row
}

fn id(number: usize) -> String {
    format!("c-{number}")
}

async fn an_estate_is_known_the_same_whether_it_is_told_or_read(kind: Kind) {
    let (told, read) = (Place::on(kind).await, Place::on(kind).await);
    let folder = tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder");
    let fields = [CONNECTION, &[("auth", lists::Kind::Text)]].concat();
    let first: Vec<(&str, Value)> = estate().into_iter().map(|row| ("connection.created", row)).collect();
    for (step, rows) in [first, later(estate())].into_iter().enumerate() {
        let now = START + hours(step as u64);
        let at = now - minutes(5);
        if step > 0 {
            told.later(hours(1));
            read.later(hours(1));
        }
        let list: Vec<Value> = rows.iter().enumerate().map(|(number, (_, row))| listed(number, row, at)).collect();
        let path = folder.path().join(format!("connections-{step}.csv"));
        std::fs::write(&path, lists::csv(&fields, &list)).expect("a file");
        read.read_file(path).await;
        for (number, (kind, row)) in rows.iter().enumerate() {
            let taken = told.tell(&format!("{step}-{number}"), &event(number, kind, row, at)).await;
            assert!(taken.is_ok(), "{row}: {taken:?}");
        }
        for (number, (_, row)) in rows.iter().enumerate() {
            let id = id(number);
            assert_eq!(read.facts(&id).await, told.facts(&id).await, "step {step}: {row}");
        }
    }
}

on_both![an_estate_is_known_the_same_whether_it_is_told_or_read];
