//! Whatever a customer typed, only the provider is asked.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::address::{Place, address, misplaced};
use super::patterns::Patterns;
use crate::domain::catalogue::{Customer, Endpoint, Provider, Template};
use crate::domain::ids::ProviderName;
use crate::domain::outcome::Reason;

const SUFFIX: &str = ".api-us1.com";

/// Kit's file, with one endpoint put in its own's place.
fn provider(base: &str, customer: Option<Customer>) -> Provider {
    static KIT: LazyLock<Provider> =
        LazyLock::new(|| super::Catalogue::shipped().unwrap().get(&ProviderName::new("kit")).unwrap().clone());
    let mut kit = KIT.clone();
    let base = Template::try_from(base.to_owned()).unwrap();
    let own = kit.protocols[0].endpoints[0].clone();
    kit.protocols[0].endpoints = vec![Endpoint { base, customer, ..own }];
    kit
}

fn of_base_url() -> Provider {
    let customer = Customer {
        secret: None,
        region: None,
        base_url: true,
        suffixes: vec![SUFFIX.to_owned(), ".activehosted.com".to_owned()],
    };
    provider("https://{customer}", Some(customer))
}

fn of_data_centre() -> Provider {
    let customer = Customer {
        secret: Some("^[0-9a-f]{32}-([a-z]{2}[0-9]{1,2})$".to_owned()),
        region: Some("^([a-z]{2}[0-9]{1,2})$".to_owned()),
        base_url: false,
        suffixes: vec![".api.mailchimp.com".to_owned()],
    };
    provider("https://{customer}.api.mailchimp.com", Some(customer))
}

fn found(provider: &Provider, place: Place<'_>) -> Result<String, Reason> {
    let patterns = Patterns::of(provider).unwrap();
    let found = address(&provider.protocols[0].endpoints[0], &place, &patterns);
    found.map(|url| url.as_str().trim_end_matches('/').to_owned())
}

fn typed(base_url: &str) -> Result<String, Reason> {
    found(&of_base_url(), Place { base_url: Some(base_url), ..Place::default() })
}

#[test]
fn what_customers_copy_from_their_settings_is_understood() {
    for text in [
        "https://shop.api-us1.com",
        "https://shop.api-us1.com/",
        " https://shop.api-us1.com/api/3 ",
        "HTTPS://Shop.API-US1.com",
        "shop.api-us1.com",
        "shop.api-us1.com/api/3",
        "https://shop.api-us1.com/?a=@b",
    ] {
        assert_eq!(typed(text).as_deref(), Ok("https://shop.api-us1.com"), "{text:?}");
    }
    assert_eq!(typed("https://a.b.activehosted.com").as_deref(), Ok("https://a.b.activehosted.com"));
}

/// What somebody might type, so that a credential is sent to them, or into our own network.
const ATTACKS: &[&str] = &[
    // another host, or another scheme
    "https://evil.example.org",
    "http://shop.api-us1.com",
    "ftp://shop.api-us1.com",
    "file:///etc/passwd",
    "//shop.api-us1.com",
    "javascript:alert(1)",
    "https:shop.api-us1.com",
    "https:///shop.api-us1.com",
    // the suffix in the wrong place
    "https://shop.api-us1.com.evil.example.org",
    "https://evil.example.org/.api-us1.com",
    "https://evil.example.org#.api-us1.com",
    "https://evil.example.org?.api-us1.com",
    "https://evil.example.org\\.api-us1.com",
    "https://evilapi-us1.com",
    "https://api-us1.com",
    "https://.api-us1.com",
    "https://evil.example.org%2f.api-us1.com",
    "https://evil.example.org%00.api-us1.com",
    "https://shop.api-us1.com\\@evil.example.org",
    "https://evil.example.org;.api-us1.com",
    // users, ports
    "https://shop.api-us1.com@evil.example.org",
    "https://evil.example.org@shop.api-us1.com",
    "https://a:b@shop.api-us1.com",
    "https://shop.api-us1.com:443",
    "https://shop.api-us1.com:8443",
    "https://shop.api-us1.com:",
    "https://shop.api-us1.com:80@evil.example.org",
    "shop.api-us1.com:443",
    // IP addresses in any notation
    "https://127.0.0.1",
    "https://169.254.169.254/latest",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://2130706433",
    "https://0x7f000001",
    "https://0177.0.0.1",
    "https://127.1",
    "https://0",
    "https://[64:ff9b::7f00:1]",
    "https://127.0.0.1.",
    "https://1.1.1.1",
    // dots
    "https://shop.api-us1.com.",
    "https://shop..api-us1.com",
    "https://..api-us1.com",
    "https://shop.api-us1.com..",
    // characters that no label has
    "https://shop_1.api-us1.com",
    "https://*.api-us1.com",
    "https://shop api-us1.com",
    "https://-shop.api-us1.com",
    "https://shop-.api-us1.com",
    "https://shop\t.api-us1.com",
    "https://shop\n.api-us1.com",
    "https://{secret}.api-us1.com",
    "https://shop\u{0}.api-us1.com",
    "https://shop\r\nHost: evil.api-us1.com",
    // other alphabets, and letters that only look like ours
    "https://\u{ff53}hop.api-us1.com",
    "https://shop\u{3002}api-us1.com",
    "https://sh\u{43e}p.api-us1.com",
    "https://shop.api-us1.c\u{43e}m",
    "https://shop\u{ad}.api-us1.com",
    "https://\u{2460}.api-us1.com",
    "https://shop.api\u{2010}us1.com",
    "https://\u{212a}.api-us1.com",
    "https://\u{202e}shop.api-us1.com",
    "localhost",
    "https://localhost",
    "metadata.google.internal",
    "https://",
    "https",
    "/",
    "?",
    "@",
    ".",
];

#[test]
fn whatever_is_not_one_of_the_providers_own_names_is_a_bad_address() {
    for text in ATTACKS {
        assert_eq!(typed(text), Err(Reason::BadAddress), "{text:?}");
    }
    let long = format!("https://{}.api-us1.com", "a".repeat(64));
    let longer = format!("https://{}api-us1.com", "a.".repeat(130));
    assert_eq!((typed(&long), typed(&longer)), (Err(Reason::BadAddress), Err(Reason::BadAddress)));
}

#[test]
fn a_data_centre_comes_from_the_secret_and_else_from_the_region() {
    let mailchimp = of_data_centre();
    let key = format!("{}-us21", "0a".repeat(16));
    let asked = |secret, region, base_url| found(&mailchimp, Place { secret, region, base_url });
    let at = |dc: &str| Ok(format!("https://{dc}.api.mailchimp.com"));
    for (secret, region, base_url, expected) in [
        (key.as_str(), None, None, at("us21")),
        (key.as_str(), Some("us6"), None, at("us21")), // the secret knows best
        (key.as_str(), Some("evil.example.org/"), None, at("us21")),
        ("a-grant", Some("us6"), None, at("us6")),
        ("a-grant", Some(" US6 "), None, at("us6")),
        ("a-grant", None, None, Err(Reason::NoAddress)),
        ("a-grant", Some("  "), None, Err(Reason::NoAddress)),
        ("a-grant", None, Some("https://us6.api.mailchimp.com"), Err(Reason::NoAddress)), // this file takes no base_url
        ("a-grant", Some("us6.evil.example.org"), None, Err(Reason::BadAddress)),
        ("a-grant", Some("eu"), None, Err(Reason::BadAddress)),
        ("a-grant", Some("us6@evil.example.org/"), None, Err(Reason::BadAddress)),
    ] {
        assert_eq!(asked(secret, region, base_url), expected, "{region:?} {base_url:?}");
    }
}

#[test]
fn a_loose_pattern_lets_nobody_choose_another_host() {
    let customer = Customer {
        secret: Some("-(.*)$".to_owned()),
        region: None,
        base_url: false,
        suffixes: vec![".api.mailchimp.com".to_owned()],
    };
    let loose = provider("https://{customer}.api.mailchimp.com", Some(customer.clone()));
    for part in [
        "evil.example.org/",
        "evil.example.org#",
        "a@evil.example.org?",
        "evil.example.org:443/",
        "",
        "a/../b",
        "[::1]",
    ] {
        let secret = format!("key-{part}");
        let place = Place { secret: &secret, ..Place::default() };
        assert_eq!(found(&loose, place), Err(Reason::BadAddress), "{part}");
    }
    // Nor does a file whose suffix forgot its dot, or whose base leads elsewhere.
    for (base, suffix) in
        [("https://{customer}", "api.mailchimp.com"), ("https://{customer}.example.org", ".api.mailchimp.com")]
    {
        let customer = Customer { suffixes: vec![suffix.to_owned()], ..customer.clone() };
        let place = Place { secret: "key-evilapi.mailchimp.com", ..Place::default() };
        assert_eq!(found(&provider(base, Some(customer)), place), Err(Reason::BadAddress), "{base}");
    }
}

#[test]
fn a_fixed_address_is_taken_as_it_is_and_is_never_a_literal() {
    let place = || Place { base_url: Some("https://evil.example.org"), region: Some("evil"), secret: "s" };
    assert_eq!(found(&provider("https://api.kit.com", None), place()).as_deref(), Ok("https://api.kit.com"));
    for base in ["https://127.0.0.1", "https://[::1]", "https://0x7f000001", "smtp://127.0.0.1:587", "smtps://[::1]"] {
        assert_eq!(found(&provider(base, None), place()), Err(Reason::BadAddress), "{base}");
    }
    assert_eq!(found(&provider("https://{customer}.kit.com", None), place()), Err(Reason::NoAddress));
}

#[test]
fn a_row_that_says_no_or_a_wrong_address_is_told_by_field_and_never_repeated() {
    for (base_url, word) in [(None, "nothing says"), (Some("https://evil.example.org"), "not one of the provider's")] {
        let problem = misplaced(&of_base_url(), "secret", None, base_url).unwrap();
        assert_eq!(problem.field, "base_url");
        assert!(problem.reason.contains(word) && problem.reason.contains("NAME.api-us1.com"), "{}", problem.reason);
        assert!(!problem.reason.contains("evil"));
    }
    assert_eq!(misplaced(&of_data_centre(), "secret", Some("eu"), None).unwrap().field, "region");
    assert!(misplaced(&of_base_url(), "secret", None, Some("shop.api-us1.com")).is_none());
    assert!(
        misplaced(&provider("https://api.kit.com", None), "secret", None, Some("https://evil.example.org")).is_none()
    );
}

#[test]
fn only_the_endpoints_that_a_row_is_asked_at_say_whether_it_is_misplaced() {
    let mut apart = of_base_url();
    let common = provider("https://api.kit.com", None).protocols[0].endpoints[0].clone();
    apart.protocols[0].endpoints.insert(0, Endpoint { regions: vec!["us".to_owned()], ..common });
    assert!(misplaced(&apart, "secret", Some("us"), None).is_none(), "it is asked at the common address alone");
    assert!(misplaced(&apart, "secret", None, None).is_some(), "it is asked everywhere, and one place is not known");
}

#[test]
fn a_shipped_provider_whose_customers_live_apart_is_asked_at_their_own_address() {
    let catalogue = super::Catalogue::shipped().unwrap();
    let at = |name: &str, place: Place<'_>| {
        let provider = catalogue.get(&ProviderName::new(name)).unwrap();
        found(provider, place)
    };
    let typed = Place { base_url: Some("https://shop.api-us1.com/"), ..Place::default() };
    assert_eq!(at("activecampaign", typed).as_deref(), Ok("https://shop.api-us1.com"));
    assert_eq!(at("activecampaign", Place::default()), Err(Reason::NoAddress));
    let (secret, evil) =
        (format!("{}-us21", "0a".repeat(16)), Place { base_url: Some("https://evil.example.org"), ..Place::default() });
    assert_eq!(at("mailchimp", Place { secret: &secret, ..evil }).as_deref(), Ok("https://us21.api.mailchimp.com"));
    assert_eq!(at("activecampaign", evil), Err(Reason::BadAddress));
}

proptest! {
    #[test]
    fn whatever_is_typed_the_host_is_under_a_suffix(
        text in prop_oneof![
            any::<String>(),
            "(https://)?[a-z0-9.@:/\\\\#?%\\[\\]_-]{0,30}(\\.api-us1\\.com)?[a-z0-9.@:/\\\\#?%-]{0,20}",
        ],
    ) {
        if let Ok(address) = typed(&text) {
            let url = url::Url::parse(&address).unwrap();
            let host = url.host_str().unwrap();
            prop_assert!(host.ends_with(SUFFIX) || host.ends_with(".activehosted.com"), "{}", address);
            prop_assert_eq!(address.clone(), format!("https://{host}"), "no port, no user, no path");
            prop_assert!(text.to_ascii_lowercase().contains(host));
        }
    }

    #[test]
    fn whatever_region_or_secret_there_is_the_host_is_under_the_suffix(secret: String, region: Option<String>) {
        let place = Place { secret: &secret, region: region.as_deref(), base_url: None };
        if let Ok(address) = found(&of_data_centre(), place) {
            prop_assert!(address.ends_with(".api.mailchimp.com") && address.len() <= "https://us99.api.mailchimp.com".len());
        }
    }
}
