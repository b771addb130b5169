//! The rules on former credentials.

use super::*;
use crate::domain::outcome::Reason;

fn with_belief(belief: Belief) -> Subject {
    deleted(|subject| subject.uses[0].credential.belief = belief)
}

fn reason(ruling: &Ruling) -> &str {
    ruling.evidence["reason"].as_str().expect("a reason")
}

#[test]
fn a_deleted_connection_with_a_live_key_is_critical_since_its_end() {
    let ruling = only(&deleted(|_| ()), day(11));
    assert_eq!((ruling.rule, ruling.severity), (RuleName::RevocationMissing, Severity::Critical));
    assert_eq!((ruling.since, ruling.mailed), (day(10), true));
}

#[test]
fn the_evidence_names_what_was_seen_and_when() {
    let subject = deleted(|subject| {
        subject.connection.running_jobs = 2;
        subject.uses[0].credential.belief.unknown_since = Some(day(11));
        subject.uses[0].credential.belief.unknown_reason = Some(Reason::Timeout);
    });
    let evidence = serde_json::Value::Object(only(&subject, day(12)).evidence);
    assert_eq!(
        evidence,
        serde_json::json!({
            "fingerprint": "000000000001",
            "secret_since": START.to_string(),
            "provenance": "declared",
            "connection_deleted_at": day(10).to_string(),
            "ended_at": day(10).to_string(),
            "ended_by": "deleted",
            "liveness": "live",
            "accepted_at": day(10).to_string(),
            "unknown_since": day(11).to_string(),
            "unknown_reason": "timeout",
            "running_jobs": 2,
        })
    );
}

#[test]
fn a_replaced_secret_that_lives_is_found_on_the_same_connection() {
    let subject = subject(
        ConnectionStatus::Active,
        vec![
            ended_use(credential(1), EndedBy::Replaced),
            open_use(CredentialFacts { secret_since: day(10), ..credential(2) }),
        ],
    );
    let ruling = only(&subject, day(11));
    assert_eq!((ruling.rule, ruling.credential), (RuleName::RevocationMissing, CredentialId(1)));
    assert!(!ruling.evidence.contains_key("connection_deleted_at"));
}

#[test]
fn a_credential_that_the_account_still_uses_leaves_nothing_behind() {
    for open in [Count::One, Count::Many] {
        let shared = deleted(|subject| subject.uses[0].share.open = open);
        assert_eq!(ruled(&shared, day(50)), []);
    }
    let back =
        subject(ConnectionStatus::Active, vec![ended_use(credential(1), EndedBy::Absent), open_use(credential(1))]);
    assert_eq!(ruled(&back, day(50)), []);
}

#[test]
fn a_placeholder_that_was_identified_leaves_nothing_behind() {
    let placeholder = CredentialFacts { placeholder: true, held: false, belief: Belief::default(), ..credential(1) };
    let subject =
        subject(ConnectionStatus::Active, vec![ended_use(placeholder, EndedBy::Identified), open_use(credential(2))]);
    assert_eq!(ruled(&subject, day(50)), []);
}

#[test]
fn of_several_ended_uses_of_one_credential_the_latest_is_judged() {
    let later = UseFacts { until: Some(day(20)), ..ended_use(credential(1), EndedBy::Deleted) };
    let subject = deleted(|subject| subject.uses.push(later));
    assert_eq!(only(&subject, day(30)).since, day(20));
}

#[test]
fn a_key_that_is_proven_dead_has_nothing_left_to_say() {
    for belief in [
        dead(day(12)),
        shredded(&dead(day(12)), day(13), Shredding::Proven),
        shredded(&dead(day(12)), day(13), Shredding::ProvenUnsettled),
    ] {
        assert_eq!(ruled(&with_belief(belief), day(400)), []);
    }
}

#[test]
fn a_refusal_that_is_not_confirmed_keeps_the_finding_and_opens_none() {
    for first_refused in [day(9), day(10), day(12)] {
        let ruling = only(&with_belief(suspect(first_refused)), day(12));
        assert_eq!((ruling.rule, ruling.opens), (RuleName::RevocationMissing, false));
    }
    assert!(only(&with_belief(live()), day(12)).opens);
    let never_live = with_belief(Belief { before: Some(Liveness::Unverified), ..suspect(day(12)) });
    assert_eq!(ruled(&never_live, day(12)), []);
}

#[test]
fn a_refusal_that_stays_unconfirmed_becomes_unproven_at_the_very_instant() {
    let subject = with_belief(suspect(day(12)));
    assert_eq!(ruled(&subject, ms_before(day(19))), [RuleName::RevocationMissing]);
    let ruling = only(&subject, day(19));
    assert_eq!((ruling.rule, ruling.severity), (RuleName::RevocationUnproven, Severity::Medium));
    assert_eq!((reason(&ruling), ruling.since), ("unconfirmed", day(19)));
}

#[test]
fn one_refusal_after_long_silence_closes_nothing_and_makes_nobody_wait_anew() {
    let silent = Belief { unknown_since: Some(day(10)), ..Belief::default() };
    let opened = only(&with_belief(silent), day(18));
    assert_eq!((opened.rule, reason(&opened)), (RuleName::RevocationUnproven, "unknown_too_long"));
    let refused = |at| with_belief(Belief { before: Some(Liveness::Unverified), ..suspect(at) });
    let still = only(&refused(day(18)), day(18));
    assert_eq!((still.rule, reason(&still), still.since), (RuleName::RevocationUnproven, "unconfirmed", opened.since));
    assert_eq!(ruled(&refused(day(12)), ms_before(day(19))), []);
}

#[test]
fn alive_when_last_checked_stays_as_severe_after_shredding() {
    let live_to_the_end = shredded(&live(), day(100), Shredding::Unproven);
    assert_eq!(ruled(&with_belief(live_to_the_end), day(101)), [RuleName::RevocationMissing]);
    let accepted_after_a_refusal = Belief { accepted_at: Some(day(13)), ..suspect(day(12)) };
    let belief = shredded(&accepted_after_a_refusal, day(100), Shredding::Unproven);
    assert_eq!(ruled(&with_belief(belief), day(101)), [RuleName::RevocationMissing]);
}

#[test]
fn shredded_without_proof_or_life_is_unproven_at_once() {
    let accepted_and_refused_at_once = Belief { accepted_at: Some(day(95)), ..suspect(day(95)) };
    for belief in [Belief::default(), suspect(day(95)), accepted_and_refused_at_once] {
        let ruling = only(&with_belief(shredded(&belief, day(100), Shredding::Unproven)), day(100));
        assert_eq!((ruling.rule, reason(&ruling)), (RuleName::RevocationUnproven, "no_copy"));
        assert_eq!(ruling.since, day(100));
    }
}

#[test]
fn what_could_not_be_proven_while_there_was_a_copy_is_no_younger_without_it() {
    let unheard = Belief { unknown_since: Some(day(12)), ..Belief::default() };
    for belief in [unheard, suspect(day(12))] {
        let before = only(&with_belief(belief.clone()), day(30)).since;
        let after = only(&with_belief(shredded(&belief, day(100), Shredding::Unproven)), day(100)).since;
        assert_eq!((before, after), (day(19), day(19)));
    }
}

#[test]
fn what_can_never_be_asked_is_said_at_once() {
    let placeholder = deleted(|subject| {
        let used = &mut subject.uses[0].credential;
        (used.placeholder, used.held, used.belief) = (true, false, Belief::default());
    });
    let never_held = deleted(|subject| {
        let used = &mut subject.uses[0].credential;
        (used.held, used.belief) = (false, Belief::default());
    });
    let grant = deleted(|subject| {
        subject.connection.auth = Auth::Oauth;
        let used = &mut subject.uses[0].credential;
        (used.placeholder, used.held, used.belief) = (true, false, Belief::default());
    });
    for (subject, expected) in [(placeholder, "no_copy"), (never_held, "no_copy"), (grant, "oauth")] {
        let ruling = only(&subject, day(10));
        assert_eq!((ruling.rule, reason(&ruling)), (RuleName::RevocationUnproven, expected));
        assert_eq!(ruling.since, day(10));
    }
}

#[test]
fn a_former_key_is_judged_as_a_key_whatever_the_connection_is_made_with_by_now() {
    let key = deleted(|subject| subject.connection.auth = Auth::Oauth);
    assert_eq!(only(&key, day(10)).rule, RuleName::RevocationMissing);
}

#[test]
fn alive_when_last_checked_stays_as_severe_where_the_value_is_shown_again_and_not_answered_yet() {
    let accepted = Belief { accepted_at: Some(day(9)), ..Belief::default() };
    for belief in [accepted.clone(), Belief { unknown_since: Some(day(10)), ..accepted }] {
        assert_eq!(only(&with_belief(belief), day(11)).rule, RuleName::RevocationMissing);
    }
}

#[test]
fn what_the_next_probe_may_settle_is_said_after_a_week() {
    let doubted = || Belief { before: Some(Liveness::Unverified), accepted_at: None, ..suspect(day(12)) };
    let silent = Belief { unknown_since: Some(day(12)), unknown_reason: Some(Reason::Dns), ..Belief::default() };
    for (belief, expected) in [
        (Belief { no_control: true, ..doubted() }, "no_control"),
        (Belief { partly: Some(Reason::Connect), ..doubted() }, "protocol_unasked"),
        (doubted(), "unconfirmed"),
        (silent, "unknown_too_long"),
    ] {
        let subject = with_belief(belief);
        assert_eq!(ruled(&subject, ms_before(day(19))), [], "{expected}");
        let ruling = only(&subject, day(19));
        assert_eq!((ruling.rule, reason(&ruling)), (RuleName::RevocationUnproven, expected));
        assert_eq!(next_change(&subject, &policy(), day(12)), Some(day(19)), "{expected}");
    }
}

#[test]
fn a_copy_that_was_never_asked_counts_from_the_sight_of_the_end() {
    let subject = with_belief(Belief::default());
    assert_eq!(ruled(&subject, ms_before(day(17))), []);
    assert_eq!(reason(&only(&subject, day(17))), "unknown_too_long");
}

#[test]
fn a_provider_that_says_nothing_keeps_a_live_key_live() {
    let subject = with_belief(Belief { unknown_since: Some(day(11)), ..live() });
    assert_eq!(ruled(&subject, day(80)), [RuleName::RevocationMissing]);
}

#[test]
fn an_end_from_long_before_the_first_sight_is_counted_and_not_mailed() {
    let seen = |seen_at| {
        deleted(|subject| {
            subject.uses[0].ended_at_first_sight = true;
            subject.uses[0].ended_seen_at = Some(seen_at);
        })
    };
    let at_the_limit = only(&seen(day(100)), day(100));
    assert!(at_the_limit.mailed && !at_the_limit.evidence.contains_key("history"));
    let past_it = only(&seen(day(101)), day(101));
    assert!(!past_it.mailed && past_it.evidence["history"] == true);
}

#[test]
fn an_old_end_that_was_watched_is_mailed() {
    let subject = deleted(|subject| subject.uses[0].ended_seen_at = Some(day(101)));
    assert!(only(&subject, day(101)).mailed);
}

#[test]
fn history_without_proof_raises_nothing() {
    let old = deleted(|subject| {
        subject.uses[0].ended_at_first_sight = true;
        subject.uses[0].ended_seen_at = Some(day(101));
        subject.uses[0].credential.belief = Belief::default();
    });
    let first_run_without_copy = deleted(|subject| {
        let used = &mut subject.uses[0];
        (used.ended_at_first_sight, used.first_run) = (true, true);
        (used.credential.held, used.credential.belief) = (false, Belief::default());
    });
    for subject in [&old, &first_run_without_copy] {
        assert!(is_history(&subject.uses[0], &RulePolicy::default()));
        assert_eq!(ruled(subject, day(500)), []);
        assert_eq!(next_change(subject, &policy(), day(10)), None);
    }
    let second_run = deleted(|subject| {
        subject.uses[0].ended_at_first_sight = true;
        (subject.uses[0].credential.held, subject.uses[0].credential.belief) = (false, Belief::default());
    });
    assert_eq!(ruled(&second_run, day(11)), [RuleName::RevocationUnproven]);
}
