use super::*;
use crate::domain::belief::{Belief, Liveness, Shredding};
use crate::domain::record::Quarantined;
use crate::ports::collect::{
    ChangesEnd, KnownConnection, KnownCredential, KnownRow, KnownUse, Older, OpenRow, SnapshotEnd,
};
use crate::ports::probe::{Learnt, ProbeLedger, ProbeRecord};

on_both![
    a_source_is_made_at_first_sight_and_is_the_same_ever_after,
    reserved_numbers_follow_the_greatest_of_each_table,
    known_rows_come_with_their_digest_and_unknown_ids_are_left_out,
    a_known_connection_comes_with_its_latest_use_open_or_ended,
    known_credentials_tell_whether_a_copy_is_held_and_only_ever_grow_older,
    accounts_and_people_are_found_by_the_platforms_ids_within_their_account,
    every_fact_of_a_connection_is_kept_and_overwritten_by_its_next_write,
    open_connections_page_in_the_order_of_their_numbers_with_their_open_use,
    what_is_gone_loses_its_digest_so_that_its_return_counts_as_a_change,
    absence_is_set_and_taken_back,
    a_chunk_that_fails_leaves_nothing_behind,
    a_reading_that_came_to_its_end_with_a_row_of_nobody_moves_a_mark_of_its_own,
    a_snapshots_end_replaces_the_quarantine_and_only_a_complete_one_moves_the_marks,
    what_was_known_of_a_value_outlives_its_copy_but_for_a_proven_death,
];

async fn a_source_is_made_at_first_sight_and_is_the_same_ever_after(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let again = fixture.ledger.source("platform", at(9)).await.expect("known");
    let other = fixture.ledger.source("partner", at(9)).await.expect("new");
    assert_eq!(again.id, fixture.source);
    assert_ne!(other.id, fixture.source);
    assert_eq!((again.last_complete, again.last_people), (None, None));
}

async fn reserved_numbers_follow_the_greatest_of_each_table(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=3, 10).await;
    let fresh = fixture.ledger.reserve(crate::ports::collect::Reservation::default()).await.expect("numbers");
    assert_eq!((fresh.connection, fresh.credential, fresh.usage, fresh.account, fresh.person), (4, 4, 4, 2, 1));
}

async fn known_rows_come_with_their_digest_and_unknown_ids_are_left_out(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    fixture.commit(CollectChunk { absent: vec![(ConnectionId(2), at(11))], ..chunk(12) }).await;
    let ids = ["connection-2", "connection-1", "never'seen\"\u{1F511}"];
    let mut rows = fixture.ledger.known_rows(fixture.source, &ids).await.expect("rows");
    rows.sort_by_key(|row| row.id);
    let row = |id: i64, absent_since| KnownRow {
        external_id: format!("connection-{id}"),
        id: ConnectionId(id),
        digest: format!("digest-{id}"),
        absent_since,
    };
    assert_eq!(rows, [row(1, None), row(2, Some(at(11)))]);
    assert!(
        fixture.ledger.known_rows(SourceId(99), &ids).await.expect("rows").is_empty(),
        "ids belong to their source"
    );
}

async fn a_known_connection_comes_with_its_latest_use_open_or_ended(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=2, 10).await;
    fixture
        .commit(CollectChunk { ended: vec![end(2, 2, 20)], gone: vec![(ConnectionId(2), at(20))], ..chunk(21) })
        .await;
    let mut known = fixture.ledger.known_connections(&[ConnectionId(1), ConnectionId(2)]).await.expect("known");
    known.sort_by_key(|connection| connection.id);
    let used = |id, open| KnownUse {
        id: UseId(id),
        open,
        credential: CredentialId(id),
        fingerprint: fingerprint(id),
        placeholder: false,
        account: "account-1".to_owned(),
        is_first: true,
        own_from: None,
        said: Said::default(),
    };
    let first = KnownConnection {
        id: ConnectionId(1),
        status: ConnectionStatus::Active,
        facts_at: at(2),
        own_date: true,
        row_at: at(2),
        secret_at: at(2),
        told_at: None,
        absent_since: None,
        last_use: Some(used(1, true)),
    };
    let second = KnownConnection {
        id: ConnectionId(2),
        status: ConnectionStatus::Absent,
        facts_at: at(2),
        own_date: true,
        row_at: at(2),
        secret_at: at(2),
        told_at: None,
        absent_since: Some(at(20)),
        last_use: Some(used(2, false)),
    };
    assert_eq!(known, [first, second]);
}

async fn known_credentials_tell_whether_a_copy_is_held_and_only_ever_grow_older(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let new = vec![fixture.credential(1, Some("copy")), fixture.credential(2, None)];
    fixture.commit(CollectChunk { credentials: new, ..chunk(10) }).await;
    let older = |id, since| Older { id: CredentialId(id), secret_since: at(since), provenance: Provenance::Declared };
    fixture.commit(CollectChunk { older: vec![older(1, 0), older(2, 5)], ..chunk(11) }).await;
    let mut known =
        fixture.ledger.known_credentials(&[fingerprint(1), fingerprint(2), fingerprint(3)]).await.expect("known");
    known.sort_by_key(|credential| credential.id);
    let credential = |id, held, since, provenance| KnownCredential {
        id: CredentialId(id),
        fingerprint: fingerprint(id),
        held,
        shredded: false,
        secret_since: at(since),
        provenance,
        region: None,
        base_url: None,
        open: 0,
    };
    assert_eq!(known, [credential(1, true, 0, Provenance::Declared), credential(2, false, 1, Provenance::Connected)]);
}

async fn accounts_and_people_are_found_by_the_platforms_ids_within_their_account(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let people = vec![
        fixture.person(1),
        PersonWrite { account: AccountId(2), member_id: "member-1".to_owned(), ..fixture.person(2) },
    ];
    fixture.commit(CollectChunk { accounts: vec![fixture.account(2)], people, ..chunk(10) }).await;
    let accounts = fixture.ledger.known_accounts(fixture.source, &["account-2", "account-9"]).await.expect("accounts");
    assert_eq!(accounts, [("account-2".to_owned(), AccountId(2))]);
    let wanted = [("account-2", "member-1"), ("account-2", "member-2")];
    let known = fixture.ledger.known_people(fixture.source, &wanted).await.expect("people");
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(
        (known[0].id, known[0].account.as_str(), known[0].member.as_str()),
        (PersonId(2), "account-2", "member-1")
    );
}

async fn every_fact_of_a_connection_is_kept_and_overwritten_by_its_next_write(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let facts = "SELECT concat_ws(' ', external_id, provider, name, status, auth, created_at, deleted_at, facts_at,
                 last_sync_at, created_by, running_jobs, used_for, tags, digest, judge_at) FROM connection";
    fixture.commit(CollectChunk { connections: vec![fixture.connection(1)], ..chunk(10) }).await;
    assert_eq!(
        fixture.one(facts).await.as_deref(),
        Some(r#"connection-1 mailjet Newsletter active key 1 2 0 ["sync"] [] digest-1 10"#)
    );
    fixture.commit(CollectChunk { absent: vec![(ConnectionId(1), at(11))], ..chunk(11) }).await;
    let changed = ConnectionWrite {
        provider: ProviderName::new("brevo"),
        name: None,
        status: ConnectionStatus::Deleted,
        auth: Auth::Oauth,
        created_at: Some(at(3)),
        deleted_at: Some(at(4)),
        facts_at: at(5),
        last_sync_at: Some(at(6)),
        created_by: Some("member-7".to_owned()),
        running_jobs: 8,
        used_for: vec![UsedFor::Smtp, UsedFor::Transactional],
        tags: vec!["eu".to_owned()],
        digest: "d2".to_owned(),
        ..fixture.connection(1)
    };
    fixture.commit(CollectChunk { connections: vec![changed], ..chunk(20) }).await;
    assert_eq!(
        fixture.one(facts).await.as_deref(),
        Some(r#"connection-1 brevo deleted oauth 3 4 5 6 member-7 8 ["smtp","transactional"] ["eu"] d2 20"#)
    );
    assert_eq!(fixture.one("SELECT absent_since FROM connection").await, None, "a row that is read is present");
}

async fn open_connections_page_in_the_order_of_their_numbers_with_their_open_use(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=4, 10).await;
    let gone = CollectChunk {
        ended: vec![end(2, 2, 20)],
        gone: vec![(ConnectionId(2), at(30))],
        absent: vec![(ConnectionId(3), at(19))],
        ..chunk(20)
    };
    fixture.commit(gone).await;
    let row = |id, absent_since| OpenRow {
        id: ConnectionId(id),
        absent_since,
        told_at: None,
        open_use: Some((UseId(id), CredentialId(id))),
    };
    let first = fixture.ledger.open_page(fixture.source, ConnectionId(0), 2).await.expect("a page");
    assert_eq!(first, [row(1, None), row(3, Some(at(19)))]);
    let second = fixture.ledger.open_page(fixture.source, ConnectionId(3), 2).await.expect("a page");
    assert_eq!(second, [row(4, None)]);
}

async fn what_is_gone_loses_its_digest_so_that_its_return_counts_as_a_change(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    fixture.commit(CollectChunk { people: vec![fixture.person(1)], ..chunk(10) }).await;
    fixture
        .commit(CollectChunk {
            gone: vec![(ConnectionId(1), at(30))],
            people_gone: vec![(PersonId(1), at(30))],
            ended: vec![end(1, 1, 20)],
            ..chunk(20)
        })
        .await;
    let rows = fixture.ledger.known_rows(fixture.source, &["connection-1"]).await.expect("rows");
    assert_eq!(rows[0].digest, "");
    let people = fixture.ledger.known_people(fixture.source, &[("account-1", "member-1")]).await.expect("people");
    assert_eq!(people[0].digest, "");
    assert!(fixture.ledger.present_people_page(fixture.source, PersonId(0), 9).await.expect("a page").is_empty());
}

async fn absence_is_set_and_taken_back(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load([1], 10).await;
    fixture.commit(CollectChunk { people: vec![fixture.person(1)], ..chunk(10) }).await;
    fixture
        .commit(CollectChunk {
            absent: vec![(ConnectionId(1), at(20))],
            people_absent: vec![(PersonId(1), at(20))],
            ..chunk(21)
        })
        .await;
    let open = fixture.ledger.open_page(fixture.source, ConnectionId(0), 9).await.expect("a page");
    let people = fixture.ledger.present_people_page(fixture.source, PersonId(0), 9).await.expect("a page");
    assert_eq!((open[0].absent_since, people[0].absent_since), (Some(at(20)), Some(at(20))));
    fixture
        .commit(CollectChunk { present: vec![ConnectionId(1)], people_present: vec![PersonId(1)], ..chunk(30) })
        .await;
    let open = fixture.ledger.open_page(fixture.source, ConnectionId(0), 9).await.expect("a page");
    let people = fixture.ledger.present_people_page(fixture.source, PersonId(0), 9).await.expect("a page");
    assert_eq!((open[0].absent_since, people[0].absent_since), (None, None));
}

async fn a_chunk_that_fails_leaves_nothing_behind(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let broken = CollectChunk {
        connections: vec![fixture.connection(1)],
        begun: vec![usage(1, 1, 77)], // a credential that nobody knows
        ..chunk(10)
    };
    assert!(fixture.ledger.commit_collect(&broken).await.is_err());
    assert!(fixture.due().await.is_empty());
    assert!(
        fixture.ledger.commit_collect(&CollectChunk::default()).await.is_err(),
        "a chunk must say when it was read"
    );
}

fn set_aside(row: u64) -> Quarantined {
    Quarantined { source: "platform".to_owned(), row, field: "provider".to_owned(), reason: "unknown".to_owned() }
}

fn read_whole(fixture: &Fixture) -> SnapshotEnd {
    SnapshotEnd {
        source: fixture.source,
        started_at: at(100),
        taken: at(90),
        now: at(110),
        rows: 12,
        through: true,
        complete: true,
        people_complete: false,
        unsure_accounts: None,
        error: None,
        quarantined: vec![set_aside(3), set_aside(4)],
        quarantined_count: 2,
        remarks: vec!["a column is not known: colour".to_owned()],
        held_back: Some(5),
        held_back_people: Some(0),
        told_of_syncs: false,
        changes: ChangesEnd::default(),
    }
}

async fn a_reading_that_came_to_its_end_with_a_row_of_nobody_moves_a_mark_of_its_own(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let marks = async || {
        let source = fixture.ledger.source("platform", at(0)).await.expect("the source");
        (source.last_complete, source.last_through)
    };
    for (started_at, through, complete, moved) in [
        (at(100), false, false, (None, None)),
        (at(200), true, false, (None, Some(at(200)))),
        (at(300), true, true, (Some(at(300)), Some(at(300)))),
        (at(400), true, false, (Some(at(300)), Some(at(400)))),
        (at(500), false, false, (Some(at(300)), Some(at(400)))),
    ] {
        let end = SnapshotEnd { started_at, through, complete, ..read_whole(&fixture) };
        fixture.ledger.commit_snapshot(&end).await.expect("an end");
        assert_eq!(marks().await, moved);
    }
}

async fn a_snapshots_end_replaces_the_quarantine_and_only_a_complete_one_moves_the_marks(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let complete = read_whole(&fixture);
    let cut_short = SnapshotEnd {
        started_at: at(200),
        taken: at(190),
        through: false,
        complete: false,
        error: Some("cut short".to_owned()),
        quarantined: vec![set_aside(9)],
        quarantined_count: 1,
        held_back: None,
        ..complete.clone()
    };
    fixture.ledger.commit_snapshot(&complete).await.expect("an end");
    fixture.ledger.commit_snapshot(&cut_short).await.expect("an end");
    let source = fixture.ledger.source("platform", at(0)).await.expect("the source");
    let whole = (source.last_complete, source.last_taken, source.last_people);
    assert_eq!(whole, (Some(at(100)), Some(at(90)), None));
    assert_eq!(fixture.numbers("SELECT row_number FROM quarantine").await, [9]);
    let kept = fixture
        .one("SELECT concat_ws(' ', last_read, last_rows, last_error, quarantined, held_back, remarks) FROM source")
        .await;
    assert_eq!(kept.as_deref(), Some(r#"110 12 cut short 1 5 ["a column is not known: colour"]"#));
    let unread = SnapshotEnd {
        rows: 0,
        error: Some("no such file".to_owned()),
        quarantined: Vec::new(),
        quarantined_count: 0,
        remarks: Vec::new(),
        ..cut_short
    };
    fixture.ledger.commit_snapshot(&unread).await.expect("an end");
    assert_eq!(fixture.numbers("SELECT row_number FROM quarantine").await, [9], "nobody has mended them");
    let kept =
        fixture.one("SELECT concat_ws(' ', last_rows, last_error, quarantined, held_back, remarks) FROM source").await;
    assert_eq!(kept.as_deref(), Some(r#"12 no such file 1 5 ["a column is not known: colour"]"#));
}

async fn what_was_known_of_a_value_outlives_its_copy_but_for_a_proven_death(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=3, 10).await;
    let shredded = |id: i64, shredding: Shredding| ProbeRecord {
        id: CredentialId(id),
        belief: Belief {
            liveness: Liveness::Shredded,
            since: Some(at(50)),
            asked_at: Some(at(50)),
            accepted_at: Some(at(20)),
            limited: true,
            refused_first: Some(at(40)),
            shredding: Some(shredding),
            ..Belief::default()
        },
        probe_at: None,
        kind: None,
        parts: None,
        shred: true,
        region: None,
        base_url: None,
        idle_since: None,
        transition: true,
    };
    let records = [shredded(1, Shredding::Unproven), shredded(2, Shredding::Proven)];
    fixture.ledger.commit_probes(at(50), &Learnt { records: &records, ..Learnt::default() }).await.expect("shredded");
    let resealed = [1, 2].map(|id| (CredentialId(id), sealed(id + 6)));
    fixture.commit(CollectChunk { resealed: resealed.into(), ..chunk(60) }).await;

    let held = fixture.ledger.held_credentials(&[1, 2, 3].map(CredentialId)).await.expect("credentials");
    let believed: Vec<(i64, Belief)> = held.into_iter().map(|due| (due.id.0, due.belief)).collect();
    let let_in = Belief { accepted_at: Some(at(20)), limited: true, ..Belief::default() };
    assert_eq!(believed, [(1, let_in), (2, Belief::default()), (3, Belief::default())]);
    let due =
        fixture.numbers("SELECT id FROM credential WHERE liveness = 'unverified' AND probe_at = 60 ORDER BY id").await;
    assert_eq!(due, [1, 2], "asked at once");
}
