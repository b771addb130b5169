use super::*;
use crate::domain::belief::{Belief, Liveness, Shredding};
use crate::ports::Event;
use crate::ports::probe::{Learnt, OutlivedRecord, ProbeLedger, ProbeRecord};

on_both![
    others_of_the_same_key_are_those_of_its_provider_that_are_not_proven_dead,
    a_page_has_the_credential_itself_and_the_others_in_order,
    whoever_is_outlived_is_written_with_their_connections_due_though_their_copy_is_gone,
    nothing_is_written_of_one_that_is_in_another_state_by_now,
    an_heir_is_looked_at_sooner_and_never_later,
];

fn record(id: i64, liveness: Liveness, shredding: Option<Shredding>) -> ProbeRecord {
    ProbeRecord {
        id: CredentialId(id),
        belief: Belief { liveness, shredding, since: Some(at(50)), ..Belief::default() },
        probe_at: Some(at(500)),
        kind: None,
        parts: None,
        shred: liveness == Liveness::Shredded,
        region: None,
        base_url: None,
        idle_since: None,
        transition: false,
    }
}

fn outlived(id: i64, from: Liveness, to: Liveness) -> OutlivedRecord {
    let shredding = (to == Liveness::Shredded).then_some(Shredding::Proven);
    let belief = Belief { liveness: to, shredding, died_at: Some(at(90)), ..Belief::default() };
    OutlivedRecord { id: CredentialId(id), from, belief, probe_at: (to == Liveness::Dead).then(|| at(700)) }
}

/// Eight secrets of one key, the first live, in every state; and two that have nothing to do with them.
async fn one_key(kind: Kind) -> Fixture {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=10, 10).await;
    fixture.ledger.act("UPDATE credential SET key_id = 'one' WHERE id <= 9").await;
    let states = [
        record(1, Liveness::Live, None),
        record(2, Liveness::Suspect, None),
        record(3, Liveness::Dead, None),
        record(4, Liveness::Shredded, Some(Shredding::Unproven)),
        record(5, Liveness::Shredded, Some(Shredding::Proven)),
        record(6, Liveness::Shredded, Some(Shredding::ProvenUnsettled)),
    ];
    fixture.ledger.commit_probes(at(60), &Learnt { records: &states, ..Learnt::default() }).await.expect("written");
    fixture.ledger.act("UPDATE credential SET placeholder = 1 WHERE id = 8").await;
    fixture.ledger.act("UPDATE credential SET provider = 'brevo' WHERE id = 9").await;
    fixture
}

async fn others_of_the_same_key_are_those_of_its_provider_that_are_not_proven_dead(kind: Kind) {
    let fixture = one_key(kind).await;
    let asked: Vec<CredentialId> = (1..=10).map(CredentialId).collect();
    let mut sharing = fixture.ledger.sharing_a_key(&asked).await.expect("an answer");
    sharing.sort();
    assert_eq!(sharing, (1..=8).map(CredentialId).collect::<Vec<_>>(), "9 and 10 are alone");
    fixture.ledger.act("UPDATE credential SET liveness = 'dead' WHERE id IN (2, 4, 7)").await;
    assert_eq!(fixture.ledger.sharing_a_key(&[CredentialId(1)]).await.expect("an answer"), []);
}

async fn a_page_has_the_credential_itself_and_the_others_in_order(kind: Kind) {
    let fixture = one_key(kind).await;
    fixture.ledger.act("UPDATE credential SET region = 'eu', base_url = 'b', idle_since = 7 WHERE id = 4").await;
    let page = fixture.ledger.keymates(CredentialId(1), CredentialId(0)).await.expect("a page");
    assert_eq!(page.iter().map(|mate| mate.id.0).collect::<Vec<_>>(), [1, 2, 4, 7]);
    let shredded = &page[2];
    assert_eq!((shredded.region.as_deref(), shredded.base_url.as_deref()), (Some("eu"), Some("b")));
    assert_eq!((shredded.first_seen_at, shredded.idle_since, shredded.held), (Some(at(10)), Some(at(7)), false));
    assert_eq!(shredded.belief.shredding, Some(Shredding::Unproven));
    assert_eq!((&page[0].fingerprint, page[0].held), (&fingerprint(1), true));
    assert_eq!((page[0].accounts.0, page[0].accounts.1), (Some(AccountId(1)), Some(AccountId(1))));
    let rest = fixture.ledger.keymates(CredentialId(1), CredentialId(4)).await.expect("a page");
    assert_eq!(rest.iter().map(|mate| mate.id.0).collect::<Vec<_>>(), [1, 7]);
}

async fn whoever_is_outlived_is_written_with_their_connections_due_though_their_copy_is_gone(kind: Kind) {
    let fixture = one_key(kind).await;
    fixture.settle().await;
    let ended = [outlived(2, Liveness::Suspect, Liveness::Dead), outlived(4, Liveness::Shredded, Liveness::Shredded)];
    let learnt = Learnt { outlived: &ended, ..Learnt::default() };
    assert_eq!(fixture.ledger.commit_probes(at(90), &learnt).await.expect("written"), []);
    assert_eq!(fixture.due().await, [2, 4]);
    assert_eq!(fixture.numbers("SELECT id FROM credential WHERE liveness = 'dead' ORDER BY id").await, [2, 3]);
    assert_eq!(fixture.numbers("SELECT id FROM credential WHERE probe_at IS NOT NULL").await, [2]);
    assert_eq!(fixture.ledger.sharing_a_key(&[CredentialId(1)]).await.expect("an answer"), [CredentialId(1)]);
    let page = fixture.ledger.keymates(CredentialId(1), CredentialId(0)).await.expect("a page");
    assert_eq!(page.iter().map(|mate| mate.id.0).collect::<Vec<_>>(), [1, 7], "4 is proven now");
}

async fn nothing_is_written_of_one_that_is_in_another_state_by_now(kind: Kind) {
    let fixture = one_key(kind).await;
    fixture.settle().await;
    let late = [outlived(1, Liveness::Suspect, Liveness::Dead)];
    let subject = "credential:1".to_owned();
    let event = Event { at: at(90), kind: "credential.outlived", subject, data: serde_json::Map::new() };
    let learnt = Learnt { outlived: &late, events: &[event], ..Learnt::default() };
    assert_eq!(fixture.ledger.commit_probes(at(90), &learnt).await.expect("written"), [CredentialId(1)]);
    assert_eq!(fixture.numbers("SELECT id FROM credential WHERE liveness = 'live'").await, [1]);
    assert!(fixture.due().await.is_empty());
    assert!(fixture.numbers("SELECT id FROM event WHERE kind = 'credential.outlived'").await.is_empty());
}

async fn an_heir_is_looked_at_sooner_and_never_later(kind: Kind) {
    let fixture = one_key(kind).await;
    let learnt = |sooner: &'static [(CredentialId, Timestamp)]| Learnt { sooner, ..Learnt::default() };
    const SOONER: &[(CredentialId, Timestamp)] = &[(CredentialId(1), Timestamp::from_millis(400))];
    const LATER: &[(CredentialId, Timestamp)] = &[(CredentialId(1), Timestamp::from_millis(450))];
    for sooner in [SOONER, LATER] {
        fixture.ledger.commit_probes(at(60), &learnt(sooner)).await.expect("written");
    }
    assert_eq!(fixture.numbers("SELECT probe_at FROM credential WHERE id = 1").await, [400]);
}
