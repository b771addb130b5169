//! `wrong-key-kind`: the provider takes the value for another kind of key than the platform needs.

use super::evidence::Evidence;
use super::{Judge, On, Rule, timeless};
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule =
    Rule { name: RuleName::WrongKeyKind, on: On::Open, silent_if: &[], judge: Judge::Use(judge), boundaries: timeless };

/// A provider that knows one kind only, or has not accepted the value yet, tells nothing.
fn judge(_: &Subject, used: &UseFacts, policy: &RulePolicy, _: Timestamp) -> Option<Ruling> {
    let (kind, wanted) = (used.credential.kind.as_deref()?, policy.wanted_kind.as_deref()?);
    let wrong = kind != wanted && !used.credential.belief.is_proven_dead();
    wrong.then(|| Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Medium,
        since: used.since,
        evidence: Evidence::of(used).with("kind", kind).with("wanted_kind", wanted).done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}
