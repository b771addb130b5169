//! Killed at any instant, any number of times: nothing is lost, and nothing is said twice.

pub mod mortal;
mod story;

use std::path::{Path, PathBuf};

use keysweep::domain::time::Timestamp;
use keysweep::ledger::Ledger;

use self::mortal::{Life, Side};
use self::story::{Delivered, SCANS, Story, contents, url};

/// An undisturbed scan: the ledger before it, and what it led to.
struct Chapter {
    hour: u64,
    before: PathBuf,
    contents: Vec<String>,
    delivered: Vec<Delivered>,
}

/// The story without any death.
async fn undisturbed(folder: &Path) -> Vec<Chapter> {
    let story = Story::new(folder);
    let ledger = folder.join("undisturbed.db");
    let fresh = Ledger::open(&url(&ledger)).await.expect("a new ledger");
    fresh.release_mail(Timestamp::from_secs(0)).await.expect("a new ledger");
    fresh.close().await;
    let mut chapters = Vec::new();
    for hour in SCANS {
        let before = folder.join(format!("before-{hour}.db"));
        Ledger::copy_to(&url(&ledger), &before).await.expect("a copy");
        story.turn_to(hour);
        story.scan(&ledger, &Life::long()).await.expect("nothing disturbs it");
        let chapter = Chapter { hour, before, contents: contents(&ledger).await, delivered: story.delivered() };
        chapters.push(chapter);
    }
    chapters
}

/// A ledger as it was before the chapter, under a name of its own.
async fn copy(folder: &Path, chapter: &Chapter, name: &str) -> PathBuf {
    let path = folder.join(name);
    Ledger::copy_to(&url(&chapter.before), &path).await.expect("a copy");
    path
}

#[track_caller]
fn assert_same(chapter: &Chapter, contents: &[String], how: &str) {
    let lost: Vec<_> = chapter.contents.iter().filter(|row| !contents.contains(row)).collect();
    let added: Vec<_> = contents.iter().filter(|row| !chapter.contents.contains(row)).collect();
    assert!(lost.is_empty() && added.is_empty(), "hour {}, {how}: lost {lost:#?}, added {added:#?}", chapter.hour);
    assert_eq!(chapter.contents.len(), contents.len(), "hour {}, {how}: rows twice", chapter.hour);
}

/// Dies at each write of each scan on this side of the commit, then scans again.
async fn die_everywhere(side: Side) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let story = Story::new(folder.path());
    let mut calls = std::collections::BTreeSet::new();
    for chapter in undisturbed(folder.path()).await {
        story.turn_to(chapter.hour);
        for write in 1.. {
            let ledger = copy(folder.path(), &chapter, &format!("{}-{write}.db", chapter.hour)).await;
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
            std::fs::remove_file(&ledger).expect("a file");
        }
    }
    let expected = [
        "begin_scan",
        "begin_sending",
        "claim_mails",
        "commit_collect",
        "commit_judgements",
        "commit_probes",
        "commit_snapshot",
        "commit_steps",
        "end_scan",
        "form_mails",
        "judge_under",
        "record_mails",
        "recover_mails",
        "reserve",
        "scrub",
        "source",
        "spread_dirty",
    ];
    assert_eq!(calls.into_iter().collect::<Vec<_>>(), expected, "a death in every write that there is");
}

impl Chapter {
    fn again(&self) -> Self {
        Self { hour: self.hour, before: self.before.clone(), contents: Vec::new(), delivered: Vec::new() }
    }
}

#[tokio::test]
async fn a_death_before_any_commit_loses_nothing_and_repeats_nothing_but_an_unrecorded_mail() {
    die_everywhere(Side::Before).await;
}

#[tokio::test]
async fn a_death_after_any_commit_loses_nothing_and_repeats_nothing() {
    die_everywhere(Side::After).await;
}

#[tokio::test]
async fn the_story_tells_every_turn_that_a_death_could_disturb() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let chapters = undisturbed(folder.path()).await;
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
    assert_eq!(mails, [3, 3, 1, 4, 4, 1, 0, 4]);
}

#[tokio::test]
async fn however_often_it_dies_a_scan_comes_to_its_end_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let story = Story::new(folder.path());
    for chapter in undisturbed(folder.path()).await {
        let ledger = copy(folder.path(), &chapter, &format!("{}.db", chapter.hour)).await;
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
