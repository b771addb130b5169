//! Who is of an account, read from a list that is not all good: in virtual time.

use keysweep::app::App;
use keysweep::app::scan::{ScanOptions, ScanSummary};
use keysweep::demo::clock::VirtualClock;
use keysweep::demo::world::Simulated;
use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::FindingId;
use keysweep::domain::time::Timestamp;
use keysweep::ledger::read::{FindingFilter, FindingState};
use keysweep::ports::Quiet;

use crate::stage::{Ground, HEAD};

const PEOPLE: &str = "account_id,member_id,email,role,status,verified\n";
/// Enough others that one who goes is not many.
const OTHERS: &str = "b1,o,o1@example.org,owner,active,true\nb2,o,o2@example.org,owner,active,true\n\
                      b3,o,o3@example.org,owner,active,true\nb4,o,o4@example.org,owner,active,true\n\
                      b5,o,o5@example.org,owner,active,true\n";
/// A person whose account and id can be read, and whose address can't.
const BAD: &str = "zz,q,no address,owner,active,true\n";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

/// A connection of account `a1`, made by its member `m1`.
async fn ground(head: &str) -> Ground {
    let ground = Ground::at(at("2026-12-01T12:00:00Z")).await;
    let connection = "connection_id,account_id,provider,status,created_at,created_by,secret\n\
                      c1,a1,kit,active,2026-11-01T00:00:00Z,m1,kit_0123456789abcdef0123456789abcdef\n";
    ground.write("connections.csv", connection);
    configure(&ground, head);
    ground
}

fn configure(ground: &Ground, head: &str) {
    let provider = ground.provider.address(Simulated::Kit);
    let text = format!("{head}[providers.kit]\ndangerous_test_endpoints = {{ rest = \"{provider}\" }}\n");
    ground.write("keysweep.toml", &text);
}

async fn scan(ground: &Ground, app: &App<VirtualClock>, now: &str) -> ScanSummary {
    ground.clock.go_on_to(at(now));
    app.scan(ScanOptions { probe: false, notify: false }, &Quiet).await.expect("a scan")
}

async fn open(app: &App<VirtualClock>) -> Vec<RuleName> {
    let all = app.ledger.findings(&FindingFilter::default(), FindingId(0), 10).await.expect("a ledger");
    all.iter().filter(|finding| finding.state == FindingState::Open).map(|finding| finding.rule).collect()
}

#[tokio::test]
async fn a_bad_row_of_one_person_keeps_nobody_else_from_being_gone() {
    let ground = ground(HEAD).await;
    let owner = "a1,o1,owner@example.org,owner,active,true\n";
    ground.write("people.csv", &format!("{PEOPLE}{owner}a1,m1,maker@example.org,member,active,true\n{OTHERS}"));
    let app = ground.app().await;
    scan(&ground, &app, "2026-12-01T12:00:00Z").await;
    ground.write("people.csv", &format!("{PEOPLE}{owner}{OTHERS}{BAD}"));
    scan(&ground, &app, "2026-12-02T12:00:00Z").await;
    assert_eq!(open(&app).await, []);
    scan(&ground, &app, "2026-12-03T12:00:00Z").await;
    assert_eq!(open(&app).await, [RuleName::ConnectionOrphaned], "its maker is gone");
}

#[tokio::test]
async fn whoever_is_listed_in_a_bad_row_is_there_and_their_account_is_not_without_an_owner() {
    let ground = ground(HEAD).await;
    let bad = "a1,o1,no address,owner,active,true\n";
    ground.write("people.csv", &format!("{PEOPLE}{bad}{OTHERS}"));
    let app = ground.app().await;
    for now in ["2026-12-01T12:00:00Z", "2026-12-02T12:00:00Z", "2026-12-03T12:00:00Z"] {
        scan(&ground, &app, now).await;
        assert_eq!(open(&app).await, [], "{now}: it has an owner, of whom nothing can be taken down");
    }
    ground.write("people.csv", &format!("{PEOPLE}{OTHERS}"));
    scan(&ground, &app, "2026-12-04T12:00:00Z").await;
    assert_eq!(open(&app).await, [RuleName::ConnectionOrphaned, RuleName::OwnerUnreachable], "no row, no owner");
    ground.write("people.csv", &format!("{PEOPLE}a1,o1,owner@example.org,owner,active,true\n{OTHERS}"));
    scan(&ground, &app, "2026-12-05T12:00:00Z").await;
    assert_eq!(open(&app).await, []);
    ground.write("people.csv", &format!("{PEOPLE}{bad}{OTHERS}"));
    for now in ["2026-12-06T12:00:00Z", "2026-12-07T12:00:00Z", "2026-12-08T12:00:00Z"] {
        scan(&ground, &app, now).await;
        assert_eq!(open(&app).await, [], "{now}: known from before");
    }
}

#[tokio::test]
async fn a_bad_row_that_may_be_anybodys_suspends_that_people_go_and_says_so() {
    let ground = ground(HEAD).await;
    ground.write("people.csv", &format!("{PEOPLE}{OTHERS},q,someone@example.org,owner,active,true\n"));
    let app = ground.app().await;
    for now in ["2026-12-01T12:00:00Z", "2026-12-03T12:00:00Z"] {
        scan(&ground, &app, now).await;
        assert_eq!(open(&app).await, [], "{now}");
        let said = format!("{:?}", app.ledger.problems().await.expect("a ledger"));
        assert!(said.contains("nobody counts as gone from this snapshot"), "{said}");
    }
}

#[tokio::test]
async fn people_that_are_listed_later_than_connections_have_all_of_those_judged_once_more() {
    let only_connections = HEAD.replace("people_path = \"people.csv\"\n", "");
    let ground = ground(&only_connections).await;
    let app = ground.app().await;
    scan(&ground, &app, "2026-12-01T12:00:00Z").await;
    assert_eq!(open(&app).await, [], "who has an owner is not known");
    app.ledger.close().await;
    configure(&ground, HEAD);
    ground.write("people.csv", &format!("{PEOPLE}{OTHERS}"));
    let app = ground.app().await;
    scan(&ground, &app, "2026-12-02T12:00:00Z").await;
    assert_eq!(open(&app).await, [RuleName::ConnectionOrphaned, RuleName::OwnerUnreachable]);
    let again = scan(&ground, &app, "2026-12-03T12:00:00Z").await;
    assert_eq!(again.judged.connections, 0, "they are news once");
}
