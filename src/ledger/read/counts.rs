//! The estate in numbers, for the end of a scan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::belief::Liveness;
use crate::domain::facts::ConnectionStatus;
use crate::domain::finding::{RuleName, Severity};
use crate::ledger::Ledger;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// The estate in numbers. Every word of a closed list is there, at zero where nothing has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// connections by status
    pub connections: BTreeMap<&'static str, u64>,
    /// credentials by liveness; stand-ins for rows without a secret are left out
    pub credentials: BTreeMap<&'static str, u64>,
    /// open findings by rule
    pub findings: BTreeMap<&'static str, u64>,
    /// open findings by severity
    pub severities: BTreeMap<&'static str, u64>,
    /// open findings that are counted for the operator and never mailed
    pub history: u64,
    /// ended uses whose credential has no open use in the account and is not proven dead
    pub tombstones: u64,
    /// rows that the last reading of each source set aside
    pub quarantined: u64,
}

impl Counts {
    /// Open findings of this severity or a worse one.
    pub fn at_least(&self, severity: Severity) -> u64 {
        SEVERITIES
            .into_iter()
            .filter(|each| *each >= severity)
            .filter_map(|each| self.severities.get(each.as_str()))
            .sum()
    }
}

impl Ledger {
    /// Counts everything, at one moment. Walks the whole ledger: for the end of a scan, not for each page.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn counts(&self) -> Result<Counts, LedgerError> {
        let mut moment = self.moment("count the estate").await?;
        let connections: Vec<(ConnectionStatus, u64)> = moment.rows("connection", &CONNECTIONS, []).await?;
        let credentials: Vec<(Liveness, u64)> = moment.rows("credential", &CREDENTIALS, []).await?;
        let findings: Vec<OpenFindings> = moment.rows("finding", &FINDINGS, []).await?;
        let single: Vec<u64> = moment.rows("use", &SINGLE, []).await?;

        let mut counts = Counts::zero();
        counts.connections.extend(connections.iter().map(|(status, count)| (status.as_str(), *count)));
        counts.credentials.extend(credentials.iter().map(|(liveness, count)| (liveness.as_str(), *count)));
        for row in findings {
            *counts.findings.entry(row.rule.as_str()).or_default() += row.count;
            *counts.severities.entry(row.severity.as_str()).or_default() += row.count;
            counts.history += row.history;
        }
        if let [tombstones, quarantined] = single[..] {
            (counts.tombstones, counts.quarantined) = (tombstones, quarantined);
        }
        Ok(counts)
    }
}

impl Counts {
    fn zero() -> Self {
        Self {
            connections: STATUSES.map(|status| (status.as_str(), 0)).into(),
            credentials: Liveness::ALL.map(|liveness| (liveness.as_str(), 0)).into(),
            findings: RuleName::ALL.map(|rule| (rule.as_str(), 0)).into(),
            severities: SEVERITIES.map(|severity| (severity.as_str(), 0)).into(),
            history: 0,
            tombstones: 0,
            quarantined: 0,
        }
    }
}

const SEVERITIES: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

const STATUSES: [ConnectionStatus; 4] =
    [ConnectionStatus::Active, ConnectionStatus::Paused, ConnectionStatus::Deleted, ConnectionStatus::Absent];

#[derive(Deserialize)]
struct OpenFindings {
    rule: RuleName,
    severity: Severity,
    count: u64,
    history: u64,
}

pub(in crate::ledger) const CONNECTIONS: Sql = sql!(
    "SELECT " [page "status, total"] "
     FROM (SELECT status, count(*) AS total FROM connection GROUP BY status) AS counted"
);

pub(in crate::ledger) const CREDENTIALS: Sql = sql!(
    "SELECT " [page "liveness, total"] "
     FROM (SELECT liveness, count(*) AS total FROM credential WHERE placeholder = 0 GROUP BY liveness) AS counted"
);

pub(in crate::ledger) const FINDINGS: Sql = sql!(
    "SELECT " [page "rule, severity, total, history"] "
     FROM (SELECT rule, severity, count(*) AS total, sum(1 - mailed) AS history
           FROM finding WHERE state = 'open' GROUP BY rule, severity) AS counted"
);

/// The tombstones, then the rows set aside. A stand-in leaves no key behind; what was destroyed unproven stays a tombstone.
pub(in crate::ledger) const SINGLE: Sql = sql!(
    "SELECT " [list
        "(SELECT count(*)
          FROM use AS u JOIN credential AS k ON k.id = u.credential_id
          WHERE u.until IS NOT NULL AND u.ended_by <> 'identified' AND k.placeholder = 0 AND k.liveness <> 'dead'
            AND (k.liveness <> 'shredded' OR coalesce(" ["k.belief" | "k.belief::json"] " ->> 'shredding', '') = 'unproven')
            AND NOT EXISTS (SELECT 1 FROM use AS o WHERE o.credential_id = u.credential_id
                            AND o.account_id = u.account_id AND o.until IS NULL)),
         (SELECT coalesce(sum(quarantined), 0) FROM source)"]
);
