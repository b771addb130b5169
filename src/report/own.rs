//! What one account is told of a key that others may have too: nothing of them (DESIGN.md 6). Pure.

use crate::domain::time::Timestamp;
use crate::ledger::read::{AccountName, CredentialRow, EventRow, OwnUses};

/// What the log's entries on a key may tell its account: what the provider answered, and that it leaked. Not the operator's
/// own note on that.
const OF_THE_KEY: [&str; 6] = ["from", "to", "outcome", "asked", "compromised_at", "reason"];
/// What those on its provider may. Not what was counted there, which counts everybody's keys.
const OF_THE_PROVIDER: [&str; 5] = ["protocol", "endpoint", "why", "since", "by"];

/// How far a key's story is an account's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Own<'a> {
    account: &'a AccountName,
    uses: &'a OwnUses,
    from: Timestamp,
}

impl<'a> Own<'a> {
    /// The part that begins with the account's first use of the key; with `otherwise` where it has none any more.
    pub fn of(account: &'a AccountName, uses: &'a OwnUses, otherwise: Timestamp) -> Self {
        let from = uses.uses.iter().map(|used| used.since).min().unwrap_or(otherwise);
        Self { account, uses, from }
    }

    /// The key, as if nobody else had it.
    pub fn row(&self, row: &mut CredentialRow) {
        row.source.clone_from(&self.account.source);
        row.open_uses = self.uses.open;
        row.compromised_note = None;
        row.secret_since = row.secret_since.max(self.from);
        if !self.uses.is_first {
            row.first_seen_at = None; // it was in another's hands
        }
        let own = |at: &mut Option<Timestamp>| *at = at.filter(|at| *at >= self.from);
        for at in [&mut row.asked_at, &mut row.accepted_at, &mut row.refused_last, &mut row.died_at] {
            own(at);
        }
        if row.asked_at.is_none() {
            row.last_answer = None;
        }
        // what holds since before holds since the account has the key
        for at in [&mut row.liveness_since, &mut row.unknown_since] {
            *at = at.map(|at| at.max(self.from));
        }
        row.refused_first = row.refused_last.and(row.refused_first).map(|at| at.max(self.from));
        if row.refused_last.is_none() {
            row.refused_on.clear();
        }
    }

    /// The log's entry as the account may read it; `None` for one from before it had the key.
    pub fn event(&self, mut event: EventRow) -> Option<EventRow> {
        if event.at < self.from {
            return None;
        }
        let told: &[&str] = match event.subject.split_once(':') {
            Some(("credential", _)) => &OF_THE_KEY,
            Some(("provider", _)) => &OF_THE_PROVIDER,
            _ => return Some(event), // on its own connections and findings
        };
        event.data.retain(|name, _| told.contains(&name.as_str()));
        Some(event)
    }
}
