//! The machine's clock, by what is known without asking anybody: pure.

use super::check::{Check, Part};
use crate::domain::clock::Suspect;
use crate::domain::time::{Timestamp, hours, minutes};

/// No keysweep is older than this (the beginning of November 2026), and no machine that runs one lives in an earlier time.
const WRITTEN: Timestamp = Timestamp::from_secs(1_793_491_200);
/// A hundred years later.
const NEVER: Timestamp = Timestamp::from_secs(1_793_491_200 + 100 * 31_557_600);

const TODO: &str =
    "set the clock, and keep it by NTP (`timedatectl status` shows how it is kept); ages and reminders go by it";

/// The clock by the age of this program, by when the ledger's latest scan began, and by what providers said of it then.
pub(super) fn check(now: Timestamp, latest_scan: Option<Timestamp>, suspect: Option<Suspect>) -> Check {
    let now = Timestamp::from_secs(now.as_secs()); // people need no milliseconds
    let wrong = |what: String| Check::error(Part::Clock, "", what, TODO).passing();
    if now < WRITTEN {
        return wrong(format!("it shows {now}, which is before this program was written"));
    }
    if now > NEVER {
        return wrong(format!("it shows {now}, a hundred years from when this program was written"));
    }
    if let Some(suspect) = suspect {
        let what = format!("it shows {now}, and at the latest scan it was {}", suspect.words());
        return wrong(format!("{what}: nothing dies, is destroyed or mailed meanwhile"));
    }
    match latest_scan {
        Some(latest) if latest > now + minutes(1) => {
            let back = latest.since(now);
            let by = if back >= hours(1) {
                format!("{} h", back.as_secs() / 3600)
            } else {
                format!("{} min", back.as_secs() / 60)
            };
            wrong(format!(
                "it shows {now}, and the latest scan began {by} after that: it was set back, or was ahead then"
            ))
        }
        _ => Check::ok(Part::Clock, "", format!("it shows {now}")),
    }
}
