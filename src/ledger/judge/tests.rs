//! What JUDGE relies on.

use serde_json::Map;

use super::*;
use crate::domain::compromise::Word;
use crate::domain::facts::{Count, Creator, EndedBy, Reach};
use crate::domain::finding::{Anew, FindingChange, Opened, RuleName, Severity};
use crate::domain::ids::{CredentialId, FindingId};
use crate::domain::record::{PersonStatus, Role};
use crate::domain::routing::{Reader, is_told};
use crate::domain::time::hours;
use crate::ports::collect::{CollectChunk, CollectLedger as _};
use crate::ports::turn::Turns as _;

use crate::ledger::estate::{Estate, NOW, ended_use, open_use, opened};
use crate::ledger::place::Kind;

on_both![
    another_version_makes_every_connection_due_and_the_same_version_none,
    dirty_neighbours_are_marked_page_by_page_until_none_is_left,
    due_pages_come_in_order_and_hold_each_due_connection_once_whatever_the_plan,
    a_subject_has_its_uses_oldest_first_and_of_neighbours_only_summaries,
    an_absence_of_the_connection_itself_and_a_placeholder_leave_nothing_behind,
    an_owner_is_unknown_until_people_were_read_and_none_once_removed,
    somebody_can_be_told_exactly_where_the_routing_says_so,
    a_refused_address_is_tried_again_at_the_end_of_its_suppression,
    of_what_neighbours_are_used_for_and_of_a_leak_only_the_accounts_sum_is_told,
    a_finding_lives_through_opening_update_close_and_reopening,
    a_finding_that_is_never_mailed_has_no_step,
    closing_what_is_not_open_changes_nothing_of_the_batch,
    what_was_written_since_is_not_judged_by_what_was_known_before,
    what_makes_a_connection_due_while_it_is_judged_is_not_written_over,
];

const STALE: RuleName = RuleName::SecretStale;

async fn everything(estate: &Estate) -> Vec<(Subject, Vec<KnownFinding>)> {
    estate.ledger.all_subjects(ConnectionId(0), 100).await.unwrap()
}

async fn due(estate: &Estate, after: i64, limit: usize) -> Vec<i64> {
    let due = estate.ledger.due_subjects(NOW, ConnectionId(after), limit).await.unwrap();
    due.iter().map(|(subject, _)| subject.connection.id.0).collect()
}

async fn another_version_makes_every_connection_due_and_the_same_version_none(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, None).await.connection(2, 2, None).await;
    estate.ledger.judge_under("v1").await.unwrap();
    assert!(estate.ledger.spread_dirty(NOW).await.unwrap());
    assert!(!estate.ledger.spread_dirty(NOW).await.unwrap());
    assert_eq!(estate.ledger.due_count(NOW).await.unwrap(), 2);

    let judged = JudgeBatch {
        now: Some(NOW),
        judged: vec![(ConnectionId(1), None), (ConnectionId(2), Some(NOW + hours(1)))],
        ..JudgeBatch::default()
    };
    estate.ledger.commit_judgements(&judged).await.unwrap();
    estate.ledger.judge_under("v1").await.unwrap();
    assert!(!estate.ledger.spread_dirty(NOW).await.unwrap());
    assert_eq!(estate.ledger.due_count(NOW).await.unwrap(), 0);
    assert_eq!(estate.ledger.due_count(NOW + hours(1)).await.unwrap(), 1, "due by time alone");
    estate.ledger.judge_under("v2").await.unwrap();
    assert!(estate.ledger.spread_dirty(NOW).await.unwrap());
    assert_eq!(estate.ledger.due_count(NOW).await.unwrap(), 2);
}

async fn dirty_neighbours_are_marked_page_by_page_until_none_is_left(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate
        .run(
            "INSERT INTO connection (id, source_id, external_id, account_id, provider, status, auth, facts_at, digest)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
             SELECT i, 1, 'c' || i, 1, 'kit', 'active', 'key', 0, '' FROM n",
        )
        .await
        .connection(12_001, 2, None)
        .await
        .credential(1)
        .await
        .run("INSERT INTO use (connection_id, credential_id, account_id, since) SELECT id, 1, account_id, 0 FROM connection WHERE id <= 6000")
        .await;
    for (kind, pages, marked) in [
        ("INSERT INTO dirty VALUES ('account', 1, 0)", 3, 12_000),
        ("INSERT INTO dirty VALUES ('credential', 1, 0)", 2, 6000),
    ] {
        estate.run("UPDATE connection SET judge_at = NULL").await.run(kind).await;
        for page in 0..pages {
            assert!(estate.ledger.spread_dirty(NOW).await.unwrap(), "page {page} of {kind}");
        }
        assert!(!estate.ledger.spread_dirty(NOW).await.unwrap(), "{kind}");
        assert_eq!(estate.ledger.due_count(NOW).await.unwrap(), marked, "{kind}");
    }
}

async fn due_pages_come_in_order_and_hold_each_due_connection_once_whatever_the_plan(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate
        .run(
            "INSERT INTO connection (id, source_id, external_id, account_id, provider, status, auth, facts_at, digest, judge_at)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
             SELECT i, 1, 'c' || i, 1, 'kit', 'active', 'key', 0, '', 30000 - i FROM n",
        )
        .await;
    for first in [0, 25_000] {
        if first > 0 {
            estate.run("UPDATE connection SET judge_at = NULL WHERE id <= 25000").await;
        }
        assert_eq!(due(&estate, 0, 3).await, [first + 1, first + 2, first + 3]);
        assert_eq!(due(&estate, first + 3, 2).await, [first + 4, first + 5]);
        assert_eq!(due(&estate, 29_999, 5).await, [30_000]);
        assert_eq!(due(&estate, 30_000, 5).await, [0; 0]);
    }
}

async fn a_subject_has_its_uses_oldest_first_and_of_neighbours_only_summaries(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await.person(2, 1, "maker", "member").await;
    for (id, account) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        estate.connection(id, account, Some("maker")).await;
    }
    estate.credential(1).await.credential(2).await.credential(3).await;
    for usage in [
        ended_use(1, 1, 10, 100, "replaced"),
        open_use(1, 2, 100),
        open_use(2, 2, 50),
        open_use(3, 1, 100),
        open_use(4, 1, 1000),
    ] {
        estate.usage(usage).await;
    }
    estate.run("UPDATE escrow SET held = 0 WHERE credential_id = 2").await;
    let subjects = everything(&estate).await;
    assert_eq!(subjects.len(), 4);

    let first = &subjects[0].0;
    assert_eq!((first.connection.creator, first.account.has_owner), (Creator::Active, Some(true)));
    assert_eq!(first.uses.iter().map(|u| u.credential.id).collect::<Vec<_>>(), [CredentialId(1), CredentialId(2)]);
    assert_eq!(first.uses[0].ended_by, Some(EndedBy::Replaced));
    assert_eq!((first.uses[0].credential.held, first.uses[1].credential.held), (true, false));
    assert_eq!(first.uses[0].credential.key_tail, "cdef");
    assert_eq!(first.uses[0].credential.belief.accepted_at, Some(Timestamp::from_millis(5000)));
    assert_eq!((first.uses[0].share.open, first.uses[1].share.open), (Count::One, Count::Many));

    let (third, other) = (&subjects[2].0, &subjects[3].0);
    assert!(third.uses[0].share.left_behind, "the credential had been left behind before");
    assert!(!subjects[1].0.uses[0].share.left_behind);
    assert!(!other.uses[0].share.left_behind, "another account's past is not told");
    assert_eq!((other.connection.creator, other.account.has_owner), (Creator::Unknown, Some(false)));
}

async fn an_absence_of_the_connection_itself_and_a_placeholder_leave_nothing_behind(kind: Kind) {
    for (ended, left_behind) in [
        (ended_use(1, 1, 10, 100, "absent"), false),
        (ended_use(1, 1, 10, 100, "identified"), false),
        (ended_use(1, 1, 10, 100, "deleted"), true),
        (ended_use(2, 1, 10, 100, "absent"), true),
        (ended_use(2, 1, 10, 201, "absent"), false),
    ] {
        let estate = Estate::new(kind).await;
        estate.connection(1, 1, None).await.connection(2, 1, None).await.credential(1).await;
        estate.usage(ended).await.usage(open_use(1, 1, 200)).await;
        let subjects = everything(&estate).await;
        let last = subjects[0].0.uses.last().unwrap();
        assert_eq!(last.share.left_behind, left_behind, "{:?} by connection {}", ended.ended, ended.connection);
    }
}

async fn an_owner_is_unknown_until_people_were_read_and_none_once_removed(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, Some("owner")).await.person(1, 1, "owner", "owner").await;
    estate.run("UPDATE person SET status = 'removed'").await;
    let subject = everything(&estate).await.remove(0).0;
    assert_eq!((subject.account.has_owner, subject.connection.creator), (Some(false), Creator::Removed));
    estate.run("UPDATE source SET last_people = NULL").await;
    assert_eq!(everything(&estate).await[0].0.account.has_owner, None);
}

async fn somebody_can_be_told_exactly_where_the_routing_says_so(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, Some("maker")).await.person(1, 1, "maker", "member").await;
    estate.run("DELETE FROM suppressed").await;
    for (role, statements) in [
        (
            Role::Owner,
            ["UPDATE person SET role = 'owner', member_id = 'maker'", "UPDATE person SET member_id = 'other'"],
        ),
        (
            Role::Member,
            ["UPDATE person SET role = 'member', member_id = 'maker'", "UPDATE person SET member_id = 'other'"],
        ),
    ] {
        for (creator, statement) in [true, false].into_iter().zip(statements) {
            estate.run(statement).await;
            for (status, word) in [
                (PersonStatus::Active, "UPDATE person SET status = 'active'"),
                (PersonStatus::Suspended, "UPDATE person SET status = 'suspended'"),
                (PersonStatus::Removed, "UPDATE person SET status = 'removed'"),
            ] {
                estate.run(word).await;
                for (verified, word) in
                    [(true, "UPDATE person SET verified = 1"), (false, "UPDATE person SET verified = 0")]
                {
                    estate.run(word).await;
                    let reader =
                        Reader { role, status, verified, suppressed: false, disowned: false, muted: false, creator };
                    let reach = everything(&estate).await[0].0.reach.expect("people were read");
                    assert_eq!(reach.is_given(NOW), is_told(&reader), "{reader:?}");
                }
            }
        }
    }
}

async fn a_refused_address_is_tried_again_at_the_end_of_its_suppression(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate
        .connection(1, 1, Some("maker"))
        .await
        .person(1, 1, "owner", "owner")
        .await
        .person(2, 1, "maker", "member")
        .await;
    let reach = async || everything(&estate).await[0].0.reach.expect("people were read");
    estate.run("INSERT INTO suppressed SELECT email, 1790000000000 + id, 'no such user' FROM person").await;
    assert_eq!(reach().await, Reach { somebody: false, again_at: Some(Timestamp::from_millis(NOW.as_millis() + 1)) });
    estate.run("UPDATE person SET email = 'another@example.org' WHERE id = 2").await;
    assert!(reach().await.somebody, "another address is not suppressed");
    estate.run("UPDATE source SET last_people = NULL").await;
    assert_eq!(everything(&estate).await[0].0.reach, None);
}

async fn of_what_neighbours_are_used_for_and_of_a_leak_only_the_accounts_sum_is_told(kind: Kind) {
    let estate = Estate::new(kind).await;
    for (id, account) in [(1, 1), (2, 1), (3, 2)] {
        estate.connection(id, account, None).await;
    }
    estate
        .credential(1)
        .await
        .usage(open_use(1, 1, 10))
        .await
        .usage(open_use(2, 1, 20))
        .await
        .usage(open_use(3, 1, 30))
        .await;
    let share = async |at: usize| everything(&estate).await[at].0.uses[0].share;
    estate.run("UPDATE use SET syncs = 1 WHERE connection_id = 1").await;
    estate.run("UPDATE use SET sends = 1 WHERE connection_id <> 1").await;
    assert_eq!((share(0).await.mixed, share(1).await.mixed, share(2).await.mixed), (true, true, false));
    estate.run("UPDATE use SET until = 50, ended_by = 'deleted' WHERE connection_id = 2").await;
    assert!(!share(0).await.mixed, "what has ended is not used");
    estate.run("UPDATE use SET compromised_at = 40 WHERE connection_id = 2").await;
    estate.run("UPDATE use SET compromised_at = 30 WHERE connection_id = 1").await;
    let leaked = Some(Timestamp::from_millis(30));
    assert_eq!((share(0).await.compromised_at, share(1).await.compromised_at), (leaked, leaked));
    assert_eq!(share(2).await.compromised_at, None, "another account is not told");
    estate.ledger.compromise(CredentialId(1), Some(&Word::default()), NOW, None).await.unwrap();
    let everywhere = everything(&estate).await;
    assert!(
        everywhere.iter().all(|(subject, _)| subject.uses[0].credential.compromise.is_some()),
        "the operator's word is"
    );
}

async fn a_finding_lives_through_opening_update_close_and_reopening(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, None).await.credential(1).await;
    estate.judge(NOW, vec![FindingChange::Opened(opened(STALE, 1, 1))]).await;
    let known = everything(&estate).await.remove(0).1.remove(0);
    assert_eq!((known.id, known.open, known.opening), (FindingId(1), true, 1));
    assert_eq!(known.evidence["days"], 97);
    assert_eq!(estate.number("SELECT next_step_at FROM finding").await, NOW.as_millis());

    let updated = FindingChange::Updated {
        id: FindingId(1),
        severity: Severity::Critical,
        since: NOW,
        evidence: Map::new(),
        mailed: false,
    };
    estate.judge(NOW, vec![updated]).await;
    let known = everything(&estate).await.remove(0).1.remove(0);
    assert_eq!((known.severity, known.since, known.mailed), (Severity::Critical, NOW, false));
    assert_eq!(estate.number("SELECT count(*) FROM finding WHERE next_step_at IS NULL").await, 1, "no longer mailed");

    estate.judge(NOW, vec![FindingChange::Closed { id: FindingId(1), why: "dead" }]).await;
    assert!(!everything(&estate).await[0].1[0].open);
    let again = Opened { opening: 2, ..opened(STALE, 1, 1) };
    estate
        .judge(NOW + hours(1), vec![FindingChange::Anew { id: FindingId(1), opened: again, why: Anew::Reopened }])
        .await;
    let known = everything(&estate).await.remove(0).1.remove(0);
    assert_eq!((known.open, known.opening, known.mailed), (true, 2, true));
    let log = estate.ledger.timeline(&["finding:1".to_owned()], 0, 10).await.unwrap();
    let log: Vec<String> = log.into_iter().map(|event| event.kind).collect();
    assert_eq!(log, ["finding.opened", "finding.closed", "finding.reopened"]);
}

async fn a_finding_that_is_never_mailed_has_no_step(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, None).await.credential(1).await;
    estate.judge(NOW, vec![FindingChange::Opened(Opened { mailed: false, ..opened(STALE, 1, 1) })]).await;
    assert_eq!(estate.number("SELECT count(*) FROM finding WHERE next_step_at IS NULL").await, 1);
}

async fn what_was_written_since_is_not_judged_by_what_was_known_before(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, None).await;
    let number = estate.ledger.turn().await.unwrap().facts; // as another process has it
    let batch = JudgeBatch {
        now: Some(NOW),
        turn: Some(number),
        judged: vec![(ConnectionId(1), None)],
        ..JudgeBatch::default()
    };
    estate.ledger.commit_judgements(&batch).await.unwrap();
    estate.ledger.commit_judgements(&batch).await.unwrap(); // to judge is not to write to the inventory
    let chunk = CollectChunk { now: Some(NOW), ..CollectChunk::default() };
    estate.ledger.commit_collect(&chunk).await.unwrap();
    let overtaken = estate.ledger.commit_judgements(&batch).await;
    assert!(matches!(overtaken, Err(LedgerError::Busy(_))), "{overtaken:?}");
}

async fn what_makes_a_connection_due_while_it_is_judged_is_not_written_over(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, None).await.credential(1).await;
    let (credential, leak) = (CredentialId(1), Word::default());
    for word in [Some(&leak), None] {
        let turn = estate.ledger.turn().await.unwrap();
        let batch = JudgeBatch {
            now: Some(NOW),
            turn: Some(turn.facts),
            judged: vec![(ConnectionId(1), None)],
            ..JudgeBatch::default()
        };
        assert!(estate.ledger.compromise(credential, word, NOW, None).await.unwrap().changed, "it is news");
        let overtaken = estate.ledger.commit_judgements(&batch).await;
        assert!(matches!(overtaken, Err(LedgerError::Busy(_))), "{overtaken:?}");
        let chunk = CollectChunk { now: Some(NOW), turn: Some(turn.number), ..CollectChunk::default() };
        estate.ledger.commit_collect(&chunk).await.expect("who reads the inventory is not concerned");
    }
}

async fn closing_what_is_not_open_changes_nothing_of_the_batch(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.connection(1, 1, None).await.credential(1).await;
    let batch = JudgeBatch {
        now: Some(NOW),
        turn: None,
        judged: vec![(ConnectionId(1), Some(NOW))],
        changes: vec![
            FindingChange::Opened(opened(STALE, 1, 1)),
            FindingChange::Closed { id: FindingId(7), why: "dead" },
        ],
        events: Vec::new(),
    };
    let refused = estate.ledger.commit_judgements(&batch).await;
    assert!(matches!(refused, Err(LedgerError::Inconsistent { table: "finding", .. })), "{refused:?}");
    assert_eq!(estate.number("SELECT count(*) FROM finding").await, 0);
    assert_eq!(estate.ledger.due_count(NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn no_statement_of_a_page_reads_a_whole_table() {
    let estate = Estate::new(Kind::Sqlite).await;
    for statement in
        [&subjects::CONNECTIONS, &subjects::USES, &subjects::FINDINGS, &JUDGED, &OF_ACCOUNT, &OF_CREDENTIAL]
    {
        for step in estate.ledger.plan(statement.sqlite).await {
            let own = ["VIRTUAL TABLE", "page", "two", "told"].iter().any(|made_here| step.contains(made_here));
            assert!(own || !step.starts_with("SCAN"), "{step}");
        }
    }
    let neighbours = estate.ledger.plan(subjects::USES.sqlite).await.join("\n");
    let by_account = "use_by_credential (credential_id=? AND account_id=? AND until";
    assert_eq!(neighbours.matches(by_account).count(), 2, "no walk over all who share a credential:\n{neighbours}");
    let of_commits = estate.ledger.plan(crate::ledger::collect::statements::SUMMARIES.sqlite).await.join("\n");
    for (index, key) in [
        ("use_compromised", "(credential_id=? AND account_id=? AND compromised_at>?"),
        ("use_syncing", "(credential_id=? AND account_id=? AND until=? AND syncs=?)"),
        ("use_sending", "(credential_id=? AND account_id=? AND until=? AND sends=?)"),
    ] {
        for steps in [&neighbours, &of_commits] {
            assert!(steps.contains(&format!("COVERING INDEX {index} {key}")), "{index} asks for one:\n{steps}");
        }
    }
}
