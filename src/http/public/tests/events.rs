//! What the sender of an event is answered.

use std::fmt::Write as _;

use super::house::House;
use crate::domain::record::FieldProblem;
use crate::ports::events::{NotTaken, Taken};
use crate::ports::meter::EventRefusal;

const SIGNED: &str = "webhook-id: msg_1\r\nwebhook-timestamp: 1790000000\r\nwebhook-signature: v1,AAAA\r\n";

fn about(field: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), reason: "is missing; every row needs one".to_owned() }
}

#[tokio::test]
async fn each_end_has_its_own_answer_that_says_what_to_do() {
    let house = House::open().await;
    for (taken, status, words, field, retry) in [
        (Ok(Taken::Done { ended: true }), 204, "", "", ""),
        (Ok(Taken::Late), 204, "", "", ""),
        (Ok(Taken::Repeated), 204, "", "", ""),
        (Err(NotTaken::Nowhere), 404, "events_secret", "", ""),
        (Err(NotTaken::Unsigned("check the clock")), 401, "check the clock", "", ""),
        (Err(NotTaken::Unread(about("type"))), 400, "type is missing", "type", ""),
        (Err(NotTaken::Unfit(about("provider"))), 422, "provider is missing", "provider", ""),
        (Err(NotTaken::Unknown(about("connection_id"))), 409, "connection_id is missing", "connection_id", ""),
        (Err(NotTaken::Busy), 503, "send this again", "", "30"),
    ] {
        *house.world.taken.lock().unwrap() = taken.clone();
        let answer = house.ask("POST", "/events", SIGNED, "{}").await;
        assert_eq!(answer.status, status, "{taken:?}");
        assert!(answer.body.contains(words), "{taken:?}: {}", answer.body);
        assert_eq!(answer.header("retry-after"), retry, "{taken:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "sealed like every answer");
        if status == 204 {
            assert_eq!(answer.body, "");
            continue;
        }
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["field"].as_str().unwrap_or_default(), field);
    }
    let counted = [EventRefusal::Nowhere, EventRefusal::Unsigned, EventRefusal::Unread];
    assert_eq!(*house.world.turned_away.lock().unwrap(), counted, "the others are counted with their source");
}

#[tokio::test]
async fn what_is_not_signed_or_too_long_gets_no_further() {
    let house = House::open().await;
    for (headers, body, status) in [
        ("", "{}", 401),
        ("webhook-id: msg_1\r\nwebhook-timestamp: 1790000000\r\n", "{}", 401),
        ("webhook-id: a b\r\nwebhook-timestamp: 1790000000\r\nwebhook-signature: v1,AAAA\r\n", "{}", 401),
        (SIGNED, &"x".repeat(64 * 1024 + 1), 413),
    ] {
        let answer = house.ask("POST", "/events", headers, body).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let mut long = String::from("webhook-id: ");
    write!(long, "{}\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,AAAA\r\n", "x".repeat(257)).unwrap();
    assert_eq!(house.ask("POST", "/events", &long, "{}").await.status, 401);
    assert!(house.world.events.lock().unwrap().is_empty());
    assert_eq!(
        house.ask("POST", "/events", SIGNED, &"x".repeat(64 * 1024)).await.status,
        204,
        "of the greatest length"
    );
    assert_eq!(house.ask("GET", "/events", "", "").await.status, 405);
}

#[tokio::test]
async fn senders_have_a_measure_of_their_own() {
    let house = House::open().await;
    let from = |address: &str| format!("{SIGNED}X-Forwarded-For: {address}\r\n");
    let mut refused = None;
    for _ in 0..3_000 {
        let answer = house.ask("POST", "/events", &from("203.0.113.7"), "{}").await;
        if answer.status != 204 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("not without end");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "5"));
    assert_eq!(house.ask("POST", "/events", &from("203.0.113.8"), "{}").await.status, 204, "of somebody else");
    let page = house.ask("GET", "/a/garbage", "X-Forwarded-For: 203.0.113.7\r\n", "").await;
    assert_eq!(page.status, 404, "people are counted apart");
}
