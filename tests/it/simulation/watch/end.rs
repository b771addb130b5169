//! When all has calmed down: no notice is lost, and every step that was due was taken.

use std::collections::{BTreeSet, HashMap};

use keysweep::domain::belief::Liveness;
use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::{FindingId, MailId};
use keysweep::domain::ladder::ladder;
use keysweep::domain::record::{PersonStatus, Role};
use keysweep::domain::time::days;
use keysweep::ledger::Ledger;
use keysweep::ledger::read::{FindingDetail, FindingFilter, FindingRow, FindingState, MailRow};
use keysweep::ports::Clock as _;

use super::{PAGE, Watch};
use crate::simulation::stage::Stage;
use crate::simulation::world::Account;

impl Watch {
    /// The outbox is empty, what was sent has arrived, and nobody waits for a step.
    pub async fn nothing_is_left_to_say(&mut self, stage: &Stage, ledger: &Ledger) {
        let mails = ledger.mails(None, MailId(0), PAGE * 100).await.expect("a ledger");
        let by_id: HashMap<MailId, &MailRow> = mails.iter().map(|mail| (mail.id, mail)).collect();
        let mut wrong = Vec::new();
        for mail in &mails {
            if mail.state.is_waiting() {
                wrong.push(format!("a mail waits for ever: {mail:?}"));
            }
            let arrivals = self.mails.arrivals.get(&mail.message_id).copied().unwrap_or(0);
            if arrivals > 1 && !mail.maybe_sent {
                wrong.push(format!("{} arrived {arrivals} times", mail.message_id));
            }
            if mail.sent_at.is_some() && arrivals == 0 {
                wrong.push(format!("{} was sent and never arrived", mail.message_id));
            }
        }
        let reachable = reachable_accounts(stage);
        let mut after = FindingId(0);
        loop {
            let page = ledger.findings(&FindingFilter::default(), after, PAGE).await.expect("a ledger");
            let Some(last) = page.last() else { break };
            after = last.id;
            for row in &page {
                let finding = ledger.finding(row.id).await.expect("a ledger").expect("a finding that is listed");
                wrong.extend(self.what_is_wrong_with(stage, &finding, &by_id, &reachable));
            }
        }
        wrong.iter().for_each(|what| self.tell(stage, what));
    }

    fn was_ever_away(&self, stage: &Stage, finding: &FindingRow) -> bool {
        let world = stage.world.borrow();
        let refused = stage.post.refused.borrow();
        let is_away =
            |account: &Account| account.changed || account.members.iter().any(|m| refused.contains(&m.email()));
        world.accounts.iter().any(|account| account.id == finding.account_id && is_away(account))
    }

    fn what_is_wrong_with(
        &self,
        stage: &Stage,
        detail: &FindingDetail,
        mails: &HashMap<MailId, &MailRow>,
        reachable: &BTreeSet<String>,
    ) -> Vec<String> {
        let FindingDetail { finding, course, notices, .. } = detail;
        let mut wrong = Vec::new();
        let arrived = |step, id: &String| self.mails.steps.contains(&(finding.id, step, id.clone()));
        for notice in notices {
            stage.tally.borrow_mut().checked.add("notices followed to their end");
            let mail = notice.mail.and_then(|id| mails.get(&id));
            let is_over = finding.state == FindingState::Closed || notice.opening < course.opening;
            match notice.state.as_str() {
                "planned" => wrong.push(format!("a notice of {:?} is lost: {notice:?}", finding.id)),
                "sent" if !mail.is_some_and(|mail| arrived(notice.step, &mail.message_id)) => {
                    wrong.push(format!("a notice of {:?} counts as sent and never arrived: {notice:?}", finding.id));
                }
                // Somebody who could not be written to for a while may have been let off.
                "cancelled"
                    if !is_over && reachable.contains(&finding.account_id) && !self.was_ever_away(stage, finding) =>
                {
                    wrong.push(format!("a notice of {:?}, which is open, was cancelled: {notice:?}", finding.id));
                }
                _ => {}
            }
        }
        // Everything that was due two days ago, and for which there is a reader, has been said.
        let waits = finding.liveness == Liveness::Suspect && finding.rule != RuleName::RevocationUnproven;
        let open = finding.state == FindingState::Open && finding.mailed && !waits;
        if open && reachable.contains(&finding.account_id) {
            let then = stage.now() - days(2);
            if let Some((step, _)) = ladder(finding.rule).take(finding.opened_at, course.last_step, then) {
                wrong.push(format!("step {step} of {finding:?} was never taken: {course:?}"));
            }
        }
        wrong
    }
}

/// Accounts with an owner to whom mail goes.
fn reachable_accounts(stage: &Stage) -> BTreeSet<String> {
    let world = stage.world.borrow();
    let refused = stage.post.refused.borrow();
    let reachable = world.accounts.iter().filter(|account| {
        account.members.iter().any(|member| {
            member.role == Role::Owner
                && member.listed
                && member.status == PersonStatus::Active
                && !refused.contains(&member.email())
        })
    });
    reachable.map(|account| account.id.clone()).collect()
}
