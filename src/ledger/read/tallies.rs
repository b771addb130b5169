//! What the estate is counted from, by provider: the one place where whole tables are walked.
//!
//! SQLite groups by sorting, and is to sort in memory. So each table is walked in steps, whose few groups are added up here:
//! memory stays flat however large the estate is.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::overview::AnswersOverview;
use crate::domain::belief::Liveness;
use crate::domain::facts::ConnectionStatus;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::ledger::session::{Bind, Session};
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// Row numbers walked in one step.
const STEP: i64 = 20_000;

/// How many rows of a group there are.
pub(super) type Tally<K> = BTreeMap<(ProviderName, K), u64>;

/// The estate, counted at one moment.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    /// connections by provider and status
    pub(super) connections: Tally<ConnectionStatus>,
    /// credentials by provider and liveness; stand-ins for rows without a secret are left out
    pub(super) credentials: BTreeMap<(ProviderName, Liveness), Held>,
    /// what each provider has answered about the credentials that are asked about
    pub(super) answers: BTreeMap<ProviderName, AnswersOverview>,
    /// open findings by provider, rule and severity
    pub(super) findings: BTreeMap<(ProviderName, RuleName, Severity), OpenFindings>,
    /// findings that the operator accepts for a while, by provider and rule
    pub(super) exempt: BTreeMap<(ProviderName, RuleName), ExemptFindings>,
    /// ended uses whose credential has no open use in the account and is not proven dead, by provider
    pub(super) tombstones: BTreeMap<ProviderName, Tombstones>,
}

/// Credentials of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) count: u64,
    /// since when nothing uses the one that has been unused for longest, of those that work and whose copies are held
    pub(super) unused_since: Option<Timestamp>,
}

/// Open findings of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenFindings {
    pub(super) count: u64,
    /// those among them that are counted for the operator and never mailed
    pub(super) unmailed: u64,
    /// when the oldest of them was opened
    pub(super) oldest: Timestamp,
}

/// Exempt findings of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExemptFindings {
    pub(super) count: u64,
    /// when the first of them is open again
    pub(super) next_end: Timestamp,
}

/// Tombstones of one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tombstones {
    pub(super) count: u64,
    /// when the use of the oldest of them ended
    pub(super) oldest: Timestamp,
}

/// The greatest row number of each table that is walked.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Last {
    pub(super) connection: i64,
    pub(super) credential: i64,
    pub(super) usage: i64,
    pub(super) finding: i64,
}

impl Last {
    pub(super) async fn read(moment: &mut Session) -> Result<Self, LedgerError> {
        let last: Vec<Self> = moment.rows("connection", &LAST, []).await?;
        last.into_iter().next().ok_or_else(|| LedgerError::Inconsistent {
            table: "connection",
            row: "max(id)".to_owned(),
            what: "the database names no last row".to_owned(),
        })
    }
}

impl Tallies {
    /// Walks connections, credentials, findings and uses. `moment` is a transaction, so that they belong together.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub(super) async fn read(moment: &mut Session, last: Last) -> Result<Self, LedgerError> {
        let mut sum = Self::default();
        let connections = ("connection", &CONNECTIONS, last.connection);
        walk(moment, connections, &[], |(provider, status, count): (_, _, u64)| {
            *sum.connections.entry((provider, status)).or_default() += count;
        })
        .await?;
        let credentials = ("credential", &CREDENTIALS, last.credential);
        walk(moment, credentials, &[], |row: CredentialsRow| {
            sum.answers.entry(row.provider.clone()).or_default().add(&row.answers());
            let kind = sum.credentials.entry((row.provider, row.liveness)).or_default();
            kind.count += row.total;
            kind.unused_since = kind.unused_since.into_iter().chain(row.unused_since).min();
        })
        .await?;
        walk(moment, ("finding", &FINDINGS, last.finding), &[], |row: FindingsRow| {
            let FindingsRow(provider, rule, severity, count, unmailed, oldest, end) = row;
            if let Some(end) = end {
                let kind = sum.exempt.entry((provider, rule)).or_insert(ExemptFindings { count: 0, next_end: end });
                (kind.count, kind.next_end) = (kind.count + count, kind.next_end.min(end));
                return;
            }
            let kind = sum.findings.entry((provider, rule, severity));
            let kind = kind.or_insert(OpenFindings { count: 0, unmailed: 0, oldest });
            (kind.count, kind.unmailed) = (kind.count + count, kind.unmailed + unmailed);
            kind.oldest = kind.oldest.min(oldest);
        })
        .await?;
        walk(moment, ("use", &TOMBSTONES, last.usage), &[], |(provider, count, oldest): (_, u64, _)| {
            let found = sum.tombstones.entry(provider).or_insert(Tombstones { count: 0, oldest });
            found.count += count;
            found.oldest = found.oldest.min(oldest);
        })
        .await?;
        Ok(sum)
    }
}

/// Credentials of one provider and liveness, in one step.
#[derive(Deserialize)]
struct CredentialsRow {
    provider: ProviderName,
    liveness: Liveness,
    total: u64,
    to_ask: u64,
    asked: u64,
    unclear: u64,
    unclear_since: Option<Timestamp>,
    accepted: Option<Timestamp>,
    refused: Option<Timestamp>,
    unused_since: Option<Timestamp>,
}

impl CredentialsRow {
    fn answers(&self) -> AnswersOverview {
        AnswersOverview {
            to_ask: self.to_ask,
            asked: self.asked,
            unclear: self.unclear,
            unclear_since: self.unclear_since,
            answered_at: self.accepted.max(self.refused),
        }
    }
}

#[derive(Deserialize)]
struct FindingsRow(ProviderName, RuleName, Severity, u64, u64, Timestamp, Option<Timestamp>);

/// Hands every group of every step to `add`. `statement` takes the numbers after which and up to which it is to look,
/// then `more`.
pub(super) async fn walk<T: DeserializeOwned>(
    moment: &mut Session,
    (table, statement, last): (&'static str, &Sql, i64),
    more: &[i64],
    mut add: impl FnMut(T),
) -> Result<(), LedgerError> {
    let mut after = 0;
    while after < last {
        let up_to = after.saturating_add(STEP);
        let step = [after, up_to].into_iter().chain(more.iter().copied()).map(Bind::from);
        moment.rows(table, statement, step).await?.into_iter().for_each(&mut add);
        after = up_to;
    }
    Ok(())
}

pub(in crate::ledger) const LAST: Sql = sql!(
    "SELECT " [page
        "(SELECT coalesce(max(id), 0) FROM connection), (SELECT coalesce(max(id), 0) FROM credential),
         (SELECT coalesce(max(id), 0) FROM use), (SELECT coalesce(max(id), 0) FROM finding)"]
);

pub(in crate::ledger) const CONNECTIONS: Sql = sql!(
    "SELECT " [page "provider, status, total"] "
     FROM (SELECT provider, status, count(*) AS total FROM connection WHERE id > $1 AND id <= $2
           GROUP BY provider, status) AS counted"
);

/// What is believed is read of those alone that are asked about.
pub(in crate::ledger) const CREDENTIALS: Sql = sql!(
    "SELECT " [page "provider, liveness, total, to_ask, asked, unclear, unclear_since, accepted, refused, unused_since"] "
     FROM (SELECT provider, liveness, count(*) AS total, count(belief) AS to_ask,
                  count(belief ->> 'asked_at') AS asked,
                  count(belief ->> 'unknown_since') AS unclear,
                  min(" ["belief ->> 'unknown_since'" | "(belief ->> 'unknown_since')::bigint"] ") AS unclear_since,
                  max(" ["belief ->> 'accepted_at'" | "(belief ->> 'accepted_at')::bigint"] ") AS accepted,
                  max(" ["belief ->> 'refused_last'" | "(belief ->> 'refused_last')::bigint"] ") AS refused,
                  min(unused_since) AS unused_since
           FROM (SELECT k.provider, k.liveness,
                        CASE WHEN k.probe_at IS NOT NULL THEN " ["k.belief" | "k.belief::json"] " END AS belief,
                        CASE WHEN k.idle_since IS NOT NULL AND k.liveness = 'live'
                                  AND EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1)
                             THEN k.idle_since END AS unused_since
                 FROM credential AS k WHERE k.id > $1 AND k.id <= $2 AND k.placeholder = 0) AS one
           GROUP BY provider, liveness) AS counted"
);

/// The end is that of exemptions, and no finding has one that is open.
pub(in crate::ledger) const FINDINGS: Sql = sql!(
    "SELECT " [page "provider, rule, severity, total, unmailed, oldest, next_end"] "
     FROM (SELECT provider, rule, severity, count(*) AS total, sum(1 - mailed) AS unmailed,
                  min(opened_at) AS oldest, min(exempt_until) AS next_end
           FROM finding WHERE id > $1 AND id <= $2 AND state <> 'closed'
           GROUP BY provider, rule, severity, state) AS counted"
);

/// A stand-in leaves no key behind; what was destroyed unproven stays a tombstone.
pub(in crate::ledger) const TOMBSTONES: Sql = sql!(
    "SELECT " [page "provider, total, oldest"] "
     FROM (SELECT k.provider, count(*) AS total, min(u.until) AS oldest
           FROM use AS u JOIN credential AS k ON k.id = u.credential_id
           WHERE u.id > $1 AND u.id <= $2
             AND u.until IS NOT NULL AND u.ended_by <> 'identified' AND k.placeholder = 0 AND k.liveness <> 'dead'
             AND (k.liveness <> 'shredded' OR coalesce(" ["k.belief" | "k.belief::json"] " ->> 'shredding', '') = 'unproven')
             AND NOT EXISTS (SELECT 1 FROM use AS o WHERE o.credential_id = u.credential_id
                             AND o.account_id = u.account_id AND o.until IS NULL)
           GROUP BY k.provider) AS counted"
);
