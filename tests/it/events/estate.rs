//! The same estate, told by events and read from a list: the same is known of it.

use keysweep::domain::record::ConnectionRecord;
use keysweep::domain::time::{Timestamp, days, hours, minutes};
use keysweep::inventory::EventBody;
use keysweep::ports::events::Tidings as _;
use serde_json::{Value, json};

use super::place::{Place, START, body};
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

fn event(prefix: &str, number: usize, kind: &str, row: &Value, at: Timestamp) -> String {
    let mut row = row.clone();
    row["connection_id"] = json!(format!("{prefix}-{number}"));
    body(kind, at, &row.to_string())
}

/// As a list has it: a row of the contract, dated like the event.
fn listed(number: usize, kind: &str, row: &Value, at: Timestamp, now: Timestamp) -> ConnectionRecord {
    let text = event("read", number, kind, row, at);
    let parsed = EventBody::parse(text.as_bytes()).map_err(|problem| problem.reason).expect("a body");
    parsed.connection(None, now).0.expect("a row")
}

async fn an_estate_is_known_the_same_whether_it_is_told_or_read(kind: Kind) {
    let place = Place::on(kind).await;
    let first: Vec<(&str, Value)> = estate().into_iter().map(|row| ("connection.created", row)).collect();
    for (step, rows) in [first, later(estate())].into_iter().enumerate() {
        let (at, now) = (START + hours(step as u64) - minutes(5), START + hours(step as u64));
        place.later(now.since(START + hours((step as u64).saturating_sub(1))));
        let list = rows.iter().enumerate().map(|(number, (kind, row))| listed(number, kind, row, at, now));
        place.read(list.collect(), &[]).await;
        for (number, (kind, row)) in rows.iter().enumerate() {
            let told = place.tell(&format!("{step}-{number}"), &event("told", number, kind, row, at)).await;
            assert!(told.is_ok(), "{row}: {told:?}");
        }
        for (number, (_, row)) in rows.iter().enumerate() {
            let [read, told] = ["read", "told"].map(|prefix| format!("{prefix}-{number}"));
            assert_eq!(place.facts(&read).await, place.facts(&told).await, "step {step}: {row}");
        }
    }
}

on_both![an_estate_is_known_the_same_whether_it_is_told_or_read];
