use proptest::prelude::*;

use super::*;
use crate::domain::belief::{Belief, Liveness};
use crate::ports::LedgerError;
use crate::ports::probe::{Learnt, ProbeLedger, ProbeRecord};

pub(super) async fn shred(fixture: &Fixture, ids: &[i64]) {
    let records: Vec<_> = ids
        .iter()
        .map(|id| ProbeRecord {
            id: CredentialId(*id),
            belief: Belief { liveness: Liveness::Shredded, ..Belief::default() },
            probe_at: None,
            kind: None,
            parts: None,
            shred: true,
            region: None,
            base_url: None,
            idle_since: None,
            transition: true,
        })
        .collect();
    fixture.ledger.commit_probes(at(50), &Learnt { records: &records, ..Learnt::default() }).await.expect("shredded");
}

/// Which of these copies can be found anywhere in the database's files.
fn found(fixture: &Fixture, ids: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let bytes: Vec<u8> = ["ledger.db", "ledger.db-wal", "ledger.db-shm"]
        .iter()
        .flat_map(|name| std::fs::read(fixture.place.folder.path().join(name)).unwrap_or_default())
        .collect();
    // Every copy begins with these words and its number.
    let mut present = std::collections::BTreeSet::new();
    let mark = b"sealed-";
    for place in (0..bytes.len().saturating_sub(15)).filter(|place| bytes[*place..].starts_with(mark)) {
        if let Some(id) =
            std::str::from_utf8(&bytes[place + 7..place + 15]).ok().and_then(|digits| digits.parse::<i64>().ok())
        {
            present.insert(id);
        }
    }
    ids.into_iter().filter(|id| present.contains(id)).collect()
}

/// Numbers from a fixed start, as mixed as chance: the same at each run.
pub(super) fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[tokio::test]
async fn no_file_of_the_database_keeps_a_shredded_copy_and_every_held_one_is_there() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    let (mut held, mut shredded, mut next, mut state) = (Vec::new(), Vec::new(), 1, 42_u64);
    for _ in 0..30 {
        let count = 20 + i64::try_from(mixed(&mut state) % 180).expect("a small number");
        fixture.load(next..next + count, 10).await;
        held.extend(next..next + count);
        next += count;
        let mut batch = Vec::new();
        for _ in 0..mixed(&mut state) % 90 {
            batch.push(held.swap_remove(usize::try_from(mixed(&mut state)).expect("a place") % held.len()));
        }
        shred(&fixture, &batch).await;
        shredded.extend(batch);
    }
    assert!(shredded.len() > 500 && held.len() > 500, "{} {}", shredded.len(), held.len());
    assert!(!found(&fixture, shredded.iter().copied()).is_empty(), "before scrubbing the journal still has some");
    fixture.ledger.scrub().await.expect("scrubbed");
    assert_eq!(found(&fixture, shredded), Vec::<i64>::new());
    assert_eq!(found(&fixture, held.iter().copied()), held, "the search finds what is there");
}

#[tokio::test]
async fn a_shredded_row_keeps_its_place_and_length_and_takes_the_next_copy_of_its_credential() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    fixture.load(1..=3, 10).await;
    shred(&fixture, &[2]).await;
    assert_eq!(fixture.one("SELECT sealed FROM escrow WHERE id = 2").await, Some("0".repeat(sealed(2).len())));
    let longer = format!("{}-longer", sealed(2));
    fixture.commit(CollectChunk { resealed: vec![(CredentialId(2), sealed(9))], ..chunk(60) }).await;
    assert_eq!(fixture.one("SELECT sealed FROM escrow WHERE id = 2 AND held = 1").await, Some(sealed(9)));
    shred(&fixture, &[2]).await;
    fixture.commit(CollectChunk { resealed: vec![(CredentialId(2), longer.clone())], ..chunk(70) }).await;
    assert_eq!(fixture.one("SELECT sealed FROM escrow WHERE id = 4 AND held = 1").await, Some(longer));
    assert_eq!(fixture.numbers("SELECT count(*) FROM escrow").await, [4]);
    fixture.commit(CollectChunk { resealed: vec![(CredentialId(2), sealed(5))], ..chunk(80) }).await;
    assert_eq!(
        fixture.numbers("SELECT count(*) FROM escrow WHERE held = 1 AND credential_id = 2").await,
        [1],
        "one copy at most"
    );
}

#[tokio::test]
async fn scrubbing_while_somebody_reads_an_older_state_is_to_be_tried_again() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    fixture.load(1..=3, 10).await;
    let reader = Ledger::open_read_only(&fixture.place.url()).await.expect("a reader");
    let mut reading = reader.moment("test").await.expect("a reading transaction");
    reading.number(&sql!("SELECT count(*) FROM escrow"), []).await.expect("a count");
    shred(&fixture, &[1]).await;
    fixture.ledger.act("PRAGMA busy_timeout = 0").await;
    let busy = fixture.ledger.scrub().await;
    assert!(matches!(busy, Err(LedgerError::Busy(_))), "{busy:?}");
    assert!(busy.is_err_and(|error| error.is_transient()));
    drop(reading);
    reader.close().await;
    fixture.ledger.scrub().await.expect("scrubbed");
    assert!(found(&fixture, [1]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn shredding_overwrites_copies_of_any_length(lengths in prop::collection::vec(1_usize..9000, 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let fixture = Fixture::new(Kind::Sqlite).await;
            let ids: Vec<i64> = (1..).take(lengths.len()).collect();
            let new = ids.iter().zip(&lengths).map(|(id, length)| {
                fixture.credential(*id, Some(&format!("sealed-{id:08}{}", "q".repeat(*length))))
            });
            fixture.commit(CollectChunk { credentials: new.collect(), ..chunk(10) }).await;
            assert_eq!(found(&fixture, ids.iter().copied()), ids);
            shred(&fixture, &ids).await;
            fixture.ledger.scrub().await.expect("scrubbed");
            assert!(found(&fixture, ids.iter().copied()).is_empty());
            let bytes = std::fs::read(fixture.database()).expect("the database");
            assert!(!bytes.windows(32).any(|window| window.iter().all(|byte| *byte == b'q')), "the tail of a copy is left");
        });
    }
}
