//! Packed pages, in and out: one JSON text a statement, rows as lists of columns.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::secret;
use crate::ports::LedgerError;

/// Rows as the one JSON bind of a statement.
///
/// # Errors
/// [`LedgerError::Database`], for values that JSON can't carry; our own rows have none.
pub(super) fn pack<T: Serialize + ?Sized>(rows: &T) -> Result<String, LedgerError> {
    serde_json::to_string(rows)
        .map_err(|error| LedgerError::Database { doing: "write rows as JSON", source: Box::new(error) })
}

/// The rows of one packed page: `page` is a JSON list, or nothing for an empty one.
///
/// # Errors
/// [`LedgerError::Inconsistent`] where a row of `table` is not what our own code writes.
pub(super) fn unpack<T: DeserializeOwned>(table: &'static str, page: Option<&str>) -> Result<Vec<T>, LedgerError> {
    serde_json::from_str(page.unwrap_or("[]")).map_err(|error| LedgerError::Inconsistent {
        table,
        row: format!("at {}", error.column()),
        what: error.to_string(),
    })
}

/// A page's size as the database counts.
pub(super) fn size(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A truth value on its way out: SQLite says 1 and 0, PostgreSQL true and false, a column of either 1 and 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Truth")]
pub(super) struct Flag(pub(super) bool);

#[derive(Deserialize)]
#[serde(untagged)]
enum Truth {
    Word(bool),
    Number(i64),
}

impl From<Truth> for Flag {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::Word(word) => Self(word),
            Truth::Number(number) => Self(number != 0),
        }
    }
}

/// Reads a truth value (see [`Flag`]).
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Flag::deserialize(deserializer).map(|flag| flag.0)
}

/// Reads a truth value that may be missing.
pub(super) fn maybe_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Option::<Flag>::deserialize(deserializer).map(|flag| flag.map(|flag| flag.0))
}

/// Reads a public half and keeps only what people may see of it.
pub(super) fn key_tail<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(|key_id| key_id.as_deref().map(secret::tail).unwrap_or_default())
}
