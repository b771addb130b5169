//! What COLLECT asks of the ledger and writes to it. The questions are here, the one great write is in [`commit`].

pub(super) mod commit;
pub(super) mod statements;

use crate::domain::facts::{ConnectionStatus, Provenance};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, PersonId, SourceId, UseId};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;
use crate::ports::collect::{
    ChangesMark, CollectChunk, CollectLedger, KnownConnection, KnownCredential, KnownPerson, KnownRow, KnownUse,
    OpenRow, PresentPerson, Reservation, Reserved, Said, SnapshotEnd, SourceState,
};

use super::Ledger;
use super::packed::{Flag, pack, size};
use super::sql::Sql;

impl CollectLedger for Ledger {
    async fn source(&self, name: &str, _now: Timestamp) -> Result<SourceState, LedgerError> {
        if let Some(known) = self.known_source(name).await? {
            return Ok(known);
        }
        let mut tx = self.write("make a source").await?;
        tx.run(&NEW_SOURCE, [name.into()]).await?;
        tx.commit().await?;
        self.known_source(name).await?.ok_or_else(|| LedgerError::Inconsistent {
            table: "source",
            row: name.to_owned(),
            what: "it is gone right after it was made".to_owned(),
        })
    }

    /// Numbers are reserved by reading only: they are taken when the next commit inserts them, so that a chunk which
    /// fails leaves no gap.
    async fn reserve(&self, _wanted: Reservation) -> Result<Reserved, LedgerError> {
        let mut line = self.look("reserve numbers").await?;
        let fresh: Vec<(i64, i64, i64, i64, i64)> = line.rows("connection", &FRESH, []).await?;
        let (connection, credential, usage, account, person) = fresh.into_iter().next().unwrap_or((1, 1, 1, 1, 1));
        Ok(Reserved { connection, credential, usage, account, person })
    }

    async fn known_rows(&self, source: SourceId, ids: &[&str]) -> Result<Vec<KnownRow>, LedgerError> {
        type Row = (String, ConnectionId, String, Option<Timestamp>);
        let mut line = self.look("look up rows").await?;
        let rows: Vec<Row> = line.rows("connection", &KNOWN_ROWS, [source.0.into(), pack(ids)?.into()]).await?;
        Ok(rows
            .into_iter()
            .map(|(external_id, id, digest, absent_since)| KnownRow { external_id, id, digest, absent_since })
            .collect())
    }

    async fn known_connections(&self, ids: &[ConnectionId]) -> Result<Vec<KnownConnection>, LedgerError> {
        type Row = (
            ConnectionId,
            ConnectionStatus,
            (Timestamp, Flag),
            Timestamp,
            Timestamp,
            Option<Timestamp>,
            Option<Timestamp>,
            Option<LastUse>,
        );
        let mut line = self.look("look up connections").await?;
        let rows: Vec<Row> = line.rows("connection", &KNOWN_CONNECTIONS, [pack(ids)?.into()]).await?;
        Ok(rows
            .into_iter()
            .map(|(id, status, (facts_at, own_date), row_at, secret_at, told_at, absent_since, last)| KnownConnection {
                id,
                status,
                facts_at,
                own_date: own_date.0,
                row_at,
                secret_at,
                told_at,
                absent_since,
                last_use: last.map(known_use),
            })
            .collect())
    }

    async fn known_credentials(&self, fingerprints: &[Fingerprint]) -> Result<Vec<KnownCredential>, LedgerError> {
        type Place = (Option<String>, Option<String>);
        type Row = (CredentialId, Fingerprint, Flag, Flag, Timestamp, Provenance, Place, u8);
        let mut line = self.look("look up credentials").await?;
        let rows: Vec<Row> = line.rows("credential", &KNOWN_CREDENTIALS, [pack(fingerprints)?.into()]).await?;
        Ok(rows
            .into_iter()
            .map(|(id, fingerprint, held, shredded, secret_since, provenance, place, open)| KnownCredential {
                id,
                fingerprint,
                held: held.0,
                shredded: shredded.0,
                secret_since,
                provenance,
                region: place.0,
                base_url: place.1,
                open,
            })
            .collect())
    }

    async fn known_accounts(&self, source: SourceId, ids: &[&str]) -> Result<Vec<(String, AccountId)>, LedgerError> {
        let mut line = self.look("look up accounts").await?;
        line.rows("account", &KNOWN_ACCOUNTS, [source.0.into(), pack(ids)?.into()]).await
    }

    async fn known_people(&self, source: SourceId, ids: &[(&str, &str)]) -> Result<Vec<KnownPerson>, LedgerError> {
        type Row = (PersonId, String, String, String, Option<Timestamp>, Option<Timestamp>, Option<Timestamp>);
        let mut line = self.look("look up people").await?;
        let rows: Vec<Row> = line.rows("person", &KNOWN_PEOPLE, [source.0.into(), pack(ids)?.into()]).await?;
        Ok(rows
            .into_iter()
            .map(|(id, account, member, digest, absent_since, facts_at, told_at)| KnownPerson {
                id,
                account,
                member,
                digest,
                absent_since,
                facts_at,
                told_at,
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
        let page = [source.0.into(), after.0.into(), size(limit).into()];
        self.look("page through the numbers of open connections").await?.rows("connection", &OPEN_IDS, page).await
    }

    async fn open_page(
        &self,
        source: SourceId,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<OpenRow>, LedgerError> {
        type Row = (ConnectionId, Option<Timestamp>, Option<Timestamp>, Option<UseId>, Option<CredentialId>);
        let page = [source.0.into(), after.0.into(), size(limit).into()];
        let rows: Vec<Row> =
            self.look("page through open connections").await?.rows("connection", &OPEN_PAGE, page).await?;
        Ok(rows
            .into_iter()
            .map(|(id, absent_since, told_at, usage, credential)| OpenRow {
                id,
                absent_since,
                told_at,
                open_use: usage.zip(credential),
            })
            .collect())
    }

    async fn present_people_page(
        &self,
        source: SourceId,
        after: PersonId,
        limit: usize,
    ) -> Result<Vec<PresentPerson>, LedgerError> {
        let page = [source.0.into(), after.0.into(), size(limit).into()];
        let rows: Vec<(PersonId, Option<Timestamp>, Option<Timestamp>)> =
            self.look("page through people").await?.rows("person", &PRESENT_PEOPLE_PAGE, page).await?;
        Ok(rows.into_iter().map(|(id, absent_since, told_at)| PresentPerson { id, absent_since, told_at }).collect())
    }

    async fn commit_snapshot(&self, end: &SnapshotEnd) -> Result<(), LedgerError> {
        commit::commit_snapshot(self, end).await
    }

    async fn hold_nothing_back(&self, source: SourceId) -> Result<(), LedgerError> {
        let mut tx = self.write("note that nothing of a source is held back").await?;
        tx.run(&HOLD_NOTHING, [source.0.into()]).await?;
        tx.commit().await
    }
}

type LastSaid = (Option<Timestamp>, Flag, Flag);
type LastUse = (UseId, Flag, CredentialId, Fingerprint, Flag, Flag, Option<Timestamp>, LastSaid, String);

fn known_use((id, open, credential, fingerprint, placeholder, is_first, own_from, said, account): LastUse) -> KnownUse {
    let (compromised_at, syncs, sends) = said;
    let said = Said { compromised_at, syncs: syncs.0, sends: sends.0 };
    let (open, placeholder, is_first) = (open.0, placeholder.0, is_first.0);
    KnownUse { id, open, credential, fingerprint, placeholder, account, is_first, own_from, said }
}

impl Ledger {
    async fn known_source(&self, name: &str) -> Result<Option<SourceState>, LedgerError> {
        type At = Option<Timestamp>;
        type Row = (SourceId, (At, At), At, At, i64, i64, At, Option<String>, u64);
        let rows: Vec<Row> = self.look("find a source").await?.rows("source", &SOURCE, [name.into()]).await?;
        let state = |(
            id,
            (last_complete, last_through),
            last_taken,
            last_people,
            max_connection,
            max_person,
            from,
            basis,
            last_rows,
        ): Row| {
            SourceState {
                id,
                last_complete,
                last_through,
                last_taken,
                last_people,
                changes: from.zip(basis).map(|(from, basis)| ChangesMark { from, basis }),
                max_connection,
                max_person,
                last_rows,
            }
        };
        Ok(rows.into_iter().next().map(state))
    }
}

pub(super) const NEW_SOURCE: Sql = sql!("INSERT INTO source (name) VALUES ($1) ON CONFLICT (name) DO NOTHING");

pub(super) const SOURCE: Sql = sql!(
    "SELECT " [page
        "id, " [json [array "last_complete, last_through"]] ", last_taken, last_people, coalesce((SELECT max(id) FROM connection), 0),
         coalesce((SELECT max(id) FROM person), 0), changes_from, changes_basis, last_rows"] "
     FROM source WHERE name = $1"
);

pub(super) const HOLD_NOTHING: Sql = sql!("UPDATE source SET held_back = 0, held_back_people = 0 WHERE id = $1");

pub(super) const FRESH: Sql = sql!(
    "SELECT " [page
        "coalesce((SELECT max(id) FROM connection), 0) + 1, coalesce((SELECT max(id) FROM credential), 0) + 1,
         coalesce((SELECT max(id) FROM use), 0) + 1, coalesce((SELECT max(id) FROM account), 0) + 1,
         coalesce((SELECT max(id) FROM person), 0) + 1"]
);

// CROSS JOIN keeps the order in SQLite: without it, the few look-ups are taken for many, and the whole source is walked
// for each of them.
pub(super) const KNOWN_ROWS: Sql = sql!(
    "SELECT " [page "c.external_id, c.id, c.digest, c.absent_since"] "
     FROM " [each "$2" wanted text] " CROSS JOIN connection AS c
     WHERE c.source_id = $1 AND c.external_id = wanted.value"
);

pub(super) const KNOWN_CONNECTIONS: Sql = sql!(
    "SELECT " [page
        "c.id, c.status, " [json [array "c.facts_at, c.own_date"]] ", coalesce(c.row_at, c.facts_at), coalesce(c.secret_at, c.facts_at), c.told_at,
         c.absent_since, "
        [json "(SELECT " [array
            "u.id, u.until IS NULL, k.id, k.fingerprint, k.placeholder,
             NOT EXISTS (SELECT 1 FROM use AS b
                         WHERE b.connection_id = c.id AND b.id <> u.id AND b.ended_by <> 'identified'),
             u.own_from, " [json [array "u.compromised_at, u.syncs, u.sends"]] ", a.external_id"] "
                FROM use AS u JOIN credential AS k ON k.id = u.credential_id JOIN account AS a ON a.id = u.account_id
                WHERE u.id = coalesce((SELECT o.id FROM use AS o WHERE o.connection_id = c.id AND o.until IS NULL),
                                      (SELECT max(x.id) FROM use AS x WHERE x.connection_id = c.id)))"]] "
     FROM " [each "$1" wanted bigint] "
     JOIN connection AS c ON c.id = wanted.value"
);

pub(super) const KNOWN_CREDENTIALS: Sql = sql!(
    "SELECT " [page
        "k.id, k.fingerprint, EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1),
         k.liveness = 'shredded', k.secret_since, k.provenance, " [json [array "k.region, k.base_url"]] ",
         (SELECT count(*) FROM (SELECT 1 FROM use AS u WHERE u.credential_id = k.id AND u.until IS NULL LIMIT 2) AS two)"] "
     FROM " [each "$1" wanted text] " CROSS JOIN credential AS k WHERE k.fingerprint = wanted.value"
);

pub(super) const KNOWN_ACCOUNTS: Sql = sql!(
    "SELECT " [page "a.external_id, a.id"] "
     FROM " [each "$2" wanted text] " CROSS JOIN account AS a
     WHERE a.source_id = $1 AND a.external_id = wanted.value"
);

pub(super) const KNOWN_PEOPLE: Sql = sql!(
    "SELECT " [page "p.id, a.external_id, p.member_id, p.digest, p.absent_since, p.facts_at, p.told_at"] "
     FROM " [tuples "$2" wanted (0 account text, 1 member text)] "
     CROSS JOIN account AS a
     CROSS JOIN person AS p
     WHERE a.source_id = $1 AND a.external_id = wanted.account AND p.account_id = a.id AND p.member_id = wanted.member"
);

// As below, without a look at the uses.
pub(super) const OPEN_IDS: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM connection
           WHERE source_id = $1 AND status IN ('active', 'paused') AND id > $2 ORDER BY id LIMIT $3) AS page"
);

pub(super) const OPEN_PAGE: Sql = sql!(
    "SELECT " [page by "page.id": "page.id, page.absent_since, page.told_at, u.id, u.credential_id"] "
     FROM (SELECT id, absent_since, told_at FROM connection
           WHERE source_id = $1 AND status IN ('active', 'paused') AND id > $2 ORDER BY id LIMIT $3) AS page
     LEFT JOIN use AS u ON u.connection_id = page.id AND u.until IS NULL"
);

pub(super) const PRESENT_PEOPLE_PAGE: Sql = sql!(
    "SELECT " [page "id, absent_since, told_at"] "
     FROM (SELECT id, absent_since, told_at FROM person
           WHERE source_id = $1 AND id > $2 AND status <> 'removed' ORDER BY id LIMIT $3) AS page"
);
