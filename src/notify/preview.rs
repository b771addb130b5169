//! Who would get what if mail were to leave now: counted, and nothing written.

use std::collections::BTreeMap;

use super::TellPolicy;
use super::plan::{Decision, PAGE, Planner};
use crate::domain::finding::Severity;
use crate::domain::ids::{AccountId, FindingId, PersonId};
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;
use crate::ports::notify::NotifyLedger;

/// Who would get what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// one mail each, the worst first
    pub mails: Vec<Planned>,
    /// findings that would be told, once a finding
    pub findings: u64,
    /// findings with nobody to tell
    pub nobody: u64,
    /// findings whose key is being refused: they would wait
    pub held: u64,
}

/// One mail that would be formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// to whom
    pub person: PersonId,
    /// the account of one of its findings
    pub account: AccountId,
    /// its worst severity
    pub worst: Severity,
    /// how many findings it tells
    pub findings: u64,
}

/// Counts who would get what; writes nothing. What was planned before and is in no mail yet is not in it.
///
/// # Errors
/// Where the ledger fails.
pub async fn preview<L: NotifyLedger>(ledger: &L, policy: &TellPolicy, now: Timestamp) -> Result<Preview, LedgerError> {
    let planner =
        Planner { ladders: &policy.ladders, replaced: &policy.replaced, contact: ledger.security_contact(now).await? };
    let mut preview = Preview::default();
    // One small entry a person: people are far fewer than connections.
    let mut people: BTreeMap<PersonId, Planned> = BTreeMap::new();
    let mut after = FindingId(0);
    loop {
        let page = ledger.steps_due(now, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.finding;
        for due in &page {
            match planner.decide(due, now) {
                Decision::Hold => preview.held += 1,
                Decision::Nobody => preview.nobody += 1,
                Decision::NotYet => {}
                Decision::Take(taken) => {
                    preview.findings += 1;
                    for person in taken.people {
                        let first = Planned { person, account: due.account, worst: due.severity, findings: 0 };
                        let planned = people.entry(person).or_insert(first);
                        planned.worst = planned.worst.max(due.severity);
                        planned.findings += 1;
                    }
                }
            }
        }
    }
    preview.mails = people.into_values().collect();
    preview.mails.sort_by_key(|mail| (std::cmp::Reverse((mail.worst, mail.findings)), mail.person));
    Ok(preview)
}
