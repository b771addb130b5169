//! The open findings that somebody should look at first.

use serde::Deserialize;

use crate::domain::belief::Liveness;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{FindingId, ProviderName};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::packed::size;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// An open finding in a line. It names nobody: account and connection are the platform's own ids.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
    /// The worst open findings, at most `limit`: by severity, the longest open first. Looks at every open finding.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn worst_findings(&self, limit: usize) -> Result<Vec<WorstFinding>, LedgerError> {
        let mut look = self.look("list the worst findings").await?;
        let mut worst: Vec<WorstFinding> = look.rows("finding", &WORST, [size(limit).into()]).await?;
        worst.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.since, finding.id));
        Ok(worst)
    }
}

/// Severities count as in [`Severity`]: low is 0.
pub(in crate::ledger) const WORST: Sql = sql!(
    "SELECT " [page "f.id, f.rule, f.severity, k.provider, s.name, a.external_id, c.external_id, f.since, k.liveness"] "
     FROM (SELECT id FROM finding WHERE state = 'open'
           ORDER BY CASE severity WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END DESC,
                    since, id
           LIMIT $1) AS worst
     JOIN finding AS f ON f.id = worst.id
     JOIN connection AS c ON c.id = f.connection_id
     JOIN source AS s ON s.id = c.source_id
     JOIN account AS a ON a.id = f.account_id
     JOIN credential AS k ON k.id = f.credential_id"
);
