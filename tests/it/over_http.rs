//! Inventories over HTTP, and sources with schedules of their own: the whole program against a platform's interface.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Settings, Site, ago, pair};

const PAGE: usize = 2;

/// What the platform does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Answer,
    /// the connection breaks in the middle of the second page
    Break,
    /// the second page is an error
    Fail,
    Refuse,
}

struct State {
    ids: Vec<String>,
    does: Does,
}

/// A platform that pages its connections by cursor, to who has the token.
struct Platform {
    url: String,
    state: Arc<Mutex<State>>,
}

impl Platform {
    fn of(ids: &[&str]) -> Self {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let state = Arc::new(Mutex::new(State { ids, does: Does::Answer }));
        let told = Arc::clone(&state);
        let url = serve(move |head| answer(head, &told.lock().expect("one test")));
        Self { url, state }
    }

    fn does(&self, does: Does) {
        self.state.lock().expect("one test").does = does;
    }

    fn forget(&self, id: &str) {
        self.state.lock().expect("one test").ids.retain(|known| known != id);
    }
}

/// Answers every request by its head, as long as the tests run. Returns the address.
pub fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for visitor in listener.incoming() {
            let Ok(mut visitor) = visitor else { return };
            let head = head(&mut visitor);
            drop(visitor.write_all(&answer(&head))); // a visitor may leave whenever it likes
        }
    });
    url
}

/// An answer with this body.
pub fn said(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn head(visitor: &mut TcpStream) -> String {
    let (mut heard, mut some) = (Vec::new(), [0; 1024]);
    while !heard.ends_with(b"\r\n\r\n") {
        match visitor.read(&mut some) {
            Ok(0) | Err(_) => break,
            Ok(length) => heard.extend_from_slice(&some[..length]),
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

fn answer(head: &str, state: &State) -> Vec<u8> {
    if state.does == Does::Refuse || !head.to_lowercase().contains("authorization: bearer of-the-platform") {
        return said("401 Unauthorized", "{}");
    }
    if head.starts_with("GET /people") {
        let person = json!({"account_id": "a1", "member_id": "o1", "email": "owner@example.org", "role": "owner"});
        return said("200 OK", &json!({"data": [person], "next": null}).to_string());
    }
    let from = head.split("cursor=").nth(1).and_then(|rest| rest.split([' ', '&']).next()?.parse().ok()).unwrap_or(0);
    if from > 0 && state.does == Does::Fail {
        return said("500 Oops", "<html>");
    }
    let rows: Vec<_> = state.ids.iter().skip(from).take(PAGE).map(|id| row(id)).collect();
    let next = Some(from + PAGE).filter(|next| *next < state.ids.len());
    let mut whole = said("200 OK", &json!({"data": rows, "next": next}).to_string());
    if from > 0 && state.does == Does::Break {
        whole.truncate(whole.len() - 40);
    }
    whole
}

fn row(id: &str) -> serde_json::Value {
    let (key_id, secret) = pair(id);
    json!({"id": id, "account": {"id": "a1"}, "kind": "mailjet", "key": {"id": key_id, "secret": secret}, "made": ago(TimeDelta::days(20))})
}

/// A keysweep that reads a platform, and the platform.
fn estate(ids: &[&str]) -> (Site, Platform) {
    let (mut site, platform) = (Site::new(), Platform::of(ids));
    let url = &platform.url;
    let api = format!(
        r#"[[inventory]]
name = "api"
kind = "http"
url = "{url}/connections"
people_url = "{url}/people"
bearer = "of-the-platform"
rows = "/data"
paging = "cursor"
next = "/next"
retry = ["1ms", "1ms"]
absent_after = "200ms"
[inventory.fields]
connection_id = "/id"
account_id = "/account/id"
provider = "/kind"
key_id = "/key/id"
secret = "/key/secret"
created_at = "/made"
secret_set_at = "/made"
"#
    );
    site.configure(&Settings { rest: api, ..Settings::default() });
    for id in ids {
        let (key_id, secret) = pair(id);
        site.providers.set("mailjet", id, &key_id, &secret, "accept");
    }
    (site, platform)
}

fn status(site: &Site, id: &str) -> String {
    let all = site.list("connections");
    let found = all.iter().find(|connection| connection["connection_id"] == id).expect("the connection");
    found["status"].as_str().expect("a word").to_owned()
}

#[test]
fn a_platform_whose_plug_is_pulled_in_the_middle_of_a_list_loses_nothing_and_it_is_said() {
    let ids = ["one", "two", "three", "four", "five"];
    let (site, platform) = estate(&ids);
    assert_eq!(site.scan().findings(), Vec::<String>::new());
    for id in ids {
        assert_eq!((status(&site, id), site.liveness(id)), ("active".to_owned(), "live".to_owned()));
    }
    for (does, said) in
        [(Does::Break, "breaks before its answer is whole"), (Does::Fail, "answers 500"), (Does::Refuse, "`bearer`")]
    {
        platform.does(does);
        let begun = Instant::now();
        // longer than it takes to believe that a row is gone
        while begun.elapsed() < Duration::from_millis(700) {
            let scan = site.scan_exits(4);
            assert_eq!(scan.findings(), Vec::<String>::new(), "{:#}", scan.document);
            let told = scan.problems().join("\n");
            assert!(told.contains("source api") && told.contains(said) && !told.contains("of-the-platform"), "{told}");
        }
    }
    for id in ids {
        assert_eq!(status(&site, id), "active");
    }
    platform.does(Does::Answer);
    platform.forget("two");
    assert_eq!(site.scan().findings(), Vec::<String>::new(), "once is nothing");
    let gone = site.scan_until("it is gone", |scan| !scan.findings().is_empty());
    assert_eq!(gone.findings(), ["revocation-missing critical two live"]);
}

#[test]
fn a_look_at_a_platform_shows_its_rows_and_writes_nothing_and_a_wrong_login_names_its_setting() {
    let (site, platform) = estate(&["one", "two", "three"]);
    let look = site.run(&["inventory", "check", "api", "--format", "json"]).exits(0);
    let shown = look.json();
    assert_eq!((&shown["rows"], &shown["people"], &shown["with_secret"]), (&json!(3), &json!(1), &json!(3)));
    assert_eq!(shown["would"]["new"], 3);
    assert!(!site.path("ledger.db").exists(), "nothing was written");
    let of_the_source = |site: &Site| {
        let checks = site.run(&["doctor", "--format", "json"]).json();
        let all = checks["checks"].as_array().expect("checks").clone();
        all.into_iter().filter(|check| check["name"] == "source api").collect::<Vec<_>>()
    };
    for check in of_the_source(&site) {
        assert_eq!(check["state"], "ok", "{check}");
    }
    platform.does(Does::Refuse);
    let checks = of_the_source(&site);
    assert!(!checks.is_empty());
    for check in &checks {
        assert!(
            check["setting"].as_str().is_some_and(|key| ["inventory[1].url", "inventory[1].people_url"].contains(&key))
        );
        assert!(check["todo"].as_str().is_some_and(|todo| todo.contains("`bearer`")), "{check}");
        assert!(!check.to_string().contains("of-the-platform"), "{check}");
    }
}
