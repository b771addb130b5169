//! The stage of the months: the daemon's own loop over one clock, which waiting moves, and whatever is in store on the way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use keysweep::app::daemon::{Daemon, Exit};
use keysweep::demo::inbox::Behaviour;
use keysweep::demo::world::Simulated;
use keysweep::domain::action::{Act, ActPolicy, Change};
use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::FindingId;
use keysweep::domain::time::Timestamp;
use keysweep::ledger::Ledger;
use keysweep::ledger::read::FindingFilter;
use keysweep::lifecycle::{Order, Orders};
use keysweep::ports::act::{ActLedger as _, By};
use keysweep::ports::notify::MailMode;
use keysweep::ports::{Clock as _, Timer};
use tokio::sync::Notify;

use super::estate::{CONTACT, END, Estate, START, ZONE};
use super::{MAIL, PER_DAY, RAMP};
use crate::estate::Read;
use crate::stage::{Ground, HEAD, Script};

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
    /// the daemon's surroundings
    pub ground: Ground,
    estate: Estate,
    script: Script<Event>,
    over: Cell<bool>,
    ended: Notify,
}

impl Stage {
    /// An estate with its script, before anything happened.
    pub async fn set(mut script: Vec<(Timestamp, Event)>) -> Rc<Self> {
        let estate = Estate::foreseen();
        script.extend(estate.changes().into_iter().map(|at| (at, Event::Platform)));
        let stage = Self {
            arrived: RefCell::default(),
            ground: Ground::at(START).await,
            estate,
            script: Script::of(script),
            over: Cell::new(false),
            ended: Notify::new(),
        };
        stage.configure();
        stage.ground.write("people.csv", &stage.estate.listed_people());
        stage.platform_changes();
        Rc::new(stage)
    }

    /// The daemon's life, until the story ends.
    pub async fn play(self: &Rc<Self>) {
        let parts = self.ground.parts(Post(Rc::clone(self)), Walk(Rc::clone(self)));
        let daemon = Daemon::new(self.ground.house().await, parts).await.expect("a ledger that can be read");
        let exit = daemon.run().await;
        assert_eq!(exit, Exit::Stopped);
    }

    /// What came since the clock was last moved came now: work takes no time here.
    fn note_what_came(&self) {
        let (now, mut arrived) = (self.ground.clock.now(), self.arrived.borrow_mut());
        let new = self.ground.inbox.mails_after(arrived.len());
        arrived.extend(new.iter().map(|caught| (now, Read::from(caught))));
    }

    async fn pass(&self, span: Duration) {
        self.note_what_came();
        let to = self.ground.clock.now() + span;
        while let Some((at, event)) = self.script.next_until(to) {
            self.ground.clock.go_on_to(at);
            self.happens(event).await;
        }
        self.ground.clock.go_on_to(to);
        if to >= END {
            self.over.set(true);
            self.ended.notify_one();
        }
    }

    async fn happens(&self, event: Event) {
        let now = self.ground.clock.now();
        match event {
            Event::Platform => self.platform_changes(),
            Event::Mail(behaviour) => self.ground.inbox.behave(behaviour),
            Event::Release(mode) => {
                let ledger = self.ground.ledger_beside().await;
                ledger.release_mail_as(now, mode).await.expect("a ledger that can be written");
                ledger.close().await;
            }
            Event::Pause { connection, by_reader, act } => {
                let ledger = self.ground.ledger_beside().await;
                let finding = stale(&ledger, connection).await;
                let notices = ledger.finding(finding).await.expect("a ledger").expect("a finding").notices;
                let reader = notices.first().filter(|_| by_reader).map(|notice| By::Person(notice.person));
                let by = reader.unwrap_or(By::Operator(None));
                let done = ledger.perform(finding, None, by, act, now, &ActPolicy::default()).await;
                assert!(matches!(done, Ok(Ok(Change::Pause(_) | Change::Resume))), "{connection}: {done:?}");
                ledger.close().await;
            }
        }
    }

    fn platform_changes(&self) {
        let now = self.ground.clock.now();
        self.estate.tell(&self.ground.provider, now);
        self.ground.write("connections.csv", &self.estate.connections(now));
    }

    fn configure(&self) {
        let (provider, smtp) = (self.ground.provider.address(Simulated::Kit), self.ground.inbox.address());
        self.ground.write(
            "keysweep.toml",
            &format!(
                r#"{HEAD}[liveness]
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
