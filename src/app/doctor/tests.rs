use std::collections::BTreeSet;
use std::path::Path;

use super::check::{Check, Part, State, Verdict, excuse_unused};
use super::{clock, ledger};
use crate::domain::time::{Timestamp, days};

const MIB: u64 = 1024 * 1024;

#[test]
fn the_verdict_is_the_worst_and_the_configuration_goes_first() {
    let ok = Check::ok(Part::Clock, "", "");
    let warning = Check::warning(Part::Config, "", "", "");
    let error = Check::error(Part::Mail, "", "", "");
    let key = Check::error(Part::MasterKey, "", "", "");
    assert_eq!(Verdict::of(&[]), Verdict::Ok);
    assert_eq!(Verdict::of(&[ok.clone(), warning.clone()]), Verdict::Warning);
    assert_eq!(Verdict::of(&[warning.clone(), error.clone(), ok]), Verdict::Error);
    assert_eq!(Verdict::of(&[error, key, warning]), Verdict::Config);
}

#[test]
fn an_error_told_by_others_is_split_into_what_and_to_do() {
    let told = Check::told(Part::Config, "a.b", "a.b: it is off; turn it on", "never said");
    assert_eq!((told.what.as_str(), told.todo.as_str()), ("it is off", "turn it on"));
    let told = Check::told(Part::Config, "a", "a.b: it is off", "turn it on");
    assert_eq!(
        (told.what.as_str(), told.todo.as_str()),
        ("a.b: it is off", "turn it on"),
        "another setting's name stays"
    );
    assert_eq!(told.to_string(), "config: a: a.b: it is off; turn it on");
    assert_eq!(Check::ok(Part::Clock, "", "it is right").to_string(), "clock: it is right");
}

#[test]
fn only_a_provider_that_is_surely_unused_is_excused() {
    let down = |name: &str| Check::error(Part::Provider, "", "down", "").of(name);
    let states = |used: &[&str]| {
        let mut checks = [down("kit"), down("mailjet"), Check::error(Part::Mail, "", "", "")];
        excuse_unused(&mut checks, &used.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
        checks.map(|check| check.state)
    };
    assert_eq!(states(&["mailjet"]), [State::Warning, State::Error, State::Error]);
    assert_eq!(states(&[]), [State::Error; 3], "where no row was seen, any may be in use");
}

#[test]
fn the_room_that_is_wanted_grows_with_the_ledger() {
    let state = |free: u64, ledger: u64| ledger::room(Path::new("/x"), free * MIB, ledger * MIB).state;
    assert_eq!(state(15, 0), State::Error);
    assert_eq!(state(17, 0), State::Warning);
    assert_eq!(state(257, 0), State::Ok);
    assert_eq!(state(257, 1_000), State::Warning);
    assert_eq!(state(2_001, 1_000), State::Ok);
}

#[test]
fn a_clock_is_believed_between_the_past_and_the_far_future() {
    let at = |text: &str| Timestamp::parse(text).expect("a time");
    let now = at("2027-01-01T00:00:00Z");
    let state = |now, latest| clock::check(now, latest, None).state;
    assert_eq!(state(now, None), State::Ok);
    assert_eq!(state(now, Some(now - days(1))), State::Ok);
    assert_eq!(state(now, Some(now + std::time::Duration::from_secs(59))), State::Ok, "a small correction");
    assert_eq!(state(now, Some(now + days(1))), State::Error);
    assert_eq!(state(at("1970-01-01T00:02:00Z"), None), State::Error, "a machine that forgot the time");
    assert_eq!(state(at("2216-01-01T00:00:00Z"), None), State::Error);
    let suspect = Some(crate::domain::clock::Suspect { since: now, ahead: 7_200_000 });
    let found = clock::check(now, None, suspect);
    assert_eq!(found.state, State::Error);
    assert!(found.what.contains("120 min ahead of the clocks of the providers"), "{}", found.what);
}
