use super::*;
use crate::domain::time::days;

/// From this instant on [`blind`] is blind.
const BLIND: Timestamp = Timestamp::from_secs(1_790_000_006);

#[test]
fn it_ends_when_enough_formerly_live_credentials_are_mostly_accepted_again() {
    use Said::{Accepted, Refused, Unknown};
    for (accounts, answers, ends) in [
        (3, vec![(5, Accepted)], true),
        (3, vec![(4, Accepted)], false), // four credentials
        (2, vec![(6, Accepted)], false), // two accounts
        (3, vec![(4, Accepted), (2, Refused)], true),
        (3, vec![(3, Accepted), (3, Refused)], false), // exactly half are still refused
        (3, vec![(3, Accepted), (2, Unknown)], true),
        (3, vec![(2, Accepted), (3, Unknown)], false),
        (3, vec![(6, Refused)], false),
        (3, vec![(6, Unknown)], false),
    ] {
        let mut sight = blind();
        let ended = ending(hears(&mut sight, BLIND + hours(1), accounts, &answers));
        assert_eq!(ended, ends.then_some(Ending::Accepted), "{accounts} accounts, {answers:?}");
        assert_eq!(sight.blind().is_none(), ends);
    }
}

#[test]
fn what_was_accepted_before_it_became_blind_does_not_end_it() {
    let (mut sight, _) = after(3, &[(20, Said::Accepted), (20, Said::Refused)]);
    assert!(sight.blind().is_some());
    assert_eq!(sight.judge(BLIND + hours(1), GAP), None);
}

#[test]
fn blindness_by_unknown_answers_ends_once_most_answer_and_they_do_not_refuse_in_bulk() {
    use Said::{Accepted, Refused, Unknown};
    for (answers, ends) in [
        (vec![(3, Accepted), (3, Unknown)], true),
        (vec![(2, Accepted), (3, Unknown)], false),
        (vec![(3, Accepted), (3, Refused)], false),
        (vec![(4, Accepted), (2, Refused)], true),
    ] {
        let (mut sight, _) = after(3, &[(6, Unknown)]);
        let ended = ending(hears(&mut sight, BLIND + hours(1), 3, &answers));
        assert_eq!(ended, ends.then_some(Ending::Accepted), "{answers:?}");
    }
}

#[test]
fn where_fewer_are_left_than_it_takes_to_judge_those_who_answer_within_a_day_end_it() {
    let mut sight = blind();
    assert_eq!(hears(&mut sight, BLIND + hours(23), 3, &[(2, Said::Accepted)]), None);
    assert_eq!(ending(hears(&mut sight, BLIND + hours(25), 3, &[(2, Said::Accepted)])), Some(Ending::Accepted));
}

#[test]
fn answers_from_before_its_end_are_not_held_against_it_again() {
    let mut sight = blind();
    hears(&mut sight, BLIND + hours(1), 3, &[(5, Said::Accepted)]).expect("an end");
    let at = BLIND + hours(1) + minutes(1);
    for credential in 1..=4 {
        sight.hear(heard(credential, credential, at, Said::Refused));
    }
    assert_eq!(sight.judge(at, GAP), None, "four since");
    sight.hear(heard(5, 5, at, Said::Refused));
    assert_eq!(why(sight.judge(at, GAP)), Some(Why::Refused));
}

#[test]
fn the_operators_own_credential_ends_it_where_it_was_accepted_after_it_began() {
    let mut sight = blind();
    assert_eq!(sight.vouch(BLIND), None);
    assert_eq!(sight.vouch(BLIND - hours(1)), None);
    assert_eq!(ending(sight.vouch(BLIND + minutes(1))), Some(Ending::Control));
    assert_eq!(sight.vouch(BLIND + minutes(2)), None, "there is nothing left to end");
    // It has shown that refusals are what they seem to be, for a day.
    assert_eq!(hears(&mut sight, BLIND + minutes(2), 3, &[(6, Said::Refused)]), None);
    let day_after = BLIND + minutes(1) + CONTROL_TRUST;
    assert_eq!(why(hears(&mut sight, day_after, 3, &[(6, Said::Refused)])), Some(Why::Refused));
}

/// Everybody is refused again and again, until so long after the first of these refusals.
fn refused_for(sight: &mut Sight, span: Duration) -> Option<Change> {
    let mut changes = Vec::new();
    let mut age = Duration::ZERO;
    while age < span {
        changes.extend(hears(sight, BLIND + age, 3, &[(6, Said::Refused)]));
        age += hours(6);
    }
    sight.hear(heard(1, 1, BLIND + Duration::from_secs(1) + span, Said::Refused));
    changes.extend(sight.judge(BLIND + Duration::from_secs(1) + span, GAP));
    assert!(changes.len() <= 1, "{changes:?}");
    changes.pop()
}

#[test]
fn refusals_in_good_form_are_believed_after_two_days_to_the_millisecond() {
    assert_eq!(refused_for(&mut blind(), BELIEVED_AFTER - Duration::from_millis(1)), None);
    assert_eq!(ending(refused_for(&mut blind(), BELIEVED_AFTER)), Some(Ending::Refusals));
}

#[test]
fn one_unknown_answer_on_the_way_begins_the_two_days_anew() {
    let mut sight = blind();
    sight.hear(heard(1, 1, BLIND + hours(1), Said::Refused));
    sight.hear(heard(2, 2, BLIND + hours(25), Said::Unknown));
    for hour in [26, 50, 73] {
        sight.hear(heard(1, 1, BLIND + hours(hour), Said::Refused));
        assert_eq!(sight.judge(BLIND + hours(hour), GAP), None, "hour {hour}");
    }
    sight.hear(heard(1, 1, BLIND + hours(74), Said::Refused));
    assert_eq!(ending(sight.judge(BLIND + hours(74), GAP)), Some(Ending::Refusals));
}

#[test]
fn silence_ends_nothing_and_is_no_part_of_the_two_days() {
    let mut sight = blind();
    assert_eq!(sight.judge(BLIND + days(30), GAP), None, "nobody was asked");
    let mut sight = blind();
    sight.hear(heard(1, 1, BLIND + hours(1), Said::Refused));
    let back = BLIND + hours(1) + SILENCE + Duration::from_millis(1);
    sight.hear(heard(1, 1, back, Said::Refused));
    sight.hear(heard(2, 2, back + hours(13), Said::Refused));
    assert_eq!(sight.judge(back + hours(13), GAP), None, "49 hours, but silent in between");
}

#[test]
fn the_operators_word_ends_what_began_before_it() {
    let mut sight = blind();
    sight.state.heed(Some(BLIND - Duration::from_millis(1)));
    sight.state.heed(None);
    assert!(sight.blind().is_some(), "a word on an earlier period");
    sight.state.heed(Some(BLIND));
    assert!(sight.blind().is_none());
}

#[test]
fn what_is_believed_on_trust_blinds_nobody_for_a_week_or_until_all_is_well() {
    let trusted = || {
        let mut sight = blind();
        sight.state.heed(Some(BLIND + hours(1)));
        sight
    };
    let week = BLIND + hours(1) + TRUST;
    assert_eq!(hears(&mut trusted(), week - minutes(1), 3, &[(6, Said::Refused)]), None);
    assert_eq!(why(hears(&mut trusted(), week, 3, &[(6, Said::Refused)])), Some(Why::Refused));
    let mut healed = trusted();
    assert_eq!(hears(&mut healed, BLIND + days(1), 3, &[(6, Said::Accepted)]), None);
    assert_eq!(why(hears(&mut healed, BLIND + days(2), 3, &[(6, Said::Refused)])), Some(Why::Refused));
    let mut silent = trusted();
    let silenced = hears(&mut silent, BLIND + days(1), 3, &[(6, Said::Unknown)]);
    assert_eq!(why(silenced), Some(Why::Unknown), "trusting refusals is not trusting silence");
}

#[test]
fn a_clock_that_was_set_back_leaves_no_endpoint_blind_or_trusted_in_the_future() {
    let ahead = NOON + days(400);
    let mut sight = Sight::default();
    hears(&mut sight, ahead, 3, &[(6, Said::Refused)]).expect("blind");
    assert_eq!(ending(hears(&mut sight, NOON, 3, &[(6, Said::Accepted)])), None, "nothing since the clock was set");
    let back = NOON + minutes(10);
    assert_eq!(ending(hears(&mut sight, back, 3, &[(6, Said::Accepted)])), Some(Ending::Accepted));
    let mut sight = Sight::default();
    hears(&mut sight, ahead, 3, &[(6, Said::Refused)]).expect("blind");
    sight.state.heed(Some(ahead + days(1)));
    hears(&mut sight, NOON, 3, &[(6, Said::Refused)]);
    assert_eq!(why(hears(&mut sight, NOON + TRUST + hours(1), 3, &[(6, Said::Refused)])), Some(Why::Refused));
}
