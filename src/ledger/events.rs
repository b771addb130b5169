//! What the platform tells of by events.

use serde::Deserialize;
use serde_json::Map;

use super::collect::commit;
use super::compromise;
use super::packed::{flag, pack};
use super::session::Session;
use super::sql::Sql;
use super::{Ledger, NotNow, collect, due, judge};
use crate::domain::facts::{Compromise, SaidBy};
use crate::domain::ids::{ConnectionId, CredentialId, ProviderName, SourceId};
use crate::domain::record::{Address, Auth, ConnectionRecord, PersonRecord, PersonStatus, RecordStatus, Role, UsedFor};
use crate::domain::secret::Fingerprint;
use crate::domain::time::{Timestamp, days};
use crate::ports::collect::CollectChunk;
use crate::ports::events::{Delivery, EventLedger, UsedValue};
use crate::ports::{Event, LedgerError};

/// How long a message is known again. What is sent again later than that is not believed any more where it was only
/// overheard, and does no harm where its sender tries once more: what it says has its date.
const KEPT: std::time::Duration = days(7);

#[derive(Deserialize)]
struct RecordRow {
    account_id: String,
    provider: ProviderName,
    name: Option<String>,
    auth: Auth,
    created_at: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
    last_sync_at: Option<Timestamp>,
    created_by: Option<String>,
    running_jobs: u32,
    used_for: Vec<UsedFor>,
    tags: Vec<String>,
    key_id: Option<String>,
    region: Option<String>,
    base_url: Option<String>,
    compromised_at: Option<Timestamp>,
}

impl RecordRow {
    fn record(self, connection: &str) -> ConnectionRecord {
        ConnectionRecord {
            connection_id: connection.to_owned(),
            account_id: self.account_id,
            provider: self.provider,
            name: self.name,
            status: RecordStatus::Active,
            created_at: self.created_at,
            updated_at: None,
            deleted_at: self.deleted_at,
            secret_set_at: None,
            last_sync_at: self.last_sync_at,
            key_id: self.key_id,
            secret: None,
            secret_ref: None,
            secret_version: None,
            auth: Some(self.auth),
            region: self.region,
            base_url: self.base_url,
            created_by: self.created_by,
            running_jobs: self.running_jobs,
            used_for: self.used_for,
            compromised_at: self.compromised_at,
            tags: self.tags,
        }
    }
}

#[derive(Deserialize)]
struct MemberRow {
    email: String,
    role: Role,
    status: PersonStatus,
    #[serde(deserialize_with = "flag")]
    verified: bool,
    locale: Option<String>,
    timezone: Option<String>,
}

impl EventLedger for Ledger {
    async fn has_taken(&self, source: SourceId, message_id: &str) -> Result<bool, LedgerError> {
        let mut line = self.look("see whether an event came before").await?;
        Ok(line.number(&TAKEN, [source.0.into(), message_id.into()]).await? > 0)
    }

    async fn known_record(&self, source: SourceId, connection: &str) -> Result<Option<ConnectionRecord>, LedgerError> {
        let mut line = self.look("look up what is known of a connection").await?;
        let rows: Vec<RecordRow> = line.rows("connection", &RECORD, [source.0.into(), connection.into()]).await?;
        Ok(rows.into_iter().next().map(|row| row.record(connection)))
    }

    async fn known_member(
        &self,
        source: SourceId,
        account: &str,
        member: &str,
    ) -> Result<Option<PersonRecord>, LedgerError> {
        let mut line = self.look("look up what is known of a person").await?;
        let binds = [source.0.into(), account.into(), member.into()];
        let rows: Vec<MemberRow> = line.rows("person", &MEMBER, binds).await?;
        let person = |row: MemberRow| {
            Some(PersonRecord {
                account_id: account.to_owned(),
                member_id: member.to_owned(),
                email: Address::parse(&row.email)?,
                role: row.role,
                status: row.status,
                verified: row.verified,
                locale: row.locale,
                timezone: row.timezone,
            })
        };
        Ok(rows.into_iter().next().and_then(person))
    }

    async fn used_values(&self, connection: ConnectionId) -> Result<Vec<UsedValue>, LedgerError> {
        type Row = (CredentialId, Fingerprint, Option<Timestamp>);
        let mut line = self.look("look up the values of a connection").await?;
        let rows: Vec<Row> = line.rows("use", &VALUES, [connection.0.into()]).await?;
        let value = |(credential, fingerprint, own_from)| UsedValue { credential, fingerprint, own_from };
        Ok(rows.into_iter().map(value).collect())
    }

    async fn commit_event(&self, chunk: &CollectChunk, delivery: &Delivery) -> Result<bool, LedgerError> {
        let Delivery { source, message_id, now, told_of_syncs, compromised } = delivery;
        let mut tx = self.write("write what an event tells").await?;
        if tx.run(&TAKE, [source.0.into(), message_id.into(), (*now).into()]).await? == 0 {
            return Ok(false);
        }
        if *told_of_syncs && tx.number(&collect::statements::SYNCS_ARE_NEWS, [source.0.into()]).await? > 0 {
            tx.run(&judge::ALL_DIRTY, []).await?; // whoever was never synchronised may be idle
        }
        tx.run(&HEARD, [source.0.into(), (*now).into(), i64::from(*told_of_syncs).into()]).await?;
        commit::write(&mut tx, chunk).await?;
        let ended = chunk.begun.iter().filter(|new| new.ended.is_some()).map(|new| new.credential);
        let ended: Vec<CredentialId> = ended.chain(chunk.ended.iter().map(|end| end.credential)).collect();
        if !ended.is_empty() {
            tx.run(&AWAIT, [pack(&ended)?.into(), (*now).into()]).await?;
        }
        if let Some((credential, at)) = *compromised {
            leaked(&mut tx, credential, at, *now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Notes a leak, where no earlier one is known: what the operator noted, or another event, stays.
async fn leaked(tx: &mut Session, credential: CredentialId, at: Timestamp, now: Timestamp) -> Result<(), LedgerError> {
    if tx.number(&LEAKED_BEFORE, [credential.0.into(), at.into()]).await? > 0 {
        return Ok(());
    }
    let leak = Compromise { at, by: SaidBy::Platform, note: None };
    compromise::note(tx, credential, Some(&leak)).await?;
    due::by_credential(tx, &[credential], now).await?;
    let data = Map::from_iter([
        ("compromised_at".to_owned(), at.to_string().into()),
        ("by".to_owned(), leak.by.as_str().into()),
    ]);
    let subject = format!("credential:{credential}");
    tx.log(&[Event { at: now, kind: "credential.compromised", subject, data }]).await
}

impl Ledger {
    /// The credentials that are to be asked about at once because an event ended their use, each with when that was; at most
    /// 100, those that wait longest first. Without those that are not to be asked now.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn awaited(&self, but: &NotNow) -> Result<Vec<(CredentialId, Timestamp)>, LedgerError> {
        self.look("see whom events want asked").await?.rows("awaited", &AWAITED, but.packed()?).await
    }

    /// Notes that these were asked about, or could not be: their next question comes when it is due. One that was wanted
    /// anew meanwhile stays.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn no_longer_awaited(&self, asked: &[(CredentialId, Timestamp)]) -> Result<(), LedgerError> {
        let mut tx = self.write("note whom events wanted asked").await?;
        tx.run(&NOT_AWAITED, [pack(asked)?.into()]).await?;
        tx.commit().await
    }

    /// Forgets which messages were taken a week ago and before.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn forget_deliveries(&self, now: Timestamp) -> Result<(), LedgerError> {
        let mut tx = self.write("forget events of last week").await?;
        tx.run(&FORGET, [(now - KEPT).into()]).await?;
        tx.commit().await
    }

    /// When an event of a source was last taken; `None` where none was, or there is no such source.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn last_event(&self, source: &str) -> Result<Option<Timestamp>, LedgerError> {
        let mut line = self.look("see when an event last came").await?;
        let rows: Vec<Option<Timestamp>> = line.rows("source", &LAST, [source.into()]).await?;
        Ok(rows.into_iter().flatten().next())
    }
}

pub(super) const TAKEN: Sql = sql!("SELECT count(*) FROM delivery WHERE source_id = $1 AND message_id = $2");

pub(super) const TAKE: Sql = sql!(
    "INSERT INTO delivery (source_id, message_id, at) VALUES ($1, $2, $3)
     ON CONFLICT (source_id, message_id) DO NOTHING"
);

pub(super) const HEARD: Sql =
    sql!("UPDATE source SET last_event = $2, syncs_told = CASE WHEN $3 = 1 THEN 1 ELSE syncs_told END WHERE id = $1");

pub(super) const LAST: Sql = sql!("SELECT " [numbers "last_event"] " FROM source WHERE name = $1");

/// Who has no copy can't be asked.
pub(super) const AWAIT: Sql = sql!(
    "INSERT INTO awaited (credential_id, at)
     SELECT DISTINCT ended.value, $2 FROM " [each "$1" ended bigint] "
     WHERE EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = ended.value AND e.held = 1)
     ON CONFLICT (credential_id) DO UPDATE SET at = excluded.at"
);

/// CROSS JOIN: from the few that are waited for to their rows, and never over all credentials.
pub(super) const AWAITED: Sql = sql!(
    "SELECT " [page by "at": "credential_id, at"] "
     FROM (SELECT w.credential_id, w.at FROM awaited AS w CROSS JOIN credential AS k
           WHERE k.id = w.credential_id AND k.provider NOT IN " [within "$1" text] " AND k.id NOT IN " [within "$2" bigint] "
           ORDER BY w.at, w.credential_id LIMIT 100) AS page"
);

pub(super) const NOT_AWAITED: Sql = sql!(
    "DELETE FROM awaited WHERE EXISTS (
         SELECT 1 FROM " [tuples "$1" v (0 credential bigint, 1 at bigint)] "
         WHERE v.credential = awaited.credential_id AND v.at >= awaited.at)"
);

pub(super) const FORGET: Sql = sql!("DELETE FROM delivery WHERE at < $1");

pub(super) const LEAKED_BEFORE: Sql =
    sql!("SELECT count(*) FROM credential WHERE id = $1 AND compromised_at IS NOT NULL AND compromised_at <= $2");

/// Newest first; an open one is newer than any other.
pub(super) const VALUES: Sql = sql!(
    "SELECT " [page by "used.open DESC, used.id DESC": "used.credential_id, used.fingerprint, used.own_from"] "
     FROM (SELECT u.id, u.until IS NULL AS open, u.credential_id, k.fingerprint, u.own_from
           FROM use AS u JOIN credential AS k ON k.id = u.credential_id
           WHERE u.connection_id = $1 AND k.placeholder = 0
           ORDER BY u.until IS NULL DESC, u.id DESC) AS used"
);

pub(super) const RECORD: Sql = sql!(
    "SELECT " [page
        "a.external_id, c.provider, c.name, c.auth, c.created_at, c.deleted_at, c.last_sync_at, c.created_by,
         c.running_jobs, " [json "c.used_for"] ", " [json "c.tags"] ", k.key_id, k.region, k.base_url, u.compromised_at"] "
     FROM connection AS c
     JOIN account AS a ON a.id = c.account_id
     LEFT JOIN use AS u ON u.id = coalesce((SELECT o.id FROM use AS o WHERE o.connection_id = c.id AND o.until IS NULL),
                                           (SELECT max(x.id) FROM use AS x WHERE x.connection_id = c.id))
     LEFT JOIN credential AS k ON k.id = u.credential_id
     WHERE c.source_id = $1 AND c.external_id = $2"
);

pub(super) const MEMBER: Sql = sql!(
    "SELECT " [page "p.email, p.role, p.status, p.verified, p.locale, p.timezone"] "
     FROM account AS a JOIN person AS p ON p.account_id = a.id
     WHERE a.source_id = $1 AND a.external_id = $2 AND p.member_id = $3"
);
