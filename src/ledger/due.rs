//! Making connections due for judging because something beside them changed.

use crate::domain::ids::{AccountId, CredentialId, PersonId};
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;

use super::packed::pack;
use super::session::Session;
use super::sql::Sql;
use super::turn;

/// Makes the connections of these credentials due: at once where a credential has at most 32 uses, else by a
/// note in `dirty` that JUDGE works off in pages. A key shared by 100,000 connections must not be walked here.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn by_credential(
    tx: &mut Session,
    credentials: &[CredentialId],
    now: Timestamp,
) -> Result<(), LedgerError> {
    if credentials.is_empty() {
        return Ok(());
    }
    turn::acted(tx).await?;
    let ids = pack(credentials)?;
    for statement in [&MARK_BY_CREDENTIAL, &NOTE_BY_CREDENTIAL] {
        tx.run(statement, [(&ids).into(), now.into()]).await?; // a note has no use for the instant
    }
    Ok(())
}

/// Makes the connections of these accounts due, likewise.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn by_account(tx: &mut Session, accounts: &[AccountId], now: Timestamp) -> Result<(), LedgerError> {
    if accounts.is_empty() {
        return Ok(());
    }
    turn::acted(tx).await?;
    let ids = pack(accounts)?;
    for statement in [&MARK_BY_ACCOUNT, &NOTE_BY_ACCOUNT] {
        tx.run(statement, [(&ids).into(), now.into()]).await?; // a note has no use for the instant
    }
    Ok(())
}

/// The accounts of these people.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn accounts_of(tx: &mut Session, people: &[PersonId]) -> Result<Vec<AccountId>, LedgerError> {
    tx.rows("person", &ACCOUNTS_OF, [pack(people)?.into()]).await
}

/// The accounts of everybody who has one of these addresses: what its server says of it holds for all of them.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn accounts_of_addresses(tx: &mut Session, addresses: &[&str]) -> Result<Vec<AccountId>, LedgerError> {
    tx.rows("person", &ACCOUNTS_OF_ADDRESSES, [pack(addresses)?.into()]).await
}

pub(super) const ACCOUNTS_OF: Sql = sql!(
    "SELECT " [numbers "DISTINCT p.account_id"] "
     FROM " [each "$1" wanted bigint] " JOIN person AS p ON p.id = wanted.value"
);

pub(super) const ACCOUNTS_OF_ADDRESSES: Sql = sql!(
    "SELECT " [numbers "DISTINCT p.account_id"] "
     FROM " [each "$1" wanted text] " JOIN person AS p ON p.email = wanted.value"
);

// The offset of 32 asks whether there is a thirty-third without counting them all.
pub(super) const MARK_BY_CREDENTIAL: Sql = sql!(
    "UPDATE connection SET judge_at = $2
     WHERE (judge_at IS NULL OR judge_at > $2) AND id IN (
         SELECT u.connection_id FROM " [each "$1" subject bigint] " JOIN use AS u ON u.credential_id = subject.value
         WHERE (SELECT 1 FROM use AS s WHERE s.credential_id = subject.value LIMIT 1 OFFSET 32) IS NULL)"
);

pub(super) const NOTE_BY_CREDENTIAL: Sql = sql!(
    "INSERT INTO dirty (kind, subject_id, cursor)
     SELECT DISTINCT 'credential', value, 0 FROM " [each "$1" subject bigint] "
     WHERE (SELECT 1 FROM use AS s WHERE s.credential_id = subject.value LIMIT 1 OFFSET 32) IS NOT NULL
     ON CONFLICT (kind, subject_id) DO UPDATE SET cursor = 0"
);

pub(super) const MARK_BY_ACCOUNT: Sql = sql!(
    "UPDATE connection SET judge_at = $2
     WHERE (judge_at IS NULL OR judge_at > $2) AND id IN (
         SELECT c.id FROM " [each "$1" subject bigint] " JOIN connection AS c ON c.account_id = subject.value
         WHERE (SELECT 1 FROM connection AS s WHERE s.account_id = subject.value LIMIT 1 OFFSET 32) IS NULL)"
);

pub(super) const NOTE_BY_ACCOUNT: Sql = sql!(
    "INSERT INTO dirty (kind, subject_id, cursor)
     SELECT DISTINCT 'account', value, 0 FROM " [each "$1" subject bigint] "
     WHERE (SELECT 1 FROM connection AS s WHERE s.account_id = subject.value LIMIT 1 OFFSET 32) IS NOT NULL
     ON CONFLICT (kind, subject_id) DO UPDATE SET cursor = 0"
);
