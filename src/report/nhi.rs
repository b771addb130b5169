//! The OWASP Non-Human Identities Top 10 of 2025: which of its risks a rule speaks of (DESIGN.md 6).

use crate::domain::finding::RuleName;

/// One of the risks that keysweep looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nhi {
    /// what is no longer needed stays in place
    ImproperOffboarding,
    /// a secret gets to those whom it is not for
    SecretLeakage,
    /// a secret is valid for too long
    LongLivedSecrets,
    /// one identity serves several things
    Reuse,
}

impl Nhi {
    /// Those of which rules speak, in the order of their list.
    pub const ALL: [Self; 4] = [Self::ImproperOffboarding, Self::SecretLeakage, Self::LongLivedSecrets, Self::Reuse];

    /// The risk of which a rule speaks; `None` where it speaks of none of them.
    pub const fn of(rule: RuleName) -> Option<Self> {
        match rule {
            RuleName::SecretCompromised => Some(Self::SecretLeakage),
            RuleName::RevocationMissing
            | RuleName::RevocationUnproven
            | RuleName::ConnectionOrphaned
            | RuleName::ConnectionIdle => Some(Self::ImproperOffboarding),
            RuleName::SecretStale | RuleName::SecretDue | RuleName::SecretAgeUnknown => Some(Self::LongLivedSecrets),
            RuleName::SecretReused | RuleName::SecretShared | RuleName::MixedUse => Some(Self::Reuse),
            RuleName::ConnectionBroken | RuleName::WrongKeyKind | RuleName::OwnerUnreachable => None,
        }
    }

    /// Its number and year: `NHI1:2025`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::ImproperOffboarding => "NHI1:2025",
            Self::SecretLeakage => "NHI2:2025",
            Self::LongLivedSecrets => "NHI7:2025",
            Self::Reuse => "NHI9:2025",
        }
    }

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ImproperOffboarding => "Improper Offboarding",
            Self::SecretLeakage => "Secret Leakage",
            Self::LongLivedSecrets => "Long-Lived Secrets",
            Self::Reuse => "NHI Reuse",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_the_risk_that_the_design_gives_it() {
        let told = RuleName::ALL.map(|rule| (rule.as_str(), Nhi::of(rule).map_or("", Nhi::id)));
        assert_eq!(
            told,
            [
                ("secret-compromised", "NHI2:2025"),
                ("revocation-missing", "NHI1:2025"),
                ("secret-reused", "NHI9:2025"),
                ("connection-orphaned", "NHI1:2025"),
                ("secret-stale", "NHI7:2025"),
                ("revocation-unproven", "NHI1:2025"),
                ("connection-broken", ""),
                ("wrong-key-kind", ""),
                ("secret-due", "NHI7:2025"),
                ("secret-age-unknown", "NHI7:2025"),
                ("secret-shared", "NHI9:2025"),
                ("mixed-use", "NHI9:2025"),
                ("connection-idle", "NHI1:2025"),
                ("owner-unreachable", ""),
            ]
        );
    }
}
