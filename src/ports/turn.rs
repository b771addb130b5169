//! Turns to write to the inventory, and to what follows from it.

use tokio::sync::OwnedMutexGuard;

use super::LedgerError;

/// A ledger to which one writes at a time what was put together from what it says.
pub trait Turns {
    /// The turn to look at what is known and then to write what follows. Whoever writes to the inventory or judges it through
    /// this process takes one, from the first look-up to the commit: else two could give out the same numbers, or one write
    /// over what the other has just changed.
    fn turn(&self) -> impl Future<Output = Result<Turn, LedgerError>>;
}

/// The turn to write; over when it is dropped.
#[derive(Debug)]
pub struct Turn {
    /// how often the inventory had been written when the turn began
    pub number: i64,
    /// the same, counting also how often people, mails and answers made connections due
    pub facts: i64,
    _held: OwnedMutexGuard<()>,
}

impl Turn {
    /// Begins with the process's own lock in hand.
    pub const fn new(number: i64, facts: i64, held: OwnedMutexGuard<()>) -> Self {
        Self { number, facts, _held: held }
    }
}
