//! Another master key: every copy is sealed anew or none, and nothing of the old ones is left.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::shred_postgres::{files, found, mark, scrub};
use super::*;
use crate::ledger::place::Kind;
use crate::ports::{Event, LedgerError, Quiet};

/// One more than are sealed anew together.
const COPIES: i64 = 1_001;
/// The credential whose copy is damaged.
const DAMAGED: i64 = 500;

on_both![all_copies_are_sealed_anew_or_none_and_nothing_of_the_old_ones_is_left];

/// Credentials in use, each with a copy that begins with the mark.
async fn load(fixture: &Fixture, mark: &str) {
    let mut load = chunk(10);
    for number in 1..=COPIES {
        load.connections.push(fixture.connection(number));
        load.credentials.push(fixture.credential(number, Some(&format!("{mark}{number:08}"))));
        load.begun.push(usage(number, number, number));
    }
    fixture.commit(load).await;
}

/// Puts the ledger under the key `new`: a copy with the old mark gets the new one.
async fn rekey(fixture: &Fixture, old: &str, new: &str) -> Result<(u64, Vec<i64>), LedgerError> {
    let event = Event {
        at: at(20),
        kind: "ledger.rekeyed",
        subject: "meta:master_key".to_owned(),
        data: serde_json::Map::new(),
    };
    let reseal = |_: &Fingerprint, copy: &str| {
        let number = copy.strip_prefix(old).expect("a copy under the old key");
        (number != format!("{DAMAGED:08}")).then(|| format!("{new}{number}"))
    };
    let done = fixture.ledger.rekey(("new", "wrapped anew"), event, reseal, &Quiet).await?;
    Ok((done.sealed, done.lost.into_iter().map(|id| id.0).collect()))
}

async fn files_of(fixture: &Fixture, kind: Kind) -> PathBuf {
    match kind {
        Kind::Sqlite => fixture.place.folder.path().to_owned(),
        Kind::Postgres => files(fixture).await,
    }
}

async fn all_copies_are_sealed_anew_or_none_and_nothing_of_the_old_ones_is_left(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let old = mark(&fixture);
    let new = old.replacen("mark", "anew", 1);
    fixture.ledger.set_wrapped_key("old", "wrapped").await.expect("a key");
    load(&fixture, &old).await;

    // The disk is full behind the first page.
    let (begin, end) = match kind {
        Kind::Sqlite => (
            "CREATE TRIGGER full BEFORE UPDATE ON escrow WHEN OLD.id > 1000 BEGIN SELECT RAISE(ABORT, 'full'); END",
            "DROP TRIGGER full",
        ),
        Kind::Postgres => (
            "ALTER TABLE escrow ADD CONSTRAINT fits CHECK (id <= 1000 OR sealed LIKE 'mark%')",
            "ALTER TABLE escrow DROP CONSTRAINT fits",
        ),
    };
    fixture.ledger.act(begin).await;
    rekey(&fixture, &old, &new).await.expect_err("the second page can't be written");
    let key = fixture.ledger.wrapped_key().await.expect("the key");
    assert_eq!(key, Some(("old".to_owned(), "wrapped".to_owned())), "the old key stays in force");
    let under_old = "SELECT id FROM escrow WHERE held = 1 AND sealed LIKE 'mark%'";
    assert_eq!(fixture.numbers(under_old).await.len(), 1_001, "and opens every copy");
    fixture.ledger.act(end).await;

    let done = rekey(&fixture, &old, &new).await.expect("the ledger is well");
    assert_eq!(done, (1_000, vec![DAMAGED]));
    let key = fixture.ledger.wrapped_key().await.expect("the key");
    assert_eq!(key, Some(("new".to_owned(), "wrapped anew".to_owned())));
    let held = fixture.numbers("SELECT credential_id FROM escrow WHERE held = 1").await;
    let sealed: BTreeSet<i64> = (1..=COPIES).filter(|number| *number != DAMAGED).collect();
    assert_eq!(held.into_iter().collect::<BTreeSet<_>>(), sealed);
    let changed = fixture.numbers("SELECT id FROM connection WHERE digest = ''").await;
    assert_eq!(changed, [DAMAGED], "its row is read anew, though it is the same");

    scrub(&fixture.ledger).await;
    let folder = files_of(&fixture, kind).await;
    assert_eq!((found(&folder, &old), found(&folder, &new)), (BTreeSet::new(), sealed));
}
