//! `connection-broken`: the provider refuses the key of an open connection for good, so its syncs fail.

use super::evidence::Evidence;
use super::{Judge, On, Rule, timeless};
use crate::domain::facts::{Subject, UseFacts};
use crate::domain::finding::{RuleName, Ruling, Severity};
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

pub(super) static RULE: Rule = Rule {
    name: RuleName::ConnectionBroken,
    on: On::Open,
    silent_if: &[],
    judge: Judge::Use(judge),
    boundaries: timeless,
};

fn judge(subject: &Subject, used: &UseFacts, _: &RulePolicy, _: Timestamp) -> Option<Ruling> {
    let belief = &used.credential.belief;
    let refused_since = belief.refused_first.or(belief.died_at).or(belief.since);
    belief.is_proven_dead().then(|| Ruling {
        rule: RULE.name,
        credential: used.credential.id,
        severity: Severity::Medium,
        since: refused_since.map_or(used.since, |refused| refused.max(used.since)),
        evidence: Evidence::of(used)
            .time("refused_since", belief.refused_first)
            .refused_over(used)
            .time("died_at", belief.died_at)
            .time("accepted_at", belief.accepted_at)
            .outlived(subject, used)
            .done(),
        mailed: true,
        opens: true,
        exempt: None,
    })
}
