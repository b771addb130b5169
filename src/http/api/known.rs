//! Names that a list is narrowed to. One that nobody has is refused: an empty list would look like a clean estate.

use super::query::Text;
use super::refused::Refused;
use crate::domain::ids::ProviderName;
use crate::http::ops::Ops;

/// The provider of this name: of the catalogue, or of the ledger.
///
/// # Errors
/// Where neither has it.
pub(super) fn provider(ops: &Ops, asked: Option<Text>) -> Result<Option<ProviderName>, Refused> {
    let Some(name) = asked.map(|name| ProviderName::new(name.as_str())) else { return Ok(None) };
    let counted = ops.shown.overview();
    let is_seen = counted.as_ref().is_none_or(|overview| overview.providers.contains_key(&name));
    if is_seen || ops.shown.about().providers.contains_key(&name) {
        return Ok(Some(name));
    }
    Err(Refused::unknown("provider", "there is no provider of this name; /api/v1/providers has those that there are"))
}

/// The source of this name: of the configuration, or one that was read once.
///
/// # Errors
/// Where neither is there, and where the ledger doesn't answer.
pub(super) async fn source(ops: &Ops, asked: Option<Text>) -> Result<Option<String>, Refused> {
    let Some(name) = asked.map(Text::into_string) else { return Ok(None) };
    if ops.shown.about().sources.contains_key(&name) {
        return Ok(Some(name));
    }
    if ops.ledger.sources().await?.iter().any(|source| source.name == name) {
        return Ok(Some(name));
    }
    Err(Refused::unknown("source", "there is no source of this name; /api/v1/sources has those that there are"))
}
