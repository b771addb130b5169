//! The head of the event log, which the daemon holds where who owns the database can't change it.

use std::path::Path;
use std::process::Command;

use keysweep::app::App;
use keysweep::app::scan::ScanOptions;
use keysweep::demo::clock::VirtualClock;
use keysweep::domain::time::{Timestamp, hours};
use keysweep::ports::{Clock as _, Quiet};

use crate::stage::{Ground, HEAD};
use crate::support::{Site, hex};

const START: Timestamp = Timestamp::from_secs(1_790_000_000);

async fn scan(ground: &Ground, app: &App<VirtualClock>, keys: usize) {
    let row = |n: usize| format!("c{n},a{n},kit,kit_{}\n", hex(&format!("key {n}")));
    let rows: String = (0..keys).map(row).collect();
    ground.write("connections.csv", &format!("connection_id,account_id,provider,secret\n{rows}"));
    ground.clock.go_on_to(ground.clock.now() + hours(1));
    app.scan(ScanOptions { probe: false, notify: false }, &Quiet).await.expect("a scan");
    app.note_head().await.expect("a ledger");
}

/// What only who owns the database can do, and what it prints.
fn sql(ground: &Ground, statements: &str) -> String {
    sqlite(&ground.path("ledger.db"), statements)
}

fn sqlite(ledger: &Path, statements: &str) -> String {
    let mut sqlite = Command::new("sqlite3");
    let ran = sqlite.arg(ledger).arg(statements).output().expect("sqlite3");
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).expect("text")
}

async fn is_broken(app: &App<VirtualClock>, ground: &Ground) -> bool {
    app.audit(&Quiet).await.expect("a ledger");
    sql(ground, "SELECT value FROM meta WHERE key = 'trouble.log'").trim() == "1"
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_noticed_even_when_it_has_grown_since() {
    let ground = Ground::at(START).await;
    ground.write("keysweep.toml", HEAD);
    ground.write("people.csv", "account_id,member_id,email\n");
    let app = ground.app().await;
    scan(&ground, &app, 3).await;
    assert!(!is_broken(&app, &ground).await);
    scan(&ground, &app, 6).await;
    assert!(!is_broken(&app, &ground).await, "a log that only grew");
    let before = sql(&ground, "SELECT up_to FROM chain ORDER BY up_to LIMIT 1");
    let cut = format!(
        "DROP TRIGGER event_is_append_only_delete; DROP TRIGGER chain_is_append_only_delete;
         DELETE FROM chain WHERE up_to > {before}; DELETE FROM event WHERE id > {before}"
    );
    sql(&ground, &cut);
    scan(&ground, &app, 9).await;
    assert!(is_broken(&app, &ground).await);
}

#[tokio::test]
async fn a_log_that_was_taken_away_whole_is_not_taken_for_one_that_never_began() {
    let ground = Ground::at(START).await;
    ground.write("keysweep.toml", HEAD);
    ground.write("people.csv", "account_id,member_id,email\n");
    let stale = format!(
        "connection_id,account_id,provider,secret,secret_set_at\nc,a,kit,kit_{},2020-01-01T00:00:00Z\n",
        hex("one")
    );
    ground.write("connections.csv", &stale);
    let app = ground.app().await;
    app.scan(ScanOptions { probe: false, notify: false }, &Quiet).await.expect("a scan");
    assert!(!is_broken(&app, &ground).await);
    sql(
        &ground,
        "DROP TRIGGER event_is_append_only_delete; DROP TRIGGER chain_is_append_only_delete; DELETE FROM chain; DELETE FROM event",
    );
    assert!(is_broken(&app, &ground).await);
}

#[test]
fn a_log_whose_key_was_taken_away_is_not_taken_for_one_that_never_began() {
    let site = Site::new();
    site.run(&["migrate"]).exits(0);
    let noted = format!("1:{}", "a".repeat(64));
    let fresh = site.run(&["audit", "verify"]).exits(0);
    assert!(fresh.out.contains("the log is empty"), "{}", fresh.out);
    site.run(&["audit", "verify", "--head", &noted]).exits(1);
    site.connections("connection_id,account_id,provider,secret\nc-1,a,kit,kit_one\n");
    site.scan();
    let whole = site.run(&["audit", "verify", "--format", "json"]).exits(0).json();
    let head = whole["head"].as_str().expect("a head");
    sqlite(&site.path("ledger.db"), "DELETE FROM meta WHERE key IN ('wrapped_key', 'master_key_id')");
    let told = site.run(&["audit", "verify"]).exits(1).out;
    assert!(told.contains("can't be verified") && told.contains("backup"), "{told}");
    let told = site.run(&["audit", "verify", "--head", head]).exits(1).out;
    assert!(told.contains(head), "{told}");
}
