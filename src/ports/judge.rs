//! What JUDGE asks of the ledger and writes to it.

use super::turn::Turns;
use super::{Event, LedgerError};
use crate::domain::facts::Subject;
use crate::domain::finding::{FindingChange, KnownFinding};
use crate::domain::ids::ConnectionId;
use crate::domain::time::Timestamp;

/// The ledger as JUDGE sees it.
pub trait JudgeLedger: Turns {
    /// Makes every connection due if what they were judged under is not `version`. In pages of its own that
    /// survive a kill: this only notes the work.
    fn judge_under(&self, version: &str) -> impl Future<Output = Result<(), LedgerError>>;

    /// Marks one page of connections that a neighbour's flip made due, in one transaction. False once nothing is left to mark.
    fn spread_dirty(&self, now: Timestamp) -> impl Future<Output = Result<bool, LedgerError>>;

    /// How many connections are due.
    fn due_count(&self, now: Timestamp) -> impl Future<Output = Result<u64, LedgerError>>;

    /// Due connections with ids above `after`, ascending, with all that rules may see and every finding they ever had.
    fn due_subjects(
        &self,
        now: Timestamp,
        after: ConnectionId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError>>;

    /// The same for all connections, due or not: for a judgement that writes nothing.
    fn all_subjects(
        &self,
        after: ConnectionId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError>>;

    /// A batch of judgements in one transaction.
    fn commit_judgements(&self, batch: &JudgeBatch) -> impl Future<Output = Result<(), LedgerError>>;
}

/// What a batch of judgements changes.
#[derive(Clone, Debug, Default)]
pub struct JudgeBatch {
    /// the number of the turn in which it was put together: written only if nobody else has written since
    pub turn: Option<i64>,
    /// the present instant
    pub now: Option<Timestamp>,
    /// when each connection is next due by time alone; `None` for never
    pub judged: Vec<(ConnectionId, Option<Timestamp>)>,
    /// what changes in the findings
    pub changes: Vec<FindingChange>,
    /// what the log is told
    pub events: Vec<Event>,
}
