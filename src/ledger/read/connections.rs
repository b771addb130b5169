//! Connections, as lists and one by one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::credentials::{CredentialRow, credential_columns};
use super::findings::{FindingFilter, FindingRow};
use super::moment::Moment;
use super::paging::{Cursor, Page};
use super::search::Search;
use super::when;
use crate::domain::belief::Liveness;
use crate::domain::facts::{ConnectionStatus, EndedBy, Provenance};
use crate::domain::ids::{ConnectionId, FindingId, ProviderName, UseId};
use crate::domain::record::Auth;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::packed::{flag, size};
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// Findings of one connection that are shown with it.
const FINDINGS_SHOWN: usize = 1000;

/// Which connections to list; what is `None` matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFilter {
    /// of the source of this name
    pub source: Option<String>,
    /// of the account with this id on the platform
    pub account: Option<String>,
    /// of this provider
    pub provider: Option<ProviderName>,
    /// in this status
    pub status: Option<ConnectionStatus>,
    /// what was looked for is its own id, alone or as `SOURCE/ID`, or its account's
    pub search: Option<Search>,
    /// with this id on the platform
    pub connection_id: Option<String>,
}

/// A connection and its latest credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionRow {
    /// the ledger's number
    pub id: ConnectionId,
    /// its source
    pub source: String,
    /// the platform's id
    pub connection_id: String,
    /// the platform's id of the account
    pub account_id: String,
    /// its provider
    pub provider: ProviderName,
    /// for people only
    pub name: Option<String>,
    /// what the inventory says of it
    pub status: ConnectionStatus,
    /// how it authenticates
    pub auth: Auth,
    /// when it was made
    #[serde(serialize_with = "when::maybe")]
    pub created_at: Option<Timestamp>,
    /// when it was deleted
    #[serde(serialize_with = "when::maybe")]
    pub deleted_at: Option<Timestamp>,
    /// the credential of its latest use: 12 hex digits
    pub credential: Option<String>,
    /// what is believed of that
    pub liveness: Option<Liveness>,
    /// the earliest instant at which its value is known to have existed
    #[serde(serialize_with = "when::maybe")]
    pub secret_since: Option<Timestamp>,
    /// how that is known
    pub provenance: Option<Provenance>,
    /// how many findings are open on it
    pub open_findings: u64,
    /// when a verdict on it can next change by time alone; `None` for never
    #[serde(serialize_with = "when::maybe")]
    pub judge_at: Option<Timestamp>,
}

/// A connection with all its uses and findings.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ConnectionDetail {
    /// the connection
    pub connection: ConnectionRow,
    /// its uses, oldest first
    pub uses: Vec<UseRow>,
    /// its findings, closed ones included, oldest first, the first thousand
    pub findings: Vec<FindingRow>,
    /// how many more there are
    pub findings_left_out: u64,
}

impl ConnectionDetail {
    /// What the log calls the connection, its uses, their credentials and its findings: the subjects of its timeline.
    pub fn subjects(&self) -> Vec<String> {
        let uses = self.uses.iter().map(|row| format!("use:{}", row.id));
        let credentials: BTreeSet<_> = self.uses.iter().map(|row| row.credential.id).collect();
        let findings = self.findings.iter().map(|row| format!("finding:{}", row.id));
        std::iter::once(format!("connection:{}", self.connection.id))
            .chain(uses)
            .chain(credentials.into_iter().map(|id| format!("credential:{id}")))
            .chain(findings)
            .collect()
    }
}

/// One use of a credential by a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UseRow {
    /// the ledger's number
    #[serde(skip_serializing)]
    pub id: UseId,
    /// from when, as well as is known
    #[serde(serialize_with = "when::text")]
    pub since: Timestamp,
    /// to when; `None` while open
    #[serde(serialize_with = "when::maybe")]
    pub until: Option<Timestamp>,
    /// what ended it
    pub ended_by: Option<EndedBy>,
    /// when keysweep first saw that it had ended
    #[serde(serialize_with = "when::maybe")]
    pub ended_seen_at: Option<Timestamp>,
    /// true where it had ended before keysweep first saw it
    #[serde(deserialize_with = "flag")]
    pub ended_at_first_sight: bool,
    /// what it uses
    pub credential: CredentialRow,
}

impl Ledger {
    /// A page of connections.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn connections(
        &self,
        filter: &ConnectionFilter,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<ConnectionRow>, LedgerError> {
        range(&mut self.look("list connections").await?, filter, (after.0, i64::MAX), limit).await
    }

    /// A page of at most `limit` connections behind a number, in the order of numbers.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn connections_page(
        &self,
        filter: &ConnectionFilter,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Page<ConnectionRow>, LedgerError> {
        let rows = self.connections(filter, after, limit.saturating_add(1)).await?;
        Ok(Page::of(rows, limit, |row| Cursor::Number(row.id.0)))
    }

    /// The connections with this id on the platform: one for each source that has it, or that of `source` alone.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn connection(
        &self,
        source: Option<&str>,
        external_id: &str,
    ) -> Result<Vec<ConnectionDetail>, LedgerError> {
        self.at_one_moment().await?.connection(source, external_id).await
    }

    /// The connection of that number; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn connection_by_id(&self, id: ConnectionId) -> Result<Option<ConnectionDetail>, LedgerError> {
        self.at_one_moment().await?.connection_by_id(id).await
    }
}

impl Moment {
    /// As [`Ledger::connection`].
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn connection(
        &mut self,
        source: Option<&str>,
        external_id: &str,
    ) -> Result<Vec<ConnectionDetail>, LedgerError> {
        let line = self.line("look up a connection");
        let found: Vec<ConnectionId> = line.rows("connection", &BY_NAME, [source.into(), external_id.into()]).await?;
        let mut details = Vec::with_capacity(found.len());
        for id in found {
            details.extend(self.connection_by_id(id).await?);
        }
        Ok(details)
    }

    /// The connection of that number; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn connection_by_id(&mut self, id: ConnectionId) -> Result<Option<ConnectionDetail>, LedgerError> {
        let line = self.line("read a connection");
        let Some(connection) = range(line, &ConnectionFilter::default(), (id.0 - 1, id.0), 1).await?.pop() else {
            return Ok(None);
        };
        let uses = line.rows("use", &USES, [id.0.into()]).await?;
        let filter = FindingFilter { connection: Some(id), ..FindingFilter::default() };
        let findings = self.findings(&filter, FindingId(0), FINDINGS_SHOWN).await?;
        let findings_left_out = match findings.len() {
            read if read < FINDINGS_SHOWN => 0,
            read => {
                let all = self.line("count findings").number(&ALL_FINDINGS, [id.0.into()]).await?;
                all.unsigned_abs().saturating_sub(read as u64)
            }
        };
        Ok(Some(ConnectionDetail { connection, uses, findings, findings_left_out }))
    }
}

async fn range(
    line: &mut Session,
    filter: &ConnectionFilter,
    (after, last): (i64, i64),
    limit: usize,
) -> Result<Vec<ConnectionRow>, LedgerError> {
    let page = [
        after.into(),
        last.into(),
        size(limit).into(),
        filter.source.as_deref().into(),
        filter.account.as_deref().into(),
        filter.provider.as_ref().map(ProviderName::as_str).into(),
        filter.status.map(ConnectionStatus::as_str).into(),
        filter.connection_id.as_deref().into(),
        filter.search.as_ref().map(Search::text).into(),
    ];
    let statement = match filter {
        ConnectionFilter { search: None, connection_id: Some(_), .. } => &PAGE_OF_NAME,
        ConnectionFilter { search: Some(_), .. } => &PAGE_OF_FOUND,
        ConnectionFilter { account: Some(_), .. } => &PAGE_OF_ACCOUNT,
        ConnectionFilter { status: Some(status), .. } if *status != ConnectionStatus::Active => &PAGE_OF_STATUS,
        _ => &PAGE,
    };
    line.rows("connection", statement, page).await
}

/// A page of connections from a list of numbers.
macro_rules! page_of {
    ($among:literal) => {
        sql!(
            "SELECT " [page by "c.id":
                "c.id, s.name, c.external_id, a.external_id, c.provider, c.name, c.status, c.auth, c.created_at,
                 c.deleted_at, substr(k.fingerprint, 53), k.liveness, k.secret_since, k.provenance,
                 (SELECT count(*) FROM finding AS f WHERE f.connection_id = c.id AND f.state = 'open'), c.judge_at"] "
             FROM (SELECT c.id FROM connection AS c
                   WHERE c.id > $1 AND c.id <= $2 AND "
            $among
            " AND ($4 IS NULL OR c.source_id = (SELECT id FROM source WHERE name = $4))
                     AND ($6 IS NULL OR c.provider = $6) AND ($7 IS NULL OR c.status = $7)
                     AND ($8 IS NULL OR c.external_id = $8)
                   ORDER BY c.id LIMIT $3) AS page
             JOIN connection AS c ON c.id = page.id
             JOIN source AS s ON s.id = c.source_id
             JOIN account AS a ON a.id = c.account_id
             LEFT JOIN use AS u ON u.id = coalesce((SELECT o.id FROM use AS o WHERE o.connection_id = c.id AND o.until IS NULL),
                                                  (SELECT max(x.id) FROM use AS x WHERE x.connection_id = c.id))
             LEFT JOIN credential AS k ON k.id = u.credential_id"
        )
    };
}

pub(in crate::ledger) const PAGE: Sql = page_of!("$5 IS NULL");

/// Nearly all are active, and the others have an index.
pub(in crate::ledger) const PAGE_OF_STATUS: Sql = page_of!("c.status = $7 AND c.status <> 'active'");

/// Source by source here and below, since an id is found only within one.
pub(in crate::ledger) const PAGE_OF_ACCOUNT: Sql = page_of!(
    "c.account_id IN (SELECT y.id FROM source AS x CROSS JOIN account AS y WHERE y.source_id = x.id AND y.external_id = $5)"
);

pub(in crate::ledger) const PAGE_OF_NAME: Sql = page_of!(
    "c.id IN (SELECT y.id FROM source AS x CROSS JOIN connection AS y WHERE y.source_id = x.id AND y.external_id = $8)
                     AND ($5 IS NULL OR $5 = (SELECT external_id FROM account WHERE id = c.account_id))"
);

pub(in crate::ledger) const PAGE_OF_FOUND: Sql = page_of!(
    "c.id IN (SELECT y.id FROM source AS x CROSS JOIN connection AS y WHERE y.source_id = x.id
                               AND y.external_id IN ($9, CASE WHEN substr($9, 1, length(x.name) + 1) = x.name || '/'
                                                      THEN substr($9, length(x.name) + 2) END)
                     UNION ALL SELECT z.id FROM source AS x CROSS JOIN account AS y CROSS JOIN connection AS z
                               WHERE y.source_id = x.id AND y.external_id = $9 AND z.account_id = y.id)
                     AND ($5 IS NULL OR $5 = (SELECT external_id FROM account WHERE id = c.account_id))"
);

pub(in crate::ledger) const BY_NAME: Sql = sql!(
    "SELECT " [numbers "c.id"] "
     FROM source AS s CROSS JOIN connection AS c
     WHERE c.source_id = s.id AND c.external_id = $2 AND ($1 IS NULL OR s.name = $1)"
);

pub(in crate::ledger) const USES: Sql = sql!(
    "SELECT " [page by "u.id": "u.id, u.since, u.until, u.ended_by, u.ended_seen_at, u.ended_at_first_sight, " [fill credential_columns]] "
     FROM (SELECT * FROM use WHERE connection_id = $1 ORDER BY id) AS u
     JOIN credential AS k ON k.id = u.credential_id
     JOIN source AS ks ON ks.id = k.source_id"
);

/// In an index, and only for a connection that has so many.
pub(in crate::ledger) const ALL_FINDINGS: Sql = sql!("SELECT count(*) FROM finding WHERE connection_id = $1");
