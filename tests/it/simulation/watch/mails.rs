//! No notice doubled under different Message-IDs, and nothing said of what was dead before.

use std::collections::{BTreeMap, HashMap, HashSet};

use keysweep::domain::belief::Liveness;
use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::{CredentialId, FindingId, NoticeId};

use super::Watch;
use crate::simulation::stage::Stage;

/// What has arrived so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// letters that were looked at
    letters: usize,
    /// the one Message-ID that each notice came under
    pub(super) notices: BTreeMap<NoticeId, String>,
    /// every step of a finding that arrived, and under which Message-ID
    pub(super) steps: HashSet<(FindingId, u32, String)>,
    /// how often each Message-ID arrived
    pub(super) arrivals: HashMap<String, u32>,
}

impl Watch {
    /// Looks at what has arrived since. `before` is what the log said before the scan that sent it.
    pub(super) fn letters_are_right(&mut self, stage: &Stage, before: &BTreeMap<CredentialId, Liveness>) {
        let arrived = stage.post.arrived.borrow();
        let mut wrong = Vec::new();
        for letter in &arrived[self.mails.letters..] {
            *self.mails.arrivals.entry(letter.message_id.clone()).or_default() += 1;
            for told in &letter.told {
                self.mails.steps.insert((told.finding, told.step, letter.message_id.clone()));
                let first = self.mails.notices.entry(told.notice).or_insert_with(|| letter.message_id.clone());
                if *first != letter.message_id {
                    wrong.push(format!("notice {} came under {first} and {}", told.notice, letter.message_id));
                }
                let was_dead = before.get(&told.credential) == Some(&Liveness::Dead);
                let is_dead = self.replay.get(&told.credential) == Some(&Liveness::Dead);
                if told.closing && !is_dead && !told.dead {
                    wrong.push(format!("{told:?} says that a key is dead, and it is not"));
                }
                if !told.closing && told.rule != RuleName::ConnectionBroken && (told.dead || (was_dead && is_dead)) {
                    wrong.push(format!("{told:?} was dead before it was mailed"));
                }
            }
            stage.tally.borrow_mut().checked.add_all("notices that arrived", letter.told.len() as u64);
        }
        self.mails.letters = arrived.len();
        drop(arrived);
        wrong.iter().for_each(|what| self.tell(stage, what));
    }
}
