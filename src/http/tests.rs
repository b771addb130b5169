//! The listener over real connections: who may ask for what, what every answer has, and what nobody can do to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use self::house::{House, NOW, TOKEN, ask, basic, bearer, request, with_token};
use super::access::{Listed, Token};
use super::server::Limits;
use crate::domain::secret::Secret;
use crate::ports::activation::Job;
use crate::ports::health::{HealthReport, Phase, Seen};
use crate::ports::meter::PartName;

mod acts;
mod api;
mod browser;
mod house;
mod pages;
mod roles;
mod rows;

const CLOSED_PATHS: [(&str, &str, u16); 7] = [
    ("GET", "/", 200),
    ("HEAD", "/", 200),
    ("GET", "/style.css", 200),
    ("GET", "/icon.svg", 200),
    ("GET", "/metrics", 200),
    ("POST", "/api/v1/scan", 202),
    ("GET", "/nothing", 404),
];

#[tokio::test]
async fn health_is_open_and_everything_else_wants_the_token_in_either_form() {
    let house = House::open(with_token()).await;
    for path in ["/healthz", "/readyz"] {
        for shown in ["", "Authorization: Bearer wrong\r\n"] {
            assert_eq!(house.ask(&request("GET", path, shown)).await.status, 200, "{path} {shown}");
        }
    }
    let right = [bearer(), basic(&format!("anyone:{TOKEN}"))];
    let wrong = [
        String::new(),
        format!("Authorization: Bearer {TOKEN}0\r\n"),
        format!("Authorization: {TOKEN}\r\n"),
        format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n"),
        basic(&format!("{TOKEN}:")),
        basic("anyone:wrong"),
        format!("Cookie: token={TOKEN}\r\n"),
    ];
    for (method, path, status) in CLOSED_PATHS {
        for shown in &right {
            assert_eq!(house.ask(&request(method, path, shown)).await.status, status, "{method} {path} {shown}");
        }
        for shown in &wrong {
            let answer = house.ask(&request(method, path, shown)).await;
            assert_eq!(answer.status, 401, "{method} {path} {shown}");
            let schemes = &answer.headers["www-authenticate"];
            assert!(schemes.iter().any(|scheme| scheme.starts_with("Basic ")), "a browser can ask: {schemes:?}");
            assert!(!answer.body.contains(TOKEN), "the answer tells the token");
        }
        let in_query = format!("{path}?token={TOKEN}");
        assert_eq!(house.ask(&request(method, &in_query, "")).await.status, 401, "{in_query}");
    }
    assert_eq!(house.world.rung.lock().unwrap().len(), right.len(), "nobody without the token rings");
}

#[tokio::test]
async fn without_a_token_only_health_is_shown_and_the_answer_names_the_setting() {
    let house = House::open(None).await;
    assert_eq!(house.get("/healthz").await.status, 200);
    for (method, path, _) in CLOSED_PATHS {
        let answer = house.ask(&request(method, path, &bearer())).await;
        assert_eq!(answer.status, 401, "{path}");
        if method != "HEAD" {
            assert!(answer.json()["detail"].as_str().unwrap().contains("set token in [http]"), "{}", answer.body);
        }
        let schemes = &answer.headers["www-authenticate"];
        assert!(!schemes.iter().any(|scheme| scheme.starts_with("Basic")), "nobody is asked for what there isn't");
    }
}

#[tokio::test]
async fn every_answer_is_sealed_and_every_error_is_a_problem_that_says_what_to_do() {
    let house = House::open(with_token()).await;
    for (method, path, headers, status) in [
        ("GET", "/", bearer(), 200),
        ("GET", "/healthz", String::new(), 200),
        ("GET", "/metrics", String::new(), 401),
        ("GET", "/metrics/", bearer(), 404),
        ("DELETE", "/metrics", bearer(), 405),
        ("POST", "/api/v1/scan", format!("{}Content-Length: 9999\r\n", bearer()), 413),
    ] {
        let answer = house.ask(&request(method, path, &headers)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                 frame-ancestors 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers.get(name), Some(&vec![value.to_owned()]), "{name} of {path}");
        }
        if status >= 400 {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
            assert_eq!(answer.json()["status"], status, "{path}");
            assert!(answer.json()["detail"].as_str().unwrap().len() > 20, "{path}: {}", answer.body);
        }
    }
    let refused = house.ask(&request("DELETE", "/metrics", &bearer())).await;
    assert_eq!(refused.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn without_a_token_a_path_that_there_is_looks_like_one_that_there_is_not() {
    let house = House::open(with_token()).await;
    let seen = async |method: &str, path: &str| {
        let mut answer = house.ask(&request(method, path, "")).await;
        answer.headers.remove("date");
        (answer.status, answer.headers, answer.body)
    };
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
        let nothing = seen(method, "/api/v1/nope").await;
        assert_eq!(nothing.0, 401);
        for path in ["/api/v1/findings", "/api/v1/scan", "/findings/F1", "/metrics", "/"] {
            assert_eq!(seen(method, path).await, nothing, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn who_sends_a_body_too_slowly_is_told_so() {
    let house = House::open(with_token()).await;
    let path = "/api/v1/findings/F1/snooze";
    let headers = format!("{}Content-Type: application/json\r\nContent-Length: 20\r\n", bearer());
    let answer = house.ask(&format!("{}{{", request("POST", path, &headers))).await;
    assert_eq!((answer.status, answer.json()["title"].as_str()), (408, Some("Request Timeout")), "{}", answer.body);
}

#[tokio::test]
async fn metrics_come_in_the_form_that_prometheus_reads() {
    let house = House::open(with_token()).await;
    let answer = house.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.body, "keysweep_up 1\n");
    let head = house.ask(&request("HEAD", "/metrics", &bearer())).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn scan_now_rings_the_bell_and_a_page_of_another_site_cannot() {
    let house = House::open(with_token()).await;
    let post = |headers: &str| request("POST", "/api/v1/scan", &format!("{}{headers}", bearer()));
    for foreign in [
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: cross-site\r\nOrigin: http://ops.test\r\n",
        "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: \r\n",
        "Origin: https://elsewhere.test\r\n",
        "Origin: null\r\n",
    ] {
        assert_eq!(house.ask(&post(foreign)).await.status, 403, "{foreign}");
    }
    assert_eq!(house.ask(&request("GET", "/api/v1/scan", &bearer())).await.status, 405, "looking is not acting");
    assert!(house.world.rung.lock().unwrap().is_empty());

    let program = house.ask(&post("")).await;
    assert_eq!((program.status, program.json()["job"].as_str()), (202, Some("scan")));
    let page =
        house.ask(&post("Accept: text/html,*/*\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://ops.test\r\n")).await;
    assert_eq!((page.status, page.header("location")), (303, "/?rung"));
    // A proxy may send its own name for us as `Host`; the browser, which sees the public one, says whose page it is.
    let proxied = house.ask(&post("Sec-Fetch-Site: same-origin\r\nOrigin: https://keys.example.org\r\n")).await;
    assert_eq!(proxied.status, 202);
    assert_eq!(*house.world.rung.lock().unwrap(), [Job::Scan; 3]);
}

#[tokio::test]
async fn readiness_is_that_of_our_own_parts_and_tells_no_names() {
    let house = House::open(with_token()).await;
    assert_eq!(house.get("/readyz").await.json()["status"], "ready");
    let seen = |trouble: &str| Seen { since: NOW, trouble: Some(trouble.to_owned()) };
    let well = HealthReport { phase: Phase::Running, ..HealthReport::default() };
    let down = |part| HealthReport { parts: BTreeMap::from([(part, seen("canary"))]), ..well.clone() };
    let given_up = BTreeMap::from([(crate::domain::ids::ProviderName::new("kit"), seen("canary"))]);
    for (report, failing) in [
        (well.clone(), None),
        (down(PartName::Smtp), None),
        (down(PartName::Inventory), None),
        (down(PartName::Clock), None),
        (HealthReport { given_up, ..well.clone() }, None),
        (down(PartName::Ledger), Some("ledger")),
        (HealthReport { config: Some(seen("canary")), ..well.clone() }, Some("config")),
        (HealthReport { phase: Phase::Starting, ..well.clone() }, Some("phase")),
        (HealthReport { phase: Phase::Stopping, ..well.clone() }, Some("phase")),
    ] {
        *house.world.report.lock().unwrap() = report.clone();
        let answer = house.ask(&request("GET", "/readyz", "")).await;
        assert_eq!(answer.status, if failing.is_some() { 503 } else { 200 }, "{report:?}");
        for part in ["ledger", "config", "phase"] {
            assert_eq!(answer.json()["parts"][part]["ok"], failing != Some(part), "{part} of {report:?}");
        }
        let clock = report.parts.contains_key(&PartName::Clock);
        assert_eq!(answer.json()["parts"]["clock"]["ok"], !clock, "it is named, and waits for nobody");
        assert!(!answer.body.contains("canary"), "{}", answer.body);
        assert_eq!(house.get("/healthz").await.status, 200, "the process is well");
    }
}

#[tokio::test]
async fn a_ledger_that_is_gone_makes_us_unready_and_leaves_page_and_metrics() {
    let house = House::open(with_token()).await;
    // The table is gone, as after a restore of the wrong file; the connection to the database is as good as before.
    let path = house._folder.path().join("ledger.db");
    let dropped = std::process::Command::new("sqlite3").arg(path).arg("DROP TABLE scan; DROP TABLE meta;").status();
    assert!(dropped.expect("sqlite3 is installed").success());
    let answer = house.get("/readyz").await;
    assert_eq!((answer.status, answer.json()["parts"]["ledger"]["ok"].as_bool()), (503, Some(false)));
    assert_eq!(house.get("/metrics").await.status, 200);
    let page = house.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("no answer"), "{}", page.body);
}

#[tokio::test]
async fn a_request_under_way_is_finished_when_the_end_comes_and_no_new_one_begins() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, goes_on) = (begun.clone(), go_on.clone());
    let slow = get(async move || {
        begins.notify_one();
        goes_on.notified().await;
        "done"
    });
    let router = Router::new().route("/slow", slow);
    let mut house = House::over(router, Limits::USUAL, Arc::default(), tempfile::tempdir().unwrap()).await;
    let address = house.address;
    let asked =
        tokio::spawn(async move { ask(address, &request("GET", "/slow", "").replace("close", "keep-alive")).await });
    begun.notified().await;
    house.stop.take().unwrap().send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await; // until the listener is closed
    }
    go_on.notify_one();
    assert_eq!(asked.await.unwrap().body, "done");
    house.served.await.unwrap();
}

#[tokio::test]
async fn who_sends_a_head_too_slowly_or_too_large_is_sent_away() {
    let limits = Limits { head: Duration::from_millis(50), connections: 2, ..Limits::USUAL };
    let router = Router::new().route("/", get(async || "here"));
    let house = House::over(router, limits, Arc::default(), tempfile::tempdir().unwrap()).await;
    let mut slow = Vec::new();
    for _ in 0..limits.connections {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: ops.test\r\n").await.unwrap();
        slow.push(stream);
    }
    // Every place is taken, so this answer shows that a place became free.
    assert_eq!(house.ask(&request("GET", "/", "")).await.body, "here");
    for mut stream in slow {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains("200"), "a head without an end was answered");
    }
    let large = format!("X-Large: {}\r\n", "x".repeat(64 * 1024));
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    // The server may close while this is still being sent.
    let _sent = stream.write_all(request("GET", "/", &large).as_bytes()).await;
    let mut answer = Vec::new();
    let _read = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "), "a head without a limit was answered");
    let many = "X-Many: x\r\n".repeat(200);
    assert_eq!(house.ask(&request("GET", "/", &many)).await.status, 431);
}
