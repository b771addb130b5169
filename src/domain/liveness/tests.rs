use super::*;
use crate::domain::outcome::Reason;
use crate::domain::time::days;

mod doubt;
mod properties;

const T0: Timestamp = Timestamp::from_secs(1_790_000_000);
const TIMEOUT: Outcome = Outcome::Unknown(Reason::Timeout);
const PARTLY: Outcome = Outcome::PartlyRefused(Reason::Connect);

/// A credential's way: what was asked when, and whether it was in use and had a control by then.
struct Story {
    belief: Belief,
    policy: LivenessPolicy,
    idle_since: Option<Timestamp>,
    control: bool,
}

impl Story {
    /// A credential in use whose provider accepts others of the source.
    fn new() -> Self {
        let (belief, policy) = (Belief::default(), LivenessPolicy::default());
        Self { belief, policy, idle_since: None, control: true }
    }

    fn held(hold: Hold) -> Self {
        Self { policy: LivenessPolicy { hold, ..LivenessPolicy::default() }, ..Self::new() }
    }

    fn live() -> Self {
        Self::new().after(&[(0, Outcome::Accepted)])
    }

    fn suspect() -> Self {
        Self::live().after(&[(24, Outcome::Refused)])
    }

    /// Died at 25 h.
    fn dead() -> Self {
        Self::suspect().after(&[(25, Outcome::Refused)])
    }

    fn idle(mut self, hour: u64) -> Self {
        self.idle_since = Some(T0 + hours(hour));
        self
    }

    fn without_control(mut self) -> Self {
        self.control = false;
        self
    }

    fn after(mut self, answers: &[(u64, Outcome)]) -> Self {
        for (hour, outcome) in answers {
            self.asked(*hour, *outcome);
        }
        self
    }

    fn ctx(&self, hour: u64) -> Context {
        Context { now: T0 + hours(hour), idle_since: self.idle_since, control: self.control, clock_suspect: false }
    }

    fn asked(&mut self, hour: u64, outcome: Outcome) -> Step {
        let step = after_probe(&self.belief, outcome, &self.ctx(hour), &self.policy);
        self.belief = step.belief.clone();
        step
    }

    fn due(&self, hour: u64) -> Option<Step> {
        before_probe(&self.belief, &self.ctx(hour), &self.policy)
    }
}

#[test]
fn where_living_keys_get_the_answer_of_dead_ones_only_a_key_that_was_accepted_can_die() {
    let careful = |story: Story| Story {
        policy: LivenessPolicy { only_after_acceptance: true, ..LivenessPolicy::default() },
        ..story
    };
    let refusals: Vec<_> = (0..20).map(|day| (day * 24, Outcome::Refused)).collect();
    let never = careful(Story::new()).after(&refusals);
    assert_eq!((never.belief.liveness, never.belief.no_control), (Liveness::Suspect, true));
    assert_eq!(Story::new().after(&refusals).belief.liveness, Liveness::Dead, "another provider's key");
    let before = careful(Story::live()).after(&[(24, Outcome::Refused), (25, Outcome::Refused)]);
    assert_eq!(before.belief.liveness, Liveness::Dead);
}

#[test]
fn every_line_of_the_contract_holds() {
    use Liveness::{Dead, Live, Shredded, Suspect, Unverified};
    use Outcome::{Accepted, Limited, Refused};
    let new = Story::new;
    let rows = [
        ("unknown changes nothing: unverified", new(), 30, TIMEOUT, Unverified),
        ("unknown changes nothing: live", Story::live(), 30, TIMEOUT, Live),
        ("unknown changes nothing: suspect", Story::suspect(), 30, TIMEOUT, Suspect),
        ("unknown changes nothing: dead", Story::dead(), 30, TIMEOUT, Dead),
        ("unverified, accepted", new(), 30, Accepted, Live),
        ("unverified, limited", new(), 30, Limited, Live),
        ("suspect, accepted", Story::suspect(), 30, Accepted, Live),
        ("suspect, limited", Story::suspect(), 30, Limited, Live),
        ("unverified, refused", new(), 30, Refused, Suspect),
        ("unverified, partly refused", new(), 30, PARTLY, Suspect),
        ("live, refused", Story::live(), 30, Refused, Suspect),
        ("live, partly refused", Story::live(), 30, PARTLY, Suspect),
        ("suspect, partly refused", Story::suspect(), 30, PARTLY, Suspect),
        ("suspect, refused, after the gap, with a control", Story::suspect(), 25, Refused, Dead),
        ("suspect, refused, before the gap", Story::suspect(), 24, Refused, Suspect),
        ("suspect, refused, without a control", Story::suspect().without_control(), 25, Refused, Suspect),
        ("dead, accepted", Story::dead(), 30, Accepted, Live),
        ("dead, limited", Story::dead(), 30, Limited, Live),
        ("dead, refused, settle not over", Story::dead().idle(24), 48, Refused, Dead),
        ("dead, refused, settle over", Story::dead().idle(24), 49, Refused, Shredded),
        ("dead, refused, settle over, but in use", Story::dead(), 1000, Refused, Dead),
        ("dead, partly refused, settle over", Story::dead().idle(24), 49, PARTLY, Dead),
        ("dead, unknown, settle over", Story::dead().idle(24), 49, TIMEOUT, Dead),
    ];
    for (line, mut story, hour, outcome, becomes) in rows {
        let from = story.belief.liveness;
        let step = story.asked(hour, outcome);
        assert_eq!(step.belief.liveness, becomes, "{line}");
        assert_eq!(step.transition, (from != becomes).then_some(Transition { from, to: becomes }), "{line}");
        assert_eq!(step.shred, becomes == Shredded, "{line}");
        let shredding = (becomes == Shredded).then_some(Shredding::Proven);
        assert_eq!(step.belief.shredding, shredding, "{line}");
    }
}

#[test]
fn when_retention_is_over_the_copy_goes_without_a_request() {
    let retention = 90 * 24;
    let settled = Story::dead().after(&[(60, Outcome::Refused)]);
    for (line, story, shredding) in [
        ("unverified", Story::new(), Shredding::Unproven),
        ("live", Story::live(), Shredding::Unproven),
        ("suspect", Story::suspect(), Shredding::Unproven),
        ("dead", Story::dead(), Shredding::ProvenUnsettled),
        ("dead, then unknown", Story::dead().after(&[(60, TIMEOUT)]), Shredding::ProvenUnsettled),
        ("dead, then partly refused", Story::dead().after(&[(60, PARTLY)]), Shredding::ProvenUnsettled),
        ("dead, refused after settling while in use", settled, Shredding::Proven),
    ] {
        assert_eq!(story.due(100_000), None, "{line}: never while in use");
        let mut story = story.idle(100);
        assert_eq!(story.due(100 + retention - 1), None, "{line}");
        let step = story.due(100 + retention).expect(line);
        assert_eq!(step.belief.shredding, Some(shredding), "{line}");
        assert!(step.shred && step.rule_visible, "{line}");
        assert_eq!(step.transition.map(Transition::kind), Some("credential.shredded"), "{line}");
        let known =
            Belief { liveness: story.belief.liveness, since: story.belief.since, shredding: None, ..step.belief };
        assert_eq!(known, story.belief, "{line}: what the provider said is kept");
        let asked_too_late = story.asked(100 + retention, TIMEOUT);
        assert!(asked_too_late.shred && asked_too_late.belief.liveness == Liveness::Shredded, "{line}");
    }
}

#[test]
fn a_last_acceptance_in_the_moment_of_shredding_is_not_lost() {
    let step = Story::dead().idle(24).asked(24 + 90 * 24, Outcome::Accepted);
    assert_eq!(step.belief.shredding, Some(Shredding::Unproven));
    assert_eq!(step.belief.accepted_at, Some(T0 + hours(24 + 90 * 24)));
    assert!(!step.belief.is_proven_dead());
}

#[test]
fn a_run_of_part_refusals_confirms_nothing() {
    let mut story = Story::live().after(&[(24, PARTLY), (30, PARTLY), (60, PARTLY)]);
    assert_eq!(story.belief.partly, Some(Reason::Connect));
    assert_eq!(story.belief.refused_first, Some(T0 + hours(24)));
    assert_eq!(story.belief.refused_whole_first, None);
    assert_eq!(story.asked(61, Outcome::Refused).belief.liveness, Liveness::Suspect, "the first whole one");
    let dead = story.asked(62, Outcome::Refused).belief;
    assert_eq!((dead.liveness, dead.died_at, dead.partly), (Liveness::Dead, Some(T0 + hours(62)), None));
    assert_eq!(dead.refused_first, Some(T0 + hours(24)), "evidence begins with the first refusal");
}

#[test]
fn without_a_control_a_past_acceptance_needs_three_refusals_over_three_days() {
    let dies_at = |hours: &[u64]| {
        let mut story = Story::live().without_control();
        hours.iter().copied().find(|hour| story.asked(*hour, Outcome::Refused).belief.liveness == Liveness::Dead)
    };
    assert_eq!(dies_at(&[24, 25, 49, 73, 95, 96]), Some(96));
    assert_eq!(dies_at(&[24, 96, 97]), Some(97), "two are not three");
    assert_eq!(dies_at(&[24, 25, 26, 27, 95]), None, "many in a short time are not enough");
}

#[test]
fn never_accepted_and_without_a_control_nothing_is_proven() {
    let mut story = Story::new().without_control();
    for hour in (0..2000).step_by(24) {
        let belief = story.asked(hour, Outcome::Refused).belief;
        assert_eq!((belief.liveness, belief.no_control), (Liveness::Suspect, true));
    }
    story.control = true;
    let belief = story.asked(2000, Outcome::Refused).belief;
    assert_eq!((belief.liveness, belief.no_control), (Liveness::Dead, false), "a control makes up for it");
}

#[test]
fn a_past_acceptance_is_not_called_a_missing_control() {
    assert!(!Story::suspect().without_control().asked(25, Outcome::Refused).belief.no_control);
}

#[test]
fn with_no_gap_at_all_two_refusals_are_still_needed() {
    let mut story = Story::live();
    story.policy.confirm_gap = Duration::ZERO;
    assert_eq!(story.asked(24, Outcome::Refused).belief.liveness, Liveness::Suspect);
    assert_eq!(story.asked(24, Outcome::Refused).belief.liveness, Liveness::Dead);
    story.belief = Story::live().after(&[(24, PARTLY)]).belief;
    assert_eq!(story.asked(24, Outcome::Refused).belief.liveness, Liveness::Suspect, "the first whole one");
}

#[test]
fn with_no_settling_at_all_death_and_its_end_are_still_two_steps() {
    let mut story = Story::suspect().idle(24);
    story.policy.settle = Duration::ZERO;
    let death = story.asked(25, Outcome::Refused);
    assert_eq!((death.transition.map(Transition::kind), death.shred), (Some("credential.dead"), false));
    assert_eq!(story.asked(25, Outcome::Refused).belief.shredding, Some(Shredding::Proven));
}

#[test]
fn what_is_let_in_after_a_proven_death_remembers_since_when_and_nothing_else_does() {
    let again = Story::dead().after(&[(30, Outcome::Accepted), (31, Outcome::Accepted), (40, Outcome::Refused)]);
    assert_eq!(again.belief.revived_at, Some(T0 + hours(30)));
    let twice = again.after(&[(41, Outcome::Refused), (50, Outcome::Limited)]);
    assert_eq!(twice.belief.revived_at, Some(T0 + hours(50)), "it had died once more");
    let doubted = Story::suspect().after(&[(30, Outcome::Accepted)]);
    assert_eq!(doubted.belief.revived_at, None, "nobody had called it dead");
}

#[test]
fn an_acceptance_forgets_the_run_of_refusals() {
    let mut story = Story::suspect().after(&[(25, Outcome::Limited)]);
    let belief = &story.belief;
    assert_eq!((belief.refused_first, belief.refused_whole_first, belief.refusals), (None, None, 0));
    assert_eq!((belief.accepted_at, belief.limited, belief.before), (Some(T0 + hours(25)), true, None));
    assert_eq!(story.asked(26, Outcome::Refused).belief.liveness, Liveness::Suspect, "a new run begins");
}

#[test]
fn a_clock_that_jumps_back_confirms_nothing() {
    let mut story = Story::live().after(&[(1000, Outcome::Refused)]);
    for hour in [24, 500, 1000] {
        assert_eq!(story.asked(hour, Outcome::Refused).belief.liveness, Liveness::Suspect);
    }
}

#[test]
fn unknown_answers_are_counted_from_the_first_to_the_next_definite_one() {
    let dns = Outcome::Unknown(Reason::Dns);
    let mut story = Story::live().after(&[(24, TIMEOUT), (25, TIMEOUT), (27, dns)]);
    let belief = &story.belief;
    assert_eq!((belief.unknown_since, belief.unknowns), (Some(T0 + hours(24)), 3));
    assert_eq!(belief.unknown_reason, Some(Reason::Dns));
    assert_eq!((belief.since, belief.asked_at), (Some(T0), Some(T0 + hours(27))));
    for outcome in [Outcome::Accepted, Outcome::Limited, Outcome::Refused, PARTLY] {
        let belief = after_probe(&story.belief, outcome, &story.ctx(28), &story.policy).belief;
        assert_eq!((belief.unknown_since, belief.unknown_reason, belief.unknowns), (None, None, 0), "{outcome}");
    }
    story.belief.unknowns = u32::MAX;
    assert_eq!(story.asked(28, TIMEOUT).belief.unknowns, u32::MAX);
}

#[test]
fn rules_are_told_of_what_they_can_see_and_of_nothing_else() {
    let (mut first, mut live) = (Story::new(), Story::live());
    assert!(first.asked(0, TIMEOUT).rule_visible, "an unknown run begins");
    assert!(!first.asked(1, TIMEOUT).rule_visible, "it goes on");
    assert!(first.asked(2, Outcome::Accepted).rule_visible, "the first acceptance");
    assert!(!live.asked(24, Outcome::Accepted).rule_visible, "the daily acceptance");
    assert!(live.asked(48, Outcome::Limited).rule_visible, "turned limited");
    assert!(!live.asked(49, Outcome::Limited).rule_visible);
    assert!(live.asked(50, TIMEOUT).rule_visible);
    assert!(live.asked(51, Outcome::Limited).rule_visible, "an unknown run ends");
    assert!(live.asked(72, PARTLY).rule_visible, "suspect");
    assert!(!live.asked(73, PARTLY).rule_visible);
    assert!(live.asked(74, Outcome::Refused).rule_visible, "the other protocol refuses, too");
    assert!(live.asked(75, Outcome::Refused).rule_visible, "dead");
    assert!(!live.asked(76, Outcome::Refused).rule_visible, "the daily refusal of a dead one in use");
    assert!(live.asked(77, Outcome::Accepted).rule_visible, "it answers again");
    let mut unproven = Story::new().without_control().after(&[(0, Outcome::Refused)]);
    assert!(!unproven.asked(24, Outcome::Refused).rule_visible);
    unproven.belief.no_control = false;
    assert!(unproven.asked(48, Outcome::Refused).rule_visible, "the control got lost");
}

#[test]
fn at_deletion_the_first_definite_answer_is_the_last_question() {
    for (outcome, shredding) in [
        (Outcome::Accepted, Shredding::Unproven),
        (Outcome::Limited, Shredding::Unproven),
        (Outcome::Refused, Shredding::Unproven),
        (PARTLY, Shredding::Unproven),
    ] {
        let mut story = Story::held(Hold::AtDeletion).after(&[(0, Outcome::Accepted), (24, Outcome::Accepted)]);
        assert!(story.belief.liveness == Liveness::Live, "held while in use");
        story = story.idle(30);
        assert_eq!(story.due(31), None);
        let step = story.asked(31, outcome);
        assert!(step.shred, "{outcome}");
        assert_eq!(step.belief.shredding, Some(shredding), "{outcome}");
        let alive = matches!(outcome, Outcome::Accepted | Outcome::Limited);
        assert_eq!(step.belief.accepted_at, Some(T0 + hours(if alive { 31 } else { 24 })), "{outcome}");
        assert_eq!(step.belief.refused_first.is_some(), !alive, "{outcome}");
    }
}

#[test]
fn at_deletion_a_refusal_that_proves_death_is_kept_as_proof() {
    let at_deletion = |mut story: Story| {
        story.policy.hold = Hold::AtDeletion;
        story
    };
    let confirmed = at_deletion(Story::suspect().idle(24)).asked(25, Outcome::Refused);
    assert_eq!(confirmed.belief.shredding, Some(Shredding::ProvenUnsettled));
    assert_eq!(confirmed.belief.died_at, Some(T0 + hours(25)));
    let settled = at_deletion(Story::dead().idle(49)).asked(49, Outcome::Refused);
    assert_eq!(settled.belief.shredding, Some(Shredding::Proven));
    let reopened = at_deletion(Story::dead().idle(49)).asked(49, Outcome::Accepted);
    assert_eq!(reopened.belief.shredding, Some(Shredding::Unproven));
}

#[test]
fn at_deletion_unknown_answers_are_borne_for_a_day() {
    let mut story = Story::held(Hold::AtDeletion).after(&[(0, Outcome::Accepted)]).idle(30);
    assert_eq!(story.due(60), None, "slept through: the one question is still put");
    assert!(!story.asked(53, TIMEOUT).shred);
    assert_eq!(story.due(53), None);
    let step = story.due(54).expect("the day is over");
    assert_eq!((step.shred, step.belief.shredding), (true, Some(Shredding::Unproven)));
    assert_eq!(step.belief.accepted_at, Some(T0), "alive when last checked");
    assert!(story.asked(54, TIMEOUT).shred);
}

#[test]
fn nothing_is_held_where_nothing_may_be_held() {
    for story in [Story::held(Hold::None), Story::held(Hold::None).idle(0)] {
        let step = story.due(0).expect("no request is made");
        assert_eq!((step.shred, step.belief.shredding), (true, Some(Shredding::Unproven)));
    }
}

#[test]
fn shredded_is_the_end_until_the_value_is_presented_again() {
    let mut story = Story::suspect().idle(24);
    story.belief = story.due(24 + 90 * 24).expect("retention is over").belief;
    let shredded = story.belief.clone();
    for outcome in [Outcome::Accepted, Outcome::Limited, Outcome::Refused, PARTLY, TIMEOUT] {
        let step = story.asked(5000, outcome);
        assert_eq!((&step.belief, step.transition, step.rule_visible), (&shredded, None, false), "{outcome}");
    }
    assert_eq!(story.due(5000).map(|step| (step.belief, step.transition)), Some((shredded, None)));
    let again = presented_again(&story.belief);
    assert_eq!(again, Belief { accepted_at: Some(T0), ..Belief::default() });
}

#[test]
fn presented_again_after_a_proven_death_nothing_of_the_past_counts() {
    let mut story = Story::dead().idle(24);
    story.asked(49, Outcome::Refused);
    assert_eq!(presented_again(&story.belief), Belief::default());
}

#[test]
fn what_is_not_shredded_is_not_forgotten_when_presented_again() {
    for story in [Story::new(), Story::live(), Story::suspect(), Story::dead()] {
        assert_eq!(presented_again(&story.belief), story.belief);
    }
}

#[test]
fn every_change_has_its_word_in_the_log() {
    use Liveness::{Dead, Live, Shredded, Suspect, Unverified};
    for (from, to, kind) in [
        (Unverified, Live, "credential.live"),
        (Suspect, Live, "credential.live"),
        (Dead, Live, "credential.reopened"),
        (Live, Suspect, "credential.suspect"),
        (Suspect, Dead, "credential.dead"),
        (Dead, Shredded, "credential.shredded"),
        (Shredded, Unverified, "credential.presented_again"),
    ] {
        assert_eq!(Transition { from, to }.kind(), kind);
    }
}
