//! Packed pages on their way out: one result row, a JSON list of rows, each a JSON list of columns.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use sqlx::query::QueryScalar;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::Ledger;
use super::store::{database, unpack};
use crate::domain::secret;
use crate::ports::LedgerError;

/// A statement whose one result is a packed page.
pub(super) type Page<'q> = QueryScalar<'q, Sqlite, String, SqliteArguments>;

impl Ledger {
    /// Several reads of one moment.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub(super) async fn moment(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, LedgerError> {
        self.pool().begin().await.map_err(database(doing))
    }
}

/// The rows of a packed page, in its order. `table` is what an unreadable row is reported under.
///
/// # Errors
/// [`LedgerError::Inconsistent`] where a row is not what our own code writes.
pub(super) async fn rows<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    table: &'static str,
    doing: &'static str,
    page: Page<'_>,
) -> Result<Vec<T>, LedgerError> {
    let text = page.fetch_one(connection).await.map_err(database(doing))?;
    unpack(table, Some(&text))
}

/// A limit as the database takes it.
pub(super) fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Reads a truth value, which SQLite keeps as 0 or 1.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    i64::deserialize(deserializer).map(|value| value != 0)
}

/// Reads a truth value that may be missing.
pub(super) fn maybe_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Option::<i64>::deserialize(deserializer).map(|value| value.map(|value| value != 0))
}

/// Reads a public half and keeps only what people may see of it.
pub(super) fn key_tail<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(|key_id| key_id.as_deref().map(secret::tail).unwrap_or_default())
}
