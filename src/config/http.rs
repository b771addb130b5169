//! `[http]`: the operator's listener.

use std::net::SocketAddr;
use std::path::Path;

use super::problem::Fault;
use super::reader::Section;
use super::secret_ref::SecretRef;
use super::sections::secret_text;
use super::tree::Node;
use super::values::{quoted, text};

/// Where health, metrics and the page are to be had, and by whom.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// the address; `None` where there is no listener
    pub listen: Option<SocketAddr>,
    /// where the token is; always there where `listen` is no loopback address
    pub token: Option<SecretRef>,
}

pub(super) fn http(section: Section<'_>, base: &Path) -> HttpSettings {
    let listen = section.get("listen", listen);
    let token = section.find_secret("token", |key, node| SecretRef::parse(key, &secret_text(node)?, base));
    if let Some(address) = listen.filter(|address| !address.ip().is_loopback()) {
        let what = format!("{address} can be reached from other machines, so a token is needed");
        section.report_missing("token", Fault::new(what, "set it, or listen on \"127.0.0.1:9184\""));
    }
    section.close();
    HttpSettings { listen, token }
}

fn listen(node: &Node) -> Result<Option<SocketAddr>, Fault> {
    let text = text(node)?;
    if text == "off" {
        return Ok(None);
    }
    let todo = "write an IP address and a port as in \"127.0.0.1:9184\" or \"[::1]:9184\", or \"off\"";
    text.parse().map(Some).map_err(|_| Fault::new(format!("{} is no address to listen on", quoted(&text)), todo))
}
