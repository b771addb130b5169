//! Which findings take which step, and who is told: a step and its notices are one transaction, so a step is never
//! taken without its notice, nor a notice written twice.

use std::collections::{BTreeMap, BTreeSet};

use super::{Notified, NotifyError, NotifyTools, is_old, waits};
use crate::domain::finding::Severity;
use crate::domain::ids::{AccountId, CredentialId, FindingId, PersonId, ScanId};
use crate::domain::ladder;
use crate::domain::routing::{self, Reader};
use crate::domain::time::Timestamp;
use crate::ports::notify::{Candidate, Mailer, NotifyLedger, Recheck, Renderer, StepDue, StepTaken};
use crate::ports::{Clock, LedgerError, Progress};

/// Findings planned together.
const PAGE: usize = 500;
/// People whose digests are formed together.
const PEOPLE: usize = 500;

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
        let mut taken = Vec::with_capacity(page.len());
        for step in &page {
            match decide(step, now) {
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

/// Forms one digest for each person with notices that are in no mail yet, worst first.
pub(super) async fn form<L: NotifyLedger, M, R, K: Recheck, C: Clock, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    run: ScanId,
) -> Result<(), NotifyError<K::Error>> {
    loop {
        let people = tools.ledger.readers_waiting(PEOPLE).await?;
        if people.is_empty() {
            return Ok(());
        }
        tools.ledger.form_mails(tools.clock.now(), run, &people, &tools.policy.domain).await?;
    }
}

enum Decision {
    /// the step, with those who are told
    Take(StepTaken),
    /// the key is being refused: wait for the confirmation
    Hold,
    /// nobody may be told; the step stays due
    Nobody,
    /// the ladder has nothing for now
    NotYet,
}

fn decide(step: &StepDue, now: Timestamp) -> Decision {
    if waits(step.rule, &step.belief) {
        return Decision::Hold;
    }
    let people = readers(&step.people);
    if people.is_empty() {
        return Decision::Nobody;
    }
    match ladder::take(step.rule, step.opened_at, step.last_step, now) {
        None => Decision::NotYet,
        Some((number, next_step_at)) => Decision::Take(StepTaken {
            finding: step.finding,
            opening: step.opening,
            step: number,
            people,
            next_step_at,
        }),
    }
}

fn readers(candidates: &[Candidate]) -> Vec<PersonId> {
    let told = candidates.iter().filter(|candidate| {
        routing::is_told(&Reader {
            role: candidate.role,
            status: candidate.status,
            verified: candidate.verified,
            suppressed: candidate.suppressed,
            disowned: candidate.disowned,
            muted: candidate.muted,
            creator: candidate.creator,
        })
    });
    told.map(|candidate| candidate.id).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Who would get what if mail were released now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// one mail each
    pub people: u64,
    /// findings that would be told, once a finding
    pub findings: u64,
    /// findings with nobody to tell
    pub nobody: u64,
    /// findings whose key is being refused: they would wait
    pub held: u64,
    /// the worst mails: person, account, worst severity, findings; at most ten
    pub worst: Vec<(PersonId, AccountId, Severity, u64)>,
}

/// Counts who would get what; writes nothing.
///
/// # Errors
/// Where the ledger fails.
pub async fn preview<L: NotifyLedger>(ledger: &L, now: Timestamp) -> Result<Preview, LedgerError> {
    let mut preview = Preview::default();
    // One small entry a person: people are far fewer than connections.
    let mut people: BTreeMap<PersonId, (AccountId, Severity, u64)> = BTreeMap::new();
    let mut after = FindingId(0);
    loop {
        let page = ledger.steps_due(now, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.finding;
        for step in &page {
            match decide(step, now) {
                Decision::Hold => preview.held += 1,
                Decision::Nobody => preview.nobody += 1,
                Decision::NotYet => {}
                Decision::Take(taken) => {
                    preview.findings += 1;
                    for person in taken.people {
                        let entry = people.entry(person).or_insert((step.account, step.severity, 0));
                        entry.1 = entry.1.max(step.severity);
                        entry.2 += 1;
                    }
                }
            }
        }
    }
    preview.people = people.len() as u64;
    let mut worst: Vec<_> =
        people.into_iter().map(|(person, (account, severity, n))| (person, account, severity, n)).collect();
    worst.sort_by_key(|(person, _, severity, n)| (std::cmp::Reverse((*severity, *n)), *person));
    worst.truncate(10);
    preview.worst = worst;
    Ok(preview)
}
