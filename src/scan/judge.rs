//! JUDGE: the rules see what is due, and what they say becomes findings.

use crate::domain::facts::Subject;
use crate::domain::finding::{Anew, FindingChange, KnownFinding, Opened, Ruling};
use crate::domain::ids::ConnectionId;
use crate::domain::policy::Policy;
use crate::domain::rules;
use crate::domain::settling::settle;
use crate::domain::time::Timestamp;
use crate::ports::judge::{JudgeBatch, JudgeLedger};
use crate::ports::span::stage;
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
    /// findings opened, or open again after they were closed or exempt
    pub opened: u64,
    /// findings that grew worse
    pub worsened: u64,
    /// findings closed
    pub closed: u64,
    /// findings that are exempt from now on, or by another word of the operator's
    pub exempted: u64,
    /// those among the opened whose exemption has ended
    pub exemptions_ended: u64,
}

/// Judges every connection that is due, under the policy that `version` names.
///
/// # Errors
/// Where the ledger fails; what was committed before stays, the rest is still due.
pub async fn judge<L: JudgeLedger>(
    ledger: &L,
    clock: &impl Clock,
    policy: &Policy,
    version: &str,
    progress: &impl Progress,
) -> Result<Judged, LedgerError> {
    let work = judge_due(ledger, clock, policy, version, progress);
    stage!("judge", work, judged => {
        "keysweep.connections": judged.connections,
        "keysweep.opened": judged.opened,
        "keysweep.worsened": judged.worsened,
        "keysweep.closed": judged.closed,
        "keysweep.exempted": judged.exempted,
    })
    .await
}

async fn judge_due<L: JudgeLedger>(
    ledger: &L,
    clock: &impl Clock,
    policy: &Policy,
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
        // Whoever makes one of these due while they are judged (an event, a person's word, a mail that came back) is not to be
        // written over.
        let turn = ledger.turn().await?;
        let page = ledger.due_subjects(now, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        let batch = JudgeBatch { turn: Some(turn.facts), ..judge_page(&page, policy, now) };
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
    policy: &Policy,
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

fn judge_page(page: &[(Subject, Vec<KnownFinding>)], policy: &Policy, now: Timestamp) -> JudgeBatch {
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
        let is_exempt = |opened: &Opened| opened.exempt.is_some();
        match change {
            FindingChange::Opened(opened) | FindingChange::Anew { opened, why: Anew::Reopened, .. }
                if is_exempt(opened) =>
            {
                self.exempted += 1;
            }
            FindingChange::Opened(_) | FindingChange::Anew { why: Anew::Reopened, .. } => self.opened += 1,
            FindingChange::Anew { why: Anew::ExemptionEnded, .. } => {
                self.opened += 1;
                self.exemptions_ended += 1;
            }
            FindingChange::Anew { why: Anew::Worsened, .. } => self.worsened += 1,
            FindingChange::Exempted { .. } => self.exempted += 1,
            FindingChange::Closed { .. } => self.closed += 1,
            FindingChange::Updated { .. } => {}
        }
    }
}
