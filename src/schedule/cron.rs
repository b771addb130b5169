//! One expression in one time zone, and the instants that it names.
//!
//! The `cron` crate knows which times of the calendar an expression names. It is asked about wall-clock time alone,
//! which is dressed as UTC and has neither gaps nor folds; what those do is decided here.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::fields::Fields;
use crate::domain::time::Timestamp;

/// The last year that the `cron` crate looks at.
const LAST_YEAR: i32 = 2100;
/// No clock is set back by more at once, nor twice in so short a time.
const GREATEST_FOLD: TimeDelta = TimeDelta::hours(4);
/// The longest gap there was: Samoa left out a whole day.
const GREATEST_GAP_MINUTES: i64 = 24 * 60;

/// A schedule: an expression that fires, and the zone whose clocks it goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: String,
    zone: Tz,
    times: cron::Schedule,
    interval: bool,
}

/// What is wrong with an expression, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {todo}")]
pub struct CronError {
    /// what is wrong, and in which field
    pub what: String,
    /// what to write instead
    pub todo: String,
}

impl CronError {
    pub(super) fn new(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { what: what.into(), todo: todo.into() }
    }
}

impl Cron {
    /// Reads an expression; [`crate::schedule`] says what it means.
    ///
    /// # Errors
    /// [`CronError`], which names the field and what to write; also for an expression that never fires.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, CronError> {
        let fields = Fields::parse(text)?;
        // What `Fields` spells, the crate takes. Were it not so, the operator could only write it in another way.
        let times = cron::Schedule::from_str(&fields.spelt_for_the_crate())
            .map_err(|error| CronError::new(format!("{text:?}: {error}"), "write it in another way"))?;
        let cron = Self { text: text.trim().to_owned(), zone, times, interval: fields.interval };
        if cron.next_after(Timestamp::from_millis(0)).is_none() {
            let todo = "correct the day of month or the month: no month of those named has such a day";
            return Err(CronError::new("it never fires", todo));
        }
        Ok(cron)
    }

    /// The smallest instant of the schedule that lies after `now`; `None` where there is none before the year 2101.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let now = now.max(Timestamp::from_millis(-1)).to_datetime();
        if now.year() > LAST_YEAR {
            return None;
        }
        let from = self.wall(now) - self.setback_ahead(now);
        let mut second_pass = None;
        for wall in self.times.after(&from.and_utc()) {
            let (first, second) = self.passes(wall.naive_utc());
            second_pass = second_pass.into_iter().chain(second).filter(|at| *at > now).min();
            // Of two wall times, the later one has the later first pass: nothing smaller can follow.
            if let Some(first) = first.filter(|at| *at > now) {
                return second_pass.into_iter().chain([first]).min().map(Timestamp::from);
            }
        }
        second_pass.map(Timestamp::from)
    }

    /// Whether one of its instants has passed by `now` since `served`. What was never served, or lies in the future, is owed.
    pub fn has_passed(&self, served: Option<Timestamp>, now: Timestamp) -> bool {
        served.is_none_or(|served| served > now || self.next_after(served).is_some_and(|at| at <= now))
    }

    /// The zone whose clocks it goes by.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The instants of a wall-clock time: the first, and the second in which it comes again.
    fn passes(&self, wall: NaiveDateTime) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let found = self.zone.from_local_datetime(&wall).map(|at| at.to_utc());
        match (found.earliest(), found.latest()) {
            (None, _) if self.interval => (None, None),
            (None, _) => (self.end_of_gap(wall), None),
            (first, second) if self.interval && second != first => (first, second),
            (first, _) => (first, None),
        }
    }

    /// The first instant after the gap in which this wall-clock time is left out. Gaps begin and end on whole minutes.
    fn end_of_gap(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let later = (1..=GREATEST_GAP_MINUTES).map(|minutes| wall + TimeDelta::minutes(minutes));
        later.filter_map(|wall| self.zone.from_local_datetime(&wall).earliest()).next().map(|at| at.to_utc())
    }

    /// By how much clocks will soon be set back: times of the day that lie so far back may come again.
    fn setback_ahead(&self, now: DateTime<Utc>) -> TimeDelta {
        let soon = now.checked_add_signed(GREATEST_FOLD).unwrap_or(now);
        (self.offset(now) - self.offset(soon)).max(TimeDelta::zero())
    }

    fn wall(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.naive_utc() + self.offset(at)
    }

    fn offset(&self, at: DateTime<Utc>) -> TimeDelta {
        let east = self.zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
        TimeDelta::seconds(i64::from(east))
    }
}

/// The expression as it was written.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
