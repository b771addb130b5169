//! Where the loop sits: it waits, hears orders, and attends to work under way.

use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use super::bell::Doorbell;
use super::board::Board;
use super::pulse::Pulse;
use crate::lifecycle::{News, Order, Orders, Supervisor};
use crate::ports::activation::Bell;
use crate::ports::health::Phase;
use crate::ports::{Clock, Timer};

/// A job that has not moved for so long is stuck, and the watchdog is no longer fed: a provider's pace may be as slow as
/// one question an hour.
const STUCK_AFTER: Duration = Duration::from_secs(2 * 3600);

/// How the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// in good order
    Stopped,
    /// at once, because it was told twice
    Aborted,
}

/// What became of work under way.
pub(super) enum Attended<T> {
    /// it came to its end
    Done(T),
    /// it was dropped, because the daemon is to stop
    Dropped,
    /// the daemon is to end at once
    Aborted,
}

/// The loop's senses.
pub(super) struct Desk<O, C, T, S> {
    pub(super) orders: O,
    pub(super) clock: C,
    pub(super) timer: T,
    pub(super) supervisor: S,
    pub(super) bell: Doorbell,
    pub(super) board: Board,
    /// the configuration is to be read again, once nothing is under way
    pub(super) reload: bool,
    /// the daemon was told to stop
    pub(super) stopping: bool,
}

impl<O: Orders, C: Clock, T: Timer, S: Supervisor> Desk<O, C, T, S> {
    /// Waits so long, or until there is something to look at.
    pub(super) async fn wait(&mut self, span: Duration) {
        let order = tokio::select! {
            biased;
            order = self.orders.next() => Some(order),
            () = self.bell.rung() => None,
            () = self.supervisor.beat() => {
                self.supervisor.tell(News::Alive);
                None
            }
            () = self.timer.sleep(span) => None,
        };
        match order {
            Some(Order::Stop) => self.stop(),
            Some(Order::Reload) => self.reload = true,
            Some(Order::Ring(job)) => self.bell.ring(job),
            None => {}
        }
    }

    /// Stays with work under way. Told to stop, it lets the work finish what the outside has seen, and drops the rest.
    pub(super) async fn attend<F: Future>(
        &mut self,
        work: F,
        pulse: &Pulse,
        stop_within: Duration,
        check: impl Fn() -> Result<(), String>,
    ) -> Attended<F::Output> {
        let mut work = pin!(work);
        let mut still = Duration::ZERO;
        while !self.stopping {
            tokio::select! {
                biased;
                order = self.orders.next() => match order {
                    Order::Stop => self.stop(),
                    Order::Ring(job) => self.bell.ring(job),
                    Order::Reload => self.reload_later(&check),
                },
                done = &mut work => return Attended::Done(done),
                () = self.supervisor.beat() => still = self.feed(pulse, still),
            }
        }
        pulse.stop();
        let mut limit = pin!(self.timer.sleep(stop_within));
        while !pulse.is_droppable() {
            tokio::select! {
                biased;
                order = self.orders.next() => if order == Order::Stop { return Attended::Aborted },
                done = &mut work => return Attended::Done(done),
                () = pulse.turned() => {}
                () = &mut limit => {
                    tracing::warn!(stage = pulse.words(), "not finished within run.stop_within; it stays due");
                    return Attended::Dropped;
                }
                () = self.supervisor.beat() => self.supervisor.tell(News::Alive),
            }
        }
        Attended::Dropped
    }

    fn stop(&mut self) {
        if !self.stopping {
            self.stopping = true;
            tracing::info!("stopping: no new work is begun; a second signal ends it at once");
            self.board.enter(Phase::Stopping);
            self.supervisor.tell(News::Stopping);
        }
    }

    /// A reload in the middle of a job: what is wrong is said now, the rest waits.
    fn reload_later(&mut self, check: impl Fn() -> Result<(), String>) {
        match check() {
            Ok(()) => {
                self.reload = true;
                tracing::info!("the configuration can be read; it comes into force once the job under way is done");
            }
            Err(why) => self.refuse(&why),
        }
    }

    /// Says that the last good configuration stays in force.
    pub(super) fn refuse(&self, why: &str) {
        tracing::error!(reason = why, "the configuration was not taken; the last good one stays in force");
        self.board.configured(self.clock.now(), Err(why));
    }

    /// Tells the supervisor that the loop turns, unless the work has stood still for too long. Returns for how long it has.
    fn feed(&self, pulse: &Pulse, still: Duration) -> Duration {
        let still = if pulse.moved() { Duration::ZERO } else { still + self.supervisor.period().unwrap_or_default() };
        if still < STUCK_AFTER {
            self.supervisor.tell(News::Alive);
        } else {
            tracing::error!(
                stage = pulse.words(),
                "the job has stood still for two hours; the watchdog is let run out"
            );
        }
        self.supervisor.tell(News::Status(&pulse.words()));
        still
    }
}

/// What [`Attended`] means for the loop: on with the value, or out of it.
impl<T> Attended<T> {
    pub(super) fn done(self) -> ControlFlow<Exit, Option<T>> {
        match self {
            Self::Done(value) => ControlFlow::Continue(Some(value)),
            Self::Dropped => ControlFlow::Continue(None),
            Self::Aborted => ControlFlow::Break(Exit::Aborted),
        }
    }
}
