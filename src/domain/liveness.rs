//! The state machine of DESIGN.md 4.
//!
//! It may take too long to believe that a credential is dead, but never believes it too early: a provider that
//! is slow, broken or only half asked changes nothing.

use std::time::Duration;

use super::belief::{Belief, Liveness, Shredding};
use super::outcome::{Outcome, Reason};
use super::policy::{Hold, LivenessPolicy};
use super::time::{Timestamp, hours};

/// Without a control, a credential that was once accepted is dead only when refusals reach over this long.
pub const UNCONTROLLED_SPREAD: Duration = hours(72);

/// With `hold = "at-deletion"`, how long an idle credential that only gets unknown answers is asked again.
pub const AT_DELETION_PATIENCE: Duration = hours(24);

/// Whole refusals that prove death where there is a positive control.
const CONTROLLED_REFUSALS: u32 = 2;

/// Whole refusals that prove death where the credential's own past acceptance is the only control.
const UNCONTROLLED_REFUSALS: u32 = 3;

/// What the machine must know beside the belief and the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// the present instant
    pub now: Timestamp,
    /// when keysweep first saw that no use of the credential was open anywhere; `None` while one is
    pub idle_since: Option<Timestamp>,
    /// whether another credential of the same source, or the operator's own, was accepted within 24 h where that says
    /// something for this one (`super::control`)
    pub control: bool,
    /// whether our clock is not to be gone by (`super::clock`): then nothing dies, and no copy is destroyed for its time
    pub clock_suspect: bool,
}

/// What is believed after a step, and who must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// what is now believed
    pub belief: Belief,
    /// the change of liveness, for the log; `None` where it stayed
    pub transition: Option<Transition>,
    /// the held copy is to be destroyed; also true for what was shredded before, of which none may be left
    pub shred: bool,
    /// a rule could see a difference, in liveness or in what explains it. A daily acceptance is none.
    pub rule_visible: bool,
}

/// A change of liveness. The two ends differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transition {
    /// what was believed
    pub from: Liveness,
    /// what is believed now
    pub to: Liveness,
}

impl Step {
    /// The same belief as a step from another one: what the ledger holds, where the step began from what that comes to
    /// beside a blind endpoint.
    #[must_use]
    pub fn seen_from(self, before: &Belief) -> Self {
        step(before, self.belief, self.shred)
    }
}

impl Transition {
    /// The log's word for it: `credential.live`, `credential.reopened` (a dead one answers again),
    /// `credential.suspect`, `credential.dead`, `credential.shredded`, `credential.presented_again`.
    pub const fn kind(self) -> &'static str {
        match (self.from, self.to) {
            (Liveness::Dead, Liveness::Live) => "credential.reopened",
            (_, Liveness::Live) => "credential.live",
            (_, Liveness::Suspect) => "credential.suspect",
            (_, Liveness::Dead) => "credential.dead",
            (_, Liveness::Shredded) => "credential.shredded",
            (_, Liveness::Unverified) => "credential.presented_again",
        }
    }
}

/// Before asking: returns the step to take instead of a request where the copy may no longer be held, because
/// retention is over, or the `hold` setting says so, or it was shredded already. `None`: ask.
pub fn before_probe(belief: &Belief, ctx: &Context, policy: &LivenessPolicy) -> Option<Step> {
    let over = belief.liveness == Liveness::Shredded || holding_is_over(belief, ctx, policy);
    over.then(|| step(belief, shredded(belief.clone(), ctx.now, policy), true))
}

/// After an answer: returns what is believed now. One answer makes one change, and then the copy is destroyed
/// where the proof is complete or may no longer be waited for. A shredded credential stays as it is.
pub fn after_probe(belief: &Belief, outcome: Outcome, ctx: &Context, policy: &LivenessPolicy) -> Step {
    if belief.liveness == Liveness::Shredded {
        return step(belief, belief.clone(), true);
    }
    let next = answered(belief.clone(), outcome, ctx, policy);
    // Only a credential that was dead before this answer is settled by it: death and its end are two steps.
    let settled = ctx.idle_since.is_some()
        && !ctx.clock_suspect
        && belief.liveness == Liveness::Dead
        && is_settled(&next, policy);
    if settled || was_the_last_question(outcome, ctx, policy) || holding_is_over(&next, ctx, policy) {
        return step(belief, shredded(next, ctx.now, policy), true);
    }
    step(belief, next, false)
}

/// The inventory presents the value on an open use again: returns what a shredded credential starts anew with.
/// Any other is returned as it is.
///
/// A past acceptance is kept, as a control and for people, unless a proven death came after it: then the last
/// thing known is a refusal.
pub fn presented_again(belief: &Belief) -> Belief {
    match belief.liveness {
        Liveness::Shredded if belief.is_proven_dead() => Belief::default(),
        Liveness::Shredded => Belief {
            accepted_at: belief.accepted_at,
            limited: belief.limited,
            home: belief.home.clone(),
            ..Belief::default()
        },
        Liveness::Unverified | Liveness::Live | Liveness::Suspect | Liveness::Dead => belief.clone(),
    }
}

/// The inventory says that the key belongs elsewhere than where it was asked: returns what is believed until it is asked there.
/// A run of refusals that is not over is forgotten, for what refused may not be what holds the key.
pub fn asked_elsewhere(belief: &Belief, now: Timestamp) -> Belief {
    if belief.liveness != Liveness::Suspect {
        return belief.clone();
    }
    Belief { home: None, ..before_the_run(belief, now) }
}

/// What was believed before the refusals that made a suspect, from now on.
fn before_the_run(belief: &Belief, now: Timestamp) -> Belief {
    let before = if belief.accepted_at.is_some() { Liveness::Live } else { Liveness::Unverified };
    Belief {
        liveness: belief.before.unwrap_or(before),
        since: Some(now),
        asked_at: belief.asked_at,
        accepted_at: belief.accepted_at,
        limited: belief.limited,
        home: belief.home.clone(),
        revived_at: belief.revived_at,
        ..Belief::default()
    }
}

/// What is believed once somebody who may has had the copy destroyed. A proven death stays proven.
pub fn destroyed(belief: &Belief, now: Timestamp) -> Belief {
    let shredding = match belief.liveness {
        Liveness::Dead => Shredding::ProvenUnsettled,
        Liveness::Unverified | Liveness::Live | Liveness::Suspect => Shredding::Unproven,
        Liveness::Shredded => return belief.clone(),
    };
    Belief { liveness: Liveness::Shredded, since: Some(now), shredding: Some(shredding), ..belief.clone() }
}

/// The refusals that made a suspect turn out to have been everybody's: returns what is believed again, and that it is to
/// be asked anew. `None` for what is no suspect, or was one before `from` already.
///
/// The run of refusals is forgotten: one that comes later is a first one.
pub fn taken_back(belief: &Belief, from: Timestamp, now: Timestamp) -> Option<Step> {
    let is_recent = belief.refused_first.is_some_and(|first| first >= from);
    if belief.liveness != Liveness::Suspect || !is_recent {
        return None;
    }
    let next = Belief {
        unknown_since: belief.unknown_since.or(belief.refused_first),
        unknown_reason: Some(Reason::Blind),
        unknowns: belief.unknowns.max(1),
        ..before_the_run(belief, now)
    };
    Some(step(belief, next, false))
}

fn answered(mut belief: Belief, outcome: Outcome, ctx: &Context, policy: &LivenessPolicy) -> Belief {
    belief.asked_at = Some(ctx.now);
    belief.since.get_or_insert(ctx.now);
    if let Outcome::Unknown(reason) = outcome {
        belief.unknown_since.get_or_insert(ctx.now);
        belief.unknown_reason = Some(reason);
        belief.unknowns = belief.unknowns.saturating_add(1);
        return belief;
    }
    belief.unknown_since = None;
    belief.unknown_reason = None;
    belief.unknowns = 0;
    match outcome {
        Outcome::Accepted | Outcome::Limited => accepted(&belief, outcome == Outcome::Limited, ctx.now),
        Outcome::Refused | Outcome::PartlyRefused(_) | Outcome::Unknown(_) => refused(belief, outcome, ctx, policy),
    }
}

/// An acceptance forgets every refusal, but that they had proven a death: what follows is a new run.
fn accepted(belief: &Belief, limited: bool, now: Timestamp) -> Belief {
    Belief {
        liveness: Liveness::Live,
        since: if belief.liveness == Liveness::Live { belief.since } else { Some(now) },
        asked_at: belief.asked_at,
        accepted_at: Some(now),
        limited,
        home: belief.home.clone(),
        revived_at: belief.died_at.and(belief.refused_last).map(|_| now).or(belief.revived_at),
        ..Belief::default()
    }
}

fn refused(mut belief: Belief, outcome: Outcome, ctx: &Context, policy: &LivenessPolicy) -> Belief {
    if belief.undated && !ctx.clock_suspect {
        // Nobody knows how long ago that was: the run begins with this refusal.
        belief = Belief { refused_first: None, refused_whole_first: None, refusals: 0, undated: false, ..belief };
    }
    belief.undated |= ctx.clock_suspect && belief.refused_first.is_none();
    belief.refused_first.get_or_insert(ctx.now);
    belief.refused_last = Some(ctx.now);
    belief.partly = outcome.reason();
    if outcome == Outcome::Refused {
        belief.refused_whole_first.get_or_insert(ctx.now);
        belief.refusals = belief.refusals.saturating_add(1);
    }
    match belief.liveness {
        Liveness::Unverified | Liveness::Live => {
            belief.before = Some(belief.liveness);
            belief.liveness = Liveness::Suspect;
            belief.since = Some(ctx.now);
        }
        Liveness::Suspect if outcome == Outcome::Refused && confirms(&belief, ctx, policy) => {
            belief.before = None;
            belief.liveness = Liveness::Dead;
            belief.since = Some(ctx.now);
            belief.died_at = Some(ctx.now);
        }
        Liveness::Suspect | Liveness::Dead | Liveness::Shredded => {}
    }
    if outcome == Outcome::Refused {
        let doubtful = belief.liveness == Liveness::Suspect;
        belief.no_control = doubtful && !has_control(&belief, ctx, policy) && belief.accepted_at.is_none();
    }
    belief
}

/// Whether the whole refusal that was just counted proves death. A refusal proves something only where
/// an acceptance shows that the question was put rightly: a wrongly mapped column must not prove a whole estate dead.
fn confirms(belief: &Belief, ctx: &Context, policy: &LivenessPolicy) -> bool {
    let spread = belief.refused_whole_first.map_or(Duration::ZERO, |first| ctx.now.since(first));
    let controlled = has_control(belief, ctx, policy) && belief.refusals >= CONTROLLED_REFUSALS;
    let accepted_before =
        belief.accepted_at.is_some() && belief.refusals >= UNCONTROLLED_REFUSALS && spread >= UNCONTROLLED_SPREAD;
    !ctx.clock_suspect && spread >= policy.confirm_gap && (controlled || accepted_before)
}

/// Whether another credential's acceptance speaks for this one.
const fn has_control(belief: &Belief, ctx: &Context, policy: &LivenessPolicy) -> bool {
    ctx.control && (!policy.only_after_acceptance || belief.accepted_at.is_some())
}

/// Dead, and the last answer was a whole refusal that came after settling was over.
fn is_settled(belief: &Belief, policy: &LivenessPolicy) -> bool {
    match (belief.liveness, belief.died_at, belief.refused_last) {
        (Liveness::Dead, Some(died), Some(refused)) => {
            belief.partly.is_none() && belief.unknown_since.is_none() && refused.since(died) >= policy.settle
        }
        _ => false,
    }
}

/// With `hold = "at-deletion"` the first definite answer after the end of the last use is the last question.
fn was_the_last_question(outcome: Outcome, ctx: &Context, policy: &LivenessPolicy) -> bool {
    policy.hold == Hold::AtDeletion && ctx.idle_since.is_some() && !matches!(outcome, Outcome::Unknown(_))
}

/// Whether the copy may no longer be held, whatever is believed.
fn holding_is_over(belief: &Belief, ctx: &Context, policy: &LivenessPolicy) -> bool {
    let Some(idle_since) = ctx.idle_since else { return policy.hold == Hold::None };
    if ctx.clock_suspect {
        return policy.hold == Hold::None;
    }
    let retention_over = idle_since + policy.retention <= ctx.now;
    match policy.hold {
        Hold::None => true,
        Hold::UntilProven => retention_over,
        // The one question of `at-deletion` is put even where we slept through the time for it.
        Hold::AtDeletion => {
            let asked = belief.asked_at.is_some_and(|at| at >= idle_since);
            retention_over || (asked && idle_since + AT_DELETION_PATIENCE <= ctx.now)
        }
    }
}

/// The belief once the copy is gone. What the provider said stays: people are told "alive when last checked at T".
fn shredded(belief: Belief, now: Timestamp, policy: &LivenessPolicy) -> Belief {
    let shredding = match belief.liveness {
        Liveness::Dead if is_settled(&belief, policy) => Shredding::Proven,
        Liveness::Dead => Shredding::ProvenUnsettled,
        Liveness::Unverified | Liveness::Live | Liveness::Suspect => Shredding::Unproven,
        Liveness::Shredded => return belief,
    };
    Belief { liveness: Liveness::Shredded, since: Some(now), shredding: Some(shredding), ..belief }
}

fn step(before: &Belief, belief: Belief, shred: bool) -> Step {
    let changed = before.liveness != belief.liveness;
    Step {
        transition: changed.then_some(Transition { from: before.liveness, to: belief.liveness }),
        shred,
        rule_visible: visible(before) != visible(&belief),
        belief,
    }
}

/// What a rule can see of a belief, but for instants that move on with every probe. A run of refusals or of unknown
/// answers keeps its start; where another begins, beside a blind endpoint, that is to be seen.
fn visible(belief: &Belief) -> impl PartialEq + use<> {
    (
        (belief.liveness, belief.before, belief.shredding, belief.died_at),
        (belief.accepted_at.is_some(), belief.limited, belief.no_control, belief.partly),
        (belief.refused_first, belief.refused_whole_first, belief.unknown_since),
    )
}

#[cfg(test)]
mod tests;
