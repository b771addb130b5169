use super::*;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::AccountId;
use crate::domain::routing::Reader;
use crate::domain::time::{days, hours};
use crate::ports::notify::Candidate;

const OPENED: Timestamp = Timestamp::from_secs(1_790_000_000);
const OWNER: PersonId = PersonId(1);
const CONTACT: PersonId = PersonId(0);

/// A key in use that is too old, told on the day of its opening; its next step is on day 7.
fn due() -> StepDue {
    let reader = Reader { creator: true, ..Reader::OWNER };
    StepDue {
        finding: FindingId(1),
        rule: RuleName::SecretStale,
        severity: Severity::High,
        opening: 1,
        opened_at: OPENED,
        last_step: Some(0),
        told_step: Some(0),
        due_at: Some(OPENED + days(7)),
        window_over: None,
        replaced_at: None,
        provider: ProviderName::new("mailjet"),
        account: AccountId(1),
        credential: CredentialId(1),
        belief: accepted(OPENED),
        held: true,
        people: vec![Candidate { id: OWNER, reader }],
    }
}

fn accepted(at: Timestamp) -> Belief {
    Belief { liveness: Liveness::Live, asked_at: Some(at), accepted_at: Some(at), ..Belief::default() }
}

/// The step that is taken with its next instant and those who are told, or why none is.
fn decided(due: &StepDue, now: Timestamp) -> Result<(u32, Option<Timestamp>, Vec<PersonId>), &'static str> {
    let ladders = Ladders::default();
    match (Planner { ladders: &ladders, replaced: &BTreeMap::new(), contact: Some(CONTACT) }).decide(due, now) {
        Decision::Take(taken) => Ok((taken.step, taken.next_step_at, taken.people)),
        Decision::Hold => Err("held"),
        Decision::Nobody => Err("nobody"),
        Decision::NotYet => Err("not yet"),
    }
}

#[test]
fn a_reset_that_came_to_nothing_is_told_once_its_window_is_over_and_not_before_the_provider_has_said_so() {
    let over = OPENED + days(3);
    let now = over + hours(2);
    let suspect = Belief { liveness: Liveness::Suspect, refused_first: Some(over), ..accepted(OPENED) };
    let unheard = Belief { asked_at: Some(now), unknown_since: Some(over), ..accepted(OPENED + days(1)) };
    for (what, window_over, belief, told) in [
        ("accepted since", Some(over), accepted(now), Ok((1, Some(OPENED + days(7)), vec![OWNER]))),
        ("accepted at the very end", Some(over), accepted(over), Ok((1, Some(OPENED + days(7)), vec![OWNER]))),
        ("accepted before the end only", Some(over), accepted(over - hours(1)), Err("not yet")),
        ("no answer since", Some(over), unheard, Err("not yet")),
        ("refused, and not confirmed", Some(over), suspect, Err("held")),
        ("never asked", Some(over), Belief::default(), Err("not yet")),
        ("nobody spoke of a reset", None, accepted(now), Err("not yet")),
    ] {
        let due = StepDue { window_over, belief, ..due() };
        assert_eq!(decided(&due, now), told, "{what}");
    }
}

#[test]
fn whoever_awaits_the_end_of_a_window_is_told_it_though_their_step_is_due_once_more_for_another() {
    let over = OPENED + days(3);
    for last_step in [None, Some(0)] {
        // somebody's mail came back, or they said that it is not theirs
        let again = StepDue { last_step, told_step: Some(0), due_at: Some(OPENED + days(1)), ..due() };
        let outside = decided(&again, over).map(|(step, ..)| step);
        assert_eq!(outside, Ok(last_step.map_or(0, |last| last + 1)), "the same step, where it was taken back");
        let within = StepDue { window_over: Some(over), belief: accepted(over), ..again };
        assert_eq!(
            decided(&within, over),
            Ok((1, Some(OPENED + days(7)), vec![OWNER])),
            "a step that nobody was told yet"
        );
    }
}

#[test]
fn the_ladder_goes_on_at_its_days_after_a_step_at_the_end_of_a_window() {
    let told = StepDue { last_step: Some(1), belief: accepted(OPENED + days(7)), ..due() };
    assert_eq!(decided(&told, OPENED + days(7)), Ok((2, Some(OPENED + days(14)), vec![OWNER])));
    let last = StepDue { rule: RuleName::SecretShared, due_at: None, ..due() };
    assert_eq!(decided(&last, OPENED + days(7)), Err("not yet"), "a ladder that has ended stays so");
    let over = OPENED + days(6);
    let last = StepDue { window_over: Some(over), belief: accepted(over), ..last };
    assert_eq!(decided(&last, OPENED + days(7)), Ok((1, None, vec![OWNER])));
}

#[test]
fn a_day_of_the_ladder_is_kept_although_a_window_is_unanswered_for() {
    let over = OPENED + days(3);
    let due = StepDue { window_over: Some(over), belief: accepted(over - hours(1)), ..due() };
    assert_eq!(decided(&due, OPENED + days(7)), Ok((1, Some(OPENED + days(14)), vec![OWNER])));
}

#[test]
fn whoever_speaks_of_resets_again_and_again_does_not_hasten_the_security_contact() {
    let over = OPENED + days(5);
    let pressing = StepDue {
        rule: RuleName::RevocationMissing,
        last_step: Some(7),
        window_over: Some(over),
        belief: accepted(over),
        ..due()
    };
    assert_eq!(decided(&pressing, over), Ok((8, Some(OPENED + days(7)), vec![OWNER])));
    let later = StepDue { last_step: Some(9), due_at: Some(OPENED + days(14)), window_over: None, ..pressing };
    assert_eq!(decided(&later, OPENED + days(14)), Ok((10, Some(OPENED + days(21)), vec![CONTACT, OWNER])));
}

#[test]
fn the_provider_is_asked_anew_where_its_answer_is_from_before_the_end_of_the_window() {
    let over = OPENED + days(3);
    let asked = |window_over, at| StepDue { window_over, belief: accepted(at), ..due() };
    for (due, unasked) in [
        (asked(None, over), false),
        (asked(Some(over), over), false),
        (asked(Some(over), over - hours(1) / 2), true),
        (asked(None, over - hours(2)), true),
    ] {
        assert_eq!(is_unasked(&due, over, hours(1)), unasked, "{:?}", due.belief.asked_at);
    }
}
