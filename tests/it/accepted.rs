//! What is accepted until a date, in virtual time: nobody is told before that instant, and everybody once after it.

use keysweep::app::App;
use keysweep::app::scan::{ScanOptions, ScanSummary};
use keysweep::config::{self, ConfigChoice};
use keysweep::demo::clock::VirtualClock;
use keysweep::demo::world::{KeyState, Simulated};
use keysweep::domain::ids::FindingId;
use keysweep::domain::time::{Timestamp, days};
use keysweep::ledger::read::{FindingFilter, FindingState};
use keysweep::ports::Quiet;
use keysweep::ports::notify::MailMode;
use keysweep::providers::Catalogue;

use crate::stage::{Ground, HEAD};
use crate::support::MASTER_KEY;

const SECRET: &str = "kit_0123456789abcdef0123456789abcdef";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

fn configure(ground: &Ground, policy: &str) {
    let (provider, smtp) = (ground.provider.address(Simulated::Kit), ground.inbox.address());
    let text = format!(
        r#"{HEAD}[providers.kit]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{provider}" }}
[mail]
smtp_url = "smtp://{smtp}?tls=none"
from = "Key hygiene <keys@example.org>"
[schedule]
zone = "Europe/Berlin"
[policy]
max_age = "90d"
{policy}
"#
    );
    ground.write("keysweep.toml", &text);
}

/// An estate of one key that was 100 days old on the first of December, and its owner.
async fn ground() -> Ground {
    let ground = Ground::at(at("2026-12-01T12:00:00Z")).await;
    ground.provider.set(Simulated::Kit, None, SECRET, KeyState::Live);
    let people = "account_id,member_id,email,role,status,verified\na1,o1,owner@example.org,owner,active,true\n";
    ground.write("people.csv", people);
    let head = "connection_id,account_id,provider,status,created_at,secret_set_at,tags,secret";
    let set = "2026-08-23T12:00:00Z";
    ground.write("connections.csv", &format!("{head}\nc1,a1,kit,active,{set},{set},legacy,{SECRET}\n"));
    ground
}

async fn scan(ground: &Ground, app: &App<VirtualClock>, now: &str) -> ScanSummary {
    ground.clock.go_on_to(at(now));
    app.scan(ScanOptions { probe: true, notify: true }, &Quiet).await.expect("a scan")
}

async fn states(app: &App<VirtualClock>) -> Vec<FindingState> {
    let all = app.ledger.findings(&FindingFilter::default(), FindingId(0), 10).await.expect("a ledger");
    all.iter().map(|finding| finding.state).collect()
}

#[tokio::test]
async fn nobody_is_told_before_the_end_and_the_owner_once_at_it_as_the_ladder_says() {
    let ground = ground().await;
    let exempt = "[[policy.exempt]]\nrules = [\"secret-stale\"]\ntag = \"legacy\"\nreason = \"moves this year\"\n\
                  until = 2026-12-31\n";
    configure(&ground, exempt);
    let app = ground.app().await;
    app.ledger.release_mail_as(app.now(), MailMode::Released).await.expect("a ledger");
    for before in ["2026-12-01T12:00:00Z", "2026-12-08T12:00:00Z", "2026-12-15T12:00:00Z", "2026-12-31T22:59:59Z"] {
        scan(&ground, &app, before).await;
        assert_eq!((states(&app).await, ground.inbox.mails().len()), (vec![FindingState::Exempt], 0), "{before}");
    }
    // the day ends in Berlin an hour before it does in UTC
    let ended = scan(&ground, &app, "2026-12-31T23:00:00Z").await;
    assert_eq!((ended.judged.connections, ended.judged.exemptions_ended), (1, 1), "due by that instant alone");
    assert_eq!((states(&app).await, ground.inbox.mails().len()), (vec![FindingState::Open], 1));
    let detail = app.ledger.finding(FindingId(1)).await.expect("a ledger").expect("a finding");
    assert_eq!(detail.finding.opened_at, at("2026-12-31T23:00:00Z"), "its ladder begins there");
    for (now, told) in [
        ("2026-12-31T23:00:00Z", 1),
        ("2027-01-01T12:00:00Z", 1),
        ("2027-01-07T22:59:59Z", 1),
        ("2027-01-07T23:00:00Z", 2),
        ("2027-01-08T12:00:00Z", 2),
    ] {
        scan(&ground, &app, now).await;
        assert_eq!(ground.inbox.mails().len(), told, "{now}");
    }
}

#[tokio::test]
async fn an_entry_that_comes_and_goes_with_a_reload_stops_the_ladder_and_begins_it_anew() {
    let ground = ground().await;
    configure(&ground, "");
    let mut app = ground.app().await;
    app.ledger.release_mail_as(app.now(), MailMode::Released).await.expect("a ledger");
    scan(&ground, &app, "2026-12-01T12:00:00Z").await;
    assert_eq!(ground.inbox.mails().len(), 1);

    let entry = "[[policy.exempt]]\nrules = [\"secret-stale\"]\naccount = \"a1\"\nreason = \"agreed\"\nuntil = \"2027-12-31\"\n";
    for (policy, now, state, told) in [
        (entry, "2026-12-02T12:00:00Z", FindingState::Exempt, 1),
        (entry, "2026-12-20T12:00:00Z", FindingState::Exempt, 1),
        ("", "2026-12-21T12:00:00Z", FindingState::Open, 2),
        ("", "2026-12-22T12:00:00Z", FindingState::Open, 2),
        ("", "2026-12-28T12:00:00Z", FindingState::Open, 3),
    ] {
        configure(&ground, policy);
        let choice = ConfigChoice::usual(Some(ground.path("keysweep.toml")));
        let env = [("KEYSWEEP_MASTER_KEY".to_owned(), MASTER_KEY.to_owned())];
        let catalogue = Catalogue::shipped().expect("a catalogue");
        let (settings, _) = config::load(&choice, &env, &catalogue.names()).expect("a good configuration");
        app.reconfigure(settings, &env).await.expect("good settings");
        scan(&ground, &app, now).await;
        assert_eq!((states(&app).await, ground.inbox.mails().len()), (vec![state], told), "{now}");
    }
}

#[tokio::test]
async fn a_mail_tells_the_limit_that_an_override_sets() {
    let ground = ground().await;
    configure(&ground, "[[policy.override]]\ntag = \"legacy\"\nmax_age = \"61d\"\n");
    let app = ground.app().await;
    app.ledger.release_mail_as(app.now(), MailMode::Released).await.expect("a ledger");
    scan(&ground, &app, "2026-12-01T12:00:00Z").await;
    let mails = ground.inbox.mails();
    let text = mails.first().map(|mail| crate::estate::Read::from(mail).text).unwrap_or_default();
    assert!(text.contains("61 days"), "{text}");
    assert_eq!(app.policy().at(&keysweep::domain::ids::ProviderName::new("kit")).max_age, days(90));
}
