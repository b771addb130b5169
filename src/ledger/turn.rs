//! Turns: who looks at the inventory and writes what follows is told where another has written in between.

use std::sync::Arc;

use super::Ledger;
use super::session::Session;
use super::sql::Sql;
use crate::ports::LedgerError;
use crate::ports::turn::{Turn, Turns};

impl Turns for Ledger {
    async fn turn(&self) -> Result<Turn, LedgerError> {
        let held = Arc::clone(self.turns()).lock_owned().await;
        let number = self.look("begin a turn").await?.number(&TURN, []).await?;
        Ok(Turn::new(number, held))
    }
}

/// Writes to the inventory what was put together in this turn; `None` for what holds whatever others write.
///
/// # Errors
/// [`LedgerError::Busy`] where another has written since the turn began.
pub(super) async fn take(tx: &mut Session, turn: Option<i64>) -> Result<(), LedgerError> {
    still(tx.run(&TAKE, [turn.into()]).await?)
}

/// Writes what was concluded from the inventory in this turn, and nothing to the inventory itself: no turn of another is
/// over by it.
///
/// # Errors
/// [`LedgerError::Busy`] where another has written since the turn began.
pub(super) async fn keep(tx: &mut Session, turn: Option<i64>) -> Result<(), LedgerError> {
    still(tx.run(&KEEP, [turn.into()]).await?)
}

fn still(touched: u64) -> Result<(), LedgerError> {
    if touched == 0 {
        let what = "another process has written to the inventory meanwhile, and this is tried again by itself";
        return Err(LedgerError::Busy(what.to_owned()));
    }
    Ok(())
}

pub(super) const TURN: Sql = sql!("SELECT coalesce((SELECT max(number) FROM turn), 0)");

// $1 the turn in which it was put together, or null. Touches nothing where another has written since.
pub(super) const TAKE: Sql = sql!(
    "INSERT INTO turn (id, number) VALUES (1, 1)
     ON CONFLICT (id) DO UPDATE SET number = turn.number + 1 WHERE turn.number = coalesce($1, turn.number)"
);

// The same, but for the number. In PostgreSQL the row is locked all the same: whoever writes waits for this to be over.
pub(super) const KEEP: Sql = sql!(
    "INSERT INTO turn (id, number) VALUES (1, 0)
     ON CONFLICT (id) DO UPDATE SET number = turn.number WHERE turn.number = coalesce($1, turn.number)"
);
