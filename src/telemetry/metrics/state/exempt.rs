//! What the operator accepts for a while.

use prometheus::proto::MetricType;

use super::Declared;
use crate::domain::finding::RuleName;
use crate::domain::policy::may_be_exempt;

pub(super) const GAUGES: &[Declared] = &[
    Declared {
        name: "keysweep_findings_exempt",
        kind: MetricType::GAUGE,
        help: "Findings that the operator accepts for a while; none of them is open.",
        labels: &["rule"],
        read: |state, series| {
            if state.overview.is_none() {
                return; // nothing is known yet, and that is not none
            }
            for rule in acceptable() {
                let of_rule = state.exempt().filter(|kind| kind.rule == rule);
                series.count(&[rule.as_str()], of_rule.map(|kind| kind.count).sum());
            }
        },
    },
    Declared {
        name: "keysweep_findings_exempt_next_end_timestamp_seconds",
        kind: MetricType::GAUGE,
        help: "When the first of the exempt findings of the rule is open again.",
        labels: &["rule"],
        read: |state, series| {
            for rule in acceptable() {
                let of_rule = state.exempt().filter(|kind| kind.rule == rule);
                series.instant(&[rule.as_str()], of_rule.map(|kind| kind.next_end).min());
            }
        },
    },
];

fn acceptable() -> impl Iterator<Item = RuleName> {
    RuleName::ALL.into_iter().filter(|rule| may_be_exempt(*rule))
}
