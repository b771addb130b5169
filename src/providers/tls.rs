//! TLS beside the HTTP client's own: the system's roots, the host's name, no other version than it has.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Makes the handshake.
#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// Trusts what the system trusts, and these roots (none but in tests); offers these protocols above TLS.
    ///
    /// # Errors
    /// The verifier's words: the system's roots can't be had.
    pub(super) fn new(roots: Vec<CertificateDer<'static>>, above: &[&[u8]]) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous() // rustls names it so; the verifier is the system's own
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = above.iter().map(|name| name.to_vec()).collect();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The handshake with a host, whose certificate must be for this name.
    ///
    /// # Errors
    /// What TLS found wrong.
    pub(super) async fn agree(&self, host: &str, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|_| io::Error::other("it is no name that a certificate shows"))?;
        self.0.connect(name, tcp).await
    }
}
