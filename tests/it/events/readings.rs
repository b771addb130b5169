//! Events beside a reading of the same source that is under way: it shows what was, they tell what is.

use keysweep::domain::facts::{ConnectionStatus, Provenance, Subject};
use keysweep::domain::finding::KnownFinding;
use keysweep::domain::ids::{ConnectionId, CredentialId};
use keysweep::domain::policy::Policy;
use keysweep::domain::record::ConnectionRecord;
use keysweep::domain::time::{Timestamp, hours, minutes};
use keysweep::ledger::Ledger;
use keysweep::ledger::read::CredentialFilter;
use keysweep::ports::collect::CollectLedger as _;
use keysweep::ports::events::Taken;
use keysweep::ports::judge::{JudgeBatch, JudgeLedger};
use keysweep::ports::turn::{Turn, Turns};
use keysweep::ports::{Clock as _, LedgerError, Quiet};
use keysweep::scan::judge;

use super::place::{Place, START, body, row};
use crate::support::Kind;

fn created(id: &str) -> String {
    let data =
        format!(r#"{{"connection_id": "{id}", "account_id": "account", "provider": "kit", "secret": "kit_{id}"}}"#);
    body("connection.created", START, &data)
}

fn deleted(id: &str) -> String {
    body("connection.deleted", START, &format!(r#"{{"connection_id": "{id}"}}"#))
}

async fn a_reading_that_began_before_an_event_doesnt_miss_what_it_made(kind: Kind) {
    let place = Place::on(kind).await;
    place.read(vec![row("c", "kit_c")], &[created("new")]).await;
    assert_eq!(place.row("new").await.expect("a connection").absent_since, None);
    place.later(minutes(1));
    place.read(vec![row("c", "kit_c")], &[]).await;
    assert!(place.row("new").await.expect("a connection").absent_since.is_some(), "one that began after it does");
    place.later(hours(2));
    place.read(vec![row("c", "kit_c")], &[]).await;
    assert_eq!(place.status("new").await, ConnectionStatus::Absent);
}

async fn a_reading_that_began_before_an_event_revives_nothing_and_one_after_it_does(kind: Kind) {
    let place = Place::on(kind).await;
    place.read(vec![row("c", "kit_c")], &[]).await;
    place.later(minutes(1));
    let renamed = ConnectionRecord { name: Some("renamed".to_owned()), ..row("c", "kit_c") };
    place.read(vec![renamed.clone()], &[deleted("c")]).await;
    assert_eq!(place.status("c").await, ConnectionStatus::Deleted);
    let known = place.known("c").await;
    assert!(known.open_use().is_none());
    place.later(minutes(1));
    place.read(vec![renamed], &[]).await;
    assert_eq!(place.status("c").await, ConnectionStatus::Active, "the platform has it again");
}

async fn a_row_with_a_date_is_held_against_the_events_own(kind: Kind) {
    let place = Place::on(kind).await;
    place.read(vec![row("c", "kit_c")], &[]).await;
    place.later(minutes(1));
    let dated = |at| ConnectionRecord { updated_at: Some(at), ..row("c", "kit_c") };
    place.read(vec![dated(START - minutes(1))], &[deleted("c")]).await;
    assert_eq!(place.status("c").await, ConnectionStatus::Deleted);
    place.later(minutes(1));
    place.read(vec![dated(START - minutes(1))], &[]).await;
    assert_eq!(place.status("c").await, ConnectionStatus::Deleted, "an old row is old whenever it is read");
    place.later(minutes(1));
    place.read(vec![dated(START + minutes(1))], &[]).await;
    assert_eq!(place.status("c").await, ConnectionStatus::Active);
}

async fn an_event_from_between_an_old_list_and_its_reading_is_not_late(kind: Kind) {
    let place = Place::on(kind).await;
    place.read_list(vec![row("c", "kit_c")], Some(START - hours(8)), &[]).await;
    let ended = place.tell("end", &body("connection.deleted", START - hours(3), r#"{"connection_id": "c"}"#)).await;
    assert_eq!(ended, Ok(Taken::Done { ended: true }), "the list is of the night, the end of the morning");
    assert_eq!(place.status("c").await, ConnectionStatus::Deleted);
    place.later(minutes(1));
    place.read_list(vec![row("c", "kit_c")], Some(START - hours(8)), &[]).await;
    assert_eq!(place.status("c").await, ConnectionStatus::Deleted, "the same list says nothing new");
    place.read_list(vec![row("c", "kit_c")], Some(START + minutes(1)), &[]).await;
    assert_eq!(place.status("c").await, ConnectionStatus::Active, "a newer one does");
}

async fn what_is_gone_is_not_brought_back_by_a_word_from_before(kind: Kind) {
    let place = Place::on(kind).await;
    place.read(vec![row("c", "kit_c"), row("d", "kit_d")], &[]).await;
    for _ in 0..2 {
        place.later(hours(2));
        place.read(vec![row("d", "kit_d")], &[]).await;
    }
    assert_eq!(place.status("c").await, ConnectionStatus::Absent);
    let told = |kind: &str, at| {
        let data =
            r#"{"connection_id": "c", "account_id": "account", "provider": "kit", "secret": "kit_c", "name": "new"}"#;
        body(kind, at, data)
    };
    for (id, kind, at, status) in [
        ("late", "connection.updated", minutes(180), ConnectionStatus::Absent),
        ("also late", "connection.updated", minutes(190), ConnectionStatus::Absent),
        ("its end", "connection.deleted", minutes(200), ConnectionStatus::Deleted),
        ("late after that", "connection.updated", minutes(210), ConnectionStatus::Deleted),
    ] {
        let late = place.tell(id, &told(kind, START + at)).await;
        assert!(late.is_ok(), "{id}: {late:?}");
        let known = place.known("c").await;
        assert_eq!((known.status, known.open_use()), (status, None), "{id}: a list from after it lacks it");
    }
    place.later(hours(1));
    let back = place.tell("back", &told("connection.updated", START + hours(5))).await;
    assert_eq!(back, Ok(Taken::Done { ended: false }));
    assert_eq!(place.status("c").await, ConnectionStatus::Active);
}

async fn an_event_that_comes_while_its_connection_is_judged_is_judged_too(kind: Kind) {
    let place = Place::on(kind).await;
    place.read(vec![row("c", "kit_c")], &[]).await;
    place.later(minutes(1));
    let told = tokio::sync::Notify::new();
    let slow = Slow { ledger: &place.ledger, told: &told };
    let policy = Policy::default();
    let judging = judge(&slow, &place.clock, &policy, "v1", &Quiet);
    let telling = async {
        slow.told.notified().await;
        let taken = place.tell("end", &deleted("c")).await;
        slow.told.notify_one();
        taken
    };
    let (judged, taken) = futures::join!(judging, telling);
    judged.expect("a judgement");
    assert_eq!(taken, Ok(Taken::Done { ended: true }));
    assert_eq!(
        place.ledger.due_count(place.clock.now()).await.expect("a count"),
        1,
        "what the event says is still to be judged"
    );
}

/// A ledger that leaves time between what is read for judging and what follows from it.
struct Slow<'a> {
    ledger: &'a Ledger,
    told: &'a tokio::sync::Notify,
}

impl Turns for Slow<'_> {
    async fn turn(&self) -> Result<Turn, LedgerError> {
        self.ledger.turn().await
    }
}

type Subjects = Vec<(Subject, Vec<KnownFinding>)>;

impl JudgeLedger for Slow<'_> {
    async fn judge_under(&self, version: &str) -> Result<(), LedgerError> {
        self.ledger.judge_under(version).await
    }

    async fn spread_dirty(&self, now: Timestamp) -> Result<bool, LedgerError> {
        self.ledger.spread_dirty(now).await
    }

    async fn due_count(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.ledger.due_count(now).await
    }

    async fn due_subjects(&self, now: Timestamp, after: ConnectionId, limit: usize) -> Result<Subjects, LedgerError> {
        let page = self.ledger.due_subjects(now, after, limit).await?;
        if !page.is_empty() {
            self.told.notify_one();
            tokio::task::yield_now().await;
            // where the event has to wait for its turn, it isn't waited for
            _ = tokio::time::timeout(std::time::Duration::from_millis(300), self.told.notified()).await;
        }
        Ok(page)
    }

    async fn all_subjects(&self, after: ConnectionId, limit: usize) -> Result<Subjects, LedgerError> {
        self.ledger.all_subjects(after, limit).await
    }

    async fn commit_judgements(&self, batch: &JudgeBatch) -> Result<(), LedgerError> {
        self.ledger.commit_judgements(batch).await
    }
}

async fn a_reading_and_events_never_give_out_the_same_numbers(kind: Kind) {
    let place = Place::on(kind).await;
    let rows = || (0..50).map(|n| row(&format!("row-{n}"), &format!("kit_row_{n}"))).collect::<Vec<_>>();
    let events = async {
        for n in 0..50 {
            let taken = place.tell(&format!("m{n}"), &created(&format!("event-{n}"))).await;
            assert!(taken.is_ok(), "{taken:?}");
        }
    };
    let readings = async {
        for n in 0..50 {
            let mut rows = rows();
            rows.truncate(n + 1);
            place.read(rows, &[]).await;
        }
    };
    futures::join!(events, readings);
    let mut numbers = std::collections::BTreeSet::new();
    for n in 0..50 {
        for id in [format!("row-{n}"), format!("event-{n}")] {
            let known = place.known(&id).await;
            assert!(numbers.insert(known.id.0), "{id}");
            assert_eq!(place.values(known.id).await.len(), 1, "{id}");
        }
    }
}

async fn a_secret_that_an_event_tells_of_is_as_old_as_the_event_however_late_that_comes(kind: Kind) {
    let place = Place::on(kind).await;
    place.read(vec![row("c", "kit_c")], &[]).await;
    place.later(hours(100));
    let data = r#"{"connection_id": "c", "account_id": "account", "provider": "kit", "secret": "kit_another"}"#;
    place.tell("1", &body("connection.updated", START + hours(1), data)).await.expect("news");
    let known = place.ledger.credentials(&CredentialFilter::default(), CredentialId(0), 10).await.expect("rows");
    let ages: Vec<_> = known.iter().map(|row| (row.secret_since, row.provenance)).collect();
    assert_eq!(ages.last(), Some(&(START + hours(1), Provenance::Observed)), "{ages:?}");
}

async fn another_row_of_the_same_key_sends_it_to_no_other_address(kind: Kind) {
    let place = Place::on(kind).await;
    let at = |id: &str, address: &str| ConnectionRecord { base_url: Some(address.to_owned()), ..row(id, "kit_same") };
    let (good, typo) = ("https://good.example.test", "https://typo.example.test");
    place.read(vec![at("a", good)], &[]).await;
    place.later(minutes(1));
    place.read(vec![at("a", good), at("b", typo)], &[]).await;
    let address = async || {
        let values = place.values(place.known("a").await.id).await;
        place.ledger.known_credentials(&values).await.expect("credentials").pop().expect("the key").base_url
    };
    assert_eq!(address().await.as_deref(), Some(good));
    place.later(minutes(1));
    let gone = body("connection.deleted", START + minutes(2), r#"{"connection_id": "b"}"#);
    place.tell("1", &gone).await.expect("news");
    place.read(vec![at("a", typo)], &[]).await;
    assert_eq!(address().await.as_deref(), Some(typo), "the only one that uses it is believed");
}

on_both![
    another_row_of_the_same_key_sends_it_to_no_other_address,
    a_secret_that_an_event_tells_of_is_as_old_as_the_event_however_late_that_comes,
    a_reading_that_began_before_an_event_doesnt_miss_what_it_made,
    a_reading_that_began_before_an_event_revives_nothing_and_one_after_it_does,
    a_row_with_a_date_is_held_against_the_events_own,
    an_event_from_between_an_old_list_and_its_reading_is_not_late,
    what_is_gone_is_not_brought_back_by_a_word_from_before,
    an_event_that_comes_while_its_connection_is_judged_is_judged_too,
    a_reading_and_events_never_give_out_the_same_numbers,
];
