use std::time::Duration;

use super::sight::{BELIEVED_AFTER, CONTROL_TRUST, SILENCE, TRUST};
use super::*;
use crate::domain::ids::{AccountId, CredentialId, SourceId};
use crate::domain::time::{Timestamp, hours, minutes};

mod answers;
mod ends;
mod properties;

const NOON: Timestamp = Timestamp::from_secs(1_790_000_000);
const GAP: Duration = hours(1);

/// What a formerly live credential of an account heard.
fn heard(credential: i64, account: i64, at: Timestamp, said: Said) -> Answered {
    Answered {
        at,
        credential: CredentialId(credential),
        source: SourceId(1),
        accounts: Accounts(Some(AccountId(account)), Some(AccountId(account))),
        said,
        formerly_live: true,
    }
}

/// An endpoint that hears this from credentials of so many accounts in turn, one a second, and is judged then.
fn after(accounts: i64, answers: &[(usize, Said)]) -> (Sight, Option<Change>) {
    let mut sight = Sight::default();
    let change = hears(&mut sight, NOON, accounts, answers);
    (sight, change)
}

/// The same for an endpoint with a past: the credentials are the same ones each time.
fn hears(sight: &mut Sight, from: Timestamp, accounts: i64, answers: &[(usize, Said)]) -> Option<Change> {
    let said = answers.iter().flat_map(|(count, said)| std::iter::repeat_n(*said, *count));
    let mut at = from;
    for (credential, said) in (1_i64..).zip(said) {
        at = from + Duration::from_secs(credential.unsigned_abs());
        sight.hear(heard(credential, credential % accounts, at, said));
    }
    sight.judge(at, GAP)
}

/// An endpoint that has been blind since [`NOON`], and a few seconds, because everybody is refused.
fn blind() -> Sight {
    let (sight, change) = after(3, &[(6, Said::Refused)]);
    assert!(matches!(change, Some(Change::Blinded(Blind { why: Why::Refused, .. }, _))), "{change:?}");
    sight
}

fn why(change: Option<Change>) -> Option<Why> {
    match change? {
        Change::Blinded(blind, _) => Some(blind.why),
        Change::Sighted(..) => None,
    }
}

fn ending(change: Option<Change>) -> Option<Ending> {
    match change? {
        Change::Sighted(_, ending) => Some(ending),
        Change::Blinded(..) => None,
    }
}

#[test]
fn whoever_was_refused_since_anybody_was_let_in_was_refused_in_the_same_trouble_though_a_day_went_by() {
    let (mut sight, change) = after(5, &[(6, Said::Accepted)]);
    assert_eq!(change, None);
    // One is asked at noon and midnight, the others once a day: of each the newest answer is all that is kept.
    let first = NOON + hours(12);
    sight.hear(heard(1, 1, first, Said::Refused));
    assert_eq!(sight.judge(first, GAP), None);
    assert_eq!(why(hears(&mut sight, NOON + hours(24), 5, &[(6, Said::Refused)])), Some(Why::Refused));
    let from = sight.blind().map(|blind| blind.from);
    assert!(from.is_some_and(|from| from <= first), "{from:?}");
}

#[test]
fn an_endpoint_is_blind_where_most_are_unknown_or_half_of_the_live_ones_are_refused_and_they_are_enough() {
    use Said::{Accepted, Refused, Turned, Unknown};
    for (accounts, answers, expected) in [
        (3, vec![], None),
        (3, vec![(5, Accepted)], None),
        (3, vec![(2, Accepted), (3, Unknown)], Some(Why::Unknown)),
        (3, vec![(3, Accepted), (3, Unknown)], None), // exactly half is not most
        (3, vec![(4, Unknown)], None),                // four credentials
        (2, vec![(9, Unknown)], None),                // two accounts
        (3, vec![(3, Accepted), (3, Refused)], Some(Why::Refused)), // exactly half is enough
        (3, vec![(4, Accepted), (3, Refused)], None),
        (3, vec![(3, Accepted), (3, Turned)], Some(Why::Refused)),
        (3, vec![(3, Accepted), (2, Refused), (1, Turned)], Some(Why::Refused)),
        (3, vec![(4, Refused)], None),
        (2, vec![(9, Refused)], None),
        (3, vec![(2, Accepted), (1, Unknown), (3, Refused)], Some(Why::Refused)),
        (3, vec![(1, Refused), (4, Unknown)], Some(Why::Unknown)),
    ] {
        assert_eq!(why(after(accounts, &answers).1), expected, "{accounts} accounts, {answers:?}");
    }
}

#[test]
fn one_account_that_cleans_up_blinds_nobody_however_much_it_had() {
    let mut sight = Sight::default();
    for credential in 1..=40 {
        sight.hear(heard(credential, 1, NOON, Said::Refused));
    }
    for credential in 41..=44 {
        sight.hear(heard(credential, credential, NOON, Said::Accepted));
    }
    assert_eq!(sight.judge(NOON, GAP), None);
    sight.hear(heard(45, 2, NOON, Said::Refused));
    assert_eq!(why(sight.judge(NOON, GAP)), Some(Why::Refused), "with a second one it might be everybody");
}

#[test]
fn credentials_that_were_not_live_prove_nothing_by_their_refusals_and_do_not_make_up_the_number() {
    let mut sight = Sight::default();
    for credential in 1..=20 {
        sight.hear(Answered { formerly_live: false, ..heard(credential, credential, NOON, Said::Refused) });
    }
    for credential in 21..=24 {
        sight.hear(heard(credential, credential, NOON, Said::Refused));
    }
    assert_eq!(sight.judge(NOON, GAP), None, "four live ones");
    sight.hear(heard(25, 25, NOON, Said::Refused));
    assert_eq!(why(sight.judge(NOON, GAP)), Some(Why::Refused));
}

#[test]
fn one_credential_that_is_asked_twenty_times_is_one() {
    let mut sight = Sight::default();
    for minute in 0..20 {
        for credential in 1..=4 {
            sight.hear(heard(credential, credential, NOON + minutes(minute), Said::Unknown));
        }
    }
    assert_eq!(sight.judge(NOON + minutes(20), GAP), None);
}

#[test]
fn a_confirmation_is_not_diluted_by_what_was_accepted_before_the_trouble() {
    let mut sight = Sight::default();
    assert_eq!(hears(&mut sight, NOON, 8, &[(40, Said::Accepted)]), None);
    assert_eq!(hears(&mut sight, NOON + minutes(70), 8, &[(2, Said::Refused)]), None, "two of five");
    assert_eq!(why(hears(&mut sight, NOON + minutes(80), 8, &[(5, Said::Refused)])), Some(Why::Refused));
}

#[test]
fn answers_of_a_whole_confirmation_gap_are_taken_together() {
    let three_then_two = |gap| {
        let mut sight = Sight::default();
        hears(&mut sight, NOON, 8, &[(40, Said::Accepted)]);
        for (credential, hour) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)] {
            sight.hear(heard(credential, credential, NOON + hours(hour), Said::Refused));
        }
        why(sight.judge(NOON + hours(5), gap))
    };
    assert_eq!(three_then_two(hours(1)), Some(Why::Refused), "they are enough by themselves, going back");
    // With a longer gap the forty from five hours before are judged as well.
    assert_eq!(three_then_two(hours(6)), None);
}

#[test]
fn few_answers_are_made_up_by_older_ones_of_a_day_and_not_by_still_older_ones() {
    let asked = |age| {
        let mut sight = Sight::default();
        for credential in 1..=4 {
            sight.hear(heard(credential, credential, NOON - age, Said::Unknown));
        }
        sight.hear(heard(5, 5, NOON, Said::Unknown));
        why(sight.judge(NOON, GAP))
    };
    assert_eq!(asked(hours(24) - Duration::from_millis(1)), Some(Why::Unknown));
    assert_eq!(asked(hours(24)), None);
}

#[test]
fn in_a_large_estate_trouble_is_seen_as_soon_as_it_has_filled_half_of_what_is_remembered() {
    let mut sight = Sight::default();
    for credential in 0..1000 {
        sight.hear(heard(
            credential,
            credential,
            NOON + Duration::from_millis(credential.unsigned_abs()),
            Said::Accepted,
        ));
    }
    let half = i64::try_from(MOST / 2).expect("a small number");
    let at = NOON + Duration::from_secs(2);
    for credential in 1000..1000 + half - 1 {
        sight.hear(heard(credential, credential, at, Said::Refused));
    }
    assert_eq!(sight.judge(at, GAP), None);
    sight.hear(heard(2000, 2000, at, Said::Refused));
    assert_eq!(why(sight.judge(at, GAP)), Some(Why::Refused));
}

#[test]
fn what_was_made_suspect_since_anybody_was_let_in_or_for_as_long_as_is_remembered_goes_back() {
    let sight = blind();
    let judged_at = NOON + Duration::from_secs(6);
    assert_eq!(sight.state.taking_back, Some(judged_at - hours(24)));
    let mut sparse = Sight::default();
    for (credential, hour) in [(1, 0), (2, 3), (3, 6), (4, 9), (5, 12)] {
        sparse.hear(heard(credential, credential, NOON + hours(hour), Said::Refused));
    }
    assert_eq!(why(sparse.judge(NOON + hours(12), GAP)), Some(Why::Refused));
    assert_eq!(sparse.state.taking_back, Some(NOON - hours(12)));
    assert_eq!(sparse.blind().map(|blind| (blind.since, blind.from)), Some((NOON + hours(12), NOON - hours(12))));
    let (mut mixed, _) = after(3, &[(6, Said::Accepted)]);
    let later = NOON + hours(3);
    hears(&mut mixed, later, 3, &[(5, Said::Refused)]);
    let let_in = NOON + Duration::from_secs(6);
    assert_eq!(mixed.state.taking_back, Some(let_in), "the sixth was let in last, and was not asked since");
}

#[test]
fn who_was_refused_since_the_last_acceptance_goes_back_however_long_ago_that_is() {
    let mut sight = Sight::default();
    sight.hear(heard(9, 9, NOON, Said::Accepted));
    for credential in 1..=5 {
        let at = NOON + hours(1) * u32::try_from(credential).expect("a few") / 4;
        sight.hear(heard(credential, credential, at, Said::Refused));
    }
    // Their confirmations push the first refusals out of the hour that is judged.
    let later = NOON + hours(3);
    for credential in 1..=5 {
        sight.hear(heard(credential, credential, later, Said::Refused));
    }
    assert_eq!(why(sight.judge(later, GAP)), Some(Why::Refused));
    assert_eq!(sight.state.taking_back, Some(NOON));
}
