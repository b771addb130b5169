//! The rules on what somebody says, on kinds, on what else a key serves, and on who can be told.

use super::*;
use crate::domain::record::UsedFor;

fn leaked(at: Timestamp) -> Subject {
    active(|subject| subject.uses[0].share.compromised_at = Some(at))
}

fn operator_says(at: Timestamp) -> Compromise {
    Compromise { at, by: SaidBy::Operator, note: Some("seen in a public paste".to_owned()) }
}

fn json(ruling: &Ruling) -> serde_json::Value {
    serde_json::Value::Object(ruling.evidence.clone())
}

#[test]
fn a_leaked_secret_is_critical_since_it_leaked_and_says_who_says_so() {
    let ruling = only(&leaked(day(5)), day(8));
    assert_eq!((ruling.rule, ruling.severity), (RuleName::SecretCompromised, Severity::Critical));
    assert_eq!((ruling.since, ruling.mailed, ruling.opens), (day(5), true, true));
    let expected = serde_json::json!({
        "fingerprint": "000000000001",
        "secret_since": START.to_string(),
        "provenance": "declared",
        "liveness": "live",
        "compromised_at": day(5).to_string(),
        "said_by": "platform",
    });
    assert_eq!(json(&ruling), expected);

    let operator = active(|subject| subject.uses[0].credential.compromise = Some(operator_says(day(4))));
    let evidence = only(&operator, day(8)).evidence;
    assert_eq!((&evidence["said_by"], &evidence["note"]), (&"operator".into(), &"seen in a public paste".into()));
    let both = active(|subject| {
        subject.uses[0].share.compromised_at = Some(day(5));
        subject.uses[0].credential.compromise = Some(operator_says(day(4)));
    });
    let ruling = only(&both, day(8));
    assert_eq!((ruling.since, &ruling.evidence["said_by"]), (day(4), &"operator and platform".into()));
}

#[test]
fn a_word_on_the_value_is_told_as_its_tellers_and_never_as_the_operators() {
    for (by, alone, with_row) in
        [(SaidBy::Account, "account", "account and platform"), (SaidBy::Platform, "platform", "platform")]
    {
        let word = Compromise { at: day(6), by, note: None };
        let said = |told: Option<Timestamp>| {
            let subject = active(|subject| {
                subject.uses[0].credential.compromise = Some(word.clone());
                subject.uses[0].share.compromised_at = told;
            });
            let ruling = only(&subject, day(8));
            (ruling.since, ruling.evidence["said_by"].as_str().map(str::to_owned), ruling.evidence.get("note").cloned())
        };
        assert_eq!(said(None), (day(6), Some(alone.to_owned()), None));
        assert_eq!(said(Some(day(5))), (day(5), Some(with_row.to_owned()), None));
    }
}

#[test]
fn a_leak_outweighs_every_word_about_age() {
    for provenance in [Provenance::Declared, Provenance::FirstSeen] {
        for at in [day(1), day(80), day(95), day(400)] {
            let mut subject = leaked(day(1));
            subject.uses[0].credential.provenance = provenance;
            assert_eq!(ruled(&subject, at), [RuleName::SecretCompromised], "{at}");
        }
    }
}

#[test]
fn a_leaked_secret_stays_one_until_it_is_proven_dead_however_its_use_ends() {
    let ended = |belief: Belief, by| {
        deleted(|subject| {
            subject.uses[0].share.compromised_at = Some(day(5));
            subject.uses[0].ended_by = Some(by);
            subject.uses[0].credential.belief = belief;
        })
    };
    for by in [EndedBy::Deleted, EndedBy::Absent, EndedBy::Replaced] {
        for belief in [live(), suspect(day(11)), Belief::default(), shredded(&live(), day(11), Shredding::Unproven)] {
            let said = ruled(&ended(belief, by), day(12));
            assert!(said.contains(&RuleName::SecretCompromised), "{by:?}: {said:?}");
        }
        for belief in [dead(day(11)), shredded(&dead(day(11)), day(12), Shredding::Proven)] {
            assert_eq!(ruled(&ended(belief, by), day(12)), []);
        }
    }
    let broken = active(|subject| {
        subject.uses[0].share.compromised_at = Some(day(5));
        subject.uses[0].credential.belief = dead(day(6));
    });
    assert_eq!(ruled(&broken, day(12)), [RuleName::ConnectionBroken]);
}

#[test]
fn a_leak_that_can_never_be_proven_dead_stays_open() {
    let subject = deleted(|subject| {
        let used = &mut subject.uses[0];
        used.share.compromised_at = Some(day(5));
        (used.credential.placeholder, used.credential.held, used.credential.belief) = (true, false, Belief::default());
    });
    assert_eq!(ruled(&subject, day(4000)), [RuleName::SecretCompromised, RuleName::RevocationUnproven]);
}

#[test]
fn where_an_open_use_has_the_leaked_key_too_the_ended_one_is_silent() {
    let subject = deleted(|subject| {
        subject.uses[0].share.compromised_at = Some(day(5));
        subject.uses[0].share.open = Count::One;
    });
    assert_eq!(ruled(&subject, day(12)), []);
}

#[test]
fn of_an_old_ending_the_operators_word_is_mailed_and_the_platforms_is_not() {
    let old = |change: fn(&mut UseFacts)| {
        deleted(|subject| {
            subject.uses[0].ended_at_first_sight = true;
            subject.uses[0].ended_seen_at = Some(day(101));
            change(&mut subject.uses[0]);
        })
    };
    let compromised = |subject: &Subject| {
        let rulings = judge(subject, &policy(), day(102));
        rulings.into_iter().find(|ruling| ruling.rule == RuleName::SecretCompromised).expect("a leak").mailed
    };
    assert!(!compromised(&old(|used| used.share.compromised_at = Some(day(5)))));
    assert!(compromised(&old(|used| used.credential.compromise = Some(operator_says(day(5))))));
    assert!(compromised(&old(|used| {
        used.credential.compromise = Some(Compromise { by: SaidBy::Platform, ..operator_says(day(5)) });
    })));
}

#[test]
fn a_kind_is_wrong_only_where_the_provider_said_so_and_another_is_wanted() {
    let judged = |kind: Option<&str>, wanted: Option<&str>, belief: Belief| {
        let subject = active(|subject| {
            subject.uses[0].credential.kind = kind.map(str::to_owned);
            subject.uses[0].credential.belief = belief;
        });
        let policy = RulePolicy { wanted_kind: wanted.map(str::to_owned), ..RulePolicy::default() };
        judge(&subject, &Policy::same(policy), day(1))
    };
    for (kind, wanted) in
        [(None, Some("api_secret")), (Some("api_key"), None), (None, None), (Some("api_secret"), Some("api_secret"))]
    {
        assert_eq!(judged(kind, wanted, live()), [], "{kind:?} {wanted:?}");
    }
    let wrong = judged(Some("api_key"), Some("api_secret"), live()).remove(0);
    assert_eq!((wrong.rule, wrong.severity), (RuleName::WrongKeyKind, Severity::Medium));
    assert_eq!((&wrong.evidence["kind"], &wrong.evidence["wanted_kind"]), (&"api_key".into(), &"api_secret".into()));
    let dead: Vec<_> = judged(Some("api_key"), Some("api_secret"), dead(day(1))).into_iter().map(|r| r.rule).collect();
    assert_eq!(dead, [RuleName::ConnectionBroken]);
}

#[test]
fn a_key_that_sends_mail_too_is_said_with_what_this_connection_uses_it_for() {
    let subject = active(|subject| {
        subject.uses[0].share.mixed = true;
        subject.connection.used_for = vec![UsedFor::Sync, UsedFor::Smtp, UsedFor::Sync];
    });
    let ruling = only(&subject, day(1));
    assert_eq!((ruling.rule, ruling.severity), (RuleName::MixedUse, Severity::Low));
    assert_eq!(ruling.evidence["used_for"], "smtp sync");
    let alone = active(|subject| subject.connection.used_for = vec![UsedFor::Sync, UsedFor::Smtp]);
    assert_eq!(ruled(&alone, day(1)), [], "the account's summary counts");
}

fn idle_policy() -> Policy {
    Policy::same(RulePolicy { idle_after: Some(days(30)), max_age: days(4000), ..RulePolicy::default() })
}

#[test]
fn a_connection_is_idle_when_so_many_whole_days_have_gone_by() {
    for (hour, last) in [(0, START.day_start()), (23, START.day_start() + crate::domain::time::hours(23))] {
        let subject = active(|subject| subject.connection.last_sync_at = Some(last));
        let at = START.day_end() + days(30);
        assert_eq!(judge(&subject, &idle_policy(), ms_before(at)), [], "{hour}");
        let ruling = judge(&subject, &idle_policy(), at).remove(0);
        assert_eq!((ruling.rule, ruling.severity, ruling.since), (RuleName::ConnectionIdle, Severity::Low, at));
        assert_eq!(next_change(&subject, &idle_policy(), START), Some(at));
    }
}

#[test]
fn a_connection_that_never_synchronised_counts_from_its_making_where_the_source_tells_of_syncs() {
    let never = |told| active(|subject| subject.connection.syncs_are_told = told);
    assert_eq!(judge(&never(false), &idle_policy(), day(3000)), [], "the source never says");
    let ruling = judge(&never(true), &idle_policy(), day(100)).remove(0);
    assert_eq!((ruling.rule, ruling.since), (RuleName::ConnectionIdle, START.day_end() + days(30)));
    assert_eq!(ruling.evidence["created_at"], START.to_string());
    assert_eq!(ruled(&never(true), day(75)), [], "off unless it is asked for");
}

fn unreachable(change: impl FnOnce(&mut Subject)) -> Subject {
    active(|subject| {
        subject.reach = Some(Reach { somebody: false, again_at: None });
        change(subject);
    })
}

#[test]
fn nobody_to_tell_is_said_to_the_operator_alone_and_only_where_there_is_something_to_tell() {
    assert_eq!(ruled(&unreachable(|_| ()), day(75)), []);
    let said = judge(&unreachable(|_| ()), &policy(), day(95));
    assert_eq!(said.iter().map(|r| r.rule).collect::<Vec<_>>(), [RuleName::SecretStale, RuleName::OwnerUnreachable]);
    let ruling = &said[1];
    assert_eq!((ruling.severity, ruling.mailed, ruling.opens), (Severity::Medium, false, true));
    assert_eq!((ruling.credential, ruling.since), (said[0].credential, said[0].since));
    assert_eq!(json(ruling), serde_json::json!({"untold": ["secret-stale"], "cause": "owner_inactive_or_unverified"}));
    let reachable = active(|_| ());
    assert_eq!(ruled(&reachable, day(95)), [RuleName::SecretStale]);
    let unread = unreachable(|subject| subject.reach = None);
    assert_eq!(ruled(&unread, day(95)), [RuleName::SecretStale], "people who were never read are unknown");
}

#[test]
fn why_nobody_can_be_told_is_part_of_the_evidence() {
    let cause = |change: fn(&mut Subject)| {
        let said = judge(&unreachable(change), &policy(), day(95));
        said.last().expect("a ruling").evidence["cause"].as_str().expect("a word").to_owned()
    };
    assert_eq!(cause(|_| ()), "owner_inactive_or_unverified");
    assert_eq!(cause(|subject| subject.account.has_owner = Some(false)), "no_owner");
    assert_eq!(
        cause(|subject| subject.reach = Some(Reach { somebody: false, again_at: Some(day(200)) })),
        "address_refused"
    );
}

#[test]
fn an_address_that_was_refused_is_reached_again_when_it_is_tried_again() {
    let subject = unreachable(|subject| {
        subject.reach = Some(Reach { somebody: false, again_at: Some(day(100)) });
    });
    assert_eq!(ruled(&subject, ms_before(day(100))), [RuleName::SecretStale, RuleName::OwnerUnreachable]);
    assert_eq!(ruled(&subject, day(100)), [RuleName::SecretStale]);
    assert_eq!(next_change(&subject, &policy(), day(95)), Some(day(100)));
}

#[test]
fn what_is_only_counted_needs_nobody_who_is_told() {
    let old = deleted(|subject| {
        subject.reach = Some(Reach { somebody: false, again_at: None });
        subject.uses[0].ended_at_first_sight = true;
        subject.uses[0].ended_seen_at = Some(day(101));
    });
    assert_eq!(ruled(&old, day(102)), [RuleName::RevocationMissing]);
}

#[test]
fn a_refusal_in_doubt_opens_no_word_about_its_reader_either() {
    let doubtful = deleted(|subject| {
        subject.reach = Some(Reach { somebody: false, again_at: None });
        subject.uses[0].credential.belief = suspect(day(12));
    });
    let said = judge(&doubtful, &policy(), day(12));
    assert_eq!(
        said.iter().map(|r| (r.rule, r.opens)).collect::<Vec<_>>(),
        [(RuleName::RevocationMissing, false), (RuleName::OwnerUnreachable, false)]
    );
}
