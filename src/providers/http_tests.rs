//! The prober against simulated providers on loopback.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use url::Url;

use super::{Catalogue, CatalogueProber, ProviderSettings};
use crate::demo::world::{ConvertKitKind, KeyState, World};
use crate::domain::ids::ProviderName;
use crate::domain::outcome::{Answer, Outcome, Reason};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::ports::Clock;
use crate::ports::probe::{Prober, Question};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "fedcba9876543210fedcba9876543210";

#[derive(Clone, Copy)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_790_000_000)
    }
}

fn settings(rest: Url) -> ProviderSettings {
    ProviderSettings {
        pace: None,
        in_flight: 4,
        test_endpoints: BTreeMap::from([("rest".to_owned(), rest)]),
        protocols: None,
        control: None,
        timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_millis(200),
    }
}

fn prober(provider: &str, rest: Url) -> CatalogueProber<Noon> {
    let settings = BTreeMap::from([(ProviderName::new(provider), settings(rest))]);
    CatalogueProber::new(&Catalogue::shipped().unwrap(), settings, Noon, "keysweep-test").unwrap()
}

async fn ask(provider: &str, rest: Url, key_id: Option<&str>, secret: &str) -> Answer {
    let (name, secret) = (ProviderName::new(provider), Secret::new(secret));
    let question = Question { provider: &name, key_id, secret: &secret, region: None, base_url: None };
    prober(provider, rest).ask(&question).await
}

async fn mailjet(state: KeyState) -> Answer {
    let world = World::start().await.unwrap();
    world.set("mailjet", Some(KEY), SECRET, state);
    ask("mailjet", world.address("mailjet"), Some(KEY), SECRET).await
}

#[tokio::test]
async fn every_state_of_a_key_has_its_outcome() {
    // A protocol without a prober stays unasked: what REST refuses is only partly refused. It is not even thought of
    // where REST did not refuse.
    let partly = Outcome::PartlyRefused(Reason::NoProber);
    for (state, expected) in [
        (KeyState::Live, Outcome::Accepted),
        (KeyState::Limited, Outcome::Limited),
        (KeyState::Refused, partly),
        (KeyState::RateLimited { retry_after: None }, Outcome::Unknown(Reason::RateLimited)),
        (KeyState::ServerError, Outcome::Unknown(Reason::ServerError)),
        (KeyState::HtmlForbidden, Outcome::Unknown(Reason::Blocked)),
        (KeyState::Garbage, Outcome::Unknown(Reason::Garbled)),
        (KeyState::HalfBody, Outcome::Unknown(Reason::Garbled)),
        (KeyState::Hangs, Outcome::Unknown(Reason::Timeout)),
    ] {
        let shown = format!("{state:?}");
        assert_eq!(mailjet(state).await.outcome, expected, "{shown}");
    }
}

#[tokio::test]
async fn a_reason_says_why_nothing_was_learnt() {
    for (state, expected) in [
        (KeyState::RateLimited { retry_after: None }, Reason::RateLimited),
        (KeyState::ServerError, Reason::ServerError),
        (KeyState::HtmlForbidden, Reason::Blocked),
        (KeyState::Garbage, Reason::Garbled),
        (KeyState::HalfBody, Reason::Garbled),
        (KeyState::Hangs, Reason::Timeout),
    ] {
        let world = World::start().await.unwrap();
        let shown = format!("{state:?}");
        world.set("kit", None, "kit_0123456789abcdef", state);
        let answer = ask("kit", world.address("kit"), None, "kit_0123456789abcdef").await;
        assert_eq!(answer.outcome, Outcome::Unknown(expected), "{shown}");
    }
}

#[tokio::test]
async fn a_redirect_is_unknown_and_its_target_is_never_visited() {
    let (world, elsewhere) = (World::start().await.unwrap(), World::start().await.unwrap());
    let target = elsewhere.address("kit").join("v4/account").unwrap();
    world.set("kit", None, "kit_redirected", KeyState::Redirect(target.to_string()));
    let answer = ask("kit", world.address("kit"), None, "kit_redirected").await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::Redirect));
    assert_eq!(world.requests().len(), 1);
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn retry_after_is_heard_and_no_other_way_is_tried_meanwhile() {
    let answer = mailjet(KeyState::RateLimited { retry_after: Some(120) }).await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::RateLimited));
    assert_eq!(answer.retry_after, Some(Duration::from_secs(120)));
}

#[tokio::test]
async fn an_accepted_key_costs_one_get_and_endpoints_behind_one_address_are_asked_once() {
    let world = World::start().await.unwrap();
    world.set("mailjet", Some(KEY), SECRET, KeyState::Live);
    ask("mailjet", world.address("mailjet"), Some(KEY), SECRET).await;
    ask("mailjet", world.address("mailjet"), Some(KEY), "00000000000000000000000000000000").await;
    let seen = world.requests();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn a_pasted_api_key_of_convertkit_is_found_by_its_own_question() {
    let world = World::start().await.unwrap();
    let (key, secret) = ("abcdefghij0123456789_K", "a-secret-that-is-longer-than-a-key_0123456789");
    world.set_convertkit(key, ConvertKitKind::ApiKey, KeyState::Live);
    world.set_convertkit(secret, ConvertKitKind::ApiSecret, KeyState::Live);
    let answer = ask("convertkit", world.address("convertkit"), None, key).await;
    assert_eq!((answer.outcome, answer.kind.as_deref()), (Outcome::Accepted, Some("api_key")));
    let answer = ask("convertkit", world.address("convertkit"), None, secret).await;
    assert_eq!((answer.outcome, answer.kind.as_deref()), (Outcome::Accepted, Some("api_secret")));
    let answer = ask("convertkit", world.address("convertkit"), None, "another-secret-of-some-length").await;
    assert_eq!((answer.outcome, answer.parts.len()), (Outcome::Refused, 1), "no key looks like this: one question");
}

#[tokio::test]
async fn a_closed_port_is_no_connection_and_a_mailjet_key_without_its_public_half_is_no_copy() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere: Url = format!("http://{free}/").parse().unwrap();
    let answer = ask("kit", nowhere.clone(), None, "kit_0123").await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::Connect));
    let answer = ask("mailjet", nowhere, None, SECRET).await;
    assert_eq!(answer.parts[0].verdict, crate::domain::outcome::Verdict::Unknown(Reason::NoCopy));
}

#[tokio::test]
async fn a_body_without_end_is_cut_while_it_is_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").unwrap();
        let mut sent = 0_usize;
        while sent < 64 * 1024 * 1024 && stream.write_all(&[b'x'; 8192]).is_ok() {
            sent += 8192;
        }
        sent
    });
    let answer = ask("kit", address, None, "kit_0123").await;
    assert_eq!(answer.outcome, Outcome::Unknown(Reason::Garbled));
    // Not joined on this thread: the connection is closed by a task of the same runtime.
    let sent = tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap();
    assert!(sent < 16 * 1024 * 1024, "the connection is dropped long before the end");
}

#[test]
fn a_setting_for_a_protocol_that_is_not_there_is_refused_by_name() {
    let mut wrong = settings("http://127.0.0.1:1/".parse().unwrap());
    wrong.test_endpoints.insert("soap".to_owned(), "http://127.0.0.1:1/".parse().unwrap());
    let settings = BTreeMap::from([(ProviderName::new("kit"), wrong)]);
    let error = CatalogueProber::new(&Catalogue::shipped().unwrap(), settings, Noon, "test").err().unwrap();
    assert!(error.to_string().contains("soap") && error.to_string().contains("rest"), "{error}");
}
