//! Making connections due for judging because something beside them changed.

use sqlx::SqliteConnection;

use crate::domain::ids::{AccountId, CredentialId, PersonId};
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;

use super::store::{database, pack};

const DOING: &str = "make connections due";

/// Makes the connections of these credentials due: at once where a credential has at most 32 uses, else by a
/// note in `dirty` that JUDGE works off in pages. A key shared by 100,000 connections must not be walked here.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn by_credential(
    tx: &mut SqliteConnection,
    credentials: &[CredentialId],
    now: Timestamp,
) -> Result<(), LedgerError> {
    if credentials.is_empty() {
        return Ok(());
    }
    let ids = pack(credentials, DOING)?;
    for statement in [MARK_BY_CREDENTIAL, NOTE_BY_CREDENTIAL] {
        sqlx::query(statement).bind(&ids).bind(now.as_millis()).execute(&mut *tx).await.map_err(database(DOING))?;
    }
    Ok(())
}

/// Makes the connections of these accounts due, likewise.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn by_account(
    tx: &mut SqliteConnection,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<(), LedgerError> {
    if accounts.is_empty() {
        return Ok(());
    }
    let ids = pack(accounts, DOING)?;
    for statement in [MARK_BY_ACCOUNT, NOTE_BY_ACCOUNT] {
        sqlx::query(statement).bind(&ids).bind(now.as_millis()).execute(&mut *tx).await.map_err(database(DOING))?;
    }
    Ok(())
}

/// The accounts of these people.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn accounts_of(tx: &mut SqliteConnection, people: &[PersonId]) -> Result<Vec<AccountId>, LedgerError> {
    let page: String = sqlx::query_scalar(
        "SELECT json_group_array(DISTINCT p.account_id) FROM json_each(?1) AS wanted JOIN person AS p ON p.id = wanted.value",
    )
    .bind(pack(people, DOING)?)
    .fetch_one(tx)
    .await
    .map_err(database(DOING))?;
    super::store::unpack("person", Some(&page))
}

// The offset of 32 asks whether there is a thirty-third without counting them all.
pub(super) const MARK_BY_CREDENTIAL: &str = "
UPDATE connection SET judge_at = ?2
WHERE (judge_at IS NULL OR judge_at > ?2) AND id IN (
    SELECT u.connection_id FROM json_each(?1) AS subject JOIN use AS u ON u.credential_id = subject.value
    WHERE (SELECT 1 FROM use AS s WHERE s.credential_id = subject.value LIMIT 1 OFFSET 32) IS NULL)";

pub(super) const NOTE_BY_CREDENTIAL: &str = "
INSERT INTO dirty (kind, subject_id, cursor)
SELECT DISTINCT 'credential', value, 0 FROM json_each(?1) AS subject
WHERE (SELECT 1 FROM use AS s WHERE s.credential_id = subject.value LIMIT 1 OFFSET 32) IS NOT NULL
ON CONFLICT (kind, subject_id) DO UPDATE SET cursor = 0";

pub(super) const MARK_BY_ACCOUNT: &str = "
UPDATE connection SET judge_at = ?2
WHERE (judge_at IS NULL OR judge_at > ?2) AND id IN (
    SELECT c.id FROM json_each(?1) AS subject JOIN connection AS c ON c.account_id = subject.value
    WHERE (SELECT 1 FROM connection AS s WHERE s.account_id = subject.value LIMIT 1 OFFSET 32) IS NULL)";

pub(super) const NOTE_BY_ACCOUNT: &str = "
INSERT INTO dirty (kind, subject_id, cursor)
SELECT DISTINCT 'account', value, 0 FROM json_each(?1) AS subject
WHERE (SELECT 1 FROM connection AS s WHERE s.account_id = subject.value LIMIT 1 OFFSET 32) IS NOT NULL
ON CONFLICT (kind, subject_id) DO UPDATE SET cursor = 0";
