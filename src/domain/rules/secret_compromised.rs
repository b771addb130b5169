//! `secret-compromised`: the platform, the operator or the account itself says that others know the secret, and it isn't proven
//! dead.
//!
//! The platform's word comes with a row of its inventory and holds within that row's account: what one customer's platform
//! knows is no other customer's affair. The operator's word holds wherever the value is held. Which value a
//! platform's word is about is settled when it is read ([`crate::domain::compromise`]).

use super::evidence::Evidence;
use super::{Judge, On, Rule, is_history, is_tombstone, timeless};
use crate::domain::compromise::OWN_WORD;
use crate::domain::facts::{Subject, UseFacts};
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
        // A first inventory may list leaks from years ago. What the operator says, they say now.
        mailed: said.by != PLATFORM || !is_history(used, policy),
        opens: true,
        exempt: None,
    })
}

/// Where an open use of the account has the key too, that one speaks.
fn applies(used: &UseFacts) -> bool {
    if used.until.is_some() { is_tombstone(used) } else { !used.credential.belief.is_proven_dead() }
}

const PLATFORM: &str = "platform";
/// The account's own people, and nobody else.
pub const ACCOUNT: &str = "account";

/// Who says so, and since when it is so.
struct Said<'a> {
    at: Timestamp,
    by: &'static str,
    note: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// The earlier of the two, where both say so.
    fn of(used: &'a UseFacts) -> Option<Self> {
        let word = used.credential.compromise.as_ref();
        let note = word.and_then(|word| word.note.as_deref());
        let is_own = note == Some(OWN_WORD);
        let note = note.filter(|_| !is_own);
        match (used.share.compromised_at, word.map(|word| word.at)) {
            (None, None) => None,
            (Some(at), None) => Some(Self { at, by: PLATFORM, note }),
            (None, Some(at)) if is_own => Some(Self { at, by: ACCOUNT, note }),
            (None, Some(at)) => Some(Self { at, by: "operator", note }),
            (Some(one), Some(other)) if is_own => Some(Self { at: one.min(other), by: "account and platform", note }),
            (Some(one), Some(other)) => Some(Self { at: one.min(other), by: "operator and platform", note }),
        }
    }
}
