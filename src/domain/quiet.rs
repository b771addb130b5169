//! When a reader may be written to: quiet hours and weekdays, on the reader's own clocks (DESIGN.md 9).

use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Tz;

use super::time::Timestamp;

/// When nobody is written to. By default never: mail may come at any hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// the hours of the day that are quiet; `None` for none
    pub hours: Option<QuietHours>,
    /// the days on which mail may come
    pub weekdays: Weekdays,
    /// the clocks of readers whose own zone is not known
    pub zone: Tz,
    /// true where mails with a critical finding wait as well
    pub critical_too: bool,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { hours: None, weekdays: Weekdays::ALL, zone: Tz::UTC, critical_too: true }
    }
}

/// A part of the day, from a minute of it to another that is not the same. It may reach over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: u32,
    to: u32,
}

/// Days of the week, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekdays(u8);

/// How many days are looked through for an opening: a zone may leave out a whole day, and did.
const DAYS_AHEAD: u64 = 15;
/// No clock is set forward by more than a day at once.
const LONGEST_GAP_MINUTES: i64 = 25 * 60;

impl Quiet {
    /// The first instant from `now` on at which a reader with these clocks may be written to: `now` itself where they
    /// may be. A zone that is not in the database counts as none.
    pub fn opens_at(&self, now: Timestamp, zone: Option<&str>) -> Timestamp {
        let zone = zone.and_then(|name| Tz::from_str(name).ok()).unwrap_or(self.zone);
        if self.is_open(now, zone) {
            return now;
        }
        let today = now.to_datetime().with_timezone(&zone).date_naive();
        let days = (0..=DAYS_AHEAD).filter_map(|ahead| today.checked_add_days(Days::new(ahead)));
        // A day opens at its first minute, or where its quiet hours end.
        let ends = [Some(0), self.hours.map(|hours| hours.to)];
        let starts =
            days.flat_map(|day| ends.into_iter().flatten().flat_map(move |minute| instants(zone, day, minute)));
        let open = starts.filter(|at| *at > now && self.is_open(*at, zone)).min();
        open.unwrap_or(now) // no calendar has that; a mail at a bad hour is better than none
    }

    fn is_open(&self, at: Timestamp, zone: Tz) -> bool {
        let local = at.to_datetime().with_timezone(&zone);
        let minute = local.hour() * 60 + local.minute();
        self.weekdays.has(local.weekday()) && !self.hours.is_some_and(|hours| hours.has(minute))
    }
}

/// The instants at which the clocks of a zone show this minute of a day: two where they are set back over it; where
/// they are set forward over it, the first one after.
fn instants(zone: Tz, day: NaiveDate, minute: u32) -> Vec<Timestamp> {
    let Some(time) = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0) else { return Vec::new() };
    let shown = day.and_time(time);
    let known = (0..=LONGEST_GAP_MINUTES).find_map(|later| {
        let found = zone.from_local_datetime(&(shown + TimeDelta::minutes(later)));
        let both: Vec<DateTime<Tz>> = found.earliest().into_iter().chain(found.latest()).collect();
        (!both.is_empty()).then_some(both)
    });
    known.into_iter().flatten().map(|at| Timestamp::from(at.with_timezone(&Utc))).collect()
}

impl QuietHours {
    /// Reads `20:00-08:00`.
    ///
    /// # Errors
    /// What is wrong, without a full stop.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (from, to) = text.split_once('-').ok_or("a beginning and an end belong together")?;
        let minute = |text: &str| -> Result<u32, &'static str> {
            let time = NaiveTime::parse_from_str(text.trim(), "%H:%M").map_err(|_| "that is no time of the day")?;
            Ok(time.hour() * 60 + time.minute())
        };
        let (from, to) = (minute(from)?, minute(to)?);
        if from == to { Err("the day would be quiet from end to end") } else { Ok(Self { from, to }) }
    }

    const fn has(self, minute: u32) -> bool {
        if self.from < self.to {
            self.from <= minute && minute < self.to
        } else {
            self.from <= minute || minute < self.to
        }
    }
}

impl Weekdays {
    /// Every day.
    pub const ALL: Self = Self(0b111_1111);

    /// Reads names of days and ranges of them, as in `mon-fri` or `mon, wed, fri-sun`.
    ///
    /// # Errors
    /// What is wrong, without a full stop.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let day = |name: &str| {
            let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            days.iter().position(|day| day.eq_ignore_ascii_case(name.trim())).ok_or("that is no day of the week")
        };
        let mut days = 0;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day(first)?, day(last)?);
            let count = (last + 7 - first) % 7;
            (0..=count).for_each(|ahead| days |= 1 << ((first + ahead) % 7));
        }
        Ok(Self(days))
    }

    const fn has(self, day: Weekday) -> bool {
        self.0 & (1 << day.num_days_from_monday()) != 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::days;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn quiet(hours: &str, weekdays: &str) -> Quiet {
        let hours = (!hours.is_empty()).then(|| QuietHours::parse(hours).unwrap());
        Quiet { hours, weekdays: Weekdays::parse(weekdays).unwrap(), ..Quiet::default() }
    }

    #[test]
    fn a_reader_is_written_to_on_their_own_clocks() {
        for (zone, now, opens) in [
            ("UTC", "2026-11-18T19:59:59Z", "2026-11-18T19:59:59Z"),
            ("UTC", "2026-11-18T20:00:00Z", "2026-11-19T08:00:00Z"),
            ("UTC", "2026-11-19T07:59:59Z", "2026-11-19T08:00:00Z"),
            ("UTC", "2026-11-19T08:00:00Z", "2026-11-19T08:00:00Z"),
            // Friday evening: until Monday
            ("UTC", "2026-11-20T21:00:00Z", "2026-11-23T08:00:00Z"),
            ("UTC", "2026-11-22T12:00:00Z", "2026-11-23T08:00:00Z"),
            ("America/Los_Angeles", "2026-11-18T09:00:00Z", "2026-11-18T16:00:00Z"),
            ("Asia/Tokyo", "2026-11-18T09:00:00Z", "2026-11-18T09:00:00Z"),
            ("Asia/Tokyo", "2026-11-18T11:00:00Z", "2026-11-18T23:00:00Z"),
            // already Saturday there
            ("Asia/Tokyo", "2026-11-20T15:00:00Z", "2026-11-22T23:00:00Z"),
            ("Asia/Kathmandu", "2026-11-18T00:00:00Z", "2026-11-18T02:15:00Z"),
            // a zone that nobody knows is none
            ("Mars/Olympus", "2026-11-18T20:00:00Z", "2026-11-19T08:00:00Z"),
        ] {
            assert_eq!(quiet("20:00-08:00", "mon-fri").opens_at(at(now), Some(zone)), at(opens), "{zone} {now}");
        }
    }

    #[test]
    fn where_clocks_are_set_the_wall_is_what_counts() {
        for (hours, zone, now, opens) in [
            // forward at 02:00 to 03:00 on 2026-03-29: an end within the gap is its end
            ("22:00-02:30", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"),
            ("22:00-08:00", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T06:00:00Z"),
            // back at 03:00 to 02:00 on 2026-10-25: half past two comes twice, and what is quiet is so twice
            ("22:00-02:30", "Europe/Berlin", "2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z"),
            ("22:00-02:30", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"),
            ("22:00-08:00", "Europe/Berlin", "2026-10-25T00:10:00Z", "2026-10-25T07:00:00Z"),
            // midnight itself is left out on 2026-03-28 in Beirut, and 2018-11-04 in Sao Paulo
            ("12:00-00:00", "Asia/Beirut", "2026-03-28T20:00:00Z", "2026-03-28T22:00:00Z"),
            ("12:00-00:00", "America/Sao_Paulo", "2018-11-03T20:00:00Z", "2018-11-04T03:00:00Z"),
        ] {
            assert_eq!(quiet(hours, "mon-sun").opens_at(at(now), Some(zone)), at(opens), "{hours} {zone} {now}");
        }
    }

    #[test]
    fn where_a_zone_leaves_out_the_very_day_it_is_the_one_of_the_week_after() {
        // Samoa had no 2011-12-30, a Friday: it went over the date line.
        for (hours, now, opens) in [
            ("", "2011-12-30T00:00:00Z", "2012-01-05T10:00:00Z"),
            ("22:00-08:00", "2011-12-24T09:30:00Z", "2012-01-05T18:00:00Z"),
        ] {
            assert_eq!(quiet(hours, "fri").opens_at(at(now), Some("Pacific/Apia")), at(opens), "{hours} {now}");
        }
    }

    #[test]
    fn without_settings_every_instant_is_open() {
        let now = at("2026-11-22T03:00:00Z");
        assert_eq!(Quiet::default().opens_at(now, Some("Asia/Tokyo")), now);
    }

    #[test]
    fn what_is_no_time_and_no_day_is_refused() {
        for text in ["", "20:00", "20:00-20:00", "24:00-08:00", "8-9", "20.00-08.00"] {
            assert!(QuietHours::parse(text).is_err(), "{text:?}");
        }
        for text in ["", "mon-", "monday", "mon fri", "1-5"] {
            assert!(Weekdays::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Weekdays::parse("Mon, TUE,wed-sun"), Ok(Weekdays::ALL));
        assert_eq!(Weekdays::parse("sat-mon"), Weekdays::parse("sat,sun,mon"));
    }

    proptest! {
        #[test]
        fn nobody_is_written_to_in_quiet_hours_and_everybody_within_a_week(
            now in 1_577_836_800_i64..2_208_988_800,
            zone in prop::sample::select(&["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
                                           "America/St_Johns", "Africa/Casablanca", "Pacific/Chatham", "Asia/Beirut"][..]),
            (from, to) in (0_u32..1440, 0_u32..1440),
            weekdays in 1_u8..128,
        ) {
            prop_assume!(from != to);
            let hours = Some(QuietHours { from, to });
            let quiet = Quiet { hours, weekdays: Weekdays(weekdays), ..Quiet::default() };
            let now = Timestamp::from_secs(now);
            let opens = quiet.opens_at(now, Some(zone));
            prop_assert!(opens >= now);
            prop_assert!(quiet.is_open(opens, zone.parse().unwrap()), "{opens}");
            prop_assert!(opens.since(now) <= days(7) + super::super::time::hours(2), "{opens}");
            prop_assert_eq!(quiet.opens_at(opens, Some(zone)), opens);
        }

        #[test]
        fn nothing_opens_before_the_instant_that_is_given(
            now in 1_577_836_800_i64..2_208_988_800, before in 1_i64..100_000,
        ) {
            let quiet = Quiet { zone: "Europe/Berlin".parse().unwrap(), ..quiet("20:00-08:00", "mon-fri") };
            let now = Timestamp::from_secs(now);
            let opens = quiet.opens_at(now, None);
            let between = Timestamp::from_secs(now.as_secs() + before.min(opens.since(now).as_secs() as i64 - 1).max(0));
            if opens > now {
                prop_assert_eq!(quiet.opens_at(between, None), opens);
            }
        }
    }
}
