//! What goes and what stays, on both databases.

use super::*;
use crate::domain::finding::{FindingChange, RuleName};
use crate::domain::time::days;
use crate::ledger::estate::{Estate, NOW, open_use, opened};
use crate::ledger::place::{Kind, Stopped};
use crate::ports::Quiet;

on_both![
    what_ended_long_ago_and_nothing_asks_for_goes_and_all_else_stays,
    a_readers_newest_mail_stays_so_that_no_number_is_given_twice,
    more_rows_than_a_chunk_go_in_one_pass_and_a_stopped_pass_takes_none,
    messages_that_were_taken_or_given_up_go_and_those_that_wait_stay,
];

/// How long everything is kept here.
const KEPT: std::time::Duration = days(100);
/// Long before that, and just within it.
const OLD: i64 = NOW.as_millis() - 200 * 86_400_000;
const YOUNG: i64 = NOW.as_millis() - 99 * 86_400_000;

/// Two findings of one account, the second closed at `closed_at`.
async fn estate(kind: Kind, closed_at: i64) -> Estate {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await;
    for id in [1, 2] {
        estate.connection(id, 1, Some("owner")).await.credential(id).await.usage(open_use(id, id, 10)).await;
        estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::SecretStale, id, id))]).await;
    }
    run(&estate, format!("UPDATE finding SET state = 'closed', closed_at = {closed_at} WHERE id = 2")).await;
    estate
}

/// A statement of this test's own; the texts of a test may outlive it.
async fn run(estate: &Estate, statement: String) {
    estate.run(statement.leak()).await;
}

/// A mail to the owner with a notice about each of these findings.
async fn mail(estate: &Estate, id: i64, state: &str, at: i64, findings: &[i64], opening: i64) {
    let sent_at = if state == "sent" { at.to_string() } else { "NULL".to_owned() };
    let insert = format!(
        "INSERT INTO mail (id, run_id, person_id, message_id, state, formed_at, sent_at)
             VALUES ({id}, 1, 1, '<{id}>', '{state}', {at}, {sent_at})"
    );
    run(estate, insert).await;
    let of_notice = if matches!(state, "sent" | "cancelled") { state } else { "planned" };
    for finding in findings {
        let insert = format!(
            "INSERT INTO notice (finding_id, opening, step, person_id, planned_at, mail_id, state)
                 VALUES ({finding}, {opening}, {id}, 1, {at}, {id}, '{of_notice}')"
        );
        run(estate, insert).await;
    }
}

async fn prune(estate: &Estate) -> Pruned {
    estate.ledger.prune(NOW - KEPT, &Quiet).await.unwrap()
}

async fn left(estate: &Estate, what: &str) -> i64 {
    estate.number(format!("SELECT count(*) FROM {what}").leak()).await
}

async fn what_ended_long_ago_and_nothing_asks_for_goes_and_all_else_stays(kind: Kind) {
    let estate = estate(kind, OLD + 1).await;
    mail(&estate, 1, "sent", OLD, &[2], 1).await; // of a finding that closed long ago
    mail(&estate, 2, "sent", OLD, &[1], 1).await; // of one that is open
    mail(&estate, 3, "sent", OLD, &[1, 2], 0).await; // one began anew, the other closed
    mail(&estate, 4, "cancelled", OLD, &[2], 1).await;
    mail(&estate, 5, "failed", OLD, &[2], 1).await; // it still has to go out
    mail(&estate, 6, "sent", OLD, &[], 1).await; // with a link that somebody may follow
    let link = "INSERT INTO link (hash, person_id, mail_id, finding_id, opening, until) VALUES ('h', 1, 6, 1, 1, ";
    run(&estate, format!("{link}{})", NOW.as_millis())).await;
    mail(&estate, 7, "sent", YOUNG, &[2], 1).await; // within what is kept
    assert_eq!(prune(&estate).await, Pruned { notices: 4, mails: 3, messages: 0 });
    for (id, stays) in [(1, 0), (2, 1), (3, 0), (4, 0), (5, 1), (6, 1), (7, 1)] {
        assert_eq!(left(&estate, &format!("mail WHERE id = {id}")).await, stays, "mail {id}");
    }
    assert_eq!(left(&estate, "notice").await, 3);
    assert_eq!(prune(&estate).await, Pruned::default(), "twice is once");
}

async fn a_readers_newest_mail_stays_so_that_no_number_is_given_twice(kind: Kind) {
    let estate = estate(kind, OLD + 1).await;
    mail(&estate, 1, "sent", OLD, &[2], 1).await;
    mail(&estate, 2, "sent", OLD, &[2], 1).await;
    mail(&estate, 3, "cancelled", OLD, &[2], 1).await;
    assert_eq!(prune(&estate).await.mails, 1);
    assert_eq!(estate.number("SELECT max(id) FROM mail").await, 3);
    let written_to = left(&estate, "mail WHERE state = 'sent'").await;
    assert_eq!(written_to, 1, "and whoever was written to once is nobody to begin with");
    // closed within what is kept: who was told of it can be asked for
    let young = self::estate(kind, YOUNG).await;
    mail(&young, 1, "sent", OLD, &[2], 1).await;
    mail(&young, 2, "sent", OLD, &[], 1).await;
    assert_eq!(prune(&young).await, Pruned::default());
}

async fn more_rows_than_a_chunk_go_in_one_pass_and_a_stopped_pass_takes_none(kind: Kind) {
    let estate = estate(kind, OLD + 1).await;
    let many = CHUNK as i64 * 2 + 10;
    let insert = format!(
        "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {many})
             INSERT INTO mail (id, run_id, person_id, message_id, state, formed_at, sent_at)
             SELECT id, 1, 1, 'm' || id, 'sent', {OLD}, {OLD} FROM n"
    );
    run(&estate, insert).await;
    assert_eq!(estate.ledger.prune(NOW - KEPT, &Stopped).await.unwrap(), Pruned::default());
    assert_eq!(prune(&estate).await.mails, many as u64 - 1);
    assert_eq!(left(&estate, "mail").await, 1);
}

async fn messages_that_were_taken_or_given_up_go_and_those_that_wait_stay(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.run("INSERT INTO endpoint (name, told_up_to) VALUES ('siem', 0)").await;
    for (id, state, at) in
        [(1, "sent", OLD), (2, "given_up", OLD), (3, "planned", OLD), (4, "sent", YOUNG), (5, "sent", OLD)]
    {
        let ended = if state == "planned" { "NULL".to_owned() } else { at.to_string() };
        let insert = format!(
            "INSERT INTO message (id, endpoint, message_id, body, events, state, formed_at, ended_at)
                 VALUES ({id}, 'siem', 'm{id}', '', 1, '{state}', {at}, {ended})"
        );
        run(&estate, insert).await;
    }
    assert_eq!(prune(&estate).await.messages, 2);
    assert_eq!(left(&estate, "message WHERE id IN (3, 4, 5)").await, 3, "the newest stays: numbers go on from it");
}
