//! JUDGE: the rules see what is due, and what they say becomes findings.

use crate::domain::facts::Subject;
use crate::domain::finding::{FindingChange, KnownFinding, Ruling};
use crate::domain::ids::{ConnectionId, ProviderName};
use crate::domain::policy::RulePolicy;
use crate::domain::rules;
use crate::domain::settling::settle;
use crate::domain::time::Timestamp;
use crate::ports::judge::{JudgeBatch, JudgeLedger};
use crate::ports::{Clock, LedgerError, Progress};

/// Connections judged and committed together.
const PAGE: usize = 1_000;

/// How often a page is judged anew because another process has written to the inventory while it was.
const AGAIN: u32 = 10;

/// What one judgement brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// connections that the rules saw
    pub connections: u64,
    /// findings opened, or open again
    pub opened: u64,
    /// findings that grew worse
    pub worsened: u64,
    /// findings closed
    pub closed: u64,
}

/// Judges every connection that is due, under the policy that `version` names.
///
/// # Errors
/// Where the ledger fails; what was committed before stays, the rest is still due.
pub async fn judge<L: JudgeLedger>(
    ledger: &L,
    clock: &impl Clock,
    policy: &dyn Fn(&ProviderName) -> RulePolicy,
    version: &str,
    progress: &impl Progress,
) -> Result<Judged, LedgerError> {
    let now = clock.now();
    ledger.judge_under(version).await?;
    while ledger.spread_dirty(now).await? {}
    progress.stage("judge", Some(ledger.due_count(now).await?));
    let mut sum = Judged::default();
    let (mut after, mut overtaken) = (ConnectionId(0), 0);
    loop {
        // An event that tells of one of these while they are judged makes it due again: that is not to be written over.
        let turn = ledger.turn().await?;
        let page = ledger.due_subjects(now, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        let batch = JudgeBatch { turn: Some(turn.number), ..judge_page(&page, policy, now) };
        match ledger.commit_judgements(&batch).await {
            Err(LedgerError::Busy(_)) if overtaken < AGAIN => {
                overtaken += 1;
                continue;
            }
            committed => committed?,
        }
        (after, overtaken) = (last.connection.id, 0);
        sum.connections += page.len() as u64;
        batch.changes.iter().for_each(|change| sum.count(change));
        progress.advance(page.len() as u64);
    }
    progress.done();
    Ok(sum)
}

/// What the rules would say of every connection at `at`; writes nothing.
///
/// # Errors
/// Where the ledger fails.
pub async fn judge_as_of<L: JudgeLedger>(
    ledger: &L,
    policy: &dyn Fn(&ProviderName) -> RulePolicy,
    at: Timestamp,
    mut tell: impl FnMut(&Subject, &[KnownFinding], Vec<Ruling>),
) -> Result<(), LedgerError> {
    let mut after = ConnectionId(0);
    loop {
        let page = ledger.all_subjects(after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = last.connection.id;
        for (subject, known) in &page {
            tell(subject, known, rules::judge(subject, policy, at));
        }
    }
}

fn judge_page(
    page: &[(Subject, Vec<KnownFinding>)],
    policy: &dyn Fn(&ProviderName) -> RulePolicy,
    now: Timestamp,
) -> JudgeBatch {
    let mut batch = JudgeBatch { now: Some(now), ..JudgeBatch::default() };
    for (subject, known) in page {
        let rulings = rules::judge(subject, policy, now);
        batch.changes.extend(settle(subject.connection.id, &rulings, known, &subject.uses));
        batch.judged.push((subject.connection.id, rules::next_change(subject, policy, now)));
    }
    batch
}

impl Judged {
    fn count(&mut self, change: &FindingChange) {
        match change {
            FindingChange::Opened(_) | FindingChange::Anew { reopened: true, .. } => self.opened += 1,
            FindingChange::Anew { reopened: false, .. } => self.worsened += 1,
            FindingChange::Closed { .. } => self.closed += 1,
            FindingChange::Updated { .. } => {}
        }
    }
}
