//! `secret-stale`: the secret is older than its provider's limit.

use std::time::Duration;

use super::evidence::Evidence;
use super::{Judge, On, Rule, has_age};
use crate::domain::age::{is_stale, stale_at};
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::SecretStale,
    on: On::Open,
    silent_if: &[RuleName::SecretCompromised],
    judge: Judge::Use(judge),
    boundaries,
};

fn judge(subject: &Subject, used: &UseFacts, policy: &RulePolicy, now: Timestamp) -> Option<Ruling> {
    let secret_since = used.credential.secret_since;
    if !has_age(subject, used) || !is_stale(secret_since, now, policy.max_age) {
        return None;
    }
    let far_past = is_stale(secret_since, now, twice(policy.max_age));
    Some(Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: if far_past { Severity::Critical } else { Severity::High },
        since: stale_at(secret_since, policy.max_age),
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
    [policy.max_age, twice(policy.max_age)].map(|limit| stale_at(used.credential.secret_since, limit)).to_vec()
}

const fn twice(limit: Duration) -> Duration {
    limit.saturating_mul(2)
}
