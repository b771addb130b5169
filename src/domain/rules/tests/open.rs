//! The rules on open uses.

use super::*;
use crate::domain::outlived::{Heir, Outlived};

fn with_belief(belief: Belief) -> Subject {
    active(|subject| subject.uses[0].credential.belief = belief)
}

#[test]
fn a_young_live_key_of_an_owned_connection_is_fine() {
    assert_eq!(ruled(&active(|_| ()), day(75)), []);
    assert_eq!(ruled(&active(|subject| subject.connection.status = ConnectionStatus::Paused), day(75)), []);
}

#[test]
fn a_secret_is_due_then_stale_then_critical_to_the_second() {
    let subject = active(|_| ());
    let second = std::time::Duration::from_secs(1);
    for (at, expected) in [
        (ms_before(day(76)), None),
        (day(76), Some((RuleName::SecretDue, Severity::Low))),
        (day(90), Some((RuleName::SecretDue, Severity::Low))),
        (ms_before(day(90) + second), Some((RuleName::SecretDue, Severity::Low))),
        (day(90) + second, Some((RuleName::SecretStale, Severity::High))),
        (day(180), Some((RuleName::SecretStale, Severity::High))),
        (day(180) + second, Some((RuleName::SecretStale, Severity::Critical))),
    ] {
        let verdicts: Vec<_> = judge(&subject, &policy(), at).iter().map(|r| (r.rule, r.severity)).collect();
        assert_eq!(verdicts, Vec::from_iter(expected), "{at}");
    }
}

#[test]
fn an_age_is_judged_again_at_each_of_its_boundaries_and_never_after_the_last() {
    let second = std::time::Duration::from_secs(1);
    let mut at = START;
    for expected in [Some(day(76)), Some(day(90) + second), Some(day(180) + second), None] {
        let next = next_change(&active(|_| ()), &policy(), at);
        assert_eq!(next, expected);
        at = next.unwrap_or(at);
    }
}

#[test]
fn the_evidence_of_an_age_does_not_move_with_the_clock() {
    let subject = active(|_| ());
    assert_eq!(only(&subject, day(91)), only(&subject, day(179)));
    let evidence = serde_json::Value::Object(only(&subject, day(91)).evidence);
    assert_eq!(
        evidence,
        serde_json::json!({
            "fingerprint": "000000000001",
            "secret_since": START.to_string(),
            "provenance": "declared",
            "max_age_days": 90,
        })
    );
}

#[test]
fn a_lower_bound_is_called_one_until_it_is_past_the_limit() {
    let subject = active(|subject| subject.uses[0].credential.provenance = Provenance::FirstSeen);
    let unknown = only(&subject, day(1));
    assert_eq!((unknown.rule, unknown.severity), (RuleName::SecretAgeUnknown, Severity::Low));
    let stale = only(&subject, day(91));
    assert_eq!(stale.rule, RuleName::SecretStale);
    assert_eq!(stale.evidence["at_least"], true);
}

#[test]
fn each_provider_has_its_own_limit() {
    let subject = active(|subject| subject.uses[0].credential.provider = ProviderName::new("brevo"));
    let brevo = RulePolicy { max_age: days(365), ..RulePolicy::default() };
    let policy = Policy { providers: [(ProviderName::new("brevo"), brevo)].into(), ..Policy::default() };
    assert_eq!(judge(&subject, &policy, day(91)), []);
}

#[test]
fn neither_a_grant_nor_a_dead_secret_grows_old() {
    let grant = active(|subject| subject.connection.auth = Auth::Oauth);
    assert_eq!(ruled(&grant, day(400)), []);
    assert_eq!(next_change(&grant, &policy(), START), None);
    assert_eq!(ruled(&with_belief(dead(day(20))), day(400)), [RuleName::ConnectionBroken]);
}

#[test]
fn a_refusal_closes_nothing_before_it_is_confirmed() {
    let orphan = |belief| {
        active(|subject| {
            subject.connection.creator = Creator::Removed;
            subject.uses[0].credential.belief = belief;
        })
    };
    assert_eq!(ruled(&orphan(suspect(day(95))), day(95)), [RuleName::ConnectionOrphaned, RuleName::SecretStale]);
    assert_eq!(ruled(&orphan(dead(day(95))), day(95)), [RuleName::ConnectionBroken]);
}

#[test]
fn a_connection_is_broken_since_the_first_refusal_that_it_met() {
    let ruling = only(&with_belief(dead(day(20))), day(30));
    assert_eq!((ruling.rule, ruling.severity), (RuleName::ConnectionBroken, Severity::Medium));
    assert_eq!(ruling.since, day(20));
    let made_with_a_dead_key = active(|subject| {
        subject.uses[0].since = day(25);
        subject.uses[0].credential.belief = dead(day(20));
    });
    assert_eq!(only(&made_with_a_dead_key, day(30)).since, day(25));
}

#[test]
fn a_broken_connection_names_the_newer_secret_only_where_it_is_its_own_accounts() {
    let outlived = |account| {
        let by = Some(Heir { credential: "0123456789ab".to_owned(), account: AccountId(account) });
        Belief { outlived: Some(Outlived { at: day(19), by }), ..dead(day(20)) }
    };
    for (account, named) in [(1, Some("0123456789ab")), (2, None)] {
        let facts = only(&with_belief(outlived(account)), day(30)).evidence;
        assert_eq!(facts.get("newer_credential").and_then(|name| name.as_str()), named);
        assert_eq!(facts["newer_accepted_at"], day(19).to_string());
    }
}

#[test]
fn a_connection_is_orphaned_only_by_what_is_known() {
    use Creator::{Active, Removed, Suspended, Unknown};
    for (creator, has_owner, cause) in [
        (Active, Some(true), None),
        (Unknown, Some(true), None),
        (Active, None, None),
        (Unknown, None, None),
        (Removed, Some(true), Some("creator_removed")),
        (Suspended, None, Some("creator_suspended")),
        (Active, Some(false), Some("no_owner")),
        (Unknown, Some(false), Some("no_owner")),
    ] {
        let subject = active(|subject| {
            subject.connection.creator = creator;
            subject.account.has_owner = has_owner;
        });
        let rulings = judge(&subject, &policy(), day(1));
        let said = rulings.first().map(|ruling| ruling.evidence["cause"].as_str().expect("a word"));
        assert_eq!(said, cause, "{creator:?} {has_owner:?}");
        assert!(rulings.iter().all(|ruling| ruling.severity == Severity::High));
    }
}

#[test]
fn a_key_that_was_left_behind_and_is_used_again_is_said_once() {
    let subject = active(|subject| {
        subject.uses[0].share.left_behind = true;
        subject.uses.insert(0, ended_use(credential(1), EndedBy::Absent));
    });
    let ruling = only(&subject, day(11));
    assert_eq!((ruling.rule, ruling.severity), (RuleName::SecretReused, Severity::High));
}

#[test]
fn a_secret_is_shared_from_the_second_open_use_on() {
    let shared = |open| active(|subject| subject.uses[0].share.open = open);
    assert_eq!(ruled(&shared(Count::One), day(1)), []);
    let ruling = only(&shared(Count::Many), day(1));
    assert_eq!((ruling.rule, ruling.severity), (RuleName::SecretShared, Severity::Low));
}

#[test]
fn a_closed_connection_has_no_open_use_to_judge() {
    for status in [ConnectionStatus::Deleted, ConnectionStatus::Absent] {
        let subject = active(|subject| subject.connection.status = status);
        assert_eq!(ruled(&subject, day(400)), []);
        assert_eq!(next_change(&subject, &policy(), START), None);
    }
}

#[test]
fn nothing_holds_since_the_future() {
    let subject = active(|subject| {
        subject.uses[0].share.left_behind = true;
        subject.uses[0].since = day(3);
    });
    assert_eq!(only(&subject, day(2)).since, day(2));
}
