//! `[http]`: the operator's listener, and the public one.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;

use url::{Host, Url};

use super::problem::Fault;
use super::reader::Section;
use super::secret_ref::SecretRef;
use super::sections::secret_text;
use super::tree::Node;
use super::values::{address, flag, one_of, plain_name, quoted, text};
use crate::http::access::{Listed, Role, Token, Visitor};

/// Where health, metrics and the page are to be had, and by whom; and where people's links lead.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// the operator's address; `None` where there is no listener
    pub listen: Option<SocketAddr>,
    /// where the operator's token is; where `listen` is no loopback address this is there, or `visitors` are
    pub token: Option<SecretRef>,
    /// who may ask beside the operator
    pub visitors: Vec<Listed>,
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
    let visitors = visitors(&section);
    if let Some(address) = listen.filter(|address| !address.ip().is_loopback() && visitors.is_empty()) {
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
    HttpSettings { listen, token, visitors, public_listen, public_url, trust_forwarded }
}

/// `[[http.visitor]]`: each has a name and a token of its own.
fn visitors(section: &Section<'_>) -> Vec<Listed> {
    let seen = RefCell::new(HashSet::new());
    let entries = section.each_named("visitor", |entry| visitor(entry, &mut seen.borrow_mut()), |(name, _)| name);
    let whole = |(name, rest): (String, Option<(Role, Token)>)| {
        rest.map(|(role, token)| Listed { visitor: Visitor { name: name.into(), role }, token })
    };
    entries.into_iter().filter_map(whole).collect()
}

/// The name, and the rest where it is right.
fn visitor(section: &Section<'_>, seen: &mut HashSet<Token>) -> (String, Option<(Role, Token)>) {
    const ROLES: &[(&str, Role)] =
        &[("viewer", Role::Viewer), ("auditor", Role::Auditor), ("operator", Role::Operator)];
    let name = section.get("name", plain_name);
    let role = section.find("role", one_of(ROLES));
    let todo = "write \"viewer\", \"auditor\" or \"operator\"";
    section.report_missing("role", Fault::new("what they may do is missing", todo));
    let token = section.find("token_sha256", digest);
    section.report_missing("token_sha256", Fault::new("the digest of their token is missing", NEW_TOKEN));
    if token.as_ref().is_some_and(|token| !seen.insert(token.clone())) {
        let what = "another visitor has the same token, so nobody could say who it was";
        section.report("token_sha256", Fault::new(what, NEW_TOKEN));
    }
    (name, role.zip(token))
}

/// What to do where a token's digest doesn't do.
const NEW_TOKEN: &str = "make a token with `keysweep token NAME --role ROLE`, which prints its digest";

fn digest(node: &Node) -> Result<Token, Fault> {
    let text = text(node)?;
    Token::of_digest(&text).ok_or_else(|| Fault::new("this is no SHA-256 digest, which has 64 hex digits", NEW_TOKEN))
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
