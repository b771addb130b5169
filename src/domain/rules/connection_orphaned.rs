//! `connection-orphaned`: nobody is left who made or owns the connection.

use super::evidence::Evidence;
use super::{Judge, On, Rule, timeless};
use crate::domain::facts::{Creator, Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::ConnectionOrphaned,
    on: On::Open,
    silent_if: &[],
    judge: Judge::Use(judge),
    boundaries: timeless,
};

fn judge(subject: &Subject, used: &UseFacts, _: &RulePolicy, _: Timestamp) -> Option<Ruling> {
    let cause = cause(subject).filter(|_| !used.credential.belief.is_proven_dead())?;
    Some(Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::High,
        // The facts don't say when the person went. This is the earliest that it can have been.
        since: used.since,
        evidence: Evidence::of(used).with("cause", cause).done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}

/// An unknown creator is unknown, not removed, and so is an unknown owner.
fn cause(subject: &Subject) -> Option<&'static str> {
    match subject.connection.creator {
        Creator::Removed => Some("creator_removed"),
        Creator::Suspended => Some("creator_suspended"),
        Creator::Unknown | Creator::Active => (subject.account.has_owner == Some(false)).then_some("no_owner"),
    }
}
