//! What one rule's word means for another's.

use super::*;
use serde_json::Map;

fn spoken(rule: RuleName, credential: i64) -> Ruling {
    Ruling {
        rule,
        credential: CredentialId(credential),
        severity: Severity::Low,
        since: START,
        evidence: Map::new(),
        mailed: true,
        opens: true,
        exempt: None,
    }
}

#[test]
fn a_rule_is_silent_only_where_a_louder_one_speaks_of_the_same_credential() {
    let rulings = vec![
        spoken(RuleName::RevocationMissing, 1),
        spoken(RuleName::RevocationUnproven, 1),
        spoken(RuleName::RevocationUnproven, 2),
    ];
    let left = without_silent(rulings.clone());
    assert_eq!(left, [rulings[0].clone(), rulings[2].clone()]);
}

#[test]
fn a_rule_that_is_silenced_still_silences() {
    let rulings = [RuleName::RevocationMissing, RuleName::SecretReused, RuleName::RevocationUnproven];
    let left = without_silent(rulings.map(|rule| spoken(rule, 1)).to_vec());
    assert_eq!(left, [spoken(RuleName::SecretReused, 1)]);
}

#[test]
fn the_loudness_is_that_of_the_contract() {
    for name in RuleName::ALL {
        let expected: &[RuleName] = match name {
            RuleName::RevocationMissing => &[RuleName::SecretReused],
            RuleName::RevocationUnproven => &[RuleName::RevocationMissing],
            RuleName::SecretStale | RuleName::SecretDue | RuleName::SecretAgeUnknown => &[RuleName::SecretCompromised],
            _ => &[],
        };
        assert_eq!(rule(name).silent_if, expected, "{name}");
    }
}
