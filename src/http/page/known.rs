//! Names that a list can be narrowed to: those of the configuration and those that the ledger has beside them. One that nobody has
//! is nowhere: an empty list would look like a clean estate.

use std::collections::BTreeSet;

use super::frame::{Ask, Scene};
use super::query::{Fault, Query};
use super::trouble::Trouble;
use super::words::harmless_line;
use crate::domain::ids::ProviderName;
use crate::http::known::{is_provider, is_source};

/// The provider that a list is narrowed to.
///
/// # Errors
/// Where there is none of this name.
pub(super) fn provider(ask: &Ask, query: &Query) -> Result<Option<ProviderName>, Trouble> {
    let Some(name) = query.text("provider").map(ProviderName::new) else { return Ok(None) };
    let Scene { about, overview, .. } = &ask.scene;
    if is_provider(about, overview.as_deref(), &name) {
        return Ok(Some(name));
    }
    let what = format!(
        "There is no provider {}. The page of providers has those that there are.",
        harmless_line(name.as_str())
    );
    Err(Trouble::Unknown(Fault { field: "provider".to_owned(), what }))
}

/// The source that a list is narrowed to.
///
/// # Errors
/// Where there is none of this name, and where the ledger doesn't answer.
pub(super) async fn source(ask: &Ask, query: &Query) -> Result<Option<String>, Trouble> {
    let Some(name) = query.text("source") else { return Ok(None) };
    if is_source(&ask.scene.about, &ask.ledger, name).await? {
        return Ok(Some(name.to_owned()));
    }
    let what = format!("There is no source {}. The page of sources has those that there are.", harmless_line(name));
    Err(Trouble::Unknown(Fault { field: "source".to_owned(), what }))
}

/// Providers that there are rows of, or that are in the catalogue, each with how people write it.
pub(super) fn providers(scene: &Scene) -> Vec<(String, String)> {
    let seen = scene.overview.iter().flat_map(|overview| overview.providers.keys());
    let names: BTreeSet<&ProviderName> = scene.about.providers.keys().chain(seen).collect();
    names.into_iter().map(|name| (name.as_str().to_owned(), scene.title(name))).collect()
}

/// Sources that are configured, or were read once.
pub(super) fn sources(scene: &Scene) -> Vec<(String, String)> {
    let seen = scene.overview.iter().flat_map(|overview| &overview.sources).map(|source| &source.name);
    let names: BTreeSet<&String> = scene.about.sources.keys().chain(seen).collect();
    names.into_iter().map(|name| (name.clone(), name.clone())).collect()
}
