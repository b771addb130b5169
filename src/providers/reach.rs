//! Whether a provider can be reached at all: its name is looked up, a connection is made, TLS is agreed on. Nothing is
//! asked and no credential leaves.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::select_ok;
use tokio::net::TcpStream;
use url::Url;

use super::ProviderSettings;
use super::address::Place;
use super::patterns::Patterns;
use super::route::{Asked, route};
use super::smtp::{Broken, greet, port};
use super::tls::Tls;
use crate::domain::catalogue::Provider;
use crate::net::{Guard, NoDial, SystemLookup};

/// One address at which a provider is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// the protocol's name
    pub protocol: String,
    /// the address, or a test's instead
    pub address: Url,
    /// true where the settings put it in the provider's place
    pub test: bool,
}

/// Why an address can't be reached.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// there is nothing to dial
    #[error(transparent)]
    NoDial(NoDial),
    /// nobody takes connections there
    #[error("no connection to {host}:{port}: {source}")]
    Connect {
        /// the name
        host: String,
        /// the port
        port: u16,
        /// the system's words, of the address that was tried last
        source: io::Error,
    },
    /// somebody is there, and it is not the provider, or speaks no TLS
    #[error("no TLS with {host}: {what}")]
    Tls {
        /// the name
        host: String,
        /// what TLS found wrong
        what: String,
    },
    /// somebody is there, and it is no mail server that could be logged in to
    #[error("no SMTP with {host}: {what}")]
    Smtp {
        /// the name
        host: String,
        /// what it did
        what: String,
    },
}

/// Every address at which credentials of unknown region would be asked, each once. What differs from customer to
/// customer is not among them.
pub fn doors(provider: &Provider, settings: &ProviderSettings) -> Vec<Door> {
    // A file whose patterns can't be compiled never gets this far.
    let Ok(patterns) = Patterns::of(provider) else { return Vec::new() };
    let mut doors: Vec<Door> = Vec::new();
    for way in route(provider, settings, &patterns, &Place::default()) {
        let (Asked::Http { base: address, .. } | Asked::Smtp { address }) = way.asked else { continue };
        if doors.iter().all(|door| door.address != address) {
            doors.push(Door { protocol: way.protocol.name.clone(), address, test: settings.is_test() });
        }
    }
    doors
}

/// Connects to a door and hangs up.
///
/// # Errors
/// The step that failed. How long it may take is the caller's business.
pub async fn reach(door: &Door) -> Result<SocketAddr, Unreached> {
    let address = &door.address;
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = port(address);
    let guard = Guard::new(Arc::new(SystemLookup), door.test);
    let found = guard.addresses(&host, port).await.map_err(Unreached::NoDial)?;
    // All at once: where one family of addresses leads nowhere, the other one answers.
    let calls = found.into_iter().map(|each| Box::pin(TcpStream::connect(each)));
    let connected = select_ok(calls).await;
    let (tcp, _) = connected.map_err(|source| Unreached::Connect { host: host.clone(), port, source })?;
    let peer = tcp.peer_addr().map_err(|source| Unreached::Connect { host: host.clone(), port, source })?;
    match address.scheme() {
        "https" => agree(&host, tcp).await.map_err(|what| Unreached::Tls { host, what })?,
        "smtp" if door.test => {} // no TLS is demanded of it
        "smtp" | "smtps" => greeted(&host, tcp, address.scheme() == "smtps").await?,
        _ => {}
    }
    Ok(peer)
}

/// The handshake as the prober's clients make it: the system's roots, the host's name.
async fn agree(host: &str, tcp: TcpStream) -> Result<(), String> {
    let tls = Tls::new(Vec::new(), &[b"h2", b"http/1.1"]).map_err(|error| error.to_string())?;
    tls.agree(host, tcp).await.map(drop).map_err(|error| error.to_string())
}

/// As far as a login goes, without one.
async fn greeted(host: &str, tcp: TcpStream, implicit: bool) -> Result<(), Unreached> {
    let no_tls = |what: String| Unreached::Tls { host: host.to_owned(), what };
    let tls = Tls::new(Vec::new(), &[]).map_err(|error| no_tls(error.to_string()))?;
    greet(tcp, host, implicit, &tls).await.map_err(|broken| match broken {
        Broken::Tls(error) => no_tls(error.to_string()),
        other => Unreached::Smtp { host: host.to_owned(), what: other.to_string() },
    })
}
