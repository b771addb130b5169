//! The machine's clock jumps while a daemon lives: whatever it does next goes by the providers' clocks.

use std::sync::Arc;

use keysweep::app::daemon::{House, Pulse, Work as _};
use keysweep::domain::action::{Act, ActPolicy};
use keysweep::domain::link::{LinkHash, Token};
use keysweep::ledger::{Followed, Ledger, Linked};
use keysweep::ports::act::{ActLedger as _, By};
use keysweep::ports::activation::Job;
use keysweep::telemetry::metrics::Metrics;

use super::*;
use crate::estate::Read;

/// A daemon over an estate whose owner was told of a key that was left behind, and has asked for it to be checked.
struct Story {
    estate: Estate,
    told: LinkHash,
    before: Timestamp,
}

impl Story {
    async fn begun() -> Self {
        let inbox = Inbox::start().await.expect("a free port");
        let mut estate = Estate::with(format!(
            "[mail]\nsmtp_url = \"smtp://{}?tls=none\"\nfrom = \"Key hygiene <keys@example.org>\"\n\
             [http]\npublic_listen = \"127.0.0.1:9185\"\npublic_url = \"http://127.0.0.1:9185\"\n",
            inbox.address()
        ));
        estate
            .site
            .people("account_id,member_id,email,role,status,verified\na7,o7,owner@example.org,owner,active,true\n");
        estate.inventory.delete("k07", chrono::TimeDelta::zero());
        estate.site.connections(estate.inventory.csv());
        let before = estate.clock.now();
        let real = Timestamp::from(now()).as_secs();
        estate.site.providers.dates(Some(before.as_secs() - real));
        let app = estate.app().await;
        app.ledger.release_mail(before).await.expect("released");
        app.scan(ScanOptions { probe: true, notify: true }, &Quiet).await.expect("a scan");
        let mail = inbox.mails().iter().map(Read::from).next().expect("a mail");
        let token = mail.text.split("/a/").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link");
        let told = Token::parse(token).expect("a token").hash();
        let linked = follow(&app.ledger, &told, before).await.expect("the owner's page");
        let (by, policy) = (By::Person(linked.person), ActPolicy::default());
        let asked = app.ledger.perform(linked.finding, Some(linked.opening), by, Act::Check, before, &policy).await;
        assert!(asked.expect("a ledger").is_ok());
        app.ledger.close().await;
        Self { estate, told, before }
    }

    /// The daemon does something after its machine's clock jumped beyond all links and retentions.
    async fn jumps(&self, job: Option<Job>) {
        let app = self.estate.app().await;
        let metrics = Arc::new(Metrics::new(app.configured()).expect("metrics"));
        let reload = Box::new(|| Err("nobody asks for that".to_owned()));
        let house = House::new(app, metrics, Vec::new(), reload).await.expect("a ledger that can be read");
        self.estate.go_on(days(100));
        match job {
            Some(job) => _ = house.run(job, &Pulse::default()).await.expect("a job"),
            None => house.answer(&Pulse::default()).await.expect("answers"),
        }
    }

    async fn page(&self) -> Option<Linked> {
        let app = self.estate.app().await;
        let linked = follow(&app.ledger, &self.told, self.before + minutes(5)).await;
        app.ledger.close().await;
        linked
    }
}

async fn follow(ledger: &Ledger, told: &LinkHash, at: Timestamp) -> Option<Linked> {
    match ledger.follow(told, at).await.expect("a ledger") {
        Some(Followed::Finding(linked)) => Some(*linked),
        _ => None,
    }
}

#[tokio::test]
async fn a_check_is_answered_by_the_right_clock_and_destroys_no_copy() {
    let story = Story::begun().await;
    story.jumps(None).await;
    let page = story.page().await.expect("the owner's page");
    assert!(page.matter.held, "retention is not over");
    let answered = page.check.and_then(|check| check.answered_at).expect("an answer");
    assert!(answered.since(story.before) < minutes(5), "{answered}");
}

#[tokio::test]
async fn upkeep_forgets_by_the_right_clock_and_ends_no_link() {
    let story = Story::begun().await;
    story.jumps(Some(Job::Upkeep)).await;
    assert!(story.page().await.is_some());
}
