//! Credentials that people and events want asked at once, and what becomes of those that could not be.

use std::cell::Cell;
use std::process::Command;

use keysweep::app::App;
use keysweep::app::scan::ScanOptions;
use keysweep::demo::clock::VirtualClock;
use keysweep::domain::ids::ProviderName;
use keysweep::domain::time::Timestamp;
use keysweep::ledger::NotNow;
use keysweep::ports::{Progress, Quiet};

use crate::stage::{Ground, HEAD};
use crate::support::hex;

const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// More than are asked before a provider is given up.
const KEYS: usize = 15;
const GIVE_UP_AFTER: usize = 10;

/// Keys of a provider that nobody can reach, all to be asked at once.
async fn estate(keys: usize) -> (Ground, App<VirtualClock>) {
    let ground = Ground::at(START).await;
    let away = ["kit", "convertkit"].map(|provider| {
        format!(
            "[providers.{provider}]\npace = \"unpaced\"\nin_flight = 1\n\
             dangerous_test_endpoints = {{ rest = \"http://127.0.0.1:1/\" }}\n"
        )
    });
    ground.write("keysweep.toml", &format!("{HEAD}{}", away.concat()));
    ground.write("people.csv", "account_id,member_id,email\n");
    let row = |n: usize| format!("c{n},a{n},kit,kit_{}\n", hex(&format!("key {n}")));
    let rows: String = (0..keys).map(row).collect();
    ground.write("connections.csv", &format!("connection_id,account_id,provider,secret\n{rows}{LAST}"));
    let app = ground.app().await;
    app.scan(ScanOptions { probe: false, notify: false }, &Quiet).await.expect("a scan");
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(ground.path("ledger.db")).arg("INSERT INTO awaited SELECT id, id FROM credential");
    assert!(sqlite.status().expect("sqlite3").success());
    (ground, app)
}

/// A key of another provider, which waits behind all of them.
const LAST: &str = "last,a,convertkit,0123456789abcdefABCDEF\n";

async fn waiting(app: &App<VirtualClock>) -> usize {
    app.ledger.awaited(&NotNow::default()).await.expect("a look").len()
}

#[tokio::test]
async fn who_was_not_asked_because_the_provider_was_given_up_goes_on_waiting() {
    let (_ground, app) = estate(KEYS).await;
    assert_eq!(waiting(&app).await, KEYS + 1);
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
    let (_ground, app) = estate(KEYS).await;
    app.answer(&Short::default()).await.expect("answers");
    assert_eq!(waiting(&app).await, KEYS + 1);
}

#[tokio::test]
async fn whoever_waits_behind_a_hundred_of_a_provider_that_does_not_answer_is_asked_all_the_same() {
    let (_ground, app) = estate(130).await;
    app.answer(&Quiet).await.expect("answers");
    let kit = NotNow { providers: [ProviderName::new("kit")].into(), ..NotNow::default() };
    assert_eq!(app.ledger.awaited(&kit).await.expect("a look"), []);
    assert_eq!(waiting(&app).await, 100, "so many are read at once; those of the other have their turn later");
}
