//! Whoever is outlived: at a provider with one secret per key, an accepted secret proves older ones of its key dead, asked
//! or not (`domain::outlived`).
//!
//! That is concluded at the end of a pass and from what the ledger has then, for an older one may be among those that the
//! pass asked itself. A pass that is killed before leaves it to the next acceptance of the newer one.

use super::{Lane, LaneSum};
use crate::domain::belief::{Belief, Liveness};
use crate::domain::blindness::Accounts;
use crate::domain::cadence::next_probe;
use crate::domain::ids::CredentialId;
use crate::domain::outlived::{self, Heir, Keymate, Outlived, Word};
use crate::domain::time::Timestamp;
use crate::ports::probe::{Learnt, OutlivedRecord, ProbeLedger, ProbeRecord, Prober, SameKey};
use crate::ports::{Clock, Event, LedgerError, Progress, Vault};
use crate::scan::facts;

impl<L: ProbeLedger, P: Prober, V: Vault, C: Clock, G: Progress> Lane<'_, L, P, V, C, G> {
    /// Keeps in mind who of a batch was let in and may outlive others.
    pub(super) async fn note_heirs(&self, records: &[ProbeRecord]) -> Result<(), LedgerError> {
        if !self.policy.one_secret_per_key {
            return Ok(());
        }
        let is_live = |record: &&ProbeRecord| record.belief.liveness == Liveness::Live && !record.belief.limited;
        let live: Vec<CredentialId> = records.iter().filter(is_live).map(|record| record.id).collect();
        if !live.is_empty() {
            let sharing = self.tools.ledger.sharing_a_key(&live).await?;
            self.heirs.borrow_mut().extend(sharing);
        }
        Ok(())
    }

    /// Ends those whom somebody outlived in this pass. Not by a clock that is not to be gone by.
    pub(super) async fn end_the_outlived(&self, sum: &mut LaneSum) -> Result<(), LedgerError> {
        let heirs = self.heirs.take();
        if self.pass.clock_is_suspect() {
            return Ok(());
        }
        for heir in heirs {
            let mut after = CredentialId(0);
            loop {
                let mut page = self.tools.ledger.keymates(heir, after).await?;
                let Some(place) = page.iter().position(|mate| mate.id == heir) else { break };
                let heir = page.swap_remove(place);
                let Some(last) = page.iter().map(|mate| mate.id).max() else { break };
                after = last;
                self.outlive(&page, &heir, sum).await?;
            }
        }
        Ok(())
    }

    /// What the newer one's acceptance says of these.
    async fn outlive(&self, older: &[SameKey], heir: &SameKey, sum: &mut LaneSum) -> Result<(), LedgerError> {
        let now = self.tools.clock.now();
        let (mut records, mut events, mut sooner) = (Vec::new(), Vec::new(), None::<Timestamp>);
        for old in older {
            match outlived::judge(&keymate(old), &keymate(heir), &self.policy) {
                Word::Nothing => {}
                Word::NotBefore(at) => sooner = Some(sooner.map_or(at, |known| known.min(at))),
                Word::Dead(at) => {
                    let by = told_of(old.accounts, heir);
                    let belief = outlived::proven(&old.belief, Outlived { at, by }, now);
                    events.push(ended(old, &belief, heir, at, now));
                    let context = self.context(old.idle_since, false);
                    let probe_at = next_probe(&belief, &context, &self.policy, None, 0).filter(|_| old.held);
                    records.push(OutlivedRecord { id: old.id, from: old.belief.liveness, belief, probe_at });
                }
            }
        }
        let sooner: Vec<_> = sooner.map(|at| (heir.id, at)).into_iter().collect();
        let learnt = Learnt { outlived: &records, sooner: &sooner, events: &events, ..Learnt::default() };
        if learnt.is_nothing() {
            return Ok(());
        }
        let silent = self.tools.ledger.commit_probes(now, &learnt).await?;
        let moved = |record: &&OutlivedRecord| !silent.contains(&record.id) && record.from != record.belief.liveness;
        for record in records.iter().filter(moved) {
            sum.transitions += 1;
            self.tools.meter.moved(self.provider, record.belief.liveness);
        }
        Ok(())
    }
}

fn keymate(mate: &SameKey) -> Keymate<'_> {
    Keymate {
        belief: &mate.belief,
        first_seen_at: mate.first_seen_at,
        region: mate.region.as_deref(),
        base_url: mate.base_url.as_deref(),
        held: mate.held,
        idle_since: mate.idle_since,
    }
}

/// The newer one by its name, where both are the same account's and nobody else's.
fn told_of(older: Accounts, heir: &SameKey) -> Option<Heir> {
    let (Some(account), Some(last)) = (older.0, older.1) else { return None };
    let are_theirs = account == last && heir.accounts == older;
    are_theirs.then(|| Heir { credential: heir.fingerprint.short().to_owned(), account })
}

fn ended(old: &SameKey, belief: &Belief, heir: &SameKey, accepted: Timestamp, now: Timestamp) -> Event {
    Event {
        at: now,
        kind: "credential.outlived",
        subject: format!("credential:{}", old.id),
        data: facts([
            ("from", old.belief.liveness.as_str().into()),
            ("to", belief.liveness.as_str().into()),
            ("newer", heir.fingerprint.short().into()),
            ("newer_accepted_at", accepted.to_string().into()),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AccountId;
    use crate::domain::secret::Fingerprint;

    #[test]
    fn the_newer_secret_is_named_only_where_both_are_one_accounts_alone() {
        let of = |first, last| Accounts(Some(AccountId(first)), Some(AccountId(last)));
        for (older, newer, named) in [
            (of(1, 1), of(1, 1), true),
            (of(1, 1), of(2, 2), false),
            (of(1, 2), of(1, 1), false),
            (of(1, 1), of(1, 2), false),
            (of(1, 2), of(1, 2), false),
            (Accounts(None, None), Accounts(None, None), false),
        ] {
            let heir = SameKey {
                id: CredentialId(2),
                fingerprint: Fingerprint::try_from(format!("{:064x}", 0xabcd)).expect("64 digits"),
                accounts: newer,
                region: None,
                base_url: None,
                belief: Belief::default(),
                first_seen_at: None,
                idle_since: None,
                held: true,
            };
            let told = told_of(older, &heir);
            assert_eq!(told.is_some(), named, "{older:?} {newer:?}");
            assert!(told.is_none_or(|heir| heir.credential == "00000000abcd" && heir.account == AccountId(1)));
        }
    }
}
