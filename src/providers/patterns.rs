//! The regular expressions of one provider's file, compiled once.

use std::collections::BTreeMap;

use regex::Regex;

use crate::domain::catalogue::{Probe, Provider};

/// By their own text.
pub(super) struct Patterns(BTreeMap<String, Regex>);

impl Patterns {
    /// All of a provider's.
    ///
    /// # Errors
    /// The first that is none; the catalogue's own check comes before.
    pub(super) fn of(provider: &Provider) -> Result<Self, regex::Error> {
        let shapes = provider.protocols.iter().flat_map(|p| &p.probes).filter_map(|probe| probe.when_secret.as_ref());
        let customers = provider.protocols.iter().flat_map(|p| &p.endpoints).filter_map(|e| e.customer.as_ref());
        let parts = customers.flat_map(|customer| [customer.secret.as_ref(), customer.region.as_ref()]).flatten();
        let compiled = shapes.chain(parts).map(|text| Ok((text.clone(), Regex::new(text)?)));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// Whether this question is put to a secret of this shape.
    pub(super) fn fits(&self, probe: &Probe, secret: &str) -> bool {
        let pattern = probe.when_secret.as_ref().and_then(|text| self.0.get(text));
        pattern.is_none_or(|pattern| pattern.is_match(secret))
    }

    /// What the first group of this pattern finds.
    pub(super) fn group<'t>(&self, pattern: &str, text: &'t str) -> Option<&'t str> {
        Some(self.0.get(pattern)?.captures(text)?.get(1)?.as_str())
    }
}
