//! What NOTIFY relies on.

mod passes;
mod returned;
mod suppressed;
mod waits;

use std::time::Duration;

use super::*;
use crate::domain::action::OperatorName;
use crate::domain::facts::EndedBy;
use crate::domain::finding::{Anew, FindingChange, Opened, RuleName, Severity};
use crate::domain::ids::{NoticeId, ScanId};
use crate::domain::record::{PersonStatus, Role};
use crate::domain::time::{days, hours};
use crate::ledger::estate::{Estate, NOW, ended_use, open_use, opened};
use crate::ledger::place::Kind;
use crate::ports::notify::{Candidate, Digest};

on_both![
    a_new_ledger_mails_nothing_until_it_is_released_and_the_log_tells_when_and_by_whom,
    a_due_step_knows_the_owner_and_the_maker_and_nobody_else,
    an_owner_who_made_the_connection_is_named_once,
    a_step_is_due_once_in_order_and_only_while_open_and_mailed,
    a_step_that_is_taken_twice_makes_one_notice_and_a_stale_one_makes_none,
    one_digest_for_each_reader_worst_first_under_a_fixed_message_id,
    a_notice_tells_the_facts_as_they_stand,
    what_was_fixed_or_began_anew_is_no_longer_current,
    a_mail_that_is_just_being_sent_keeps_its_notices,
    a_sent_mail_is_told_without_an_address_and_never_claimed_again,
    sending_begins_only_from_a_claim,
    a_dead_senders_claim_is_planned_again_and_its_sending_maybe_sent_for_ever,
    failed_and_maybe_sent_mails_come_back_when_they_are_due,
    a_refused_address_is_suppressed_and_the_step_is_due_for_the_next_in_line,
    who_was_not_reached_is_told_when_the_step_is_taken_once_more_and_nobody_is_told_twice,
    nobody_is_written_to_once_suspended_or_suppressed,
    held_notices_wait_for_another_mail_and_the_rest_goes_on,
    a_reminder_refers_to_the_earlier_mails_about_the_same_findings,
    an_end_for_a_mail_that_is_not_there_changes_nothing,
];

const STALE: RuleName = RuleName::SecretStale;
const LEASE: Duration = Duration::from_secs(600);

/// Account 1 with an owner (1) and a member (2) who made both connections; each connection has its own live credential and
/// a finding of the same number.
async fn estate(kind: Kind) -> Estate {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await.person(2, 1, "maker", "member").await;
    estate.person(3, 1, "bystander", "member").await;
    for id in [1, 2] {
        estate.connection(id, 1, Some("maker")).await.credential(id).await.usage(open_use(id, id, 10)).await;
        estate.judge(NOW, vec![FindingChange::Opened(opened(STALE, id, id))]).await;
    }
    estate
}

async fn due(estate: &Estate, now: Timestamp) -> Vec<StepDue> {
    estate.ledger.steps_due(now, FindingId(0), 10).await.unwrap()
}

/// Takes `step` of these findings for these people.
async fn take(estate: &Estate, findings: &[i64], opening: u32, step: u32, people: &[i64]) {
    let taken = |finding: &i64| StepTaken {
        finding: FindingId(*finding),
        opening,
        step,
        people: people.iter().copied().map(PersonId).collect(),
        next_step_at: Some(NOW + days(7)),
    };
    let steps: Vec<_> = findings.iter().map(taken).collect();
    estate.ledger.commit_steps(NOW, &steps, &[]).await.unwrap();
}

/// A mail for everybody with all that waits for them.
async fn form(estate: &Estate) {
    let digests = readers(estate).await.into_iter().map(|reader| Digest {
        person: reader.person,
        run: reader.run,
        notices: reader.notices.iter().map(|notice| notice.id).collect(),
    });
    let formed = Formed { digests: digests.collect(), waits: Vec::new() };
    estate.ledger.form_mails(NOW, &formed, "mail.example.org").await.unwrap();
}

const ALL: Whom = Whom::Everybody(ScanId(1));

async fn readers(estate: &Estate) -> Vec<WaitingReader> {
    let people = people_waiting(estate).await;
    estate.ledger.readers_waiting(NOW, ALL, &people).await.unwrap()
}

async fn people_waiting(estate: &Estate) -> Vec<PersonId> {
    estate.ledger.people_waiting(NOW, ALL).await.unwrap()
}

async fn claim(estate: &Estate, now: Timestamp) -> Vec<ClaimedMail> {
    estate.ledger.claim_mails(now, now + LEASE, 100).await.unwrap()
}

/// Begins to send a claimed mail, as it stands.
async fn begin(estate: &Estate, mail: i64) {
    let mut mail = estate.ledger.reload_mails(&[MailId(mail)]).await.unwrap().remove(0);
    mail.notices.retain(|notice| notice.current);
    assert_eq!(estate.ledger.begin_sending(&mail, NOW).await.unwrap(), Begun::Sending);
}

async fn record(estate: &Estate, mail: i64, end: MailEnd) {
    estate.ledger.record_mails(NOW, &[(MailId(mail), end)], &[]).await.unwrap();
}

fn sent() -> MailEnd {
    MailEnd::Sent { reply: "250 OK".to_owned() }
}

/// One mail (1) to the owner with both findings, claimed.
async fn one_mail(kind: Kind) -> (Estate, ClaimedMail) {
    let estate = estate(kind).await;
    take(&estate, &[1, 2], 1, 0, &[1]).await;
    form(&estate).await;
    let mail = claim(&estate, NOW).await.remove(0);
    (estate, mail)
}

async fn a_new_ledger_mails_nothing_until_it_is_released_and_the_log_tells_when_and_by_whom(kind: Kind) {
    let estate = Estate::new(kind).await;
    assert_eq!(estate.ledger.mail_mode().await.unwrap(), MailMode::Preview);
    let by = OperatorName::new("alice (uid 7)");
    estate.ledger.release_mail_by(NOW, MailMode::Released, by.as_ref()).await.unwrap();
    estate.ledger.release_mail(NOW + hours(1)).await.unwrap();
    assert_eq!(estate.ledger.mail_mode().await.unwrap(), MailMode::Released);
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE kind = 'mail.released'").await, 1);
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE data LIKE '%alice (uid 7)%'").await, 1);
}

async fn a_due_step_knows_the_owner_and_the_maker_and_nobody_else(kind: Kind) {
    let estate = estate(kind).await;
    estate
        .run("UPDATE person SET status = 'suspended' WHERE id = 2")
        .await
        .run("INSERT INTO suppressed VALUES ('owner@example.org', 1790000000001, '')")
        .await;
    let step = due(&estate, NOW).await.remove(0);
    assert_eq!((step.finding, step.last_step, step.due_at, step.held), (FindingId(1), None, Some(NOW), true));
    let facts = |p: &Candidate| (p.id.0, p.reader.role, p.reader.status, p.reader.suppressed, p.reader.creator);
    let people: Vec<_> = step.people.iter().map(facts).collect();
    assert_eq!(
        people,
        [(1, Role::Owner, PersonStatus::Active, true, false), (2, Role::Member, PersonStatus::Suspended, false, true)]
    );
    estate.run("UPDATE person SET email = 'new@example.org' WHERE id = 1").await;
    assert!(!due(&estate, NOW).await[0].people[0].reader.suppressed, "another address is not suppressed");
}

async fn an_owner_who_made_the_connection_is_named_once(kind: Kind) {
    let estate = estate(kind).await;
    estate.run("UPDATE connection SET created_by = 'owner'").await;
    let step = due(&estate, NOW).await.remove(0);
    assert_eq!(step.people.iter().map(|p| (p.id.0, p.reader.creator)).collect::<Vec<_>>(), [(1, true)]);
}

async fn a_step_is_due_once_in_order_and_only_while_open_and_mailed(kind: Kind) {
    let estate = estate(kind).await;
    assert_eq!(due(&estate, NOW).await.iter().map(|s| s.finding.0).collect::<Vec<_>>(), [1, 2]);
    let second = estate.ledger.steps_due(NOW, FindingId(1), 10).await.unwrap();
    assert_eq!(second.iter().map(|s| s.finding.0).collect::<Vec<_>>(), [2]);
    take(&estate, &[1], 1, 0, &[1]).await;
    estate.judge(NOW, vec![FindingChange::Closed { id: FindingId(2), why: "dead" }]).await;
    assert!(due(&estate, NOW).await.is_empty());
    let later = due(&estate, NOW + days(7)).await;
    assert_eq!(later.iter().map(|s| (s.finding.0, s.last_step)).collect::<Vec<_>>(), [(1, Some(0))]);
}

async fn a_step_that_is_taken_twice_makes_one_notice_and_a_stale_one_makes_none(kind: Kind) {
    let estate = estate(kind).await;
    take(&estate, &[1], 1, 0, &[1, 2]).await;
    take(&estate, &[1], 1, 0, &[1, 2]).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice").await, 2);
    take(&estate, &[2], 7, 0, &[1]).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice").await, 2, "the finding is not in that opening");
    assert_eq!(estate.number("SELECT count(*) FROM finding WHERE id = 2 AND last_step IS NULL").await, 1);
}

async fn one_digest_for_each_reader_worst_first_under_a_fixed_message_id(kind: Kind) {
    let estate = estate(kind).await;
    let critical = Opened { severity: Severity::Critical, ..opened(RuleName::ConnectionOrphaned, 2, 2) };
    estate.judge(NOW, vec![FindingChange::Opened(critical)]).await;
    take(&estate, &[1, 2], 1, 0, &[1]).await;
    take(&estate, &[3], 1, 0, &[2, 1]).await;
    assert_eq!(people_waiting(&estate).await, [PersonId(1), PersonId(2)]);
    form(&estate).await;
    form(&estate).await;
    let mails = claim(&estate, NOW).await;
    assert_eq!(mails.len(), 2);
    let owner = mails.iter().find(|mail| mail.person == PersonId(1)).unwrap();
    assert_eq!(owner.notices.iter().map(|n| n.finding.0).collect::<Vec<_>>(), [3, 1, 2]);
    assert_eq!(owner.message_id, format!("<keysweep.{}.name@mail.example.org>", owner.id));
    assert_eq!((owner.address.expose(), owner.account.as_str()), ("owner@example.org", "acc-1"));
    assert!(owner.deliverable && !owner.maybe_sent && owner.attempts == 0);
    assert!(claim(&estate, NOW).await.is_empty(), "a claimed mail is claimed once");
}

async fn a_notice_tells_the_facts_as_they_stand(kind: Kind) {
    let estate = estate(kind).await;
    estate.connection(3, 1, None).await.usage(open_use(3, 1, 20)).await;
    estate.run("UPDATE use SET until = 30, ended_by = 'replaced' WHERE connection_id = 2").await;
    estate.connection(4, 2, None).await.usage(ended_use(4, 2, 1, 2, "deleted")).await;
    take(&estate, &[1, 2], 1, 0, &[1]).await;
    form(&estate).await;
    let mail = claim(&estate, NOW).await.remove(0);
    let [first, second] = &mail.notices[..] else { panic!("two notices: {mail:?}") };
    assert_eq!((first.sharers, first.ended_by, first.until), (2, None, None));
    assert_eq!((second.sharers, second.ended_by), (0, Some(EndedBy::Replaced)));
    assert_eq!(second.until, Some(Timestamp::from_millis(30)));
    assert_eq!((first.connection.as_str(), first.key_tail.as_str(), first.held), ("conn-1", "cdef", true));
    assert_eq!(first.evidence["days"], 97);
}

async fn what_was_fixed_or_began_anew_is_no_longer_current(kind: Kind) {
    let (estate, mail) = one_mail(kind).await;
    assert!(mail.notices.iter().all(|notice| notice.current));
    let anew = Opened { opening: 2, severity: Severity::Critical, ..opened(STALE, 2, 2) };
    estate
        .judge(
            NOW,
            vec![
                FindingChange::Closed { id: FindingId(1), why: "dead" },
                FindingChange::Anew { id: FindingId(2), opened: anew, why: Anew::Worsened },
            ],
        )
        .await;
    let mail = estate.ledger.reload_mails(&[MailId(1)]).await.unwrap().remove(0);
    assert!(mail.notices.iter().all(|notice| !notice.current));
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE state = 'cancelled'").await, 2);
    assert_eq!(due(&estate, NOW).await.len(), 1, "the new opening begins at its first step");
}

async fn a_mail_that_is_just_being_sent_keeps_its_notices(kind: Kind) {
    let (estate, _) = one_mail(kind).await;
    begin(&estate, 1).await;
    estate.judge(NOW, vec![FindingChange::Closed { id: FindingId(1), why: "dead" }]).await;
    record(&estate, 1, sent()).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE state = 'sent'").await, 2);
}

async fn a_sent_mail_is_told_without_an_address_and_never_claimed_again(kind: Kind) {
    let (estate, _) = one_mail(kind).await;
    begin(&estate, 1).await;
    record(&estate, 1, sent()).await;
    let told = estate.ledger.one("SELECT subject || ' ' || data FROM event WHERE kind = 'mail.sent'").await;
    assert_eq!(told.as_deref(), Some(r#"mail:1 {"person":1}"#));
    assert!(claim(&estate, NOW + days(1)).await.is_empty());
    assert_eq!(estate.ledger.recover_mails(NOW).await.unwrap(), (0, 0));
}

async fn sending_begins_only_from_a_claim(kind: Kind) {
    let (estate, mail) = one_mail(kind).await;
    begin(&estate, 1).await;
    let twice = estate.ledger.begin_sending(&mail, NOW).await;
    assert!(matches!(twice, Err(LedgerError::Inconsistent { table: "mail", .. })), "{twice:?}");
}

async fn a_dead_senders_claim_is_planned_again_and_its_sending_maybe_sent_for_ever(kind: Kind) {
    let (estate, mail) = one_mail(kind).await;
    assert_eq!(estate.ledger.recover_mails(NOW).await.unwrap(), (1, 0));
    assert!(!claim(&estate, NOW).await[0].maybe_sent);
    begin(&estate, 1).await;
    assert_eq!(estate.ledger.recover_mails(NOW).await.unwrap(), (0, 1));
    let again = claim(&estate, NOW).await.remove(0);
    assert_eq!((again.maybe_sent, again.attempts, again.message_id == mail.message_id), (true, 1, true));
    assert_eq!(estate.ledger.recover_mails(NOW).await.unwrap(), (1, 0));
    assert!(claim(&estate, NOW).await[0].maybe_sent, "what may have arrived stays so");
}

async fn failed_and_maybe_sent_mails_come_back_when_they_are_due(kind: Kind) {
    for (end, maybe_sent) in [
        (MailEnd::Failed { retry_at: NOW + hours(1), error: "451".to_owned() }, false),
        (MailEnd::MaybeSent { retry_at: NOW + hours(1), error: "lost".to_owned() }, true),
    ] {
        let (estate, _) = one_mail(kind).await;
        begin(&estate, 1).await;
        record(&estate, 1, end).await;
        assert!(claim(&estate, NOW).await.is_empty());
        let again = claim(&estate, NOW + hours(1)).await.remove(0);
        assert_eq!((again.maybe_sent, again.attempts, again.notices.len()), (maybe_sent, 1, 2));
    }
}

/// The server's word that this address is none.
fn refused(address: &str) -> MailEnd {
    let address = crate::domain::record::Address::parse(address).unwrap();
    MailEnd::AddressRefused { address, until: NOW + days(30), error: "550 5.1.1".to_owned() }
}

async fn a_refused_address_is_suppressed_and_the_step_is_due_for_the_next_in_line(kind: Kind) {
    let (estate, _) = one_mail(kind).await;
    record(&estate, 1, refused("owner@example.org")).await;
    let again = due(&estate, NOW).await;
    assert_eq!(again.iter().map(|s| (s.finding.0, s.last_step)).collect::<Vec<_>>(), [(1, None), (2, None)]);
    assert!(again[0].people[0].reader.suppressed);
    take(&estate, &[1, 2], 1, 0, &[2]).await;
    assert_eq!(people_waiting(&estate).await, [PersonId(2)]);
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE kind = 'mail.address_refused'").await, 1);
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE data LIKE '%@%'").await, 0);
}

async fn who_was_not_reached_is_told_when_the_step_is_taken_once_more_and_nobody_is_told_twice(kind: Kind) {
    let estate = estate(kind).await;
    take(&estate, &[1], 1, 0, &[1, 2]).await;
    form(&estate).await;
    let mails = claim(&estate, NOW).await;
    let to = |person: i64| mails.iter().find(|mail| mail.person == PersonId(person)).unwrap().id.0;
    record(&estate, to(2), sent()).await;
    record(&estate, to(1), MailEnd::Cancelled).await;
    take(&estate, &[1], 1, 0, &[1, 2]).await;
    assert_eq!(people_waiting(&estate).await, [PersonId(1)]);
    form(&estate).await;
    let again = claim(&estate, NOW).await;
    assert_eq!(again.iter().map(|mail| (mail.person.0, mail.notices.len())).collect::<Vec<_>>(), [(1, 1)]);
}

async fn nobody_is_written_to_once_suspended_or_suppressed(kind: Kind) {
    for statement in [
        "UPDATE person SET status = 'suspended' WHERE id = 1",
        "INSERT INTO suppressed VALUES ('owner@example.org', 1890000000000, '')",
    ] {
        let (estate, _) = one_mail(kind).await;
        estate.run(statement).await;
        assert!(!estate.ledger.reload_mails(&[MailId(1)]).await.unwrap()[0].deliverable, "{statement}");
    }
}

async fn held_notices_wait_for_another_mail_and_the_rest_goes_on(kind: Kind) {
    let (estate, mail) = one_mail(kind).await;
    let held = |count: usize| MailEnd::Held {
        notices: mail.notices.iter().map(|n| n.id).take(count).collect(),
        retry_at: NOW,
    };
    record(&estate, 1, held(1)).await;
    let rest = claim(&estate, NOW).await.remove(0);
    assert_eq!(rest.notices.iter().map(|n| n.id).collect::<Vec<NoticeId>>(), [mail.notices[1].id]);
    assert_eq!(people_waiting(&estate).await, [PersonId(1)]);
    record(&estate, 1, held(2)).await;
    assert!(claim(&estate, NOW).await.is_empty(), "a mail without notices is cancelled");
    form(&estate).await;
    assert_eq!(claim(&estate, NOW).await[0].notices.len(), 2);
}

async fn a_reminder_refers_to_the_earlier_mails_about_the_same_findings(kind: Kind) {
    let (estate, first) = one_mail(kind).await;
    record(&estate, 1, sent()).await;
    take(&estate, &[1], 1, 1, &[1, 2]).await;
    form(&estate).await;
    let mails = claim(&estate, NOW).await;
    let of = |person: i64| mails.iter().find(|mail| mail.person == PersonId(person)).unwrap();
    assert_eq!(of(1).references, [first.message_id]);
    assert!(of(2).references.is_empty(), "another person's mail is not theirs to see");
}

async fn an_end_for_a_mail_that_is_not_there_changes_nothing(kind: Kind) {
    let (estate, _) = one_mail(kind).await;
    let ends = [(MailId(1), sent()), (MailId(9), sent())];
    let refused = estate.ledger.record_mails(NOW, &ends, &[]).await;
    assert!(matches!(refused, Err(LedgerError::Inconsistent { table: "mail", .. })), "{refused:?}");
    assert_eq!(estate.number("SELECT count(*) FROM mail WHERE state = 'sent'").await, 0);
}

#[tokio::test]
async fn a_chunk_costs_what_it_holds_and_not_what_waits() {
    let estate = Estate::new(Kind::Sqlite).await;
    for (statement, index) in [
        (waiting::WAITING, "notice_waiting (person_id=?)"),
        (waiting::WAITING, "person_by_email (email=?)"),
        (waiting::WHOSE_TIME_HAS_COME, "put_off_until (until<?)"),
        (mode::NEW, "finding_step_due (next_step_at<?)"),
        (mode::RECORD, "finding_step_due (next_step_at>?)"),
        (steps::SUPERSEDE, "sqlite_autoindex_notice_1 (finding_id=? AND opening=? AND step<?)"),
        (steps::EMPTIED, "sqlite_autoindex_notice_1 (finding_id=? AND opening=? AND step<?)"),
        (DUE_MAILS, "mail_due (next_try_at<?)"),
        (claimed::NOTICES, "notice_by_mail (mail_id=?)"),
        (claimed::SHARERS, "use_by_credential (credential_id=? AND account_id=? AND until=?)"),
        (steps::STEPS, "person_owner (account_id=?)"),
    ] {
        let plan = estate.ledger.plan(statement.sqlite).await.join("\n");
        assert!(plan.contains(index), "{index} in\n{plan}");
        assert!(!plan.contains("SCAN notice") && !plan.contains("SCAN mail") && !plan.contains("SCAN n\n"), "{plan}");
    }
}
