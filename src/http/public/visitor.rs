//! Who asks, and how often they may.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::domain::link::LinkHash;

/// Requests a minute from one address: a whole office may sit behind it, and a mail provider's scanners.
const BY_ADDRESS: NonZeroU32 = NonZeroU32::MIN.saturating_add(119);
/// Requests a minute with one link: more than a person clicks.
const BY_LINK: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
/// Visitors that are remembered before those who were quiet for a while are forgotten.
const MANY: usize = 10_000;

/// Lets visitors in, not too many at a time.
pub(super) struct Gate {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    links: DefaultKeyedRateLimiter<LinkHash>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            addresses: RateLimiter::keyed(Quota::per_minute(BY_ADDRESS)),
            links: RateLimiter::keyed(Quota::per_minute(BY_LINK)),
        }
    }

    /// False for who has asked too often.
    pub(super) fn lets_in(&self, who: IpAddr, link: &LinkHash) -> bool {
        if self.addresses.len() > MANY || self.links.len() > MANY {
            self.addresses.retain_recent();
            self.links.retain_recent();
        }
        self.addresses.check_key(&household(who)).is_ok() && self.links.check_key(link).is_ok()
    }
}

/// Who asks: the other end of the connection, or whom the operator's own proxy names. It adds to the end of the list;
/// what stands before that was said by who knows whom.
pub(super) fn visitor(peer: IpAddr, headers: &HeaderMap, trust_forwarded: bool) -> IpAddr {
    let named = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    };
    if trust_forwarded { named().unwrap_or(peer) } else { peer }
}

/// One line to the network has one IPv4 address, or 2^64 of the others.
pub(super) fn household(who: IpAddr) -> IpAddr {
    match who.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// What stands in a link where its token is. What can't be read is a token that nobody has: it is counted, and answered, like
/// any other.
pub(super) struct Sign(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Sign {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(read.map(|Path(token)| token).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::domain::link::Token;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_visitor_is_whom_the_trusted_proxy_names_last() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.1, 203.0.113.9"));
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1, 203.0.113.7"));
        let proxy = address("127.0.0.1");
        assert_eq!(visitor(proxy, &headers, true), address("203.0.113.7"));
        assert_eq!(visitor(proxy, &headers, false), proxy);
        assert_eq!(visitor(proxy, &HeaderMap::new(), true), proxy);
        let mut strange = HeaderMap::new();
        strange.append("x-forwarded-for", HeaderValue::from_static("unknown"));
        assert_eq!(visitor(proxy, &strange, true), proxy);
    }

    #[test]
    fn one_line_to_the_network_is_one_visitor() {
        assert_eq!(household(address("2001:db8:1:2:3:4:5:6")), household(address("2001:db8:1:2::1")));
        assert_ne!(household(address("2001:db8:1:2::1")), household(address("2001:db8:1:3::1")));
        assert_eq!(household(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn who_asks_too_often_waits_and_holds_up_nobody_else() {
        let gate = Gate::new();
        let link = |number: u8| Token::new([number; 32]).hash();
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let let_in = (0..200).filter(|_| gate.lets_in(one, &link(1))).count();
        assert!((30..=32).contains(&let_in), "{let_in}");
        assert!(gate.lets_in(other, &link(2)));
        let more = (0..200_u8).filter(|number| gate.lets_in(other, &link(number + 10))).count();
        assert!((118..=121).contains(&more), "{more}");
    }
}
