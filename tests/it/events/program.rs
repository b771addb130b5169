//! The real program, told by a platform over HTTP.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use chrono::TimeDelta;
use keysweep::demo::world::{KeyState, Simulated};
use keysweep::domain::secret::Secret;
use keysweep::domain::signature::Key;
use keysweep::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::daemon::running::Running;
use crate::estate::{Estate, wait_for};
use crate::support::{Kind, ago, now};

const SECRET: &str = "whsec_c2lnbmVkIGJ5IHRoZSBwbGF0Zm9ybSBvZiB0ZXN0cw==";
const OTHER: &str = "whsec_c2lnbmVkIGJ5IHNvbWVib2R5IGVsc2UgYWx0b2dldGhlcg==";
const KEY: &str = "kit_00000000000000000000000000000000told";

/// An estate whose platform tells by events alone, and its daemon.
struct Told {
    estate: Estate,
    daemon: Option<Running>,
    port: u16,
}

impl Told {
    fn on(kind: Kind, more: &str) -> Self {
        let estate = Estate::on(kind);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("it").port();
        let rest = format!(
            "[http]\npublic_listen = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n\
             [schedule]\nscan = \"0 3 1 1 *\"\nmail = \"0 3 1 1 *\"\n[telemetry]\nlog_filter = \"trace\"\n\
             [[inventory]]\nname = \"told\"\nkind = \"events\"\nevents_secret = [\"{SECRET}\", \"{OTHER}\"]\n"
        );
        estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &rest);
        let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
        estate.write("keysweep.toml", &text.replace("hold = \"until-proven\"", more));
        let mut told = Self { estate, daemon: None, port };
        told.start();
        told
    }

    fn start(&mut self) {
        let daemon = Running::start(&self.estate);
        daemon.says("listening for the people");
        daemon.says("scan finished"); // the first one of a new ledger, which knows nothing
        self.daemon = Some(daemon);
    }

    fn daemon(&self) -> &Running {
        self.daemon.as_ref().expect("a daemon")
    }

    /// Sends bytes as they are, with these headers. Returns status and body.
    fn send(&self, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("the listener");
        let length = body.len();
        let head = format!(
            "POST /events HTTP/1.1\r\nHost: keys.example.org\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    fn tell(&self, id: &str, kind: &str, data: Value) -> (u16, String) {
        let mut body = json!({ "type": kind, "timestamp": now().to_rfc3339(), "source": "told" });
        body["data"] = data;
        let body = body.to_string();
        self.send(&signed(SECRET, id, Timestamp::from(now()), &body), &body)
    }

    /// Tells it as long as it is not taken, as platforms do.
    fn told(&self, id: &str, kind: &str, data: Value) {
        assert_eq!(self.tell(id, kind, data), (204, String::new()), "{}", self.daemon().log());
    }

    fn created(&self) {
        self.estate.world.set(Simulated::Kit, None, KEY, KeyState::Live);
        let owner = json!({"account_id": "a", "member_id": "owner", "email": "owner@example.org", "role": "owner"});
        self.told("m1", "member.created", owner);
        let made = json!({
            "connection_id": "c", "account_id": "a", "provider": "kit", "created_at": ago(TimeDelta::days(3)),
            "secret": KEY, "created_by": "owner",
        });
        self.told("c1", "connection.created", made);
    }

    /// The rules of the open findings.
    fn findings(&self) -> Vec<String> {
        let list = self.estate.run(&["findings", "list", "--format", "json"]).exits(0).json();
        list.as_array().expect("a list").iter().map(|one| one["rule"].as_str().expect("a rule").to_owned()).collect()
    }

    fn asked(&self) -> usize {
        self.estate.world.requests().len()
    }
}

fn signed(secret: &str, id: &str, at: Timestamp, body: &str) -> String {
    let key = Key::parse(&Secret::new(secret)).expect("a signing secret");
    let signature = key.sign(id, at, body);
    format!("webhook-id: {id}\r\nwebhook-timestamp: {}\r\nwebhook-signature: v1,AAAA {signature}\r\n", at.as_secs())
}

fn a_deletion_is_proven_a_live_key_within_seconds(kind: Kind) {
    let told = Told::on(kind, "hold = \"until-proven\"");
    told.created();
    let before = told.asked();
    told.told("c2", "connection.deleted", json!({ "connection_id": "c" }));
    let found = wait_for("the key is found alive", || told.findings().pop());
    assert_eq!(found, "revocation-missing");
    assert!(told.asked() > before);
    // The same message once more, and one like it, change nothing.
    told.told("c2", "connection.deleted", json!({ "connection_id": "c" }));
    let log = told.estate.run(&["explain", "c", "--format", "json"]).exits(0).out;
    assert_eq!(log.matches("\"use.ended\"").count(), 1, "{log}");
    let checked = told.estate.run(&["inventory", "check", "told"]).exits(0).out;
    assert!(checked.contains("events") && checked.contains("latest event") && !checked.contains("none"), "{checked}");
    assert!(!told.daemon().log().contains(KEY) && !told.daemon().log().contains(SECRET), "no secret is logged");
}

#[test]
fn a_deletion_is_proven_a_live_key_within_seconds_on_sqlite() {
    a_deletion_is_proven_a_live_key_within_seconds(Kind::Sqlite);
}

#[test]
fn a_deletion_is_proven_a_live_key_within_seconds_on_postgres() {
    a_deletion_is_proven_a_live_key_within_seconds(Kind::Postgres);
}

#[test]
fn held_at_deletion_the_copy_is_asked_once_and_destroyed() {
    let told = Told::on(Kind::Sqlite, "hold = \"at-deletion\"");
    told.created();
    told.told("c2", "connection.deleted", json!({ "connection_id": "c" }));
    let liveness = || {
        let list = told.estate.run(&["credentials", "list", "--format", "json"]).exits(0).json();
        list[0]["liveness"].as_str().map(str::to_owned)
    };
    wait_for("the copy is destroyed", || liveness().filter(|word| word == "shredded"));
    assert_eq!(told.asked(), 1, "one look at the end");
}

#[test]
fn what_was_taken_and_not_acknowledged_is_known_when_it_comes_again() {
    let mut told = Told::on(Kind::Sqlite, "hold = \"until-proven\"");
    told.created();
    told.estate.world.set_all(Simulated::Kit, Some(KeyState::Live));
    told.told("c2", "connection.deleted", json!({ "connection_id": "c" }));
    told.daemon.take().expect("a daemon").kill(); // before its sender heard of it, for all that the ledger knows
    told.start();
    told.told("c2", "connection.deleted", json!({ "connection_id": "c" }));
    wait_for("the key is found alive", || told.findings().pop());
    let log = told.estate.run(&["explain", "c", "--format", "json"]).exits(0).out;
    assert_eq!(log.matches("\"use.ended\"").count(), 1, "{log}");
}

#[test]
fn what_is_forged_old_or_nonsense_changes_nothing_and_says_why() {
    let told = Told::on(Kind::Sqlite, "hold = \"until-proven\"");
    let good = json!({
        "type": "connection.created", "timestamp": now().to_rfc3339(),
        "data": { "connection_id": "c", "account_id": "a", "provider": "kit", "secret": KEY },
    })
    .to_string();
    let present = Timestamp::from(now());
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let stranger = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let overheard = signed(SECRET, "m", present, &good);
    let nonsense = format!("{{\"type\": \"{KEY}\"}}");
    let elsewhere = good.replacen('{', "{\"source\": \"main\", ", 1);
    for (what, headers, body, status) in [
        ("forged", signed(stranger, "m", present, &good), good.as_str(), 401),
        ("unsigned", String::new(), good.as_str(), 401),
        ("of another body", overheard, elsewhere.as_str(), 401),
        ("old", signed(SECRET, "m", present - minutes(6), &good), good.as_str(), 401),
        ("from the future", signed(SECRET, "m", present + minutes(6), &good), good.as_str(), 401),
        ("nonsense", signed(SECRET, "m", present, &nonsense), nonsense.as_str(), 400),
        ("about another source", signed(SECRET, "m", present, &elsewhere), elsewhere.as_str(), 400),
    ] {
        let (answered, words) = told.send(&headers, body);
        assert_eq!(answered, status, "{what}: {words}");
        let problem: Value = serde_json::from_str(&words).expect("a problem");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.contains(KEY)), "{what}: {words}");
    }
    let provider = json!({ "connection_id": "c", "account_id": "a", "provider": "nobody" });
    let (status, words) = told.tell("m", "connection.created", provider);
    assert_eq!(status, 422, "{words}");
    assert!(words.contains("\"field\":\"provider\""), "{words}");
    let list = told.estate.run(&["connections", "list", "--format", "json"]).exits(0).json();
    assert_eq!(list, json!([]));
    // The other secret of the list is good as well, and the source need not be named.
    assert_eq!(told.send(&signed(OTHER, "m", present, &good), &good), (204, String::new()));
}

#[test]
fn where_no_source_takes_events_there_is_nothing_and_doctor_tells_where_they_come() {
    let told = Told::on(Kind::Sqlite, "hold = \"until-proven\"");
    let doctor = told.estate.run(&["doctor"]);
    assert!(doctor.out.contains("events come to http://127.0.0.1"), "{}\n{}", doctor.out, doctor.err);
    assert!(doctor.out.contains("none has come yet"), "{}", doctor.out);
    let text = fs::read_to_string(told.estate.path("keysweep.toml")).expect("the configuration");
    let (text, _) = text.split_once("[[inventory]]\nname = \"told\"").expect("the source");
    told.estate.write("keysweep.toml", text);
    told.daemon().signal("HUP");
    told.daemon().says("the configuration was read again");
    assert_eq!(told.tell("m", "member.removed", json!({})).0, 404);
}
