//! `connection-idle`: nothing has been synchronised for long. Off unless the operator sets `[policy] idle_after`.
//!
//! Whole days count, in UTC: `idle_after` runs from the end of the day of the last synchronisation. So the ledger
//! hears of a connection that is at work once a day, and not at every synchronisation.

use super::evidence::Evidence;
use super::{Judge, On, Rule};
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule =
    Rule { name: RuleName::ConnectionIdle, on: On::Open, silent_if: &[], judge: Judge::Use(judge), boundaries };

fn judge(subject: &Subject, used: &UseFacts, policy: &RulePolicy, now: Timestamp) -> Option<Ruling> {
    let since = idle_at(subject, used, policy).filter(|at| *at <= now)?;
    let connection = &subject.connection;
    Some(Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Low,
        since,
        evidence: Evidence::of(used)
            .time("last_sync_at", connection.last_sync_at)
            .time("created_at", connection.created_at.filter(|_| connection.last_sync_at.is_none()))
            .maybe("idle_after_days", policy.idle_after.map(|after| after.as_secs() / 86_400))
            .done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}

fn boundaries(subject: &Subject, used: &UseFacts, policy: &RulePolicy) -> Vec<Timestamp> {
    idle_at(subject, used, policy).into_iter().collect()
}

/// From when on the connection is idle. One that has never synchronised counts from its making, where its source tells of
/// synchronisations at all. The key of a connection that is broken is no use to anybody: `connection-broken` says that.
fn idle_at(subject: &Subject, used: &UseFacts, policy: &RulePolicy) -> Option<Timestamp> {
    let after = policy.idle_after.filter(|_| !used.credential.belief.is_proven_dead())?;
    let connection = &subject.connection;
    let last = connection.last_sync_at.or(connection.created_at.filter(|_| connection.syncs_are_told))?;
    Some(last.day_end() + after)
}
