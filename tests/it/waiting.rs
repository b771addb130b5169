//! Credentials that people and events want asked at once, and what becomes of those that could not be.

use std::cell::Cell;
use std::process::Command;

use keysweep::app::App;
use keysweep::app::scan::ScanOptions;
use keysweep::demo::clock::VirtualClock;
use keysweep::domain::time::Timestamp;
use keysweep::ports::{Progress, Quiet};

use crate::stage::{Ground, HEAD};
use crate::support::hex;

const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// More than are asked before a provider is given up.
const KEYS: usize = 15;
const GIVE_UP_AFTER: usize = 10;

/// Keys of a provider that nobody can reach, all to be asked at once.
async fn estate() -> (Ground, App<VirtualClock>) {
    let ground = Ground::at(START).await;
    let kit = "[providers.kit]\npace = \"unpaced\"\nin_flight = 1\n\
               dangerous_test_endpoints = { rest = \"http://127.0.0.1:1/\" }\n";
    ground.write("keysweep.toml", &format!("{HEAD}{kit}"));
    ground.write("people.csv", "account_id,member_id,email\n");
    let row = |n: usize| format!("c{n},a{n},kit,kit_{}\n", hex(&format!("key {n}")));
    let rows: String = (0..KEYS).map(row).collect();
    ground.write("connections.csv", &format!("connection_id,account_id,provider,secret\n{rows}"));
    let app = ground.app().await;
    app.scan(ScanOptions { probe: false, notify: false }, &Quiet).await.expect("a scan");
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(ground.path("ledger.db")).arg("INSERT INTO awaited SELECT id, 1 FROM credential");
    assert!(sqlite.status().expect("sqlite3").success());
    assert_eq!(waiting(&app).await, KEYS);
    (ground, app)
}

async fn waiting(app: &App<VirtualClock>) -> usize {
    app.ledger.awaited().await.expect("a look").len()
}

#[tokio::test]
async fn who_was_not_asked_because_the_provider_was_given_up_goes_on_waiting() {
    let (_ground, app) = estate().await;
    app.answer(&Quiet).await.expect("answers");
    assert_eq!(waiting(&app).await, KEYS - GIVE_UP_AFTER);
    app.answer(&Quiet).await.expect("answers");
    assert_eq!(waiting(&app).await, 0, "each was looked at once");
}

/// Work that is told to stop after its first question.
#[derive(Default)]
struct Short(Cell<bool>);

impl Progress for Short {
    fn stage(&self, _: &'static str, _: Option<u64>) {}
    fn advance(&self, _: u64) {
        self.0.set(true);
    }
    fn done(&self) {}
    fn stopping(&self) -> bool {
        self.0.get()
    }
}

#[tokio::test]
async fn who_was_not_asked_because_keysweep_was_stopped_goes_on_waiting() {
    let (_ground, app) = estate().await;
    app.answer(&Short::default()).await.expect("answers");
    assert_eq!(waiting(&app).await, KEYS);
}
