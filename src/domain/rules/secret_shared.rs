//! `secret-shared`: several open connections of the account use one secret.

use super::evidence::Evidence;
use super::{Judge, On, Rule, timeless};
use crate::domain::facts::{Count, Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule =
    Rule { name: RuleName::SecretShared, on: On::Open, silent_if: &[], judge: Judge::Use(judge), boundaries: timeless };

fn judge(_: &Subject, used: &UseFacts, _: &RulePolicy, _: Timestamp) -> Option<Ruling> {
    let shared = used.share.open == Count::Many && !used.credential.belief.is_proven_dead();
    shared.then(|| Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Low,
        // The summary doesn't say when the others began. This is the earliest that it can have been.
        since: used.since,
        evidence: Evidence::of(used).secret(used).done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}
