//! When the daemon's jobs are due: crontab's five fields in a time zone, and a plan that survives restarts and
//! clocks that jump. All of it is pure: `now` is an argument, and what must outlive the process is a value that the
//! caller keeps.
//!
//! # What an expression means
//!
//! Minute, hour, day of month, month and weekday, as in crontab(5): numbers, names (`JAN`, `MON`), ranges, lists,
//! steps; or `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`. Sunday is 0 and 7. Where
//! crons disagree on a meaning, nothing is guessed: both day fields at once, or a step without a range (`5/10`), are
//! errors that say what to write instead.
//!
//! # When clocks change
//!
//! Clocks are set forward (a *gap*: some times of the day are left out) and back (a *fold*: some come twice). What
//! happens then is Vixie cron's rule, by the kind of the expression:
//!
//! | expression | in a gap | in a fold |
//! |---|---|---|
//! | minute or hour begins with `*`: "every so often" | what is left out is left out | both passes: the interval goes on |
//! | any other: "at this time of the day" | once, at the gap's end | once, in the first pass |
//!
//! So `30 2 * * *` in Berlin is served every day of the year exactly once, and `*/15 * * * *` every quarter of an hour.

mod cron;
mod fields;
pub mod plan;

pub use self::cron::{Cron, CronError};
