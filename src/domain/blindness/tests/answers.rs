use super::*;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::outcome::{Answer, Outcome, Part, Place, Reason, Verdict, combine};

const TIMEOUT: Verdict = Verdict::Unknown(Reason::Timeout);

fn part(protocol: &str, endpoint: &str, verdict: Verdict) -> Part {
    Part { protocol: protocol.to_owned(), endpoint: endpoint.to_owned(), verdict, status: Some(401) }
}

fn answer(parts: Vec<Part>) -> Answer {
    let (took, outcome) = (Duration::ZERO, combine(&parts));
    Answer { outcome, parts, at: NOON, took, retry_after: None, date: None, kind: None, is_mistaken: false }
}

fn live() -> Belief {
    Belief { liveness: Liveness::Live, accepted_at: Some(NOON - hours(30)), ..Belief::default() }
}

fn suspect(before: Liveness, first: Timestamp) -> Belief {
    Belief { liveness: Liveness::Suspect, before: Some(before), refused_first: Some(first), ..live() }
}

/// What each part says, and whether of a formerly live credential.
fn told(belief: &Belief, parts: Vec<Part>) -> Vec<Option<(Said, bool)>> {
    let answer = answer(parts);
    answer.parts.iter().map(|part| said(belief, &answer, part)).collect()
}

#[test]
fn formerly_live_is_what_was_live_until_this_trouble() {
    let hour = |hours_ago| NOON - hours(hours_ago);
    for (belief, expected) in [
        (live(), true),
        (Belief::default(), false),
        (suspect(Liveness::Live, hour(1)), true),
        (suspect(Liveness::Live, hour(24)), false),
        (suspect(Liveness::Unverified, hour(1)), false),
        (Belief { liveness: Liveness::Dead, ..live() }, false),
        (Belief { liveness: Liveness::Shredded, ..live() }, false),
    ] {
        assert_eq!(formerly_live(&belief, NOON), expected, "{belief:?}");
    }
}

#[test]
fn where_nobody_was_asked_nothing_is_said() {
    for reason in [Reason::NoCopy, Reason::NoProber, Reason::NoAddress, Reason::BadAddress] {
        assert_eq!(told(&live(), vec![part("rest", "default", Verdict::Unknown(reason))]), [None], "{reason}");
    }
    assert_eq!(told(&live(), vec![part("rest", "default", Verdict::NotAsked)]), [None], "left out by the operator");
    for verdict in [TIMEOUT, Verdict::Unknown(Reason::RateLimited), Verdict::Unknown(Reason::Blocked)] {
        assert_eq!(told(&live(), vec![part("rest", "default", verdict)]), [Some((Said::Unknown, true))]);
    }
}

#[test]
fn a_protocol_that_is_asked_only_after_a_refusal_is_not_blind_for_refusing_too() {
    let refused = vec![part("rest", "default", Verdict::Refused), part("smtp", "relay", Verdict::Refused)];
    assert_eq!(told(&live(), refused), [Some((Said::Refused, true)), Some((Said::Refused, false))]);
    let alone = vec![part("rest", "default", Verdict::NotAsked), part("smtp", "relay", Verdict::Refused)];
    assert_eq!(told(&live(), alone), [None, Some((Said::Refused, true))], "where it is the only one, it counts");
}

#[test]
fn an_endpoint_that_refuses_what_lives_at_another_says_nothing_new() {
    let regions = vec![part("rest", "us", Verdict::Refused), part("rest", "eu", Verdict::Accepted)];
    assert_eq!(told(&live(), regions), [Some((Said::Refused, false)), Some((Said::Accepted, true))]);
    let nowhere = vec![part("rest", "us", Verdict::Refused), part("rest", "eu", Verdict::Refused)];
    assert_eq!(told(&live(), nowhere), [Some((Said::Refused, true)), Some((Said::Refused, true))]);
}

fn at_home(protocol: &str, endpoint: &str) -> Belief {
    let (protocol, endpoint) = (protocol.to_owned(), endpoint.to_owned());
    Belief { home: Some(Place { protocol, endpoint }), ..live() }
}

#[test]
fn a_credential_was_live_where_it_was_let_in_and_nowhere_else() {
    let refused = |first: [&str; 2], second: [&str; 2]| {
        [first, second].map(|[protocol, endpoint]| part(protocol, endpoint, Verdict::Refused)).to_vec()
    };
    for (home, parts, expected) in [
        (["classic", "default"], refused(["rest", "default"], ["classic", "default"]), [false, true]),
        (["rest", "default"], refused(["rest", "default"], ["classic", "default"]), [true, false]),
        (["rest", "us"], refused(["rest", "default"], ["rest", "us"]), [false, true]),
        (["rest", "default"], refused(["rest", "default"], ["smtp", "relay"]), [true, false]),
    ] {
        let told = told(&at_home(home[0], home[1]), parts);
        assert_eq!(told, expected.map(|live| Some((Said::Refused, live))), "{home:?}");
    }
}

#[test]
fn where_a_credentials_own_place_is_blind_nothing_that_others_say_makes_it_suspect() {
    let parts = [part("rest", "default", Verdict::Refused), part("classic", "default", Verdict::Refused)];
    let held = |belief: &Belief, blind: &str| {
        let sifted = sift(belief, &parts, |part| part.protocol == blind).expect("one of them is blind");
        combine(&sifted)
    };
    let nothing = Outcome::Unknown(Reason::Blind);
    assert_eq!(held(&at_home("classic", "default"), "classic"), nothing);
    assert_eq!(held(&at_home("rest", "default"), "rest"), nothing);
    assert_eq!(held(&at_home("rest", "default"), "classic"), Outcome::PartlyRefused(Reason::Blind));
}

#[test]
fn limited_is_a_turn_only_for_what_was_not_limited_before() {
    let limited = || vec![part("rest", "default", Verdict::Limited)];
    assert_eq!(told(&live(), limited()), [Some((Said::Turned, true))]);
    assert_eq!(told(&Belief { limited: true, ..live() }, limited()), [Some((Said::Accepted, true))]);
    assert_eq!(told(&Belief::default(), limited()), [Some((Said::Accepted, false))]);
}

#[test]
fn at_a_blind_endpoint_refusals_say_nothing_and_acceptances_count() {
    let blind_at = |names: &'static [&'static str]| move |part: &Part| names.contains(&part.endpoint.as_str());
    let held = |belief: &Belief, parts: &[Part], names| {
        sift(belief, parts, blind_at(names)).map(|parts| parts.iter().map(|part| part.verdict).collect::<Vec<_>>())
    };
    let said = Verdict::Unknown(Reason::Blind);
    let refused = [part("rest", "us", Verdict::Refused), part("rest", "eu", Verdict::Refused)];
    assert_eq!(held(&live(), &refused, &[]), None);
    assert_eq!(held(&live(), &refused, &["us"]), Some(vec![said, Verdict::Refused]));
    assert_eq!(held(&live(), &refused, &["us", "eu"]), Some(vec![said, said]));
    let accepted = [part("rest", "us", Verdict::Accepted)];
    assert_eq!(held(&live(), &accepted, &["us"]), None);
    assert_eq!(held(&live(), &[part("rest", "us", TIMEOUT)], &["us"]), None);
    let limited = [part("rest", "us", Verdict::Limited)];
    assert_eq!(held(&live(), &limited, &["us"]), Some(vec![said]));
    let lives_there = [part("rest", "eu", Verdict::Refused), part("rest", "us", Verdict::Limited)];
    assert_eq!(held(&live(), &lives_there, &["us"]), Some(vec![said, said]), "that makes nobody suspect");
    assert_eq!(held(&Belief { limited: true, ..live() }, &limited, &["us"]), None);
    assert_eq!(held(&Belief::default(), &limited, &["us"]), None);
}
