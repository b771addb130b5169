//! Which ways in could hold a credential, in the order in which they are asked (pure).

use url::Url;

use super::http::ProviderSettings;
use crate::domain::catalogue::{Endpoint, Probe, Protocol, ProtocolKind, Provider};
use crate::domain::outcome::Reason;

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
    /// it can't be: why
    Nobody(Reason),
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
        let mut bases: Vec<Url> = Vec::new();
        for endpoint in endpoints(protocol, region) {
            let way = |asked| Way { protocol, endpoint: &endpoint.name, asked };
            let Some(base) = test.cloned().or_else(|| address(endpoint)) else {
                ways.push(way(Asked::Nobody(Reason::NoAddress)));
                continue;
            };
            if bases.contains(&base) {
                continue;
            }
            bases.push(base.clone());
            match protocol.kind {
                ProtocolKind::Smtp => ways.push(way(Asked::Nobody(Reason::NoProber))),
                ProtocolKind::Http => {
                    let probes = protocol.probes.iter().filter(|probe| shape(probe));
                    ways.extend(probes.map(|probe| way(Asked::Http { base: base.clone(), probe })));
                }
            }
        }
    }
    ways
}

/// The endpoint's own address; `None` where it differs from customer to customer.
fn address(endpoint: &Endpoint) -> Option<Url> {
    Url::parse(&endpoint.base.fill(|_| None)?).ok()
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
