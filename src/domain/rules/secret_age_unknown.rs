//! `secret-age-unknown`: only a lower bound of the age is known, and it is within the limit.

use super::evidence::Evidence;
use super::{Judge, On, Rule, has_age};
use crate::domain::age::{is_stale, stale_at};
use crate::domain::facts::{Provenance, Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::SecretAgeUnknown,
    on: On::Open,
    silent_if: &[RuleName::SecretCompromised],
    judge: Judge::Use(judge),
    boundaries,
};

fn judge(subject: &Subject, used: &UseFacts, policy: &RulePolicy, now: Timestamp) -> Option<Ruling> {
    let unknown = applies(subject, used) && !is_stale(used.credential.secret_since, now, policy.max_age);
    unknown.then(|| Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Low,
        since: used.credential.secret_since,
        evidence: Evidence::of(used).age(used, policy).done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}

fn boundaries(subject: &Subject, used: &UseFacts, policy: &RulePolicy) -> Vec<Timestamp> {
    let stale = stale_at(used.credential.secret_since, policy.max_age);
    applies(subject, used).then_some(stale).into_iter().collect()
}

fn applies(subject: &Subject, used: &UseFacts) -> bool {
    used.credential.provenance == Provenance::FirstSeen && has_age(subject, used)
}
