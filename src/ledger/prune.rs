//! What is kept of mails and messages, and for how long.
//!
//! Who was told what and when is evidence, and stays for as long as the operator says. What goes after that is what nothing
//! asks for any more:
//!
//! | row | stays beyond that while |
//! |---|---|
//! | notice | its finding is open in the same opening: the ladder, the note that ends a tombstone and `References` go by it |
//! | mail | a notice or a link is of it, or it is its reader's newest: who has one was written to, and numbers go on from it |
//! | message | it is the newest of all |
//!
//! The log keeps that a mail was sent, to whom by number, for ever.

#[cfg(test)]
mod tests;

use serde::Deserialize;

use super::Ledger;
use super::packed::{flag, pack, size};
use super::sql::Sql;
use crate::domain::time::Timestamp;
use crate::ports::{LedgerError, Progress};

/// Rows that are looked at in one transaction: nobody waits long for the write lock.
const CHUNK: usize = 1_000;

/// How much was pruned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// steps of findings that have closed or begun anew since
    pub notices: u64,
    /// mails that arrived or were cancelled
    pub mails: u64,
    /// messages to endpoints, taken or given up
    pub messages: u64,
}

impl Ledger {
    /// Forgets notices, mails and messages that ended before this instant and that nothing refers to. Chunk by chunk, oldest
    /// first; stopped or killed in between, the rest goes the next time.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn prune(&self, before: Timestamp, progress: &impl Progress) -> Result<Pruned, LedgerError> {
        Ok(Pruned {
            notices: self.prune_one(&NOTICES, &FORGET_NOTICES, before, progress).await?,
            mails: self.prune_one(&MAILS, &FORGET_MAILS, before, progress).await?,
            messages: self.prune_one(&MESSAGES, &FORGET_MESSAGES, before, progress).await?,
        })
    }

    async fn prune_one(
        &self,
        page: &Sql,
        forget: &Sql,
        before: Timestamp,
        progress: &impl Progress,
    ) -> Result<u64, LedgerError> {
        let (mut after, mut forgotten) = (0, 0);
        while !progress.stopping() {
            let mut tx = self.write("forget what is no longer asked for").await?;
            let rows: Vec<Row> = tx.rows("row", page, [after.into(), before.into(), size(CHUNK).into()]).await?;
            let Some(last) = rows.iter().filter(|row| row.is_old).map(|row| row.id).max() else { break };
            let free: Vec<i64> = rows.iter().filter(|row| row.is_free).map(|row| row.id).collect();
            if !free.is_empty() {
                forgotten += tx.run(forget, [pack(&free)?.into()]).await?;
                tx.commit().await?;
            }
            after = last;
        }
        Ok(forgotten)
    }
}

/// A row in the order of numbers, which is that of time but for a few.
#[derive(Deserialize)]
struct Row {
    id: i64,
    /// a page without any is the last
    #[serde(deserialize_with = "flag")]
    is_old: bool,
    /// it ended long ago, and nothing refers to it
    #[serde(deserialize_with = "flag")]
    is_free: bool,
}

/// A notice is as old as the instant at which it was planned, and its mail no younger than that.
pub(super) const NOTICES: Sql = sql!(
    "SELECT " [page by "n.id":
        "n.id, n.planned_at < $2,
         n.planned_at < $2 AND n.state <> 'planned' AND (f.opening > n.opening OR f.state = 'closed' AND f.closed_at < $2)
             AND (m.id IS NULL OR m.state = 'cancelled' OR m.sent_at < $2)"] "
     FROM (SELECT * FROM notice WHERE id > $1 ORDER BY id LIMIT $3) AS n
     JOIN finding AS f ON f.id = n.finding_id
     LEFT JOIN mail AS m ON m.id = n.mail_id"
);

pub(super) const FORGET_NOTICES: Sql = sql!("DELETE FROM notice WHERE id IN " [within "$1" bigint]);

pub(super) const MAILS: Sql = sql!(
    "SELECT " [page by "m.id":
        "m.id, m.formed_at < $2,
         m.formed_at < $2 AND m.state IN ('sent', 'cancelled') AND (m.sent_at IS NULL OR m.sent_at < $2)
               AND NOT EXISTS (SELECT 1 FROM notice AS n WHERE n.mail_id = m.id)
               AND NOT EXISTS (SELECT 1 FROM link AS l WHERE l.mail_id = m.id)
               AND EXISTS (SELECT 1 FROM mail AS o
                           WHERE o.person_id = m.person_id AND o.id > m.id AND (o.state <> 'cancelled' OR m.state = 'cancelled'))"] "
     FROM (SELECT * FROM mail WHERE id > $1 ORDER BY id LIMIT $3) AS m"
);

pub(super) const FORGET_MAILS: Sql = sql!("DELETE FROM mail WHERE id IN " [within "$1" bigint]);

pub(super) const MESSAGES: Sql = sql!(
    "SELECT " [page by "q.id":
        "q.id, q.formed_at < $2, q.state <> 'planned' AND q.ended_at < $2 AND q.id < (SELECT max(id) FROM message)"] "
     FROM (SELECT * FROM message WHERE id > $1 ORDER BY id LIMIT $3) AS q"
);

pub(super) const FORGET_MESSAGES: Sql = sql!("DELETE FROM message WHERE id IN " [within "$1" bigint]);
