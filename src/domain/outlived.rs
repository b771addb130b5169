//! One secret per key (DESIGN.md 6): where a public half has one secret at a time, another accepted one proves an older
//! one dead. Pure.
//!
//! Which of two is the older one needs no dates of theirs. A secret is the only one from when it is made until it is
//! replaced; a replaced one is let in for the provider's grace at most, and is never the only one again. So where both were
//! known for longer than that, and one of them is let in, it is the one that replaced the other: had the other replaced it, it
//! would be refused by now. That holds whoever has them and whatever else was heard of the other, unless it was let in
//! itself at such a time. Then the provider doesn't do as its catalogue file says, and nothing is concluded.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::belief::{Belief, Liveness, Shredding};
use super::ids::AccountId;
use super::policy::LivenessPolicy;
use super::time::Timestamp;

/// What proved a credential dead without a refusal: a newer secret under the same key was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlived {
    /// when that one was accepted
    pub at: Timestamp,
    /// which one, where both are one account's alone: no customer learns of another's
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Heir>,
}

/// The newer secret, as its account may be told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heir {
    /// the credential's name: 12 hex digits
    pub credential: String,
    /// whose both are
    pub account: AccountId,
}

/// One of the credentials with the same public half.
#[derive(Clone, Copy, Debug)]
pub struct Keymate<'a> {
    /// what is believed of it
    pub belief: &'a Belief,
    /// when keysweep first saw it, as far as it kept that
    pub first_seen_at: Option<Timestamp>,
    /// the region, if known
    pub region: Option<&'a str>,
    /// the customer's own address at the provider, if there is one
    pub base_url: Option<&'a str>,
    /// whether a copy is held
    pub held: bool,
    /// when keysweep first saw that no use of it was open anywhere; `None` while one is
    pub idle_since: Option<Timestamp>,
}

/// What one of them says of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// that is dead: this one was accepted then
    Dead(Timestamp),
    /// it would be, were this one accepted at that instant or later
    NotBefore(Timestamp),
    /// nothing
    Nothing,
}

/// What the acceptance of `new` says of `old`, another credential of the same provider and public half, at a provider
/// with one secret per key.
pub fn judge(old: &Keymate<'_>, new: &Keymate<'_>, policy: &LivenessPolicy) -> Word {
    let same_place = agree(old.region, new.region) && agree(old.base_url, new.base_url);
    let (Some(accepted), Some(known_both)) = (let_in_at(new), known_both(old, new)) else { return Word::Nothing };
    if !policy.one_secret_per_key || !same_place || old.belief.is_proven_dead() {
        return Word::Nothing;
    }
    let wait = wait(policy);
    let from = known_both + wait;
    if old.belief.accepted_at.is_some_and(|at| at >= from) || speaks_for_itself(old, accepted, wait) {
        return Word::Nothing;
    }
    if accepted < from { Word::NotBefore(from) } else { Word::Dead(accepted) }
}

/// What is believed of a credential that is outlived. A copy that is held stays for settling, as after any death; of one
/// that was destroyed before, the proof is whole now.
#[must_use]
pub fn proven(belief: &Belief, outlived: Outlived, now: Timestamp) -> Belief {
    let dead =
        Belief { before: None, no_control: false, died_at: Some(now), outlived: Some(outlived), ..belief.clone() };
    match belief.liveness {
        Liveness::Shredded => Belief { shredding: Some(Shredding::Proven), ..dead },
        Liveness::Unverified | Liveness::Live | Liveness::Suspect | Liveness::Dead => {
            Belief { liveness: Liveness::Dead, since: Some(now), ..dead }
        }
    }
}

/// How long a secret may be let in after it was replaced: the provider's grace, and once more the time that a
/// confirmation takes, for the grace is nobody's promise.
fn wait(policy: &LivenessPolicy) -> Duration {
    policy.grace.unwrap_or_default() + policy.confirm_gap
}

/// When the newer one was last let in. One that is limited has not shown what it is.
fn let_in_at(new: &Keymate<'_>) -> Option<Timestamp> {
    new.belief.accepted_at.filter(|_| new.belief.liveness == Liveness::Live && !new.belief.limited)
}

/// From when on both existed for sure. The newer one counts only from when the provider has let it in since: two
/// acceptances, the wait apart, not one.
fn known_both(old: &Keymate<'_>, new: &Keymate<'_>) -> Option<Timestamp> {
    let belief = old.belief;
    let old_known = old.first_seen_at.or(belief.accepted_at).or(belief.asked_at).or(belief.since)?;
    Some(old_known.max(new.belief.since.max(new.first_seen_at)?))
}

/// Whether the older one is asked itself, so that its own answer decides: it was not refused yet, and its copy is held. Not
/// where nothing uses it and nothing is learnt of it for longer than the wait.
fn speaks_for_itself(old: &Keymate<'_>, accepted: Timestamp, wait: Duration) -> bool {
    let is_silent = old.belief.unknown_since.is_some_and(|since| accepted.since(since) >= wait);
    let is_unrefused = matches!(old.belief.liveness, Liveness::Unverified | Liveness::Live);
    old.held && is_unrefused && !(is_silent && old.idle_since.is_some())
}

/// Whether two names may be of the same place: equal, or one of them unknown.
fn agree(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
