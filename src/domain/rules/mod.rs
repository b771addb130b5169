//! The rules of DESIGN.md 6: pure functions from facts to a verdict.
//!
//! To add a rule: give it a name in [`RuleName`], write its file here, add its row to [`rule`]. Its ladder, its texts and
//! its tests then follow from the compiler's complaints.

use super::belief::Liveness;
use super::facts::{Count, EndedBy, Subject, UseFacts};
use super::finding::{Exempt, RuleName, Ruling, Severity};
use super::policy::{Policy, RulePolicy};
use super::record::Auth;
use super::remedy::Situation;
use super::time::Timestamp;

mod connection_broken;
mod connection_idle;
mod connection_orphaned;
mod evidence;
mod mixed_use;
mod owner_unreachable;
mod revocation_missing;
mod revocation_unproven;
mod secret_age_unknown;
mod secret_compromised;
mod secret_due;
mod secret_reused;
mod secret_shared;
mod secret_stale;
#[cfg(test)]
mod tests;
mod wrong_key_kind;

/// What a rule judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// the open use of an open connection
    Open,
    /// uses that have ended and may have left a key behind
    Ended,
    /// both
    Either,
    /// no use: what the other rules say of the connection
    Said,
}

/// A rule's verdict at an instant; `None` where all is well.
#[derive(Clone, Copy, Debug)]
pub enum Judge {
    /// on one use, from its facts
    Use(fn(&Subject, &UseFacts, &RulePolicy, Timestamp) -> Option<Ruling>),
    /// on the connection, from what the other rules say of it
    Said(fn(&Subject, &[Ruling], Timestamp) -> Option<Ruling>),
}

/// One rule, whole.
#[derive(Debug)]
pub struct Rule {
    /// its name
    pub name: RuleName,
    /// what it judges
    pub on: On,
    /// it says nothing of a connection's credential of which one of these speaks
    pub silent_if: &'static [RuleName],
    /// its verdict
    pub judge: Judge,
    /// every instant, past or future, at which that verdict may change by time alone
    pub boundaries: fn(&Subject, &UseFacts, &RulePolicy) -> Vec<Timestamp>,
}

/// The rule of that name.
pub const fn rule(name: RuleName) -> &'static Rule {
    match name {
        RuleName::SecretCompromised => &secret_compromised::RULE,
        RuleName::RevocationMissing => &revocation_missing::RULE,
        RuleName::SecretReused => &secret_reused::RULE,
        RuleName::ConnectionOrphaned => &connection_orphaned::RULE,
        RuleName::SecretStale => &secret_stale::RULE,
        RuleName::RevocationUnproven => &revocation_unproven::RULE,
        RuleName::ConnectionBroken => &connection_broken::RULE,
        RuleName::WrongKeyKind => &wrong_key_kind::RULE,
        RuleName::SecretDue => &secret_due::RULE,
        RuleName::SecretAgeUnknown => &secret_age_unknown::RULE,
        RuleName::SecretShared => &secret_shared::RULE,
        RuleName::MixedUse => &mixed_use::RULE,
        RuleName::ConnectionIdle => &connection_idle::RULE,
        RuleName::OwnerUnreachable => &owner_unreachable::RULE,
    }
}

/// Every severity that the rule may give, so that its metric is there before its first finding.
pub const fn severities(rule: RuleName) -> &'static [Severity] {
    match rule {
        RuleName::SecretCompromised | RuleName::RevocationMissing => &[Severity::Critical],
        RuleName::SecretStale => &[Severity::High, Severity::Critical],
        RuleName::SecretReused | RuleName::ConnectionOrphaned => &[Severity::High],
        RuleName::RevocationUnproven
        | RuleName::ConnectionBroken
        | RuleName::WrongKeyKind
        | RuleName::OwnerUnreachable => &[Severity::Medium],
        RuleName::SecretDue
        | RuleName::SecretAgeUnknown
        | RuleName::SecretShared
        | RuleName::MixedUse
        | RuleName::ConnectionIdle => &[Severity::Low],
    }
}

/// What the rules say of a connection at `now`: at most one ruling for each rule and credential, use by use in their
/// order, within a use in the order of [`RuleName::ALL`]; then what is to be said of all that. What the operator accepts
/// for a while is among them, and says so.
pub fn judge(subject: &Subject, policy: &Policy, now: Timestamp) -> Vec<Ruling> {
    let mut rulings = Vec::new();
    for (used, on) in judged_uses(subject) {
        let policy = policy.of(&subject.connection, &used.credential.provider);
        rulings.extend(rules_on(on).filter_map(|rule| match rule.judge {
            Judge::Use(judge) => judge(subject, used, &policy, now),
            Judge::Said(_) => None,
        }));
    }
    for ruling in &mut rulings {
        ruling.since = ruling.since.min(now); // an inventory's clock may be ahead of ours
    }
    let mut rulings = without_silent(rulings);
    for ruling in &mut rulings {
        ruling.exempt = exempt(subject, ruling, policy, now);
    }
    for rule in rules_on(On::Said) {
        if let Judge::Said(judge) = rule.judge {
            let said = judge(subject, &rulings, now);
            rulings.extend(said.map(|ruling| Ruling { exempt: exempt(subject, &ruling, policy, now), ..ruling }));
        }
    }
    rulings
}

/// By which word of the operator's a ruling is accepted.
fn exempt(subject: &Subject, ruling: &Ruling, policy: &Policy, now: Timestamp) -> Option<Exempt> {
    let used = subject.uses.iter().find(|used| used.credential.id == ruling.credential);
    let provider = used.map_or(&subject.connection.provider, |used| &used.credential.provider);
    policy.exempt(&subject.connection, provider, ruling.rule, now)
}

/// When the connection must be judged again if no fact changes: the earliest instant after `now` at which a verdict
/// (that it exists, how bad it is, whether it is mailed or exempt) can change by time alone. `None` for never.
pub fn next_change(subject: &Subject, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    let next_of = |(used, on): (&UseFacts, On)| {
        let provider = &used.credential.provider;
        let its_own = policy.of(&subject.connection, provider);
        let boundaries = rules_on(on).flat_map(|rule| (rule.boundaries)(subject, used, &its_own));
        boundaries.chain(policy.exempt_until(&subject.connection, provider)).filter(|at| *at > now).min()
    };
    let again_at = subject.reach.filter(|reach| !reach.somebody).and_then(|reach| reach.again_at);
    judged_uses(subject).filter_map(next_of).chain(again_at.filter(|at| *at > now)).min()
}

/// True for an ended use that is counted for the operator and never mailed: it had ended when keysweep first saw it, and
/// either longer than `history` before that, or in the source's first snapshot and without a copy to ask with.
pub fn is_history(used: &UseFacts, policy: &RulePolicy) -> bool {
    let (Some(until), true) = (used.until, used.ended_at_first_sight) else {
        return false;
    };
    let old = used.ended_seen_at.is_some_and(|seen| seen > until + policy.history);
    old || (used.first_run && never_had_copy(used))
}

/// What has happened to the key, as far as the provider's steps are concerned; `None` where the provider has no part in
/// what is to be done. `ended_by` is what ended the use that the finding is about; `sharers` counts the account's open uses
/// of the credential.
pub const fn situation(rule: RuleName, ended_by: Option<EndedBy>, sharers: u32) -> Option<Situation> {
    Some(match rule {
        RuleName::SecretCompromised if ended_by.is_some() && sharers == 0 => Situation::CompromisedEnded,
        RuleName::SecretCompromised => Situation::Compromised,
        RuleName::RevocationMissing if matches!(ended_by, Some(EndedBy::Replaced)) => Situation::ReplacedAlive,
        RuleName::RevocationMissing => Situation::DeletedAlive,
        RuleName::RevocationUnproven => Situation::Unproven,
        RuleName::ConnectionOrphaned => Situation::Orphaned,
        RuleName::ConnectionBroken => Situation::Broken,
        RuleName::WrongKeyKind => Situation::WrongKind,
        RuleName::SecretShared => Situation::Shared,
        // whoever resets a shared secret breaks the others, whatever the reason for the reset
        RuleName::SecretReused | RuleName::SecretStale | RuleName::SecretDue | RuleName::SecretAgeUnknown
            if sharers > 1 =>
        {
            Situation::Shared
        }
        RuleName::SecretReused | RuleName::SecretStale | RuleName::SecretDue | RuleName::SecretAgeUnknown => {
            Situation::Stale
        }
        RuleName::MixedUse | RuleName::ConnectionIdle | RuleName::OwnerUnreachable => return None,
    })
}

fn rules_on(on: On) -> impl Iterator<Item = &'static Rule> {
    let covers = move |rule: &&Rule| match rule.on {
        On::Either => matches!(on, On::Open | On::Ended),
        own => own == on,
    };
    RuleName::ALL.into_iter().map(rule).filter(covers)
}

fn without_silent(mut rulings: Vec<Ruling>) -> Vec<Ruling> {
    let spoken: Vec<_> = rulings.iter().map(|ruling| (ruling.rule, ruling.credential)).collect();
    rulings.retain(|ruling| {
        !rule(ruling.rule).silent_if.iter().any(|louder| spoken.contains(&(*louder, ruling.credential)))
    });
    rulings
}

/// The uses that are judged, and by which rules: the open one of an open connection, and of the ended ones the latest for
/// each credential that the connection doesn't use any more.
fn judged_uses(subject: &Subject) -> impl Iterator<Item = (&UseFacts, On)> {
    let in_use = subject.uses.iter().find(|used| used.until.is_none()).map(|used| used.credential.id);
    let open = subject.connection.status.is_open();
    subject.uses.iter().enumerate().filter_map(move |(at, used)| {
        if used.until.is_none() {
            return open.then_some((used, On::Open));
        }
        let id = used.credential.id;
        let ended_later = || subject.uses[at + 1..].iter().any(|later| has_ended(later) && later.credential.id == id);
        (has_ended(used) && in_use != Some(id) && !ended_later()).then_some((used, On::Ended))
    })
}

/// A placeholder whose row got a secret leaves no key behind.
fn has_ended(used: &UseFacts) -> bool {
    used.until.is_some() && used.ended_by != Some(EndedBy::Identified)
}

/// A tombstone: nothing in the account uses the credential any more, and it isn't proven dead.
fn is_tombstone(used: &UseFacts) -> bool {
    used.share.open == Count::None && !used.credential.belief.is_proven_dead()
}

fn never_had_copy(used: &UseFacts) -> bool {
    let credential = &used.credential;
    credential.placeholder || (!credential.held && credential.belief.liveness == Liveness::Unverified)
}

/// When the use ended, as well as is known.
fn end_of(used: &UseFacts) -> Timestamp {
    used.until.or(used.ended_seen_at).unwrap_or(used.since)
}

/// True where a secret's age matters: a grant's tokens renew themselves, and a dead secret grows no older.
fn has_age(subject: &Subject, used: &UseFacts) -> bool {
    subject.connection.auth == Auth::Key && !used.credential.belief.is_proven_dead()
}

/// The boundaries of a rule that time alone doesn't move.
fn timeless(_: &Subject, _: &UseFacts, _: &RulePolicy) -> Vec<Timestamp> {
    Vec::new()
}
