//! What COLLECT asks of the ledger and writes to it. The questions are here, the one great write is in [`commit`].

mod commit;
pub(super) mod statements;

use crate::domain::facts::{ConnectionStatus, Provenance};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, PersonId, SourceId, UseId};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;
use crate::ports::collect::{
    CollectChunk, CollectLedger, KnownConnection, KnownCredential, KnownPerson, KnownRow, KnownUse, OpenRow,
    PresentPerson, Reservation, Reserved, SnapshotEnd, SourceState,
};

use super::Ledger;
use super::store::{database, pack, size, unpack};

impl CollectLedger for Ledger {
    async fn source(&self, name: &str, _now: Timestamp) -> Result<SourceState, LedgerError> {
        const DOING: &str = "find a source";
        if let Some(known) = self.known_source(name).await? {
            return Ok(known);
        }
        let mut tx = self.write(DOING).await?;
        sqlx::query("INSERT INTO source (name) VALUES (?1) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .execute(&mut *tx)
            .await
            .map_err(database(DOING))?;
        tx.commit().await.map_err(database(DOING))?;
        self.known_source(name).await?.ok_or_else(|| LedgerError::Inconsistent {
            table: "source",
            row: name.to_owned(),
            what: "it is gone right after it was made".to_owned(),
        })
    }

    /// Numbers are reserved by reading only: they are taken when the next commit inserts them, so that a chunk which
    /// fails leaves no gap.
    async fn reserve(&self, _wanted: Reservation) -> Result<Reserved, LedgerError> {
        let (connection, credential, usage, account, person) = sqlx::query_as(
            "SELECT coalesce((SELECT max(id) FROM connection), 0) + 1, coalesce((SELECT max(id) FROM credential), 0) + 1,
                    coalesce((SELECT max(id) FROM use), 0) + 1, coalesce((SELECT max(id) FROM account), 0) + 1,
                    coalesce((SELECT max(id) FROM person), 0) + 1",
        )
        .fetch_one(self.pool())
        .await
        .map_err(database("reserve numbers"))?;
        Ok(Reserved { connection, credential, usage, account, person })
    }

    async fn known_rows(&self, source: SourceId, ids: &[&str]) -> Result<Vec<KnownRow>, LedgerError> {
        const DOING: &str = "look up rows";
        let page: String = sqlx::query_scalar(KNOWN_ROWS)
            .bind(source.0)
            .bind(pack(ids, DOING)?)
            .fetch_one(self.pool())
            .await
            .map_err(database(DOING))?;
        let rows = unpack::<(String, ConnectionId, String, Option<Timestamp>)>("connection", Some(&page))?;
        Ok(rows
            .into_iter()
            .map(|(external_id, id, digest, absent_since)| KnownRow { external_id, id, digest, absent_since })
            .collect())
    }

    async fn known_connections(&self, ids: &[ConnectionId]) -> Result<Vec<KnownConnection>, LedgerError> {
        type Row = (
            ConnectionId,
            ConnectionStatus,
            Timestamp,
            Option<UseId>,
            Option<CredentialId>,
            Option<Fingerprint>,
            Option<u8>,
            Option<Fingerprint>,
        );
        const DOING: &str = "look up connections";
        let page: String = sqlx::query_scalar(KNOWN_CONNECTIONS)
            .bind(pack(ids, DOING)?)
            .fetch_one(self.pool())
            .await
            .map_err(database(DOING))?;
        let rows = unpack::<Row>("connection", Some(&page))?;
        Ok(rows
            .into_iter()
            .map(|(id, status, facts_at, usage, credential, fingerprint, placeholder, last_credential)| {
                let open_use = match (usage, credential, fingerprint) {
                    (Some(id), Some(credential), Some(fingerprint)) => {
                        Some(KnownUse { id, credential, fingerprint, placeholder: placeholder == Some(1) })
                    }
                    _ => None,
                };
                KnownConnection { id, status, facts_at, open_use, last_credential }
            })
            .collect())
    }

    async fn known_credentials(&self, fingerprints: &[Fingerprint]) -> Result<Vec<KnownCredential>, LedgerError> {
        type Row = (CredentialId, Fingerprint, u8, u8, Timestamp, Provenance);
        const DOING: &str = "look up credentials";
        let page: String = sqlx::query_scalar(KNOWN_CREDENTIALS)
            .bind(pack(fingerprints, DOING)?)
            .fetch_one(self.pool())
            .await
            .map_err(database(DOING))?;
        let rows = unpack::<Row>("credential", Some(&page))?;
        Ok(rows
            .into_iter()
            .map(|(id, fingerprint, held, shredded, secret_since, provenance)| KnownCredential {
                id,
                fingerprint,
                held: held == 1,
                shredded: shredded == 1,
                secret_since,
                provenance,
            })
            .collect())
    }

    async fn known_accounts(&self, source: SourceId, ids: &[&str]) -> Result<Vec<(String, AccountId)>, LedgerError> {
        const DOING: &str = "look up accounts";
        let page: String = sqlx::query_scalar(KNOWN_ACCOUNTS)
            .bind(source.0)
            .bind(pack(ids, DOING)?)
            .fetch_one(self.pool())
            .await
            .map_err(database(DOING))?;
        unpack("account", Some(&page))
    }

    async fn known_people(&self, source: SourceId, ids: &[(&str, &str)]) -> Result<Vec<KnownPerson>, LedgerError> {
        type Row = (PersonId, String, String, String, Option<Timestamp>);
        const DOING: &str = "look up people";
        let page: String = sqlx::query_scalar(KNOWN_PEOPLE)
            .bind(source.0)
            .bind(pack(ids, DOING)?)
            .fetch_one(self.pool())
            .await
            .map_err(database(DOING))?;
        let rows = unpack::<Row>("person", Some(&page))?;
        Ok(rows
            .into_iter()
            .map(|(id, account, member, digest, absent_since)| KnownPerson {
                id,
                account,
                member,
                digest,
                absent_since,
            })
            .collect())
    }

    async fn commit_collect(&self, chunk: &CollectChunk) -> Result<(), LedgerError> {
        commit::commit(self, chunk).await
    }

    async fn open_ids(
        &self,
        source: SourceId,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<ConnectionId>, LedgerError> {
        let page: String = sqlx::query_scalar(OPEN_IDS)
            .bind(source.0)
            .bind(after.0)
            .bind(size(limit))
            .fetch_one(self.pool())
            .await
            .map_err(database("page through the numbers of open connections"))?;
        unpack("connection", Some(&page))
    }

    async fn open_page(
        &self,
        source: SourceId,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<OpenRow>, LedgerError> {
        type Row = (ConnectionId, Option<Timestamp>, Option<UseId>, Option<CredentialId>);
        let page: String = sqlx::query_scalar(OPEN_PAGE)
            .bind(source.0)
            .bind(after.0)
            .bind(size(limit))
            .fetch_one(self.pool())
            .await
            .map_err(database("page through open connections"))?;
        let rows = unpack::<Row>("connection", Some(&page))?;
        Ok(rows
            .into_iter()
            .map(|(id, absent_since, usage, credential)| OpenRow { id, absent_since, open_use: usage.zip(credential) })
            .collect())
    }

    async fn present_people_page(
        &self,
        source: SourceId,
        after: PersonId,
        limit: usize,
    ) -> Result<Vec<PresentPerson>, LedgerError> {
        let page: String = sqlx::query_scalar(PRESENT_PEOPLE_PAGE)
            .bind(source.0)
            .bind(after.0)
            .bind(size(limit))
            .fetch_one(self.pool())
            .await
            .map_err(database("page through people"))?;
        let rows = unpack::<(PersonId, Option<Timestamp>)>("person", Some(&page))?;
        Ok(rows.into_iter().map(|(id, absent_since)| PresentPerson { id, absent_since }).collect())
    }

    async fn commit_snapshot(&self, end: &SnapshotEnd) -> Result<(), LedgerError> {
        commit::commit_snapshot(self, end).await
    }
}

impl Ledger {
    async fn known_source(&self, name: &str) -> Result<Option<SourceState>, LedgerError> {
        type Row = (i64, Option<i64>, Option<i64>, i64, i64);
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, last_complete, last_people, coalesce((SELECT max(id) FROM connection), 0),
                    coalesce((SELECT max(id) FROM person), 0)
             FROM source WHERE name = ?1",
        )
        .bind(name)
        .fetch_optional(self.pool())
        .await
        .map_err(database("find a source"))?;
        Ok(row.map(|(id, last_complete, last_people, max_connection, max_person)| SourceState {
            id: SourceId(id),
            last_complete: last_complete.map(Timestamp::from_millis),
            last_people: last_people.map(Timestamp::from_millis),
            max_connection,
            max_person,
        }))
    }
}

// CROSS JOIN keeps the order in SQLite: without it, the few look-ups are taken for many, and the whole source is walked
// for each of them.
pub(super) const KNOWN_ROWS: &str = "
SELECT json_group_array(json_array(c.external_id, c.id, c.digest, c.absent_since))
FROM json_each(?2) AS wanted CROSS JOIN connection AS c WHERE c.source_id = ?1 AND c.external_id = wanted.value";

pub(super) const KNOWN_CONNECTIONS: &str = "
SELECT json_group_array(json_array(c.id, c.status, c.facts_at, u.id, k.id, k.fingerprint, k.placeholder,
       (SELECT fingerprint FROM credential
        WHERE id = (SELECT credential_id FROM use WHERE connection_id = c.id ORDER BY id DESC LIMIT 1))))
FROM json_each(?1) AS wanted
JOIN connection AS c ON c.id = wanted.value
LEFT JOIN use AS u ON u.connection_id = c.id AND u.until IS NULL
LEFT JOIN credential AS k ON k.id = u.credential_id";

pub(super) const KNOWN_CREDENTIALS: &str = "
SELECT json_group_array(json_array(k.id, k.fingerprint,
       EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1),
       k.liveness = 'shredded', k.secret_since, k.provenance))
FROM json_each(?1) AS wanted CROSS JOIN credential AS k WHERE k.fingerprint = wanted.value";

pub(super) const KNOWN_ACCOUNTS: &str = "
SELECT json_group_array(json_array(a.external_id, a.id))
FROM json_each(?2) AS wanted CROSS JOIN account AS a WHERE a.source_id = ?1 AND a.external_id = wanted.value";

pub(super) const KNOWN_PEOPLE: &str = "
SELECT json_group_array(json_array(p.id, a.external_id, p.member_id, p.digest, p.absent_since))
FROM json_each(?2) AS wanted
CROSS JOIN account AS a
CROSS JOIN person AS p
WHERE a.source_id = ?1 AND a.external_id = wanted.value ->> 0
  AND p.account_id = a.id AND p.member_id = wanted.value ->> 1";

// As below, without a look at the uses.
pub(super) const OPEN_IDS: &str = "
SELECT json_group_array(id)
FROM (SELECT id FROM connection
      WHERE source_id = ?1 AND status IN ('active', 'paused') AND id > ?2 ORDER BY id LIMIT ?3)";

pub(super) const OPEN_PAGE: &str = "
SELECT json_group_array(json_array(page.id, page.absent_since, u.id, u.credential_id))
FROM (SELECT id, absent_since FROM connection
      WHERE source_id = ?1 AND status IN ('active', 'paused') AND id > ?2 ORDER BY id LIMIT ?3) AS page
LEFT JOIN use AS u ON u.connection_id = page.id AND u.until IS NULL";

pub(super) const PRESENT_PEOPLE_PAGE: &str = "
SELECT json_group_array(json_array(id, absent_since))
FROM (SELECT id, absent_since FROM person
      WHERE source_id = ?1 AND id > ?2 AND status <> 'removed' ORDER BY id LIMIT ?3)";
