//! Any order, and any of them twice.

use std::collections::VecDeque;

use keysweep::domain::facts::{ConnectionStatus, EndedBy, Provenance, SaidBy};
use keysweep::domain::ids::ConnectionId;
use keysweep::domain::time::{Timestamp, minutes};
use keysweep::ledger::NotNow;
use keysweep::ports::collect::CollectLedger as _;
use keysweep::ports::events::{NotTaken, Taken};
use keysweep::ports::judge::JudgeLedger as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::place::{Place, START, body};
use crate::support::Kind;

/// What happens to one connection, in order.
#[derive(Clone, Debug)]
enum Step {
    /// it is made, or changed; with a secret, or without a word of it
    Row { name: u8, secret: Option<u8> },
    /// it ends; with all its facts or with its id alone, and perhaps with its secret
    End { whole: bool, secret: Option<u8> },
}

fn secrets() -> impl Strategy<Value = Option<u8>> {
    proptest::option::of(0_u8..3)
}

/// One story, and how it comes in: places in it, each at least once, some of them twice.
fn stories() -> impl Strategy<Value = (Vec<Step>, Vec<usize>)> {
    let rows = proptest::collection::vec((0_u8..4, secrets()), 1..5);
    let end = proptest::option::of((any::<bool>(), secrets()));
    let story = (rows, end).prop_map(|(rows, end)| {
        let rows = rows.into_iter().map(|(name, secret)| Step::Row { name, secret });
        rows.chain(end.map(|(whole, secret)| Step::End { whole, secret })).collect::<Vec<Step>>()
    });
    story.prop_flat_map(|story| {
        let count = story.len();
        let twice = proptest::collection::vec(0..count, 0..3);
        let order = twice.prop_map(move |twice| (0..count).chain(twice).collect::<Vec<usize>>()).prop_shuffle();
        (Just(story), order)
    })
}

fn said(connection: &str, number: usize, step: &Step) -> String {
    let at = START - minutes(100 - number as u64);
    let secret = |secret: &Option<u8>| secret.map(|n| format!(r#", "secret": "kit_secret_{n}""#)).unwrap_or_default();
    let facts = r#""account_id": "account", "provider": "kit""#;
    match step {
        Step::Row { name, secret: value } => {
            let kind = if number == 0 { "connection.created" } else { "connection.updated" };
            let data =
                format!(r#"{{"connection_id": "{connection}", {facts}, "name": "name {name}"{}}}"#, secret(value));
            body(kind, at, &data)
        }
        Step::End { whole, secret: value } => {
            let facts = if *whole { format!(", {facts}, \"tags\": [\"end\"]") } else { String::new() };
            let data = format!(r#"{{"connection_id": "{connection}"{facts}{}}}"#, secret(value));
            body("connection.deleted", at, &data)
        }
    }
}

/// Hands the events in as a platform does: what is not taken comes again, behind the others.
async fn deliver(place: &Place, connection: &str, story: &[Step], order: &[usize]) {
    let mut waiting: VecDeque<usize> = order.iter().copied().collect();
    let mut tries = 0;
    while let Some(number) = waiting.pop_front() {
        tries += 1;
        assert!(tries < 100, "{story:?} {order:?}: never taken");
        let id = format!("{connection}-{number}");
        let taken = place.tell(&id, &said(connection, number, &story[number])).await;
        assert!(matches!(taken, Ok(_) | Err(NotTaken::Unknown(_))), "{story:?}: {taken:?}");
        if taken.is_err() {
            waiting.push_back(number);
        }
    }
}

#[test]
fn in_whatever_order_events_come_the_same_is_known_in_the_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let place = runtime.block_on(Place::on(Kind::Sqlite));
    let case = std::cell::Cell::new(0);
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let told = runner.run(&stories(), |(story, order)| {
        case.set(case.get() + 1);
        let (straight, crooked) = (format!("a{}", case.get()), format!("b{}", case.get()));
        runtime.block_on(async {
            deliver(&place, &straight, &story, &Vec::from_iter(0..story.len())).await;
            deliver(&place, &crooked, &story, &order).await;
            let (wanted, known) = (place.facts(&straight).await, place.facts(&crooked).await);
            prop_assert_eq!(wanted, known);
            Ok(())
        })
    });
    told.unwrap_or_else(|why| panic!("{why}"));
}

async fn a_late_creation_tells_how_old_the_secret_is(kind: Kind) {
    let place = Place::on(kind).await;
    let row = |event: &str, minutes_ago: u64, secret: &str, dates: &str| {
        let facts = format!(r#""connection_id": "c", "account_id": "a", "provider": "kit", "secret": "{secret}""#);
        body(event, START - minutes(minutes_ago), &format!("{{{facts}{dates}}}"))
    };
    let since = async |secret: &str| {
        let value = place.values(place.known("c").await.id).await.into_iter().next_back().expect(secret);
        let known = place.ledger.known_credentials(&[value]).await.expect("a look").remove(0);
        (known.secret_since, known.provenance)
    };
    let (made, set) = (START - minutes(500), START - minutes(300));
    place.tell("updated", &row("connection.updated", 5, "kit_a", "")).await.expect("taken");
    assert_eq!(since("first").await, (START - minutes(5), Provenance::FirstSeen));
    let dates = format!(r#", "created_at": "{made}""#);
    assert_eq!(place.tell("made", &row("connection.created", 9, "kit_a", &dates)).await, Ok(Taken::Late));
    assert_eq!(since("first").await.1, Provenance::FirstSeen, "its source says that secrets are replaced in place");
    let dates = format!(r#", "secret_set_at": "{set}""#);
    assert_eq!(place.tell("said", &row("connection.updated", 8, "kit_a", &dates)).await, Ok(Taken::Late));
    assert_eq!(since("first").await, (set, Provenance::Declared));
}

async fn a_late_former_secret_is_known_though_its_connection_has_moved(kind: Kind) {
    let place = Place::on(kind).await;
    let row = |event: &str, minutes_ago: u64, account: &str, secret: &str| {
        let data =
            format!(r#"{{"connection_id": "c", "account_id": "{account}", "provider": "kit", "secret": "{secret}"}}"#);
        body(event, START - minutes(minutes_ago), &data)
    };
    for (id, told) in [
        ("one", row("connection.updated", 8, "a", "kit_new")),
        ("two", row("connection.updated", 5, "b", "kit_new")),
        ("three", row("connection.created", 9, "a", "kit_old")),
    ] {
        assert!(place.tell(id, &told).await.is_ok(), "{id}");
    }
    let known = place.known("c").await;
    let values: std::collections::BTreeSet<_> = place.values(known.id).await.into_iter().collect();
    assert_eq!(values.len(), 2);
    let (subject, _) = place.ledger.all_subjects(ConnectionId(0), 1).await.expect("a look").remove(0);
    let former = subject.uses.iter().find(|used| used.until.is_some() && used.ended_by != Some(EndedBy::Identified));
    let former = former.expect("the old one was left behind");
    let first = subject.uses.iter().find(|used| used.ended_by == Some(EndedBy::Identified)).expect("it has moved");
    assert_eq!(former.account, first.account, "where it was used");
    assert_ne!(former.account, subject.connection.account);
}

async fn a_late_secret_is_not_lost_and_doesnt_take_the_newer_ones_place(kind: Kind) {
    let place = Place::on(kind).await;
    let at = |number: u64| START - minutes(10 - number);
    let row = |at: Timestamp, secret: &str| {
        let data = format!(r#"{{"connection_id": "c", "account_id": "a", "provider": "kit", "secret": "{secret}"}}"#);
        body("connection.updated", at, &data)
    };
    assert_eq!(place.tell("new", &row(at(5), "kit_new")).await, Ok(Taken::Done { ended: false }));
    assert_eq!(place.tell("old", &row(at(1), "kit_old")).await, Ok(Taken::Done { ended: true }));
    assert_eq!(place.tell("old again", &row(at(1), "kit_old")).await, Ok(Taken::Late));
    assert_eq!(place.tell("new", &row(at(9), "kit_other")).await, Ok(Taken::Repeated), "by its identity alone");
    let known = place.known("c").await;
    let values = place.values(known.id).await;
    assert_eq!(values.len(), 2);
    assert_eq!(known.open_use().map(|open| &open.fingerprint), values.last());
    let awaited = place.ledger.awaited(&NotNow::default()).await.expect("a look");
    assert_eq!(awaited.len(), 1, "the old one is asked about at once");
    place.ledger.no_longer_awaited(&awaited).await.expect("a write");
    assert!(place.ledger.awaited(&NotNow::default()).await.expect("a look").is_empty());
}

async fn a_version_that_is_told_says_that_a_secret_was_replaced_that_nobody_shows(kind: Kind) {
    let place = Place::on(kind).await;
    let told = |at: Timestamp, version: &str| {
        let data =
            format!(r#"{{"connection_id": "c", "account_id": "a", "provider": "kit", "secret_version": "{version}"}}"#);
        body("connection.updated", at, &data)
    };
    let mut shown = Vec::new();
    for (number, version, ended) in [(1, "1", false), (2, "1", false), (3, "2", true)] {
        let at = START - minutes(10 - number);
        assert_eq!(place.tell(&number.to_string(), &told(at, version)).await, Ok(Taken::Done { ended }), "{number}");
        shown.push(place.known("c").await.open_use().expect("an open use").fingerprint.clone());
    }
    assert_eq!(shown[0], shown[1], "told twice, it is one value");
    assert_ne!(shown[1], shown[2], "another version is another value");
}

async fn a_leak_is_noted_of_the_value_of_then_and_once(kind: Kind) {
    let place = Place::on(kind).await;
    let leak = |at: Timestamp| body("credential.compromised", at, r#"{"connection_id": "c"}"#);
    let unknown = place.tell("leak", &leak(START)).await;
    assert!(matches!(unknown, Err(NotTaken::Unknown(_))), "{unknown:?}");
    place.read(vec![super::place::row("c", "kit_one")], &[]).await;
    assert_eq!(place.tell("leak", &leak(START)).await, Ok(Taken::Done { ended: false }));
    assert_eq!(place.tell("leak", &leak(START)).await, Ok(Taken::Repeated));
    place.later(minutes(1));
    assert_eq!(place.tell("later", &leak(START + minutes(1))).await, Ok(Taken::Done { ended: false }));
    let credential = place.known("c").await.last_use.expect("a use").credential;
    let detail = place.ledger.credential_by_id(credential).await.expect("a look").expect("the credential");
    assert_eq!(detail.credential.compromised_at, Some(START), "the earlier word stays");
    assert_eq!((detail.credential.compromised_by, detail.credential.compromised_note), (Some(SaidBy::Platform), None));
}

async fn people_come_and_go_by_events(kind: Kind) {
    let place = Place::on(kind).await;
    let at = |number: u64| START - minutes(10 - number);
    let person = |kind: &str, number: u64, more: &str| {
        body(kind, at(number), &format!(r#"{{"account_id": "a", "member_id": "m"{more}}}"#))
    };
    let early = place.tell("1", &person("member.removed", 5, "")).await;
    assert!(matches!(early, Err(NotTaken::Unknown(_))), "{early:?}");
    let made = person("member.created", 1, r#", "email": "m@example.org", "role": "owner""#);
    assert_eq!(place.tell("2", &made).await, Ok(Taken::Done { ended: false }));
    assert_eq!(place.tell("1", &person("member.removed", 5, "")).await, Ok(Taken::Done { ended: false }));
    let late = person("member.updated", 3, r#", "email": "other@example.org""#);
    assert_eq!(place.tell("3", &late).await, Ok(Taken::Late));
    use keysweep::ports::collect::CollectLedger as _;
    use keysweep::ports::events::EventLedger as _;
    let source = place.ledger.source("main", START).await.expect("the source").id;
    let known = place.ledger.known_member(source, "a", "m").await.expect("a look").expect("a person");
    assert_eq!(known.status, keysweep::domain::record::PersonStatus::Removed);
    assert_eq!(known.email.expose(), "m@example.org");
}

async fn what_is_wrong_with_a_row_is_said_and_nothing_is_kept_of_it(kind: Kind) {
    let place = Place::on(kind).await;
    let key = "0123456789abcdef0123456789abcdef";
    for (data, field) in [
        (r#"{"account_id": "a", "provider": "kit"}"#.to_owned(), "connection_id"),
        (r#"{"connection_id": "c", "provider": "kit"}"#.to_owned(), "account_id"),
        (
            format!(r#"{{"connection_id": "c", "account_id": "a", "provider": "kit", "created_at": "{key}"}}"#),
            "created_at",
        ),
    ] {
        let taken = place.tell("m", &body("connection.created", START, &data)).await;
        let is_so = |why: &NotTaken| matches!(why, NotTaken::Unfit(problem) if problem.field == field);
        assert!(taken.as_ref().is_err_and(is_so), "{field}: {taken:?}");
        assert!(!format!("{taken:?}").contains("0123"), "{taken:?}");
    }
    assert!(place.row("c").await.is_none());
    let good = r#"{"connection_id": "c", "account_id": "a", "provider": "kit"}"#;
    let taken = place.tell("m", &body("connection.created", START, good)).await;
    assert_eq!(taken, Ok(Taken::Done { ended: false }), "the same message, once it is right");
    assert_eq!(place.status("c").await, ConnectionStatus::Active);
}

on_both![
    a_late_creation_tells_how_old_the_secret_is,
    a_late_former_secret_is_known_though_its_connection_has_moved,
    a_late_secret_is_not_lost_and_doesnt_take_the_newer_ones_place,
    a_version_that_is_told_says_that_a_secret_was_replaced_that_nobody_shows,
    a_leak_is_noted_of_the_value_of_then_and_once,
    people_come_and_go_by_events,
    what_is_wrong_with_a_row_is_said_and_nothing_is_kept_of_it,
];
