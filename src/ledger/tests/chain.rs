use std::sync::Arc;

use super::*;
use crate::app::audit::verify;
use crate::domain::chain::{Broken, Link, Mac};
use crate::ledger::place::Stopped;
use crate::ports::notary::Notary;
use crate::ports::{Event, Quiet};

on_both![
    every_committed_chunk_has_a_link_and_a_forged_entry_breaks_it,
    what_was_logged_before_anybody_vouched_is_vouched_for_page_by_page,
    a_log_that_was_cut_off_is_found_by_its_head,
    what_nobody_could_have_written_breaks_the_chain_and_stops_no_writing,
    what_must_have_a_link_and_has_none_was_not_written_by_us_and_is_never_vouched_for,
    an_audit_that_is_told_to_stop_says_nothing,
];

/// Vouches with a hash that only tests may take for one.
#[derive(Debug)]
struct Stamp;

impl Notary for Stamp {
    fn mac(&self, bytes: &[u8]) -> Mac {
        let sum = bytes.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        let mut mac = [0; 32];
        mac[..8].copy_from_slice(&sum.to_le_bytes());
        Mac::new(mac)
    }
}

async fn log(fixture: &Fixture, count: i64, time: i64) {
    log_of(fixture, "use.ended", count, time).await;
}

async fn log_of(fixture: &Fixture, kind: &'static str, count: i64, time: i64) {
    let event = |n: i64| {
        let data = serde_json::Map::from_iter([("n".to_owned(), n.into())]);
        Event { at: at(time), kind, subject: format!("use:{n}"), data }
    };
    fixture.commit(CollectChunk { events: (0..count).map(event).collect(), ..chunk(time) }).await;
}

async fn audited(fixture: &Fixture, noted: Option<Link>) -> Result<(u64, u64, u64), Broken> {
    let found = verify(&fixture.ledger, &Stamp, noted, &Quiet).await.expect("a ledger that can be read");
    found.expect("an audit to the end").map(|verified| (verified.links, verified.entries, verified.unlinked))
}

/// Does what only who owns the database can do.
async fn forge(fixture: &Fixture, kind: Kind, statement: &'static str) {
    let unguarded = match kind {
        Kind::Sqlite => [
            "DROP TRIGGER IF EXISTS event_is_append_only_update",
            "DROP TRIGGER IF EXISTS event_is_append_only_delete",
            "DROP TRIGGER IF EXISTS chain_is_append_only_delete",
            "DROP TRIGGER IF EXISTS chain_is_append_only_update",
        ],
        Kind::Postgres => [
            "DROP TRIGGER IF EXISTS event_is_append_only ON event",
            "DROP TRIGGER IF EXISTS chain_is_append_only ON chain",
            "SELECT 1",
            "SELECT 1",
        ],
    };
    for statement in unguarded.into_iter().chain([statement]) {
        fixture.ledger.act(statement).await;
    }
}

async fn every_committed_chunk_has_a_link_and_a_forged_entry_breaks_it(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.ledger.chain_with(Arc::new(Stamp)).await.expect("a ledger that can be written");
    for time in 1..=3 {
        log(&fixture, 2, time).await;
    }
    fixture.commit(chunk(4)).await; // says nothing, and links nothing
    assert_eq!(audited(&fixture, None).await, Ok((3, 6, 0)));
    for statement in ["UPDATE chain SET mac = ''", "DELETE FROM chain"] {
        assert!(fixture.ledger.refuses(statement).await, "{statement}");
    }
    forge(&fixture, kind, r#"UPDATE event SET data = '{"n":7}' WHERE id = 4"#).await;
    assert_eq!(audited(&fixture, None).await, Err(Broken::Link { from: 3, to: 4 }));
    // What comes after goes on from the forged link, and the break stays where it is.
    log(&fixture, 1, 5).await;
    assert_eq!(audited(&fixture, None).await, Err(Broken::Link { from: 3, to: 4 }));
}

async fn what_was_logged_before_anybody_vouched_is_vouched_for_page_by_page(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    log_of(&fixture, "finding.snoozed", 2_500, 1).await;
    assert_eq!(audited(&fixture, None).await, Ok((0, 0, 2_500)));
    fixture.ledger.chain_with(Arc::new(Stamp)).await.expect("a ledger that can be written");
    assert_eq!(audited(&fixture, None).await, Ok((3, 2_500, 0)));
    log(&fixture, 1_001, 2).await;
    assert_eq!(audited(&fixture, None).await, Ok((5, 3_501, 0)));
}

async fn a_log_that_was_cut_off_is_found_by_its_head(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.ledger.chain_with(Arc::new(Stamp)).await.expect("a ledger that can be written");
    log(&fixture, 2, 1).await;
    log(&fixture, 2, 2).await;
    let head = fixture.ledger.log_head().await.expect("a ledger").expect("a link");
    log(&fixture, 1, 3).await;
    assert_eq!(audited(&fixture, Some(head)).await, Ok((3, 5, 0)), "a log that grew since still has it");
    forge(&fixture, kind, "DELETE FROM chain WHERE up_to > 2").await;
    forge(&fixture, kind, "DELETE FROM event WHERE id > 2").await;
    assert_eq!(audited(&fixture, None).await, Ok((1, 2, 0)), "nothing in it tells");
    assert_eq!(audited(&fixture, Some(head)).await, Err(Broken::Head(head)));
}

async fn what_nobody_could_have_written_breaks_the_chain_and_stops_no_writing(kind: Kind) {
    for (forged, from, to) in [
        ("UPDATE chain SET mac = 'no hash' WHERE up_to = 2", 1, 2),
        ("UPDATE chain SET mac = '' WHERE up_to = 6", 5, 6),
        ("UPDATE event SET data = 'no object' WHERE id = 4", 3, 4),
        ("UPDATE event SET data = '[]' WHERE id = 4", 3, 4),
    ] {
        let fixture = Fixture::new(kind).await;
        fixture.ledger.chain_with(Arc::new(Stamp)).await.expect("a ledger that can be written");
        for time in 1..=3 {
            log(&fixture, 2, time).await;
        }
        forge(&fixture, kind, forged).await;
        assert_eq!(audited(&fixture, None).await, Err(Broken::Link { from, to }), "{forged}");
        log(&fixture, 1, 4).await;
        assert_eq!(audited(&fixture, None).await, Err(Broken::Link { from, to }), "{forged}");
    }
}

async fn what_must_have_a_link_and_has_none_was_not_written_by_us_and_is_never_vouched_for(kind: Kind) {
    for (forged, stray) in [
        ("INSERT INTO event (id, at, kind, subject, data) VALUES (-7, 1, 'credential.dead', 'credential:2', '{}')", -7),
        ("INSERT INTO event (id, at, kind, subject, data) VALUES (0, 1, 'finding.snoozed', 'finding:2', '{}')", 0),
        (
            "INSERT INTO event (id, at, kind, subject, data) VALUES (700, 1, 'credential.dead', 'credential:2', '{}')",
            700,
        ),
        ("DELETE FROM chain", 1),
        ("DELETE FROM chain WHERE up_to > 2", 3),
    ] {
        let fixture = Fixture::new(kind).await;
        fixture.ledger.chain_with(Arc::new(Stamp)).await.expect("a ledger that can be written");
        log(&fixture, 2, 1).await;
        log(&fixture, 2, 2).await;
        forge(&fixture, kind, forged).await;
        assert_eq!(audited(&fixture, None).await, Err(Broken::Stray(stray)), "{forged}");
        log(&fixture, 1, 3).await;
        fixture.ledger.chain_with(Arc::new(Stamp)).await.expect("a ledger that can be written");
        assert_eq!(audited(&fixture, None).await, Err(Broken::Stray(stray)), "{forged}, and nobody vouches for it");
    }
}

async fn an_audit_that_is_told_to_stop_says_nothing(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.ledger.chain_with(Arc::new(Stamp)).await.expect("a ledger that can be written");
    log(&fixture, 2, 1).await;
    let found = verify(&fixture.ledger, &Stamp, None, &Stopped).await.expect("a ledger that can be read");
    assert_eq!(found, None);
}
