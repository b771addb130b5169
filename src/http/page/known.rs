//! Names that a list can be narrowed to: those of the configuration and those that the ledger has beside them.

use std::collections::BTreeSet;

use super::frame::Scene;
use crate::domain::ids::ProviderName;

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
