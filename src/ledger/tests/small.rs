use super::*;
use crate::domain::ids::ScanId;
use crate::ports::{Event, LedgerError};

on_both![
    a_scan_without_an_end_counts_as_killed_once_the_next_begins,
    what_a_scan_left_is_noted_once_beside_what_it_did,
    of_each_span_the_last_scan_that_counted_is_told,
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

async fn what_a_scan_left_is_noted_once_beside_what_it_did(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let overview = fixture.ledger.overview(at(5)).await.expect("an overview");
    fixture.ledger.note_estate(&overview).await.expect("no scan to note it with");
    let first = fixture.ledger.begin_scan(at(1)).await.expect("a scan");
    fixture.ledger.end_scan(first, at(2), "complete", &serde_json::json!({"rows": 7})).await.expect("an end");
    fixture.ledger.begin_scan(at(3)).await.expect("one that is under way");
    fixture.ledger.note_estate(&overview).await.expect("noted");
    let scans = fixture.ledger.scans(9).await.expect("scans");
    let left = serde_json::json!({
        "rows": 7, "open_low": 0, "open_medium": 0, "open_high": 0, "open_critical": 0, "left_behind": 0,
    });
    assert_eq!((&scans[1].counts, &scans[0].counts), (&left, &serde_json::json!({})), "not with one under way");

    let later = crate::ledger::read::Overview { providers: std::collections::BTreeMap::new(), ..overview };
    fixture.ledger.act("UPDATE scan SET counts = '{\"left_behind\": 3}' WHERE id = 1").await;
    fixture.ledger.note_estate(&later).await.expect("nothing to note");
    let scans = fixture.ledger.scans(9).await.expect("scans");
    assert_eq!(scans[1].counts, serde_json::json!({"left_behind": 3}), "what was counted nearer to its end stays");
}

async fn of_each_span_the_last_scan_that_counted_is_told(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let scans = "INSERT INTO scan (id, started_at, outcome, counts)
        VALUES (1, 10, 'complete', '{\"left_behind\":1}'), (2, 20, 'incomplete', '{\"left_behind\":2}'),
               (3, 29, 'complete', '{\"mails_sent\":9}'), (4, 30, 'complete', '{\"left_behind\":4}'),
               (5, 59, 'complete', '{\"left_behind\":5}'), (6, 90, 'complete', '{\"left_behind\":6}')";
    fixture.ledger.act(scans).await;
    let spans = [(60, 90), (30, 60), (0, 30)].map(|(begins, ends)| (at(begins), at(ends)));
    let told = fixture.ledger.counted_scans(&spans).await.expect("scans");
    assert_eq!(told.iter().map(|scan| scan.id).collect::<Vec<_>>(), [ScanId(5), ScanId(2)]);
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
