//! A whole copy of a ledger in PostgreSQL, as an SQLite file.
use std::path::Path;
use super::OpenError;
pub(super) async fn to_sqlite(_url: &str, _to: &Path) -> Result<(), OpenError> {
    Err(OpenError::Url { what: "not yet".to_owned() })
}
