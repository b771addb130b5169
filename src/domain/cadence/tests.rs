use proptest::prelude::*;

use super::*;
use crate::domain::liveness::{Context, after_probe, before_probe};
use crate::domain::outcome::{Outcome, Reason};

const T0: Timestamp = Timestamp::from_secs(1_790_000_000);
const TIMEOUT: Outcome = Outcome::Unknown(Reason::Timeout);
const PARTLY: Outcome = Outcome::PartlyRefused(Reason::Connect);
const MINUTE: Duration = Duration::from_secs(60);
const SEEDS: u64 = 200;

fn policy() -> LivenessPolicy {
    LivenessPolicy::default()
}

fn next_probe(
    belief: &Belief,
    idle_since: Option<Timestamp>,
    now: Timestamp,
    policy: &LivenessPolicy,
    retry_after: Option<Duration>,
    seed: u64,
) -> Option<Timestamp> {
    let ctx = Context { now, idle_since, control: false, clock_suspect: false };
    super::next_probe(belief, &ctx, policy, retry_after, seed)
}

/// What is believed after these answers, each at its hour.
fn believed(answers: &[(u64, Outcome)], control: bool) -> Belief {
    answers.iter().fold(Belief::default(), |belief, (hour, outcome)| {
        let ctx = Context { now: T0 + hours(*hour), idle_since: None, control, clock_suspect: false };
        after_probe(&belief, *outcome, &ctx, &policy()).belief
    })
}

/// The shortest and the longest wait over many seeds.
fn waits(
    belief: &Belief,
    idle_since: Option<Timestamp>,
    now: Timestamp,
    policy: &LivenessPolicy,
) -> (Duration, Duration) {
    let waits = (0..SEEDS)
        .map(|seed| next_probe(belief, idle_since, now, policy, None, seed).expect("it is asked again").since(now));
    waits.fold((Duration::MAX, Duration::ZERO), |(least, most), wait| (least.min(wait), most.max(wait)))
}

#[track_caller]
fn assert_jittered(waits: (Duration, Duration), period: Duration, what: &str) {
    let (least, most) = waits;
    assert!(least >= period - period / 10 && most <= period, "{what}: {least:?} to {most:?}");
    assert!(most - least > period / 12, "{what}: spread out, {least:?} to {most:?}");
}

#[test]
fn every_state_has_its_cadence() {
    let live = believed(&[(0, Outcome::Accepted)], true);
    let dead = believed(&[(0, Outcome::Refused), (1, Outcome::Refused)], true);
    let partly = believed(&[(0, PARTLY)], true);
    let unproven = believed(&[(0, Outcome::Refused), (1, Outcome::Refused)], false);
    let (fresh, old) = (Some(T0 - days(6)), Some(T0 - days(7)));
    for (what, belief, idle_since, period) in [
        ("live in use: daily", &live, None, days(1)),
        ("live tombstone, first week: every 6 h", &live, fresh, hours(6)),
        ("live tombstone, later: daily", &live, old, days(1)),
        ("dead in use: daily", &dead, None, days(1)),
        ("dead tombstone, settled: every 6 h", &dead, old, hours(6)),
        ("partly refused in use: daily", &partly, None, days(1)),
        ("partly refused tombstone, first week: every 6 h", &partly, fresh, hours(6)),
        ("partly refused tombstone, later: daily", &partly, old, days(1)),
        ("suspect without a control: daily", &unproven, fresh, days(1)),
    ] {
        let now = T0 + if belief.died_at.is_some() { days(2) } else { hours(1) };
        let idle_since = idle_since.map(|idle| idle + now.since(T0));
        assert_jittered(waits(belief, idle_since, now, &policy()), period, what);
    }
}

#[test]
fn nobody_is_asked_more_rarely_than_probe_every() {
    let often = LivenessPolicy { probe_every: hours(2), ..policy() };
    let live = believed(&[(0, Outcome::Accepted)], true);
    let dead = believed(&[(0, Outcome::Refused), (1, Outcome::Refused)], true);
    for belief in [&live, &dead] {
        for idle_since in [None, Some(T0), Some(T0 - days(30))] {
            assert_jittered(waits(belief, idle_since, T0 + hours(1), &often), hours(2), belief.liveness.as_str());
        }
    }
}

#[test]
fn a_suspect_is_asked_at_the_very_instant_of_confirmation() {
    let suspect = believed(&[(0, Outcome::Accepted), (24, Outcome::Refused)], true);
    let often = LivenessPolicy { probe_every: MINUTE, ..policy() };
    let asked_early = believed(&[(0, Outcome::Accepted), (24, Outcome::Refused), (24, Outcome::Refused)], true);
    for policy in [policy(), often] {
        for belief in [&suspect, &asked_early] {
            let now = T0 + hours(24) + MINUTE;
            assert_eq!(waits(belief, None, now, &policy), (59 * MINUTE, 59 * MINUTE));
        }
    }
}

#[test]
fn a_suspect_is_not_asked_again_before_the_gap() {
    let gap = LivenessPolicy { confirm_gap: hours(30), ..policy() };
    let often = LivenessPolicy { probe_every: MINUTE, ..policy() };
    let partly = believed(&[(0, PARTLY)], true);
    let unproven = believed(&[(0, Outcome::Refused), (1, Outcome::Refused)], false);
    assert_eq!(waits(&partly, Some(T0), T0, &gap), (hours(30), hours(30)));
    assert_eq!(waits(&partly, None, T0, &often), (hours(1), hours(1)));
    assert_eq!(waits(&unproven, None, T0 + hours(1), &often), (hours(1), hours(1)));
}

#[test]
fn a_suspect_without_a_control_is_asked_at_the_very_instant_of_three_days() {
    let refused = [(0, Outcome::Accepted), (24, Outcome::Refused), (25, Outcome::Refused), (90, Outcome::Refused)];
    let suspect = believed(&refused, false);
    assert_eq!(waits(&suspect, None, T0 + hours(90), &policy()), (hours(6), hours(6)));
    let again_partly = believed(&[refused[0], refused[1], refused[2], (90, PARTLY)], false);
    assert_jittered(waits(&again_partly, None, T0 + hours(90), &policy()), days(1), "a part proves nothing");
}

#[test]
fn a_clock_that_jumped_back_does_not_stall_a_suspect() {
    let suspect = believed(&[(10_000, Outcome::Refused)], true);
    assert_eq!(waits(&suspect, None, T0, &policy()), (hours(1), hours(1)));
}

#[test]
fn unknown_answers_back_off_up_to_the_cadence_of_the_state() {
    let mut belief = believed(&[(0, Outcome::Accepted)], true);
    for (unknowns, wait) in
        [(1, MINUTE), (2, 2 * MINUTE), (3, 4 * MINUTE), (9, 256 * MINUTE), (10, hours(6)), (u32::MAX, hours(6))]
    {
        belief.unknowns = unknowns;
        assert_jittered(waits(&belief, Some(T0), T0 + hours(1), &policy()), wait, "back-off");
    }
}

#[test]
fn the_wish_of_the_provider_is_honoured_up_to_a_day() {
    let unknown = believed(&[(0, TIMEOUT)], true);
    let suspect = believed(&[(0, Outcome::Refused)], true);
    let next = |belief, wish| next_probe(belief, None, T0, &policy(), Some(wish), 7).map(|at| at.since(T0));
    assert_eq!(next(&unknown, 5 * MINUTE), Some(5 * MINUTE));
    assert_eq!(next(&unknown, days(3)), Some(LONGEST_RETRY_AFTER));
    assert!(next(&unknown, Duration::ZERO) > Some(53 * Duration::from_secs(1)), "a short wish shortens nothing");
    assert_eq!(next(&suspect, hours(2)), Some(hours(2)), "even before a confirmation");
}

#[test]
fn settling_ends_on_time() {
    let dead = believed(&[(0, Outcome::Refused), (1, Outcome::Refused)], true);
    assert_jittered(waits(&dead, Some(T0), T0 + hours(1), &policy()), hours(6), "before");
    assert_eq!(waits(&dead, Some(T0), T0 + hours(20), &policy()), (hours(5), hours(5)));
}

#[test]
fn the_end_of_holding_is_never_slept_through() {
    let live = believed(&[(0, Outcome::Accepted), (48, TIMEOUT)], true);
    let now = T0 + hours(48);
    let next = |hold, idle_since, retry_after| {
        let policy = LivenessPolicy { hold, probe_every: days(400), ..policy() };
        next_probe(&live, Some(idle_since), now, &policy, retry_after, 7)
    };
    let late = now - days(90) + MINUTE;
    assert_eq!(next(Hold::UntilProven, late, Some(hours(2))), Some(now + MINUTE));
    let ended = now - hours(23);
    assert_eq!(next(Hold::AtDeletion, ended, Some(hours(2))), Some(now + hours(1)));
    assert_eq!(next(Hold::UntilProven, now - days(91), None), Some(now + SOONEST), "overdue: at once");
}

#[test]
fn what_a_suspect_clock_keeps_beyond_its_time_is_asked_no_oftener_than_anything_else() {
    let live = believed(&[(0, Outcome::Accepted)], true);
    let suspect = Context { now: T0, idle_since: Some(T0 - days(91)), control: false, clock_suspect: true };
    let next = |ctx: &Context, wish| super::next_probe(&live, ctx, &policy(), wish, 7).expect("it is held").since(T0);
    assert!(next(&suspect, None) >= hours(21), "daily: {:?}", next(&suspect, None));
    assert_eq!(next(&suspect, Some(days(1))), days(1), "as the provider wishes");
    let in_time = Context { idle_since: Some(T0 - days(90) + MINUTE), ..suspect };
    assert_eq!(next(&in_time, None), MINUTE, "the end itself is looked at");
}

#[test]
fn what_was_never_asked_is_asked_at_once() {
    assert_eq!(waits(&Belief::default(), None, T0, &policy()), (SOONEST, SOONEST));
}

#[test]
fn at_deletion_the_last_question_is_put_at_once() {
    let policy = LivenessPolicy { hold: Hold::AtDeletion, ..policy() };
    let live = believed(&[(0, Outcome::Accepted)], true);
    let now = T0 + hours(2);
    assert_eq!(waits(&live, Some(T0 + hours(1)), now, &policy), (SOONEST, SOONEST));
    assert!(waits(&live, Some(T0 + hours(9)), now, &policy).0 > hours(5), "no hurry after a clock has jumped back");
}

#[test]
fn what_can_not_be_asked_is_never_due() {
    let live = believed(&[(0, Outcome::Accepted)], true);
    let shredded = Belief { liveness: Liveness::Shredded, ..live.clone() };
    let none = LivenessPolicy { hold: Hold::None, ..policy() };
    assert_eq!(next_probe(&shredded, Some(T0), T0, &policy(), None, 7), None);
    assert_eq!(next_probe(&live, None, T0, &none, None, 7), None);
}

/// Follows the cadence from `belief`, which is idle since `T0`, until the copy is destroyed; returns what was asked and
/// believed, with the instants.
fn follow(
    mut belief: Belief,
    control: bool,
    seed: u64,
    mut answer: impl FnMut(usize) -> Outcome,
) -> Vec<(Timestamp, Belief)> {
    let (mut now, mut way) = (T0, Vec::new());
    loop {
        let ctx = Context { now, idle_since: Some(T0), control, clock_suspect: false };
        let step = before_probe(&belief, &ctx, &policy())
            .unwrap_or_else(|| after_probe(&belief, answer(way.len()), &ctx, &policy()));
        belief = step.belief;
        way.push((now, belief.clone()));
        match next_probe(&belief, Some(T0), now, &policy(), None, seed) {
            Some(next) => now = next,
            None => return way,
        }
    }
}

#[test]
fn a_revoked_key_is_proven_dead_and_destroyed_without_delay() {
    let live = believed(&[(0, Outcome::Accepted)], true);
    for (control, dies) in [(true, T0 + hours(1)), (false, T0 + hours(72))] {
        let way = follow(live.clone(), control, 7, |_| Outcome::Refused);
        let (end, last) = way.last().expect("it was asked");
        assert_eq!((last.died_at, *end), (Some(dies), dies + hours(24)), "control: {control}");
        assert!(last.is_proven_dead() && way.len() < 12, "in few questions: {}", way.len());
    }
}

proptest! {
    #[test]
    fn every_way_ends_by_retention_with_the_copy_destroyed(
        answers in prop::collection::vec(0..5_usize, 1..40),
        control: bool,
        seed: u64,
    ) {
        let outcomes = [Outcome::Accepted, Outcome::Limited, Outcome::Refused, PARTLY, TIMEOUT];
        let way = follow(Belief::default(), control, seed, |asked| outcomes[answers[asked % answers.len()]]);
        let (end, last) = way.last().expect("it was asked");
        prop_assert_eq!(last.liveness, Liveness::Shredded);
        prop_assert!(*end <= T0 + policy().retention);
        prop_assert!(way.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn the_next_look_is_after_now_and_not_after_the_end_of_retention(
        answers in prop::collection::vec((0..200_u64, 0..5_usize), 0..12),
        control: bool,
        idle in prop::option::of(-3000..3000_i64),
        (now, retry_after) in (0..4000_u64, prop::option::of(0..100_u64)),
        (every, gap, settle, retention) in (0..100_u64, 0..100_u64, 0..100_u64, 0..3000_u64),
        at_deletion: bool,
        seed: u64,
    ) {
        let outcomes = [Outcome::Accepted, Outcome::Limited, Outcome::Refused, PARTLY, TIMEOUT];
        let answers: Vec<_> = answers.into_iter().map(|(hour, outcome)| (hour, outcomes[outcome])).collect();
        let belief = believed(&answers, control);
        let policy = LivenessPolicy {
            hold: if at_deletion { Hold::AtDeletion } else { Hold::UntilProven },
            probe_every: hours(every),
            confirm_gap: hours(gap),
            settle: hours(settle),
            retention: hours(retention),
            ..policy()
        };
        let idle = idle.map(|hour| Timestamp::from_millis(T0.as_millis() + hour * 3_600_000));
        let now = T0 + hours(now);
        let next = next_probe(&belief, idle, now, &policy, retry_after.map(hours), seed).expect("it is held");
        prop_assert!(next > now);
        if let Some(idle) = idle {
            prop_assert!(next <= (idle + policy.retention).max(now + SOONEST));
        }
        prop_assert_eq!(Some(next), next_probe(&belief, idle, now, &policy, retry_after.map(hours), seed));
    }

    #[test]
    fn no_policy_and_no_instant_is_too_great(now: i64, unknowns: u32, seed: u64, liveness in 0..4_usize) {
        let longest = LivenessPolicy {
            probe_every: Duration::MAX,
            confirm_gap: Duration::MAX,
            settle: Duration::MAX,
            retention: Duration::MAX,
            ..policy()
        };
        let at = Timestamp::from_millis(now);
        let belief = Belief {
            liveness: Liveness::ALL[liveness],
            asked_at: Some(at),
            refused_whole_first: Some(at),
            died_at: Some(at),
            unknowns,
            ..Belief::default()
        };
        for idle_since in [None, Some(at)] {
            prop_assert!(next_probe(&belief, idle_since, at, &longest, Some(Duration::MAX), seed) >= Some(at));
        }
    }
}
