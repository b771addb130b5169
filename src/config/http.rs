//! `[http]`: the operator's listener, and the public one.

use std::net::SocketAddr;
use std::path::Path;

use url::{Host, Url};

use super::problem::Fault;
use super::reader::Section;
use super::secret_ref::SecretRef;
use super::sections::secret_text;
use super::tree::Node;
use super::values::{address, flag, quoted, text};

/// Where health, metrics and the page are to be had, and by whom; and where people's links lead.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// the operator's address; `None` where there is no listener
    pub listen: Option<SocketAddr>,
    /// where the token is; always there where `listen` is no loopback address
    pub token: Option<SecretRef>,
    /// the public listener's address; `None` where there is none
    pub public_listen: Option<SocketAddr>,
    /// what links begin with; always there where `public_listen` is
    pub public_url: Option<Url>,
    /// true where a proxy before the public listener says who asks
    pub trust_forwarded: bool,
}

pub(super) fn http(section: Section<'_>, base: &Path) -> HttpSettings {
    let listen = section.get("listen", listen);
    let token = section.find_secret("token", |key, node| SecretRef::parse(key, &secret_text(node)?, base));
    if let Some(address) = listen.filter(|address| !address.ip().is_loopback()) {
        let what = format!("{address} can be reached from other machines, so a token is needed");
        section.report_missing("token", Fault::new(what, "set it, or listen on \"127.0.0.1:9184\""));
    }
    let public_listen = section.get("public_listen", self::listen);
    let public_url = section.find("public_url", public_url);
    let trust_forwarded = section.get("trust_forwarded", flag);
    if public_listen.is_some() {
        let what = "there is a public listener, and nothing says at which address people reach it";
        section.report_missing("public_url", Fault::new(what, "set it, or public_listen = \"off\""));
    }
    if public_listen.is_some_and(|public| Some(public) == listen && public.port() != 0) {
        let what = "the operator's listener has this address: customers are not to come near it";
        section.report("public_listen", Fault::new(what, "choose another port"));
    }
    section.close();
    HttpSettings { listen, token, public_listen, public_url, trust_forwarded }
}

fn listen(node: &Node) -> Result<Option<SocketAddr>, Fault> {
    let text = text(node)?;
    if text == "off" {
        return Ok(None);
    }
    let todo = "write an IP address and a port as in \"127.0.0.1:9184\" or \"[::1]:9184\", or \"off\"";
    text.parse().map(Some).map_err(|_| Fault::new(format!("{} is no address to listen on", quoted(&text)), todo))
}

/// What links begin with, with a slash at its end. A link is a password for a few weeks: it crosses no network in clear.
fn public_url(node: &Node) -> Result<Url, Fault> {
    let mut url = address(node)?;
    let todo = "write e.g. \"https://keys.example.org\"";
    let is_here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
        return Err(Fault::new("links would cross the network in clear", todo));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::new("nothing may stand before the host or behind the path", todo));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}
