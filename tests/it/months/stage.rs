//! The stage of the months: the daemon's own loop over one clock, which waiting moves, and whatever is in store on the way.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keysweep::app::App;
use keysweep::app::daemon::{Board, Daemon, DaemonParts, Doorbell, Exit, House};
use keysweep::config::{self, ConfigChoice};
use keysweep::demo::clock::VirtualClock;
use keysweep::demo::inbox::{Behaviour, Inbox};
use keysweep::demo::world::World;
use keysweep::domain::action::{Act, ActPolicy, Change};
use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::FindingId;
use keysweep::domain::time::Timestamp;
use keysweep::ledger::Ledger;
use keysweep::ledger::read::FindingFilter;
use keysweep::lifecycle::{News, Order, Orders, Supervisor};
use keysweep::ports::act::{ActLedger as _, By};
use keysweep::ports::notify::MailMode;
use keysweep::ports::{Clock as _, Timer};
use keysweep::providers::Catalogue;
use keysweep::telemetry::metrics::Metrics;
use tokio::sync::Notify;

use super::estate::{CONTACT, END, Estate, START, ZONE};
use super::{MAIL, PER_DAY, RAMP};
use crate::estate::Read;
use crate::support::MASTER_KEY;

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// the platform's list, or what the provider accepts, is another than before
    Platform,
    /// what the mail server does from now on
    Mail(Behaviour),
    /// the operator lets mail leave
    Release(MailMode),
    /// somebody has a stale secret's reminders wait, or the operator does
    Pause { connection: &'static str, by_reader: bool, act: Act },
}

/// Everything around the daemon, and what arrived.
pub struct Stage {
    /// every mail with the instant at which it arrived
    pub arrived: RefCell<Vec<(Timestamp, Read)>>,
    folder: tempfile::TempDir,
    clock: VirtualClock,
    provider: World,
    inbox: Inbox,
    estate: Estate,
    script: RefCell<VecDeque<(Timestamp, Event)>>,
    over: Cell<bool>,
    ended: Notify,
}

impl Stage {
    /// An estate with its script, before anything happened.
    pub async fn set(mut script: Vec<(Timestamp, Event)>) -> Rc<Self> {
        let estate = Estate::foreseen();
        script.extend(estate.changes().into_iter().map(|at| (at, Event::Platform)));
        script.sort_by_key(|(at, _)| *at);
        let stage = Self {
            arrived: RefCell::default(),
            folder: tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder"),
            clock: VirtualClock::starting_at(START),
            provider: World::start().await.expect("a free port"),
            inbox: Inbox::start().await.expect("a free port"),
            estate,
            script: RefCell::new(script.into()),
            over: Cell::new(false),
            ended: Notify::new(),
        };
        stage.configure();
        stage.write("people.csv", &stage.estate.listed_people());
        stage.platform_changes();
        Rc::new(stage)
    }

    /// The daemon's life, until the story ends.
    pub async fn play(self: &Rc<Self>) {
        let env = vec![("KEYSWEEP_MASTER_KEY".to_owned(), MASTER_KEY.to_owned())];
        let choice = ConfigChoice::usual(Some(self.path("keysweep.toml")));
        let catalogue = Catalogue::shipped().expect("a catalogue");
        let load = {
            let env = env.clone();
            move || config::load(&choice, &env, &catalogue.names()).map_err(|problems| problems.to_string())
        };
        let (settings, _) = load().expect("a good configuration");
        let app = App::open(settings, &env, self.clock.clone(), None).await.expect("a keysweep");
        let metrics = Arc::new(Metrics::new(app.configured()).expect("metrics"));
        let house = House::new(app, metrics, env, Box::new(load)).await.expect("a ledger that can be read");
        let parts = DaemonParts {
            orders: Post(Rc::clone(self)),
            clock: self.clock.clone(),
            timer: Walk(Rc::clone(self)),
            supervisor: Nobody,
            bell: Doorbell::default(),
            board: Board::default(),
            seed: 7,
        };
        let exit = Daemon::new(house, parts).await.expect("a ledger that can be read").run().await;
        assert_eq!(exit, Exit::Stopped);
    }

    /// The ledger, for whoever reads it when nobody else holds it.
    pub async fn ledger(&self) -> Ledger {
        Ledger::open(&self.ledger_url()).await.expect("a ledger that can be opened")
    }

    fn ledger_url(&self) -> String {
        format!("sqlite:{}", self.path("ledger.db").display())
    }

    /// What came since the clock was last moved came now: work takes no time here.
    fn note_what_came(&self) {
        let (now, mut arrived) = (self.clock.now(), self.arrived.borrow_mut());
        let new = self.inbox.mails_after(arrived.len());
        arrived.extend(new.iter().map(|caught| (now, Read::from(caught))));
    }

    async fn pass(&self, span: Duration) {
        self.note_what_came();
        let to = self.clock.now() + span;
        loop {
            let next = self.script.borrow().front().map(|(at, _)| *at);
            if next.is_none_or(|next| next > to) {
                break;
            }
            let Some((at, event)) = self.script.borrow_mut().pop_front() else { break };
            self.clock.go_on_to(at);
            self.happens(event).await;
        }
        self.clock.go_on_to(to);
        if to >= END {
            self.over.set(true);
            self.ended.notify_one();
        }
    }

    async fn happens(&self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Platform => self.platform_changes(),
            Event::Mail(behaviour) => self.inbox.behave(behaviour),
            Event::Release(mode) => {
                let ledger = self.beside().await;
                ledger.release_mail_as(now, mode).await.expect("a ledger that can be written");
                ledger.close().await;
            }
            Event::Pause { connection, by_reader, act } => {
                let ledger = self.beside().await;
                let finding = stale(&ledger, connection).await;
                let notices = ledger.finding(finding).await.expect("a ledger").expect("a finding").notices;
                let reader = notices.first().filter(|_| by_reader).map(|notice| By::Person(notice.person));
                let by = reader.unwrap_or(By::Operator);
                let done = ledger.perform(finding, None, by, act, now, &ActPolicy::default()).await;
                assert!(matches!(done, Ok(Ok(Change::Pause(_) | Change::Resume))), "{connection}: {done:?}");
                ledger.close().await;
            }
        }
    }

    /// As the command line opens it while the daemon runs.
    async fn beside(&self) -> Ledger {
        Ledger::open_beside(&self.ledger_url()).await.expect("a ledger that can be opened")
    }

    fn platform_changes(&self) {
        let now = self.clock.now();
        self.estate.tell(&self.provider, now);
        self.write("connections.csv", &self.estate.connections(now));
    }

    fn configure(&self) {
        let (provider, smtp) = (self.provider.address("kit"), self.inbox.address());
        self.write(
            "keysweep.toml",
            &format!(
                r#"[ledger]
url = "sqlite:ledger.db"
[escrow]
hold = "until-proven"
[[inventory]]
name = "main"
kind = "csv"
path = "connections.csv"
people_path = "people.csv"
[liveness]
probe_every = "5d"
[providers.kit]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{provider}" }}
[mail]
smtp_url = "smtp://{smtp}?tls=none"
from = "Key hygiene <keys@example.org>"
security_contact = "{CONTACT}"
ramp_size = {RAMP}
quiet = "20:00-08:00"
weekdays = "mon-fri"
per_address_per_day = {PER_DAY}
per_minute = 2
brake_times = 3
brake_at_least = 15
[schedule]
zone = "{ZONE}"
scan = "15 4,16 * * *"
mail = "{MAIL}"
"#
            ),
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file as platforms do it: no reader sees half of it.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("next"), text).expect("a folder that can be written");
        fs::rename(self.path("next"), self.path(name)).expect("a folder that can be written");
    }
}

async fn stale(ledger: &Ledger, connection: &str) -> FindingId {
    let filter = FindingFilter { rule: Some(RuleName::SecretStale), ..FindingFilter::default() };
    let found = ledger.findings(&filter, FindingId(0), 10_000).await.expect("a ledger");
    found.iter().find(|finding| finding.connection_id == connection).expect("a stale secret").id
}

/// Waiting that lets time go by on the stage.
struct Walk(Rc<Stage>);

impl Timer for Walk {
    async fn sleep(&self, span: Duration) {
        // Whoever else is awake goes first: a wait that is dropped in its favour must not have moved the clock.
        tokio::task::yield_now().await;
        self.0.pass(span).await;
    }
}

/// Says when the story is over.
struct Post(Rc<Stage>);

impl Orders for Post {
    async fn next(&mut self) -> Order {
        while !self.0.over.get() {
            self.0.ended.notified().await;
        }
        self.0.over.set(false);
        Order::Stop
    }
}

/// A supervisor who doesn't care.
struct Nobody;

impl Supervisor for Nobody {
    fn tell(&self, _: News<'_>) {}

    async fn beat(&mut self) {
        std::future::pending::<()>().await;
    }

    fn period(&self) -> Option<Duration> {
        None
    }
}
