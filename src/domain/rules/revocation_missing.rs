//! `revocation-missing`: the connection let go of a key that the provider still accepts.

use super::evidence::Evidence;
use super::{Judge, On, Rule, end_of, is_history, is_tombstone};
use crate::domain::belief::{Belief, Liveness};
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::RevocationMissing,
    on: On::Ended,
    silent_if: &[RuleName::SecretReused],
    judge: Judge::Use(judge),
    boundaries,
};

fn judge(subject: &Subject, used: &UseFacts, policy: &RulePolicy, now: Timestamp) -> Option<Ruling> {
    if !applies(used) || !last_known_accepted(used, policy, now) {
        return None;
    }
    let history = is_history(used, policy);
    Some(Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Critical,
        since: end_of(used),
        evidence: Evidence::of_former(subject, used).flag("history", history).done(),
        mailed: !history,
        opens: used.credential.belief.liveness != Liveness::Suspect,
        exempt: None,
    })
}

fn boundaries(_: &Subject, used: &UseFacts, policy: &RulePolicy) -> Vec<Timestamp> {
    let doubtful = applies(used) && used.credential.belief.liveness == Liveness::Suspect;
    let doubt_wins_at = used.credential.belief.refused_first.map(|first| first + policy.unproven_after);
    doubt_wins_at.filter(|_| doubtful).into_iter().collect()
}

/// Whether a grant was ended can't be asked: `revocation-unproven` speaks of those. What the connection is made with by now
/// says nothing of a key that it had before.
fn applies(used: &UseFacts) -> bool {
    !used.credential.placeholder && is_tombstone(used)
}

fn last_known_accepted(used: &UseFacts, policy: &RulePolicy, now: Timestamp) -> bool {
    let belief = &used.credential.belief;
    match belief.liveness {
        Liveness::Live => true,
        Liveness::Suspect => belief.before == Some(Liveness::Live) && is_young(belief, policy, now),
        // shown again after its copy was destroyed, and not asked successfully yet
        Liveness::Shredded | Liveness::Unverified => accepted_at_last(belief),
        Liveness::Dead => false,
    }
}

/// One refusal closes nothing, and opens nothing either; after `unproven_after` "can't be proven" is truer than "still
/// works".
fn is_young(belief: &Belief, policy: &RulePolicy, now: Timestamp) -> bool {
    belief.refused_first.is_some_and(|first| now < first + policy.unproven_after)
}

/// "Alive when last checked" stays as severe as it was, though nobody can check any more.
fn accepted_at_last(belief: &Belief) -> bool {
    let refused_at = belief.refused_last.or(belief.refused_first);
    belief.accepted_at.is_some_and(|accepted| refused_at.is_none_or(|refused| refused < accepted))
}
