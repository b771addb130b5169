//! A provider that turns everybody away says nothing of any one key: days of virtual time against providers that keysweep
//! has no part in. Every scan is a process of its own, so that all that is known of a provider goes through the ledger.

mod jump;

use std::collections::BTreeMap;
use std::time::Duration;

use keysweep::app::App;
use keysweep::app::scan::{ScanOptions, ScanSummary};
use keysweep::demo::clock::VirtualClock;
use keysweep::demo::inbox::Inbox;
use keysweep::domain::belief::Liveness;
use keysweep::domain::ids::ProviderName;
use keysweep::domain::time::{Timestamp, days, hours, minutes};
use keysweep::ports::probe::{Learnt, ProbeLedger};
use keysweep::ports::{Clock, Quiet};

use crate::support::{Inventory, Settings, Site, now, pair};

const ACCOUNTS: usize = 8;
const KEYS: usize = 40;

/// Forty Mailjet keys of eight accounts, a site, and a clock of its own.
struct Estate {
    site: Site,
    inventory: Inventory,
    clock: VirtualClock,
}

impl Estate {
    /// All keys work. The story ends before now: what people say on the command line comes after it.
    fn new() -> Self {
        Self::with(String::new())
    }

    /// The same, with more sections in its configuration.
    fn with(rest: String) -> Self {
        let mut site = Site::new();
        site.configure(&Settings {
            liveness: "confirm_gap = \"1h\"\nsettle = \"24h\"\ntimeout = \"5s\"".to_owned(),
            mailjet: "protocols = [\"rest\"]".to_owned(), // so that REST alone can prove a death
            rest,
            ..Settings::default()
        });
        site.providers.dates(None);
        let mut inventory = Inventory::default();
        for number in 0..KEYS {
            let (name, account) = (key(number), format!("a{}", number % ACCOUNTS));
            let (key_id, secret) = pair(&name);
            inventory.mailjet(&name, &account, &name);
            site.providers.set("mailjet", &name, &key_id, &secret, "accept");
        }
        site.connections(inventory.csv());
        let clock = VirtualClock::starting_at(Timestamp::from(now()) - days(15));
        Self { site, inventory, clock }
    }

    /// The keys of the first account.
    fn of_the_first_account() -> Vec<String> {
        (0..KEYS).step_by(ACCOUNTS).map(key).collect()
    }

    fn does(&mut self, name: &str, does: &str) {
        self.site.providers.does("mailjet", name, does);
    }

    async fn app(&self) -> App<VirtualClock> {
        crate::stage::app(self.site.path("keysweep.toml"), &self.clock).await
    }

    async fn scan(&self) -> ScanSummary {
        let app = self.app().await;
        let summary = app.scan(ScanOptions { probe: true, notify: false }, &Quiet).await.expect("a scan");
        app.ledger.close().await;
        summary
    }

    fn go_on(&self, span: Duration) {
        self.clock.go_on_to(self.clock.now() + span);
    }

    /// The keys come in two by two, an hour apart, so that each is asked at a time of its own from then on.
    async fn settle_in(&self) {
        let all = self.inventory.csv();
        let mut lines = all.split_inclusive('\n');
        let mut some = lines.next().expect("a head").to_owned();
        while let Some(line) = lines.next() {
            some += line;
            some += lines.next().unwrap_or_default();
            self.site.connections(&some);
            self.scan().await;
            self.go_on(hours(1));
        }
    }

    /// Scans at once, and then every so often for so long.
    async fn scan_for(&self, span: Duration, every: Duration) -> Vec<ScanSummary> {
        let end = self.clock.now() + span;
        let mut all = vec![self.scan().await];
        while self.clock.now() + every <= end {
            self.go_on(every);
            all.push(self.scan().await);
        }
        all
    }

    async fn counts(&self) -> BTreeMap<Liveness, u64> {
        let app = self.app().await;
        let overview = app.ledger.overview(self.clock.now()).await.expect("the estate");
        app.ledger.close().await;
        Liveness::ALL.into_iter().map(|liveness| (liveness, overview.credentials(liveness))).collect()
    }

    async fn has(&self, liveness: Liveness) -> u64 {
        self.counts().await[&liveness]
    }

    /// Who is blind: endpoint and why.
    async fn blind(&self) -> Vec<String> {
        let app = self.app().await;
        let blind = app.ledger.blind_endpoints().await.expect("endpoints");
        app.ledger.close().await;
        blind.into_iter().map(|(scope, blind)| format!("{scope} {}", blind.why.as_str())).collect()
    }

    /// How often the log has an event of this kind.
    async fn logged(&self, kind: &str) -> usize {
        let app = self.app().await;
        let events = app.ledger.events(0, 100_000).await.expect("the log");
        app.ledger.close().await;
        events.iter().filter(|event| event.kind == kind).count()
    }
}

fn key(number: usize) -> String {
    format!("k{number:02}")
}

fn held(scans: &[ScanSummary]) -> u64 {
    scans.iter().filter_map(|scan| scan.probed.as_ref()).map(|probed| probed.held).sum()
}

#[tokio::test]
async fn six_hours_in_which_everybody_is_refused_kill_nobody_and_end_by_themselves() {
    let mut estate = Estate::new();
    estate.settle_in().await;
    estate.site.providers.everyone("mailjet", Some("refuse"));
    let mut outage = Vec::new();
    for _ in 0..12 {
        outage.extend(estate.scan_for(Duration::ZERO, hours(1)).await);
        assert_eq!(estate.has(Liveness::Dead).await, 0, "{:#?}", outage.last());
        estate.go_on(minutes(30));
    }
    assert_eq!(estate.blind().await, ["mailjet rest/default refused"]);
    assert_eq!(estate.logged("provider.blind").await, 1, "one period");
    let problems = &outage.last().expect("scans").problems;
    assert!(
        problems.iter().any(|p| p.contains("blind") && p.contains("keysweep providers trust mailjet")),
        "{problems:?}"
    );

    estate.site.providers.everyone("mailjet", None);
    estate.scan_for(days(1), hours(2)).await;
    assert_eq!(estate.counts().await[&Liveness::Live], 40);
    assert_eq!(estate.logged("credential.dead").await, 0);
    assert_eq!((estate.blind().await.len(), estate.logged("provider.sighted").await), (0, 1));
    assert!(held(&outage) > 0, "refusals were held back, and counted");
}

#[tokio::test]
async fn an_outage_that_everybody_meets_in_one_scan_leaves_no_suspect_behind() {
    let mut estate = Estate::new();
    estate.scan().await;
    estate.go_on(hours(24));
    estate.site.providers.everyone("mailjet", Some("refuse"));
    let scan = estate.scan().await;
    // The first few were believed before there were enough to judge, and went back.
    assert_eq!(usize::try_from(held(&[scan])).expect("a few") + estate.logged("credential.taken_back").await, KEYS);
    assert_eq!(estate.counts().await[&Liveness::Live], 40);
    assert_eq!(estate.blind().await, ["mailjet rest/default refused"]);
}

#[tokio::test]
async fn the_keys_that_one_account_has_revoked_are_proven_dead_and_blind_nobody() {
    let mut estate = Estate::new();
    estate.settle_in().await;
    for name in Estate::of_the_first_account() {
        estate.does(&name, "refuse");
    }
    estate.scan_for(hours(28), hours(2)).await;
    let counts = estate.counts().await;
    assert_eq!((counts[&Liveness::Dead], counts[&Liveness::Live]), (5, 35), "{counts:?}");
    assert_eq!(estate.logged("provider.blind").await, 0);
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_its_confirmation_for_another_is_asked_to_vouch() {
    let mut estate = Estate::new();
    estate.settle_in().await;
    estate.does("k03", "refuse");
    while estate.has(Liveness::Suspect).await == 0 {
        estate.go_on(minutes(20));
        estate.scan().await;
    }
    // Nothing but the suspect is due now.
    estate.go_on(hours(1));
    let scan = estate.scan().await;
    assert_eq!(estate.has(Liveness::Dead).await, 1, "{:?}", scan.probed);
}

#[tokio::test]
async fn suspects_go_back_when_their_refusals_turn_out_to_have_been_everybodys() {
    let mut estate = Estate::new();
    estate.settle_in().await;
    estate.site.providers.everyone("mailjet", Some("refuse"));
    while estate.has(Liveness::Suspect).await == 0 {
        estate.go_on(minutes(20));
        estate.scan().await;
    }
    assert!(estate.blind().await.is_empty(), "too few to say so");
    // Those who are asked to vouch for the refusals make it plain, though nobody else is due.
    while estate.blind().await.is_empty() {
        estate.go_on(minutes(20));
        estate.scan().await;
    }
    let counts = estate.counts().await;
    assert_eq!((counts[&Liveness::Live], counts[&Liveness::Dead]), (40, 0), "{counts:?}");
    assert!(estate.logged("credential.taken_back").await > 0);
    assert_eq!(estate.logged("credential.taken_back").await, estate.logged("credential.suspect").await);
}

#[tokio::test]
async fn what_a_killed_pass_did_not_take_back_the_next_one_does() {
    let mut estate = Estate::new();
    estate.scan().await;
    estate.go_on(hours(24));
    for name in ["k00", "k01"] {
        estate.does(name, "refuse");
    }
    estate.scan().await;
    assert_eq!(estate.has(Liveness::Suspect).await, 2);
    // As it stands where a pass has written down that its provider is blind, and died then.
    let app = estate.app().await;
    let mut sights = app.ledger.sights(&ProviderName::new("mailjet")).await.expect("what is remembered");
    sights[0].1.state.taking_back = Some(estate.clock.now());
    let learnt = Learnt { sights: &sights, ..Learnt::default() };
    app.ledger.commit_probes(estate.clock.now(), &learnt).await.expect("written");
    app.ledger.close().await;
    estate.go_on(hours(1));
    estate.scan().await;
    assert_eq!(estate.counts().await[&Liveness::Live], 40);
    assert_eq!(estate.logged("credential.taken_back").await, 2);
    let app = estate.app().await;
    let left = app.ledger.sights(&ProviderName::new("mailjet")).await.expect("what is remembered");
    assert_eq!(left[0].1.state.taking_back, None);
}

#[tokio::test]
async fn a_provider_that_answers_nobody_is_blind_until_it_answers_again() {
    let mut estate = Estate::new();
    estate.scan().await;
    estate.go_on(hours(24));
    estate.site.providers.everyone("mailjet", Some("fail"));
    estate.scan().await;
    assert_eq!(estate.blind().await, ["mailjet rest/default unknown"]);
    estate.go_on(hours(1));
    estate.site.providers.everyone("mailjet", None);
    estate.scan().await;
    assert!(estate.blind().await.is_empty());
}

#[tokio::test]
async fn refusals_for_good_are_believed_after_two_days_and_proven_like_any_other() {
    let mut estate = Estate::new();
    estate.scan().await;
    estate.go_on(hours(24));
    estate.site.providers.everyone("mailjet", Some("refuse"));
    estate.scan_for(hours(46), hours(2)).await;
    assert_eq!(estate.counts().await[&Liveness::Live], 40, "still blind");
    estate.scan_for(hours(6), hours(2)).await;
    assert!(estate.blind().await.is_empty());
    assert_eq!(estate.has(Liveness::Dead).await, 0, "believed, and not proven yet");
    estate.scan_for(days(5), hours(6)).await;
    assert_eq!(estate.has(Liveness::Dead).await, 40);
    assert_eq!(estate.logged("provider.blind").await, 1, "what is believed does not blind again");
}

#[tokio::test]
async fn the_operators_word_ends_it_and_the_log_has_who_gave_it() {
    let mut estate = Estate::new();
    estate.scan().await;
    estate.go_on(hours(24));
    let nothing = estate.site.run(&["providers", "trust", "mailjet"]).exits(1);
    assert!(nothing.err.contains("mailjet is not blind"), "{}", nothing.err);
    let unknown = estate.site.run(&["providers", "trust", "mailjat"]).exits(2);
    assert!(unknown.err.contains("no provider \"mailjat\"") && unknown.err.contains("kit"), "{}", unknown.err);
    let odd = estate.site.run(&["providers", "trust", "mailjet", "--protocol", "imap"]).exits(2);
    assert!(odd.err.contains("\"imap\"") && odd.err.contains("rest"), "{}", odd.err);

    estate.site.providers.everyone("mailjet", Some("refuse"));
    estate.scan().await;
    let doctor = estate.site.run(&["doctor"]);
    assert!(doctor.out.contains("blind since"), "{}", doctor.out);
    let mut command = estate.site.command();
    let said = command.env("USER", "ops").args(["providers", "trust", "mailjet"]).output().expect("the program starts");
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && err.contains("mailjet rest/default was blind since"), "{err}");

    assert!(estate.blind().await.is_empty());
    estate.go_on(minutes(5));
    estate.scan().await;
    assert_eq!(estate.has(Liveness::Suspect).await, 40, "they count from now on");
    assert!(estate.blind().await.is_empty(), "and do not blind it again");
    let app = estate.app().await;
    let events = app.ledger.events(0, 100_000).await.expect("the log");
    let by = events.iter().find(|event| event.kind == "provider.sighted").map(|event| event.data["who"].clone());
    assert!(by.as_ref().and_then(|by| by.as_str()).is_some_and(|by| by.starts_with("ops (uid ")), "{by:?}");
}

#[tokio::test]
async fn while_our_clock_is_far_off_nothing_dies_and_a_right_one_makes_up_for_it() {
    let mut estate = Estate::new();
    let real = Timestamp::from(now()).as_secs();
    let tells = |estate: &mut Estate, ahead_of_us: i64| {
        let ours = estate.clock.now().as_secs();
        estate.site.providers.dates(Some(ours - real + ahead_of_us));
    };
    tells(&mut estate, 0);
    estate.scan().await;
    estate.does("k05", "refuse");
    estate.go_on(hours(24));
    tells(&mut estate, 0);
    estate.scan().await;
    assert_eq!(estate.has(Liveness::Suspect).await, 1);
    // Our clock jumps: it says that the gap is over.
    estate.go_on(hours(3));
    tells(&mut estate, -3 * 3600);
    let scan = estate.scan().await;
    assert_eq!(estate.has(Liveness::Dead).await, 0);
    assert!(scan.problems.iter().any(|problem| problem.contains("our clock is 180 min ahead")), "{:?}", scan.problems);
    let doctor = estate.site.run(&["doctor"]);
    assert!(doctor.out.contains("ahead of the clocks of the providers"), "{}", doctor.out);
    // They agree again.
    estate.go_on(hours(25));
    tells(&mut estate, 0);
    let scan = estate.scan().await;
    assert!(scan.problems.is_empty(), "{:?}", scan.problems);
    assert_eq!(estate.has(Liveness::Dead).await, 1);
    assert_eq!((estate.logged("clock.suspect").await, estate.logged("clock.agrees").await), (1, 1));
}

#[tokio::test]
async fn while_our_clock_is_far_off_no_mail_leaves_and_none_is_lost() {
    let inbox = Inbox::start().await.expect("a free port");
    let mail = format!(
        "[mail]\nsmtp_url = \"smtp://{}?tls=none\"\nfrom = \"Key hygiene <keys@example.org>\"\n",
        inbox.address()
    );
    let mut estate = Estate::with(mail);
    estate.site.people("account_id,member_id,email,role,status,verified\na7,o7,owner@example.org,owner,active,true\n");
    estate.inventory.delete("k07", chrono::TimeDelta::zero());
    estate.site.connections(estate.inventory.csv());
    let app = estate.app().await;
    app.ledger.release_mail(estate.clock.now()).await.expect("released");
    app.ledger.close().await;
    let with_mail = async |estate: &Estate| {
        let app = estate.app().await;
        let scan = app.scan(ScanOptions { probe: true, notify: true }, &Quiet).await.expect("a scan");
        app.ledger.close().await;
        scan.notified.expect("mail was asked for")
    };
    let real = Timestamp::from(now()).as_secs();
    estate.site.providers.dates(Some(estate.clock.now().as_secs() - real + 7200));
    let waiting = with_mail(&estate).await;
    assert!(waiting.clock_suspect && waiting.steps == 0 && inbox.mails().is_empty(), "{waiting:?}");
    estate.go_on(hours(24));
    estate.site.providers.dates(Some(estate.clock.now().as_secs() - real));
    let sent = with_mail(&estate).await;
    assert_eq!((sent.clock_suspect, sent.sent), (false, 1), "{sent:?}");
}

#[tokio::test]
async fn what_is_deleted_and_refused_while_blind_is_not_destroyed_as_proven() {
    let mut estate = Estate::new();
    estate.scan().await;
    estate.inventory.delete("k07", chrono::TimeDelta::zero());
    estate.site.connections(estate.inventory.csv());
    estate.go_on(hours(24));
    estate.site.providers.everyone("mailjet", Some("refuse"));
    estate.scan_for(hours(40), hours(2)).await;
    let counts = estate.counts().await;
    assert_eq!((counts[&Liveness::Shredded], counts[&Liveness::Dead]), (0, 0), "{counts:?}");
}
