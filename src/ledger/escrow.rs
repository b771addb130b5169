//! The sealed copies: the one table whose rows are never deleted and never change their size.
//!
//! A row is appended, overwritten in place when its copy is shredded, and overwritten in place again when the same
//! credential is sealed anew. SQLite then has no reason to move it, so that no page keeps an older image of it; what the
//! write-ahead log keeps goes with [`scrub`] (see `migrations/README.md`).

use sqlx::SqliteConnection;

use crate::domain::ids::CredentialId;
use crate::ports::LedgerError;

use super::Ledger;
use super::store::{database, pack};

const DOING: &str = "keep sealed copies";

/// Adds the copies of credentials that have none.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn insert(tx: &mut SqliteConnection, copies: &[(CredentialId, &str)]) -> Result<(), LedgerError> {
    run(tx, INSERT, pack(copies, DOING)?, copies.is_empty()).await
}

/// Adds copies of known credentials: into their own overwritten rows where the length fits, else as new rows. A copy
/// that is still held stays as it is.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn renew(tx: &mut SqliteConnection, copies: &[(CredentialId, String)]) -> Result<(), LedgerError> {
    let rows = pack(copies, DOING)?;
    run(tx, REFILL, rows.clone(), copies.is_empty()).await?;
    run(tx, INSERT, rows, copies.is_empty()).await
}

/// Overwrites the copies of these credentials.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn shred(tx: &mut SqliteConnection, credentials: &[CredentialId]) -> Result<(), LedgerError> {
    run(tx, SHRED, pack(credentials, DOING)?, credentials.is_empty()).await
}

/// Moves the write-ahead log into the database and empties it, so that no older image of an overwritten copy is left.
///
/// # Errors
/// [`LedgerError::Busy`] while another connection still reads an older state: try again later.
pub(super) async fn scrub(ledger: &Ledger) -> Result<(), LedgerError> {
    const DOING: &str = "empty the write-ahead log";
    let (busy, _, _): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(ledger.pool()).await.map_err(database(DOING))?;
    if busy == 0 {
        Ok(())
    } else {
        // The statement itself succeeds then; only its row tells.
        Err(LedgerError::Busy(format!(
            "it was to {DOING}: another process still reads; what was shredded is in it until then"
        )))
    }
}

async fn run(tx: &mut SqliteConnection, statement: &'static str, rows: String, empty: bool) -> Result<(), LedgerError> {
    if !empty {
        sqlx::query(statement).bind(rows).execute(tx).await.map_err(database(DOING))?;
    }
    Ok(())
}

const INSERT: &str = "
INSERT INTO escrow (credential_id, held, sealed)
SELECT value ->> 0, 1, value ->> 1 FROM json_each(?1) AS copy
WHERE NOT EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = copy.value ->> 0 AND e.held = 1)
ORDER BY copy.key";

const REFILL: &str = "
UPDATE escrow SET held = 1, sealed = v.sealed
FROM (SELECT value ->> 1 AS sealed,
             (SELECT min(e.id) FROM escrow AS e WHERE e.credential_id = value ->> 0 AND e.held = 0
              AND length(e.sealed) = length(value ->> 1)) AS id
      FROM json_each(?1)
      WHERE NOT EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = value ->> 0 AND e.held = 1)) AS v
WHERE escrow.id = v.id";

const SHRED: &str = "
UPDATE escrow SET held = 0, sealed = printf('%0*d', length(sealed), 0)
WHERE held = 1 AND credential_id IN (SELECT value FROM json_each(?1))";
