//! At which address a credential is asked (pure).
//!
//! Where the host differs from customer to customer, it is put together from what the customer's row says, and what a
//! customer typed is never taken for an address as it is: only a host of plain labels under one of the provider's own
//! suffixes comes out of here. No port, no user, no path, no IP literal, no other alphabet. Whether the name then leads
//! into a private network is for `src/net.rs` to see.

use std::net::IpAddr;

use url::Url;

use super::patterns::Patterns;
use crate::domain::catalogue::{Blank, Customer, Endpoint, Protocol, Provider};
use crate::domain::outcome::Reason;
use crate::domain::record::FieldProblem;

/// The longest name and the longest label of DNS (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// What is known of where a customer lives.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'a> {
    /// the secret, which ends with the customer's data centre at some providers
    pub(super) secret: &'a str,
    /// the row's `region`
    pub(super) region: Option<&'a str>,
    /// the row's `base_url`
    pub(super) base_url: Option<&'a str>,
}

/// The endpoint's address for this customer.
///
/// # Errors
/// `no_address` where nothing says where the customer lives, `bad_address` where what is said isn't one of the
/// provider's own addresses.
pub(super) fn address(endpoint: &Endpoint, place: &Place<'_>, patterns: &Patterns) -> Result<Url, Reason> {
    let Some(customer) = endpoint.customer.as_ref().filter(|_| endpoint.base.needs(Blank::Customer)) else {
        let base = endpoint.base.fill(|_| None).ok_or(Reason::NoAddress)?;
        return Url::parse(&base).ok().filter(|url| !is_literal(url)).ok_or(Reason::BadAddress);
    };
    let part = part(customer, place, patterns)?;
    let base = endpoint.base.fill(|blank| (blank == Blank::Customer).then_some(part.as_str()));
    let url = base.and_then(|base| Url::parse(&base).ok()).ok_or(Reason::BadAddress)?;
    if is_allowed(&url, &customer.suffixes) { Ok(url) } else { Err(Reason::BadAddress) }
}

/// The endpoint of a known region alone; else all, for a key must be refused wherever it could live.
pub(super) fn endpoints<'a>(protocol: &'a Protocol, region: Option<&str>) -> Vec<&'a Endpoint> {
    let of = |region: &str| {
        let region = region.trim();
        protocol.endpoints.iter().find(|e| e.regions.iter().any(|name| name.eq_ignore_ascii_case(region)))
    };
    match region.and_then(of) {
        Some(endpoint) => vec![endpoint],
        None => protocol.endpoints.iter().collect(),
    }
}

/// What is wrong with where a row says that its customer lives, for people; `None` where it can be asked, or where the
/// provider has one address for everybody. The row is taken all the same: its questions are `unknown`, and nothing
/// follows from that.
pub fn misplaced(
    provider: &Provider,
    secret: &str,
    region: Option<&str>,
    base_url: Option<&str>,
) -> Option<FieldProblem> {
    let (patterns, place) = (Patterns::of(provider).ok()?, Place { secret, region, base_url });
    let endpoints = provider.protocols.iter().flat_map(|protocol| endpoints(protocol, region));
    let (endpoint, reason) =
        endpoints.filter_map(|endpoint| Some((endpoint, address(endpoint, &place, &patterns).err()?))).next()?;
    let customer = endpoint.customer.as_ref()?;
    let field = if customer.base_url { "base_url" } else { "region" };
    let own = customer.suffixes.iter().map(|suffix| format!("NAME{suffix}")).collect::<Vec<_>>().join(" or ");
    let reason = match reason {
        Reason::NoAddress => {
            format!("nothing says at which address this customer is asked, so they aren't; give it ({own})")
        }
        _ => format!("it is not one of the provider's addresses, so nothing is asked there; it must be {own}"),
    };
    Some(FieldProblem { field: field.to_owned(), reason })
}

/// The customer's part of the host: the first that says something decides. A secret knows its own data centre best.
fn part(customer: &Customer, place: &Place<'_>, patterns: &Patterns) -> Result<String, Reason> {
    let of_secret = customer.secret.as_deref().and_then(|pattern| patterns.group(pattern, place.secret));
    if let Some(found) = of_secret {
        return plain(found);
    }
    if let (Some(pattern), Some(region)) = (&customer.region, said(place.region)) {
        let region = region.to_ascii_lowercase();
        return patterns.group(pattern, &region).map_or(Err(Reason::BadAddress), plain);
    }
    match said(place.base_url) {
        Some(typed) if customer.base_url => plain(host_of(typed).ok_or(Reason::BadAddress)?),
        _ => Err(Reason::NoAddress),
    }
}

fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The host of what was typed, with or without `https://` before it; a path behind it is not ours to follow. `None`
/// where it is another scheme. Nothing is decoded: what needs decoding is no plain host.
fn host_of(typed: &str) -> Option<&str> {
    const HTTPS: &str = "https://";
    let begins = typed.get(..HTTPS.len()).is_some_and(|start| start.eq_ignore_ascii_case(HTTPS));
    let rest = if begins { &typed[HTTPS.len()..] } else { typed };
    rest.split('/').next()
}

/// The text in small letters, where it is labels that could stand in a host, and nothing else.
fn plain(text: &str) -> Result<String, Reason> {
    let text = text.to_ascii_lowercase();
    if text.len() <= LONGEST_NAME && text.split('.').all(is_label) { Ok(text) } else { Err(Reason::BadAddress) }
}

fn is_label(label: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !label.is_empty()
        && label.len() <= LONGEST_LABEL
        && label.bytes().all(inside)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether the whole address is what the provider's own look like. Everything that was let in so far is looked at again:
/// what counts is what will be dialled.
fn is_allowed(url: &Url, suffixes: &[String]) -> bool {
    let host = url.host_str().unwrap_or_default();
    let under =
        |suffix: &String| suffix.starts_with('.') && host.strip_suffix(suffix).is_some_and(|own| !own.is_empty());
    url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none()
        && !is_literal(url)
        && plain(host).is_ok_and(|plain| plain == host)
        && suffixes.iter().any(under)
}

/// Whether the host is an IP address: its name would never be looked up, and so never be checked.
fn is_literal(url: &Url) -> bool {
    url.host_str().is_none_or(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok())
}
