//! Credentials, as lists and one by one.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::moment::Moment;
use super::paging::{Cursor, Page};
use super::when;
use crate::domain::belief::{Belief, Liveness, Shredding};
use crate::domain::facts::{ConnectionStatus, EndedBy, Provenance, SaidBy};
use crate::domain::ids::{ConnectionId, CredentialId, ProviderName, UseId};
use crate::domain::outcome::Reason;
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::packed::{flag, key_tail, size};
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// Uses of a credential that are read, and open ones that are counted, at most: a key may be shared by any number.
pub const MOST_USES: usize = 1_000;

/// Which credentials to list; what is `None` matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialFilter {
    /// of this provider
    pub provider: Option<ProviderName>,
    /// in this state
    pub liveness: Option<Liveness>,
    /// shown by the source of this name
    pub source: Option<String>,
}

/// A credential. It is named by the last 12 hex digits of its fingerprint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(from = "Packed")]
pub struct CredentialRow {
    /// the ledger's number
    pub id: CredentialId,
    /// its name: 12 hex digits
    pub credential: String,
    /// the source that showed it
    pub source: String,
    /// its provider
    pub provider: ProviderName,
    /// the last four characters of its public half, or nothing
    pub key_tail: String,
    /// which kind of key the provider took it for
    pub kind: Option<String>,
    /// the region, if known
    pub region: Option<String>,
    /// true where it stands in for a row without a secret
    pub placeholder: bool,
    /// what is believed of it
    pub liveness: Liveness,
    /// since when; `None` before the first probe
    #[serde(serialize_with = "when::maybe")]
    pub liveness_since: Option<Timestamp>,
    /// the last probe
    #[serde(serialize_with = "when::maybe")]
    pub asked_at: Option<Timestamp>,
    /// the last acceptance
    #[serde(serialize_with = "when::maybe")]
    pub accepted_at: Option<Timestamp>,
    /// the first refusal of the present run
    #[serde(serialize_with = "when::maybe")]
    pub refused_first: Option<Timestamp>,
    /// the latest refusal of the present run
    #[serde(serialize_with = "when::maybe")]
    pub refused_last: Option<Timestamp>,
    /// the protocols that refused, in the latest refusal
    pub refused_on: Vec<String>,
    /// the protocols that the operator's settings left out of it
    pub left_out: Vec<String>,
    /// true where the latest refusal does not count for want of a positive control
    pub no_control: bool,
    /// since when nothing definite is answered
    #[serde(serialize_with = "when::maybe")]
    pub unknown_since: Option<Timestamp>,
    /// why not
    pub unknown_reason: Option<Reason>,
    /// when it was proven dead
    #[serde(serialize_with = "when::maybe")]
    pub died_at: Option<Timestamp>,
    /// when a newer secret under the same key was accepted, where that is what proves it dead
    #[serde(serialize_with = "when::maybe")]
    pub outlived_at: Option<Timestamp>,
    /// what was proven when the copy was destroyed, or since
    pub shredding: Option<Shredding>,
    /// the parts of the last answer
    pub last_answer: Option<Value>,
    /// the earliest instant at which the value is known to have existed
    #[serde(serialize_with = "when::text")]
    pub secret_since: Timestamp,
    /// how that is known
    pub provenance: Provenance,
    /// whether a sealed copy is held
    pub held: bool,
    /// when keysweep first saw it; `None` where that was before it kept the date
    #[serde(serialize_with = "when::maybe")]
    pub first_seen_at: Option<Timestamp>,
    /// when it leaked, where that is said of the value itself
    #[serde(serialize_with = "when::maybe")]
    pub compromised_at: Option<Timestamp>,
    /// who says so
    pub compromised_by: Option<SaidBy>,
    /// the operator's own note on that
    pub compromised_note: Option<String>,
    /// when it is next looked at; `None` for never
    #[serde(serialize_with = "when::maybe")]
    pub probe_at: Option<Timestamp>,
    /// open uses anywhere, counted up to 1000
    pub open_uses: u32,
}

/// A credential and who uses it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CredentialDetail {
    /// the credential
    pub credential: CredentialRow,
    /// its uses, oldest first, the first thousand
    pub uses: Vec<CredentialUse>,
    /// how many more there are
    pub uses_left_out: u64,
}

impl CredentialDetail {
    /// What the log calls the credential and its uses: the subjects of its timeline.
    pub fn subjects(&self) -> Vec<String> {
        let own = format!("credential:{}", self.credential.id);
        std::iter::once(own).chain(self.uses.iter().map(|row| format!("use:{}", row.id))).collect()
    }
}

/// One use of a credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CredentialUse {
    /// the ledger's number
    #[serde(skip_serializing)]
    pub id: UseId,
    /// the ledger's number of the connection
    #[serde(skip_serializing)]
    pub connection: ConnectionId,
    /// the connection's source
    pub source: String,
    /// the platform's id of the connection
    pub connection_id: String,
    /// the platform's id of the account
    pub account_id: String,
    /// what the inventory says of the connection
    pub status: ConnectionStatus,
    /// from when
    #[serde(serialize_with = "when::text")]
    pub since: Timestamp,
    /// to when; `None` while open
    #[serde(serialize_with = "when::maybe")]
    pub until: Option<Timestamp>,
    /// what ended it
    pub ended_by: Option<EndedBy>,
    /// when the value leaked, as the platform says of this connection
    #[serde(serialize_with = "when::maybe")]
    pub compromised_at: Option<Timestamp>,
}

impl Ledger {
    /// A page of credentials.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn credentials(
        &self,
        filter: &CredentialFilter,
        after: CredentialId,
        limit: usize,
    ) -> Result<Vec<CredentialRow>, LedgerError> {
        range(&mut self.look("list credentials").await?, filter, (after.0, i64::MAX), limit).await
    }

    /// A page of at most `limit` credentials behind a number, in the order of numbers.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn credentials_page(
        &self,
        filter: &CredentialFilter,
        after: CredentialId,
        limit: usize,
    ) -> Result<Page<CredentialRow>, LedgerError> {
        let rows = self.credentials(filter, after, limit.saturating_add(1)).await?;
        Ok(Page::of(rows, limit, |row| Cursor::Number(row.id.0)))
    }

    /// The credential of that number; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn credential_by_id(&self, id: CredentialId) -> Result<Option<CredentialDetail>, LedgerError> {
        self.at_one_moment().await?.credential_by_id(id).await
    }
}

impl Moment {
    /// The credential of that number; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn credential_by_id(&mut self, id: CredentialId) -> Result<Option<CredentialDetail>, LedgerError> {
        let line = self.line("read a credential");
        let Some(credential) = range(line, &CredentialFilter::default(), (id.0 - 1, id.0), 1).await?.pop() else {
            return Ok(None);
        };
        let uses: Vec<CredentialUse> = line.rows("use", &USES, [id.0.into()]).await?;
        let uses_left_out = match uses.len() {
            read if read < MOST_USES => 0,
            read => line.number(&ALL_USES, [id.0.into()]).await?.unsigned_abs().saturating_sub(read as u64),
        };
        Ok(Some(CredentialDetail { credential, uses, uses_left_out }))
    }
}

async fn range(
    line: &mut Session,
    filter: &CredentialFilter,
    (after, last): (i64, i64),
    limit: usize,
) -> Result<Vec<CredentialRow>, LedgerError> {
    let page = [
        after.into(),
        last.into(),
        size(limit).into(),
        filter.provider.as_ref().map(ProviderName::as_str).into(),
        filter.liveness.map(Liveness::as_str).into(),
        filter.source.as_deref().into(),
    ];
    let statement = match filter.liveness {
        None | Some(Liveness::Live) => &PAGE,
        Some(_) => &PAGE_OF_LIVENESS,
    };
    line.rows("credential", statement, page).await
}

/// The columns of a [`CredentialRow`], for a statement that calls the credential `k` and its source `ks`.
macro_rules! credential_columns {
    ($dialect:ident) => {
        dialect!($dialect [array
            "k.id, k.fingerprint, ks.name, k.provider, k.key_id, k.kind, k.region, k.placeholder, " [json "k.belief"] ", "
            [json "k.parts"] ", k.secret_since, k.provenance,
             EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1), k.first_seen_at,
             k.compromised_at, k.compromised_by, k.compromised_note, k.probe_at,
             (SELECT count(*) FROM (SELECT 1 FROM use AS o WHERE o.credential_id = k.id AND o.until IS NULL LIMIT 1000) AS counted)"])
    };
}
pub(super) use credential_columns;

#[derive(Deserialize)]
struct Packed {
    id: CredentialId,
    fingerprint: Fingerprint,
    source: String,
    provider: ProviderName,
    #[serde(deserialize_with = "key_tail")]
    key_tail: String,
    kind: Option<String>,
    region: Option<String>,
    #[serde(deserialize_with = "flag")]
    placeholder: bool,
    belief: Belief,
    parts: Option<Value>,
    secret_since: Timestamp,
    provenance: Provenance,
    #[serde(deserialize_with = "flag")]
    held: bool,
    first_seen_at: Option<Timestamp>,
    compromised_at: Option<Timestamp>,
    compromised_by: Option<SaidBy>,
    compromised_note: Option<String>,
    probe_at: Option<Timestamp>,
    open_uses: u32,
}

impl From<Packed> for CredentialRow {
    fn from(packed: Packed) -> Self {
        Self {
            id: packed.id,
            credential: packed.fingerprint.short().to_owned(),
            source: packed.source,
            provider: packed.provider,
            key_tail: packed.key_tail,
            kind: packed.kind,
            region: packed.region,
            placeholder: packed.placeholder,
            liveness: packed.belief.liveness,
            liveness_since: packed.belief.since,
            asked_at: packed.belief.asked_at,
            accepted_at: packed.belief.accepted_at,
            refused_first: packed.belief.refused_first,
            refused_last: packed.belief.refused_last,
            refused_on: packed.belief.refused_on,
            left_out: packed.belief.left_out,
            no_control: packed.belief.no_control,
            unknown_since: packed.belief.unknown_since,
            unknown_reason: packed.belief.unknown_reason,
            died_at: packed.belief.died_at,
            outlived_at: packed.belief.outlived.map(|outlived| outlived.at),
            shredding: packed.belief.shredding,
            last_answer: packed.parts,
            secret_since: packed.secret_since,
            provenance: packed.provenance,
            held: packed.held,
            first_seen_at: packed.first_seen_at,
            compromised_at: packed.compromised_at,
            compromised_by: packed.compromised_by,
            compromised_note: packed.compromised_note,
            probe_at: packed.probe_at,
            open_uses: packed.open_uses,
        }
    }
}

/// A page of credentials in some state. The columns are one JSON list, and the page a list of those.
macro_rules! page_of {
    ($state:literal) => {
        sql!(
            "SELECT " ["json_group_array(" | "coalesce(json_agg("] [fill credential_columns] [")" | " ORDER BY k.id), '[]')::text"] "
             FROM (SELECT id FROM credential
                   WHERE id > $1 AND id <= $2 AND " $state " AND ($4 IS NULL OR provider = $4)
                     AND ($6 IS NULL OR source_id = (SELECT id FROM source WHERE name = $6)
                          OR EXISTS (SELECT 1 FROM use AS u JOIN connection AS c ON c.id = u.connection_id
                                     WHERE u.credential_id = credential.id
                                       AND c.source_id = (SELECT id FROM source WHERE name = $6)))
                   ORDER BY id LIMIT $3) AS page
             JOIN credential AS k ON k.id = page.id
             JOIN source AS ks ON ks.id = k.source_id"
        )
    };
}

pub(in crate::ledger) const PAGE: Sql = page_of!("($5 IS NULL OR liveness = $5)");

/// Nearly all are live, and the others have an index.
pub(in crate::ledger) const PAGE_OF_LIVENESS: Sql = page_of!("liveness = $5 AND liveness <> 'live'");

pub(in crate::ledger) const USES: Sql = sql!(
    "SELECT " [page by "u.id": "u.id, c.id, s.name, c.external_id, a.external_id, c.status, u.since, u.until, u.ended_by,
                             u.compromised_at"] "
     FROM (SELECT * FROM use WHERE credential_id = $1 ORDER BY id LIMIT 1000) AS u
     JOIN connection AS c ON c.id = u.connection_id
     JOIN source AS s ON s.id = c.source_id
     JOIN account AS a ON a.id = u.account_id"
);

/// In an index, and only for a key that so many use.
pub(in crate::ledger) const ALL_USES: Sql = sql!("SELECT count(*) FROM use WHERE credential_id = $1");
