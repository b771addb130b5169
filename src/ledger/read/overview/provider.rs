//! A provider in numbers.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::age::AgeBand;
use crate::domain::belief::Liveness;
use crate::domain::facts::ConnectionStatus;
use crate::domain::time::Timestamp;
use crate::ledger::read::when;

/// What the ledger holds of one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProviderOverview {
    /// connections by status
    pub connections: BTreeMap<ConnectionStatus, u64>,
    /// credentials by liveness; stand-ins for rows without a secret are left out
    pub credentials: BTreeMap<Liveness, u64>,
    /// since when nothing uses the one that has been unused for longest, of those that work and whose copies are held
    #[serde(serialize_with = "when::maybe")]
    pub unused_since: Option<Timestamp>,
    /// secrets whose age matters, by its band: a key in open use that is not proven dead
    pub ages: BTreeMap<AgeBand, u64>,
    /// since when the oldest of them is known to exist
    #[serde(serialize_with = "when::maybe")]
    pub oldest_since: Option<Timestamp>,
    /// ended uses whose credential has no open use in the account and is not proven dead
    pub tombstones: u64,
    /// when the use of the oldest tombstone ended
    #[serde(serialize_with = "when::maybe")]
    pub oldest_tombstone: Option<Timestamp>,
    /// what it has answered about the keys that are asked about
    pub answers: AnswersOverview,
}

/// What a provider has answered, in numbers: whether it can be seen at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AnswersOverview {
    /// credentials that it is to be asked about; of the others no copy is held, or their end is proven
    pub to_ask: u64,
    /// those among them that it was asked about at least once
    pub asked: u64,
    /// those among these of which its last answer said nothing definite
    pub unclear: u64,
    /// since when the first of those has got nothing definite
    #[serde(serialize_with = "when::maybe")]
    pub unclear_since: Option<Timestamp>,
    /// the last definite answer about any credential that it is to be asked about
    #[serde(serialize_with = "when::maybe")]
    pub answered_at: Option<Timestamp>,
}

impl ProviderOverview {
    /// Whether the oldest of the secrets whose age matters may be older than [`Self::oldest_since`] says: of some it is known
    /// only when they were first seen.
    pub fn is_oldest_a_bound(&self) -> bool {
        self.ages.get(&AgeBand::AtLeast).is_some_and(|count| *count > 0)
    }
}

impl AnswersOverview {
    /// Since when it has given no definite answer about any credential; `None` where its last answer about at least one was
    /// definite, or none was asked about.
    pub fn silent_since(&self) -> Option<Timestamp> {
        let all = self.asked > 0 && self.unclear == self.asked;
        self.unclear_since.max(self.answered_at).filter(|_| all)
    }

    /// Together with others of the same provider.
    pub(in crate::ledger) fn add(&mut self, other: &Self) {
        self.to_ask += other.to_ask;
        self.asked += other.asked;
        self.unclear += other.unclear;
        self.unclear_since = self.unclear_since.into_iter().chain(other.unclear_since).min();
        self.answered_at = self.answered_at.max(other.answered_at);
    }
}

impl Default for ProviderOverview {
    fn default() -> Self {
        Self {
            connections: ConnectionStatus::ALL.map(|status| (status, 0)).into(),
            credentials: Liveness::ALL.map(|liveness| (liveness, 0)).into(),
            unused_since: None,
            ages: AgeBand::ALL.map(|band| (band, 0)).into(),
            oldest_since: None,
            tombstones: 0,
            oldest_tombstone: None,
            answers: AnswersOverview::default(),
        }
    }
}
