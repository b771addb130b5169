//! Appending to the event log, and its chain: a link for each committed chunk, in its transaction.

use std::sync::Arc;

use serde_json::Value;

use super::Ledger;
use super::packed::{pack, size};
use super::read::log::EVENTS;
use super::session::Session;
use super::sql::Sql;
use crate::domain::announce::Entry;
use crate::domain::chain::{KEYLESS, LONGEST, Link, covered};
use crate::ports::notary::Notary;
use crate::ports::{Event, LedgerError};

impl Ledger {
    /// Has somebody vouch for everything that is logged from here on, and for what is in the log and may have no link yet.
    /// Who does it first does it as long as the ledger is open.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn chain_with(&self, notary: Arc<dyn Notary>) -> Result<(), LedgerError> {
        self.notary().get_or_init(|| notary);
        // Each page in a transaction of its own: the log of an older ledger may be long.
        loop {
            let mut tx = self.write("vouch for the event log").await?;
            let linked = tx.stray().await?.is_none() && tx.link_next().await?;
            tx.commit().await?;
            if !linked {
                return Ok(());
            }
        }
    }

    /// The links behind an entry, in order.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn links(&self, after: i64, limit: usize) -> Result<Vec<Link>, LedgerError> {
        let mut line = self.look("read the event log's chain").await?;
        line.rows("chain", &LINKS, [after.into(), size(limit).into()]).await
    }

    /// The last link.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn log_head(&self) -> Result<Option<Link>, LedgerError> {
        let mut line = self.look("read the head of the event log").await?;
        Ok(line.rows("chain", &HEAD, []).await?.pop())
    }

    /// What a link covers: the entries behind one entry and up to another. One more than a link may cover shows that
    /// there are too many. `None` where one of them says what nobody could have written.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn entries_between(&self, after: i64, up_to: i64) -> Result<Option<Vec<Entry>>, LedgerError> {
        let mut line = self.look("read what a link covers").await?;
        let page = [after.into(), up_to.into(), size(LONGEST + 1).into()];
        let rows: Vec<Value> = line.rows("event", &BETWEEN, page).await?;
        Ok(rows.into_iter().map(entry).collect())
    }

    /// How many entries have no link yet: those of commands that were run without the master key. The next one that has it
    /// vouches for them.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn unlinked(&self) -> Result<u64, LedgerError> {
        let mut line = self.look("count what has no link").await?;
        Ok(line.number(&UNLINKED, []).await?.unsigned_abs())
    }

    /// An entry that no link covers, although it can't have been written without one: somebody else wrote it, or removed its
    /// link.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn stray(&self) -> Result<Option<i64>, LedgerError> {
        self.look("look for what must have a link").await?.stray().await
    }
}

/// An entry as it was written, its facts as a text.
fn entry(row: Value) -> Option<Entry> {
    let (id, at, kind, subject, data): (_, _, _, _, String) = serde_json::from_value(row).ok()?;
    Some(Entry { id, at, kind, subject, data: serde_json::from_str(&data).ok()? })
}

impl Session {
    /// Appends to the log, within the transaction of what it tells, and has it vouched for. Not where something stands there
    /// already that must have had a link: it would be vouched for too.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub(super) async fn log(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        if events.is_empty() {
            return Ok(());
        }
        // The facts travel as one text: SQLite would take an object apart and put it together again.
        let entries = events
            .iter()
            .map(|e| Ok((e.at, e.kind, &e.subject, pack(&e.data)?)))
            .collect::<Result<Vec<_>, LedgerError>>()?;
        let vouches = self.notary().is_some() && self.stray().await?.is_none();
        self.run(&APPEND, [pack(&entries)?.into()]).await?;
        if vouches { self.link().await } else { Ok(()) }
    }

    async fn stray(&mut self) -> Result<Option<i64>, LedgerError> {
        Ok(self.rows("event", &STRAY, [pack(&KEYLESS)?.into()]).await?.into_iter().min())
    }

    /// Vouches for everything that has no link yet.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    async fn link(&mut self) -> Result<(), LedgerError> {
        while self.link_next().await? {}
        Ok(())
    }

    /// One link more; false where nothing is without one, or nobody vouches.
    async fn link_next(&mut self) -> Result<bool, LedgerError> {
        let Some(notary) = self.notary() else { return Ok(false) };
        let before: Option<Link> = self.rows("chain", &HEAD, []).await?.pop();
        let after = before.map_or(0, |link| link.up_to);
        let entries: Vec<Entry> = self.rows("event", &EVENTS, [after.into(), size(LONGEST).into()]).await?;
        let Some(last) = entries.last() else { return Ok(false) };
        let mac = notary.mac(&covered(before.as_ref(), &entries)).to_string();
        self.run(&ADD, [last.id.into(), mac.into()]).await?;
        Ok(true)
    }
}

pub(super) const APPEND: Sql = sql!(
    "INSERT INTO event (at, kind, subject, data)
     SELECT v.at, v.kind, v.subject, v.data FROM " [wide "$1" v (0 at bigint, 1 kind text, 2 subject text, 3 data text)]
);

// Facts that were tampered with need not be JSON any more.
pub(super) const BETWEEN: Sql = sql!(
    "SELECT " [page "id, at, CAST(kind AS text), CAST(subject AS text), CAST(data AS text)"] "
     FROM (SELECT * FROM event WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3) AS page"
);

pub(super) const HEAD: Sql =
    sql!("SELECT " [page "up_to, CAST(mac AS text)"] " FROM (SELECT * FROM chain ORDER BY up_to DESC LIMIT 1) AS head");

pub(super) const LINKS: Sql = sql!("SELECT " [page "up_to, CAST(mac AS text)"] " FROM (SELECT * FROM chain WHERE up_to > $1 ORDER BY up_to LIMIT $2) AS page");

pub(super) const ADD: Sql = sql!("INSERT INTO chain (up_to, mac) VALUES ($1, $2)");

// The ledger's own numbers begin with 1.
pub(super) const STRAY: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM (SELECT id FROM event WHERE id < 1 LIMIT 1) AS before_all
           UNION ALL
           SELECT id FROM (SELECT id FROM event
                           WHERE id > (SELECT coalesce(max(up_to), 0) FROM chain) AND kind NOT IN " [within "$1" text] "
                           LIMIT 1) AS without) AS stray"
);

pub(super) const UNLINKED: Sql =
    sql!("SELECT count(*) FROM event WHERE id > (SELECT coalesce(max(up_to), 0) FROM chain)");
