//! What a browser gets whose visitor has no token, or who waits in vain.

use super::*;
use crate::http::page::ProviderAbout;

const HTML: &str = "Accept: text/html,*/*\r\n";

#[tokio::test]
async fn a_browser_reads_what_it_lacks_on_a_page_that_names_nothing_of_the_estate() {
    let open = House::open(with_token()).await;
    let closed = House::open(None).await;
    for (house, said, asks) in
        [(&open, "in a browser the token as the password", true), (&closed, "openssl rand", false)]
    {
        house.world.about.lock().unwrap().version = "1.2.3-canary".to_owned();
        for path in ["/", "/findings/F1", "/nowhere", "/style.css"] {
            let page = house.ask(&request("GET", path, HTML)).await;
            assert_eq!((page.status, page.header("content-type")), (401, "text/html; charset=utf-8"), "{path}");
            assert!(page.body.contains("<h1>A token is needed</h1>") && page.body.contains(said), "{}", page.body);
            for named in ["a ledger", "canary", "Am I blind?", "/findings", "Pages"] {
                assert!(!page.body.contains(named), "{named} on {path}: {}", page.body);
            }
            let schemes = &page.headers["www-authenticate"];
            assert!(schemes.iter().any(|scheme| scheme == "Bearer realm=\"keysweep\""), "{schemes:?}");
            assert_eq!(schemes.iter().any(|scheme| scheme.starts_with("Basic ")), asks, "{schemes:?}");
        }
        for path in ["/metrics", "/api/v1/findings"] {
            let program = house.ask(&request("GET", path, HTML)).await;
            assert_eq!((program.status, program.header("content-type")), (401, "application/problem+json"), "{path}");
        }
    }
}

#[tokio::test]
async fn what_takes_too_long_or_is_too_large_is_told_on_a_page_too() {
    let house = House::open(with_token()).await;
    let large = format!("{}{HTML}Content-Length: 9999\r\n", bearer());
    let page = house.ask(&request("POST", "/", &large)).await;
    assert_eq!((page.status, page.header("content-type")), (413, "text/html; charset=utf-8"));
    assert!(page.body.contains("Nothing here takes a body of this size"), "{}", page.body);
}

#[tokio::test]
async fn a_provider_that_was_given_up_is_given_up_on_its_own_pages() {
    let house = House::open(with_token()).await;
    let kit = crate::domain::ids::ProviderName::new("kit");
    let known = ProviderAbout { title: "Kit".to_owned(), ..ProviderAbout::default() };
    house.world.about.lock().unwrap().providers.insert(kit.clone(), known);
    for path in ["/providers", "/providers/kit"] {
        let body = house.get(path).await.body.to_lowercase();
        assert!(body.contains("not known yet") && !body.contains("given up"), "{path}: {body}");
    }
    let seen = Seen { since: NOW - crate::domain::time::days(3), trouble: Some("10 failures in a row".to_owned()) };
    house.world.report.lock().unwrap().given_up.insert(kit, seen);
    let list = house.get("/providers").await.body;
    assert!(list.contains("given up") && list.contains("3 d ago"), "{list}");
    let page = house.get("/providers/kit").await.body;
    assert!(page.contains("Given up: no definite answer since the first of its failures, 3 d ago."), "{page}");
    assert!(page.contains("10 failures in a row. Nothing follows from that"), "{page}");
}
