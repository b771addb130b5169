use chrono_tz::Tz;

use super::*;
use crate::domain::time::{days, hours};
use crate::schedule::Cron;

mod histories;

const MINUTE: Duration = Duration::from_secs(60);

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text} is no instant"))
}

fn timetable(text: &str, jitter: Duration) -> Timetable {
    let cron = (text != "off").then(|| Cron::parse(text, Tz::UTC).unwrap_or_else(|error| panic!("{text}: {error}")));
    Timetable::new(cron, jitter, 7)
}

#[test]
fn a_timetable_of_several_expressions_has_the_instants_of_all_and_one_of_none_is_off() {
    let crons = ["0 * * * *", "30 2 * * *"].map(|text| Cron::parse(text, Tz::UTC).expect("a schedule"));
    let both = Plan::new(|_| (Timetable::new(crons.clone(), Duration::ZERO, 7), None), at("2026-11-21T01:30:00Z"));
    assert_eq!(both.next(Job::Scan), Some(at("2026-11-21T02:00:00Z")));
    let later = Plan::new(|_| (Timetable::new(crons.clone(), Duration::ZERO, 7), None), at("2026-11-21T02:00:00Z"));
    assert_eq!(later.next(Job::Scan), Some(at("2026-11-21T02:30:00Z")));
    let off = Plan::new(|_| (Timetable::new([], Duration::ZERO, 7), None), at("2026-11-21T01:30:00Z"));
    assert_eq!(off.next(Job::Scan), None);
}

/// A daemon as far as the plan sees it: an hourly scan, a daily mail at nine, no upkeep, no jitter.
struct Daemon {
    plan: Plan,
    now: Timestamp,
}

impl Daemon {
    fn start(now: &str) -> Self {
        Self::with(|_| None, at(now))
    }

    fn with(last: impl Fn(Job) -> Option<LastRun>, now: Timestamp) -> Self {
        Self { plan: Plan::new(|job| (Self::usual(job), last(job)), now), now }
    }

    fn usual(job: Job) -> Timetable {
        let text = match job {
            Job::Scan => "0 * * * *",
            Job::Mail => "0 9 * * *",
            Job::Upkeep => "off",
        };
        timetable(text, Duration::ZERO)
    }

    /// Dies, and comes back at `now` with what the ledger has kept.
    fn restarted(&self, now: &str) -> Self {
        let kept = |job| serde_json::to_string(self.plan.last_run(job)).unwrap();
        Self::with(|job| serde_json::from_str(&kept(job)).unwrap(), at(now))
    }

    /// What the plan says when the clock shows `now`.
    fn at(&mut self, now: &str) -> Step {
        self.now = at(now);
        self.plan.look(self.now).step
    }

    /// Runs the job, which the plan must want, for so long.
    #[track_caller]
    fn runs(&mut self, now: &str, job: Job, well: bool, span: Duration) {
        assert_eq!(self.at(now), Step::Begin(job), "at {now}");
        self.plan.begin(job, self.now);
        self.now = self.now + span;
        self.plan.end(job, self.now, well);
    }

    #[track_caller]
    fn rests(&mut self, now: &str) {
        assert!(matches!(self.at(now), Step::Wait(_)), "at {now}");
    }

    fn next(&self, job: Job) -> String {
        self.plan.next(job).map_or_else(|| "never".to_owned(), |at| at.to_string())
    }
}

#[test]
fn nothing_is_owed_from_before_the_first_start() {
    let mut daemon = Daemon::start("2026-11-21T09:30:00Z");
    daemon.rests("2026-11-21T09:30:00Z");
    assert_eq!(daemon.next(Job::Scan), "2026-11-21T10:00:00Z");
    assert_eq!(daemon.next(Job::Mail), "2026-11-22T09:00:00Z");
    assert_eq!(daemon.next(Job::Upkeep), "never");
}

#[test]
fn a_job_that_never_ran_is_made_up_for_once_it_was_seen() {
    let daemon = Daemon::start("2026-11-21T08:30:00Z");
    daemon.restarted("2026-11-21T09:30:00Z").runs("2026-11-21T09:30:00Z", Job::Scan, true, MINUTE);
}

#[test]
fn an_instant_is_served_when_it_comes_and_once() {
    let mut daemon = Daemon::start("2026-11-21T09:30:00Z");
    assert_eq!(daemon.at("2026-11-21T09:59:59Z"), Step::Wait(Duration::from_secs(1)));
    daemon.runs("2026-11-21T10:00:00Z", Job::Scan, true, MINUTE);
    daemon.rests("2026-11-21T10:01:00Z");
    assert_eq!(daemon.next(Job::Scan), "2026-11-21T11:00:00Z");
}

#[test]
fn what_was_missed_is_made_up_for_once_and_scans_go_first() {
    let mut daemon = Daemon::start("2026-11-20T08:30:00Z").restarted("2026-11-22T12:20:00Z");
    daemon.runs("2026-11-22T12:20:00Z", Job::Scan, true, MINUTE);
    daemon.runs("2026-11-22T12:21:00Z", Job::Mail, true, MINUTE);
    daemon.rests("2026-11-22T12:22:00Z");
    assert_eq!(daemon.next(Job::Mail), "2026-11-23T09:00:00Z");
}

#[test]
fn a_run_that_outlasts_its_instants_is_followed_by_one() {
    let mut daemon = Daemon::start("2026-11-21T09:30:00Z");
    daemon.runs("2026-11-21T10:00:00Z", Job::Scan, true, hours(3) + MINUTE);
    daemon.runs("2026-11-21T13:01:00Z", Job::Scan, true, MINUTE);
    daemon.rests("2026-11-21T13:02:00Z");
}

#[test]
fn one_job_at_a_time_and_who_waits_longest_is_next() {
    let mut daemon = Daemon::start("2026-11-21T08:30:00Z");
    assert_eq!(daemon.at("2026-11-21T09:00:00Z"), Step::Begin(Job::Scan));
    daemon.plan.begin(Job::Scan, daemon.now);
    daemon.rests("2026-11-21T09:30:00Z");
    daemon.plan.ring(Job::Scan, at("2026-11-21T09:31:00Z"));
    daemon.plan.end(Job::Scan, at("2026-11-21T09:40:00Z"), true);
    daemon.runs("2026-11-21T09:40:00Z", Job::Mail, true, MINUTE);
    daemon.runs("2026-11-21T09:41:00Z", Job::Scan, true, MINUTE);
    daemon.rests("2026-11-21T09:42:00Z");
}

#[test]
fn ringing_twice_before_the_work_is_once_and_ringing_during_it_is_once_more() {
    let mut daemon = Daemon::start("2026-11-21T09:30:00Z");
    for _ in 0..2 {
        daemon.plan.ring(Job::Upkeep, at("2026-11-21T09:31:00Z"));
    }
    assert_eq!(daemon.at("2026-11-21T09:31:00Z"), Step::Begin(Job::Upkeep), "though its schedule is off");
    daemon.plan.begin(Job::Upkeep, daemon.now);
    daemon.plan.ring(Job::Upkeep, daemon.now);
    daemon.plan.end(Job::Upkeep, daemon.now, true);
    daemon.runs("2026-11-21T09:32:00Z", Job::Upkeep, true, MINUTE);
    daemon.rests("2026-11-21T09:33:00Z");
}

#[test]
fn a_rung_run_serves_what_is_pending() {
    let mut daemon = Daemon::start("2026-11-21T09:30:00Z");
    daemon.plan.ring(Job::Scan, at("2026-11-21T10:00:00Z"));
    daemon.runs("2026-11-21T10:00:00Z", Job::Scan, true, MINUTE);
    assert_eq!(daemon.next(Job::Scan), "2026-11-21T11:00:00Z");
}

#[test]
fn what_failed_is_tried_again_after_a_wait_that_doubles_but_not_past_the_next_instant() {
    let mut daemon = Daemon::start("2026-11-21T08:59:30Z");
    daemon.runs("2026-11-21T09:00:00Z", Job::Scan, true, MINUTE);
    let ends = ["09:01", "09:02", "09:04", "09:08", "09:16", "09:32", "10:04", "11:04"];
    for (tried, again) in ends.iter().zip(ends.iter().skip(1)) {
        daemon.plan.begin(Job::Mail, daemon.now);
        daemon.plan.end(Job::Mail, at(&format!("2026-11-21T{tried}:00Z")), false);
        assert_eq!(daemon.next(Job::Mail), format!("2026-11-21T{again}:00Z"), "{tried}");
    }
    daemon.plan.begin(Job::Mail, daemon.now);
    daemon.plan.end(Job::Mail, at("2026-11-21T11:04:00Z"), false);
    assert_eq!(daemon.next(Job::Mail), "2026-11-21T12:04:00Z", "an hour at most");
    daemon.plan.end(Job::Mail, at("2026-11-22T08:30:00Z"), false);
    assert_eq!(daemon.next(Job::Mail), "2026-11-22T09:00:00Z", "the next instant is sooner");
    assert_eq!(daemon.plan.last_run(Job::Mail).failures(), 9);
    daemon.runs("2026-11-22T09:00:00Z", Job::Scan, true, MINUTE);
    daemon.runs("2026-11-22T09:01:00Z", Job::Mail, true, MINUTE);
    assert_eq!(daemon.plan.last_run(Job::Mail).failures(), 0);
    assert_eq!(daemon.next(Job::Mail), "2026-11-23T09:00:00Z");
}

#[test]
fn a_run_that_died_with_its_process_failed_and_is_not_tried_again_at_once() {
    let mut daemon = Daemon::start("2026-11-21T09:30:00Z");
    assert_eq!(daemon.at("2026-11-21T10:00:00Z"), Step::Begin(Job::Scan));
    daemon.plan.begin(Job::Scan, daemon.now);
    let mut daemon = daemon.restarted("2026-11-21T10:00:05Z");
    daemon.rests("2026-11-21T10:00:05Z");
    assert_eq!(
        (daemon.plan.last_run(Job::Scan).failures(), daemon.next(Job::Scan).as_str()),
        (1, "2026-11-21T10:01:00Z")
    );
    daemon.runs("2026-11-21T10:01:00Z", Job::Scan, true, MINUTE);
    assert_eq!(daemon.next(Job::Scan), "2026-11-21T11:00:00Z");
}

#[test]
fn a_clock_an_hour_back_runs_nothing_twice() {
    let mut daemon = Daemon::start("2026-11-21T08:30:00Z");
    daemon.runs("2026-11-21T09:00:00Z", Job::Scan, true, MINUTE);
    daemon.runs("2026-11-21T09:01:00Z", Job::Mail, true, MINUTE);
    let look = daemon.plan.look(at("2026-11-21T08:02:00Z"));
    assert_eq!(look.clock, Some(ClockChange::Back(hours(1) - MINUTE)));
    daemon.rests("2026-11-21T08:30:00Z");
    daemon.rests("2026-11-21T09:00:00Z");
    assert_eq!(daemon.next(Job::Scan), "2026-11-21T10:00:00Z");
    assert_eq!(daemon.next(Job::Mail), "2026-11-22T09:00:00Z");
}

#[test]
fn a_clock_a_year_back_waits_for_the_next_instant_and_not_for_a_year() {
    let mut daemon = Daemon::start("2026-11-21T08:30:00Z");
    daemon.runs("2026-11-21T09:00:00Z", Job::Scan, true, MINUTE);
    daemon.runs("2026-11-21T09:01:00Z", Job::Mail, true, MINUTE);
    for mut daemon in [daemon.restarted("2025-11-21T09:10:00Z"), daemon] {
        let look = daemon.plan.look(at("2025-11-21T09:10:00Z"));
        let back = at("2026-11-21T09:02:00Z").since(at("2025-11-21T09:10:00Z"));
        assert!(matches!(look.clock, Some(ClockChange::Back(by)) if by + MINUTE >= back), "{look:?}");
        assert!(matches!(look.step, Step::Wait(_)), "nothing runs at once: {look:?}");
        assert_eq!(daemon.next(Job::Scan), "2025-11-21T10:00:00Z");
        assert_eq!(daemon.next(Job::Mail), "2025-11-22T09:00:00Z");
        daemon.runs("2025-11-21T10:00:00Z", Job::Scan, true, MINUTE);
    }
}

#[test]
fn a_restart_while_the_clock_is_back_forgets_nothing_that_is_owed_since() {
    let mut daemon = Daemon::start("2027-11-21T08:30:00Z");
    daemon.runs("2027-11-21T09:00:00Z", Job::Scan, true, MINUTE);
    let daemon = daemon.restarted("2026-11-21T09:10:00Z");
    daemon.restarted("2026-11-21T10:10:00Z").runs("2026-11-21T10:10:00Z", Job::Scan, true, MINUTE);
}

#[test]
fn a_clock_a_year_forward_makes_up_once_and_back_again_goes_on() {
    let mut daemon = Daemon::start("2026-11-21T09:30:00Z");
    daemon.rests("2026-11-21T09:30:00Z");
    assert_eq!(
        daemon.plan.look(at("2027-11-21T09:31:00Z")).clock,
        Some(ClockChange::Forward(days(365))),
        "it was to look again after a minute"
    );
    daemon.runs("2027-11-21T09:31:00Z", Job::Scan, true, MINUTE);
    daemon.runs("2027-11-21T09:32:00Z", Job::Mail, true, MINUTE);
    daemon.rests("2027-11-21T09:33:00Z");
    daemon.rests("2026-11-21T09:34:00Z");
    daemon.runs("2026-11-21T10:00:00Z", Job::Scan, true, MINUTE);
    assert_eq!(daemon.next(Job::Mail), "2026-11-22T09:00:00Z");
}

#[test]
fn a_clock_that_goes_right_is_not_worth_a_word() {
    let mut daemon = Daemon::start("2026-11-21T09:30:00Z");
    for now in ["2026-11-21T09:30:00Z", "2026-11-21T09:31:00.2Z", "2026-11-21T09:31:30Z", "2026-11-21T09:31:29Z"] {
        assert_eq!(daemon.plan.look(at(now)).clock, None, "{now}");
    }
    daemon.runs("2026-11-21T10:00:00Z", Job::Scan, true, hours(2));
    assert_eq!(daemon.plan.look(daemon.now).clock, None, "a long run is no jump");
    assert_eq!(daemon.restarted("2026-12-24T00:00:00Z").plan.look(at("2026-12-24T00:00:00Z")).clock, None);
}

#[test]
fn another_timetable_owes_nothing_from_before() {
    let mut daemon = Daemon::start("2026-11-20T12:30:00Z").restarted("2026-11-21T09:00:00Z");
    daemon.runs("2026-11-21T09:00:00Z", Job::Scan, true, MINUTE);
    let evening = || timetable("0 7 * * *", Duration::ZERO);
    daemon.plan.set_timetable(Job::Mail, evening(), daemon.now);
    assert_eq!(daemon.next(Job::Mail), "2026-11-22T07:00:00Z");
    daemon.plan.set_timetable(Job::Mail, evening(), at("2026-11-22T08:00:00Z"));
    assert_eq!(daemon.next(Job::Mail), "2026-11-22T07:00:00Z", "the same timetable again changes nothing");
    daemon.plan.set_timetable(Job::Mail, timetable("off", Duration::ZERO), daemon.now);
    assert_eq!(daemon.next(Job::Mail), "never");
    daemon.plan.set_timetable(Job::Mail, evening(), at("2026-11-22T08:00:00Z"));
    assert_eq!(daemon.next(Job::Mail), "2026-11-23T07:00:00Z");
}

#[test]
fn jitter_is_the_same_for_the_same_seed_and_less_than_asked_for_and_than_the_interval() {
    let first = |text: &str, jitter, seed| {
        let cron = Cron::parse(text, Tz::UTC).unwrap();
        let timetable = Timetable::new(Some(cron), jitter, seed);
        let now = at("2026-11-21T09:30:00Z");
        let plan = Plan::new(|_| (timetable.clone(), None), now);
        plan.next(Job::Scan).unwrap().since(at("2026-11-21T10:00:00Z"))
    };
    let seeds = (0..200).map(|number| seed(&format!("ledger {number}"), Job::Scan));
    let (mut least, mut most) = (MINUTE, Duration::ZERO);
    for seed in seeds {
        let late = first("0 * * * *", MINUTE, seed);
        assert!(late < MINUTE);
        assert_eq!(late, first("0 * * * *", MINUTE, seed));
        assert!(first("0,5 10 * * *", days(1), seed) < 5 * MINUTE, "never as far as the next instant");
        assert_eq!(first("0 * * * *", Duration::ZERO, seed), Duration::ZERO);
        (least, most) = (least.min(late), most.max(late));
    }
    assert!(least < MINUTE / 10 && most > MINUTE / 10 * 9, "spread over the minute: {least:?} to {most:?}");
    assert_ne!(seed("ledger", Job::Scan), seed("ledger", Job::Mail));
}
