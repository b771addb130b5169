//! The brake, run by run.

use super::*;
use crate::domain::brake::{BrakePolicy, Braked, Openings};

on_both![
    a_release_lets_through_what_it_released_and_a_steady_inflow_becomes_usual,
    a_ramp_learns_what_is_usual,
    the_brake_stays_on_until_the_operators_word,
    what_opens_after_the_look_waits_for_the_next_one,
    a_clock_that_was_set_back_hides_nothing_from_the_brake,
];

const POLICY: BrakePolicy = BrakePolicy { times: 5, at_least: 3 };

async fn braked(kind: Kind, connections: i64) -> Passes {
    let mut passes = Passes::over(one_owner(kind, connections).await).await;
    passes.policy.tell.brake = Some(POLICY);
    passes
}

async fn a_release_lets_through_what_it_released_and_a_steady_inflow_becomes_usual(kind: Kind) {
    let passes = braked(kind, 24).await;
    assert_eq!(passes.run_at(NOW).await.braked, None, "the first look");
    open(&passes.estate, NOW + hours(20), 1..=4).await;
    assert!(passes.run_at(NOW + days(1)).await.braked.is_some());
    passes.estate.ledger.release_mail(NOW + days(1) + hours(3)).await.unwrap();
    open(&passes.estate, NOW + days(1) + hours(20), 5..=8).await;
    let released = passes.run_at(NOW + days(2)).await;
    assert_eq!((released.braked, released.steps, passes.told()), (None, 8, 8));
    for day in 3_u32..=6 {
        let first = i64::from(day) * 4 - 3;
        open(&passes.estate, NOW + days(day.into()) - hours(4), first..=first + 3).await;
        let run = passes.run_at(NOW + days(day.into())).await;
        assert_eq!((run.braked, run.steps), (None, 4), "day {day}");
    }
}

async fn a_ramp_learns_what_is_usual(kind: Kind) {
    let passes = braked(kind, 8).await;
    passes.estate.ledger.release_mail_as(NOW, MailMode::Ramp { people: 5 }).await.unwrap();
    passes.run_at(NOW).await;
    open(&passes.estate, NOW + hours(20), 1..=4).await;
    passes.run_at(NOW + days(1)).await;
    passes.estate.ledger.note_whole_scan(NOW).await.unwrap();
    passes.estate.ledger.end_ramp(NOW + days(1)).await.unwrap();
    open(&passes.estate, NOW + days(1) + hours(20), 5..=8).await;
    assert_eq!(passes.run_at(NOW + days(2)).await.braked, None);
    assert_eq!(passes.told(), 8);
}

async fn the_brake_stays_on_until_the_operators_word(kind: Kind) {
    let passes = braked(kind, 10).await;
    let begun = Openings::begun(NOW - days(14));
    let usual = (1..=14).fold(begun, |openings, day| openings.looked(2, NOW - days(14) + days(day)));
    passes.estate.ledger.brake_off(NOW, &usual).await.unwrap();
    open(&passes.estate, NOW + hours(20), 1..=10).await;
    for day in 1..=6 {
        let braked = passes.run_at(NOW + days(day)).await.braked;
        assert_eq!(braked, Some(Braked { since: NOW + days(1), new: 10, allowed: 9 }), "day {day}");
    }
}

async fn what_opens_after_the_look_waits_for_the_next_one(kind: Kind) {
    let mut passes = braked(kind, 9).await;
    passes.run_at(NOW).await;
    open(&passes.estate, NOW + hours(1), 1..=1).await;
    // The policy was loaded anew: the judgement after the re-check finds the whole estate guilty.
    passes.policy.recheck_after = Duration::ZERO;
    *passes.found.borrow_mut() = (2..=9).map(|id| FindingChange::Opened(opened(STALE, id, id))).collect();
    let run = passes.run_at(NOW + hours(2)).await;
    assert_eq!((run.braked, run.steps, passes.told()), (None, 1, 1));
    let next = passes.run_at(NOW + hours(3)).await;
    assert_eq!(next.braked.map(|braked| braked.new), Some(8));
    assert_eq!(passes.told(), 1);
}

async fn a_clock_that_was_set_back_hides_nothing_from_the_brake(kind: Kind) {
    let passes = braked(kind, 4).await;
    passes.run_at(NOW + days(3)).await; // so it says
    open(&passes.estate, NOW + hours(1), 1..=4).await;
    assert_eq!(passes.run_at(NOW + hours(2)).await.braked.map(|braked| braked.new), Some(4));
}
