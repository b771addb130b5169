//! `secret-due`: the secret will soon be older than its provider's limit.

use super::evidence::Evidence;
use super::{Judge, On, Rule, has_age};
use crate::domain::age::{due_at, is_due, stale_at};
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::SecretDue,
    on: On::Open,
    silent_if: &[RuleName::SecretCompromised],
    judge: Judge::Use(judge),
    boundaries,
};

fn judge(subject: &Subject, used: &UseFacts, policy: &RulePolicy, now: Timestamp) -> Option<Ruling> {
    let secret_since = used.credential.secret_since;
    let due = has_age(subject, used) && is_due(secret_since, now, policy.max_age, policy.warn_before);
    due.then(|| Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Low,
        since: due_at(secret_since, policy.max_age, policy.warn_before),
        evidence: Evidence::of(used).age(used, policy).done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}

fn boundaries(subject: &Subject, used: &UseFacts, policy: &RulePolicy) -> Vec<Timestamp> {
    if !has_age(subject, used) {
        return Vec::new();
    }
    let secret_since = used.credential.secret_since;
    vec![due_at(secret_since, policy.max_age, policy.warn_before), stale_at(secret_since, policy.max_age)]
}
