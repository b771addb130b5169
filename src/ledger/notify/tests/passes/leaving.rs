//! What leaves, and when.

use super::*;
use crate::domain::quiet::{Quiet as QuietTimes, QuietHours};
use crate::ports::notify::WaitReason;

on_both![
    a_mail_that_is_not_taken_waits_longer_each_time,
    a_mail_server_that_is_away_is_tried_less_and_less,
    a_mail_that_was_formed_leaves_in_its_readers_hours,
    a_clock_that_is_set_back_in_the_middle_makes_no_pass_go_round,
    what_is_beyond_the_pace_is_neither_asked_nor_written,
    a_mail_that_loses_what_is_held_goes_in_the_same_pass_by_the_turn_that_was_its_own,
    after_a_week_without_a_server_each_finding_is_told_once_and_by_its_tightest_step,
    what_may_have_arrived_is_said_again_however_tight_the_steps_since,
    who_was_not_told_before_a_pause_is_told_after_it,
];

/// Retries at these times.
const WAITS: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(1800)];

async fn one_mail_that_fails(kind: Kind, how: SendError) -> Passes {
    let estate = one_owner(kind, 1).await;
    open(&estate, NOW, 1..=1).await;
    let mut passes = Passes::over(estate).await;
    passes.policy.retry.waits = WAITS.to_vec();
    passes.answer.replace(Some(how));
    passes
}

async fn waits_of(passes: &Passes) -> Vec<u64> {
    passes.run_at(NOW).await;
    let (mut waits, mut now) = (Vec::new(), NOW);
    for _ in 0..4 {
        let next = passes.next_try().await.expect("it is tried again");
        waits.push(next.since(now).as_secs());
        now = next;
        passes.deliver_at(now).await;
    }
    waits
}

async fn a_mail_that_is_not_taken_waits_longer_each_time(kind: Kind) {
    let passes = one_mail_that_fails(kind, SendError::Later("451 4.7.1 greylisted".to_owned())).await;
    assert_eq!(waits_of(&passes).await, [60, 300, 1800, 1800]);
    passes.answer.replace(None);
    passes.deliver_at(passes.next_try().await.expect("it is tried again")).await;
    assert_eq!(passes.told(), 1);
}

async fn a_mail_server_that_is_away_is_tried_less_and_less(kind: Kind) {
    let passes = one_mail_that_fails(kind, SendError::Server("refused".to_owned())).await;
    assert_eq!(waits_of(&passes).await, [60, 300, 1800, 1800]);

    let passes = Passes::over(owners(kind, 2).await).await;
    passes.answer.replace(Some(SendError::Server("refused".to_owned())));
    passes.run_at(NOW).await;
    let tried = "SELECT CAST(sum(attempts) AS BIGINT) FROM mail";
    assert_eq!(passes.estate.number(tried).await, 1, "what was only given back was not tried");
}

async fn a_mail_that_was_formed_leaves_in_its_readers_hours(kind: Kind) {
    let estate = one_owner(kind, 1).await;
    estate.run("UPDATE person SET timezone = 'UTC'").await;
    open(&estate, NOW, 1..=1).await;
    let mut passes = Passes::over(estate).await;
    // It is 14:13 UTC.
    let hours_of_night = Some(QuietHours::parse("15:00-08:00").unwrap());
    passes.policy.tell.quiet = QuietTimes { hours: hours_of_night, ..QuietTimes::default() };
    passes.policy.retry.waits = vec![hours(2)];
    passes.answer.replace(Some(SendError::Later("451 later".to_owned())));
    assert_eq!(passes.run_at(NOW).await.failed, 1);
    passes.answer.replace(None);
    let evening = passes.deliver_at(NOW + hours(2)).await;
    assert_eq!((evening.sent, evening.paced, evening.put_off.get(&WaitReason::Quiet)), (0, 0, Some(&1)));
    let morning = passes.next_try().await.expect("its hour");
    assert_eq!(morning.to_string(), "2026-09-22T08:00:00Z");
    assert_eq!(passes.deliver_at(morning).await.sent, 1);

    // What is critical leaves at once, where the operator says so.
    let estate = one_owner(kind, 1).await;
    let critical = Opened { severity: Severity::Critical, ..opened(STALE, 1, 1) };
    estate.judge(NOW, vec![FindingChange::Opened(critical)]).await;
    let mut passes = Passes { policy: passes.policy, ..Passes::over(estate).await };
    passes.policy.tell.quiet.critical_too = false;
    passes.answer.replace(Some(SendError::Later("451 later".to_owned())));
    passes.run_at(NOW).await;
    passes.answer.replace(None);
    assert_eq!(passes.deliver_at(NOW + hours(2)).await.sent, 1);
}

async fn a_clock_that_is_set_back_in_the_middle_makes_no_pass_go_round(kind: Kind) {
    let mut passes = one_mail_that_fails(kind, SendError::Later("451 later".to_owned())).await;
    passes.run_at(NOW).await; // forms the mail
    passes.policy.recheck_after = Duration::ZERO;
    passes.set_to.set(Some(NOW - hours(1)));
    passes.deliver_at(NOW + hours(1)).await;
    assert_eq!(passes.offered.get(), 2, "once a pass");
    assert_eq!(passes.next_try().await, Some(NOW + hours(1) + WAITS[1]));
}

async fn what_is_beyond_the_pace_is_neither_asked_nor_written(kind: Kind) {
    let mut passes = Passes::over(owners(kind, 4).await).await.paced(2);
    passes.run_at(NOW).await;
    assert_eq!((passes.told(), passes.rendered.get()), (2, 2));
    // The step's own question aside: from here on every mail is asked about before it leaves.
    passes.policy.recheck_after = Duration::ZERO;
    let third = passes.next_try().await.expect("the third's turn");
    passes.deliver_at(third).await;
    assert_eq!((passes.told(), passes.rendered.get(), passes.asked.borrow().len()), (3, 3, 1));
    let fourth = passes.next_try().await.expect("the fourth's turn");
    passes.deliver_at(fourth).await;
    assert_eq!((passes.told(), passes.rendered.get(), passes.asked.borrow().len()), (4, 4, 2));
}

async fn a_mail_that_loses_what_is_held_goes_in_the_same_pass_by_the_turn_that_was_its_own(kind: Kind) {
    let estate = one_owner(kind, 2).await;
    open(&estate, NOW, 1..=2).await;
    take(&estate, &[1, 2], 1, 0, &[1]).await;
    form(&estate).await;
    let passes = Passes::over(estate).await.paced(1);
    let suspect = Belief { liveness: Liveness::Suspect, asked_at: Some(NOW), ..Belief::default() };
    let refused = sql!("UPDATE credential SET belief = $1 WHERE id = 2");
    passes.estate.write(&refused, [pack(&suspect).unwrap().into()]).await;
    let sum = passes.deliver_at(NOW).await;
    assert_eq!((sum.sent, sum.held, sum.paced), (1, 1, 0));
    assert_eq!(passes.arrived.take(), [("owner@example.org".to_owned(), vec![1])]);
}

async fn after_a_week_without_a_server_each_finding_is_told_once_and_by_its_tightest_step(kind: Kind) {
    for with_another in [false, true] {
        let estate = one_owner(kind, 2).await;
        open(&estate, NOW, 1..=1).await;
        if with_another {
            // A ladder of one step.
            estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::SecretShared, 2, 2))]).await;
        }
        let mut passes = Passes::over(estate).await;
        passes.policy.tell.per_address_per_day = (!with_another).then_some(1);
        passes.answer.replace(Some(SendError::Server("refused".to_owned())));
        for day in 0..7 {
            passes.run_at(NOW + days(day)).await;
        }
        passes.answer.replace(None);
        passes.run_at(NOW + days(7)).await;
        passes.run_at(NOW + days(8)).await;
        let mut told: Vec<Vec<i64>> = passes.arrived.take().into_iter().map(|(_, findings)| findings).collect();
        told.sort();
        assert_eq!(told, if with_another { vec![vec![1], vec![2]] } else { vec![vec![1]] });
        let early = "SELECT count(*) FROM notice WHERE finding_id = 1 AND step = 0 AND state = 'superseded'";
        let late = "SELECT count(*) FROM notice WHERE finding_id = 1 AND step = 1 AND state = 'sent'";
        assert_eq!((passes.estate.number(early).await, passes.estate.number(late).await), (1, 1));
        let last = "SELECT last_step FROM finding WHERE id = 1";
        assert_eq!(passes.estate.number(last).await, 1, "the step is not set back");
    }
}

async fn what_may_have_arrived_is_said_again_however_tight_the_steps_since(kind: Kind) {
    let estate = one_owner(kind, 1).await;
    open(&estate, NOW, 1..=1).await;
    take(&estate, &[1], 1, 0, &[1]).await;
    form(&estate).await;
    claim(&estate, NOW).await;
    begin(&estate, 1).await;
    record(&estate, 1, MailEnd::MaybeSent { retry_at: NOW + days(6), error: "lost".to_owned() }).await;
    take(&estate, &[1], 1, 1, &[1]).await;
    let planned = "SELECT count(*) FROM notice WHERE mail_id = 1 AND state = 'planned'";
    assert_eq!(estate.number(planned).await, 1, "as it was, under its own Message-ID");
    assert_eq!(estate.number("SELECT count(*) FROM mail WHERE state = 'maybe_sent'").await, 1);
}

async fn who_was_not_told_before_a_pause_is_told_after_it(kind: Kind) {
    for is_formed in [false, true] {
        let estate = one_owner(kind, 1).await;
        estate.person(2, 1, "maker", "member").await.run("UPDATE connection SET created_by = 'maker'").await;
        // A ladder of one step: what is lost here never comes again.
        estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::SecretShared, 1, 1))]).await;
        let mut passes = Passes::over(estate).await;
        if is_formed {
            passes = passes.paced(1);
        } else {
            passes.policy.tell.quiet.hours = Some(QuietHours::parse("14:00-15:00").unwrap());
            passes.estate.run("UPDATE person SET timezone = 'Asia/Tokyo' WHERE id = 2").await;
        }
        passes.run_at(NOW).await;
        let first = passes.readers();
        assert_eq!(first.len(), 1, "one is told, the other waits");
        let act = Act::Snooze { until: NOW + days(1) };
        let policy = ActPolicy::default();
        let done = passes.estate.ledger.perform(FindingId(1), None, By::Operator(None), act, NOW, &policy).await;
        done.unwrap().expect("the operator may snooze");
        passes.run_at(NOW + hours(20)).await;
        assert_eq!(passes.readers(), first, "not in the pause");
        passes.run_at(NOW + hours(25)).await;
        assert_eq!(passes.readers(), ["maker@example.org", "owner@example.org"], "formed: {is_formed}; each once");
        passes.run_at(NOW + days(40)).await;
        assert_eq!(passes.readers().len(), 2);
    }
}
