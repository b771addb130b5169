//! The same schedules by other hands: croner, which follows Vixie cron as well.
//!
//! croner takes a list such as `0,30 2 * * *` for an interval, Vixie cron for times of the day. There the oracle is
//! asked about each time of the day by itself.

use std::collections::BTreeSet;

use super::*;
use crate::domain::time::days;

const ZONES: [Tz; 7] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::America__Santiago,
    Tz::Africa__Casablanca,
    Tz::Asia__Tehran,
];
const EXPRESSIONS: [&str; 10] = [
    "*/15 * * * *",
    "0 * * * *",
    "17 */2 * * *",
    "30 2 * * *",
    "0 3 * * *",
    "15 0 * * *",
    "45 1 * * 0",
    "0 9 * * 1-5",
    "30 2 1,15 * *",
    "0 0 29 2 *",
];
/// Instants within a day of which some clock of [`ZONES`] changes.
const CHANGES: [&str; 8] = [
    "2026-03-08T07:00:00Z",
    "2026-03-29T01:00:00Z",
    "2026-04-04T15:00:00Z",
    "2026-09-06T04:00:00Z",
    "2026-10-03T15:30:00Z",
    "2026-10-25T01:00:00Z",
    "2026-11-01T06:00:00Z",
    "2027-02-07T02:00:00Z",
];

/// What croner says: every instant after `from` and before `to`.
fn theirs(text: &str, zone: Tz, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let mut all = BTreeSet::new();
    for single in times_of_day(text) {
        let cron = croner::Cron::from_str(&single).unwrap_or_else(|error| panic!("{single}: {error}"));
        let instants = cron.iter_after(from.to_datetime().with_timezone(&zone));
        all.extend(instants.map(|at| Timestamp::from(at.to_utc())).take_while(|at| *at < to));
    }
    all.into_iter().collect()
}

/// An interval as it is; else an expression for each pair of an hour and a minute.
fn times_of_day(text: &str) -> Vec<String> {
    let fields: Vec<&str> = text.split(' ').collect();
    let [minute, hour, rest @ ..] = fields.as_slice() else { panic!("{text} has no fields") };
    if minute.starts_with('*') || hour.starts_with('*') {
        return vec![text.to_owned()];
    }
    let parsed = croner::Cron::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (minutes, hours, rest) = (parsed.pattern.minutes.values(), parsed.pattern.hours.values(), rest.join(" "));
    let pairs = hours.iter().flat_map(|hour| minutes.iter().map(move |minute| (hour, minute)));
    pairs.map(|(hour, minute)| format!("{minute} {hour} {rest}")).collect()
}

fn ours(text: &str, zone: Tz, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let cron = cron(text, zone);
    std::iter::successors(cron.next_after(from), |last| cron.next_after(*last)).take_while(|at| *at < to).collect()
}

/// Fails on the first difference; returns how many instants there were.
fn compare(text: &str, zone: Tz, from: Timestamp, to: Timestamp) -> usize {
    let (ours, theirs) = (ours(text, zone, from, to), theirs(text, zone, from, to));
    let different = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
    assert_eq!(different, None, "{text} in {zone}: ours, theirs");
    assert_eq!(ours.len(), theirs.len(), "{text} in {zone}");
    ours.len()
}

/// Two years, in which every clock that changes does so at least four times.
fn two_years(zone: Tz) {
    let (from, to) = (at("2026-01-15T12:34:56Z"), at("2028-01-15T12:34:56Z"));
    let count: usize = EXPRESSIONS.iter().map(|text| compare(text, zone, from, to)).sum();
    assert!(count > 98_000, "{zone}: only {count} instants were compared");
}

macro_rules! agree {
    ($($name:ident: $zone:expr),* $(,)?) => {$(
        #[test]
        fn $name() {
            two_years($zone);
        }
    )*};
}

agree! {
    utc_agrees_with_the_oracle_over_two_years: Tz::UTC,
    berlin_agrees_with_the_oracle_over_two_years: Tz::Europe__Berlin,
    new_york_agrees_with_the_oracle_over_two_years: Tz::America__New_York,
    lord_howe_agrees_with_the_oracle_over_two_years: Tz::Australia__Lord_Howe,
    santiago_agrees_with_the_oracle_over_two_years: Tz::America__Santiago,
    casablanca_agrees_with_the_oracle_over_two_years: Tz::Africa__Casablanca,
    tehran_agrees_with_the_oracle_over_two_years: Tz::Asia__Tehran,
}

/// One field: everything, a step, a number, a list, a range, a range with a step.
fn field(first: u32, last: u32) -> impl Strategy<Value = String> {
    let number = first..=last;
    let range = (number.clone(), number.clone()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let step = 1..=(last - first);
    let list = proptest::collection::vec(number.clone(), 1..4);
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => step.clone().prop_map(|step| format!("*/{step}")),
        3 => number.prop_map(|number| number.to_string()),
        1 => list.prop_map(|all| all.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
        1 => range.clone().prop_map(|(from, to)| format!("{from}-{to}")),
        1 => (range, step).prop_map(|((from, to), step)| format!("{from}-{to}/{step}")),
    ]
}

/// Any expression that means the same to everybody: one of the day fields is free.
fn expression() -> impl Strategy<Value = String> {
    let days = prop_oneof![
        field(1, 31).prop_map(|day| (day, "*".to_owned())),
        field(0, 6).prop_map(|weekday| ("*".to_owned(), weekday)),
    ];
    // the hours at which clocks change come up often
    let hour = prop_oneof![field(0, 23), field(0, 3)];
    (field(0, 59), hour, days, field(1, 12))
        .prop_map(|(minute, hour, (day, weekday), month)| format!("{minute} {hour} {day} {month} {weekday}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_expressions_agree_with_the_oracle_on_random_days_and_where_clocks_change(
        text in expression(),
        zone in proptest::sample::select(&ZONES[..]),
        day in 0_u64..730,
    ) {
        if Cron::parse(&text, zone).is_err_and(|error| error.what == "it never fires") {
            return Ok(());
        }
        let random = at("2026-01-01T00:00:00Z") + days(day);
        for middle in CHANGES.map(at).into_iter().chain([random]) {
            compare(&text, zone, middle - days(1), middle + days(1));
        }
    }
}
