//! The daemon: a loop that looks at the plan, does one job at a time, and stays up whatever fails.
//!
//! Everything that it waits for goes through the clock and the timer that it was given, so tests run months of it. What
//! must outlive it is in the ledger: which instants of the schedules were served, and whatever the jobs themselves left.
//!
//! What fails, and what then happens:
//!
//! | part | it is seen | the daemon |
//! |---|---|---|
//! | ledger | by whatever touches it | does nothing else until it can be written to again: tried after 1, 2, 4 ... 300 s; then does at once what had failed |
//! | mail server | by a run of mails that stops early | tries the mails that wait after 1, 2, 4 ... 300 s; each mail's own waits hold as well |
//! | source | by a scan | scans again after 1, 2, 4 ... 60 min, or at the next instant |
//! | provider | by a scan | as for a source; its credentials stay due |
//! | wall clock | by the plan | says so, and goes on as the plan says |
//! | configuration | by a reload | keeps the last good one |

mod bell;
mod board;
mod desk;
mod glances;
mod house;
mod outage;
mod pulse;
mod shown;
#[cfg(test)]
mod tests;
mod trouble;
mod work;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

pub use self::bell::Doorbell;
pub use self::board::Board;
pub use self::desk::Exit;
pub use self::house::{House, Load};
pub use self::pulse::Pulse;
pub use self::work::{Ran, Work};

use self::desk::Desk;
use self::shown::Shown;
use self::trouble::{Delivery, LedgerState, Questions};
use crate::domain::time::Timestamp;
use crate::lifecycle::{News, Orders, Supervisor};
use crate::ports::activation::{Bell as _, Job};
use crate::ports::health::Phase;
use crate::ports::meter::{JobOutcome, PartName};
use crate::ports::{Clock, LedgerError, Timer};
use crate::schedule::plan::{ClockChange, LONGEST_WAIT, LastRun, Plan, Step};

/// What the daemon is put together from.
pub struct DaemonParts<O, C, T, S> {
    /// where orders come from
    pub orders: O,
    /// tells the time
    pub clock: C,
    /// waits
    pub timer: T,
    /// is told how we are
    pub supervisor: S,
    /// rung for work
    pub bell: Doorbell,
    /// where the state is written
    pub board: Board,
    /// spreads waits; any number
    pub seed: u64,
}

/// The loop and what it holds.
pub struct Daemon<W, O, C, T, S> {
    work: W,
    plan: Plan,
    desk: Desk<O, C, T, S>,
    seed: u64,
    ledger: LedgerState,
    /// jobs that failed with the ledger: they are done once it is back
    lost: BTreeSet<Job>,
    /// jobs whose last run the ledger could not be told of
    untold: BTreeSet<Job>,
    delivery: Delivery,
    questions: Questions,
    shown: Shown,
}

/// On with the loop, or out of it.
type Flow<T = ()> = ControlFlow<Exit, T>;

impl<W: Work, O: Orders, C: Clock, T: Timer, S: Supervisor> Daemon<W, O, C, T, S> {
    /// A daemon over this work, with what the ledger remembers of its jobs.
    ///
    /// # Errors
    /// Where the ledger can't be read: a start may refuse.
    pub async fn new(work: W, parts: DaemonParts<O, C, T, S>) -> Result<Self, LedgerError> {
        let DaemonParts { orders, clock, timer, supervisor, bell, board, seed } = parts;
        let mut last: [Option<LastRun>; Job::ALL.len()] = Default::default();
        for (job, last) in Job::ALL.into_iter().zip(&mut last) {
            *last = work.remembered(job).await?;
        }
        let plan = Plan::new(|job| (work.timetable(job), last[job as usize].clone()), clock.now());
        let desk = Desk { orders, clock, timer, supervisor, bell, board, reload: false, stopping: false };
        let (ledger, delivery) = (LedgerState::default(), Delivery::default());
        let (lost, untold, questions, shown) = Default::default();
        Ok(Self { work, plan, desk, seed, ledger, lost, untold, delivery, questions, shown })
    }

    /// Runs until it is told to stop. Nothing that fails ends it.
    pub async fn run(mut self) -> Exit {
        let exit = match self.start().await {
            ControlFlow::Break(exit) => exit,
            ControlFlow::Continue(()) => loop {
                if let ControlFlow::Break(exit) = self.turn().await {
                    break exit;
                }
            },
        };
        if exit == Exit::Stopped {
            tracing::info!("stopped");
        }
        exit
    }

    async fn start(&mut self) -> Flow {
        let now = self.desk.clock.now();
        self.desk.board.configured(now, Ok(()));
        self.desk.board.see(PartName::Clock, now, Ok(()));
        self.remember_all().await?;
        if self.plan.last_run(Job::Scan).ended().is_none() {
            self.plan.ring(Job::Scan, now); // a new ledger is not left empty until the next instant
        }
        self.desk.bell.answer(); // whoever waited when an earlier process ended
        // Before the estate is counted: of a great one that takes longer than a supervisor may wait for a start.
        self.desk.board.enter(Phase::Running);
        self.desk.supervisor.tell(News::Ready);
        tracing::info!("started");
        self.look_around().await
    }

    /// One turn of the loop: one job, one delivery, one try or one wait.
    async fn turn(&mut self) -> Flow {
        if self.desk.stopping {
            return ControlFlow::Break(Exit::Stopped);
        }
        if std::mem::take(&mut self.desk.reload) {
            return self.reload().await;
        }
        let now = self.desk.clock.now();
        for job in self.desk.bell.take() {
            self.plan.ring(job, now);
        }
        let look = self.plan.look(now);
        self.watch_the_clock(look.clock);
        if let Some(ClockChange::Back(_)) = look.clock {
            self.remember_all().await?; // else what falls due now would be forgotten by a restart
        }
        if let LedgerState::Down(outage) = self.ledger {
            let left = outage.left(now);
            return if left.is_zero() { self.try_ledger().await } else { self.wait(left).await };
        }
        let asking = self.questions.left(now);
        if self.desk.bell.take_answer() || asking == Some(Duration::ZERO) {
            return self.answer().await;
        }
        let showing = self.shown.left(now);
        match (look.step, self.delivery.left(now)) {
            (Step::Begin(job), _) => self.perform(job).await,
            (Step::Wait(_), _) if showing == Some(Duration::ZERO) => self.show().await,
            (Step::Wait(_), Some(Duration::ZERO)) => self.deliver().await,
            (Step::Wait(wait), left) => {
                self.wait(left.into_iter().chain(asking).chain(showing).fold(wait, Duration::min)).await
            }
        }
    }

    async fn wait(&mut self, span: Duration) -> Flow {
        self.desk.wait(span.min(LONGEST_WAIT)).await;
        ControlFlow::Continue(())
    }

    async fn perform(&mut self, job: Job) -> Flow {
        let now = self.desk.clock.now();
        let begun = self.plan.begin(job, now).clone();
        self.desk.board.started(job, now);
        self.publish(job);
        self.desk.supervisor.tell(News::Status(job.as_str()));
        let pulse = Pulse::default();
        let work = &self.work;
        let run = async {
            work.remember(job, &begun).await?;
            work.run(job, &pulse).await
        };
        let attended = self.desk.attend(run, &pulse, work.stop_within(), || work.check()).await;
        let ended = attended.done()?;
        let was_dropped = ended.is_none();
        let (outcome, well) = match ended {
            Some(Ok(ran)) => self.take_note(&ran),
            Some(Err(error)) => self.failed(job, &error),
            None => (JobOutcome::Interrupted, false),
        };
        let now = self.desk.clock.now();
        self.desk.board.ended(job, outcome);
        let last = self.plan.end(job, now, well).clone();
        if was_dropped {
            self.give_back(now).await?;
        }
        self.remember(job, &last).await?;
        self.publish(job);
        self.desk.supervisor.tell(News::Status("waiting"));
        self.look_around().await
    }

    async fn deliver(&mut self) -> Flow {
        let pulse = Pulse::default();
        let work = &self.work;
        let attended = self.desk.attend(work.deliver(&pulse), &pulse, work.stop_within(), || work.check()).await;
        match attended.done()? {
            Some(Ok(ran)) => _ = self.take_note(&ran),
            Some(Err(error)) => self.undelivered(&error),
            None => self.give_back(self.desk.clock.now()).await?,
        }
        self.shown.changed();
        self.look_for_what_waits().await?;
        self.spare_what_stays_due();
        ControlFlow::Continue(())
    }

    /// Asks the providers what people wait for. Where that fails, they are asked again, less and less often.
    async fn answer(&mut self) -> Flow {
        let pulse = Pulse::default();
        let work = &self.work;
        let attended = self.desk.attend(work.answer(&pulse), &pulse, work.stop_within(), || work.check()).await;
        if let Some(Err(error)) = attended.done()? {
            tracing::warn!(error = &error as &dyn std::error::Error, "what somebody waits for could not be asked");
        }
        self.shown.changed();
        self.look_for_what_waits().await?;
        self.questions.spare(self.desk.clock.now(), self.seed);
        ControlFlow::Continue(())
    }

    async fn give_back(&mut self, now: Timestamp) -> Flow {
        let given_back = finish(&mut self.desk, &self.work, self.work.give_back(now)).await?;
        self.heard(given_back);
        ControlFlow::Continue(())
    }

    /// Tries the ledger after it failed. What had failed with it is done at once.
    async fn try_ledger(&mut self) -> Flow {
        let now = self.desk.clock.now();
        let touched = finish(&mut self.desk, &self.work, self.work.touch(now)).await?;
        if self.heard(touched) {
            for job in std::mem::take(&mut self.untold) {
                let last = self.plan.last_run(job).clone();
                self.remember(job, &last).await?;
            }
            if self.untold.is_empty() {
                self.ledger_answers(now);
            }
        }
        ControlFlow::Continue(())
    }

    async fn reload(&mut self) -> Flow {
        self.desk.supervisor.tell(News::Reloading);
        match self.work.reload().await {
            Ok(notes) => {
                let now = self.desk.clock.now();
                self.desk.board.configured(now, Ok(()));
                for note in notes {
                    tracing::warn!("{note}");
                }
                tracing::info!("the configuration was read again and is in force");
                for job in Job::ALL {
                    let last = self.plan.set_timetable(job, self.work.timetable(job), now).clone();
                    self.remember(job, &last).await?;
                    self.publish(job);
                }
                self.delivery = Delivery::default(); // perhaps with another mail server
                self.look_around().await?;
            }
            Err(why) => self.desk.refuse(&why),
        }
        self.desk.supervisor.tell(News::Ready);
        ControlFlow::Continue(())
    }

    /// After a job: finds out what waits, and shows the estate.
    async fn look_around(&mut self) -> Flow {
        self.look_for_what_waits().await?;
        self.show().await
    }

    /// After anything was done: finds out when the next mail is to be tried, and who waits.
    async fn look_for_what_waits(&mut self) -> Flow {
        if self.desk.stopping {
            return ControlFlow::Continue(());
        }
        self.desk.board.hear(self.desk.clock.now(), &self.work.heard());
        let work = &self.work;
        let look = async { Ok((work.mail_due().await?, work.is_waited_for().await?)) };
        let looked = finish(&mut self.desk, work, look).await?;
        let looked = self.heard_of(looked);
        self.delivery.is_due_at(looked.and_then(|(due, _)| due));
        if let Some((_, waiting)) = looked {
            self.questions.wait(waiting);
        }
        ControlFlow::Continue(())
    }

    async fn show(&mut self) -> Flow {
        if self.desk.stopping {
            return ControlFlow::Continue(());
        }
        let pulse = Pulse::default(); // of a great estate it takes long, and who stops needs nobody to have counted
        let work = &self.work;
        let shown = self.desk.attend(work.show(), &pulse, work.stop_within(), || work.check()).await.done()?;
        let now = self.desk.clock.now();
        self.heard(shown);
        self.shown.is_new(now); // where the ledger failed it is tried by itself, and shown after the next job
        self.desk.board.hear(now, &self.work.heard());
        ControlFlow::Continue(())
    }

    /// Has the ledger keep where every job stands.
    async fn remember_all(&mut self) -> Flow {
        for job in Job::ALL {
            let last = self.plan.last_run(job).clone();
            self.remember(job, &last).await?;
            self.publish(job);
        }
        ControlFlow::Continue(())
    }

    async fn remember(&mut self, job: Job, last: &LastRun) -> Flow {
        let remembered = finish(&mut self.desk, &self.work, self.work.remember(job, last)).await?;
        if !self.heard(remembered) {
            self.untold.insert(job);
        }
        ControlFlow::Continue(())
    }
}

/// Comes to the end of something short that the loop does with the ledger, even if told to stop meanwhile. `None` where
/// that took longer than stopping may.
async fn finish<W, O, C, T, S, F>(desk: &mut Desk<O, C, T, S>, work: &W, doing: F) -> Flow<Option<F::Output>>
where
    W: Work,
    O: Orders,
    C: Clock,
    T: Timer,
    S: Supervisor,
    F: Future,
{
    let pulse = Pulse::of_something_short();
    desk.attend(doing, &pulse, work.stop_within(), || work.check()).await.done()
}
