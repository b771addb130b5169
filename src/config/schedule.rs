//! `[schedule]`: when the daemon does what by itself.

use std::time::Duration;

use chrono_tz::{TZ_VARIANTS, Tz};

use super::problem::Fault;
use super::reader::Section;
use super::tree::Node;
use super::values::{duration, quoted, text};
use crate::domain::spelling::nearest;
use crate::ports::activation::Job;
use crate::schedule::Cron;

/// When each job is due. `None` where a schedule is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// the clocks to go by
    pub zone: Tz,
    /// read the inventory, ask, judge
    pub scan: Option<Cron>,
    /// write to people
    pub mail: Option<Cron>,
    /// look after the ledger
    pub upkeep: Option<Cron>,
    /// how much later than its instant a job may begin
    pub jitter: Duration,
}

impl ScheduleSettings {
    /// The schedule of a job; `None` where it is off.
    pub const fn cron(&self, job: Job) -> Option<&Cron> {
        match job {
            Job::Scan => self.scan.as_ref(),
            Job::Mail => self.mail.as_ref(),
            Job::Upkeep => self.upkeep.as_ref(),
        }
    }
}

pub(super) fn schedule(section: Section<'_>) -> ScheduleSettings {
    let zone = section.get("zone", zone);
    let settings = ScheduleSettings {
        zone,
        scan: section.get("scan", cron(zone)),
        mail: section.get("mail", cron(zone)),
        upkeep: section.get("upkeep", cron(zone)),
        jitter: section.get("jitter", duration),
    };
    section.close();
    settings
}

fn zone(node: &Node) -> Result<Tz, Fault> {
    let text = text(node)?;
    text.parse().map_err(|_| {
        let meant = nearest(&text, TZ_VARIANTS.iter().map(|zone| zone.name()));
        let meant = meant.map_or_else(String::new, |meant| format!("did you mean \"{meant}\"? "));
        let todo = format!("{meant}write a name of the time zone database, as in \"Europe/Berlin\" or \"UTC\"");
        Fault::new(format!("{} is not a time zone", quoted(&text)), todo)
    })
}

/// A schedule that can't be off.
pub(super) fn own(zone: Tz) -> impl Fn(&Node) -> Result<Cron, Fault> {
    move |node| cron(zone)(node)?.ok_or_else(|| Fault::new("it can't be off", "leave it out, or leave the source out"))
}

fn cron(zone: Tz) -> impl Fn(&Node) -> Result<Option<Cron>, Fault> {
    move |node| {
        let text = text(node)?;
        if text == "off" {
            return Ok(None);
        }
        if !text.starts_with('@') && !text.contains(char::is_whitespace) {
            let todo = "write five fields as in \"0 9 * * *\", a short form such as \"@daily\", or \"off\"";
            return Err(Fault::new(format!("{} is not a schedule", quoted(&text)), todo));
        }
        Cron::parse(&text, zone).map(Some).map_err(|error| Fault::new(error.what, error.todo))
    }
}
