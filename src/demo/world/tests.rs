use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const ID: &str = "11111111111111111111111111111111";
const SECRET: &str = "22222222222222222222222222222222";
const LISTS: &str = "/v3/REST/contactslist?Limit=1";

/// One connection to a provider.
struct Client(TcpStream);

/// An answer as it arrived, with the chunks put together.
#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    async fn to(world: &World, provider: Simulated) -> Self {
        let address = world.address(provider);
        let port = address.port().unwrap();
        Self(TcpStream::connect((address.host_str().unwrap(), port)).await.unwrap())
    }

    async fn send(&mut self, request: &str) {
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    async fn get(&mut self, target: &str, headers: &str) -> Got {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: provider.test\r\n{headers}\r\n")).await;
        self.receive().await
    }

    async fn receive(&mut self) -> Got {
        let head = self.until(b"\r\n\r\n").await;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut got = Got { status, head, body: Vec::new() };
        if got.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(self.until(b"\r\n").await.trim(), 16).unwrap();
                let mut chunk = vec![0; size + 2];
                self.0.read_exact(&mut chunk).await.unwrap();
                got.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    return got;
                }
            }
        }
        let length: usize = got.header("content-length").unwrap().parse().unwrap();
        (&mut self.0).take(length as u64).read_to_end(&mut got.body).await.unwrap();
        got
    }

    async fn until(&mut self, end: &[u8]) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end) {
            read.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(read).unwrap()
    }

    async fn is_closed(&mut self) -> bool {
        self.0.read(&mut [0]).await.unwrap_or(0) == 0
    }
}

fn basic(id: &str, secret: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{id}:{secret}")))
}

async fn mailjet(world: &World) -> Got {
    Client::to(world, Simulated::Mailjet).await.get(LISTS, &basic(ID, SECRET)).await
}

#[tokio::test]
async fn mailjet_accepts_a_live_pair_with_its_envelope() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Mailjet, Some(ID), SECRET, KeyState::Live);
    let got = mailjet(&world).await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")));
    assert!(got.json()["Count"].is_number() && got.json()["Data"].is_array(), "{got:?}");
}

#[tokio::test]
async fn mailjet_refuses_with_an_empty_page_in_chunks_whatever_the_reason() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Mailjet, Some(ID), SECRET, KeyState::Refused);
    world.set(Simulated::Mailjet, Some("other"), "live", KeyState::Live);
    let mut client = Client::to(&world, Simulated::Mailjet).await;
    for headers in [basic(ID, SECRET), basic(ID, "unknown"), basic("other", SECRET), String::new()] {
        let got = client.get(LISTS, &headers).await; // on one connection: each body was read to its end
        assert_eq!((got.status, got.header("content-type"), got.body.len()), (401, Some("text/html"), 0));
        assert_eq!(got.header("www-authenticate"), Some("Basic realm=\"Provide an apiKey and secretKey\""));
        assert_eq!(got.header("transfer-encoding"), Some("chunked"));
    }
}

#[tokio::test]
async fn mailjet_tells_a_wrong_path_with_its_500_and_another_with_a_page() {
    let world = World::start().await.unwrap();
    let mut client = Client::to(&world, Simulated::Mailjet).await;
    let got = client.get("/v3/REST/contactlists", "").await;
    assert_eq!((got.status, &got.json()["ErrorInfo"]), (500, &"EFPWebError".into()));
    let got = client.get("/elsewhere", "").await;
    assert_eq!((got.status, got.header("content-type")), (404, Some("text/html")));
}

#[tokio::test]
async fn a_limited_key_gets_each_providers_own_words() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Mailjet, Some(ID), SECRET, KeyState::Limited);
    world.set(Simulated::ConvertKit, None, "s", KeyState::Limited);
    world.set(Simulated::Kit, None, "kit_1", KeyState::Limited);
    let got = mailjet(&world).await;
    assert_eq!((got.status, &got.json()["ErrorMessage"]), (401, &"Operation not allowed".into()));
    let got = Client::to(&world, Simulated::ConvertKit).await.get("/v3/account?api_secret=s", "").await;
    assert_eq!(got.status, 403);
    assert!(got.json()["error"].is_string());
    let got = Client::to(&world, Simulated::Kit).await.get("/v4/account", "X-Kit-Api-Key: kit_1\r\n").await;
    assert_eq!(got.status, 401);
    assert!(got.json()["errors"][0].as_str().unwrap().contains("API access"));
}

#[tokio::test]
async fn convertkit_tells_its_two_kinds_apart() {
    let world = World::start().await.unwrap();
    world.set(Simulated::ConvertKit, None, "secret+1", KeyState::Live);
    world.set_convertkit("key1", ConvertKitKind::ApiKey, KeyState::Live);
    let mut client = Client::to(&world, Simulated::ConvertKit).await;
    for (target, status) in [
        ("/v3/account?api_secret=secret%2B1", 200),
        ("/v3/forms?api_secret=secret%2B1", 200),
        ("/v3/account?api_key=secret%2B1", 401),
        ("/v3/account?api_secret=key1", 401),
        ("/v3/forms?api_key=key1", 200),
        ("/v3/forms?api_key=unknown", 401),
        ("/v3/forms", 401),
        ("/v3/other", 404),
    ] {
        let got = client.get(target, "").await;
        assert_eq!(got.status, status, "{target}");
        assert_eq!(got.json()["error"] == "Authorization Failed", status == 401, "{target}");
    }
}

#[tokio::test]
async fn kit_reads_its_own_header() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Kit, None, "kit_1", KeyState::Live);
    let mut client = Client::to(&world, Simulated::Kit).await;
    let got = client.get("/v4/account", "x-kit-api-key: kit_1\r\n").await;
    assert_eq!(got.status, 200);
    assert!(got.json()["account"].is_object());
    assert!(got.header("set-cookie").is_some(), "a client with a cookie jar would show");
    for headers in ["X-Kit-Api-Key: kit_2\r\n", "Authorization: Bearer kit_1\r\n", ""] {
        let got = client.get("/v4/account", headers).await;
        assert_eq!((got.status, &got.json()["errors"][0]), (401, &"The access token is invalid".into()));
    }
}

#[tokio::test]
async fn a_rate_limit_names_its_wait_only_when_told_to() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Kit, None, "kit_1", KeyState::RateLimited { retry_after: None });
    let mut client = Client::to(&world, Simulated::Kit).await;
    let got = client.get("/v4/account", "X-Kit-Api-Key: kit_1\r\n").await;
    assert_eq!((got.status, got.header("retry-after"), got.body.as_slice()), (429, None, b"Retry later".as_slice()));
    world.set(Simulated::Kit, None, "kit_1", KeyState::RateLimited { retry_after: Some(30) });
    let got = client.get("/v4/account", "X-Kit-Api-Key: kit_1\r\n").await;
    assert_eq!((got.status, got.header("retry-after")), (429, Some("30")));
}

#[tokio::test]
async fn the_states_that_say_nothing_of_a_key() {
    let world = World::start().await.unwrap();
    let elsewhere = "http://elsewhere.test/";
    for (state, status, content_type) in [
        (KeyState::ServerError, 503, "text/html"),
        (KeyState::HtmlForbidden, 403, "text/html"),
        (KeyState::Redirect(elsewhere.to_owned()), 302, "text/html"),
        (KeyState::Garbage, 200, "application/json"),
    ] {
        world.set(Simulated::Mailjet, Some(ID), SECRET, state.clone());
        let got = mailjet(&world).await;
        assert_eq!((got.status, got.header("content-type")), (status, Some(content_type)), "{state:?}");
        assert_eq!(got.header("location").is_some_and(|to| to == elsewhere), status == 302);
        assert!(serde_json::from_slice::<serde_json::Value>(&got.body).is_err(), "{state:?}");
    }
}

#[tokio::test]
async fn half_a_body_ends_with_the_connection() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Mailjet, Some(ID), SECRET, KeyState::HalfBody);
    let got = mailjet(&world).await;
    let promised: usize = got.header("content-length").unwrap().parse().unwrap();
    assert_eq!((got.status, got.body.len()), (200, promised / 2));
}

#[tokio::test]
async fn a_hanging_key_is_seen_and_never_answered() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Mailjet, Some(ID), SECRET, KeyState::Hangs);
    let waited = tokio::time::timeout(Duration::from_millis(200), mailjet(&world)).await;
    assert!(waited.is_err());
    assert_eq!(world.requests().iter().map(|seen| (seen.key, seen.status)).collect::<Vec<_>>(), [(Some(0), 0)]);
}

#[tokio::test]
async fn an_outage_covers_every_key_and_its_end_brings_their_states_back() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Mailjet, Some(ID), SECRET, KeyState::Live);
    world.set(Simulated::Kit, None, "kit_1", KeyState::Live);
    let mut client = Client::to(&world, Simulated::Mailjet).await;
    world.set_all(Simulated::Mailjet, Some(KeyState::ServerError));
    assert_eq!(client.get(LISTS, &basic(ID, SECRET)).await.status, 503);
    assert_eq!(client.get(LISTS, &basic(ID, "unknown")).await.status, 503);
    let kit = Client::to(&world, Simulated::Kit).await.get("/v4/account", "X-Kit-Api-Key: kit_1\r\n").await;
    assert_eq!(kit.status, 200, "another provider");
    world.set_all(Simulated::Mailjet, Some(KeyState::Live));
    assert_eq!(client.get(LISTS, &basic(ID, "unknown")).await.status, 401, "nobody is accepted unknown");
    world.set_all(Simulated::Mailjet, None);
    assert_eq!(client.get(LISTS, &basic(ID, SECRET)).await.status, 200);
    assert_eq!(client.get(LISTS, &basic(ID, "unknown")).await.status, 401);
}

#[tokio::test]
async fn the_log_tells_which_key_was_shown_and_never_a_secret() {
    let world = World::start().await.unwrap();
    assert_eq!(world.set(Simulated::Mailjet, Some(ID), SECRET, KeyState::Live), 0);
    assert_eq!(world.set(Simulated::ConvertKit, None, "se/cret", KeyState::Live), 1);
    assert_eq!(world.set(Simulated::Mailjet, Some(ID), SECRET, KeyState::Refused), 0, "a key keeps its index");
    mailjet(&world).await;
    let mut client = Client::to(&world, Simulated::ConvertKit).await;
    client.get("/v3/account?api_secret=se%2Fcret", "").await;
    client.get("/v3/accounts/se%2Fcret?api_secret=se%2Fcret", "").await;
    client.get("/v3/account?api_secret=unknown", "").await;
    let seen =
        |provider, path: &'static str, key, status| Seen { provider, method: "GET", path: path.into(), key, status };
    assert_eq!(
        world.requests(),
        [
            seen("mailjet", "/v3/REST/contactslist", Some(0), 401),
            seen("convertkit", "/v3/account", Some(1), 200),
            seen("convertkit", "/v3/accounts/[secret]", Some(1), 404),
            seen("convertkit", "/v3/account", None, 401),
        ]
    );
    assert!(!format!("{world:?}").contains(SECRET));
}

#[test]
fn the_log_keeps_the_newest_requests() {
    let mut state = State::default();
    for status in 0..=u16::MAX {
        state.log(Seen { provider: "kit", method: "GET", path: "/".into(), key: None, status });
        state.log(Seen { provider: "kit", method: "GET", path: "/".into(), key: None, status });
    }
    assert_eq!(state.log.len(), LONGEST_LOG);
    assert_eq!(state.log.back().unwrap().status, u16::MAX);
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order_on_one_connection() {
    let world = World::start().await.unwrap();
    world.set(Simulated::Kit, None, "kit_1", KeyState::Live);
    let mut client = Client::to(&world, Simulated::Kit).await;
    let one = "GET /v4/account HTTP/1.1\r\nX-Kit-Api-Key: kit_1\r\n\r\n";
    let other = "GET /v4/account HTTP/1.1\r\n\r\n";
    client.send(&format!("{one}{other}{one}")).await;
    for status in [200, 401, 200] {
        assert_eq!(client.receive().await.status, status);
    }
}

#[tokio::test]
async fn what_is_no_plain_question_is_refused_and_ends_the_connection() {
    let world = World::start().await.unwrap();
    let long = format!("GET /v4/account HTTP/1.1\r\nX-Long: {}\r\n\r\n", "x".repeat(16 * 1024));
    for (request, status) in [
        ("POST /v4/account HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 405),
        ("HEAD /v4/account HTTP/1.1\r\n\r\n", 405),
        ("hello\r\n\r\n", 400),
        ("GET http://elsewhere.test/ HTTP/1.1\r\n\r\n", 400),
        (long.as_str(), 431),
        ("GET /v4/account HTTP/1.1\r\nConnection: close\r\n\r\n", 401),
        ("GET /v4/account HTTP/1.0\r\n\r\n", 401),
    ] {
        let mut client = Client::to(&world, Simulated::Kit).await;
        client.send(request).await;
        let got = client.receive().await;
        assert_eq!((got.status, got.header("connection")), (status, Some("close")), "{got:?}");
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn a_dropped_world_stops_listening_and_closes_its_connections() {
    let world = World::start().await.unwrap();
    let mut client = Client::to(&world, Simulated::Kit).await;
    client.get("/v4/account", "").await;
    drop(world);
    assert!(client.is_closed().await);
}
