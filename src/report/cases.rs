//! The findings of a report, one after the other, each with its course and with who was told.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;
use utoipa::ToSchema;

use super::nhi::Nhi;
use super::own::{Own, Part};
use crate::domain::belief::{Liveness, Shredding};
use crate::domain::ids::{CredentialId, FindingId};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::read::{AccountName, CredentialRow, FindingDetail, FindingFilter, FindingRow, FindingState, when};
use crate::ports::LedgerError;

/// Findings read at a time.
const PAGE: usize = 500;
/// Findings explained at a time: each comes with its key and everybody who was told.
const EXPLAINED: usize = 100;

/// Whose findings a report is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum About {
    /// everybody's
    #[default]
    All,
    /// those of one source, by its name
    Source(String),
    /// those of one account, as it may be told of them
    Account(AccountName),
}

impl About {
    /// The source's name, where it is about one.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Source(source) | Self::Account(AccountName { source, .. }) => Some(source),
        }
    }

    /// The account, where it is about one.
    pub const fn account(&self) -> Option<&AccountName> {
        match self {
            Self::Account(account) => Some(account),
            Self::All | Self::Source(_) => None,
        }
    }
}

/// What a report is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// whose findings
    pub about: About,
    /// findings that closed before are left out
    pub since: Option<Timestamp>,
    /// closed findings are left out
    pub open_only: bool,
}

/// Goes through the findings of a scope, in the order of their numbers.
pub struct Cases<'l> {
    ledger: &'l Ledger,
    account: Option<&'l AccountName>,
    filter: FindingFilter,
    since: Option<Timestamp>,
    after: FindingId,
    page: VecDeque<FindingRow>,
    explained: VecDeque<FindingDetail>,
    /// what is the account's own of each key that came by: a key has several findings
    own: HashMap<CredentialId, Part>,
}

impl<'l> Cases<'l> {
    /// Begins before the first one.
    pub fn of(ledger: &'l Ledger, scope: &'l Scope) -> Self {
        let (account, source) = (scope.about.account(), scope.about.source().map(str::to_owned));
        let id = account.map(|account| account.id.clone());
        let filter = FindingFilter { account: id, source, current: scope.open_only, ..FindingFilter::default() };
        let (since, after) = (scope.since, FindingId(0));
        let (page, explained, own) = (VecDeque::new(), VecDeque::new(), HashMap::new());
        Self { ledger, account, filter, since, after, page, explained, own }
    }

    /// The next one's row; `None` behind the last.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn row(&mut self) -> Result<Option<FindingRow>, LedgerError> {
        loop {
            if self.page.is_empty() {
                self.page = self.ledger.findings(&self.filter, self.after, PAGE).await?.into();
            }
            let Some(row) = self.page.pop_front() else { return Ok(None) };
            self.after = row.id;
            let is_past = |since| row.closed_at.is_some_and(|closed| closed < since);
            if !self.since.is_some_and(is_past) {
                return Ok(Some(row));
            }
        }
    }

    /// The next one with its course and with who was told; `None` behind the last.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn next(&mut self) -> Result<Option<FindingDetail>, LedgerError> {
        if self.explained.is_empty() {
            self.explain().await?;
        }
        let Some(mut detail) = self.explained.pop_front() else { return Ok(None) };
        if let Some(account) = self.account {
            let part = self.part(detail.course.credential_number, account).await?;
            let own = Own::of(account, part, detail.finding.since);
            own.detail(&mut detail);
        }
        Ok(Some(detail))
    }

    /// Reads on until there is one to tell of. One that is gone meanwhile is not told of.
    async fn explain(&mut self) -> Result<(), LedgerError> {
        while self.explained.is_empty() {
            let mut rows = Vec::with_capacity(EXPLAINED);
            while rows.len() < EXPLAINED
                && let Some(row) = self.row().await?
            {
                rows.push(row);
            }
            if rows.is_empty() {
                return Ok(());
            }
            self.explained = self.ledger.explained(rows).await?.into();
        }
        Ok(())
    }

    async fn part(&mut self, key: CredentialId, account: &AccountName) -> Result<Part, LedgerError> {
        if let Some(part) = self.own.get(&key) {
            return Ok(*part);
        }
        let part = Part::of(&self.ledger.own_uses(key, account).await?);
        self.own.insert(key, part);
        Ok(part)
    }
}

/// Who was told of a finding since it last began: in how many mails' notices, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// the first time
    pub first: Option<Timestamp>,
    /// the last time
    pub last: Option<Timestamp>,
    /// notices that were sent
    pub count: usize,
    /// notices of which nobody knows whether they arrived
    pub maybe: usize,
}

impl Told {
    /// What a finding's notices of its present opening say, or of its last one. Whoever's mail came back was told nothing.
    pub fn of(detail: &FindingDetail) -> Self {
        let present = || detail.notices.iter().filter(|notice| notice.opening == detail.course.opening);
        let sent = present().filter(|notice| notice.is_told()).filter_map(|notice| notice.sent_at);
        let maybe = present().filter(|notice| notice.is_maybe_told()).count();
        sent.fold(Self { maybe, ..Self::default() }, |told, at| Self {
            first: Some(told.first.map_or(at, |first| first.min(at))),
            last: Some(told.last.map_or(at, |last| last.max(at))),
            count: told.count + 1,
            maybe,
        })
    }
}

/// What is proven of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// it was refused, confirmed, and refused once more when settling was over; or it was destroyed, and a newer secret under the
    /// same key proves it dead
    Dead,
    /// it was refused and confirmed, or a newer secret under the same key was accepted
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Line {
    /// open findings
    pub open: u64,
    /// findings that are accepted for a while
    pub exempt: u64,
    /// closed findings
    pub closed: u64,
    /// since when the oldest open one holds
    #[serde(serialize_with = "when::maybe")]
    pub oldest_open: Option<Timestamp>,
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
