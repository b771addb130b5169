//! Shredding in PostgreSQL: nothing of a copy is left in the files of its database. The write-ahead log is outside of the
//! promise (docs/security-model.md).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shred::{mixed, shred};
use super::*;
use crate::ports::LedgerError;
use crate::ports::probe::ProbeLedger;

/// The folder where the server keeps the files of the tests' database; a checkpoint has written everything to it.
pub(super) async fn files(fixture: &Fixture) -> PathBuf {
    fixture.ledger.act("CHECKPOINT").await;
    let folder = fixture
        .ledger
        .one("SELECT current_setting('data_directory') || '/base/' || (SELECT oid FROM pg_database WHERE datname = current_database())")
        .await;
    PathBuf::from(folder.expect("a folder"))
}

/// Which copies with this mark, from among all that any file of the folder has.
pub(super) fn found(folder: &Path, mark: &str) -> BTreeSet<i64> {
    let mut present = BTreeSet::new();
    for file in std::fs::read_dir(folder).expect("the server's files, for the user who runs the tests or for root") {
        // One that is gone meanwhile belonged to another test.
        let bytes = std::fs::read(file.expect("a file").path()).unwrap_or_default();
        for (place, _) in bytes.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark.as_bytes()) {
            let digits = bytes.get(place + mark.len()..place + mark.len() + 8).unwrap_or_default();
            present.extend(std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i64>().ok()));
        }
    }
    present
}

/// Credentials with copies that only this test has.
async fn load(fixture: &Fixture, mark: &str, numbers: std::ops::Range<i64>, length: usize) {
    let copy = |number: i64| format!("{mark}{number:08}{}", "q".repeat(length));
    let new = numbers.map(|number| fixture.credential(number, Some(&copy(number))));
    fixture.commit(CollectChunk { credentials: new.collect(), ..chunk(10) }).await;
}

/// What no other test's copies begin with.
pub(super) fn mark(fixture: &Fixture) -> String {
    let name = fixture.place.folder.path().file_name().expect("a name").to_string_lossy().into_owned();
    format!("mark-{}-{name}-", std::process::id())
}

/// Scrubs, once the other tests of this server, which may read an older state of the database, are not in the way.
pub(super) async fn scrub(ledger: &Ledger) {
    let mut scrubbed = ledger.scrub().await;
    for _ in 0..1_000 {
        if !scrubbed.as_ref().is_err_and(LedgerError::is_transient) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        scrubbed = ledger.scrub().await;
    }
    scrubbed.expect("scrubbed");
}

#[tokio::test]
async fn no_file_of_the_database_keeps_a_shredded_copy_and_every_held_one_is_there() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let mark = mark(&fixture);
    let (mut held, mut shredded, mut next, mut state) = (BTreeSet::new(), BTreeSet::new(), 1, 42_u64);
    for round in 0..6 {
        let count = 20 + i64::try_from(mixed(&mut state) % 180).expect("a small number");
        let length = if round == 3 { 5000 } else { 60 }; // the long ones are kept beside the table
        load(&fixture, &mark, next..next + count, length).await;
        held.extend(next..next + count);
        next += count;
        fixture.ledger.act("ANALYZE escrow").await; // samples for the planner must not hold copies either
        let batch: Vec<i64> = held.iter().copied().filter(|_| mixed(&mut state).is_multiple_of(2)).collect();
        shred(&fixture, &batch).await;
        batch.iter().for_each(|id| assert!(held.remove(id)));
        shredded.extend(batch);
    }
    assert!(shredded.len() > 200 && held.len() > 20, "{} {}", shredded.len(), held.len());
    let folder = files(&fixture).await;
    assert!(!found(&folder, &mark).is_disjoint(&shredded), "deleted rows are still there before scrubbing");
    scrub(&fixture.ledger).await;
    assert_eq!(found(&files(&fixture).await, &mark), held);
}

#[tokio::test]
async fn scrubbing_while_somebody_reads_an_older_state_is_to_be_tried_again() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let mark = mark(&fixture);
    load(&fixture, &mark, 1..4, 60).await;
    let reader = Ledger::open_read_only(&fixture.place.url()).await.expect("a reader");
    let mut reading = reader.moment("test").await.expect("a reading transaction");
    reading.number(&sql!("SELECT count(*) FROM source"), []).await.expect("a count"); // not even of the copies
    shred(&fixture, &[1]).await;
    let busy = fixture.ledger.scrub().await;
    assert!(matches!(busy, Err(LedgerError::Busy(_))), "{busy:?}");
    reading.end().await.expect("the reading is over");
    scrub(&fixture.ledger).await;
    assert_eq!(found(&files(&fixture).await, &mark), BTreeSet::from([2, 3]));
}

#[tokio::test]
async fn the_table_is_written_anew_only_where_something_was_shredded_even_before_a_restart() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let file = "SELECT pg_relation_filenode('escrow')::text";
    fixture.load(1..=3, 10).await;
    let before = fixture.one(file).await;
    fixture.ledger.scrub().await.expect("nothing to scrub");
    assert_eq!(fixture.one(file).await, before);
    shred(&fixture, &[2]).await;
    fixture.ledger.close().await;
    let again = Ledger::open(&fixture.place.url()).await.expect("the ledger opens");
    scrub(&again).await;
    let after = again.one(file).await;
    assert_ne!(after, before);
    again.scrub().await.expect("nothing to scrub");
    assert_eq!(again.one(file).await, after);
}
