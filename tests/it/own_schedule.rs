//! Sources with schedules of their own.

use std::fs;

use keysweep::app::scan::{ScanOptions, ScanSummary};
use keysweep::demo::clock::VirtualClock;
use keysweep::domain::time::Timestamp;
use keysweep::ports::Quiet;

use crate::stage;
use crate::support::{Settings, Site};

const ALL: ScanOptions = ScanOptions { probe: false, notify: false };

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

/// What a scan read, and whether each came to its end.
fn read(summary: &ScanSummary) -> Vec<(&str, bool)> {
    summary.collected.iter().map(|(name, collected)| (name.as_str(), collected.complete)).collect()
}

#[tokio::test]
async fn a_source_with_a_schedule_is_read_once_after_each_of_its_instants_and_again_where_that_failed() {
    let site = Site::new();
    let nightly =
        "[[inventory]]\nname = \"nightly\"\nkind = \"csv\"\npath = \"nightly.csv\"\nschedule = \"0 3 * * *\"\n";
    site.configure(&Settings { rest: nightly.to_owned(), ..Settings::default() });
    let export = site.path("nightly.csv");
    let write = || fs::write(&export, "connection_id,account_id,provider\nn1,a1,kit\n").expect("a folder");
    write();
    let clock = VirtualClock::starting_at(at("2026-11-20T12:00:00Z"));
    let app = stage::app(site.path("keysweep.toml"), &clock).await;
    for (now, there, expected) in [
        ("2026-11-20T12:00:00Z", true, vec![("main", true), ("nightly", true)]),
        ("2026-11-20T12:15:00Z", true, vec![("main", true)]),
        ("2026-11-21T02:59:59Z", true, vec![("main", true)]),
        ("2026-11-21T03:00:05Z", true, vec![("main", true), ("nightly", true)]),
        ("2026-11-21T03:15:00Z", true, vec![("main", true)]),
        ("2026-11-22T03:00:05Z", false, vec![("main", true), ("nightly", false)]),
        ("2026-11-22T03:01:05Z", false, vec![("main", true), ("nightly", false)]),
        ("2026-11-22T03:03:05Z", true, vec![("main", true), ("nightly", true)]),
        ("2026-11-22T03:15:00Z", true, vec![("main", true)]),
        ("2026-11-25T12:00:00Z", true, vec![("main", true), ("nightly", true)]),
        ("2026-11-25T12:15:00Z", true, vec![("main", true)]),
    ] {
        clock.go_on_to(at(now));
        if there {
            write();
        } else {
            fs::remove_file(&export).or_else(|_| if export.exists() { Err(()) } else { Ok(()) }).expect("a folder");
        }
        let summary = app.scan_due(ALL, &Quiet).await.expect("a scan");
        assert_eq!(read(&summary), expected, "{now}");
    }
    let by_hand = app.scan(ALL, &Quiet).await.expect("a scan");
    assert_eq!(read(&by_hand), [("main", true), ("nightly", true)], "by hand everything is read");
}
