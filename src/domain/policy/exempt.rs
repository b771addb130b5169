//! What the operator accepts for a while: which findings, why, and until when. Pure.
//!
//! An exemption keeps nothing from being judged. The finding is there, exempt, with the reason and the end; nobody is told
//! of it, and it doesn't count as open. At its end it is open, and its ladder begins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::scope::{About, Scope};
use crate::domain::finding::{Exempt, RuleName};
use crate::domain::time::{Timestamp, days};

/// From how long before its end on an exemption is said to end soon.
pub const ENDS_SOON: Duration = days(14);

/// Whether findings of a rule may be accepted. A key that others know may not: neither an operator nor a date makes that
/// a risk that can be borne, and whoever said it can take it back.
pub const fn may_be_exempt(rule: RuleName) -> bool {
    !matches!(rule, RuleName::SecretCompromised)
}

/// One word of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// which connections it is about
    pub scope: Scope,
    /// findings of which rules
    pub rules: BTreeSet<RuleName>,
    /// why, in the operator's words
    pub reason: String,
    /// the first instant at which it no longer holds
    pub until: Timestamp,
    /// who accepted it
    pub by: Option<String>,
}

impl Exemption {
    /// What it covers, in words: `secret-stale of account "a-17"`. No other entry has the same.
    pub fn terms(&self) -> String {
        let rules: Vec<&str> = self.rules.iter().map(|rule| rule.as_str()).collect();
        format!("{} of {}", rules.join(", "), self.scope)
    }

    /// As a finding remembers it.
    pub(super) fn word(&self) -> Exempt {
        Exempt { until: self.until, reason: self.reason.clone(), by: self.by.clone(), terms: self.terms() }
    }
}

/// All entries, in the file's order, which decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exemptions(Vec<Exemption>);

impl Exemptions {
    /// These entries.
    pub const fn new(entries: Vec<Exemption>) -> Self {
        Self(entries)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Exemption> {
        self.0.iter()
    }

    /// The one that holds for a finding of that rule at `now`: of several the one that holds longest, so that nobody is
    /// told where one of them still says no; of those the most particular.
    pub(super) fn in_force(&self, about: &About<'_>, rule: RuleName, now: Timestamp) -> Option<&Exemption> {
        let holds = |entry: &&Exemption| now < entry.until && entry.rules.contains(&rule) && entry.scope.covers(about);
        self.0.iter().filter(holds).max_by(|one, other| {
            let key = |entry: &Exemption| (entry.until, entry.scope.rank());
            key(one)
                .cmp(&key(other))
                .then_with(|| other.scope.cmp(&one.scope))
                .then_with(|| other.rules.cmp(&one.rules))
        })
    }

    /// When those about it end, past or future.
    pub(super) fn ends(&self, about: &About<'_>) -> impl Iterator<Item = Timestamp> {
        self.0.iter().filter(|entry| entry.scope.covers(about)).map(|entry| entry.until)
    }

    /// The list of them that every report has, with how each stands at `now`: in the file's order. `findings` counts the
    /// findings that are exempt, by the [`Exemption::terms`] that they remember.
    pub fn register(&self, findings: &BTreeMap<String, u64>, now: Timestamp) -> Vec<Exempted<'_>> {
        let entry = |exemption| {
            let terms = Exemption::terms(exemption);
            let findings = findings.get(&terms).copied().unwrap_or(0);
            Exempted { exemption, findings, standing: Standing::of(exemption.until, now), terms }
        };
        self.0.iter().map(entry).collect()
    }
}

/// An exemption as reports list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exempted<'e> {
    /// the entry
    pub exemption: &'e Exemption,
    /// what it covers, in words
    pub terms: String,
    /// findings that are exempt by it
    pub findings: u64,
    /// how it stands
    pub standing: Standing,
}

/// How an exemption stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// it holds
    InForce,
    /// it holds, and ends within [`ENDS_SOON`]
    EndsSoon,
    /// it is over
    Ended,
}

impl Standing {
    /// How one that ends at `until` stands at `now`.
    pub fn of(until: Timestamp, now: Timestamp) -> Self {
        match until.since(now) {
            Duration::ZERO => Self::Ended,
            left if left <= ENDS_SOON => Self::EndsSoon,
            _ => Self::InForce,
        }
    }

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::EndsSoon => "ends_soon",
            Self::Ended => "ended",
        }
    }
}
