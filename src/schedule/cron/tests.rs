use proptest::prelude::*;

use super::*;

mod clocks;
mod oracle;

fn cron(text: &str, zone: Tz) -> Cron {
    Cron::parse(text, zone).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text} is no instant"))
}

/// The next instants after `from`, as the zone's wall clock shows them.
fn next(text: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
    let cron = cron(text, zone);
    let instants = std::iter::successors(cron.next_after(at(from)), |last| cron.next_after(*last));
    let wall = |at: Timestamp| at.to_datetime().with_timezone(&zone).format("%a %m-%d %H:%M %Z").to_string();
    instants.take(count).map(wall).collect()
}

#[test]
fn weekdays_are_counted_from_sunday_as_zero_and_seven() {
    for (weekday, days) in [
        ("0", "Sun"),
        ("7", "Sun"),
        ("1", "Mon"),
        ("6", "Sat"),
        ("sun", "Sun"),
        ("Fri", "Fri"),
        ("1-5", "Mon Tue Wed Thu Fri"),
        ("FRI-SUN", "Fri Sat Sun"),
        ("5-7", "Fri Sat Sun"),
        ("0-7/3", "Wed Sat Sun"),
        ("0,MON-tue", "Mon Tue Sun"),
    ] {
        let mut seen = Vec::new();
        for day in next(&format!("0 0 * * {weekday}"), Tz::UTC, "2026-11-15T12:00:00Z", 7) {
            let day = day[..3].to_owned();
            if seen.contains(&day) {
                break;
            }
            seen.push(day);
        }
        assert_eq!(seen.join(" "), days, "{weekday}");
    }
}

#[test]
fn a_short_form_is_what_it_stands_for() {
    for (short, full) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * sun"),
        ("@Monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 jan *"),
        ("@annually", "0 0 1 1 *"),
    ] {
        let now = "2026-11-21T07:00:00Z";
        assert_eq!(next(short, Tz::Europe__Berlin, now, 5), next(full, Tz::Europe__Berlin, now, 5), "{short}");
    }
    assert_eq!(next("@weekly", Tz::UTC, "2026-11-21T07:00:00Z", 1), ["Sun 11-22 00:00 UTC"]);
}

#[test]
fn the_next_instant_lies_strictly_after_now_to_the_millisecond() {
    let quarters = cron("*/15 * * * *", Tz::UTC);
    let (quarter, next) = (at("2026-11-21T07:15:00Z"), at("2026-11-21T07:30:00Z"));
    assert_eq!(quarters.next_after(quarter), Some(next));
    assert_eq!(quarters.next_after(Timestamp::from_millis(quarter.as_millis() - 1)), Some(quarter));
    assert_eq!(quarters.next_after(Timestamp::from_millis(quarter.as_millis() + 1)), Some(next));
}

#[test]
fn a_wrong_expression_is_told_with_its_field_and_what_to_write() {
    for (text, told) in [
        (
            "",
            r#""" has 0 fields; write five: minute, hour, day of month, month, weekday (there are no seconds and no years)"#,
        ),
        ("0 0 3 * * *", r#""0 0 3 * * *" has 6 fields; write five"#),
        ("hourly", r#""hourly" has 1 field; write five"#),
        ("@reboot", r#""@reboot" is no short form; write five fields, or one of @hourly, @daily"#),
        ("60 * * * *", "minute: 60 is out of range; write 0 to 59"),
        ("99999999999 * * * *", "minute: 99999999999 is out of range; write 0 to 59"),
        ("0 24 * * *", "hour: 24 is out of range; write 0 to 23"),
        ("0 0 0 * *", "day of month: 0 is out of range; write 1 to 31"),
        ("0 0 L * *", r#"day of month: "L" is not a day of month; write 1 to 31"#),
        ("0 0 1 13 *", "month: 13 is out of range; write 1 to 12, or JAN to DEC"),
        ("0 0 1 june *", r#"month: "june" is not a month; write 1 to 12, or JAN to DEC"#),
        ("0 0 * * 8", "weekday: 8 is out of range; write 0 to 7 (0 and 7 are Sunday), or SUN to SAT"),
        ("0 0 * * 5#2", r##"weekday: "5#2" is not a weekday"##),
        ("0 0 ? * 1", r#"day of month: "?" is not a day of month"#),
        ("+5 * * * *", r#"minute: "+5" is not a minute"#),
        ("-5 * * * *", r#"minute: "" is not a minute"#),
        ("1,,2 * * * *", r#"minute: "" is not a minute"#),
        ("5/10 * * * *", r#"minute: "5/10" is a step without a range; write where it ends, as in "5-59/10""#),
        ("*/90 * * * *", "minute: a step of 90 never comes round; write a step from 1 to 59; each hour begins anew"),
        ("*/0 * * * *", "minute: a step of 0 goes nowhere; write a step from 1 to 59"),
        ("*/x * * * *", r#"minute: "x" is not a step; write a number from 1 to 59"#),
        ("0 22-6 * * *", r#"hour: 22-6 runs backwards; write two, as in "22-23,0-6""#),
        ("0 0 * * FRI-MON", r#"weekday: FRI-MON runs backwards; write two, as in "FRI-SAT,SUN-MON""#),
        ("0 9 13 * FRI", "both the day of month (13) and the weekday (FRI) are restricted; write * for one of them"),
        ("0 9 */2 * 1", "both the day of month (*/2) and the weekday (1) are restricted"),
        ("0 9 1-31 * 1", "both the day of month (1-31) and the weekday (1) are restricted"),
        ("30 2 30 2 *", "it never fires; correct the day of month or the month"),
        ("0 0 31 4,6,9,11 *", "it never fires"),
    ] {
        let error = Cron::parse(text, Tz::UTC).expect_err(text).to_string();
        assert!(error.starts_with(told), "{text}\n  told:     {error}\n  expected: {told}");
    }
}

#[test]
fn a_leap_day_is_waited_for() {
    assert_eq!(cron("0 0 29 2 *", Tz::UTC).next_after(at("2026-11-21T00:00:00Z")), Some(at("2028-02-29T00:00:00Z")));
}

#[test]
fn an_instant_has_passed_once_it_is_there_and_what_was_served_by_nobody_is_owed() {
    let nightly = cron("30 2 * * *", Tz::UTC);
    let now = at("2026-11-21T12:00:00Z");
    for (served, passed) in [
        (None, true),
        (Some("2026-11-20T12:00:00Z"), true),
        (Some("2026-11-21T02:29:59Z"), true),
        (Some("2026-11-21T02:30:00Z"), false),
        (Some("2026-11-21T12:00:00Z"), false),
        (Some("2026-11-21T12:00:01Z"), true), // the clock went back
    ] {
        assert_eq!(nightly.has_passed(served.map(at), now), passed, "{served:?}");
    }
    assert!(nightly.has_passed(Some(at("2026-11-21T02:29:59Z")), at("2026-11-21T02:30:00Z")));
}

#[test]
fn there_is_an_end_of_time_and_nothing_goes_wrong_there() {
    let daily = cron("@daily", Tz::Asia__Tehran);
    assert_eq!(daily.next_after(at("2101-01-01T00:00:00Z")), None);
    assert_eq!(daily.next_after(Timestamp::from_millis(i64::MAX)), None);
    let first = daily.next_after(Timestamp::from_millis(i64::MIN + 1));
    assert!(first.is_none_or(|first| first.as_secs() < 86_400), "{first:?}");
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic_and_every_error_says_what_to_do(text in r"[-*/,0-9@A-Za-z#? ]{0,24}") {
        if let Err(error) = Cron::parse(&text, Tz::UTC) {
            prop_assert!(!error.what.is_empty() && !error.todo.is_empty());
        }
    }
}
