//! `revocation-unproven`: the connection let go of a key, and that the key is dead can't be proven.

use super::evidence::Evidence;
use super::{Judge, On, Rule, end_of, is_history, is_tombstone, never_had_copy};
use crate::domain::belief::Liveness;
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::record::Auth;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::RevocationUnproven,
    on: On::Ended,
    silent_if: &[RuleName::RevocationMissing],
    judge: Judge::Use(judge),
    boundaries,
};

fn judge(subject: &Subject, used: &UseFacts, policy: &RulePolicy, now: Timestamp) -> Option<Ruling> {
    let obstacle = obstacles(subject, used, policy).into_iter().find(|obstacle| obstacle.since <= now)?;
    Some(Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Medium,
        since: obstacle.since,
        evidence: Evidence::of_former(subject, used).with("reason", obstacle.reason).done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}

fn boundaries(subject: &Subject, used: &UseFacts, policy: &RulePolicy) -> Vec<Timestamp> {
    obstacles(subject, used, policy).into_iter().map(|obstacle| obstacle.since).collect()
}

/// What stands in the way of a proof, and from when on that is said.
struct Obstacle {
    reason: &'static str,
    since: Timestamp,
}

/// Every obstacle that the facts know of, the one that explains most first. Those that a copy is needed to overcome are
/// said at once; those that the next probe may overcome only after `unproven_after`.
fn obstacles(subject: &Subject, used: &UseFacts, policy: &RulePolicy) -> Vec<Obstacle> {
    if !is_tombstone(used) || is_history(used, policy) {
        return Vec::new();
    }
    let belief = &used.credential.belief;
    let ended = end_of(used);
    let suspect = belief.liveness == Liveness::Suspect;
    let refused = belief.refused_first.or(belief.since).unwrap_or(ended);
    // Where nothing was learnt for so long that this was said, one refusal takes nothing back.
    let seen = used.ended_seen_at.unwrap_or(ended);
    let was_said = belief.before == Some(Liveness::Unverified) && seen + policy.unproven_after <= refused;
    let in_doubt = if was_said { seen } else { refused };
    let silent_from = match belief.liveness {
        Liveness::Unverified => Some(belief.unknown_since.or(used.ended_seen_at).unwrap_or(ended)),
        Liveness::Suspect => belief.unknown_since,
        Liveness::Live | Liveness::Dead | Liveness::Shredded => None,
    };
    let shredded_at = (belief.liveness == Liveness::Shredded).then(|| belief.since.unwrap_or(ended));
    // What stood in the way before the copy was destroyed did so since then: the destroying makes nothing younger.
    let in_vain_from = belief.refused_first.or(belief.unknown_since).map(|from| from + policy.unproven_after);
    let shredded_at = shredded_at.map(|at| in_vain_from.map_or(at, |from| from.min(at)));
    let at_once = [
        ("oauth", (subject.connection.auth == Auth::Oauth && used.credential.placeholder).then_some(ended)),
        ("no_copy", never_had_copy(used).then_some(ended)),
        ("no_copy", shredded_at),
    ];
    let in_time = [
        ("no_control", (suspect && belief.no_control).then_some(refused)),
        ("protocol_unasked", (suspect && belief.partly.is_some()).then_some(refused)),
        ("unknown_too_long", silent_from),
        ("unconfirmed", suspect.then_some(in_doubt)),
    ]
    .map(|(reason, from)| (reason, from.map(|from| from + policy.unproven_after)));
    let known = at_once.into_iter().chain(in_time);
    known.filter_map(|(reason, from)| Some(Obstacle { reason, since: from?.max(ended) })).collect()
}
