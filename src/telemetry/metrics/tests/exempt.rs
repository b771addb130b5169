//! What is accepted for a while.

use super::*;
use crate::domain::policy::may_be_exempt;
use crate::ledger::read::ExemptOverview;

fn exempt(provider: &str, rule: RuleName, count: u64, next_end: Timestamp) -> ExemptOverview {
    ExemptOverview { provider: name(provider), rule, count, next_end }
}

/// Some of every rule that may be accepted.
pub(super) fn all_rules(count: u64) -> Vec<ExemptOverview> {
    let acceptable = RuleName::ALL.into_iter().filter(|rule| may_be_exempt(*rule));
    acceptable.map(|rule| exempt("kit", rule, count, NOW)).collect()
}

#[test]
fn exempt_findings_are_counted_by_rule_with_their_first_end_and_are_not_open() {
    const STALE: &str = r#"keysweep_findings_exempt{rule="secret-stale"}"#;
    const END: &str = r#"keysweep_findings_exempt_next_end_timestamp_seconds{rule="secret-stale"}"#;
    let metrics = metrics();
    metrics.show(empty());
    let shown = samples(&metrics);
    assert_eq!((shown.get(STALE), shown.get(END)), (Some(&0.0), None), "zero is there from the start");
    let two = vec![
        exempt("kit", RuleName::SecretStale, 3, NOW + days(9)),
        exempt("gone", RuleName::SecretStale, 2, NOW + days(2)),
    ];
    metrics.show(Overview { exempt: two, ..empty() });
    let shown = samples(&metrics);
    assert_eq!((shown.get(STALE), shown.get(END)), (Some(&5.0), Some(&1_790_172_800.0)));
    let open = shown.iter().filter(|(name, _)| name.starts_with("keysweep_findings_open")).map(|(_, count)| *count);
    assert_eq!(open.sum::<f64>(), 0.0);
}
