use super::*;
use crate::domain::compromise::Word;
use crate::domain::finding::{Anew, FindingChange, Opened, Severity};
use crate::domain::time::hours;
use crate::ledger::estate::{Estate, NOW, ended_use, open_use, opened};
use crate::ledger::place::Kind;
use crate::ports::notify::{NotifyLedger, StepTaken};

on_both![
    a_pause_holds_back_the_steps_of_the_whole_point_until_its_end,
    what_the_operator_acknowledged_no_person_ends_by_whatever_way,
    a_member_speaks_for_their_own_connections_only,
    the_end_of_a_reset_window_is_due_once_beside_the_ladder,
    a_window_that_was_given_up_or_can_not_be_answered_for_is_not_due,
    what_begins_anew_is_not_quiet_any_more,
    whoever_disowns_a_finding_is_told_no_more_and_the_next_in_line_is,
    a_step_that_was_decided_before_its_reader_said_not_mine_stays_due_for_the_next_in_line,
    a_destroyed_copy_is_gone_and_stays_gone_whatever_a_probe_under_way_finds,
    a_key_that_comes_into_use_or_dies_meanwhile_is_not_destroyed_over_it,
    a_leak_that_one_account_reports_is_noted_where_nobody_else_has_the_key,
    a_check_is_counted_and_makes_the_key_due,
    who_is_muted_hears_nothing_of_low_severity_until_they_want_to,
    acts_are_logged_with_who_did_them_and_refused_ones_are_not,
    what_was_asked_for_is_counted_with_what_became_of_it,
    another_opening_is_not_the_one_that_was_seen,
];

const STALE: RuleName = RuleName::SecretStale;
const OWNER: By<'_> = By::Person(PersonId(1));
const MAKER: By<'_> = By::Person(PersonId(2));

/// Account 1 with an owner (1) and a member (2) who made connection 1; connections 1 and 2 share credential 1, and each
/// has a finding of its number.
async fn estate(kind: Kind, rule: RuleName) -> Estate {
    let estate = Estate::new(kind).await;
    estate
        .person(1, 1, "owner", "owner")
        .await
        .person(2, 1, "maker", "member")
        .await
        .person(3, 2, "other", "owner")
        .await;
    estate.credential(1).await;
    for (id, maker) in [(1, "maker"), (2, "owner")] {
        estate.connection(id, 1, Some(maker)).await;
        let used = if rule == STALE { open_use(id, 1, 10) } else { ended_use(id, 1, 10, 20, "deleted") };
        estate.usage(used).await.judge(NOW, vec![FindingChange::Opened(opened(rule, id, 1))]).await;
    }
    if rule != STALE {
        estate.run("UPDATE credential SET idle_since = 20").await;
    }
    estate
}

async fn act(estate: &Estate, by: By<'_>, act: Act) -> Result<Change, Refusal> {
    estate.ledger.perform(FindingId(1), Some(1), by, act, NOW, &ActPolicy::default()).await.unwrap()
}

async fn due(estate: &Estate, now: Timestamp) -> Vec<i64> {
    estate.ledger.steps_due(now, FindingId(0), 10).await.unwrap().iter().map(|step| step.finding.0).collect()
}

async fn take(estate: &Estate, finding: i64, people: &[i64]) {
    let people = people.iter().copied().map(PersonId).collect();
    let step =
        StepTaken { finding: FindingId(finding), opening: 1, step: 0, people, next_step_at: Some(NOW + days(7)) };
    estate.ledger.commit_steps(NOW, &[step], &[]).await.unwrap();
}

async fn a_pause_holds_back_the_steps_of_the_whole_point_until_its_end(kind: Kind) {
    let estate = estate(kind, STALE).await;
    take(&estate, 1, &[1]).await;
    let until = NOW + days(10);
    act(&estate, OWNER, Act::Snooze { until }).await.expect("an owner may snooze");
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE state = 'cancelled'").await, 1);
    assert_eq!(due(&estate, NOW + days(9)).await, Vec::<i64>::new());
    assert_eq!(due(&estate, until).await, [1, 2]);
    // A step that was decided before the pause, and is written after it, tells nobody.
    take(&estate, 2, &[1]).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE finding_id = 2").await, 0);
    let untaken = "SELECT count(*) FROM finding WHERE last_step IS NULL";
    assert_eq!(estate.number(untaken).await, 2, "nor is it taken, nor one that nobody could read");
    assert_eq!(act(&estate, OWNER, Act::Resume).await, Ok(Change::Resume));
    assert_eq!(due(&estate, NOW + days(8)).await, [1, 2]);
}

async fn what_the_operator_acknowledged_no_person_ends_by_whatever_way(kind: Kind) {
    let estate = estate(kind, STALE).await;
    let until = NOW + days(30);
    act(&estate, OWNER, Act::NotMine).await.expect("disowned");
    act(&estate, By::Operator(None), Act::Acknowledge { until }).await.expect("acknowledged");
    let held = "SELECT count(*) FROM finding WHERE id = 1 AND pause = 'acknowledged' AND pause_until IS NOT NULL";
    // By taking back that it was somebody else's.
    assert_eq!(act(&estate, OWNER, Act::Resume).await, Ok(Change::Resume));
    assert_eq!(estate.number("SELECT count(*) FROM disowned").await, 0);
    assert_eq!(estate.number(held).await, 1);
    // By the other finding of the same point, which the operator has not acknowledged.
    for by_the_other in [Act::Snooze { until: NOW + days(7) }, Act::Resume, Act::Reset, Act::Resume] {
        let done = estate.ledger.perform(FindingId(2), None, OWNER, by_the_other, NOW, &ActPolicy::default()).await;
        assert!(done.unwrap().is_ok(), "{by_the_other:?}");
        assert_eq!(estate.number(held).await, 1, "{by_the_other:?}");
    }
    assert_eq!(due(&estate, NOW + days(29)).await, [2]);
    // Once it is over, it is as if it had never been.
    let later = Act::Snooze { until: until + days(7) };
    let done = estate.ledger.perform(FindingId(2), None, OWNER, later, until, &ActPolicy::default()).await;
    assert!(done.unwrap().is_ok());
    assert_eq!(estate.number("SELECT count(*) FROM finding WHERE pause = 'snoozed'").await, 2);
    act(&estate, By::Operator(None), Act::Acknowledge { until }).await.expect("acknowledged");
    assert_eq!(act(&estate, By::Operator(None), Act::Resume).await, Ok(Change::Resume));
    assert_eq!(estate.number(held).await, 0);
}

async fn a_member_speaks_for_their_own_connections_only(kind: Kind) {
    let estate = estate(kind, STALE).await;
    act(&estate, MAKER, Act::Reset).await.expect("the maker may");
    assert_eq!(due(&estate, NOW).await, [2]);
    assert_eq!(estate.number("SELECT count(*) FROM finding WHERE pause = 'pending' AND reset_at IS NOT NULL").await, 1);
    assert_eq!(act(&estate, By::Person(PersonId(3)), Act::Reset).await, Err(Refusal::NotYours));
    assert_eq!(act(&estate, By::Person(PersonId(99)), Act::Reset).await, Err(Refusal::NotYours));
    estate.run("UPDATE person SET status = 'suspended' WHERE id = 2").await;
    assert_eq!(act(&estate, MAKER, Act::Resume).await, Err(Refusal::NotYours));
}

async fn the_end_of_a_reset_window_is_due_once_beside_the_ladder(kind: Kind) {
    let estate = estate(kind, STALE).await;
    for finding in [1, 2] {
        take(&estate, finding, &[1]).await;
    }
    estate.run("UPDATE notice SET state = 'sent'").await;
    act(&estate, OWNER, Act::Reset).await.expect("an owner may");
    let over = NOW + hours(24);
    assert_eq!(due(&estate, over - hours(1)).await, Vec::<i64>::new());
    let steps = estate.ledger.steps_due(over, FindingId(0), 10).await.unwrap();
    let seen: Vec<_> = steps.iter().map(|step| (step.finding.0, step.due_at, step.window_over)).collect();
    assert_eq!(seen, [1, 2].map(|finding| (finding, Some(NOW + days(7)), Some(over))));
    let one = estate.ledger.steps_due(over, FindingId(0), 1).await.unwrap();
    let rest = estate.ledger.steps_due(over, one[0].finding, 1).await.unwrap();
    assert_eq!((one[0].finding, rest[0].finding), (FindingId(1), FindingId(2)), "page by page");

    let told = |step| StepTaken {
        finding: FindingId(1),
        opening: 1,
        step,
        people: vec![PersonId(1)],
        next_step_at: Some(NOW + days(7)),
    };
    // Written twice, as after a kill between the commit and whoever was to hear of it.
    for _ in 0..2 {
        estate.ledger.commit_steps(over, &[told(1)], &[]).await.unwrap();
    }
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE finding_id = 1 AND step = 1").await, 1);
    assert_eq!(due(&estate, over).await, [2]);
    assert_eq!(estate.number("SELECT count(*) FROM finding WHERE pause IS NULL AND reset_at IS NOT NULL").await, 1);
    assert_eq!(due(&estate, NOW + days(7)).await, [1, 2], "the ladder's own day stays");
    // A pause that lies ahead is not forgotten with a step that was decided before it.
    act(&estate, OWNER, Act::Snooze { until: NOW + days(30) }).await.expect("an owner may");
    estate.ledger.commit_steps(NOW + days(7), &[told(2)], &[]).await.unwrap();
    assert_eq!(due(&estate, NOW + days(29)).await, Vec::<i64>::new());
}

async fn a_window_that_was_given_up_or_can_not_be_answered_for_is_not_due(kind: Kind) {
    let estate = estate(kind, STALE).await;
    for finding in [1, 2] {
        take(&estate, finding, &[1]).await;
    }
    estate.run("UPDATE notice SET state = 'sent'").await;
    act(&estate, OWNER, Act::Reset).await.expect("an owner may");
    act(&estate, OWNER, Act::Resume).await.expect("and think better of it");
    assert_eq!(due(&estate, NOW + days(2)).await, Vec::<i64>::new());
    act(&estate, OWNER, Act::Reset).await.expect("an owner may");
    estate.run("UPDATE finding SET mailed = 0 WHERE id = 2").await;
    assert_eq!(due(&estate, NOW + days(2)).await, [1]);
    estate.run("UPDATE escrow SET held = 0").await;
    assert_eq!(due(&estate, NOW + days(2)).await, Vec::<i64>::new(), "nobody can ask any more");
}

async fn what_begins_anew_is_not_quiet_any_more(kind: Kind) {
    let estate = estate(kind, STALE).await;
    act(&estate, OWNER, Act::Snooze { until: NOW + days(30) }).await.expect("snoozed");
    let worse = Opened { opening: 2, severity: Severity::Critical, ..opened(STALE, 1, 1) };
    estate.judge(NOW, vec![FindingChange::Anew { id: FindingId(1), opened: worse, why: Anew::Worsened }]).await;
    assert_eq!(due(&estate, NOW).await, [1]);
}

async fn whoever_disowns_a_finding_is_told_no_more_and_the_next_in_line_is(kind: Kind) {
    let estate = estate(kind, STALE).await;
    take(&estate, 1, &[1]).await;
    act(&estate, OWNER, Act::NotMine).await.expect("disowned");
    let steps = estate.ledger.steps_due(NOW, FindingId(0), 10).await.unwrap();
    let willing = |step: usize| -> Vec<i64> {
        steps[step].people.iter().filter(|person| !person.reader.disowned).map(|person| person.id.0).collect()
    };
    assert_eq!((steps[0].finding, steps[0].last_step, willing(0)), (FindingId(1), None, vec![2]));
    assert_eq!(act(&estate, OWNER, Act::NotMine).await, Ok(Change::Nothing));
    assert_eq!(act(&estate, OWNER, Act::Resume).await, Ok(Change::Resume));
    let steps = estate.ledger.steps_due(NOW, FindingId(0), 10).await.unwrap();
    assert!(steps[0].people.iter().all(|person| !person.reader.disowned));
}

async fn a_step_that_was_decided_before_its_reader_said_not_mine_stays_due_for_the_next_in_line(kind: Kind) {
    let estate = estate(kind, STALE).await;
    let decided = estate.ledger.steps_due(NOW, FindingId(0), 10).await.unwrap().remove(0);
    act(&estate, OWNER, Act::NotMine).await.expect("disowned");
    take(&estate, 1, &[1]).await;
    let due = estate.ledger.steps_due(NOW, FindingId(0), 10).await.unwrap().remove(0);
    assert_eq!((due.finding, due.last_step, due.due_at), (decided.finding, decided.last_step, decided.due_at));
    assert_eq!(estate.number("SELECT count(*) FROM notice").await, 0, "nobody is told");
    take(&estate, 1, &[2]).await;
    assert_eq!(estate.number("SELECT count(*) FROM notice WHERE person_id = 2").await, 1);
}

async fn a_destroyed_copy_is_gone_and_stays_gone_whatever_a_probe_under_way_finds(kind: Kind) {
    let estate = estate(kind, RuleName::RevocationMissing).await;
    assert_eq!(act(&estate, MAKER, Act::Destroy).await, Err(Refusal::NotYours));
    assert_eq!(act(&estate, OWNER, Act::Destroy).await, Ok(Change::Destroy));
    assert_eq!(estate.number("SELECT count(*) FROM escrow WHERE held = 1").await, 0);
    // What a probe found that had opened the copy before.
    let found = serde_json::json!([[1, "live", "{\"liveness\":\"live\"}", 5, null, null]]).to_string();
    estate.write(&crate::ledger::probe::BELIEFS, [found.into()]).await;
    assert_eq!(
        estate.number("SELECT count(*) FROM credential WHERE liveness = 'shredded' AND probe_at IS NULL").await,
        1
    );
    assert_eq!(act(&estate, OWNER, Act::Destroy).await, Ok(Change::Nothing));
    assert_eq!(estate.number("SELECT count(*) FROM event WHERE kind = 'credential.shredded'").await, 1);
}

async fn a_key_that_comes_into_use_or_dies_meanwhile_is_not_destroyed_over_it(kind: Kind) {
    for (meanwhile, refused, held) in [
        (sql!("UPDATE credential SET idle_since = NULL"), Some(Refusal::Unfit), 1),
        (sql!("UPDATE credential SET liveness = 'dead', belief = '{\"liveness\":\"dead\",\"died_at\":7}'"), None, 0),
    ] {
        let estate = estate(kind, RuleName::RevocationMissing).await;
        let page = Ledger::open_beside(&estate.url).await.unwrap();
        let mut scan = estate.ledger.write("write what a scan found").await.unwrap();
        scan.run(&meanwhile, []).await.unwrap();
        let destroying = tokio::spawn(async move {
            page.perform(FindingId(1), None, OWNER, Act::Destroy, NOW, &ActPolicy::default()).await.unwrap()
        });
        if kind == Kind::Postgres {
            let waiting = sql!(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objsubid = 1
                 AND (classid::bigint << 32) | objid::bigint = hashtextextended('keysweep write ' || current_schema(), 0)"
            );
            let reader = || estate.ledger.look("see who waits");
            while reader().await.unwrap().number(&waiting, []).await.unwrap() == 0 {
                tokio::task::yield_now().await;
            }
        }
        scan.commit().await.unwrap();
        assert_eq!(destroying.await.unwrap().err(), refused);
        assert_eq!(estate.number("SELECT count(*) FROM escrow WHERE held = 1").await, held);
        let told = "SELECT count(*) FROM event WHERE kind = 'credential.shredded' AND data LIKE '%dead%'";
        assert_eq!(estate.number(told).await, 1 - held, "what it was when it was destroyed");
    }
}

async fn a_leak_that_one_account_reports_is_noted_where_nobody_else_has_the_key(kind: Kind) {
    let mine = estate(kind, STALE).await;
    assert_eq!(act(&mine, OWNER, Act::Compromised).await, Ok(Change::Compromise));
    let theirs = "SELECT count(*) FROM credential WHERE compromised_at IS NOT NULL AND compromised_by = 'account'";
    assert_eq!(mine.number(theirs).await, 1);
    assert_eq!(act(&mine, OWNER, Act::Compromised).await, Ok(Change::Nothing));

    let shared = estate(kind, STALE).await;
    shared.connection(3, 2, None).await.usage(open_use(3, 1, 10)).await;
    assert_eq!(act(&shared, OWNER, Act::Compromised).await, Ok(Change::Compromise));
    assert_eq!(shared.number("SELECT count(*) FROM credential WHERE compromised_at IS NOT NULL").await, 0);
    for finding in [1, 2] {
        let policy = ActPolicy::default();
        let again = shared.ledger.perform(FindingId(finding), None, OWNER, Act::Compromised, NOW, &policy).await;
        assert_eq!(again.unwrap(), Ok(Change::Nothing), "said twice is said once, of the whole point");
    }
    let said = "SELECT count(*) FROM event WHERE kind = 'finding.compromise_said'";
    assert_eq!(shared.number(said).await, 1);
    let worse = Opened { opening: 2, ..opened(STALE, 1, 1) };
    shared.judge(NOW, vec![FindingChange::Anew { id: FindingId(1), opened: worse, why: Anew::Worsened }]).await;
    let policy = ActPolicy::default();
    let anew = shared.ledger.perform(FindingId(1), None, OWNER, Act::Compromised, NOW, &policy).await;
    assert_eq!((anew.unwrap(), shared.number(said).await), (Ok(Change::Compromise), 2));
}

async fn a_check_is_counted_and_makes_the_key_due(kind: Kind) {
    let estate = estate(kind, STALE).await;
    estate.run("UPDATE credential SET probe_at = 9000000000000").await;
    assert_eq!(act(&estate, OWNER, Act::Check).await, Ok(Change::Check));
    assert_eq!(estate.number("SELECT probe_at FROM credential").await, NOW.as_millis());
    assert_eq!(act(&estate, OWNER, Act::Check).await, Ok(Change::Nothing));
    for asked in 2..=5 {
        estate.run("UPDATE asked SET answered_at = 1").await;
        assert_eq!(act(&estate, OWNER, Act::Check).await, Ok(Change::Check), "{asked}");
    }
    estate.run("UPDATE asked SET answered_at = 1").await;
    assert_eq!(act(&estate, OWNER, Act::Check).await, Err(Refusal::TooOften));
    let other = estate.ledger.perform(FindingId(2), None, OWNER, Act::Check, NOW, &ActPolicy::default()).await.unwrap();
    assert_eq!(other, Err(Refusal::TooOften), "it is the key that is asked, through whichever finding");
    assert_eq!(act(&estate, MAKER, Act::Check).await, Ok(Change::Check));
    let tomorrow = NOW + days(1) + hours(1);
    let policy = ActPolicy::default();
    let again = estate.ledger.perform(FindingId(1), None, OWNER, Act::Check, tomorrow, &policy).await.unwrap();
    assert_eq!(again, Ok(Change::Check));
}

async fn who_is_muted_hears_nothing_of_low_severity_until_they_want_to(kind: Kind) {
    let estate = estate(kind, STALE).await;
    take(&estate, 1, &[1]).await;
    take(&estate, 2, &[1]).await;
    estate.run("UPDATE finding SET severity = 'low', next_step_at = 1 WHERE id = 1").await;
    assert!(estate.ledger.mute(PersonId(1), true, NOW).await.unwrap());
    assert!(!estate.ledger.mute(PersonId(1), true, NOW).await.unwrap());
    assert!(!estate.ledger.mute(PersonId(99), true, NOW).await.unwrap());
    let cancelled = "SELECT CAST(sum(finding_id) AS BIGINT) FROM notice WHERE state = 'cancelled'";
    assert_eq!(estate.number(cancelled).await, 1);
    let steps = estate.ledger.steps_due(NOW, FindingId(0), 10).await.unwrap();
    let muted: Vec<bool> = steps[0].people.iter().map(|person| person.reader.muted).collect();
    assert_eq!(muted, [true, false]);
    assert!(estate.ledger.mute(PersonId(1), false, NOW).await.unwrap());
    let steps = estate.ledger.steps_due(NOW, FindingId(0), 10).await.unwrap();
    assert!(steps[0].people.iter().all(|person| !person.reader.muted));
    let kinds = "SELECT count(*) FROM event WHERE kind IN ('person.muted', 'person.unmuted')";
    assert_eq!(estate.number(kinds).await, 2);
}

async fn acts_are_logged_with_who_did_them_and_refused_ones_are_not(kind: Kind) {
    let estate = estate(kind, STALE).await;
    let until = NOW + days(7);
    act(&estate, OWNER, Act::Snooze { until }).await.expect("snoozed");
    act(&estate, By::Operator(None), Act::Acknowledge { until }).await.expect("acknowledged");
    act(&estate, OWNER, Act::Destroy).await.expect_err("the key is in use");
    let told = estate.ledger.one("SELECT data FROM event WHERE kind = 'finding.snoozed'").await.expect("an event");
    assert_eq!(told, format!("{{\"person\":1,\"until\":\"{until}\"}}"));
    let told = estate.ledger.one("SELECT data FROM event WHERE kind = 'finding.acknowledged'").await.expect("an event");
    assert!(told.contains("\"by\":\"operator\""), "{told}");
    let acts = "SELECT count(*) FROM event WHERE subject = 'finding:1' AND kind <> 'finding.opened'";
    assert_eq!(estate.number(acts).await, 2);
    // The operator means one finding, not the point of a mail.
    let held = "SELECT count(*) FROM finding WHERE pause = 'acknowledged'";
    assert_eq!(estate.number(held).await, 1);
}

async fn what_was_asked_for_is_counted_with_what_became_of_it(kind: Kind) {
    let estate = estate(kind, STALE).await;
    for _ in 0..3 {
        act(&estate, OWNER, Act::Reset).await.expect("an owner may");
    }
    act(&estate, OWNER, Act::Destroy).await.expect_err("the key is in use");
    act(&estate, By::Person(PersonId(99)), Act::Reset).await.expect_err("there is no such person");
    for (person, muted) in [(1, true), (1, true), (1, false)] {
        estate.ledger.mute(PersonId(person), muted, NOW).await.unwrap();
    }
    for word in [Some(Word::default()), None, None] {
        estate.ledger.compromise(CredentialId(1), word.as_ref(), NOW, None).await.unwrap();
    }
    let acts = estate.ledger.overview(NOW).await.unwrap().acts;
    let counted: Vec<_> =
        acts.iter().map(|counted| (counted.act.as_str(), counted.outcome.as_str(), counted.times)).collect();
    assert_eq!(
        counted,
        [
            ("compromised", "done", 2),
            ("compromised", "nothing", 1),
            ("destroy", "refused", 1),
            ("mute", "done", 1),
            ("mute", "nothing", 1),
            ("reset", "done", 1),
            ("reset", "nothing", 2),
            ("reset", "refused", 1),
            ("unmute", "done", 1),
        ]
    );
}

async fn another_opening_is_not_the_one_that_was_seen(kind: Kind) {
    let estate = estate(kind, STALE).await;
    estate.run("UPDATE finding SET opening = 2 WHERE id = 1").await;
    assert_eq!(act(&estate, OWNER, Act::Reset).await, Err(Refusal::Over));
    let policy = ActPolicy::default();
    let any = estate.ledger.perform(FindingId(1), None, OWNER, Act::Reset, NOW, &policy).await.unwrap();
    assert!(any.is_ok(), "{any:?}");
    let gone = estate.ledger.perform(FindingId(99), None, OWNER, Act::Reset, NOW, &policy).await.unwrap();
    assert_eq!(gone, Err(Refusal::Unknown));
}
