//! Events beside a reading of the same source that is under way: it shows what was, they tell what is.

use keysweep::domain::facts::ConnectionStatus;
use keysweep::domain::record::ConnectionRecord;
use keysweep::domain::time::{hours, minutes};

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

on_both![
    a_reading_that_began_before_an_event_doesnt_miss_what_it_made,
    a_reading_that_began_before_an_event_revives_nothing_and_one_after_it_does,
    a_row_with_a_date_is_held_against_the_events_own,
    a_reading_and_events_never_give_out_the_same_numbers,
];
