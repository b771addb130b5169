//! What is not believed: by a clock that is off, and after refusals that were everybody's.

use super::*;
use crate::domain::time::minutes;

/// At so many hours by a clock that is far off.
fn doubtful(hour: u64, idle_since: Option<u64>) -> Context {
    let idle_since = idle_since.map(|hour| T0 + hours(hour));
    Context { now: T0 + hours(hour), idle_since, control: true, clock_suspect: true }
}

#[test]
fn by_a_clock_that_is_off_nothing_dies_and_acceptances_count() {
    let policy = LivenessPolicy::default();
    let suspect = Story::suspect().belief;
    for outcome in [Outcome::Refused, PARTLY, TIMEOUT] {
        let step = after_probe(&suspect, outcome, &doubtful(500, None), &policy);
        assert_eq!(step.belief.liveness, Liveness::Suspect, "{outcome}");
    }
    let step = after_probe(&suspect, Outcome::Accepted, &doubtful(500, None), &policy);
    assert_eq!(step.belief.liveness, Liveness::Live);
    let step = after_probe(&Story::live().belief, Outcome::Refused, &doubtful(30, None), &policy);
    assert_eq!(step.belief.liveness, Liveness::Suspect, "that is no death");
    // Once it is right again, what was heard meanwhile counts.
    let held = after_probe(&suspect, Outcome::Refused, &doubtful(26, None), &policy).belief;
    let right = Context { clock_suspect: false, ..doubtful(27, None) };
    assert_eq!(after_probe(&held, Outcome::Refused, &right, &policy).belief.liveness, Liveness::Dead);
}

#[test]
fn a_run_of_refusals_that_began_by_a_clock_that_was_off_begins_anew_when_it_is_right() {
    let policy = LivenessPolicy::default();
    // Days behind: by the right clock, the gap seems long over.
    let first = after_probe(&Story::live().belief, Outcome::Refused, &doubtful(1, None), &policy).belief;
    let again = after_probe(&first, Outcome::Refused, &doubtful(2, None), &policy).belief;
    let right = |hour| Context { clock_suspect: false, ..doubtful(hour, None) };
    let known = after_probe(&again, Outcome::Refused, &right(100), &policy).belief;
    assert_eq!((known.liveness, known.refusals, known.refused_first), (Liveness::Suspect, 1, Some(T0 + hours(100))));
    let confirmed = after_probe(&known, Outcome::Refused, &right(103), &policy).belief;
    assert_eq!(confirmed.liveness, Liveness::Dead);
}

#[test]
fn by_a_clock_that_is_off_no_copy_is_destroyed_for_its_time() {
    let policy = LivenessPolicy::default();
    let years = 24 * 400;
    for belief in [Story::dead().belief, Story::live().belief, Story::suspect().belief, Belief::default()] {
        assert_eq!(before_probe(&belief, &doubtful(years, Some(30)), &policy), None, "{}", belief.liveness);
        let step = after_probe(&belief, Outcome::Refused, &doubtful(years, Some(30)), &policy);
        assert!(!step.shred, "{}", belief.liveness);
        let right = Context { clock_suspect: false, ..doubtful(years, Some(30)) };
        assert!(before_probe(&belief, &right, &policy).is_some_and(|step| step.shred), "{}", belief.liveness);
    }
    let none = LivenessPolicy { hold: Hold::None, ..LivenessPolicy::default() };
    assert!(before_probe(&Belief::default(), &doubtful(1, None), &none).is_some(), "what is never held needs no clock");
}

#[test]
fn a_suspect_of_the_doubted_time_goes_back_to_what_it_was_and_begins_anew() {
    let first = T0 + hours(24);
    let back = taken_back(&Story::suspect().belief, first, first + minutes(5)).expect("it was a suspect since then");
    assert_eq!(back.transition, Some(Transition { from: Liveness::Suspect, to: Liveness::Live }));
    assert_eq!((back.belief.refusals, back.belief.refused_first, back.belief.refused_whole_first), (0, None, None));
    assert_eq!(back.belief.accepted_at, Some(T0));
    assert_eq!((back.belief.unknown_reason, back.belief.unknown_since), (Some(Reason::Blind), Some(first)));
    assert!(!back.shred && back.rule_visible);
    let never = Story::new().after(&[(24, Outcome::Refused)]);
    let back = taken_back(&never.belief, first, first).expect("likewise");
    assert_eq!(back.belief.liveness, Liveness::Unverified);
    // The refusal that comes later is a first one: no confirmation of those that were taken back.
    let mut story = Story::suspect();
    story.belief = taken_back(&story.belief, first, first).expect("likewise").belief;
    story.asked(30, Outcome::Refused);
    assert_eq!(story.belief.liveness, Liveness::Suspect);
}

#[test]
fn whoever_was_suspect_before_the_doubted_time_or_is_none_stays_as_it_is() {
    let first = T0 + hours(24);
    assert_eq!(taken_back(&Story::suspect().belief, first + minutes(1), first + hours(1)), None);
    for belief in [Story::live().belief, Story::dead().belief, Belief::default()] {
        assert_eq!(taken_back(&belief, T0, first), None, "{}", belief.liveness);
    }
}

#[test]
fn what_belongs_elsewhere_forgets_the_refusals_that_are_no_proof_yet_and_nothing_else() {
    let at = T0 + hours(30);
    let elsewhere = asked_elsewhere(&Story::suspect().belief, at);
    assert_eq!((elsewhere.liveness, elsewhere.since), (Liveness::Live, Some(at)));
    assert_eq!((elsewhere.refusals, elsewhere.refused_first, elsewhere.home), (0, None, None));
    assert_eq!((elsewhere.accepted_at, elsewhere.unknown_since), (Some(T0), None));
    let never = Story::new().after(&[(24, Outcome::Refused)]);
    assert_eq!(asked_elsewhere(&never.belief, at).liveness, Liveness::Unverified);
    for belief in [Story::live().belief, Story::dead().belief, Belief::default()] {
        assert_eq!(asked_elsewhere(&belief, at), belief, "a proven death waits for the answer from there");
    }
}
