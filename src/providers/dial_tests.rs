//! Which addresses are dialled, and that no name leads past that.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use proptest::prelude::*;
use url::Url;

use super::{Catalogue, CatalogueProber, ProviderSettings};
use crate::domain::catalogue::{Provider, Template};
use crate::domain::ids::ProviderName;
use crate::domain::outcome::{Answer, Outcome, Reason};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::net::{Guard, Lookup, NoDial, is_public};
use crate::ports::Clock;
use crate::ports::probe::{Prober, Question};

#[test]
fn only_addresses_of_the_public_internet_are_public() {
    for (public, addresses) in [
        (true, "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.1.1.1 128.0.0.1 169.253.1.1 172.15.0.1"),
        (true, "172.32.0.1 192.0.1.1 192.167.1.1 192.169.1.1 198.17.1.1 198.20.0.1 203.0.112.1 223.255.255.255"),
        (true, "2001:200::1 2606:4700::1111 2a00:1450::1 3ffe::1 2001:db7::1 2003::1"),
        // this network, private, carriers', loopback, link-local, documentation, benchmarks, multicast, reserved, broadcast
        (false, "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1"),
        (false, "169.254.169.254 172.16.0.1 172.31.255.255 192.168.0.1 192.0.0.8 192.0.2.1 198.51.100.7 203.0.113.9"),
        (false, "192.88.99.1 198.18.0.1 198.19.255.255 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255"),
        // unspecified, loopback, mapped and compatible, translated, discard, documentation, 6to4, Teredo
        (false, ":: ::1 ::ffff:127.0.0.1 ::ffff:1.1.1.1 ::7f00:1 ::ffff:0:1.1.1.1 64:ff9b::a00:1 64:ff9b::101:101"),
        (false, "64:ff9b:1::1 100::1 2001:db8::1 3fff::1 2002:7f00:1::1 2002:101:101::1 2001::1 2001:0:7f00:1::"),
        // benchmarks, identifiers, unique local, link-local, site-local, multicast, unassigned
        (false, "2001:2::1 2001:10::1 2001:20::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1 4000::1 5f00::1"),
    ] {
        for address in addresses.split(' ') {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}

proptest! {
    #[test]
    fn no_address_that_embeds_ipv4_is_public(v4: [u8; 4]) {
        let v4 = std::net::Ipv4Addr::from(v4);
        let [a, b, c, d] = v4.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for v6 in [
            v4.to_ipv6_mapped(),
            v4.to_ipv6_compatible(),
            std::net::Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            std::net::Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
            std::net::Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            std::net::Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0, 1),
        ] {
            prop_assert!(!is_public(IpAddr::V6(v6)), "{}", v6);
        }
        let said_so = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
            || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified();
        prop_assert!(!(said_so && is_public(IpAddr::V4(v4))), "{}", v4);
    }
}

/// Every name leads to these addresses.
struct Leads(Vec<IpAddr>);

impl Lookup for Leads {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let found = self.0.clone();
        Box::pin(async move { Ok(found) })
    }
}

/// No name is known.
struct Unknown;

impl Lookup for Unknown {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Err(io::Error::other("nobody knows it")) })
    }
}

fn leads(to: &[&str]) -> Arc<dyn Lookup> {
    Arc::new(Leads(to.iter().map(|address| address.parse().unwrap()).collect()))
}

#[tokio::test]
async fn a_guard_hands_out_public_addresses_only_unless_it_is_lifted() {
    for (found, lifted, handed_out) in [
        (vec!["1.1.1.1", "10.0.0.1", "2606:4700::1"], false, vec!["1.1.1.1:7", "[2606:4700::1]:7"]),
        (vec!["127.0.0.1", "::1"], false, vec![]),
        (vec!["127.0.0.1", "::1"], true, vec!["127.0.0.1:7", "[::1]:7"]),
    ] {
        let handed = Guard::new(leads(&found), lifted).addresses("name.test", 7).await;
        let handed: Vec<String> = handed.unwrap_or_default().iter().map(ToString::to_string).collect();
        assert_eq!(handed, handed_out, "{found:?} {lifted}");
    }
    let guard = Guard::new(leads(&["1.1.1.1"]), false);
    for literal in ["127.0.0.1", "[::1]", "169.254.169.254", "::ffff:7f00:1"] {
        let refused = guard.addresses(literal, 7).await;
        assert!(matches!(refused, Err(NoDial::NotPublic { .. })), "{literal}: no look-up makes it public");
    }
    let nowhere = Guard::new(leads(&[]), false).addresses("name.test", 7).await;
    assert!(matches!(nowhere, Err(NoDial::Name { .. })));
}

#[derive(Clone, Copy)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_790_000_000)
    }
}

fn settings() -> ProviderSettings {
    ProviderSettings {
        pace: None,
        in_flight: 4,
        test_endpoints: BTreeMap::new(),
        protocols: None,
        control: None,
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(2),
    }
}

/// A shipped provider that lives elsewhere over one of its protocols.
fn at(name: &str, protocol: usize, base: &str) -> Provider {
    let mut provider = Catalogue::shipped().unwrap().get(&ProviderName::new(name)).unwrap().clone();
    provider.protocols[protocol].endpoints[0].base = Template::try_from(base.to_owned()).unwrap();
    provider
}

/// Asks Kit where it lives at `https://kit.test:PORT`, over this look-up.
async fn ask(lookup: Arc<dyn Lookup>, port: u16) -> Answer {
    let kit = at("kit", 0, &format!("https://kit.test:{port}"));
    let (name, secret) = (ProviderName::new("kit"), Secret::new("kit_0123456789"));
    let all = BTreeMap::from([(name.clone(), settings())]);
    let prober = CatalogueProber::over(&lookup, [&kit].into_iter(), all, Noon, "test").unwrap();
    prober.ask(&Question { provider: &name, key_id: None, secret: &secret, region: None, base_url: None }).await
}

#[tokio::test]
async fn a_providers_name_that_leads_into_our_own_network_is_not_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = ask(leads(&["127.0.0.1"]), port).await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::BadAddress), "and not dns");
    assert!(listener.accept().is_err(), "nobody knocked");
    let answer = ask(Arc::new(Unknown), port).await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::Dns));
}

#[tokio::test]
async fn a_relays_name_that_leads_into_our_own_network_is_not_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mailjet = at("mailjet", 1, &format!("smtp://relay.test:{port}"));
    let (name, secret) = (ProviderName::new("mailjet"), Secret::new("0123"));
    let only_smtp = ProviderSettings { protocols: Some(vec!["smtp".to_owned()]), ..settings() };
    let all = BTreeMap::from([(name.clone(), only_smtp)]);
    let prober = CatalogueProber::over(&leads(&["10.1.2.3", "127.0.0.1"]), [&mailjet].into_iter(), all, Noon, "test");
    let question = Question { provider: &name, key_id: Some("key"), secret: &secret, region: None, base_url: None };
    let answer = prober.unwrap().ask(&question).await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::BadAddress));
    assert!(listener.accept().is_err(), "nobody knocked");
}

#[tokio::test]
async fn where_a_test_has_an_address_for_one_protocol_the_providers_own_relay_is_never_asked() {
    let refusing = crate::demo::world::World::start().await.unwrap();
    let (name, secret) = (ProviderName::new("mailjet"), Secret::new("0123"));
    let test: BTreeMap<String, Url> =
        BTreeMap::from([("rest".to_owned(), refusing.address(crate::demo::world::Simulated::Mailjet))]);
    let all = BTreeMap::from([(name.clone(), ProviderSettings { test_endpoints: test, ..settings() })]);
    // A look-up would find nothing, and say dns.
    let (unknown, shipped): (Arc<dyn Lookup>, _) = (Arc::new(Unknown), Catalogue::shipped().unwrap());
    let prober = CatalogueProber::over(&unknown, shipped.iter(), all, Noon, "test");
    let question = Question { provider: &name, key_id: Some("key"), secret: &secret, region: None, base_url: None };
    let answer = prober.unwrap().ask(&question).await;
    assert_eq!(answer.outcome, Outcome::PartlyRefused(Reason::NoProber));
}
