//! `secret-reused`: the connection uses a key that an ended use of the same account had left behind.

use super::evidence::Evidence;
use super::{Judge, On, Rule, timeless};
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule =
    Rule { name: RuleName::SecretReused, on: On::Open, silent_if: &[], judge: Judge::Use(judge), boundaries: timeless };

fn judge(_: &Subject, used: &UseFacts, _: &RulePolicy, _: Timestamp) -> Option<Ruling> {
    let reused = used.share.left_behind && !used.credential.belief.is_proven_dead();
    reused.then(|| Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::High,
        since: used.since,
        evidence: Evidence::of(used).secret(used).time("used_since", Some(used.since)).done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}
