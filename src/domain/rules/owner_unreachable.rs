//! `owner-unreachable`: something was found on the connection that somebody ought to be told, and nobody can be.
//!
//! It goes to the operator alone. It speaks of one connection, as every rule does, because who is told differs between
//! connections of one account: the member who made one of them may be reached where the owner isn't
//! (`docs/decisions/0010-owner-unreachable-speaks-of-a-connection.md`).

use std::collections::BTreeSet;

use serde_json::Map;

use super::{Judge, On, Rule, timeless};
use crate::domain::facts::{Reach, Subject};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::OwnerUnreachable,
    on: On::Said,
    silent_if: &[],
    judge: Judge::Said(judge),
    boundaries: timeless, // that an address is tried again is the subject's own boundary
};

/// `said` is what the other rules say of the connection, in their order.
fn judge(subject: &Subject, said: &[Ruling], now: Timestamp) -> Option<Ruling> {
    let reach = subject.reach.filter(|reach| !reach.is_given(now))?;
    let untold: Vec<&Ruling> = said.iter().filter(|ruling| ruling.is_told()).collect();
    let (first, since) = (untold.first()?, untold.iter().map(|ruling| ruling.since).min()?);
    let rules: BTreeSet<RuleName> = untold.iter().map(|ruling| ruling.rule).collect();
    let mut evidence = Map::from_iter([
        ("untold".to_owned(), rules.into_iter().map(RuleName::as_str).collect()),
        ("cause".to_owned(), cause(subject, reach).into()),
    ]);
    evidence.extend(reach.again_at.map(|at| ("again_at".to_owned(), at.to_string().into())));
    Some(Ruling {
        rule: RULE.name,
        credential: first.credential,
        severity: Severity::Medium,
        since,
        evidence,
        mailed: false,
        opens: untold.iter().any(|ruling| ruling.opens),
        exempt: None,
    })
}

fn cause(subject: &Subject, reach: Reach) -> &'static str {
    match (reach.again_at, subject.account.has_owner) {
        (Some(_), _) => "address_refused",
        (None, Some(false)) => "no_owner",
        (None, _) => "owner_inactive_or_unverified",
    }
}
