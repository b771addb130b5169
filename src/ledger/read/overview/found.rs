//! Findings in numbers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::ledger::read::when;

/// Open findings of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FindingsOverview {
    /// the provider of the credential
    pub provider: ProviderName,
    /// the rule that speaks
    pub rule: RuleName,
    /// how bad it is
    pub severity: Severity,
    /// how many there are, at least one
    pub count: u64,
    /// those among them that are counted for the operator and never mailed
    pub unmailed: u64,
    /// when the oldest of them was opened
    #[serde(serialize_with = "when::text")]
    pub oldest_opened_at: Timestamp,
}

/// Exempt findings of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExemptOverview {
    /// the provider of the credential
    pub provider: ProviderName,
    /// the rule that speaks
    pub rule: RuleName,
    /// how many there are, at least one
    pub count: u64,
    /// when the first of them is open again
    #[serde(serialize_with = "when::text")]
    pub next_end: Timestamp,
}
