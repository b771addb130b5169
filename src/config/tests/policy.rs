//! What the operator says of some connections.

use super::*;
use crate::domain::finding::RuleName;
use crate::domain::policy::Standing;
use crate::domain::time::Timestamp;

fn with(zone: &str, entries: &str) -> Result<Settings, ConfigProblems> {
    read_with(&format!("[schedule]\nzone = \"{zone}\"\n{MINIMAL}\n{entries}\n"), &[]).map(|(settings, _)| settings)
}

fn exemption(until: &str) -> String {
    format!(
        "[[policy.exempt]]\nrules = [\"secret-stale\", \"mixed-use\"]\ntag = \"x\"\nreason = \"known\"\nuntil = {until}\n"
    )
}

#[test]
fn a_bare_date_ends_with_its_day_by_the_operators_clocks_and_an_instant_where_it_says() {
    for (zone, until, expected) in [
        ("UTC", "2027-03-31", "2027-04-01T00:00:00Z"),
        ("UTC", "\"2027-03-31\"", "2027-04-01T00:00:00Z"),
        ("Europe/Berlin", "2027-03-31", "2027-03-31T22:00:00Z"),
        ("Europe/Berlin", "2027-12-31", "2027-12-31T23:00:00Z"),
        ("Africa/Cairo", "2027-04-29", "2027-04-29T22:00:00Z"), // the next day begins at one o'clock
        ("Europe/Berlin", "\"2027-03-31T12:00:00+02:00\"", "2027-03-31T10:00:00Z"),
        ("Europe/Berlin", "2027-03-31T12:00:00Z", "2027-03-31T12:00:00Z"),
    ] {
        let settings = with(zone, &exemption(until)).unwrap_or_else(|problems| panic!("{until}: {problems}"));
        let ends: Vec<_> = settings.policy.exemptions.iter().map(|entry| entry.until.to_string()).collect();
        assert_eq!(ends, [expected], "{until} in {zone}");
    }
    for until in ["\"2027-03-31T12:00:00\"", "\"31.3.2027\"", "\"1800000000\"", "2027-03-31T12:00:00", "12.5", "true"] {
        let told = with("UTC", &exemption(until)).unwrap_err().to_string();
        assert!(told.contains("is no date") && told.contains("schedule.zone: UTC"), "{until}: {told}");
    }
}

#[test]
fn what_is_over_is_no_mistake_of_the_configuration() {
    let settings = with("UTC", &exemption("2001-01-01")).unwrap();
    let all: Vec<_> = settings.policy.exemptions.iter().collect();
    assert_eq!(Standing::of(all[0].until, Timestamp::from_secs(1_790_000_000)), Standing::Ended);
    assert_eq!(all[0].rules, [RuleName::SecretStale, RuleName::MixedUse].into());
    assert_eq!((all[0].scope.to_string().as_str(), all[0].by.as_deref()), ("tag \"x\"", None));
}

#[test]
fn the_same_is_neither_accepted_nor_overridden_twice() {
    let twice = format!("{}{}", exemption("2027-03-31"), exemption("2028-03-31"));
    let told = with("UTC", &twice).unwrap_err().to_string();
    assert!(
        told.contains("policy.exempt[1]: there is another exemption for secret-stale, mixed-use of tag \"x\""),
        "{told}"
    );
    let entry = "[[policy.override]]\nprovider = \"MailJet\"\nmax_age = \"30d\"\n";
    let told = with("UTC", &format!("{entry}{entry}")).unwrap_err().to_string();
    assert!(told.contains("policy.override[1]: there is another override for provider \"mailjet\""), "{told}");
    let one_table = with("UTC", "[policy.override]\naccount = \"a\"\n").unwrap_err().to_string();
    assert!(one_table.contains("write [[policy.override]]"), "{one_table}");
}

#[test]
fn idleness_is_read_where_an_override_asks_for_it() {
    let entry = |line: &str| with("UTC", &format!("[[policy.override]]\naccount = \"a\"\n{line}\n")).unwrap();
    assert!(!entry("max_age = \"30d\"").policy.knows_idleness());
    assert!(entry("idle_after = \"30d\"").policy.knows_idleness());
}
