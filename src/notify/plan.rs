//! Which findings take which step, and who is told: a step and its notices are one transaction, so a step is never
//! taken without its notice, nor a notice written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Notified, NotifyError, NotifyTools, is_old, waits};
use crate::domain::action::reset_failed;
use crate::domain::finding::RuleName;
use crate::domain::ids::{CredentialId, FindingId, PersonId, ProviderName};
use crate::domain::ladder::Ladders;
use crate::domain::routing;
use crate::domain::time::Timestamp;
use crate::ports::notify::{Mailer, NotifyLedger, Recheck, Renderer, StepDue, StepTaken};
use crate::ports::{Clock, Progress};

/// Findings planned together.
pub(super) const PAGE: usize = 500;

/// Takes every due step of what was opened by then, or was told before. Credentials whose last answer is old are asked
/// first; a finding whose key is being refused waits until the refusal is confirmed or contradicted.
///
/// All steps are taken before any mail is formed: a person's findings are on any page, and make one mail. Once the job is to
/// end, what could not be asked any more takes no step and stays due.
pub(super) async fn take_steps<L, M, R, K, C, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    opened_by: Option<Timestamp>,
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
    let (mut after, mut looked_at) = (FindingId(0), 0);
    while !tools.progress.stopping() {
        tools.progress.stage("steps", None);
        tools.progress.advance(looked_at);
        let now = tools.clock.now();
        let mut page = tools.ledger.steps_due(now, after, PAGE).await?;
        let Some(last) = page.last().map(|step| step.finding) else { break };
        looked_at += page.len() as u64;
        page.retain(|step| is_looked_at(step, opened_by));
        let old: BTreeSet<CredentialId> = page
            .iter()
            .filter(|step| step.held && is_unasked(step, now, tools.policy.recheck_after))
            .map(|step| step.credential)
            .collect();
        let page = if old.is_empty() {
            page
        } else {
            let old: Vec<CredentialId> = old.into_iter().collect();
            tools.recheck.recheck(&old).await.map_err(NotifyError::Recheck)?;
            if tools.progress.stopping() {
                break; // perhaps not all were asked
            }
            let now = tools.clock.now();
            let mut fresh = tools.ledger.steps_due(now, after, PAGE).await?;
            fresh.retain(|step| step.finding <= last && is_looked_at(step, opened_by));
            fresh
        };
        let now = tools.clock.now();
        let planner = Planner {
            ladders: &tools.policy.tell.ladders,
            replaced: &tools.policy.tell.replaced,
            contact: tools.ledger.security_contact(now).await?,
        };
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
    tools.progress.done();
    Ok(())
}

/// What the judgement after a re-check opens is looked at by the next run, which counts it first: it may be anything.
fn is_looked_at(step: &StepDue, opened_by: Option<Timestamp>) -> bool {
    step.last_step.is_some() || opened_by.is_none_or(|by| step.opened_at <= by)
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
    /// see [`super::TellPolicy::replaced`]
    pub(super) replaced: &'a BTreeMap<ProviderName, Duration>,
    /// the operator's security contact, where there is one that may be written to
    pub(super) contact: Option<PersonId>,
}

impl Planner<'_> {
    /// What becomes of a step that is due.
    pub(super) fn decide(&self, due: &StepDue, now: Timestamp) -> Decision {
        if waits(due.rule, &due.belief) {
            return Decision::Hold;
        }
        if self.is_ending(due, now) {
            return Decision::NotYet;
        }
        let is_announced = due.due_at.is_some_and(|at| at <= now);
        if !is_announced && !due.window_over.is_some_and(|over| reset_failed(over, &due.belief)) {
            return Decision::NotYet; // the provider has yet to say what came of the reset
        }
        let ladder = self.ladders.of(due.rule);
        // Whoever was told that a reset is awaited is told how it ended, also where a step is due once more for another reader.
        let last_step = if due.window_over.is_some() { due.last_step.max(due.told_step) } else { due.last_step };
        let Some((step, next_step_at)) = ladder.take_announced(due.opened_at, last_step, now) else {
            return Decision::NotYet;
        };
        let readers = due.people.iter().map(|candidate| (candidate.id, candidate.reader));
        // A step at the end of a window stands between the ladder's own, and presses no harder than the day does.
        let of_the_day = ladder.take(due.opened_at, None, now).map_or(step, |(of_the_day, _)| of_the_day);
        let route = routing::route(readers, self.contact, ladder.escalates(of_the_day));
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

    /// Whether a former secret may well be let in only because its end takes a while: another one of the same key has just
    /// taken its place, which is all that there is to do.
    fn is_ending(&self, due: &StepDue, now: Timestamp) -> bool {
        let ends = due.replaced_at.zip(self.replaced.get(&due.provider)).map(|(at, wait)| at + *wait);
        due.rule == RuleName::RevocationMissing && due.last_step.is_none() && ends.is_some_and(|ends| now < ends)
    }
}

/// Whether the provider is to be asked before anything is said: its last answer is old, or from before the end of a window
/// that its answer is to end.
fn is_unasked(due: &StepDue, now: Timestamp, limit: Duration) -> bool {
    is_old(due.belief.asked_at, now, limit) || due.window_over.is_some_and(|over| due.belief.asked_at < Some(over))
}

#[cfg(test)]
mod ladder_tests;
#[cfg(test)]
mod tests;
