//! Which ways in could hold a credential, in the order in which they are asked (pure).

use url::Url;

use super::http::ProviderSettings;
use crate::domain::catalogue::{Endpoint, Probe, Protocol, ProtocolKind, Provider};

/// One way in.
pub(super) struct Way<'a> {
    /// its protocol
    pub(super) protocol: &'a Protocol,
    /// its endpoint's name
    pub(super) endpoint: &'a str,
    /// how it is asked
    pub(super) asked: Asked<'a>,
}

/// How a way in is asked.
pub(super) enum Asked<'a> {
    /// a GET
    Http {
        /// the endpoint's address, or the test's
        base: Url,
        /// the question
        probe: &'a Probe,
    },
    /// there is no prober for its protocol
    Nobody,
}

/// The ways for a credential of this region (`None`: unknown, so everywhere), whose shape fits the probes that
/// `shape` lets through. An address is asked once, whatever number of endpoints leads to it.
pub(super) fn route<'a>(
    provider: &'a Provider,
    settings: &'a ProviderSettings,
    region: Option<&str>,
    shape: impl Fn(&Probe) -> bool + 'a,
) -> Vec<Way<'a>> {
    let mut ways = Vec::new();
    let wanted = |protocol: &&Protocol| settings.protocols.as_ref().is_none_or(|only| only.contains(&protocol.name));
    for protocol in provider.protocols.iter().filter(wanted) {
        let test = settings.test_endpoints.get(&protocol.name);
        let mut bases: Vec<&Url> = Vec::new();
        for endpoint in endpoints(protocol, region) {
            let base = test.unwrap_or(&endpoint.base);
            if bases.contains(&base) {
                continue;
            }
            bases.push(base);
            match protocol.kind {
                ProtocolKind::Smtp => ways.push(Way { protocol, endpoint: &endpoint.name, asked: Asked::Nobody }),
                ProtocolKind::Http => ways.extend(protocol.probes.iter().filter(|probe| shape(probe)).map(|probe| {
                    Way { protocol, endpoint: &endpoint.name, asked: Asked::Http { base: base.clone(), probe } }
                })),
            }
        }
    }
    ways
}

/// The endpoint of a known region alone; else all, for a key must be refused wherever it could live.
fn endpoints<'a>(protocol: &'a Protocol, region: Option<&str>) -> Vec<&'a Endpoint> {
    let of = |region: &str| {
        let region = region.trim();
        protocol.endpoints.iter().find(|e| e.regions.iter().any(|name| name.eq_ignore_ascii_case(region)))
    };
    match region.and_then(of) {
        Some(endpoint) => vec![endpoint],
        None => protocol.endpoints.iter().collect(),
    }
}
