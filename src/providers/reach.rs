//! Whether a provider can be reached at all: its name is looked up, a connection is made, TLS is agreed on. Nothing is
//! asked and no credential leaves.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::select_ok;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use url::Url;

use super::http::ProviderSettings;
use super::route::{Asked, route};
use crate::domain::catalogue::Provider;

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
    /// there is no address for the name
    #[error("the name {host} can't be looked up: {source}")]
    Name {
        /// the name
        host: String,
        /// the resolver's words
        source: io::Error,
    },
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
}

/// Every address at which credentials of unknown region would be asked, each once.
pub fn doors(provider: &Provider, settings: &ProviderSettings) -> Vec<Door> {
    let mut doors: Vec<Door> = Vec::new();
    for way in route(provider, settings, None, |_| true) {
        let address = match way.asked {
            Asked::Http { base, .. } => base,
            Asked::Nobody(_) => continue,
        };
        if doors.iter().all(|door| door.address != address) {
            let test = settings.test_endpoints.contains_key(&way.protocol.name);
            doors.push(Door { protocol: way.protocol.name.clone(), address, test });
        }
    }
    doors
}

/// Connects to an address of `doors` and hangs up.
///
/// # Errors
/// The step that failed. How long it may take is the caller's business.
pub async fn reach(address: &Url) -> Result<SocketAddr, Unreached> {
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = address.port_or_known_default().unwrap_or(443);
    let found = lookup_host((host.as_str(), port)).await;
    let found: Vec<SocketAddr> = found.map_err(|source| Unreached::Name { host: host.clone(), source })?.collect();
    if found.is_empty() {
        let source = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        return Err(Unreached::Name { host, source });
    }
    // All at once: where one family of addresses leads nowhere, the other one answers.
    let calls = found.into_iter().map(|each| Box::pin(TcpStream::connect(each)));
    let connected = select_ok(calls).await;
    let (tcp, _) = connected.map_err(|source| Unreached::Connect { host: host.clone(), port, source })?;
    let peer = tcp.peer_addr().map_err(|source| Unreached::Connect { host: host.clone(), port, source })?;
    if address.scheme() == "https" {
        agree(&host, tcp).await.map_err(|what| Unreached::Tls { host, what })?;
    }
    Ok(peer)
}

/// The handshake as the prober's clients make it: the system's roots, the host's name.
async fn agree(host: &str, tcp: TcpStream) -> Result<(), String> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| "it is no name that a certificate shows".to_owned())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let builder = builder.with_platform_verifier().map_err(|error| error.to_string())?;
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let session = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    session.map(drop).map_err(|error| error.to_string())
}
