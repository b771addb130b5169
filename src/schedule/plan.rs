//! Which job is due now, and until when to wait otherwise.
//!
//! A job has a [`Timetable`] (which instants, from the configuration) and a [`LastRun`] (what became of it, from the
//! ledger). A [`Plan`] holds those of all jobs. The daemon asks it again and again with [`Plan::look`], and tells it
//! with [`Plan::begin`] and [`Plan::end`] what it does; after each of the two it keeps the [`LastRun`] in the ledger.
//!
//! # One job as a state machine
//!
//! *Served up to T* means that nothing of the timetable is owed from T and before. An instant after that is *pending*
//! from its moment on (plus its jitter) until a run that began after it ended well.
//!
//! | state | what happens | then |
//! |---|---|---|
//! | never run | it is first seen at T | idle, served up to T: nothing is owed from before the first start |
//! | idle | `now` reaches a pending instant | due |
//! | idle | several instants are pending: the daemon was down, the machine slept, the clock went forward | due, once |
//! | idle | the bell rings | due |
//! | due | no other job is running, and none has been due for longer | running since T |
//! | running | the bell rings | running; due again when it ends |
//! | running | instants pass | running; due once when it ends |
//! | running since T | it ends well | idle, served up to T |
//! | running since T | it fails, or the process dies | failed; still served up to where it was |
//! | failed n times | 1 min, 2 min, 4 min ... 1 h after the n-th failure, or at the next instant if that is sooner | due |
//! | failed n times | the bell rings | due |
//! | any | the clock went back, by no more than [the schedule's interval](Plan#clocks) | unchanged: what was served stays so |
//! | any | the clock went back further | idle, served up to `now`: the last run is unknown, the next instant counts |
//! | any | its expression or zone is changed | idle, served up to `now`: a new timetable owes nothing from before |
//! | off | the bell rings | due; a schedule that is off has no instants of its own |
//!
//! So every instant is served by one run of its own, or together with its neighbours by one later run; and none is
//! served twice unless the clock was set back far.

mod line;
#[cfg(test)]
mod tests;

use std::time::Duration;

use self::line::Line;
pub use self::line::{LastRun, Timetable, seed};
use crate::domain::time::Timestamp;
use crate::ports::activation::Job;

/// The longest wait before the plan wants to be asked again, so that a clock that jumped is noticed.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A clock that jumped by less than this is not worth a word: schedules are no finer.
const UNREMARKABLE: Duration = Duration::from_secs(60);

/// What the plan says when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// what to do
    pub step: Step,
    /// what became of the clock since the last look, where that is worth a word. After [`ClockChange::Back`] the ledger
    /// is to keep [`Plan::last_run`] of every job.
    pub clock: Option<ClockChange>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// begin this job
    Begin(Job),
    /// ask again after this long, or when the bell rings; never longer than [`LONGEST_WAIT`]
    Wait(Duration),
}

/// How far the wall clock is from where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// it went back, or is behind what the ledger has seen
    Back(Duration),
    /// it went forward, or the machine slept
    Forward(Duration),
}

/// All jobs: what is due, and who is next.
///
/// # Clocks
///
/// Only the wall clock is asked, so it may jump. *Forward*: what lies between is one missed run. *Back*: instants that
/// were served stay served where the clock went back by no more than the schedule's interval (but at least an hour, and at
/// most a day); so the wait for the next one is never longer than two intervals. Further back, the schedule begins
/// anew. [`Look::clock`] tells of either.
#[derive(Clone, Debug)]
pub struct Plan {
    scan: Line,
    mail: Line,
    upkeep: Line,
    running: Option<Job>,
    /// the latest instant that is known: to the ledger at the start, then from the last look
    seen: Timestamp,
    /// when the next look was to be at the latest; `None` while that can't be known
    next_look: Option<Timestamp>,
}

impl Plan {
    /// The plan of a daemon that starts at `now`: for each job its timetable, and what the ledger has kept of it.
    ///
    /// A run that the ledger knows to have begun and not to have ended died with its process, and counts as failed.
    /// What [`Plan::last_run`] then returns of each job is to be kept at once: else a job that never ran would be first
    /// seen anew at each start.
    pub fn new(jobs: impl Fn(Job) -> (Timetable, Option<LastRun>), now: Timestamp) -> Self {
        let line = |job| {
            let (timetable, last) = jobs(job);
            Line::new(timetable, last, now)
        };
        let (scan, mail, upkeep) = (line(Job::Scan), line(Job::Mail), line(Job::Upkeep));
        let seen = [&scan, &mail, &upkeep].map(Line::seen).into_iter().fold(now, Timestamp::max);
        let mut plan = Self { scan, mail, upkeep, running: None, seen, next_look: None };
        plan.let_go_of_the_future(now);
        plan
    }

    /// Asks for a job now. Ringing again before it has begun is ringing once; ringing while it runs asks for it once more.
    pub fn ring(&mut self, job: Job, now: Timestamp) {
        self.line_mut(job).ring(now);
    }

    /// What to do at `now`. While a job is running, nothing is begun.
    pub fn look(&mut self, now: Timestamp) -> Look {
        let clock = self.clock_change(now);
        self.let_go_of_the_future(now);
        let due = Job::ALL.iter().filter_map(|job| Some((self.line(*job).due()?, *job))).min();
        let step = match (self.running, due) {
            (None, Some((at, job))) if at <= now => Step::Begin(job),
            (None, Some((at, _))) => Step::Wait(at.since(now).min(LONGEST_WAIT)),
            _ => Step::Wait(LONGEST_WAIT),
        };
        self.seen = now;
        self.next_look = match step {
            Step::Wait(wait) => Some(now + wait),
            Step::Begin(_) => None,
        };
        Look { step, clock }
    }

    /// Notes that a job begins, and returns what the ledger is to keep before the work starts.
    pub fn begin(&mut self, job: Job, now: Timestamp) -> &LastRun {
        self.running = Some(job);
        self.next_look = None;
        self.line_mut(job).begin(now)
    }

    /// Notes that the running job ended, well or not, and returns what the ledger is to keep.
    pub fn end(&mut self, job: Job, now: Timestamp, well: bool) -> &LastRun {
        self.running = None;
        self.next_look = None;
        self.line_mut(job).end(now, well)
    }

    /// Puts another timetable in the place of a job's, as after a reload, and returns what the ledger is to keep.
    pub fn set_timetable(&mut self, job: Job, timetable: Timetable, now: Timestamp) -> &LastRun {
        self.line_mut(job).set_timetable(timetable, now)
    }

    /// What became of a job.
    pub const fn last_run(&self, job: Job) -> &LastRun {
        self.line(job).last()
    }

    /// When a job is to begin next if nobody rings; in the past where it is due already. `None` where its schedule is
    /// off and nothing is to be made good.
    pub fn next(&self, job: Job) -> Option<Timestamp> {
        self.line(job).due()
    }

    fn clock_change(&self, now: Timestamp) -> Option<ClockChange> {
        let back = self.seen.since(now);
        let forward = self.next_look.map(|at| now.since(at)).unwrap_or_default();
        if back >= UNREMARKABLE {
            Some(ClockChange::Back(back))
        } else if forward >= UNREMARKABLE {
            Some(ClockChange::Forward(forward))
        } else {
            None
        }
    }

    fn let_go_of_the_future(&mut self, now: Timestamp) {
        for job in Job::ALL {
            self.line_mut(job).let_go_of_the_future(now);
        }
    }

    const fn line(&self, job: Job) -> &Line {
        match job {
            Job::Scan => &self.scan,
            Job::Mail => &self.mail,
            Job::Upkeep => &self.upkeep,
        }
    }

    const fn line_mut(&mut self, job: Job) -> &mut Line {
        match job {
            Job::Scan => &mut self.scan,
            Job::Mail => &mut self.mail,
            Job::Upkeep => &mut self.upkeep,
        }
    }
}
