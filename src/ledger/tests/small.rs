use super::*;
use crate::domain::ids::ScanId;
use crate::ports::{Event, LedgerError};

on_both![
    a_scan_without_an_end_counts_as_killed_once_the_next_begins,
    the_ledger_keeps_its_first_name,
    the_wrapped_key_is_set_once_and_never_overwritten,
    a_fact_can_be_set_again,
    the_log_can_only_grow,
];

async fn a_scan_without_an_end_counts_as_killed_once_the_next_begins(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let first = fixture.ledger.begin_scan(at(1)).await.expect("a scan");
    let second = fixture.ledger.begin_scan(at(2)).await.expect("a scan");
    let counts = serde_json::json!({"rows": 7});
    fixture.ledger.end_scan(second, at(3), "complete", &counts).await.expect("an end");
    let outcomes = fixture
        .one("SELECT (SELECT outcome FROM scan WHERE id = 1) || ',' || (SELECT outcome FROM scan WHERE id = 2)")
        .await;
    assert_eq!(outcomes.as_deref(), Some("killed,complete"));
    assert_eq!(fixture.one("SELECT counts FROM scan WHERE id = 2").await.as_deref(), Some(r#"{"rows":7}"#));
    for not_running in [first, second, ScanId(99)] {
        assert!(fixture.ledger.end_scan(not_running, at(4), "complete", &counts).await.is_err());
    }
}

async fn the_ledger_keeps_its_first_name(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    assert_eq!(fixture.ledger.ledger_id("one").await.expect("a name"), "one");
    assert_eq!(fixture.ledger.ledger_id("two").await.expect("a name"), "one");
}

async fn the_wrapped_key_is_set_once_and_never_overwritten(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    assert_eq!(fixture.ledger.wrapped_key().await.expect("none"), None);
    fixture.ledger.set_wrapped_key("k1", "wrapped").await.expect("the first");
    let again = fixture.ledger.set_wrapped_key("k2", "other").await;
    assert!(matches!(again, Err(LedgerError::Inconsistent { .. })), "{again:?}");
    assert_eq!(fixture.ledger.wrapped_key().await.expect("a key"), Some(("k1".to_owned(), "wrapped".to_owned())));
}

async fn a_fact_can_be_set_again(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    assert_eq!(fixture.ledger.get("judged_under").await.expect("none"), None);
    for version in ["1", "2"] {
        fixture.ledger.set("judged_under", version).await.expect("set");
        assert_eq!(fixture.ledger.get("judged_under").await.expect("a value").as_deref(), Some(version));
    }
}

async fn the_log_can_only_grow(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let data = serde_json::Map::from_iter([("by".to_owned(), serde_json::json!("deleted"))]);
    let event = Event { at: at(5), kind: "use.ended", subject: "use:1".to_owned(), data };
    fixture.commit(CollectChunk { events: vec![event], ..chunk(5) }).await;
    let kept = fixture.one("SELECT at || ' ' || kind || ' ' || subject || ' ' || data FROM event").await;
    assert_eq!(kept.as_deref(), Some(r#"5 use.ended use:1 {"by":"deleted"}"#));
    for statement in ["UPDATE event SET kind = 'x'", "DELETE FROM event"] {
        assert!(fixture.ledger.refuses(statement).await, "{statement}");
    }
}
