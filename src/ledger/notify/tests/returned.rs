//! What follows where a mail comes back.

use super::*;
use crate::domain::bounce::{Consequence, Failure, Fault, Status};
use crate::ports::bounce::BounceLedger;

on_both![
    an_address_that_is_gone_is_left_alone_and_the_next_in_line_is_told_once,
    what_is_told_twice_has_no_second_effect,
    what_was_told_to_others_is_not_told_to_them_again,
    later_steps_are_told_to_the_next_in_line_even_where_an_early_mail_comes_back,
    two_readers_mails_that_come_back_are_one_step_that_is_due,
    a_reader_with_another_address_by_now_is_told_there,
    a_failure_that_is_not_the_addresss_is_noted_and_nobody_is_told_again,
    that_an_address_is_gone_counts_also_after_a_lesser_failure,
    a_mail_that_is_just_being_sent_waits_and_one_that_waits_is_not_tried_again,
    a_mail_that_came_back_is_no_mail_that_was_told,
    a_mail_that_is_not_there_is_unknown,
    nobody_to_tell_makes_the_account_due,
];

fn gone() -> Failure {
    failure(Fault::Address, Status(5, 1, 1))
}

fn failure(fault: Fault, status: Status) -> Failure {
    Failure { fault, status: Some(status), said: format!("550 {status} no such user") }
}

async fn back(estate: &Estate, mail: i64, failure: &Failure) -> Option<Consequence> {
    estate.ledger.came_back(NOW + hours(1), MailId(mail), failure, NOW + days(90)).await.unwrap()
}

/// One mail (1) to the owner with both findings, sent.
async fn one_sent(kind: Kind) -> Estate {
    let (estate, _) = one_mail(kind).await;
    send(&estate, 1).await;
    estate
}

async fn send(estate: &Estate, mail: i64) {
    begin(estate, mail).await;
    record(estate, mail, sent()).await;
}

async fn due_findings(estate: &Estate) -> Vec<(i64, Option<u32>)> {
    due(estate, NOW + hours(1)).await.iter().map(|step| (step.finding.0, step.last_step)).collect()
}

async fn state(estate: &Estate, statement: &'static str) -> String {
    estate.ledger.one(statement).await.unwrap_or_default()
}

async fn an_address_that_is_gone_is_left_alone_and_the_next_in_line_is_told_once(kind: Kind) {
    let estate = one_sent(kind).await;
    assert_eq!(due_findings(&estate).await, []);
    assert_eq!(back(&estate, 1, &gone()).await, Some(Consequence::Suppress));

    let suppressed = estate.ledger.suppressed(NOW).await.unwrap();
    assert_eq!(suppressed.len(), 1);
    assert_eq!((suppressed[0].person, suppressed[0].until), (PersonId(1), NOW + days(90)));
    assert_eq!(suppressed[0].reason, "550 5.1.1 no such user");
    assert_eq!(due_findings(&estate).await, [(1, None), (2, None)], "the same findings, at the same step");
    assert!(due(&estate, NOW + hours(1)).await[0].people[0].reader.suppressed);

    take(&estate, &[1, 2], 1, 0, &[2]).await;
    assert_eq!(people_waiting(&estate).await, [PersonId(2)], "the next in line alone");
    assert_eq!(due_findings(&estate).await, []);
    let told = state(&estate, "SELECT data FROM event WHERE kind = 'mail.bounced' AND subject = 'mail:1'").await;
    assert_eq!(told, r#"{"fault":"address","person":1,"status":"5.1.1","suppressed":true}"#);
    let listed = estate.ledger.mails(None, MailId(0), 10).await.unwrap().remove(0);
    assert_eq!((listed.state.as_str(), listed.returned_at), ("bounced", Some(NOW + hours(1))));
    assert_eq!(listed.error.as_deref(), Some("550 5.1.1 no such user"));
}

async fn what_is_told_twice_has_no_second_effect(kind: Kind) {
    let estate = one_sent(kind).await;
    back(&estate, 1, &gone()).await;
    take(&estate, &[1, 2], 1, 0, &[2]).await;
    estate.ledger.unsuppress(&[PersonId(1)], NOW).await.unwrap();
    assert_eq!(due_findings(&estate).await, [(1, None), (2, None)], "they are to be told what they were not");
    take(&estate, &[1, 2], 1, 0, &[1, 2]).await;
    for again in [gone(), failure(Fault::Ours, Status(5, 7, 1)), failure(Fault::Passing, Status(4, 4, 1))] {
        assert_eq!(back(&estate, 1, &again).await, Some(Consequence::Nothing), "{again:?}");
    }
    assert!(estate.ledger.suppressed(NOW).await.unwrap().is_empty(), "the operator's word stands");
    assert_eq!(due_findings(&estate).await, []);
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE kind = 'mail.bounced'").await, 1);
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE state = 'planned'").await, 4);
}

async fn what_was_told_to_others_is_not_told_to_them_again(kind: Kind) {
    let estate = estate(kind).await;
    take(&estate, &[1], 1, 0, &[1, 2]).await;
    form(&estate).await;
    let mails = claim(&estate, NOW).await;
    let to = |person: i64| mails.iter().find(|mail| mail.person == PersonId(person)).unwrap().id.0;
    send(&estate, to(1)).await;
    send(&estate, to(2)).await;
    back(&estate, to(1), &gone()).await;
    assert_eq!(due_findings(&estate).await, [(1, None), (2, None)], "finding 2 was due all along");
    take(&estate, &[1], 1, 0, &[2]).await;
    assert!(people_waiting(&estate).await.is_empty(), "the member has had it");
}

async fn later_steps_are_told_to_the_next_in_line_even_where_an_early_mail_comes_back(kind: Kind) {
    let estate = one_sent(kind).await;
    take(&estate, &[1, 2], 1, 1, &[1]).await;
    form(&estate).await;
    claim(&estate, NOW).await;
    send(&estate, 2).await;
    assert_eq!(back(&estate, 1, &gone()).await, Some(Consequence::Suppress));
    assert_eq!(due_findings(&estate).await, [(1, Some(0)), (2, Some(0))], "the latest step, which says all");
    take(&estate, &[1, 2], 1, 1, &[2]).await;
    assert_eq!(people_waiting(&estate).await, [PersonId(2)]);
    // The later mail comes back as well: its step is due again, and whoever was told it meanwhile is not told twice.
    assert_eq!(back(&estate, 2, &gone()).await, Some(Consequence::Suppress));
    take(&estate, &[1, 2], 1, 1, &[2]).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE person_id = 2").await, 2);
}

async fn two_readers_mails_that_come_back_are_one_step_that_is_due(kind: Kind) {
    let estate = estate(kind).await;
    take(&estate, &[1], 1, 0, &[1, 2]).await;
    take(&estate, &[1], 1, 1, &[1, 2]).await;
    form(&estate).await;
    claim(&estate, NOW).await;
    for mail in [1, 2] {
        send(&estate, mail).await;
        back(&estate, mail, &gone()).await;
    }
    assert_eq!(due_findings(&estate).await, [(1, Some(0)), (2, None)]);
    assert_eq!(estate.number("SELECT count(*) FROM suppressed").await, 2);
}

async fn a_reader_with_another_address_by_now_is_told_there(kind: Kind) {
    let estate = one_sent(kind).await;
    estate.run("UPDATE person SET email = 'new@example.org' WHERE id = 1").await;
    assert_eq!(back(&estate, 1, &gone()).await, Some(Consequence::TellAgain));
    assert!(estate.ledger.suppressed(NOW).await.unwrap().is_empty(), "nothing was said of the new address");
    assert!(!due(&estate, NOW + hours(1)).await[0].people[0].reader.suppressed);
    take(&estate, &[1, 2], 1, 0, &[1]).await;
    assert_eq!(people_waiting(&estate).await, [PersonId(1)]);
    form(&estate).await;
    let again = claim(&estate, NOW).await.remove(0);
    assert_eq!((again.address.expose(), again.notices.len(), again.id), ("new@example.org", 2, MailId(2)));
    assert_eq!(back(&estate, 1, &gone()).await, Some(Consequence::Nothing));
}

async fn a_failure_that_is_not_the_addresss_is_noted_and_nobody_is_told_again(kind: Kind) {
    for (failure, follows) in [
        (failure(Fault::Ours, Status(5, 7, 1)), Consequence::Note(Fault::Ours)),
        (failure(Fault::Passing, Status(5, 2, 2)), Consequence::Note(Fault::Passing)),
    ] {
        let estate = one_sent(kind).await;
        assert_eq!(back(&estate, 1, &failure).await, Some(follows));
        assert!(estate.ledger.suppressed(NOW).await.unwrap().is_empty());
        assert_eq!(due_findings(&estate).await, []);
        assert_eq!(estate.number("SELECT count(*) FROM notice WHERE state = 'sent'").await, 2);
        assert_eq!(state(&estate, "SELECT state FROM mail").await, "bounced");
        let notice = estate.ledger.finding(FindingId(1)).await.unwrap().unwrap().notices.remove(0);
        assert!(!notice.is_told() && notice.returned_at == Some(NOW + hours(1)), "{notice:?}");
        assert_eq!(back(&estate, 1, &failure).await, Some(Consequence::Nothing));
    }
}

async fn that_an_address_is_gone_counts_also_after_a_lesser_failure(kind: Kind) {
    let estate = one_sent(kind).await;
    back(&estate, 1, &failure(Fault::Passing, Status(4, 4, 7))).await;
    assert_eq!(back(&estate, 1, &gone()).await, Some(Consequence::Suppress));
    assert_eq!(due_findings(&estate).await, [(1, None), (2, None)]);
}

async fn a_mail_that_is_just_being_sent_waits_and_one_that_waits_is_not_tried_again(kind: Kind) {
    let (estate, _) = one_mail(kind).await;
    begin(&estate, 1).await;
    assert_eq!(back(&estate, 1, &gone()).await, Some(Consequence::Wait));
    assert_eq!(estate.number("SELECT count(*) FROM suppressed").await, 0);
    // The connection was lost after DATA: it may have arrived, and did, and came back.
    assert_eq!(estate.ledger.recover_mails(NOW).await.unwrap(), (0, 1));
    assert_eq!(
        back(&estate, 1, &failure(Fault::Passing, Status(4, 4, 7))).await,
        Some(Consequence::Note(Fault::Passing))
    );
    assert_eq!(state(&estate, "SELECT state FROM mail").await, "maybe_sent", "it may yet arrive");
    assert_eq!(back(&estate, 1, &gone()).await, Some(Consequence::Suppress));
    assert!(claim(&estate, NOW + days(1)).await.is_empty(), "nobody is there");
    assert_eq!(due_findings(&estate).await, [(1, None), (2, None)]);
}

async fn a_mail_that_came_back_is_no_mail_that_was_told(kind: Kind) {
    let estate = one_sent(kind).await;
    estate.run("UPDATE person SET email = 'new@example.org' WHERE id = 1").await;
    back(&estate, 1, &gone()).await;
    take(&estate, &[1, 2], 1, 0, &[1]).await;
    let reader = readers(&estate).await.remove(0);
    assert!(!reader.told_before && reader.lately.is_empty(), "{reader:?}");
    form(&estate).await;
    assert!(claim(&estate, NOW).await[0].references.is_empty(), "nobody has it to refer to");
}

async fn a_mail_that_is_not_there_is_unknown(kind: Kind) {
    let estate = one_sent(kind).await;
    assert_eq!(back(&estate, 77, &gone()).await, None);
}

async fn nobody_to_tell_makes_the_account_due(kind: Kind) {
    let estate = one_sent(kind).await;
    estate.run("UPDATE connection SET judge_at = NULL").await;
    back(&estate, 1, &gone()).await;
    assert_eq!(estate.number("SELECT count(*) FROM connection WHERE judge_at <= 1790003600000").await, 2);
}
