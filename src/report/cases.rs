//! The findings of a report, one after the other, each with its course and with who was told.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::nhi::Nhi;
use crate::domain::belief::{Liveness, Shredding};
use crate::domain::ids::{ConnectionId, FindingId};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::read::{ConnectionFilter, CredentialRow, FindingDetail, FindingFilter, FindingRow, FindingState};
use crate::ports::LedgerError;

/// Findings read at a time.
const PAGE: usize = 500;

/// What a report is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// the account with this id on the platform; all where there is none
    pub account: Option<String>,
    /// findings that closed before are left out
    pub since: Option<Timestamp>,
    /// closed findings are left out
    pub open_only: bool,
}

/// Whether the ledger has a connection of the account with this id on the platform: a report about one that it has not would
/// look clean.
///
/// # Errors
/// [`LedgerError`], as for every reading.
pub async fn is_known(ledger: &Ledger, account: &str) -> Result<bool, LedgerError> {
    let filter = ConnectionFilter { account: Some(account.to_owned()), ..ConnectionFilter::default() };
    Ok(!ledger.connections(&filter, ConnectionId(0), 1).await?.is_empty())
}

/// Goes through the findings of a scope, in the order of their numbers.
pub struct Cases<'l> {
    ledger: &'l Ledger,
    filter: FindingFilter,
    since: Option<Timestamp>,
    after: FindingId,
    page: VecDeque<FindingRow>,
}

impl<'l> Cases<'l> {
    /// Begins before the first one.
    pub fn of(ledger: &'l Ledger, scope: &Scope) -> Self {
        let (account, current) = (scope.account.clone(), scope.open_only);
        let filter = FindingFilter { account, current, ..FindingFilter::default() };
        Self { ledger, filter, since: scope.since, after: FindingId(0), page: VecDeque::new() }
    }

    /// The next one; `None` behind the last.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn next(&mut self) -> Result<Option<FindingDetail>, LedgerError> {
        loop {
            if self.page.is_empty() {
                self.page = self.ledger.findings(&self.filter, self.after, PAGE).await?.into();
            }
            let Some(row) = self.page.pop_front() else { return Ok(None) };
            self.after = row.id;
            let is_past = |since| row.closed_at.is_some_and(|closed| closed < since);
            if self.since.is_some_and(is_past) {
                continue;
            }
            // one that is gone meanwhile is not told of
            if let Some(detail) = self.ledger.finding(row.id).await? {
                return Ok(Some(detail));
            }
        }
    }
}

/// Who was told of a finding: in how many mails' notices, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// the first time
    pub first: Option<Timestamp>,
    /// the last time
    pub last: Option<Timestamp>,
    /// notices that were sent
    pub count: usize,
}

impl Told {
    /// What a finding's notices say.
    pub fn of(detail: &FindingDetail) -> Self {
        let sent = detail.notices.iter().filter(|notice| notice.state == "sent").filter_map(|notice| notice.sent_at);
        sent.fold(Self::default(), |told, at| Self {
            first: Some(told.first.map_or(at, |first| first.min(at))),
            last: Some(told.last.map_or(at, |last| last.max(at))),
            count: told.count + 1,
        })
    }
}

/// What is proven of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// it was refused, confirmed, and refused once more when settling was over
    Dead,
    /// it was refused and confirmed
    DeadUnsettled,
    /// it was refused, and that is not confirmed
    Refused,
    /// the provider accepted it when it was last asked
    Accepted,
    /// nothing
    None,
}

impl Proof {
    /// What the ledger has on a credential.
    pub const fn of(row: &CredentialRow) -> Self {
        match (row.liveness, row.shredding) {
            (Liveness::Shredded, Some(Shredding::Proven)) => Self::Dead,
            (Liveness::Dead, _) | (Liveness::Shredded, Some(Shredding::ProvenUnsettled)) => Self::DeadUnsettled,
            (Liveness::Suspect, _) => Self::Refused,
            _ if row.refused_last.is_some() => Self::Refused,
            _ if row.accepted_at.is_some() => Self::Accepted,
            _ => Self::None,
        }
    }

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::DeadUnsettled => "dead-unsettled",
            Self::Refused => "refused",
            Self::Accepted => "accepted",
            Self::None => "none",
        }
    }
}

/// Counts findings by the risk that they speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    lines: Vec<(Option<Nhi>, Line)>,
    exempt: BTreeMap<String, u64>,
}

/// What is counted of a risk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// open findings
    pub open: u64,
    /// findings that are accepted for a while
    pub exempt: u64,
    /// closed findings
    pub closed: u64,
    /// since when the oldest open one holds
    #[serde(serialize_with = "maybe")]
    pub oldest_open: Option<Timestamp>,
}

fn maybe<S: serde::Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(to)
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, finding: &FindingRow) {
        if let Some(exempt) = &finding.exempt {
            *self.exempt.entry(exempt.terms.clone()).or_default() += 1;
        }
        let risk = Nhi::of(finding.rule);
        let place = self.lines.iter().position(|(known, _)| *known == risk).unwrap_or_else(|| {
            self.lines.push((risk, Line::default()));
            self.lines.len() - 1
        });
        let Some((_, line)) = self.lines.get_mut(place) else { return };
        match finding.state {
            FindingState::Open => {
                line.open += 1;
                line.oldest_open = Some(line.oldest_open.map_or(finding.since, |oldest| oldest.min(finding.since)));
            }
            FindingState::Exempt => line.exempt += 1,
            FindingState::Closed => line.closed += 1,
        }
    }

    /// What is exempt, by the terms of the exemption.
    pub const fn exempt(&self) -> &BTreeMap<String, u64> {
        &self.exempt
    }

    /// The counts: of each risk in the order of the list, those with nothing too; behind them what speaks of none.
    pub fn lines(&self) -> impl Iterator<Item = (Option<Nhi>, Line)> {
        let of = |risk| self.lines.iter().find(|(known, _)| *known == risk).map(|(_, line)| *line).unwrap_or_default();
        Nhi::ALL.into_iter().map(Some).chain([None]).map(move |risk| (risk, of(risk)))
    }
}
