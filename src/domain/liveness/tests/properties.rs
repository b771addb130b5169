//! Whatever the provider answers, whenever, and however the clock jumps.

use proptest::prelude::*;

use super::*;
use crate::domain::belief::Liveness::{Dead, Live, Shredded, Suspect};

/// One probe of a random way.
#[derive(Clone, Debug)]
struct Asked {
    outcome: Outcome,
    /// since the probe before; negative where the clock jumps back
    minutes: i64,
    control: bool,
    idle: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let outcome = prop_oneof![
        1 => Just(Outcome::Accepted),
        1 => Just(Outcome::Limited),
        6 => Just(Outcome::Refused),
        2 => Just(PARTLY),
        2 => Just(TIMEOUT),
    ];
    // Near the gap (1 h), the settling (1 d), the spread (3 d), and far away.
    let minutes = prop_oneof![
        4 => 0..90_i64,
        4 => 600..3000_i64,
        1 => Just(60_i64),
        1 => -3000..0_i64,
        1 => 0..100_000_i64,
    ];
    (outcome, minutes, any::<bool>(), prop::bool::weighted(0.7)).prop_map(|(outcome, minutes, control, idle)| Asked {
        outcome,
        minutes,
        control,
        idle,
    })
}

/// The definite answers since the last acceptance, kept apart from the machine.
#[derive(Default)]
struct Seen {
    ever_accepted: bool,
    whole_refusals: Vec<Timestamp>,
}

impl Seen {
    fn note(&mut self, outcome: Outcome, now: Timestamp) {
        match outcome {
            Outcome::Accepted | Outcome::Limited => *self = Self { ever_accepted: true, whole_refusals: Vec::new() },
            Outcome::Refused => self.whole_refusals.push(now),
            Outcome::PartlyRefused(_) | Outcome::Unknown(_) => {}
        }
    }

    fn proves_death(&self, now: Timestamp, control: bool, policy: &LivenessPolicy) -> bool {
        let spread = self.whole_refusals.first().map_or(Duration::ZERO, |first| now.since(*first));
        let count = self.whole_refusals.len();
        spread >= policy.confirm_gap && (control && count >= 2 || self.ever_accepted && count >= 3 && spread >= days(3))
    }
}

/// Walks the way and calls `check` with: before, the probe, its context, the step, what was seen.
fn walk(
    way: &[Asked],
    policy: &LivenessPolicy,
    mut check: impl FnMut(&Belief, &Asked, &Context, &Step, &Seen) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let (mut belief, mut seen, mut now, mut idle_since) = (Belief::default(), Seen::default(), T0, None);
    for asked in way {
        now = Timestamp::from_millis(now.as_millis() + asked.minutes * 60_000);
        idle_since = if asked.idle { idle_since.or(Some(now)) } else { None };
        let ctx = Context { now, idle_since, control: asked.control, clock_suspect: false };
        let step = match before_probe(&belief, &ctx, policy) {
            Some(step) => step,
            None => {
                seen.note(asked.outcome, now);
                after_probe(&belief, asked.outcome, &ctx, policy)
            }
        };
        check(&belief, asked, &ctx, &step, &seen)?;
        belief = step.belief;
    }
    Ok(())
}

fn way() -> impl Strategy<Value = Vec<Asked>> {
    prop::collection::vec(asked(), 1..60)
}

fn policy() -> impl Strategy<Value = LivenessPolicy> {
    let hold = prop_oneof![3 => Just(Hold::UntilProven), 1 => Just(Hold::AtDeletion)];
    hold.prop_map(|hold| LivenessPolicy { hold, ..LivenessPolicy::default() })
}

proptest! {
    #[test]
    fn death_is_believed_exactly_when_unbroken_whole_refusals_prove_it(way in way()) {
        walk(&way, &LivenessPolicy::default(), |before, asked, ctx, step, seen| {
            let refused = asked.outcome == Outcome::Refused && step.belief.liveness != Shredded;
            if before.liveness != Dead && step.belief.liveness == Dead {
                prop_assert!(refused && seen.proves_death(ctx.now, ctx.control, &LivenessPolicy::default()));
            }
            if before.liveness == Suspect && step.belief.liveness == Suspect && refused {
                prop_assert!(!seen.proves_death(ctx.now, ctx.control, &LivenessPolicy::default()));
            }
            Ok(())
        })?;
    }

    #[test]
    fn whoever_is_accepted_is_live_and_unknown_changes_nothing(way in way(), policy in policy()) {
        walk(&way, &policy, |before, asked, _, step, _| {
            match asked.outcome {
                _ if step.belief.liveness == Shredded => {}
                Outcome::Accepted | Outcome::Limited => prop_assert_eq!(step.belief.liveness, Live),
                Outcome::Unknown(_) => {
                    let known = Belief {
                        asked_at: before.asked_at,
                        since: before.since,
                        unknown_since: before.unknown_since,
                        unknown_reason: before.unknown_reason,
                        unknowns: before.unknowns,
                        ..step.belief.clone()
                    };
                    prop_assert_eq!(&known, before);
                }
                Outcome::Refused | Outcome::PartlyRefused(_) => prop_assert_ne!(step.belief.liveness, Live),
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_copy_is_destroyed_only_while_nobody_uses_it_and_then_for_good(way in way(), policy in policy()) {
        walk(&way, &policy, |before, _, ctx, step, _| {
            prop_assert_eq!(step.shred, step.belief.liveness == Shredded);
            if before.liveness == Shredded {
                prop_assert_eq!(&step.belief, before);
            } else if step.shred {
                prop_assert!(ctx.idle_since.is_some());
            }
            if let Some(idle) = ctx.idle_since && idle + policy.retention <= ctx.now {
                prop_assert!(step.shred, "retention is a hard limit");
            }
            Ok(())
        })?;
    }

    #[test]
    fn proven_shredding_rests_on_a_refusal_after_settling(way in way(), policy in policy()) {
        walk(&way, &policy, |before, asked, ctx, step, _| {
            if before.liveness != Shredded && step.belief.shredding == Some(Shredding::Proven) {
                let (Some(died), Some(refused)) = (step.belief.died_at, step.belief.refused_last) else {
                    return Err(TestCaseError::fail("no evidence"));
                };
                prop_assert!(before.liveness == Dead && refused >= died + policy.settle);
                let last_answer = asked.outcome == Outcome::Refused && refused == ctx.now;
                prop_assert!(last_answer || step.belief.asked_at == Some(refused));
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_belief_never_contradicts_itself(way in way(), policy in policy()) {
        walk(&way, &policy, |before, _, _, step, _| {
            let belief = &step.belief;
            let refused = matches!(belief.liveness, Suspect | Dead);
            prop_assert!(belief.liveness != Dead || belief.died_at.is_some());
            prop_assert!(belief.died_at.is_none() || belief.is_proven_dead());
            prop_assert_eq!(belief.shredding.is_some(), belief.liveness == Shredded);
            prop_assert!(belief.before.is_none() || matches!(belief.liveness, Suspect | Shredded));
            prop_assert!(belief.liveness != Suspect || belief.before.is_some());
            prop_assert!(belief.liveness != Live || belief.accepted_at.is_some());
            prop_assert!(!refused || belief.refused_first.is_some() && belief.refused_last.is_some());
            prop_assert!(belief.liveness != Live || belief.refused_first.is_none() && belief.refusals == 0);
            prop_assert_eq!(belief.refusals > 0, belief.refused_whole_first.is_some());
            prop_assert_eq!(belief.unknowns > 0, belief.unknown_since.is_some() && belief.unknown_reason.is_some());
            prop_assert_eq!(step.transition.is_some(), before.liveness != belief.liveness);
            prop_assert!(step.transition.is_none() || step.rule_visible);
            prop_assert!(belief.since.is_some());
            Ok(())
        })?;
    }
}
