//! What a server adds to a database: it restarts, it cuts lines, and others are connected to it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Map;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use super::*;
use crate::ledger::OpenError;
use crate::ports::{Event, LedgerError};

/// Ends the one connection that may write, as a stopping server does.
async fn cut(fixture: &Fixture) {
    let url = fixture.place.url();
    let other = Ledger::open_read_only(&url).await.expect("another connection");
    let ended = other
        .numbers(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
             WHERE locktype = 'advisory' AND granted AND objsubid = 1
               AND (classid::bigint << 32) | objid::bigint = hashtextextended('keysweep ledger ' || current_schema(), 0)",
        )
        .await;
    assert_eq!(ended, [1], "one connection holds the lock");
    other.close().await;
}

#[tokio::test]
async fn a_line_that_is_cut_in_mid_transaction_loses_that_transaction_alone_and_the_next_call_has_the_lock_again() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let mut tx = fixture.ledger.write("write a fact").await.expect("a transaction");
    tx.run(&crate::ledger::meta::SET, ["half".into(), "done".into()]).await.expect("written");
    cut(&fixture).await;
    let lost = tx.run(&crate::ledger::meta::SET, ["other".into(), "half".into()]).await;
    assert!(lost.as_ref().is_err_and(LedgerError::is_transient), "{lost:?}");
    let lost = tx.commit().await;
    assert!(lost.as_ref().is_err_and(LedgerError::is_transient), "{lost:?}");
    fixture.ledger.set("whole", "done").await.expect("the next call has another connection");
    assert_eq!(fixture.ledger.get("half").await.expect("read"), None);
    assert_eq!(fixture.ledger.get("whole").await.expect("read").as_deref(), Some("done"));
    assert!(matches!(Ledger::open(&fixture.place.url()).await, Err(OpenError::Held { .. })), "and the lock");
}

#[tokio::test]
async fn a_lost_connection_is_replaced_before_anything_is_asked_of_it() {
    let fixture = Fixture::new(Kind::Postgres).await;
    for number in 1..=3 {
        cut(&fixture).await;
        fixture.load([number], 10).await;
    }
    assert_eq!(fixture.numbers("SELECT count(*) FROM connection").await, [3]);
}

/// A line to the server that falls silent on demand: it stays open, and nothing comes or goes any more.
async fn line_to(server: SocketAddr) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let (silence, silent) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut ours, _)) = listener.accept().await {
            let mut silent = silent.clone();
            tokio::spawn(async move {
                let mut theirs = TcpStream::connect(server).await.expect("the tests' server");
                let fallen_silent = async { _ = silent.wait_for(|silent| *silent).await };
                tokio::select! {
                    _ = copy_bidirectional(&mut ours, &mut theirs) => return,
                    () = fallen_silent => {}
                }
                std::future::pending::<()>().await; // both ends stay open
            });
        }
    });
    (address, silence)
}

#[tokio::test]
async fn a_server_that_vanishes_without_a_word_is_not_waited_for_without_end() {
    let place = Place::new(Kind::Postgres).await;
    let mut url = Url::parse(&place.url()).expect("an address");
    let server = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let (line, silence) = line_to(server.parse().expect("the loopback's")).await;
    url.set_port(Some(line.port())).expect("an address with a port");
    let ledger = Ledger::open(url.as_str()).await.expect("the line is good");
    let ledger = ledger.patient_for(Duration::from_millis(300));
    let mut tx = ledger.write("write a fact").await.expect("a transaction");
    silence.send(true).expect("the line is there");
    let lost = tx.run(&crate::ledger::meta::SET, ["half".into(), "done".into()]).await;
    assert!(lost.as_ref().is_err_and(LedgerError::is_transient), "{lost:?}");
    let lost = tx.commit().await;
    assert!(lost.as_ref().is_err_and(LedgerError::is_transient), "{lost:?}");
}

#[tokio::test]
async fn two_ledgers_of_one_database_are_held_each_by_its_own_process() {
    let (one, other) = (Fixture::new(Kind::Postgres).await, Fixture::new(Kind::Postgres).await);
    one.load([1], 10).await;
    assert_eq!(other.numbers("SELECT count(*) FROM connection").await, [0]);
}

#[tokio::test]
async fn a_server_that_does_not_answer_and_a_schema_that_is_not_there_are_told_apart() {
    let place = Place::new(Kind::Postgres).await;
    let nobody = "postgres://keysweep:hunter2@127.0.0.1:1/keysweep";
    for refused in [Ledger::open(nobody).await, Ledger::open_read_only(nobody).await] {
        let error = refused.expect_err("nobody listens there");
        assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    let elsewhere = format!("{}_not_there", place.url());
    let error = Ledger::open(&elsewhere).await.expect_err("no such schema");
    assert!(matches!(error, OpenError::NoSchema { .. }), "{error:?}");
}

#[tokio::test]
async fn text_that_postgresql_cannot_keep_is_kept_with_a_sign_in_its_place() {
    let fixture = Fixture::new(Kind::Postgres).await;
    fixture.ledger.set("a", "b\0c").await.expect("kept");
    assert_eq!(fixture.ledger.get("a").await.expect("read").as_deref(), Some("b\u{FFFD}c"));
}

/// Something for the log.
fn entry(subject: &str) -> Event {
    Event { at: at(0), kind: "clock.suspect", subject: subject.to_owned(), data: Map::new() }
}

#[tokio::test]
async fn whoever_acts_beside_the_holder_waits_for_their_turn_so_that_no_entry_appears_behind_one_that_was_read() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let beside = Ledger::open_beside(&fixture.place.url()).await.expect("an act beside the holder");
    let reader = Ledger::open_read_only(&fixture.place.url()).await.expect("another connection");
    let before = reader.numbers("SELECT coalesce(max(id), 0) FROM event").await;
    let mut first = fixture.ledger.write("write a fact").await.expect("a transaction");
    first.log(&[entry("first")]).await.expect("logged");
    let second = tokio::spawn(async move {
        let mut second = beside.write("act").await?;
        second.log(&[entry("second")]).await?;
        second.commit().await
    });
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objsubid = 1
                   AND (classid::bigint << 32) | objid::bigint = hashtextextended('keysweep write ' || current_schema(), 0)";
    while reader.numbers(waiting).await == [0] {
        assert!(!second.is_finished(), "an entry of a later number can be read before the first");
    }
    assert_eq!(reader.numbers("SELECT coalesce(max(id), 0) FROM event").await, before);
    first.commit().await.expect("written");
    second.await.expect("it ends").expect("written");
    let read = reader.events(before[0], 10).await.expect("the log");
    assert_eq!(read.iter().map(|entry| &*entry.subject).collect::<Vec<_>>(), ["first", "second"]);
    reader.close().await;
}
