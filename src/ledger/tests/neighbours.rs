use super::*;

use crate::domain::compromise::{Word, word};
use crate::domain::facts::{Compromise, SaidBy};
use crate::ports::collect::{Older, UseTold};

on_both![
    neighbours_become_due_when_the_summary_flips_and_at_no_other_change,
    what_a_row_says_of_its_value_makes_neighbours_due_where_their_summary_flips,
    the_operators_word_makes_every_connection_of_the_credential_due_once,
    an_earlier_end_than_any_known_makes_neighbours_due,
    a_connection_that_is_due_sooner_stays_so,
    the_neighbours_of_a_widely_shared_credential_are_noted_for_pages_and_not_walked,
    a_greater_age_is_a_fact_of_every_connection_that_shares_the_credential,
    a_credential_sealed_anew_is_unverified_and_looked_at_and_its_connections_are_due,
    a_change_of_people_makes_the_connections_of_their_account_due_and_of_no_other,
    the_connections_of_a_great_account_are_noted_for_pages,
];

/// Connection `number` begins to use credential 1.
fn joins(fixture: &Fixture, number: i64, time: i64) -> CollectChunk {
    CollectChunk {
        connections: vec![fixture.connection(number)],
        begun: vec![NewUse { since: at(time), ..usage(number, number, 1) }],
        touched: vec![CredentialId(1)],
        ..chunk(time)
    }
}

/// The use of credential 1 by connection `number` ends.
fn leaves(number: i64, time: i64) -> CollectChunk {
    CollectChunk { ended: vec![end(number, 1, time)], touched: vec![CredentialId(1)], ..chunk(time) }
}

async fn neighbours_become_due_when_the_summary_flips_and_at_no_other_change(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    let steps: [(CollectChunk, &[i64], &str); 6] = [
        (joins(&fixture, 2, 20), &[1, 2], "one open use becomes many"),
        (joins(&fixture, 3, 30), &[3], "many stay many"),
        (leaves(3, 40), &[1, 2, 3], "the first use has ended"),
        (joins(&fixture, 4, 50), &[4], "many stay many"),
        (leaves(4, 60), &[1, 2, 3, 4], "a second use has ended"),
        (leaves(2, 70), &[1, 2, 3, 4], "many become one"),
    ];
    for (step, expected, why) in steps {
        fixture.settle().await;
        fixture.commit(step).await;
        assert_eq!(fixture.due().await, expected, "{why}");
    }
}

/// The row behind use `number` says this of credential 1.
fn says(number: i64, time: i64, said: Said) -> CollectChunk {
    let told = vec![UseTold { id: UseId(number), credential: CredentialId(1), said }];
    CollectChunk { told, touched: vec![CredentialId(1)], ..chunk(time) }
}

async fn what_a_row_says_of_its_value_makes_neighbours_due_where_their_summary_flips(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    for step in [joins(&fixture, 2, 20), joins(&fixture, 3, 20)] {
        fixture.commit(step).await;
    }
    let said =
        |compromised_at: Option<i64>, syncs, sends| Said { compromised_at: compromised_at.map(at), syncs, sends };
    let steps: [(CollectChunk, &[i64], &str); 7] = [
        (says(1, 30, said(None, true, false)), &[], "one synchronises, which others may too"),
        (says(2, 31, said(None, false, true)), &[1, 2, 3], "and now one sends mail"),
        (says(3, 32, said(None, true, true)), &[], "mixed stays mixed"),
        (says(2, 33, said(Some(5), false, true)), &[1, 2, 3], "it leaked"),
        (says(1, 34, said(Some(6), true, false)), &[], "a later date is no news"),
        (says(3, 35, said(Some(4), true, true)), &[1, 2, 3], "an earlier one is"),
        (says(3, 36, said(None, true, true)), &[1, 2, 3], "and that it is taken back"),
    ];
    for (step, expected, why) in steps {
        fixture.settle().await;
        fixture.commit(step).await;
        assert_eq!(fixture.due().await, expected, "{why}");
    }
}

async fn the_operators_word_makes_every_connection_of_the_credential_due_once(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    fixture.commit(joins(&fixture, 3, 11)).await;
    let full = word(Some(at(5)), Some("in a paste"), at(20)).expect("a word");
    let stands = Compromise { at: at(5), by: SaidBy::Operator, note: Some("in a paste".to_owned()) };
    let bare = Word::default();
    for (word, stands, changed) in [
        (Some(&full), Some(&stands), true),
        (Some(&full), Some(&stands), false),
        (Some(&bare), Some(&stands), false),
        (None, None, true),
        (None, None, false),
    ] {
        fixture.settle().await;
        let noted = fixture.ledger.compromise(CredentialId(1), word, at(20), None).await.expect("a note");
        assert_eq!((noted.changed, noted.stands.as_ref()), (changed, stands));
        assert_eq!(fixture.due().await, if changed { vec![1, 3] } else { Vec::new() });
    }
    let log = fixture.ledger.timeline(&["credential:1".to_owned()], 0, 10).await.expect("the log");
    let kinds: Vec<&str> = log.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["credential.compromised", "credential.not_compromised"]);
}

async fn an_earlier_end_than_any_known_makes_neighbours_due(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    for step in [
        joins(&fixture, 2, 20),
        joins(&fixture, 3, 20),
        joins(&fixture, 4, 20),
        joins(&fixture, 5, 20),
        leaves(2, 80),
        leaves(3, 90),
    ] {
        fixture.commit(step).await;
    }
    fixture.settle().await;
    fixture.commit(leaves(4, 15)).await; // marked deleted long ago: what uses it since 20 took up what had been left behind
    assert_eq!(fixture.due().await, [1, 2, 3, 4, 5]);
}

async fn a_connection_that_is_due_sooner_stays_so(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    fixture.commit(joins(&fixture, 2, 20)).await;
    assert_eq!(fixture.numbers("SELECT judge_at FROM connection ORDER BY id").await, [10, 20]);
}

async fn the_neighbours_of_a_widely_shared_credential_are_noted_for_pages_and_not_walked(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    let mut many = chunk(11);
    for number in 2..=33 {
        many.connections.push(fixture.connection(number));
        many.begun.push(usage(number, number, 1));
    }
    fixture.commit(many).await;
    fixture.settle().await;
    fixture.commit(leaves(33, 20)).await;
    assert!(fixture.due().await.is_empty());
    assert_eq!(
        fixture.one("SELECT concat_ws(' ', kind, subject_id, cursor) FROM dirty").await.as_deref(),
        Some("credential 1 0")
    );
    fixture.ledger.act("UPDATE dirty SET cursor = 17").await;
    fixture.commit(leaves(32, 30)).await;
    assert_eq!(
        fixture.numbers("SELECT cursor FROM dirty").await,
        [0],
        "a flip in the middle of the pages begins them anew"
    );
}

async fn a_greater_age_is_a_fact_of_every_connection_that_shares_the_credential(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    fixture.commit(joins(&fixture, 3, 11)).await;
    fixture.settle().await;
    let older = Older { id: CredentialId(1), secret_since: at(0), provenance: Provenance::Declared };
    fixture.commit(CollectChunk { older: vec![older], ..chunk(20) }).await;
    assert_eq!(fixture.due().await, [1, 3]);
}

async fn a_credential_sealed_anew_is_unverified_and_looked_at_and_its_connections_are_due(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    fixture.ledger.act("UPDATE credential SET liveness = 'shredded', belief = '{\"liveness\":\"shredded\"}'").await;
    fixture.settle().await;
    fixture.commit(CollectChunk { resealed: vec![(CredentialId(1), sealed(9))], ..chunk(20) }).await;
    let facts = "SELECT concat_ws(' ', liveness, belief, probe_at) FROM credential WHERE id = 1";
    assert_eq!(fixture.one(facts).await.as_deref(), Some("unverified {\"liveness\":\"unverified\"} 20"));
    assert_eq!(fixture.due().await, [1]);
}

async fn a_change_of_people_makes_the_connections_of_their_account_due_and_of_no_other(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    let elsewhere = ConnectionWrite { account: AccountId(2), ..fixture.connection(2) };
    fixture
        .commit(CollectChunk { accounts: vec![fixture.account(2)], connections: vec![elsewhere], ..chunk(10) })
        .await;
    for step in [
        CollectChunk { people: vec![fixture.person(1)], ..chunk(20) },
        CollectChunk { people_gone: vec![(PersonId(1), at(30))], ..chunk(30) },
    ] {
        fixture.settle().await;
        fixture.commit(step).await;
        assert_eq!(fixture.due().await, [1]);
    }
    assert_eq!(fixture.one("SELECT status FROM person").await.as_deref(), Some("removed"));
}

async fn the_connections_of_a_great_account_are_noted_for_pages(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=33, 10).await;
    fixture.settle().await;
    fixture.commit(CollectChunk { people: vec![fixture.person(1)], ..chunk(20) }).await;
    assert!(fixture.due().await.is_empty());
    assert_eq!(
        fixture.one("SELECT concat_ws(' ', kind, subject_id, cursor) FROM dirty").await.as_deref(),
        Some("account 1 0")
    );
}
