//! What the operator and the catalogue say of how a provider is asked, put together.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use crate::domain::catalogue::{Protocol, Provider};
use crate::domain::ids::ProviderName;
use crate::domain::secret::Secret;

/// How one provider is asked.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// so many questions in so long; `None` for as fast as it goes, over every protocol
    pub pace: Option<(u32, Duration)>,
    /// questions under way at once, at least one
    pub in_flight: usize,
    /// by protocol, addresses that are asked instead of the provider's; TLS is then not demanded, and any address is
    /// dialled. A protocol that has none beside one that has is not asked at all: a test must not reach a provider
    pub test_endpoints: BTreeMap<String, Url>,
    /// the protocols to be asked over; all where `None`
    pub protocols: Option<Vec<String>>,
    /// the operator's own credential: public half and secret
    pub control: Option<(Option<String>, Secret)>,
    /// for one question
    pub timeout: Duration,
    /// for the connection of one question
    pub connect_timeout: Duration,
}

impl ProviderSettings {
    /// Whether credentials go to addresses of a test, and nowhere else.
    pub fn is_test(&self) -> bool {
        !self.test_endpoints.is_empty()
    }

    /// Whether the operator wants this protocol to be asked.
    pub(super) fn wants(&self, protocol: &Protocol) -> bool {
        self.protocols.as_ref().is_none_or(|only| only.contains(&protocol.name))
    }

    /// # Errors
    /// A setting that names a protocol which the provider doesn't have.
    pub(crate) fn check(&self, provider: &Provider) -> Result<(), ProberError> {
        let known: Vec<&str> = provider.protocols.iter().map(|protocol| protocol.name.as_str()).collect();
        let of_tests = self.test_endpoints.keys().map(|name| ("dangerous_test_endpoints", name));
        let mut named = self.protocols.iter().flatten().map(|name| ("protocols", name)).chain(of_tests);
        match named.find(|(_, name)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((setting, unknown)) => Err(ProberError::NoProtocol {
                provider: provider.name.clone(),
                setting,
                protocol: unknown.clone(),
                known: known.join(", "),
            }),
        }
    }
}

/// Why the prober can't be made: the machine's TLS set-up, or a setting.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// no client
    #[error("no client for {provider}: {what}")]
    Client {
        /// for which provider
        provider: ProviderName,
        /// the client's own words
        what: String,
    },
    /// a setting names a protocol that the provider doesn't have
    #[error("providers.{provider}.{setting}: {protocol:?} is not one of its protocols ({known})")]
    NoProtocol {
        /// whose setting
        provider: ProviderName,
        /// which of them
        setting: &'static str,
        /// what it names
        protocol: String,
        /// what there is
        known: String,
    },
}
