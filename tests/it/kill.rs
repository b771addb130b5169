//! Killed at any instant, any number of times: nothing is lost, and nothing is said twice.

pub mod mortal;
pub mod process;
mod shelf;
mod story;

use keysweep::domain::time::Timestamp;
use keysweep::ledger::Ledger;

use self::process::{Life, Side};
use self::shelf::Shelf;
use self::story::{Delivered, SCANS, Story, contents};
use crate::support::schema::Kind;

/// An undisturbed scan: the ledger before it, and what it led to.
struct Chapter {
    hour: u64,
    before: String,
    contents: Vec<String>,
    delivered: Vec<Delivered>,
}

/// The story without any death.
async fn undisturbed(shelf: &Shelf) -> Vec<Chapter> {
    let story = Story::new(&shelf.folder());
    let ledger = shelf.place("undisturbed");
    let fresh = Ledger::open(&ledger).await.expect("a new ledger");
    fresh.release_mail(Timestamp::from_secs(0)).await.expect("a new ledger");
    fresh.close().await;
    let mut chapters = Vec::new();
    for hour in SCANS {
        let before = shelf.copy(&ledger, &format!("before-{hour}")).await;
        story.turn_to(hour);
        story.scan(&ledger, &Life::long()).await.expect("nothing disturbs it");
        let chapter = Chapter { hour, before, contents: contents(&ledger).await, delivered: story.delivered() };
        chapters.push(chapter);
    }
    chapters
}

#[track_caller]
fn assert_same(chapter: &Chapter, contents: &[String], how: &str) {
    let lost: Vec<_> = chapter.contents.iter().filter(|row| !contents.contains(row)).collect();
    let added: Vec<_> = contents.iter().filter(|row| !chapter.contents.contains(row)).collect();
    assert!(lost.is_empty() && added.is_empty(), "hour {}, {how}: lost {lost:#?}, added {added:#?}", chapter.hour);
    assert_eq!(chapter.contents.len(), contents.len(), "hour {}, {how}: rows twice", chapter.hour);
}

/// Dies at each write of each of these scans on this side of the commit, then scans again. Returns in what it died.
async fn die_everywhere(kind: Kind, scans: &[u64], side: Side) -> Vec<&'static str> {
    let shelf = Shelf::new(kind);
    let story = Story::new(&shelf.folder());
    let mut calls = std::collections::BTreeSet::new();
    for chapter in undisturbed(&shelf).await.into_iter().filter(|chapter| scans.contains(&chapter.hour)) {
        story.turn_to(chapter.hour);
        for write in 1.. {
            let ledger = shelf.copy(&chapter.before, &format!("{}-{write}", chapter.hour)).await;
            story.turn_to(chapter.hour);
            let life = Life::until(write, side);
            let ended = story.scan(&ledger, &life).await;
            let Some(call) = life.died_in() else {
                ended.expect("without a death a scan ends well");
                break;
            };
            calls.insert(call);
            ended.expect_err("a dead process ends no scan");
            story.scan(&ledger, &Life::long()).await.expect("the next one goes on");
            let how = format!("died {side:?} write {write}, {call}");
            let mut expected = chapter.contents.clone();
            let mut rows = contents(&ledger).await;
            if call == "record_mails" || call == "begin_sending" {
                // What may have arrived is told to the operator, and is no other difference.
                expected.retain(|row| !row.contains("mail.maybe_sent"));
                rows.retain(|row| !row.contains("mail.maybe_sent"));
            }
            assert_same(&Chapter { contents: expected, ..chapter.again() }, &rows, &how);
            let mut delivered = story.delivered();
            let all = delivered.len();
            delivered.dedup(); // equal ones have the same Message-ID, recipient and contents
            assert_eq!(delivered, chapter.delivered, "hour {}, {how}", chapter.hour);
            let twice = usize::from(call == "record_mails" && side == Side::Before);
            assert!(all - delivered.len() <= twice, "hour {}, {how}: a mail was sent twice", chapter.hour);
            shelf.discard(&ledger);
        }
    }
    calls.into_iter().collect()
}

/// Every write that there is.
const WRITES: [&str; 19] = [
    "begin_scan",
    "begin_sending",
    "claim_mails",
    "commit_collect",
    "commit_judgements",
    "commit_probes",
    "commit_snapshot",
    "commit_steps",
    "end_scan",
    "end_waits",
    "form_mails",
    "judge_under",
    "record_mails",
    "recover_mails",
    "reserve",
    "scrub",
    "source",
    "spread_dirty",
    "take_back_lost",
];

impl Chapter {
    fn again(&self) -> Self {
        Self { hour: self.hour, before: self.before.clone(), contents: Vec::new(), delivered: Vec::new() }
    }
}

#[tokio::test]
async fn a_death_before_any_commit_loses_nothing_and_repeats_nothing_but_an_unrecorded_mail() {
    assert_eq!(die_everywhere(Kind::Sqlite, &SCANS, Side::Before).await, WRITES);
}

#[tokio::test]
async fn a_death_after_any_commit_loses_nothing_and_repeats_nothing() {
    assert_eq!(die_everywhere(Kind::Sqlite, &SCANS, Side::After).await, WRITES);
}

// PostgreSQL takes a third of a second for each copy of a ledger, so one eventful scan stands for all.

#[tokio::test]
async fn a_death_before_any_commit_loses_nothing_in_postgresql_either() {
    let calls = die_everywhere(Kind::Postgres, &[24], Side::Before).await;
    assert!(calls.len() >= 15, "{calls:?}");
}

#[tokio::test]
async fn a_death_after_any_commit_repeats_nothing_in_postgresql_either() {
    let calls = die_everywhere(Kind::Postgres, &[192], Side::After).await;
    assert!(calls.len() >= 15, "{calls:?}");
}

#[tokio::test]
async fn the_story_tells_every_turn_that_a_death_could_disturb() {
    let chapters = undisturbed(&Shelf::new(Kind::Sqlite)).await;
    let last = &chapters.last().expect("chapters").contents;
    for word in [
        r#"["finding","revocation-missing",2,"#,
        r#""closed""#,
        r#""shredded""#,
        "secret-stale",
        "secret-shared",
        "connection-orphaned",
        r#""replaced""#,
        r#""absent""#,
        r#""deleted""#,
    ] {
        assert!(last.iter().any(|row| row.contains(word)), "{word} in {last:#?}");
    }
    let mails: Vec<usize> = chapters.iter().map(|chapter| chapter.delivered.len()).collect();
    // The sixth chapter ends a tombstone: who was told of it is told that as well.
    assert_eq!(mails, [3, 3, 1, 4, 4, 3, 0, 4]);
}

#[tokio::test]
async fn however_often_it_dies_a_scan_comes_to_its_end_and_nothing_is_lost() {
    let shelf = Shelf::new(Kind::Sqlite);
    let story = Story::new(&shelf.folder());
    for chapter in undisturbed(&shelf).await {
        let ledger = shelf.copy(&chapter.before, &chapter.hour.to_string()).await;
        story.turn_to(chapter.hour);
        let sides = [Side::Before, Side::After].into_iter().cycle();
        let deaths = (1..).zip(sides).map(|(write, side)| Life::until(write, side));
        let mut lives = 0;
        for life in deaths {
            lives += 1;
            if story.scan(&ledger, &life).await.is_ok() {
                break;
            }
        }
        assert!(lives > 10, "hour {}: only {lives} lives", chapter.hour);
        let mut delivered = story.delivered();
        delivered.dedup(); // equal ones have the same Message-ID, recipient and contents
        assert_eq!(delivered, chapter.delivered, "hour {}", chapter.hour);
        assert_same(&chapter, &contents(&ledger).await, "killed again and again");
    }
}
