//! Certificates of mail servers: the system's roots, and one more where the operator names it.

use std::path::Path;
use std::sync::Arc;

use lettre::transport::smtp::client::{Certificate, TlsParameters};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::settings::Security;

/// How a session is secured.
#[derive(Clone)]
pub(super) enum Tls {
    /// not at all
    None,
    /// by STARTTLS, through lettre
    Upgrade(TlsParameters),
    /// before the first SMTP byte
    FromStart(TlsConnector, ServerName<'static>),
}

impl Tls {
    /// Reads the extra root and prepares the handshake. Errors are sentences for the operator.
    pub(super) fn prepare(security: Security, host: &str, extra_root: Option<&Path>) -> Result<Self, String> {
        if security == Security::None {
            return Ok(Self::None);
        }
        let roots = extra_root.map_or_else(|| Ok(Vec::new()), read_roots)?;
        if security == Security::StartTls {
            return start_tls(host, roots).map(Self::Upgrade);
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| "the mail server's host is neither a DNS name nor an IP address".to_owned())?;
        Ok(Self::FromStart(TlsConnector::from(Arc::new(client_config(roots)?)), name))
    }
}

fn start_tls(host: &str, roots: Vec<CertificateDer<'static>>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    for root in roots {
        builder = builder.add_root_certificate(Certificate::from_der(root.to_vec()).map_err(unusable)?);
    }
    builder.build().map_err(unusable)
}

fn client_config(roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(unusable)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous() // rustls names it so; the verifier is the system's own
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |what: &dyn std::fmt::Display| format!("tls_ca {}: {what}", path.display());
    let roots = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&error))?;
    if roots.is_empty() {
        return Err(unreadable(&"holds no certificate in PEM"));
    }
    Ok(roots)
}

fn unusable(error: impl std::fmt::Display) -> String {
    format!("TLS to the mail server can't be prepared: {error}")
}
