//! What people do while a mail is on its way, and who they are by then: what is not to be said is taken out of the mail before
//! DATA, whoever may know gets it, and nobody is told anything twice.

use super::*;
use crate::domain::action::Why;
use crate::domain::quiet::QuietHours;

on_both![
    what_somebody_presses_while_the_server_takes_its_time_is_taken_out_of_the_mail,
    what_is_quiet_for_a_while_is_told_once_when_that_is_over,
    a_mail_that_has_nothing_left_to_say_at_data_is_not_sent,
    who_wants_no_more_of_such_mails_while_one_leaves_gets_none,
    a_mail_is_not_handed_over_for_an_address_that_its_reader_has_left,
    what_was_pressed_while_a_mail_was_being_refused_is_not_in_its_next_try,
    who_owns_the_account_when_it_leaves_is_told_and_who_did_when_it_was_planned_is_not,
    who_made_one_of_two_connections_is_told_of_that_one_alone_once_they_own_nothing,
    who_left_for_another_account_is_told_nothing_of_the_old_one,
];

const OWNER: By<'static> = By::Person(PersonId(1));

/// The presses of an owner's page and of an operator that take a finding out of what is told.
fn presses() -> [(By<'static>, Act); 4] {
    let until = NOW + days(1);
    [
        (OWNER, Act::Snooze { until }),
        (OWNER, Act::Reset),
        (OWNER, Act::NotMine),
        (By::Operator(None), Act::Acknowledge { until }),
    ]
}

/// Two findings of one owner, of which the first is acted upon while their mail is offered.
async fn pressed(kind: Kind, meanwhile: Meanwhile) -> Passes {
    let estate = one_owner(kind, 2).await;
    open(&estate, NOW, 1..=2).await;
    let passes = Passes::over(estate).await;
    passes.meanwhile.replace(Some(meanwhile));
    passes
}

async fn what_somebody_presses_while_the_server_takes_its_time_is_taken_out_of_the_mail(kind: Kind) {
    for (by, act) in presses() {
        let passes = pressed(kind, Meanwhile::Act(by, act)).await;
        assert_eq!(passes.run_at(NOW).await.sent, 1);
        assert_eq!(passes.arrived.take(), [("owner@example.org".to_owned(), vec![2])], "{act:?}");
        assert_eq!(passes.offered.get(), 2, "the first session was left, and the mail offered anew");
        let ended = "SELECT count(*) FROM notice WHERE finding_id = 1 AND state = 'cancelled'";
        assert_eq!(passes.estate.number(ended).await, 1);
        assert_eq!(passes.estate.number("SELECT attempts FROM mail").await, 1);
    }
}

async fn what_is_quiet_for_a_while_is_told_once_when_that_is_over(kind: Kind) {
    for (by, act) in presses() {
        let passes = pressed(kind, Meanwhile::Act(by, act)).await;
        passes.run_at(NOW).await;
        passes.arrived.take();
        passes.run_at(NOW + hours(12)).await;
        assert_eq!(passes.told(), 0, "{act:?}");
        passes.run_at(NOW + days(3)).await;
        // Whoever said that it is not theirs is told no more.
        assert_eq!(passes.told(), usize::from(act != Act::NotMine), "{act:?}");
        passes.run_at(NOW + days(4)).await;
        assert_eq!(passes.told(), usize::from(act != Act::NotMine), "{act:?}");
    }
}

async fn a_mail_that_has_nothing_left_to_say_at_data_is_not_sent(kind: Kind) {
    for (by, act) in presses() {
        let estate = one_owner(kind, 1).await;
        open(&estate, NOW, 1..=1).await;
        let passes = Passes::over(estate).await;
        passes.meanwhile.replace(Some(Meanwhile::Act(by, act)));
        let sum = passes.run_at(NOW).await;
        assert_eq!((sum.sent, sum.cancelled, passes.told()), (0, 1, 0), "{act:?}");
        assert_eq!(passes.next_try().await, None);
    }
}

async fn who_wants_no_more_of_such_mails_while_one_leaves_gets_none(kind: Kind) {
    let estate = one_owner(kind, 1).await;
    estate.judge(NOW, vec![FindingChange::Opened(opened(RuleName::SecretShared, 1, 1))]).await;
    estate.run("UPDATE finding SET severity = 'low'").await;
    let passes = Passes::over(estate).await;
    passes.meanwhile.replace(Some(Meanwhile::Mute));
    let sum = passes.run_at(NOW).await;
    assert_eq!((sum.sent, sum.cancelled, passes.told()), (0, 1, 0));
}

async fn a_mail_is_not_handed_over_for_an_address_that_its_reader_has_left(kind: Kind) {
    let moved = "UPDATE person SET email = 'new@example.org' WHERE id = 1";
    let passes = pressed(kind, Meanwhile::Statement(moved)).await;
    passes.run_at(NOW).await;
    assert_eq!(passes.arrived.take(), [("new@example.org".to_owned(), vec![1, 2])]);
    let known = passes.estate.ledger.one("SELECT sent_to FROM mail").await;
    assert_eq!(known.as_deref(), Some("new@example.org"));
}

async fn what_was_pressed_while_a_mail_was_being_refused_is_not_in_its_next_try(kind: Kind) {
    let estate = one_owner(kind, 2).await;
    open(&estate, NOW, 1..=2).await;
    take(&estate, &[1, 2], 1, 0, &[1]).await;
    form(&estate).await;
    claim(&estate, NOW).await;
    begin(&estate, 1).await;
    let snooze = Act::Snooze { until: NOW + days(1) };
    let policy = ActPolicy::default();
    let done = estate.ledger.perform(FindingId(1), None, OWNER, snooze, NOW, &policy).await.unwrap();
    assert!(matches!(done.unwrap(), crate::domain::action::Change::Pause(pause) if pause.why == Why::Snoozed));
    record(&estate, 1, MailEnd::Failed { retry_at: NOW, error: "451 after the contents".to_owned() }).await;
    let passes = Passes::over(estate).await;
    passes.deliver_at(NOW).await;
    assert_eq!(passes.arrived.take(), [("owner@example.org".to_owned(), vec![2])]);
    passes.run_at(NOW + days(2)).await;
    assert_eq!(passes.arrived.take(), [("owner@example.org".to_owned(), vec![1])], "told once the quiet is over");
}

/// What a notice waits for.
#[derive(Clone, Copy, Debug)]
enum Waits {
    /// the hour
    Quiet,
    /// a server that is away
    Away,
    /// a server that takes its time
    AtTheServer,
}

const HANDED_OVER: &str = "UPDATE person SET role = CASE id WHEN 1 THEN 'member' ELSE 'owner' END";

async fn who_owns_the_account_when_it_leaves_is_told_and_who_did_when_it_was_planned_is_not(kind: Kind) {
    for waits in [Waits::Quiet, Waits::Away, Waits::AtTheServer] {
        let estate = one_owner(kind, 1).await;
        estate.person(2, 1, "heir", "member").await.run("UPDATE connection SET created_by = 'nobody'").await;
        open(&estate, NOW, 1..=1).await;
        let mut passes = Passes::over(estate).await;
        match waits {
            Waits::Quiet => passes.policy.tell.quiet.hours = Some(QuietHours::parse("14:00-15:00").unwrap()),
            Waits::Away => _ = passes.answer.replace(Some(SendError::Server("away".to_owned()))),
            Waits::AtTheServer => _ = passes.meanwhile.replace(Some(Meanwhile::Statement(HANDED_OVER))),
        }
        passes.run_at(NOW).await;
        assert_eq!(passes.told(), 0, "{waits:?}");
        passes.estate.run(HANDED_OVER).await;
        passes.answer.replace(None);
        passes.run_at(NOW + hours(2)).await;
        passes.run_at(NOW + hours(4)).await;
        assert_eq!(passes.arrived.take(), [("heir@example.org".to_owned(), vec![1])], "{waits:?}");
        let held = "SELECT count(*) FROM notice WHERE person_id = 1 AND state <> 'cancelled'";
        assert_eq!(passes.estate.number(held).await, 0, "{waits:?}");
    }
}

async fn who_made_one_of_two_connections_is_told_of_that_one_alone_once_they_own_nothing(kind: Kind) {
    let estate = one_owner(kind, 2).await;
    estate.person(2, 1, "heir", "member").await.run("UPDATE connection SET created_by = 'heir' WHERE id = 2").await;
    open(&estate, NOW, 1..=2).await;
    let passes = Passes::over(estate).await;
    // The heir is told of their own connection; while the first mail leaves, the account is handed over.
    passes.meanwhile.replace(Some(Meanwhile::Statement(HANDED_OVER)));
    passes.run_at(NOW).await;
    passes.run_at(NOW + hours(1)).await;
    passes.run_at(NOW + hours(2)).await;
    let mut told: Vec<(String, i64)> = passes
        .arrived
        .take()
        .into_iter()
        .flat_map(|(to, of)| of.into_iter().map(move |one| (to.clone(), one)))
        .collect();
    told.sort();
    let expected = [("heir@example.org", 2), ("owner@example.org", 1)];
    assert_eq!(told, expected.map(|(to, finding)| (to.to_owned(), finding)), "each once");
}

async fn who_left_for_another_account_is_told_nothing_of_the_old_one(kind: Kind) {
    let moved = "UPDATE person SET account_id = 2 WHERE id = 1";
    let passes = pressed(kind, Meanwhile::Statement(moved)).await;
    let sum = passes.run_at(NOW).await;
    assert_eq!((sum.sent, sum.cancelled, passes.told()), (0, 1, 0));
}
