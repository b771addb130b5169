//! The ground that both stages in virtual time stand on: a folder, a clock that waiting moves, a provider, a mail server,
//! the daemon's own work over them, and whatever is in store on the way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keysweep::app::App;
use keysweep::app::daemon::{Board, DaemonParts, Doorbell, House, Load};
use keysweep::config::{self, ConfigChoice};
use keysweep::demo::clock::VirtualClock;
use keysweep::demo::inbox::Inbox;
use keysweep::demo::world::World;
use keysweep::domain::time::Timestamp;
use keysweep::ledger::Ledger;
use keysweep::lifecycle::{News, Supervisor};
use keysweep::providers::Catalogue;
use keysweep::telemetry::metrics::Metrics;

use crate::support::MASTER_KEY;

/// Where the ledger is and what is read: the head of every configuration in a folder of its own.
pub const HEAD: &str = r#"[ledger]
url = "sqlite:ledger.db"
[escrow]
hold = "until-proven"
[[inventory]]
name = "main"
kind = "csv"
path = "connections.csv"
people_path = "people.csv"
"#;

/// Everything around the daemon but its story.
pub struct Ground {
    /// the one clock
    pub clock: VirtualClock,
    /// who accepts keys
    pub provider: World,
    /// the mail server
    pub inbox: Inbox,
    folder: tempfile::TempDir,
}

impl Ground {
    /// Empty ground, at this instant.
    pub async fn at(start: Timestamp) -> Self {
        Self {
            clock: VirtualClock::starting_at(start),
            provider: World::start().await.expect("a free port"),
            inbox: Inbox::start().await.expect("a free port"),
            folder: tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder"),
        }
    }

    /// The daemon's work, by the configuration as it stands in the folder now.
    pub async fn house(&self) -> House<VirtualClock> {
        let app = self.app().await;
        let metrics = Arc::new(Metrics::new(app.configured()).expect("metrics"));
        House::new(app, metrics, env(), self.load()).await.expect("a ledger that can be read")
    }

    /// A keysweep by the configuration as it stands in the folder now.
    pub async fn app(&self) -> App<VirtualClock> {
        app(self.path("keysweep.toml"), &self.clock).await
    }

    fn load(&self) -> Load {
        load(self.path("keysweep.toml"))
    }

    /// What the daemon is made of beside its work.
    pub fn parts<O, T>(&self, orders: O, timer: T) -> DaemonParts<O, VirtualClock, T, Nobody> {
        DaemonParts {
            orders,
            clock: self.clock.clone(),
            timer,
            supervisor: Nobody,
            bell: Doorbell::default(),
            board: Board::default(),
            seed: 7,
        }
    }

    /// The ledger, for whoever reads it when nobody else holds it.
    pub async fn ledger(&self) -> Ledger {
        Ledger::open(&self.ledger_url()).await.expect("a ledger that can be opened")
    }

    /// The ledger as the command line opens it while the daemon runs.
    pub async fn ledger_beside(&self) -> Ledger {
        Ledger::open_beside(&self.ledger_url()).await.expect("a ledger that can be opened")
    }

    fn ledger_url(&self) -> String {
        format!("sqlite:{}", self.path("ledger.db").display())
    }

    /// The path of a file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file as platforms do it: no reader sees half of it.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path("next"), text).expect("a folder that can be written");
        fs::rename(self.path("next"), self.path(name)).expect("a folder that can be written");
    }
}

/// A keysweep by the configuration as it stands in this file now, over the shipped catalogue.
pub async fn app(config: PathBuf, clock: &VirtualClock) -> App<VirtualClock> {
    let (settings, _) = load(config)().expect("a good configuration");
    App::open(settings, &env(), clock.clone(), None).await.expect("a keysweep")
}

fn load(config: PathBuf) -> Load {
    let choice = ConfigChoice::usual(Some(config));
    let catalogue = Catalogue::shipped().expect("a catalogue");
    Box::new(move || config::load(&choice, &env(), &catalogue.names()).map_err(|problems| problems.to_string()))
}

fn env() -> Vec<(String, String)> {
    vec![("KEYSWEEP_MASTER_KEY".to_owned(), MASTER_KEY.to_owned())]
}

/// What will happen, and when.
pub struct Script<E>(RefCell<VecDeque<(Timestamp, E)>>);

impl<E> Script<E> {
    /// These events, in the order of time.
    pub fn of(mut events: Vec<(Timestamp, E)>) -> Self {
        events.sort_by_key(|(at, _)| *at);
        Self(RefCell::new(events.into()))
    }

    /// The next event up to an instant, with its own; it is in store no more.
    pub fn next_until(&self, to: Timestamp) -> Option<(Timestamp, E)> {
        self.0.borrow_mut().pop_front_if(|(at, _)| *at <= to)
    }
}

/// A supervisor who doesn't care.
pub struct Nobody;

impl Supervisor for Nobody {
    fn tell(&self, _: News<'_>) {}

    async fn beat(&mut self) {
        std::future::pending::<()>().await;
    }

    fn period(&self) -> Option<Duration> {
        None
    }
}
