//! `secret-compromised`: the platform, the operator or the account itself says that others know the secret, and it isn't proven
//! dead.
//!
//! The platform's word comes with a row of its inventory and holds within that row's account: what one customer's platform
//! knows is no other customer's affair. A word on the value itself ([`Compromise`]) holds wherever that is held. Which value a
//! row's word is about is settled when it is read ([`crate::domain::compromise`]).

use super::evidence::Evidence;
use super::{Judge, On, Rule, is_history, is_tombstone, timeless};
use crate::domain::facts::{Compromise, SaidBy, Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::SecretCompromised,
    on: On::Either,
    silent_if: &[],
    judge: Judge::Use(judge),
    boundaries: timeless,
};

fn judge(subject: &Subject, used: &UseFacts, policy: &RulePolicy, _: Timestamp) -> Option<Ruling> {
    let said = Said::of(used).filter(|_| applies(used))?;
    let about = if used.until.is_some() {
        Evidence::of_former(subject, used)
    } else {
        Evidence::of(used).secret(used).with("liveness", used.credential.belief.liveness.as_str())
    };
    Some(Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Critical,
        since: said.at,
        evidence: about.time("compromised_at", Some(said.at)).with("said_by", said.by).maybe("note", said.note).done(),
        // A first inventory may list leaks from years ago. What is said of the value itself is said now.
        mailed: used.credential.compromise.is_some() || !is_history(used, policy),
        opens: true,
        exempt: None,
    })
}

/// Where an open use of the account has the key too, that one speaks.
fn applies(used: &UseFacts) -> bool {
    if used.until.is_some() { is_tombstone(used) } else { !used.credential.belief.is_proven_dead() }
}

/// Who says so, and since when it is so.
struct Said<'a> {
    at: Timestamp,
    by: &'static str,
    note: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// The earlier of the two, where the row and a word on the value say so.
    fn of(used: &'a UseFacts) -> Option<Self> {
        match (used.share.compromised_at, &used.credential.compromise) {
            (None, None) => None,
            (Some(at), None) => Some(Self { at, by: SaidBy::Platform.as_str(), note: None }),
            (None, Some(word)) => Some(Self::from(word)),
            (Some(at), Some(word)) => {
                Some(Self { at: at.min(word.at), by: with_platform(word.by), ..Self::from(word) })
            }
        }
    }
}

impl<'a> From<&'a Compromise> for Said<'a> {
    fn from(word: &'a Compromise) -> Self {
        Self { at: word.at, by: word.by.as_str(), note: word.note.as_deref() }
    }
}

/// Them and the platform.
const fn with_platform(by: SaidBy) -> &'static str {
    match by {
        SaidBy::Operator => "operator and platform",
        SaidBy::Platform => SaidBy::Platform.as_str(),
        SaidBy::Account => "account and platform",
    }
}
