use super::*;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::AccountId;
use crate::domain::record::{PersonStatus, Role};
use crate::domain::routing::Reader;
use crate::domain::time::{days, hours, minutes};
use crate::ports::notify::Candidate;

const OPENED: Timestamp = Timestamp::from_secs(1_790_000_000);
const CONTACT: PersonId = PersonId(0);

const OWNER: Reader = Reader::OWNER;

const fn one(reader: Reader) -> Candidate {
    Candidate { id: PersonId(1), reader }
}

/// A left-behind key, told of up to this step.
fn left_behind(last_step: Option<u32>, people: Vec<Candidate>) -> StepDue {
    StepDue {
        finding: FindingId(7),
        rule: RuleName::RevocationMissing,
        severity: Severity::Critical,
        opening: 2,
        opened_at: OPENED,
        last_step,
        told_step: last_step,
        due_at: Some(OPENED),
        window_over: None,
        replaced_at: None,
        provider: ProviderName::new("mailjet"),
        account: AccountId(1),
        credential: CredentialId(1),
        belief: Belief::default(),
        held: true,
        people,
    }
}

fn decide(due: &StepDue, contact: Option<PersonId>, on_day: u64) -> Decision {
    Planner { ladders: &Ladders::default(), replaced: &BTreeMap::new(), contact }.decide(due, OPENED + days(on_day))
}

/// The step that is taken, who is told, and on which day the next one is due.
fn taken(decision: Decision) -> (u32, Vec<i64>, Option<u64>) {
    let Decision::Take(step) = decision else { panic!("no step is taken") };
    assert_eq!((step.finding, step.opening), (FindingId(7), 2));
    let next = step.next_step_at.map(|at| at.since(OPENED).as_secs() / 86_400);
    (step.step, step.people.iter().map(|person| person.0).collect(), next)
}

#[test]
fn a_late_look_takes_the_tightest_step_and_announces_the_one_after_it() {
    assert_eq!(taken(decide(&left_behind(None, vec![one(OWNER)]), None, 0)), (0, vec![1], Some(3)));
    assert_eq!(taken(decide(&left_behind(Some(0), vec![one(OWNER)]), None, 8)), (2, vec![1], Some(14)));
}

#[test]
fn the_security_contact_is_told_beside_the_owner_from_its_step_on_and_each_of_them_once() {
    let told = |last_step, day| taken(decide(&left_behind(Some(last_step), vec![one(OWNER)]), Some(CONTACT), day)).1;
    assert_eq!((told(1, 7), told(2, 14), told(3, 21)), (vec![1], vec![0, 1], vec![0, 1]));
    let twice = left_behind(Some(2), vec![one(OWNER), one(Reader { creator: true, ..OWNER })]);
    assert_eq!(taken(decide(&twice, Some(CONTACT), 14)).1, [0, 1]);
}

#[test]
fn a_key_that_is_being_refused_holds_its_step_whoever_could_be_told() {
    let mut due = left_behind(None, vec![one(OWNER)]);
    due.belief.liveness = Liveness::Suspect;
    assert!(matches!(decide(&due, Some(CONTACT), 0), Decision::Hold));
}

#[test]
fn where_nobody_may_be_told_the_step_stays_due_unless_somebody_wanted_it_so() {
    let gone = one(Reader { status: PersonStatus::Suspended, ..OWNER });
    assert!(matches!(decide(&left_behind(None, vec![gone.clone()]), None, 0), Decision::Nobody));
    assert_eq!(taken(decide(&left_behind(None, vec![gone]), Some(CONTACT), 0)).1, [0]);
    let muted = one(Reader { muted: true, ..OWNER });
    assert_eq!(taken(decide(&left_behind(None, vec![muted]), None, 0)).1, [0; 0], "their wish is the end of it");
}

#[test]
fn each_trait_of_a_candidate_counts_for_what_it_is() {
    let member = Reader { role: Role::Member, creator: true, ..OWNER };
    for (reader, is_told) in [
        (member, true),
        (Reader { creator: false, ..member }, false),
        (Reader { verified: false, ..OWNER }, false),
        (Reader { suppressed: true, ..OWNER }, false),
        (Reader { disowned: true, ..OWNER }, false),
    ] {
        let decision = decide(&left_behind(None, vec![one(reader)]), None, 0);
        assert_eq!(matches!(decision, Decision::Take(_)), is_told, "{reader:?}");
    }
}

#[test]
fn before_its_day_no_step_is_taken() {
    let due = left_behind(None, vec![one(OWNER)]);
    let planner = Planner { ladders: &Ladders::default(), replaced: &BTreeMap::new(), contact: None };
    assert!(matches!(planner.decide(&due, OPENED - days(1)), Decision::NotYet));
}

#[test]
fn a_former_secret_is_told_of_once_it_has_had_its_time_to_end_after_another_took_its_place() {
    let mailjet = ProviderName::new("mailjet");
    let replaced = BTreeMap::from([(mailjet, hours(4))]);
    let decided = |due: &StepDue, after: Duration| {
        Planner { ladders: &Ladders::default(), replaced: &replaced, contact: None }.decide(due, OPENED + after)
    };
    let alone = left_behind(None, vec![one(OWNER)]);
    assert!(matches!(decided(&alone, hours(0)), Decision::Take(_)), "no other is known");
    let former = StepDue { replaced_at: Some(OPENED), ..alone };
    assert!(matches!(decided(&former, hours(4) - minutes(1)), Decision::NotYet));
    assert_eq!(taken(decided(&former, hours(4))), (0, vec![1], Some(3)));
    let told = StepDue { last_step: Some(0), ..former.clone() };
    assert!(matches!(decided(&told, days(3)), Decision::Take(_)), "reminders keep their days");
    let elsewhere = StepDue { provider: ProviderName::new("kit"), ..former.clone() };
    assert!(matches!(decided(&elsewhere, hours(0)), Decision::Take(_)), "where keys live side by side nothing ends");
    let leaked = StepDue { rule: RuleName::SecretCompromised, ..former };
    assert!(matches!(decided(&leaked, hours(0)), Decision::Take(_)), "a leak does not wait");
}

#[test]
fn a_first_step_waits_until_the_brake_has_looked_and_a_reminder_does_not() {
    let first = left_behind(None, vec![one(OWNER)]);
    assert!(is_looked_at(&first, Some(OPENED)) && is_looked_at(&first, None));
    assert!(!is_looked_at(&first, Some(OPENED - days(1))));
    assert!(is_looked_at(&left_behind(Some(0), vec![one(OWNER)]), Some(OPENED - days(1))));
}
