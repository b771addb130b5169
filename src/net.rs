//! Which addresses may be dialled, and the look-up that hands out no other; the one kind of HTTP client.
//!
//! A name can lead anywhere, also into the network that keysweep runs in, and another way each time it is asked
//! (rebinding). So it is not the name that is checked but each address, by the very look-up whose result is dialled.

pub(crate) mod client;
pub mod retry_after;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// IPv4 that isn't of the public internet: IANA's registry of special-purpose addresses, and multicast.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by carriers (CGNAT)
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local; clouds serve credentials there
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

/// All of IPv6 that is given to anybody. What embeds IPv4 by translation (`::ffff:0:0/96`, `64:ff9b::/96`,
/// `64:ff9b:1::/48`), private, link-local and multicast addresses lie outside.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// And what isn't public within it.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments; Teredo, which embeds IPv4
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, which embeds IPv4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether an address is one of the public internet (pure).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|(net, bits)| (v4.to_bits() ^ net.to_bits()) >> (32 - bits) == 0),
        IpAddr::V6(v6) => {
            let within = |(net, bits): &(Ipv6Addr, u32)| (v6.to_bits() ^ net.to_bits()) >> (128 - bits) == 0;
            within(&GLOBAL_V6) && !NOT_PUBLIC_V6.iter().any(within)
        }
    }
}

/// Finds the addresses of names.
pub(crate) trait Lookup: Send + Sync {
    /// All addresses of a name.
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's own look-up: `/etc/hosts`, then DNS.
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(lookup_host((host.as_str(), 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Why there is nothing to dial.
#[derive(Debug, thiserror::Error)]
pub enum NoDial {
    /// there is no address for the name
    #[error("the name {host} can't be looked up: {source}")]
    Name {
        /// the name
        host: String,
        /// the resolver's words
        source: io::Error,
    },
    /// every address of it is one that nobody's provider has
    #[error("{host} leads to {address}, which is not of the public internet, so it is not dialled")]
    NotPublic {
        /// the name
        host: String,
        /// where it leads
        address: IpAddr,
    },
}

/// Looks names up, and hands out only what may be dialled.
#[derive(Clone)]
pub(crate) struct Guard {
    lookup: Arc<dyn Lookup>,
    /// true at an address that is marked as a test's
    lifted: bool,
}

impl Guard {
    /// Over this look-up; `lifted` hands out everything.
    pub(crate) fn new(lookup: Arc<dyn Lookup>, lifted: bool) -> Self {
        Self { lookup, lifted }
    }

    /// What may be dialled of a host, which may be an IP address. At least one address, in the look-up's order.
    pub(crate) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoDial> {
        let found = match host.trim_matches(['[', ']']).parse() {
            Ok(literal) => vec![literal],
            Err(_) => {
                let found = self.lookup.lookup(host.to_owned()).await;
                found.map_err(|source| NoDial::Name { host: host.to_owned(), source })?
            }
        };
        let Some(first) = found.first().copied() else {
            let source = io::Error::new(io::ErrorKind::NotFound, "it has no address");
            return Err(NoDial::Name { host: host.to_owned(), source });
        };
        let mut public = found;
        public.retain(|address| self.lifted || is_public(*address));
        if public.is_empty() {
            return Err(NoDial::NotPublic { host: host.to_owned(), address: first });
        }
        Ok(public.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// A connection to the first of the host's addresses that takes one.
    pub(crate) async fn connect(&self, host: &str, port: u16, limit: Duration) -> Result<TcpStream, Unconnected> {
        let addresses = timeout(limit, self.addresses(host, port)).await;
        let addresses = addresses.map_err(|_| Unconnected::Connect)?.map_err(Unconnected::NoDial)?;
        // Where one family of addresses leads nowhere, there must be time for the other.
        let each = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            if let Ok(Ok(tcp)) = timeout(each, TcpStream::connect(address)).await {
                return Ok(tcp);
            }
        }
        Err(Unconnected::Connect)
    }
}

/// Why there is no connection.
pub(crate) enum Unconnected {
    /// there is nothing to dial
    NoDial(NoDial),
    /// nobody takes it
    Connect,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("lifted", &self.lifted).finish_non_exhaustive()
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = guard.addresses(name.as_str(), 0).await?; // port 0: the address's own
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
