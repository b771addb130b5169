//! Which findings take which step, and who is told: a step and its notices are one transaction, so a step is never
//! taken without its notice, nor a notice written twice.

use std::collections::BTreeSet;

use super::{Notified, NotifyError, NotifyTools, is_old, waits};
use crate::domain::ids::{CredentialId, FindingId, PersonId};
use crate::domain::ladder::Ladders;
use crate::domain::routing::{self, Reader};
use crate::domain::time::Timestamp;
use crate::ports::notify::{Candidate, Mailer, NotifyLedger, Recheck, Renderer, StepDue, StepTaken};
use crate::ports::{Clock, Progress};

/// Findings planned together.
pub(super) const PAGE: usize = 500;

/// Takes every due step. Credentials whose last answer is old are asked first; a finding whose key is being refused
/// waits until the refusal is confirmed or contradicted.
pub(super) async fn take_steps<L, M, R, K, C, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    sum: &mut Notified,
) -> Result<(), NotifyError<K::Error>>
where
    L: NotifyLedger,
    M: Mailer,
    R: Renderer,
    K: Recheck,
    C: Clock,
    G: Progress,
{
    let mut after = FindingId(0);
    loop {
        let now = tools.clock.now();
        let page = tools.ledger.steps_due(now, after, PAGE).await?;
        let Some(last) = page.last().map(|step| step.finding) else { return Ok(()) };
        let old: BTreeSet<CredentialId> = page
            .iter()
            .filter(|step| step.held && is_old(step.belief.asked_at, now, tools.policy.recheck_after))
            .map(|step| step.credential)
            .collect();
        let page = if old.is_empty() {
            page
        } else {
            let old: Vec<CredentialId> = old.into_iter().collect();
            tools.recheck.recheck(&old).await.map_err(NotifyError::Recheck)?;
            let now = tools.clock.now();
            let mut fresh = tools.ledger.steps_due(now, after, PAGE).await?;
            fresh.retain(|step| step.finding <= last);
            fresh
        };
        let now = tools.clock.now();
        let planner =
            Planner { ladders: &tools.policy.tell.ladders, contact: tools.ledger.security_contact(now).await? };
        let mut taken = Vec::with_capacity(page.len());
        for step in &page {
            match planner.decide(step, now) {
                Decision::Take(step) => taken.push(step),
                Decision::Hold => sum.held += 1,
                Decision::Nobody => sum.nobody += 1,
                Decision::NotYet => {}
            }
        }
        sum.steps += taken.len() as u64;
        if !taken.is_empty() {
            tools.ledger.commit_steps(now, &taken, &[]).await?;
        }
        after = last;
    }
}

pub(super) enum Decision {
    /// the step, with those who are told
    Take(StepTaken),
    /// the key is being refused: wait for the confirmation
    Hold,
    /// nobody may be told; the step stays due
    Nobody,
    /// the ladder has nothing for now
    NotYet,
}

/// What is the same for every finding.
pub(super) struct Planner<'a> {
    /// on which days findings are told
    pub(super) ladders: &'a Ladders,
    /// the operator's security contact, where there is one that may be written to
    pub(super) contact: Option<PersonId>,
}

impl Planner<'_> {
    /// What becomes of a step that is due.
    pub(super) fn decide(&self, due: &StepDue, now: Timestamp) -> Decision {
        if waits(due.rule, &due.belief) {
            return Decision::Hold;
        }
        let ladder = self.ladders.of(due.rule);
        let Some((step, next_step_at)) = ladder.take_announced(due.opened_at, due.last_step, now) else {
            return Decision::NotYet;
        };
        let readers = due.people.iter().map(|candidate| (candidate.id, reader(candidate)));
        let route = routing::route(readers, self.contact, ladder.escalates(step));
        if route.is_nowhere() {
            return Decision::Nobody;
        }
        let people: BTreeSet<PersonId> = route.people.into_iter().chain(route.contact).collect();
        Decision::Take(StepTaken {
            finding: due.finding,
            opening: due.opening,
            step,
            people: people.into_iter().collect(),
            next_step_at,
        })
    }
}

const fn reader(candidate: &Candidate) -> Reader {
    Reader {
        role: candidate.role,
        status: candidate.status,
        verified: candidate.verified,
        suppressed: candidate.suppressed,
        disowned: candidate.disowned,
        muted: candidate.muted,
        creator: candidate.creator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::belief::{Belief, Liveness};
    use crate::domain::facts::Creator;
    use crate::domain::finding::{RuleName, Severity};
    use crate::domain::ids::AccountId;
    use crate::domain::record::{PersonStatus, Role};
    use crate::domain::time::days;

    const OPENED: Timestamp = Timestamp::from_secs(1_790_000_000);
    const CONTACT: PersonId = PersonId(0);

    fn owner(id: i64) -> Candidate {
        Candidate {
            id: PersonId(id),
            role: Role::Owner,
            status: PersonStatus::Active,
            verified: true,
            suppressed: false,
            disowned: false,
            muted: false,
            creator: false,
        }
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
            due_at: OPENED,
            account: AccountId(1),
            credential: CredentialId(1),
            belief: Belief::default(),
            held: true,
            creator: Creator::Unknown,
            people,
        }
    }

    fn decide(due: &StepDue, contact: Option<PersonId>, on_day: u64) -> Decision {
        Planner { ladders: &Ladders::default(), contact }.decide(due, OPENED + days(on_day))
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
        assert_eq!(taken(decide(&left_behind(None, vec![owner(1)]), None, 0)), (0, vec![1], Some(3)));
        assert_eq!(taken(decide(&left_behind(Some(0), vec![owner(1)]), None, 8)), (2, vec![1], Some(14)));
    }

    #[test]
    fn the_security_contact_is_told_beside_the_owner_from_its_step_on_and_each_of_them_once() {
        let told = |last_step, day| taken(decide(&left_behind(Some(last_step), vec![owner(1)]), Some(CONTACT), day)).1;
        assert_eq!((told(1, 7), told(2, 14), told(3, 21)), (vec![1], vec![0, 1], vec![0, 1]));
        let twice = left_behind(Some(2), vec![owner(1), Candidate { creator: true, ..owner(1) }]);
        assert_eq!(taken(decide(&twice, Some(CONTACT), 14)).1, [0, 1]);
    }

    #[test]
    fn a_key_that_is_being_refused_holds_its_step_whoever_could_be_told() {
        let mut due = left_behind(None, vec![owner(1)]);
        due.belief.liveness = Liveness::Suspect;
        assert!(matches!(decide(&due, Some(CONTACT), 0), Decision::Hold));
    }

    #[test]
    fn where_nobody_may_be_told_the_step_stays_due_unless_somebody_wanted_it_so() {
        let gone = Candidate { status: PersonStatus::Suspended, ..owner(1) };
        assert!(matches!(decide(&left_behind(None, vec![gone.clone()]), None, 0), Decision::Nobody));
        assert_eq!(taken(decide(&left_behind(None, vec![gone]), Some(CONTACT), 0)).1, [0]);
        let muted = Candidate { muted: true, ..owner(1) };
        assert_eq!(taken(decide(&left_behind(None, vec![muted]), None, 0)).1, [0; 0], "their wish is the end of it");
    }

    #[test]
    fn each_trait_of_a_candidate_counts_for_what_it_is() {
        let member = Candidate { role: Role::Member, creator: true, ..owner(1) };
        for (candidate, is_told) in [
            (member.clone(), true),
            (Candidate { creator: false, ..member }, false),
            (Candidate { verified: false, ..owner(1) }, false),
            (Candidate { suppressed: true, ..owner(1) }, false),
            (Candidate { disowned: true, ..owner(1) }, false),
        ] {
            let decision = decide(&left_behind(None, vec![candidate.clone()]), None, 0);
            assert_eq!(matches!(decision, Decision::Take(_)), is_told, "{candidate:?}");
        }
    }

    #[test]
    fn before_its_day_no_step_is_taken() {
        let due = left_behind(None, vec![owner(1)]);
        let planner = Planner { ladders: &Ladders::default(), contact: None };
        assert!(matches!(planner.decide(&due, OPENED - days(1)), Decision::NotYet));
    }
}
