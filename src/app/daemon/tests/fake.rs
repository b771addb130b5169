//! A keysweep that does nothing but write down what it is asked, and fails when it is told to.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use crate::app::AppError;
use crate::app::daemon::{Board, Daemon, DaemonParts, Doorbell, Exit, Pulse, Ran, Work};
use crate::demo::clock::{VirtualClock, VirtualTimer};
use crate::domain::time::Timestamp;
use crate::lifecycle::{News, Order, Orders, Supervisor};
use crate::ports::activation::Job;
use crate::ports::health::{JobState, Readiness};
use crate::ports::meter::PartName;
use crate::ports::{Clock, LedgerError, Timer};
use crate::schedule::Cron;
use crate::schedule::plan::{LastRun, Timetable};
use crate::telemetry::metrics::Heard;

/// 2026-11-21T08:00:00Z: a quarter of an hour begins.
pub(super) const START: Timestamp = Timestamp::from_secs(1_795_248_000);

/// What was asked of the work, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Ran(Job),
    Delivered,
    Answered,
    Touched,
    GaveBack,
}

/// What outlives one daemon: the ledger, the world around it, and the test's own notes.
pub(super) struct World {
    pub(super) clock: VirtualClock,
    pub(super) asked: RefCell<Vec<(Timestamp, Asked)>>,
    pub(super) news: RefCell<Vec<String>>,
    /// when the estate was shown
    pub(super) shown: RefCell<Vec<Timestamp>>,
    /// since when each job that was told of is under way
    pub(super) told: RefCell<Vec<(Job, Option<Timestamp>)>>,
    /// a mail is due again so long after each try
    pub(super) mails_every: Cell<Option<Duration>>,
    /// what the ledger remembers
    memory: RefCell<HashMap<Job, LastRun>>,
    /// when the ledger fails
    pub(super) no_ledger: RefCell<Range<Timestamp>>,
    /// when the mail server fails
    pub(super) no_smtp: RefCell<Range<Timestamp>>,
    /// when the inventory can't be read
    pub(super) no_inventory: RefCell<Range<Timestamp>>,
    /// mails that wait since then
    pub(super) mails: Cell<Option<Timestamp>>,
    /// people who wait for a provider's answer; each time that they are asked for, so many of them have it
    pub(super) waiting: Cell<usize>,
    pub(super) answered_at_once: Cell<usize>,
    /// what the configuration says of scans; a text that is no schedule is a broken file
    pub(super) config: RefCell<String>,
    /// what is written over it once the daemon has read it
    pub(super) next_config: Cell<Option<String>>,
    /// jobs stay in this stage for ever
    pub(super) hang_in: Cell<Option<&'static str>>,
    pub(super) running: Cell<bool>,
    /// the estate is too great to be counted
    pub(super) counts_for_ever: Cell<bool>,
    /// the service manager wants to hear so often that it lives, and asks without end while a job is under way
    pub(super) watchdog: Cell<Option<Duration>>,
    /// an order to stop comes after so many runs
    pub(super) runs_left: Cell<usize>,
    /// what comes from outside, by the time of the clock
    orders: RefCell<Vec<(Timestamp, Order)>>,
}

impl World {
    pub(super) fn new() -> Rc<Self> {
        let never = START..START;
        Rc::new(Self {
            clock: VirtualClock::starting_at(START),
            asked: RefCell::default(),
            news: RefCell::default(),
            shown: RefCell::default(),
            told: RefCell::default(),
            mails_every: Cell::new(None),
            memory: RefCell::default(),
            no_ledger: RefCell::new(never.clone()),
            no_smtp: RefCell::new(never.clone()),
            no_inventory: RefCell::new(never),
            mails: Cell::new(None),
            waiting: Cell::new(0),
            answered_at_once: Cell::new(usize::MAX),
            config: RefCell::new("*/15 * * * *".to_owned()),
            next_config: Cell::new(None),
            hang_in: Cell::new(None),
            running: Cell::new(false),
            counts_for_ever: Cell::new(false),
            watchdog: Cell::new(None),
            runs_left: Cell::new(usize::MAX),
            orders: RefCell::default(),
        })
    }

    /// Has an order come at that time; the orders of one time in this order.
    pub(super) fn order(&self, at: Timestamp, order: Order) {
        self.orders.borrow_mut().push((at, order));
    }

    /// A daemon's life until that time. Returns how it ended and what it knew of itself then.
    pub(super) async fn live_until(self: &Rc<Self>, end: Timestamp) -> (Exit, Board) {
        self.order(end, Order::Stop);
        self.live(VirtualTimer(self.clock.clone())).await
    }

    /// A daemon's life under a timer of its own, until an order ends it.
    pub(super) async fn live(self: &Rc<Self>, timer: impl Timer) -> (Exit, Board) {
        let board = Board::default();
        let parts = DaemonParts {
            orders: Post(Rc::clone(self)),
            clock: self.clock.clone(),
            timer,
            supervisor: Listener(Rc::clone(self)),
            bell: Doorbell::default(),
            board: board.clone(),
            seed: 7,
        };
        let work = Fake { world: Rc::clone(self), schedule: self.config.borrow().clone() };
        if let Some(next) = self.next_config.take() {
            self.config.replace(next);
        }
        let daemon = Daemon::new(work, parts).await.expect("a ledger that can be read");
        (daemon.run().await, board)
    }

    /// When this was asked.
    pub(super) fn times(&self, what: Asked) -> Vec<Timestamp> {
        self.asked.borrow().iter().filter(|(_, asked)| *asked == what).map(|(at, _)| *at).collect()
    }

    /// What a part's trouble is, where it has one.
    pub(super) fn trouble(board: &Board, part: PartName) -> Option<String> {
        board.report().parts.get(&part).and_then(|seen| seen.trouble.clone())
    }

    fn note(&self, asked: Asked) {
        self.asked.borrow_mut().push((self.clock.now(), asked));
    }

    fn is_now(&self, span: &RefCell<Range<Timestamp>>) -> bool {
        span.borrow().contains(&self.clock.now())
    }

    fn ledger(&self) -> Result<(), LedgerError> {
        if self.is_now(&self.no_ledger) { Err(LedgerError::Busy("somebody holds it".to_owned())) } else { Ok(()) }
    }
}

struct Fake {
    world: Rc<World>,
    schedule: String,
}

impl Fake {
    fn cron(text: &str) -> Result<Cron, String> {
        Cron::parse(text, chrono_tz::UTC).map_err(|error| error.to_string())
    }

    fn mailed(&self) -> Ran {
        let world = &self.world;
        let server = if world.is_now(&world.no_smtp) {
            Err("refused".to_owned())
        } else {
            let now = world.clock.now();
            let again = world.mails_every.get().map(|every| now + every);
            world.mails.set(world.mails.get().filter(|due| *due > now).or(again));
            Ok(())
        };
        Ran { seen: vec![(PartName::Smtp, server)], ..Ran::complete() }
    }
}

impl Work for Fake {
    async fn run(&self, job: Job, pulse: &Pulse) -> Result<Ran, AppError> {
        use crate::ports::Progress as _;
        let world = &self.world;
        world.note(Asked::Ran(job));
        world.runs_left.set(world.runs_left.get() - 1);
        world.ledger()?;
        world.running.set(true);
        if let Some(stage) = world.hang_in.get() {
            pulse.stage(stage, None);
            std::future::pending::<()>().await;
        }
        Ok(match job {
            Job::Mail => self.mailed(),
            Job::Upkeep => Ran::complete(),
            Job::Scan => {
                let gone = world.is_now(&world.no_inventory);
                let inventory = if gone { Err("no such file".to_owned()) } else { Ok(()) };
                Ran { well: !gone, seen: vec![(PartName::Inventory, inventory)], ..Ran::complete() }
            }
        })
    }

    async fn deliver(&self, _: &Pulse) -> Result<Ran, AppError> {
        self.world.note(Asked::Delivered);
        self.world.ledger()?;
        Ok(self.mailed())
    }

    async fn answer(&self, _: &Pulse) -> Result<(), AppError> {
        self.world.note(Asked::Answered);
        self.world.ledger()?;
        self.world.waiting.set(self.world.waiting.get().saturating_sub(self.world.answered_at_once.get()));
        Ok(())
    }

    async fn is_waited_for(&self) -> Result<bool, LedgerError> {
        self.world.ledger().map(|()| self.world.waiting.get() > 0)
    }

    async fn mail_due(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.world.ledger().map(|()| self.world.mails.get())
    }

    async fn give_back(&self, _: Timestamp) -> Result<(), LedgerError> {
        self.world.note(Asked::GaveBack);
        self.world.ledger()
    }

    async fn touch(&self, _: Timestamp) -> Result<(), LedgerError> {
        self.world.note(Asked::Touched);
        self.world.ledger()
    }

    async fn remembered(&self, job: Job) -> Result<Option<LastRun>, LedgerError> {
        Ok(self.world.memory.borrow().get(&job).cloned())
    }

    async fn remember(&self, job: Job, last: &LastRun) -> Result<(), LedgerError> {
        self.world.ledger()?;
        self.world.memory.borrow_mut().insert(job, last.clone());
        Ok(())
    }

    async fn show(&self) -> Result<(), LedgerError> {
        self.world.shown.borrow_mut().push(self.world.clock.now());
        if self.world.counts_for_ever.get() {
            std::future::pending::<()>().await;
        }
        self.world.ledger()
    }

    fn heard(&self) -> Heard {
        Heard::new()
    }

    fn scheduled(&self, job: Job, state: JobState) {
        self.world.told.borrow_mut().push((job, state.running_since));
    }

    fn timetable(&self, job: Job) -> Timetable {
        let text = match job {
            Job::Scan => self.schedule.as_str(),
            Job::Mail => "0 9 * * *",
            Job::Upkeep => "30 3 * * *",
        };
        Timetable::new(Self::cron(text).ok(), Duration::ZERO, 0)
    }

    fn stop_within(&self) -> Duration {
        Duration::from_secs(25)
    }

    fn check(&self) -> Result<(), String> {
        Self::cron(&self.world.config.borrow()).map(drop)
    }

    async fn reload(&mut self) -> Result<Vec<String>, String> {
        self.check()?;
        self.schedule.clone_from(&self.world.config.borrow());
        Ok(Vec::new())
    }
}

/// Orders by the time of the clock.
struct Post(Rc<World>);

impl Orders for Post {
    async fn next(&mut self) -> Order {
        loop {
            if self.0.runs_left.get() == 0 {
                self.0.runs_left.set(usize::MAX);
                return Order::Stop;
            }
            let due = |(at, _): &(Timestamp, Order)| *at <= self.0.clock.now();
            let found = self.0.orders.borrow().iter().position(due);
            if let Some(at) = found {
                return self.0.orders.borrow_mut().remove(at).1;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Writes down what the service manager is told, but for how the work goes on.
struct Listener(Rc<World>);

impl Supervisor for Listener {
    fn tell(&self, news: News<'_>) {
        if !matches!(news, News::Status(_)) {
            self.0.news.borrow_mut().push(format!("{news:?}"));
        }
    }

    async fn beat(&mut self) {
        while self.0.watchdog.get().is_none() || !self.0.running.get() {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
    }

    fn period(&self) -> Option<Duration> {
        self.0.watchdog.get()
    }
}
