//! The sealed copies, and how they are destroyed (see `migrations/README.md`).
//!
//! In SQLite a row is appended, overwritten in place when its copy is shredded, and overwritten in place again when the same
//! credential is sealed anew. SQLite then has no reason to move it, so that no page keeps an older image of it; what the
//! write-ahead log keeps goes with [`scrub`].
//!
//! PostgreSQL never overwrites: there the row is deleted, and [`scrub`] has the table written anew without it.

use std::time::Duration;

use sqlx::{PgPool, SqlitePool};

use super::Ledger;
use super::failure::{database, heard};
use super::packed::pack;
use super::session::Session;
use super::sql::Sql;
use super::store::Pools;
use crate::domain::ids::CredentialId;
use crate::ports::LedgerError;

/// Adds the copies of credentials that have none.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn insert(tx: &mut Session, copies: &[(CredentialId, &str)]) -> Result<(), LedgerError> {
    if !copies.is_empty() {
        tx.run(&INSERT, [pack(copies)?.into()]).await?;
    }
    Ok(())
}

/// Adds copies of known credentials: into their own overwritten rows where the length fits, else as new rows. A copy
/// that is still held stays as it is.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn renew(tx: &mut Session, copies: &[(CredentialId, String)]) -> Result<(), LedgerError> {
    if !copies.is_empty() {
        let rows = pack(copies)?;
        tx.run(&REFILL, [(&rows).into()]).await?;
        tx.run(&INSERT, [rows.into()]).await?;
    }
    Ok(())
}

/// Overwrites the copies of these credentials; in PostgreSQL deletes them.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn shred(tx: &mut Session, credentials: &[CredentialId]) -> Result<(), LedgerError> {
    if !credentials.is_empty() {
        tx.run(&SHRED, [pack(credentials)?.into()]).await?;
    }
    Ok(())
}

/// Makes sure that no file of the database has a copy that was shredded. What a database logs for its own recovery is
/// emptied in SQLite; PostgreSQL's write-ahead log is outside of the promise.
///
/// # Errors
/// [`LedgerError::Busy`] while somebody still reads an older state: try again later.
pub(super) async fn scrub(ledger: &Ledger) -> Result<(), LedgerError> {
    match ledger.pools() {
        Pools::Sqlite { pool, .. } => empty_journal(pool).await,
        Pools::Postgres { writer, silence, .. } => write_anew(writer, *silence).await,
    }
}

/// Moves the write-ahead log into the database and empties it, so that no older image of an overwritten copy is left.
async fn empty_journal(pool: &SqlitePool) -> Result<(), LedgerError> {
    const DOING: &str = "empty the write-ahead log";
    let (busy, _, _): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(pool).await.map_err(database(DOING))?;
    if busy == 0 {
        Ok(())
    } else {
        // The statement itself succeeds then; only its row tells.
        Err(still_read(DOING))
    }
}

/// Writes the table anew where copies were deleted since the last time. A plain VACUUM would leave their bytes in the holes
/// of the pages.
async fn write_anew(writer: &PgPool, silence: Duration) -> Result<(), LedgerError> {
    const DOING: &str = "write the table of sealed copies anew";
    let mut connection = writer.acquire().await.map_err(database(DOING))?;
    let line = &mut *connection;
    let due = heard(silence, sqlx::query_scalar::<_, String>(TO_SCRUB).fetch_optional(&mut *line)).await;
    let Some(shredding) = due.map_err(database(DOING))? else { return Ok(()) };
    heard(silence, sqlx::query("VACUUM (FULL) escrow").execute(&mut *line)).await.map_err(database(DOING))?;
    // It succeeds as well where somebody can still see deleted rows, and takes them along.
    let left = heard(silence, sqlx::query_scalar::<_, bool>(TAKEN_ALONG).fetch_one(&mut *line)).await;
    if left.map_err(database(DOING))? {
        return Err(still_read(DOING));
    }
    // What was shredded since is still there: its own note stays.
    heard(silence, sqlx::query(SCRUBBED).bind(shredding).execute(line)).await.map_err(database(DOING))?;
    Ok(())
}

fn still_read(doing: &str) -> LedgerError {
    LedgerError::Busy(format!(
        "it was to {doing}: somebody still reads an older state; what was shredded is in it until then"
    ))
}

pub(super) const INSERT: Sql = sql!(
    "INSERT INTO escrow (credential_id, held, sealed)
     SELECT v.id, 1, v.sealed FROM " [tuples "$1" v (0 id bigint, 1 sealed text)] "
     WHERE NOT EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = v.id AND e.held = 1)"
);

pub(super) const REFILL: Sql = sql!(
    "UPDATE escrow SET held = 1, sealed = place.sealed
     FROM (SELECT v.sealed,
                  (SELECT min(e.id) FROM escrow AS e WHERE e.credential_id = v.id AND e.held = 0
                   AND length(e.sealed) = length(v.sealed)) AS id
           FROM " [tuples "$1" v (0 id bigint, 1 sealed text)] "
           WHERE NOT EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = v.id AND e.held = 1)) AS place
     WHERE escrow.id = place.id"
);

/// PostgreSQL is also to remember that the table must be written anew, in the same transaction, and which was the last to ask
/// for that.
pub(super) const SHRED: Sql = sql!(
    ["UPDATE escrow SET held = 0, sealed = printf('%0*d', length(sealed), 0)
      WHERE held = 1 AND credential_id IN "
   | "WITH gone AS (DELETE FROM escrow WHERE credential_id IN "]
    [within "$1" bigint]
    ["" | " RETURNING 1)
     INSERT INTO meta (key, value) SELECT 'to_scrub', txid_current()::text WHERE EXISTS (SELECT 1 FROM gone)
     ON CONFLICT (key) DO UPDATE SET value = excluded.value"]
);

const TO_SCRUB: &str = "SELECT value FROM meta WHERE key = 'to_scrub'";

/// Right after the table was written anew, its index counts all rows that were written; those that no new statement sees
/// are deleted ones. As `real`, since that is how the server counts there.
const TAKEN_ALONG: &str = "
    SELECT reltuples > (SELECT count(*)::real FROM escrow) FROM pg_class WHERE oid = 'escrow_pkey'::regclass";

const SCRUBBED: &str = "DELETE FROM meta WHERE key = 'to_scrub' AND value = $1";
