//! One job of the plan: its timetable, and what became of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::cadence::scattered;
use crate::domain::time::{Timestamp, hours};
use crate::ports::activation::Job;
use crate::schedule::Cron;

/// The wait after the first failure. It doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(60);
/// The longest wait after a failure.
const LONGEST_RETRY: Duration = hours(1);
/// Doublings after which the longest wait is reached.
const MOST_DOUBLINGS: u32 = 6;
/// What was served stays served while the clock went back by no more than the interval, within these bounds.
const LEAST_HELD: Duration = hours(1);
const MOST_HELD: Duration = hours(24);

/// When a job is to run.
#[derive(Clone, Debug)]
pub struct Timetable {
    crons: Vec<Cron>,
    jitter: Duration,
    seed: u64,
}

impl Timetable {
    /// The instants of all of `crons`; none where the schedule is off. Each is put off by less than `jitter`, and never as
    /// far as the next one. [`seed`] makes a seed; the same one gives the same jitter.
    pub fn new(crons: impl IntoIterator<Item = Cron>, jitter: Duration, seed: u64) -> Self {
        Self { crons: crons.into_iter().collect(), jitter, seed }
    }

    fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.crons.iter().filter_map(|cron| cron.next_after(at)).min()
    }

    /// When the first instant after `at` is to be served.
    fn fires_after(&self, at: Timestamp) -> Option<Timestamp> {
        let instant = self.next_after(at)?;
        let room = self.next_after(instant).map_or(self.jitter, |next| next.since(instant).min(self.jitter));
        let room = u64::try_from(room.as_millis()).unwrap_or(u64::MAX);
        let late = scattered(self.seed ^ instant.as_millis().cast_unsigned()).checked_rem(room).unwrap_or(0);
        Some(instant + Duration::from_millis(late))
    }

    /// How far the clock may have gone back for what was served up to `served` to stay so.
    fn held(&self, served: Timestamp) -> Duration {
        let next = self.next_after(served);
        let interval = next.and_then(|next| Some(self.next_after(next)?.since(next))).unwrap_or_default();
        interval.clamp(LEAST_HELD, MOST_HELD)
    }

    /// The words by which a change is noticed.
    fn words(&self) -> String {
        if self.crons.is_empty() {
            return "off".to_owned();
        }
        self.crons.iter().map(|cron| format!("{cron} {}", cron.zone())).collect::<Vec<_>>().join(" and ")
    }
}

/// The seed of a job's jitter (FNV-1a): other ledgers and other jobs have other ones.
pub fn seed(ledger_id: &str, job: Job) -> u64 {
    let bytes = ledger_id.bytes().chain(job.as_str().bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What became of a job: what the ledger keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// the expression and the zone that `served` is about
    timetable: String,
    /// nothing is owed from here and before
    served: Timestamp,
    /// when the attempt began that is under way, or that its process died in
    begun: Option<Timestamp>,
    /// when the last attempt ended
    ended: Option<Timestamp>,
    /// when the last success ended
    succeeded: Option<Timestamp>,
    /// failures since the last success
    failures: u32,
}

impl LastRun {
    /// When the last attempt ended, well or not; `None` where there was none.
    pub const fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    /// When the last success ended; `None` where there was none.
    pub const fn succeeded(&self) -> Option<Timestamp> {
        self.succeeded
    }

    /// Failures since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    fn first_seen(timetable: &Timetable, now: Timestamp) -> Self {
        Self { timetable: timetable.words(), served: now, begun: None, ended: None, succeeded: None, failures: 0 }
    }

    /// Counts from `now` where the timetable is another one.
    fn follow(&mut self, timetable: &Timetable, now: Timestamp) {
        let words = timetable.words();
        if self.timetable != words {
            self.timetable = words;
            self.served = now;
        }
    }

    fn fail(&mut self, at: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.begun = None;
        self.ended = Some(at);
    }

    /// When it is to begin next by its timetable, or to make good what failed.
    fn next(&self, timetable: &Timetable) -> Option<Timestamp> {
        match (self.retry(), self.ended) {
            (Some(retry), Some(failed)) => {
                timetable.fires_after(self.served.max(failed)).into_iter().chain([retry]).min()
            }
            _ => timetable.fires_after(self.served),
        }
    }

    /// When to try again what failed.
    fn retry(&self) -> Option<Timestamp> {
        let doublings = self.failures.checked_sub(1)?.min(MOST_DOUBLINGS);
        Some(self.ended? + FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    timetable: Timetable,
    last: LastRun,
    /// since when it is asked for
    rung: Option<Timestamp>,
    /// when it is to begin if nobody asks; follows from `timetable` and `last`
    scheduled: Option<Timestamp>,
}

impl Line {
    pub(super) fn new(timetable: Timetable, last: Option<LastRun>, now: Timestamp) -> Self {
        let mut last = last.unwrap_or_else(|| LastRun::first_seen(&timetable, now));
        last.follow(&timetable, now);
        if let Some(begun) = last.begun {
            last.fail(begun);
        }
        let scheduled = last.next(&timetable);
        Self { timetable, last, rung: None, scheduled }
    }

    pub(super) const fn last(&self) -> &LastRun {
        &self.last
    }

    /// Since when it is due, or from when it will be.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.rung.into_iter().chain(self.scheduled).min()
    }

    pub(super) fn ring(&mut self, now: Timestamp) {
        self.rung.get_or_insert(now);
    }

    pub(super) fn begin(&mut self, now: Timestamp) -> &LastRun {
        self.rung = None;
        self.last.begun = Some(now);
        &self.last
    }

    pub(super) fn end(&mut self, now: Timestamp, well: bool) -> &LastRun {
        match self.last.begun.take() {
            Some(begun) if well => {
                self.last.served = self.last.served.max(begun);
                self.last.failures = 0;
                self.last.ended = Some(now);
                self.last.succeeded = Some(now);
            }
            _ => self.last.fail(now),
        }
        self.scheduled = self.last.next(&self.timetable);
        &self.last
    }

    pub(super) fn set_timetable(&mut self, timetable: Timetable, now: Timestamp) -> &LastRun {
        self.last.follow(&timetable, now);
        self.scheduled = self.last.next(&timetable);
        self.timetable = timetable;
        &self.last
    }

    /// The latest instant that it knows to have been.
    pub(super) fn seen(&self) -> Timestamp {
        self.last.ended.map_or(self.last.served, |ended| ended.max(self.last.served))
    }

    /// Nothing that is noted may hold the job up because it lies in the future.
    pub(super) fn let_go_of_the_future(&mut self, now: Timestamp) {
        self.rung = self.rung.map(|rung| rung.min(now));
        if self.seen() <= now {
            return;
        }
        let ahead = self.last.served.since(now);
        if ahead > LEAST_HELD && ahead > self.timetable.held(self.last.served) {
            self.last.served = now;
        }
        self.last.ended = self.last.ended.map(|ended| ended.min(now));
        self.scheduled = self.last.next(&self.timetable);
    }
}
