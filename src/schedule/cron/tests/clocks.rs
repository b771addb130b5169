//! What happens where clocks are set forward and back.

use super::*;

#[test]
fn a_time_of_day_that_a_gap_leaves_out_comes_at_the_gaps_end() {
    let spring = "2026-03-28T12:00:00Z";
    for (text, expected) in [
        ("30 2 * * *", ["Sun 03-29 03:00 CEST", "Mon 03-30 02:30 CEST"]),
        // two that are left out are one
        ("10,40 2 * * *", ["Sun 03-29 03:00 CEST", "Mon 03-30 02:10 CEST"]),
        // and none beside one that is there anyway
        ("0 2,3 * * *", ["Sun 03-29 03:00 CEST", "Mon 03-30 02:00 CEST"]),
    ] {
        assert_eq!(next(text, Tz::Europe__Berlin, spring, 2), expected, "{text}");
    }
    let lord_howe = next("15 2 * * *", Tz::Australia__Lord_Howe, "2026-10-03T00:00:00Z", 2);
    assert_eq!(lord_howe, ["Sun 10-04 02:30 +11", "Mon 10-05 02:15 +11"]);
}

#[test]
fn an_interval_leaves_out_what_a_gap_leaves_out() {
    let before = "2026-03-29T00:40:00Z";
    let quarters = next("*/15 * * * *", Tz::Europe__Berlin, before, 3);
    assert_eq!(quarters, ["Sun 03-29 01:45 CET", "Sun 03-29 03:00 CEST", "Sun 03-29 03:15 CEST"]);
    assert_eq!(next("30 */2 * * *", Tz::Europe__Berlin, before, 1), ["Sun 03-29 04:30 CEST"]);
}

#[test]
fn a_time_of_day_that_comes_twice_is_served_in_its_first_pass() {
    let autumn = "2026-10-24T12:00:00Z";
    let daily = next("30 2 * * *", Tz::Europe__Berlin, autumn, 2);
    assert_eq!(daily, ["Sun 10-25 02:30 CEST", "Mon 10-26 02:30 CET"]);
    let between_the_passes = next("30 2 * * *", Tz::Europe__Berlin, "2026-10-25T00:45:00Z", 1);
    assert_eq!(between_the_passes, ["Mon 10-26 02:30 CET"]);
}

#[test]
fn an_interval_goes_on_through_both_passes_in_order() {
    let half_hours = next("*/30 * * * *", Tz::Europe__Berlin, "2026-10-24T23:45:00Z", 6);
    let expected = ["02:00 CEST", "02:30 CEST", "02:00 CET", "02:30 CET", "03:00 CET", "03:30 CET"];
    assert_eq!(half_hours, expected.map(|time| format!("Sun 10-25 {time}")));
    // here half an hour is set back
    let lord_howe = next("*/15 * * * *", Tz::Australia__Lord_Howe, "2026-04-04T14:20:00Z", 4);
    let expected = ["01:30 +11", "01:45 +11", "01:30 +1030", "01:45 +1030"];
    assert_eq!(lord_howe, expected.map(|time| format!("Sun 04-05 {time}")));
}

#[test]
fn a_daily_schedule_is_served_once_on_every_day_of_the_year_whatever_the_clocks_do() {
    for zone in [Tz::Europe__Berlin, Tz::America__Santiago, Tz::Australia__Lord_Howe, Tz::Africa__Casablanca] {
        for hour in 0..4 {
            let cron = cron(&format!("20 {hour} * * *"), zone);
            let mut last = cron.next_after(at("2026-01-01T12:00:00Z")).unwrap();
            for _ in 0..365 {
                let next = cron.next_after(last).unwrap();
                let day = |at: Timestamp| at.to_datetime().with_timezone(&zone).date_naive();
                assert_eq!(day(last).succ_opt(), Some(day(next)), "{cron} in {zone}");
                last = next;
            }
        }
    }
}
