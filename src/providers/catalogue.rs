//! The shipped catalogue: one file a provider, embedded and checked.

use std::collections::BTreeMap;

use regex::Regex;
use url::Url;

use crate::domain::catalogue::{Blank, ProtocolKind, Provider, Word};
use crate::domain::ids::ProviderName;
use crate::domain::remedy::Situation;

/// The shipped files, by name.
const FILES: [(&str, &str); 3] = [
    ("convertkit.toml", include_str!("../../config/providers/convertkit.toml")),
    ("kit.toml", include_str!("../../config/providers/kit.toml")),
    ("mailjet.toml", include_str!("../../config/providers/mailjet.toml")),
];

/// All that is known of providers.
#[derive(Clone, Debug)]
pub struct Catalogue {
    providers: BTreeMap<ProviderName, Provider>,
    version: String,
}

/// A catalogue file that can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}: {what}")]
pub struct CatalogueError {
    /// the file's name
    pub file: String,
    /// what is wrong, with the key, and what to do
    pub what: String,
}

impl Catalogue {
    /// The shipped catalogue.
    ///
    /// # Errors
    /// Where a file of this build is wrong; a test keeps that from happening.
    pub fn shipped() -> Result<Self, CatalogueError> {
        let mut providers = BTreeMap::new();
        for (file, text) in FILES {
            let provider = read(file, text)?;
            providers.insert(provider.name.clone(), provider);
        }
        let version = FILES.iter().map(|(_, text)| *text).collect();
        Ok(Self { providers, version })
    }

    /// One provider.
    pub fn get(&self, name: &ProviderName) -> Option<&Provider> {
        self.providers.get(name)
    }

    /// Every provider, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.providers.values()
    }

    /// Every name.
    pub fn names(&self) -> Vec<&str> {
        self.providers.keys().map(ProviderName::as_str).collect()
    }

    /// Everything that the files say: what was judged under another text is due again.
    pub fn text(&self) -> &str {
        &self.version
    }
}

/// Reads and checks one catalogue file.
///
/// # Errors
/// Names the file, the key and what to do.
pub fn read(file: &str, text: &str) -> Result<Provider, CatalogueError> {
    let fail = |what: String| CatalogueError { file: file.to_owned(), what };
    let provider: Provider = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
    check(&provider).map_err(fail)?;
    Ok(provider)
}

fn check(provider: &Provider) -> Result<(), String> {
    if provider.limits.requests == 0 || provider.limits.per_seconds == 0 || provider.limits.in_flight == 0 {
        return Err("limits: must be at least 1 each".to_owned());
    }
    if let Some(missing) = Situation::ALL.iter().find(|s| provider.remedies.steps.get(s).is_none_or(Vec::is_empty)) {
        return Err(format!("remedies.steps: no steps for {missing:?}"));
    }
    if provider.protocols.is_empty() {
        return Err("protocol: at least one is needed".to_owned());
    }
    for protocol in &provider.protocols {
        let at = format!("protocol {}", protocol.name);
        if protocol.endpoints.is_empty() {
            return Err(format!("{at}: no endpoint"));
        }
        if (protocol.kind == ProtocolKind::Http) == protocol.probes.is_empty() {
            return Err(format!("{at}: HTTP needs a probe and SMTP has none"));
        }
        for endpoint in &protocol.endpoints {
            let scheme = if protocol.kind == ProtocolKind::Http { "https" } else { "smtp" };
            // Any label will do: what counts is that the whole is an address.
            let filled = endpoint.base.fill(|blank| (blank == Blank::Customer).then_some("customer"));
            let address = filled.and_then(|text| Url::parse(&text).ok());
            if address.is_none_or(|address| address.scheme() != scheme) {
                return Err(format!("{at}: endpoint {}: the address must begin with {scheme}://", endpoint.name));
            }
        }
        for probe in &protocol.probes {
            if !probe.path.starts_with('/') {
                return Err(format!("{at}: probe {}: the path must begin with a slash", probe.path));
            }
            if let Some(shape) = &probe.when_secret {
                Regex::new(shape).map_err(|error| format!("{at}: probe {}: when_secret: {error}", probe.path))?;
            }
            if let Some(row) = probe.answers.iter().find(|r| (r.verdict == Word::Unknown) != r.reason.is_some()) {
                return Err(format!("{at}: probe {}: answer {}: a reason belongs to unknown", probe.path, row.status));
            }
        }
    }
    Ok(())
}
