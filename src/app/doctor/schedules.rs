//! Schedules: when `run` does what next: pure.

use super::check::{Check, Part};
use crate::config::{ScheduleSettings, Settings};
use crate::domain::time::Timestamp;
use crate::ports::activation::Job;
use crate::schedule::Cron;

/// A check for each schedule.
pub(super) fn check(settings: &Settings, now: Timestamp) -> Vec<Check> {
    let mails = settings.mail.sending.is_some();
    let jobs = Job::ALL.into_iter().map(|job| of_job(&settings.schedule, job, mails, now));
    let sources = settings.inventories.iter().enumerate().filter_map(|(index, source)| {
        let cron = source.schedule.as_ref()?;
        Some(fires(format!("inventory[{index}].schedule"), cron, now).of(&source.name))
    });
    jobs.chain(sources).collect()
}

fn of_job(schedule: &ScheduleSettings, job: Job, mails: bool, now: Timestamp) -> Check {
    let setting = format!("schedule.{job}");
    let Some(cron) = schedule.cron(job) else {
        let Some(what) = missed(job, mails) else { return Check::ok(Part::Schedule, setting, "off") };
        return Check::warning(Part::Schedule, setting, what, "give it a schedule, or leave it off where it is meant");
    };
    fires(setting, cron, now)
}

fn fires(setting: String, cron: &Cron, now: Timestamp) -> Check {
    let Some(next) = cron.next_after(now) else {
        let todo = "write a schedule that fires before the year 2100, and see to the clock";
        return Check::error(Part::Schedule, setting, format!("{cron} never fires again"), todo).passing();
    };
    let wall = next.to_datetime().with_timezone(&cron.zone());
    let what = format!("{cron}: next at {} in {}", wall.format("%a %Y-%m-%d %H:%M"), cron.zone());
    Check::ok(Part::Schedule, setting, what)
}

/// What doesn't happen by itself where a schedule is off; `None` where nothing would.
const fn missed(job: Job, mails: bool) -> Option<&'static str> {
    match job {
        Job::Scan => Some("off: `keysweep run` reads and asks nothing by itself"),
        Job::Mail if mails => Some("off: there is a mail server, and `keysweep run` mails nobody by itself"),
        Job::Mail => None,
        Job::Upkeep => Some("off: nobody looks after the ledger"),
    }
}
