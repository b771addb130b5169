//! `mixed-use`: the key that synchronises lists sends mail as well, so that a reset stops that too.

use super::evidence::Evidence;
use super::{Judge, On, Rule, timeless};
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::record::UsedFor;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule =
    Rule { name: RuleName::MixedUse, on: On::Open, silent_if: &[], judge: Judge::Use(judge), boundaries: timeless };

fn judge(subject: &Subject, used: &UseFacts, _: &RulePolicy, _: Timestamp) -> Option<Ruling> {
    let mixed = used.share.mixed && !used.credential.belief.is_proven_dead();
    mixed.then(|| Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Low,
        // The summary doesn't say when the others began. This is the earliest that it can have been.
        since: used.since,
        evidence: Evidence::of(used).maybe("used_for", used_for(subject)).done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}

/// What this connection itself uses the key for; nothing where only others of the account send mail with it.
fn used_for(subject: &Subject) -> Option<String> {
    let mut words: Vec<&str> = subject.connection.used_for.iter().copied().map(UsedFor::as_str).collect();
    words.sort_unstable();
    words.dedup();
    (!words.is_empty()).then(|| words.join(" "))
}
