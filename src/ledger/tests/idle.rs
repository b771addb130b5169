use super::*;

on_both![
    a_new_credential_with_a_copy_is_looked_at_at_once_and_one_without_never,
    the_end_of_the_last_use_starts_idleness_and_the_first_look_and_not_the_end_of_another,
    a_new_use_ends_idleness_and_brings_the_next_look_forward_but_never_back,
    idleness_lasts_from_when_it_was_first_seen,
    a_credential_without_a_copy_becomes_idle_but_is_never_looked_at,
    a_use_that_had_ended_at_first_sight_says_so_and_when_that_was,
    a_use_ends_once,
    a_use_never_ends_before_it_began,
];

const IDLE: &str = "SELECT concat_ws(' ', 'idle', coalesce(CAST(idle_since AS text), '-'), 'probe', coalesce(CAST(probe_at AS text), '-')) FROM credential WHERE id = 1";

async fn a_new_credential_with_a_copy_is_looked_at_at_once_and_one_without_never(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let new = vec![fixture.credential(1, Some("copy")), fixture.credential(2, None)];
    fixture.commit(CollectChunk { credentials: new, ..chunk(10) }).await;
    assert_eq!(fixture.numbers("SELECT id FROM credential WHERE probe_at = 10").await, [1]);
    assert_eq!(fixture.numbers("SELECT id FROM credential WHERE probe_at IS NULL").await, [2]);
}

async fn the_end_of_the_last_use_starts_idleness_and_the_first_look_and_not_the_end_of_another(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    let second = CollectChunk { connections: vec![fixture.connection(2)], begun: vec![usage(2, 2, 1)], ..chunk(11) };
    fixture.commit(CollectChunk { touched: vec![CredentialId(1)], ..second }).await;
    fixture.settle().await;
    fixture.commit(CollectChunk { ended: vec![end(1, 1, 20)], touched: vec![CredentialId(1)], ..chunk(21) }).await;
    assert_eq!(fixture.one(IDLE).await.as_deref(), Some("idle - probe -"));
    fixture.commit(CollectChunk { ended: vec![end(2, 1, 30)], touched: vec![CredentialId(1)], ..chunk(31) }).await;
    assert_eq!(fixture.one(IDLE).await.as_deref(), Some("idle 31 probe 31"));
}

async fn a_new_use_ends_idleness_and_brings_the_next_look_forward_but_never_back(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    fixture.commit(CollectChunk { ended: vec![end(1, 1, 20)], ..chunk(21) }).await;
    for (before, expected) in [
        ("UPDATE credential SET idle_since = 21, probe_at = 900", "idle - probe 40"),
        ("UPDATE credential SET idle_since = 21, probe_at = 5", "idle - probe 5"),
        ("UPDATE credential SET idle_since = 21, probe_at = NULL", "idle - probe 40"),
    ] {
        fixture.ledger.act(before).await;
        fixture.commit(CollectChunk { begun: vec![usage(2, 1, 1)], touched: vec![CredentialId(1)], ..chunk(40) }).await;
        assert_eq!(fixture.one(IDLE).await.as_deref(), Some(expected), "{before}");
        fixture.ledger.act("DELETE FROM use WHERE id = 2").await;
    }
}

async fn idleness_lasts_from_when_it_was_first_seen(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    fixture.commit(CollectChunk { ended: vec![end(1, 1, 20)], ..chunk(21) }).await;
    let ended = Some((at(15), EndedBy::Deleted));
    let late = vec![NewUse { ended, ..usage(2, 2, 1) }];
    fixture.commit(CollectChunk { connections: vec![fixture.connection(2)], begun: late, ..chunk(50) }).await;
    assert_eq!(fixture.one(IDLE).await.as_deref(), Some("idle 21 probe 50"));
}

async fn a_credential_without_a_copy_becomes_idle_but_is_never_looked_at(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let new = CollectChunk {
        credentials: vec![fixture.credential(1, None)],
        connections: vec![fixture.connection(1)],
        ..chunk(10)
    };
    fixture.commit(CollectChunk { begun: vec![usage(1, 1, 1)], ..new }).await;
    fixture.commit(CollectChunk { ended: vec![end(1, 1, 20)], ..chunk(21) }).await;
    assert_eq!(fixture.one(IDLE).await.as_deref(), Some("idle 21 probe -"));
}

async fn a_use_that_had_ended_at_first_sight_says_so_and_when_that_was(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let ended = Some((at(5), EndedBy::Deleted));
    let load = CollectChunk {
        credentials: vec![fixture.credential(1, Some("copy"))],
        connections: vec![fixture.connection(1)],
        ..chunk(10)
    };
    fixture.commit(CollectChunk { begun: vec![NewUse { ended, first_run: true, ..usage(1, 1, 1) }], ..load }).await;
    let facts = "SELECT concat_ws(' ', until, ended_by, ended_seen_at, ended_at_first_sight, first_run) FROM use";
    assert_eq!(fixture.one(facts).await.as_deref(), Some("5 deleted 10 1 1"));
    assert_eq!(fixture.one(IDLE).await.as_deref(), Some("idle 10 probe 10"));
}

async fn a_use_ends_once(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    fixture.commit(CollectChunk { ended: vec![end(1, 1, 20)], ..chunk(21) }).await;
    let again = UseEnd { by: EndedBy::Absent, ..end(1, 1, 30) };
    fixture.commit(CollectChunk { ended: vec![again], ..chunk(31) }).await;
    let facts = "SELECT concat_ws(' ', until, ended_by, ended_seen_at, ended_at_first_sight) FROM use";
    assert_eq!(fixture.one(facts).await.as_deref(), Some("20 deleted 21 0"));
}

async fn a_use_never_ends_before_it_began(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    fixture.commit(CollectChunk { ended: vec![end(1, 1, -5)], ..chunk(21) }).await;
    assert_eq!(fixture.numbers("SELECT count(*) FROM use WHERE until >= since").await, [1]);
}
