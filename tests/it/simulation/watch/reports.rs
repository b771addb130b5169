//! Every key that was left behind and is let in is reported, within its documented time.

use std::collections::{BTreeMap, HashMap, HashSet};

use keysweep::domain::belief::Liveness;
use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::FindingId;
use keysweep::domain::time::{Timestamp, hours};
use keysweep::ledger::Ledger;
use keysweep::ledger::read::{CredentialRow, FindingFilter, FindingState};

use super::{PAGE, Watch};
use crate::simulation::stage::Stage;
use crate::simulation::world::World;

/// What is reported, by account and credential.
type Reported = HashMap<(String, String), HashSet<RuleName>>;

impl Watch {
    /// Where a key has been let in and unused by its customer for longer than the longest cadence and one scan's interval,
    /// and nothing was in the way meanwhile, a finding must say so.
    pub(super) async fn deleted_and_accepted_is_reported(
        &mut self,
        stage: &Stage,
        ledger: &Ledger,
        rows: &[CredentialRow],
    ) {
        let reported = reported(ledger).await;
        let (left, now) = (self.left_behind(&stage.world.borrow()), stage.world.borrow().now);
        let rows: HashMap<usize, &CredentialRow> =
            rows.iter().filter_map(|row| Some((*self.keys.get(&row.id)?, row))).collect();
        let within = hours(24) + stage.plan.steps.1;
        for ((account, key), since) in left {
            let (name, provider) = {
                let world = stage.world.borrow();
                (world.accounts[account].id.clone(), world.keys[key].provider.clone())
            };
            let in_the_way = [
                self.all_disturbed,
                self.provider_disturbed.get(&provider).copied(),
                self.key_disturbed.get(&key).copied(),
            ];
            let since = in_the_way.into_iter().flatten().fold(since, Ord::max);
            let Some(row) = rows.get(&key) else { continue };
            let none = HashSet::new();
            let said = reported.get(&(name.clone(), row.credential.clone())).unwrap_or(&none);
            let mut enough = vec![RuleName::RevocationMissing, RuleName::SecretReused];
            if row.liveness == Liveness::Shredded && !row.is_proven() {
                enough.push(RuleName::RevocationUnproven); // nobody can ask any more, and that is said
            }
            if now.since(since) <= within || self.died_by_a_limit.contains(&key) {
                continue;
            }
            stage.tally.borrow_mut().checked.add("left behind and let in");
            if !enough.iter().any(|rule| said.contains(rule)) {
                let what = format!(
                    "key {key} of {name} ({}) is let in and unused since {since} and not reported: {said:?}",
                    row.liveness
                );
                self.tell(stage, &what);
            }
        }
    }

    /// Customer and key, and since when the key is both unused by the customer and let in.
    fn left_behind(&self, world: &World) -> BTreeMap<(usize, usize), Timestamp> {
        let mut all: BTreeMap<(usize, usize), Option<Timestamp>> = BTreeMap::new();
        let mut in_use: HashSet<(usize, usize)> = HashSet::new();
        for span in &world.spans {
            let pair = (span.account, span.key);
            match span.ended {
                None => drop(in_use.insert(pair)),
                Some(ended) if span.shown => {
                    let latest = all.entry(pair).or_default();
                    *latest = (*latest).max(Some(ended));
                }
                Some(_) => {}
            }
        }
        let left = all.into_iter().filter_map(|(pair, ended)| Some((pair, ended?)));
        left.filter(|(pair, _)| !in_use.contains(pair))
            .filter(|((_, key), _)| world.keys[*key].is_accepted(world.now))
            .map(|((account, key), ended)| ((account, key), ended.max(let_in_since(world, key))))
            .collect()
    }

    /// A whole scan with nothing in the way has seen every open use.
    pub(super) fn mark_shown(&self, stage: &Stage) {
        let mut world = stage.world.borrow_mut();
        let now = world.now;
        if self.all_disturbed == Some(now) {
            return;
        }
        let open: Vec<usize> = world.open.values().copied().collect();
        for span in open {
            world.spans[span].shown = true;
        }
    }
}

/// A revoked key that only SMTP still lets in is on its way out: nobody has to hear of that.
fn let_in_since(world: &World, key: usize) -> Timestamp {
    let key = &world.keys[key];
    if key.smtp_until.is_some() { world.now } else { key.since }
}

async fn reported(ledger: &Ledger) -> Reported {
    let (mut reported, mut after) = (Reported::new(), FindingId(0));
    let open = FindingFilter { state: Some(FindingState::Open), ..FindingFilter::default() };
    loop {
        let page = ledger.findings(&open, after, PAGE).await.expect("a ledger");
        let Some(last) = page.last() else { return reported };
        after = last.id;
        for finding in page {
            reported.entry((finding.account_id, finding.credential)).or_default().insert(finding.rule);
        }
    }
}

/// What the row knows of its end.
pub(super) trait Proven {
    fn is_proven(&self) -> bool;
}

impl Proven for CredentialRow {
    fn is_proven(&self) -> bool {
        use keysweep::domain::belief::Shredding;
        self.shredding.is_some_and(|shredding| shredding != Shredding::Unproven)
    }
}
