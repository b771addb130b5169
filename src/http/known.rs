//! Whether there is what a list is narrowed to: pages and API say the same of it.

use super::page::About;
use crate::domain::ids::ProviderName;
use crate::ledger::Ledger;
use crate::ledger::read::Overview;
use crate::ports::LedgerError;

/// True for a provider of the catalogue or of the ledger; and for any, as long as nobody has counted what the ledger has.
pub(super) fn is_provider(about: &About, counted: Option<&Overview>, name: &ProviderName) -> bool {
    about.providers.contains_key(name) || counted.is_none_or(|overview| overview.providers.contains_key(name))
}

/// True for a source of the configuration, or one that was read once.
///
/// # Errors
/// [`LedgerError`], as for every reading.
pub(super) async fn is_source(about: &About, ledger: &Ledger, name: &str) -> Result<bool, LedgerError> {
    Ok(about.sources.contains_key(name) || ledger.sources().await?.iter().any(|source| source.name == name))
}
