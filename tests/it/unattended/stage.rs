//! The stage of two years: one clock, which waiting moves, and on the way everything that the script has in store.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use keysweep::app::AppError;
use keysweep::app::daemon::{Daemon, Exit, House, Pulse, Ran, Work};
use keysweep::demo::clock::VirtualClock;
use keysweep::demo::world::{KeyState, Simulated};
use keysweep::domain::time::Timestamp;
use keysweep::lifecycle::{Order, Orders};
use keysweep::ports::activation::Job;
use keysweep::ports::health::JobState;
use keysweep::ports::{Clock, LedgerError, Timer};
use keysweep::schedule::plan::{LastRun, Timetable};
use keysweep::telemetry::metrics::Heard;
use tokio::sync::Notify;

use super::platform::Platform;
use super::script::{Act, Chapter, END, MAIL};
use crate::stage::{Ground, HEAD, Script};

/// A job as it was done.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// which
    pub job: Job,
    /// when it began
    pub at: Timestamp,
    /// whether it ended, and its schedule has nothing to make up
    pub well: bool,
}

/// Everything around the daemon, and what is noted of it.
pub struct Stage {
    /// the daemon's surroundings
    pub ground: Ground,
    /// every job that was done
    pub done: RefCell<Vec<Done>>,
    /// how often the daemon was started
    pub lives: Cell<u32>,
    platform: Platform,
    source_is_there: Cell<bool>,
    script: Script<Act>,
    order: Cell<Option<Order>>,
    ordered: Notify,
    /// how long the daemon stays away once it has stopped
    down: Cell<Duration>,
    /// the job in which it will die, and after how many steps
    doom: Cell<Option<(Job, u32)>>,
    dead: Notify,
}

impl Stage {
    /// An estate with its script, before anything happened. Mail may leave.
    pub async fn set(platform: Platform, start: Timestamp, chapter: &Chapter, acts: Vec<(Timestamp, Act)>) -> Rc<Self> {
        let mut script = acts;
        script.extend(platform.acts());
        let stage = Self {
            ground: Ground::at(start).await,
            done: RefCell::default(),
            lives: Cell::new(0),
            platform,
            source_is_there: Cell::new(true),
            script: Script::of(script),
            order: Cell::new(None),
            ordered: Notify::new(),
            down: Cell::new(Duration::ZERO),
            doom: Cell::new(None),
            dead: Notify::new(),
        };
        stage.configure(chapter);
        stage.ground.write("people.csv", &Platform::people());
        stage.platform_changes();
        let ledger = stage.ground.ledger().await;
        ledger.release_mail(start).await.expect("a new ledger");
        ledger.close().await;
        Rc::new(stage)
    }

    /// The daemon's lives, one after the other, until the story ends.
    pub async fn play(self: &Rc<Self>) {
        while self.ground.clock.now() < END {
            self.lives.set(self.lives.get() + 1);
            tokio::select! {
                biased;
                () = self.dead.notified() => {}
                exit = self.live() => assert_eq!(exit, Exit::Stopped),
            }
            self.doom.take();
            self.pass(self.down.take());
        }
    }

    async fn live(self: &Rc<Self>) -> Exit {
        let parts = self.ground.parts(Post(Rc::clone(self)), Walk(Rc::clone(self)));
        let work = Witness { house: self.ground.house().await, stage: Rc::clone(self) };
        Daemon::new(work, parts).await.expect("a ledger that can be read").run().await
    }

    /// Time goes by, and everything happens that is in store for it.
    fn pass(&self, span: Duration) {
        let to = self.ground.clock.now() + span;
        while let Some((at, act)) = self.script.next_until(to) {
            self.ground.clock.go_on_to(at);
            self.happens(act);
        }
        self.ground.clock.go_on_to(to);
        if to >= END {
            self.order(Order::Stop);
        }
    }

    fn happens(&self, act: Act) {
        match act {
            Act::Platform => self.platform_changes(),
            Act::Source { is_there } => {
                self.source_is_there.set(is_there);
                self.platform_changes();
            }
            Act::Provider { is_well } => {
                self.ground.provider.set_all(Simulated::Kit, (!is_well).then_some(KeyState::ServerError));
            }
            Act::Mail(behaviour) => self.ground.inbox.behave(behaviour),
            Act::Chapter(chapter) => {
                self.configure(&chapter);
                self.order(Order::Reload);
            }
            Act::Stop { down } => {
                self.down.set(down);
                self.order(Order::Stop);
            }
            Act::Die { job, steps } => self.doom.set(Some((job, steps))),
        }
    }

    fn order(&self, order: Order) {
        self.order.set(Some(order));
        self.ordered.notify_one();
    }

    fn platform_changes(&self) {
        let now = self.ground.clock.now();
        self.platform.tell(&self.ground.provider, now);
        if self.source_is_there.get() {
            self.ground.write("connections.csv", &self.platform.connections(now));
        } else if self.ground.path("connections.csv").exists() {
            fs::remove_file(self.ground.path("connections.csv")).expect("a folder that can be written");
        }
    }

    fn configure(&self, chapter: &Chapter) {
        let Chapter { zone, scan, .. } = chapter;
        let (provider, smtp) = (self.ground.provider.address(Simulated::Kit), self.ground.inbox.address());
        self.ground.write(
            "keysweep.toml",
            &format!(
                r#"{HEAD}[providers.kit]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{provider}" }}
[mail]
smtp_url = "smtp://{smtp}?tls=none"
from = "Key hygiene <keys@example.org>"
[schedule]
zone = "{zone}"
scan = "{scan}"
mail = "{MAIL}"
upkeep = "30 3 * * 0"
"#
            ),
        );
    }
}

/// Waiting that lets time go by on the stage.
struct Walk(Rc<Stage>);

impl Timer for Walk {
    async fn sleep(&self, span: Duration) {
        // Whoever else is awake goes first: a wait that is dropped in its favour must not have moved the clock.
        tokio::task::yield_now().await;
        self.0.pass(span);
    }
}

/// Hands on the orders of the script.
struct Post(Rc<Stage>);

impl Orders for Post {
    async fn next(&mut self) -> Order {
        loop {
            if let Some(order) = self.0.order.take() {
                return order;
            }
            self.0.ordered.notified().await;
        }
    }
}

/// The real work, and who watches it.
struct Witness {
    house: House<VirtualClock>,
    stage: Rc<Stage>,
}

impl Witness {
    /// Resolves where the daemon is to die in this job: after so many turns of everything that goes on.
    async fn doom(&self, job: Job) -> Infallible {
        match self.stage.doom.get() {
            Some((doomed, steps)) if doomed == job => {
                for _ in 0..steps {
                    tokio::task::yield_now().await;
                }
                self.stage.dead.notify_one();
                std::future::pending().await
            }
            _ => std::future::pending().await,
        }
    }
}

impl Work for Witness {
    async fn run(&self, job: Job, pulse: &Pulse) -> Result<Ran, AppError> {
        let at = self.stage.ground.clock.now();
        let note = |well| self.stage.done.borrow_mut().push(Done { job, at, well });
        tokio::select! {
            biased;
            never = self.doom(job) => match never {},
            ran = self.house.run(job, pulse) => {
                self.stage.doom.take();
                note(ran.as_ref().is_ok_and(|ran| ran.well));
                ran
            }
        }
    }

    async fn deliver(&self, pulse: &Pulse) -> Result<Ran, AppError> {
        self.house.deliver(pulse).await
    }

    async fn answer(&self, pulse: &Pulse) -> Result<(), AppError> {
        self.house.answer(pulse).await
    }

    async fn is_waited_for(&self) -> Result<bool, LedgerError> {
        self.house.is_waited_for().await
    }

    async fn mail_due(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.house.mail_due().await
    }

    async fn give_back(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.house.give_back(now).await
    }

    async fn touch(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.house.touch(now).await
    }

    async fn remembered(&self, job: Job) -> Result<Option<LastRun>, LedgerError> {
        self.house.remembered(job).await
    }

    async fn remember(&self, job: Job, last: &LastRun) -> Result<(), LedgerError> {
        self.house.remember(job, last).await
    }

    async fn show(&self) -> Result<(), LedgerError> {
        self.house.show().await
    }

    fn heard(&self) -> Heard {
        self.house.heard()
    }

    fn scheduled(&self, job: Job, state: JobState) {
        self.house.scheduled(job, state);
    }

    fn timetable(&self, job: Job) -> Timetable {
        self.house.timetable(job)
    }

    fn stop_within(&self) -> Duration {
        self.house.stop_within()
    }

    fn check(&self) -> Result<(), String> {
        self.house.check()
    }

    async fn reload(&mut self) -> Result<Vec<String>, String> {
        self.house.reload().await
    }
}
