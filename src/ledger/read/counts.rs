//! The estate in numbers, for the end of a scan.

use std::collections::BTreeMap;

use serde::Serialize;

use super::findings::{FindingRow, FindingState};
use super::tallies::{Last, Tallies};
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
    /// findings that the operator accepts for a while, by rule; none of them counts as open
    pub exempt: BTreeMap<&'static str, u64>,
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
        Severity::ALL
            .into_iter()
            .filter(|each| *each >= severity)
            .filter_map(|each| self.severities.get(each.as_str()))
            .sum()
    }

    /// The same estate without a finding: to count those of a judgement that no ledger has.
    #[must_use]
    pub fn unjudged(self) -> Self {
        let Self { connections, credentials, tombstones, quarantined, .. } = self;
        Self { connections, credentials, tombstones, quarantined, ..Self::zero() }
    }

    /// Counts one finding more.
    pub fn add(&mut self, row: &FindingRow) {
        let rule = row.rule.as_str();
        match row.state {
            FindingState::Open => {
                *self.findings.entry(rule).or_default() += 1;
                *self.severities.entry(row.severity.as_str()).or_default() += 1;
                self.history += u64::from(!row.mailed);
            }
            FindingState::Exempt => *self.exempt.entry(rule).or_default() += 1,
            FindingState::Closed => {}
        }
    }
}

impl Ledger {
    /// Counts everything, at one moment. Walks the whole ledger: for the end of a scan, not for each page.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn counts(&self) -> Result<Counts, LedgerError> {
        let mut moment = self.moment("count the estate").await?;
        let last = Last::read(&mut moment).await?;
        let tallies = Tallies::read(&mut moment, last).await?;
        let mut counts = Counts::zero();
        for ((_, status), count) in tallies.connections {
            *counts.connections.entry(status.as_str()).or_default() += count;
        }
        for ((_, liveness), found) in tallies.credentials {
            *counts.credentials.entry(liveness.as_str()).or_default() += found.count;
        }
        for ((_, rule, severity), found) in tallies.findings {
            *counts.findings.entry(rule.as_str()).or_default() += found.count;
            *counts.severities.entry(severity.as_str()).or_default() += found.count;
            counts.history += found.unmailed;
        }
        for ((_, rule), found) in tallies.exempt {
            *counts.exempt.entry(rule.as_str()).or_default() += found.count;
        }
        counts.tombstones = tallies.tombstones.values().map(|found| found.count).sum();
        let aside: Vec<u64> = moment.rows("source", &QUARANTINED, []).await?;
        counts.quarantined = aside.into_iter().sum();
        Ok(counts)
    }
}

impl Counts {
    fn zero() -> Self {
        Self {
            connections: ConnectionStatus::ALL.map(|status| (status.as_str(), 0)).into(),
            credentials: Liveness::ALL.map(|liveness| (liveness.as_str(), 0)).into(),
            findings: RuleName::ALL.map(|rule| (rule.as_str(), 0)).into(),
            severities: Severity::ALL.map(|severity| (severity.as_str(), 0)).into(),
            exempt: RuleName::ALL.map(|rule| (rule.as_str(), 0)).into(),
            history: 0,
            tombstones: 0,
            quarantined: 0,
        }
    }
}

pub(in crate::ledger) const QUARANTINED: Sql = sql!("SELECT " [list "coalesce(sum(quarantined), 0)"] " FROM source");
