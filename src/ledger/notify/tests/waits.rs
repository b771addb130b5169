//! Who waits, who is told in the end, and whether anybody is.

use super::*;
use crate::domain::action::{Act, ActPolicy};
use crate::domain::brake::{Braked, Openings};
use crate::domain::finding::Anew;
use crate::domain::record::Address;
use crate::ports::act::{ActLedger, By};
use crate::ports::notify::{Audience, Wait, WaitReason};

on_both![
    a_tighter_step_takes_the_place_of_one_that_nobody_can_have_read,
    whoever_was_never_told_comes_before_those_who_are_reminded,
    who_is_put_off_comes_back_when_their_time_has_come,
    an_address_has_its_mails_counted_whoever_reads_them,
    the_security_contact_is_a_reader_of_no_account,
    who_was_told_of_a_tombstone_is_told_once_that_it_is_dead,
    a_tombstone_ends_quietly_where_nobody_was_told_or_nothing_was_proven,
    whoever_said_that_a_tombstone_is_not_theirs_is_not_told_of_its_end,
    a_note_of_death_is_dropped_where_the_key_answers_again,
    a_ledger_that_was_begun_keeps_its_way,
    the_baseline_is_known_and_what_grows_worse_or_reopens_is_told,
    what_the_baseline_knows_stays_known_whoever_was_not_reached,
    what_may_be_told_from_now_on_is_new_and_its_ladder_begins_here,
    the_brake_counts_what_is_new_and_is_taken_off_by_a_release,
];

async fn a_tighter_step_takes_the_place_of_one_that_nobody_can_have_read(kind: Kind) {
    let estate = estate(kind).await;
    take(&estate, &[1], 1, 0, &[1, 2]).await;
    take(&estate, &[1], 1, 1, &[1]).await;
    let waiting = readers(&estate).await;
    let of = |person| waiting.iter().find(|reader| reader.person == PersonId(person)).unwrap().notices.len();
    assert_eq!((of(1), of(2)), (1, 1));
    assert_eq!(estate.number("SELECT step FROM notice WHERE state = 'planned' AND person_id = 1").await, 1);
    form(&estate).await;
    take(&estate, &[1], 1, 2, &[1]).await;
    let superseded = "SELECT count(*) FROM notice WHERE state = 'superseded'";
    assert_eq!(estate.number(superseded).await, 2, "in a mail that never came to DATA");
    let emptied = "SELECT count(*) FROM mail WHERE person_id = 1 AND state = 'cancelled' AND next_try_at IS NULL";
    assert_eq!(estate.number(emptied).await, 1, "and the mail that says nothing any more with it");
    form(&estate).await;
    let mails = claim(&estate, NOW).await;
    begin(&estate, mails.iter().find(|mail| mail.person == PersonId(1)).unwrap().id.0).await;
    take(&estate, &[1], 1, 3, &[1]).await;
    assert_eq!(estate.number(superseded).await, 2, "what is being handed over is told");
}

async fn whoever_was_never_told_comes_before_those_who_are_reminded(kind: Kind) {
    let estate = estate(kind).await;
    let told = async |people: &[i64], step| {
        take(&estate, &[1], 1, step, people).await;
        form(&estate).await;
        for mail in claim(&estate, NOW).await {
            record(&estate, mail.id.0, sent()).await;
        }
    };
    told(&[1], 0).await;
    estate.run("UPDATE mail SET sent_at = sent_at - 1").await;
    told(&[3], 1).await;
    estate.run("UPDATE finding SET severity = 'critical' WHERE id = 1").await;
    take(&estate, &[1], 1, 2, &[3, 1]).await;
    take(&estate, &[2], 1, 0, &[2]).await;
    let untold_first_then_the_longest_without_a_mail = [2, 1, 3].map(PersonId);
    assert_eq!(people_waiting(&estate).await, untold_first_then_the_longest_without_a_mail);
}

async fn who_is_put_off_comes_back_when_their_time_has_come(kind: Kind) {
    let estate = estate(kind).await;
    take(&estate, &[1], 1, 0, &[1, 2]).await;
    let wait = |person, until| Wait { person: PersonId(person), run: ScanId(7), until, why: WaitReason::Quiet };
    let waits = vec![wait(1, Some(NOW + hours(1))), wait(2, None)];
    let formed = Formed { digests: Vec::new(), waits };
    estate.ledger.form_mails(NOW, &formed, "mail.example.org").await.unwrap();
    assert_eq!(estate.ledger.next_mail_at().await.unwrap(), Some(NOW + hours(1)));
    let told = async || estate.ledger.overview(NOW).await.unwrap().outbox.put_off[&WaitReason::Quiet];
    let previewed = async || estate.ledger.put_off().await.unwrap().iter().map(|waits| waits.people).sum::<u64>();
    assert_eq!((told().await, previewed().await), (2, 2));
    estate.run("UPDATE person SET status = 'removed' WHERE id = 2").await;
    assert_eq!((told().await, previewed().await), (1, 1), "who is gone waits for nothing");
    estate.run("UPDATE person SET status = 'active' WHERE id = 2").await;
    let put_off = async |now| estate.ledger.people_waiting(now, Whom::PutOff).await.unwrap();
    assert_eq!(put_off(NOW).await, []);
    let later = NOW + hours(1);
    assert_eq!(put_off(later).await, [PersonId(1)]);
    let back = estate.ledger.readers_waiting(later, Whom::PutOff, &[PersonId(1)]).await.unwrap().remove(0);
    assert_eq!((back.run, back.notices.len(), back.told_before), (ScanId(7), 1, false));
    estate.ledger.end_waits(Some(later)).await.unwrap();
    assert_eq!(estate.number("SELECT count(*) FROM put_off").await, 1, "until the next run");
    assert_eq!(estate.ledger.next_mail_at().await.unwrap(), None);
    estate.ledger.end_waits(None).await.unwrap();
    assert_eq!(estate.number("SELECT count(*) FROM put_off").await, 0);
}

async fn an_address_has_its_mails_counted_whoever_reads_them(kind: Kind) {
    let (estate, _) = one_mail(kind).await;
    estate.run("UPDATE person SET email = 'owner@example.org' WHERE id = 2").await;
    take(&estate, &[1], 1, 0, &[2]).await;
    let lately = async || readers(&estate).await.remove(0).lately;
    assert_eq!(lately().await, [NOW], "a mail that is on its way may arrive now");
    record(&estate, 1, sent()).await;
    estate.run("UPDATE mail SET sent_at = sent_at - 3600000").await;
    assert_eq!(lately().await, [NOW - hours(1)]);
    estate.run("UPDATE mail SET sent_at = sent_at - 82800000").await;
    assert_eq!(lately().await, [], "a day ago");
}

async fn the_security_contact_is_a_reader_of_no_account(kind: Kind) {
    let estate = estate(kind).await;
    let contact = |address: &str| Address::parse(address).unwrap();
    let known = async || estate.ledger.security_contact(NOW).await.unwrap();
    assert_eq!(known().await, None);
    estate.ledger.set_security_contact(Some(&contact("security@example.org"))).await.unwrap();
    assert_eq!(known().await, Some(PersonId(0)));
    take(&estate, &[1, 2], 1, 3, &[0]).await;
    form(&estate).await;
    let mail = claim(&estate, NOW).await.remove(0);
    assert_eq!((mail.audience, mail.account.as_str()), (Audience::SecurityContact, ""));
    assert_eq!(mail.address.expose(), "security@example.org");
    assert!(mail.deliverable);
    assert_eq!(mail.notices.iter().map(|notice| notice.account.as_str()).collect::<Vec<_>>(), ["acc-1", "acc-1"]);
    let sources = estate.ledger.overview(NOW).await.unwrap().sources;
    assert_eq!(sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), ["platform"]);
    assert_eq!(estate.ledger.readers(&[PersonId(0)]).await.unwrap()[0].role, None);

    estate.run("INSERT INTO suppressed VALUES ('security@example.org', 1890000000000, '')").await;
    assert_eq!(known().await, None, "refused for good");
    estate.ledger.set_security_contact(Some(&contact("other@example.org"))).await.unwrap();
    assert_eq!(known().await, Some(PersonId(0)), "another address is not");
    estate.ledger.set_security_contact(None).await.unwrap();
    assert_eq!(known().await, None);
    assert!(!estate.ledger.reload_mails(&[MailId(1)]).await.unwrap()[0].deliverable);
}

/// A tombstone (finding 3) of which these people were told.
async fn told_of_a_tombstone(kind: Kind, people: &[i64]) -> Estate {
    let estate = estate(kind).await;
    estate.run("UPDATE use SET until = 30, ended_by = 'deleted' WHERE connection_id = 1").await;
    estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::RevocationMissing, 1, 1))]).await;
    if !people.is_empty() {
        take(&estate, &[3], 1, 0, people).await;
        form(&estate).await;
        for mail in claim(&estate, NOW).await {
            record(&estate, mail.id.0, sent()).await;
        }
    }
    estate
}

async fn close(estate: &Estate, finding: i64, why: &'static str) {
    estate.judge(NOW + days(1), vec![FindingChange::Closed { id: FindingId(finding), why }]).await;
}

async fn who_was_told_of_a_tombstone_is_told_once_that_it_is_dead(kind: Kind) {
    let estate = told_of_a_tombstone(kind, &[1, 2]).await;
    estate.run("UPDATE person SET status = 'suspended' WHERE id = 2").await;
    close(&estate, 3, "dead").await;
    assert_eq!(people_waiting(&estate).await, [PersonId(1)], "nobody who may not be written to");
    form(&estate).await;
    let mail = claim(&estate, NOW).await.remove(0);
    let notice = &mail.notices[0];
    assert_eq!((notice.closing, notice.current, notice.rule), (true, true, RuleName::RevocationMissing));
    record(&estate, mail.id.0, sent()).await;
    assert_eq!(people_waiting(&estate).await, []);
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE closing = 1").await, 1);
}

async fn a_tombstone_ends_quietly_where_nobody_was_told_or_nothing_was_proven(kind: Kind) {
    let notes = "SELECT count(*) FROM notice WHERE closing = 1";
    let untold = told_of_a_tombstone(kind, &[]).await;
    take(&untold, &[3], 1, 0, &[1]).await; // planned, and in no mail
    close(&untold, 3, "dead").await;
    assert_eq!(untold.number(notes).await, 0);

    let cleared = told_of_a_tombstone(kind, &[1]).await;
    close(&cleared, 3, "cleared").await;
    assert_eq!(cleared.number(notes).await, 0, "used again, or never proven: that it was refused would be a lie");

    let open = told_of_a_tombstone(kind, &[1]).await;
    open.run("UPDATE use SET until = NULL, ended_by = NULL WHERE connection_id = 1").await;
    close(&open, 3, "dead").await;
    assert_eq!(open.number(notes).await, 0, "the connection broke; it left nothing behind");

    let other = one_mail(kind).await.0;
    record(&other, 1, sent()).await;
    close(&other, 1, "dead").await;
    assert_eq!(other.number(notes).await, 0, "no tombstone");
}

async fn whoever_said_that_a_tombstone_is_not_theirs_is_not_told_of_its_end(kind: Kind) {
    let estate = told_of_a_tombstone(kind, &[1, 2]).await;
    let not_mine = estate
        .ledger
        .perform(FindingId(3), None, By::Person(PersonId(1)), Act::NotMine, NOW, &ActPolicy::default())
        .await;
    not_mine.unwrap().expect("an owner may");
    close(&estate, 3, "dead").await;
    assert_eq!(people_waiting(&estate).await, [PersonId(2)]);
}

async fn a_note_of_death_is_dropped_where_the_key_answers_again(kind: Kind) {
    for is_formed in [false, true] {
        let estate = told_of_a_tombstone(kind, &[1]).await;
        close(&estate, 3, "dead").await;
        if is_formed {
            form(&estate).await;
        }
        let anew = Opened { opening: 2, ..opened(RuleName::RevocationMissing, 1, 1) };
        estate.judge(NOW, vec![FindingChange::Anew { id: FindingId(3), opened: anew, why: Anew::Reopened }]).await;
        assert_eq!(people_waiting(&estate).await, []);
        let left = claim(&estate, NOW).await;
        assert!(left.iter().flat_map(|mail| &mail.notices).all(|notice| !notice.current), "{left:?}");
    }
}

async fn a_ledger_that_was_begun_keeps_its_way(kind: Kind) {
    let estate = Estate::new(kind).await; // which has a name
    estate.ledger.begin_mail(MailMode::Ramp { people: 5 }).await.unwrap();
    assert_eq!(estate.ledger.mail_mode().await.unwrap(), MailMode::Preview);
    estate.run("DELETE FROM meta WHERE key = 'ledger_id'").await;
    estate.ledger.begin_mail(MailMode::Ramp { people: 5 }).await.unwrap();
    assert_eq!(estate.ledger.mail_mode().await.unwrap(), MailMode::Ramp { people: 5 });
    estate.ledger.begin_mail(MailMode::Released).await.unwrap();
    assert_eq!(estate.ledger.mail_mode().await.unwrap(), MailMode::Ramp { people: 5 });

    assert!(!estate.ledger.end_ramp(NOW).await.unwrap(), "before a whole scan nobody knows who everybody is");
    estate.ledger.note_whole_scan(NOW).await.unwrap();
    assert!(estate.ledger.end_ramp(NOW).await.unwrap());
    assert!(!estate.ledger.end_ramp(NOW).await.unwrap());
    assert_eq!(estate.ledger.mail_mode().await.unwrap(), MailMode::Released);
}

async fn the_baseline_is_known_and_what_grows_worse_or_reopens_is_told(kind: Kind) {
    let estate = estate(kind).await;
    estate.ledger.release_mail_as(NOW, MailMode::Baseline).await.unwrap();
    assert_eq!(estate.ledger.mail_mode().await.unwrap(), MailMode::Baseline, "it waits for a whole scan");
    assert_eq!(due(&estate, NOW).await.len(), 2);
    estate.ledger.note_whole_scan(NOW).await.unwrap();
    assert_eq!(estate.ledger.mail_mode().await.unwrap(), MailMode::Released);
    assert_eq!(due(&estate, NOW + days(400)).await.len(), 0);

    let Opened { evidence, since, severity, .. } = opened(STALE, 1, 1);
    let updated = FindingChange::Updated { id: FindingId(1), severity, since, evidence, mailed: true };
    estate.judge(NOW, vec![updated]).await;
    assert_eq!(due(&estate, NOW + days(400)).await.len(), 0, "other facts are nothing new");
    let worse = Opened { opening: 2, severity: Severity::Critical, ..opened(STALE, 1, 1) };
    estate.judge(NOW, vec![FindingChange::Anew { id: FindingId(1), opened: worse, why: Anew::Worsened }]).await;
    assert_eq!(due(&estate, NOW).await.iter().map(|step| step.finding.0).collect::<Vec<_>>(), [1]);
}

async fn what_the_baseline_knows_stays_known_whoever_was_not_reached(kind: Kind) {
    let (estate, _) = one_mail(kind).await;
    estate.ledger.note_whole_scan(NOW).await.unwrap();
    estate.ledger.release_mail_as(NOW, MailMode::Baseline).await.unwrap();
    record(&estate, 1, MailEnd::Cancelled).await;
    assert_eq!(due(&estate, NOW + days(400)).await.len(), 0);
    let not_mine = estate
        .ledger
        .perform(FindingId(1), None, By::Person(PersonId(1)), Act::NotMine, NOW, &ActPolicy::default())
        .await;
    not_mine.unwrap().expect("an owner may");
    assert_eq!(due(&estate, NOW + days(400)).await.len(), 0, "the next in line is told of what is new alone");
}

async fn what_may_be_told_from_now_on_is_new_and_its_ladder_begins_here(kind: Kind) {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await;
    estate.connection(1, 1, None).await.credential(1).await.usage(open_use(1, 1, 10)).await;
    let untold = Opened { mailed: false, ..opened(STALE, 1, 1) };
    estate.judge(NOW, vec![FindingChange::Opened(untold)]).await;
    assert!(due(&estate, NOW).await.is_empty());
    let later = NOW + days(40);
    for (mailed, now) in [(true, later), (false, later + days(1)), (true, later + days(2))] {
        let Opened { evidence, since, severity, .. } = opened(STALE, 1, 1);
        let updated = FindingChange::Updated { id: FindingId(1), severity, since, evidence, mailed };
        estate.judge(now, vec![updated]).await;
        let (opened_at, next) = if now == later { (later, later) } else { (later, later + days(2)) };
        let expected: &[_] = if mailed { &[(opened_at, Some(next))] } else { &[] };
        let found: Vec<_> = due(&estate, now).await.iter().map(|step| (step.opened_at, step.due_at)).collect();
        assert_eq!(found, expected);
        if now == later {
            assert_eq!(estate.ledger.new_findings(later, later - hours(1)).await.unwrap(), 1);
            take(&estate, &[1], 1, 0, &[1]).await; // told once, it is nothing new ever again
        }
    }
}

async fn the_brake_counts_what_is_new_and_is_taken_off_by_a_release(kind: Kind) {
    let estate = estate(kind).await;
    let ledger = &estate.ledger;
    assert_eq!(ledger.new_findings(NOW, NOW - hours(1)).await.unwrap(), 2);
    assert_eq!(ledger.new_findings(NOW, NOW).await.unwrap(), 0);
    take(&estate, &[1], 1, 0, &[1]).await;
    assert_eq!(ledger.new_findings(NOW + days(9), NOW - hours(1)).await.unwrap(), 1, "a reminder is nothing new");

    ledger.brake_off(NOW, &Openings::begun(NOW - days(1))).await.unwrap();
    let braked = Braked { since: NOW, new: 60, allowed: 50 };
    assert!(ledger.brake_on(NOW, &braked).await.unwrap());
    let more = Braked { since: NOW + hours(1), new: 70, allowed: 50 };
    assert!(!ledger.brake_on(NOW, &more).await.unwrap());
    assert_eq!(ledger.braked().await.unwrap(), Some(Braked { since: NOW, ..more }));
    ledger.release_mail(NOW + hours(2)).await.unwrap();
    assert_eq!(ledger.braked().await.unwrap(), None);
    let openings = ledger.openings().await.unwrap().unwrap();
    assert!(openings.is_released(), "until the next look");
    assert_eq!(openings.new_since(NOW), NOW - days(1), "which counts what was held back");
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE kind = 'mail.brake_on'").await, 1);
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE kind = 'mail.brake_off'").await, 1);
}
