//! Names that a list is narrowed to. One that nobody has is refused: an empty list would look like a clean estate. So is one that
//! several have: whoever asks for one is not to be told of another.

use super::query::Text;
use super::refused::Refused;
use crate::domain::ids::ProviderName;
use crate::http::known::{is_provider, is_source};
use crate::http::ops::Ops;
use crate::ledger::read::{Longer, Meant};

/// The provider of this name: of the catalogue, or of the ledger.
///
/// # Errors
/// Where neither has it.
pub(super) fn provider(ops: &Ops, asked: Option<Text>) -> Result<Option<ProviderName>, Refused> {
    let Some(name) = asked.map(|name| ProviderName::new(name.as_str())) else { return Ok(None) };
    if is_provider(&ops.shown.about(), ops.shown.overview().as_deref(), &name) {
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
    if is_source(&ops.shown.about(), &ops.ledger, &name).await? {
        return Ok(Some(name));
    }
    Err(Refused::unknown("source", "there is no source of this name; /api/v1/sources has those that there are"))
}

/// The account of this id on the platform, in whatever source.
///
/// # Errors
/// Where nobody has it, and where the ledger doesn't answer.
pub(super) async fn account(ops: &Ops, asked: Option<Text>) -> Result<Option<String>, Refused> {
    let Some(id) = asked.map(Text::into_string) else { return Ok(None) };
    if ops.ledger.sources_of_account(&id).await?.is_empty() {
        return Err(Refused::unknown("account", "there is no account of this id"));
    }
    Ok(Some(id))
}

/// The credential that `field` names.
///
/// # Errors
/// Where the ledger has none of this name, and where it has several, with longer names for them.
pub(super) fn credential<T>(field: &str, name: &str, meant: Meant<T>) -> Result<T, Refused> {
    match meant {
        Meant::One(one) => Ok(one),
        Meant::Nothing => Err(Refused::unknown(field, format!("no credential ends in {name}"))),
        Meant::Several(several) => Err(Refused::conflict(field, Longer::ask(name, &several))),
    }
}
