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
        let mut line = self.look("begin a turn").await?;
        let turns: Vec<(i64, i64)> = line.rows("turn", &TURN, []).await?;
        let (number, acts) = turns.first().copied().unwrap_or_default();
        Ok(Turn::new(number, number + acts, held))
    }
}

/// Writes to the inventory what was put together in this turn; `None` for what holds whatever others write.
///
/// # Errors
/// [`LedgerError::Busy`] where another has written since the turn began.
pub(super) async fn take(tx: &mut Session, turn: Option<i64>) -> Result<(), LedgerError> {
    still(tx.run(&TAKE, [turn.into()]).await?)
}

/// Tells whoever judges that something beside the inventory made connections due: what is concluded from before is not kept.
/// Whoever writes findings as well says so first of all: else they and a judgement could wait for each other.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn acted(tx: &mut Session) -> Result<(), LedgerError> {
    tx.run(&ACTED, []).await?;
    Ok(())
}

/// Writes what was concluded from the inventory in this turn, and nothing to the inventory itself: no turn of another is
/// over by it.
///
/// # Errors
/// [`LedgerError::Busy`] where another has written, or acted, since the turn began.
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

pub(super) const TURN: Sql = sql!("SELECT " [page "number, acts"] " FROM turn");

// $1 the turn in which it was put together, or null. Touches nothing where another has written since.
pub(super) const TAKE: Sql = sql!(
    "INSERT INTO turn (id, number) VALUES (1, 1)
     ON CONFLICT (id) DO UPDATE SET number = turn.number + 1 WHERE turn.number = coalesce($1, turn.number)"
);

pub(super) const ACTED: Sql =
    sql!("INSERT INTO turn (id, number, acts) VALUES (1, 0, 1) ON CONFLICT (id) DO UPDATE SET acts = turn.acts + 1");

// As the first, but for the number, and acts count. In PostgreSQL the row is locked all the same: whoever writes waits for this to be over.
pub(super) const KEEP: Sql = sql!(
    "INSERT INTO turn (id, number) VALUES (1, 0)
     ON CONFLICT (id) DO UPDATE SET number = turn.number WHERE turn.number + turn.acts = coalesce($1, turn.number + turn.acts)"
);
