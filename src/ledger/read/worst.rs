//! The open findings that somebody should look at first.

use super::{Cursor, FindingFilter, FindingRow, FindingState, Order};
use crate::domain::belief::Liveness;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{FindingId, ProviderName};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ports::LedgerError;

/// An open finding in a line. It names nobody: account and connection are the platform's own ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorstFinding {
    /// the ledger's number, printed with [`finding_name`](super::finding_name)
    pub id: FindingId,
    /// its rule
    pub rule: RuleName,
    /// how bad it is
    pub severity: Severity,
    /// the credential's provider
    pub provider: ProviderName,
    /// the connection's source
    pub source: String,
    /// the platform's id of the account
    pub account_id: String,
    /// the platform's id of the connection
    pub connection_id: String,
    /// since when it holds
    pub since: Timestamp,
    /// what is believed of the credential
    pub liveness: Liveness,
}

impl Ledger {
    /// The worst open findings, at most `limit`: by severity, the longest open first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn worst_findings(&self, limit: usize) -> Result<Vec<WorstFinding>, LedgerError> {
        let open = FindingFilter { state: Some(FindingState::Open), ..FindingFilter::default() };
        let page = self.findings_page(&open, Cursor::start(Order::Worst), limit).await?;
        Ok(page.rows.into_iter().map(WorstFinding::from).collect())
    }
}

impl From<FindingRow> for WorstFinding {
    fn from(row: FindingRow) -> Self {
        Self {
            id: row.id,
            rule: row.rule,
            severity: row.severity,
            provider: row.provider,
            source: row.source,
            account_id: row.account_id,
            connection_id: row.connection_id,
            since: row.since,
            liveness: row.liveness,
        }
    }
}
