//! Addresses that are left alone are left alone whoever has them.

use super::*;
use crate::domain::bounce::{Consequence, Failure, Fault, Status};
use crate::ports::bounce::BounceLedger;

on_both![
    a_refused_address_is_left_alone_in_every_account_that_has_it,
    what_was_offered_is_suppressed_and_not_what_the_person_has_by_now,
    a_report_that_an_address_is_gone_counts_in_every_account_that_has_it,
    a_mail_that_waits_in_another_account_is_not_tried,
    an_address_is_given_back_to_all_who_have_it,
    who_was_removed_has_no_address,
    who_can_be_written_to_again_is_told_what_they_were_not,
];

/// As [`one_mail`], and in account 2 an owner (4) of the same address, with a connection (3) and a finding (3).
async fn two_accounts(kind: Kind) -> Estate {
    let (estate, _) = one_mail(kind).await;
    estate.person(4, 2, "owner", "owner").await.person(5, 2, "other", "owner").await;
    estate.connection(3, 2, None).await.credential(3).await.usage(open_use(3, 3, 10)).await;
    estate.run("UPDATE use SET account_id = 2 WHERE id = 3").await;
    estate.judge(NOW, vec![FindingChange::Opened(opened(STALE, 3, 3))]).await;
    estate.run("UPDATE finding SET account_id = 2 WHERE id = 3").await;
    estate.run("UPDATE connection SET judge_at = NULL").await;
    estate
}

/// The server refuses the owner's address of account 1.
async fn refuse(estate: &Estate) {
    record(estate, 1, refused("owner@example.org")).await;
}

async fn is_left_alone(estate: &Estate, at: Timestamp) -> Vec<(i64, bool)> {
    let step = due(estate, at).await.into_iter().find(|step| step.finding == FindingId(3)).unwrap();
    step.people.iter().map(|person| (person.id.0, person.reader.suppressed)).collect()
}

async fn listed(estate: &Estate, at: Timestamp) -> Vec<i64> {
    estate.ledger.suppressed(at).await.unwrap().iter().map(|one| one.person.0).collect()
}

const JUDGED: &str = "SELECT count(*) FROM connection WHERE judge_at IS NOT NULL";

async fn a_refused_address_is_left_alone_in_every_account_that_has_it(kind: Kind) {
    let estate = two_accounts(kind).await;
    assert_eq!(is_left_alone(&estate, NOW).await, [(4, false), (5, false)]);
    refuse(&estate).await;
    assert_eq!(is_left_alone(&estate, NOW).await, [(4, true), (5, false)]);
    assert_eq!(is_left_alone(&estate, NOW + days(30)).await, [(4, false), (5, false)], "it has an end");
    assert_eq!(listed(&estate, NOW).await, [1, 4]);
    assert_eq!(estate.ledger.overview(NOW).await.unwrap().outbox.suppressed, 1, "one address");
    assert_eq!(estate.number(JUDGED).await, 3, "of both accounts");
}

async fn what_was_offered_is_suppressed_and_not_what_the_person_has_by_now(kind: Kind) {
    let (estate, _) = one_mail(kind).await;
    estate.run("UPDATE person SET email = 'new@example.org' WHERE id = 1").await; // an event corrects it
    record(&estate, 1, refused("owner@example.org")).await;
    assert_eq!(estate.number("SELECT count(*) FROM suppressed WHERE email = 'owner@example.org'").await, 1);
    let again = due(&estate, NOW).await;
    assert!(!again[0].people[0].reader.suppressed, "the step is told there");
    take(&estate, &[1, 2], 1, 0, &[1]).await;
    assert_eq!(people_waiting(&estate).await, [PersonId(1)]);
}

async fn a_report_that_an_address_is_gone_counts_in_every_account_that_has_it(kind: Kind) {
    let estate = two_accounts(kind).await;
    begin(&estate, 1).await;
    record(&estate, 1, sent()).await;
    let gone = Failure { fault: Fault::Address, status: Some(Status(5, 1, 1)), said: String::new() };
    let follows = estate.ledger.came_back(NOW, MailId(1), &gone, NOW + days(90)).await.unwrap();
    assert_eq!(follows, Some(Consequence::Suppress));
    assert_eq!(is_left_alone(&estate, NOW).await, [(4, true), (5, false)]);
    assert_eq!(estate.number(JUDGED).await, 3, "of both accounts");
}

async fn a_mail_that_waits_in_another_account_is_not_tried(kind: Kind) {
    let estate = two_accounts(kind).await;
    take(&estate, &[3], 1, 0, &[4, 5]).await;
    form(&estate).await;
    let claimed: Vec<(i64, i64)> = claim(&estate, NOW).await.iter().map(|mail| (mail.person.0, mail.id.0)).collect();
    assert_eq!(claimed, [(4, 2), (5, 3)]);
    refuse(&estate).await;
    let again = estate.ledger.reload_mails(&[MailId(2), MailId(3)]).await.unwrap();
    assert_eq!(again.iter().map(|mail| (mail.person.0, mail.deliverable)).collect::<Vec<_>>(), [(4, false), (5, true)]);
    assert_ne!(estate.ledger.begin_sending(&again[0], NOW).await.unwrap(), Begun::Sending);
}

async fn an_address_is_given_back_to_all_who_have_it(kind: Kind) {
    let estate = two_accounts(kind).await;
    refuse(&estate).await;
    estate.run("UPDATE connection SET judge_at = NULL").await;
    assert_eq!(estate.ledger.unsuppress(&[PersonId(5)], NOW).await.unwrap(), [], "another address");
    assert_eq!(estate.ledger.unsuppress(&[PersonId(4)], NOW).await.unwrap(), [PersonId(1), PersonId(4)]);
    assert_eq!(listed(&estate, NOW).await, [0; 0]);
    assert_eq!(is_left_alone(&estate, NOW).await, [(4, false), (5, false)]);
    assert_eq!(estate.number(JUDGED).await, 3, "of both accounts");
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE kind = 'mail.unsuppressed'").await, 2);
}

async fn who_was_removed_has_no_address(kind: Kind) {
    let estate = two_accounts(kind).await;
    refuse(&estate).await;
    estate.run("UPDATE person SET status = 'removed' WHERE id = 1").await;
    assert_eq!(listed(&estate, NOW).await, [4]);
    estate.run("UPDATE person SET status = 'removed' WHERE id = 4").await;
    assert_eq!(listed(&estate, NOW).await, [0; 0]);
    assert_eq!(estate.ledger.overview(NOW).await.unwrap().outbox.suppressed, 0);
}

async fn who_can_be_written_to_again_is_told_what_they_were_not(kind: Kind) {
    let estate = two_accounts(kind).await;
    refuse(&estate).await;
    take(&estate, &[3], 1, 0, &[5]).await;
    let present = "SELECT next_step_at FROM finding WHERE id = 3";
    estate.run("UPDATE finding SET next_step_at = 1890000000000 WHERE id = 3").await;
    estate.run("UPDATE finding SET pause = 'snoozed', pause_until = 1880000000000 WHERE id = 3").await;
    estate.ledger.unsuppress(&[PersonId(4)], NOW).await.unwrap();
    assert_eq!(estate.number(present).await, 1_890_000_000_000, "where reminders wait, they wait");
    estate.run("UPDATE finding SET pause = NULL, pause_until = NULL WHERE id = 3").await;
    estate.run("INSERT INTO suppressed VALUES ('owner@example.org', 1890000000000, '')").await;
    estate.ledger.unsuppress(&[PersonId(4)], NOW).await.unwrap();
    let step = due(&estate, NOW).await.into_iter().find(|step| step.finding == FindingId(3)).unwrap();
    assert_eq!((step.due_at, step.last_step), (Some(NOW), None), "as if it had not been taken");
    take(&estate, &[3], 1, 0, &[4, 5]).await;
    let told = "SELECT CAST(sum(person_id) AS bigint) FROM notice WHERE finding_id = 3 AND step = 0";
    assert_eq!(estate.number(told).await, 4 + 5, "each once");
    estate.run("UPDATE finding SET next_step_at = 1890000000000 WHERE id = 3").await;
    estate.run("INSERT INTO suppressed VALUES ('owner@example.org', 1890000000000, '')").await;
    estate.ledger.unsuppress(&[PersonId(4)], NOW).await.unwrap();
    assert_eq!(estate.number(present).await, 1_890_000_000_000, "they have been told by now");
}
