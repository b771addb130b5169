//! Which ways in could hold a credential, in the order in which they are asked (pure).

use url::Url;

use super::ProviderSettings;
use super::address::{Place, address, endpoints};
use super::patterns::Patterns;
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
    /// a login
    Smtp {
        /// the endpoint's address, or the test's
        address: Url,
    },
    /// it can't be: why
    Nobody(Reason),
    /// the operator wants it left out
    LeftOut,
}

/// The ways for a credential of this place (region unknown: everywhere), whose secret fits the probes. An address is
/// asked once, whatever number of endpoints leads to it.
pub(super) fn route<'a>(
    provider: &'a Provider,
    settings: &'a ProviderSettings,
    patterns: &Patterns,
    place: &Place<'_>,
) -> Vec<Way<'a>> {
    let mut ways = Vec::new();
    for protocol in &provider.protocols {
        let mut bases: Vec<Url> = Vec::new();
        for endpoint in endpoints(protocol, place.region) {
            let way = |asked| Way { protocol, endpoint: &endpoint.name, asked };
            if !settings.wants(protocol) {
                ways.push(way(Asked::LeftOut));
                break; // one word for the whole protocol
            }
            let base = match base(protocol, endpoint, settings, place, patterns) {
                Ok(base) => base,
                Err(reason) => {
                    ways.push(way(Asked::Nobody(reason)));
                    continue;
                }
            };
            if bases.contains(&base) {
                continue;
            }
            bases.push(base.clone());
            match protocol.kind {
                ProtocolKind::Smtp => ways.push(way(Asked::Smtp { address: base })),
                ProtocolKind::Http => {
                    let probes = protocol.probes.iter().filter(|probe| patterns.fits(probe, place.secret));
                    ways.extend(probes.map(|probe| way(Asked::Http { base: base.clone(), probe })));
                }
            }
        }
    }
    ways
}

/// Where this endpoint is asked: at a test's address where there is one, and then never at the provider's.
fn base(
    protocol: &Protocol,
    endpoint: &Endpoint,
    settings: &ProviderSettings,
    place: &Place<'_>,
    patterns: &Patterns,
) -> Result<Url, Reason> {
    match settings.test_endpoints.get(&protocol.name) {
        Some(test) => Ok(test.clone()),
        None if settings.is_test() => Err(Reason::NoProber),
        None => address(endpoint, place, patterns),
    }
}
