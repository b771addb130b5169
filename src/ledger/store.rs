//! Opening the ledger, in SQLite or in PostgreSQL.

pub(super) mod postgres;
mod refusal;
pub(super) mod sqlite;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::{PgPool, SqlitePool};
use tokio::sync::Mutex;

pub use refusal::OpenError;

use super::failure::database;
use crate::ports::LedgerError;
use crate::ports::notary::Notary;

/// The open ledger. Where it was opened for writing, it holds the right to write as long as it lives: nobody else writes.
#[derive(Debug)]
pub struct Ledger {
    pools: Pools,
    /// who vouches for what is logged
    notary: OnceLock<Arc<dyn Notary>>,
    /// whose turn it is to write to the inventory, among those of this process
    turns: Arc<Mutex<()>>,
    /// what it was opened for beside its holder
    beside: Option<Beside>,
}

/// What a ledger is opened for beside whoever holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// to be read for as long as it takes
    Reading,
    /// to be read for people who go away: what nobody waits for any more ends
    Showing,
    /// for a small act
    Acting,
}

/// The connections to the one database or the other.
#[derive(Debug)]
pub(super) enum Pools {
    /// one file
    Sqlite {
        /// one connection writes while another reads; more would only wait for each other
        pool: SqlitePool,
        /// the right to write, where the ledger was opened for it
        held: Option<sqlite::Held>,
    },
    /// one schema of a server's database
    Postgres {
        /// one connection, which holds the ledger's lock; where the ledger was opened for reading only, the readers
        writer: PgPool,
        /// those that only read
        reader: PgPool,
        /// how long the server may take to answer
        silence: Duration,
    },
}

impl Ledger {
    /// Opens the ledger at `sqlite:PATH` or `postgres://...` for writing, takes the lock that only one process can have,
    /// and brings the schema up to date. SQLite's file is made where there is none, readable by its owner only;
    /// PostgreSQL's database and schema must be there.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Held`] and [`OpenError::Unreachable`] may pass by themselves.
    pub async fn open(url: impl AsRef<str>) -> Result<Self, OpenError> {
        let url = url.as_ref();
        let pools = if postgres::is_address(url) { postgres::open(url).await? } else { sqlite::open(url).await? };
        Ok(Self::over(pools))
    }

    /// Opens the ledger for reading, beside whoever writes to it: no lock, no migration.
    ///
    /// # Errors
    /// [`OpenError`]: where there is no ledger, or its schema is not this program's.
    pub async fn open_read_only(url: impl AsRef<str>) -> Result<Self, OpenError> {
        Self::unlocked(url.as_ref(), Beside::Reading).await
    }

    /// As [`Ledger::open_read_only`], for people who go away. What somebody asks and doesn't wait for ends, and so does
    /// what a PostgreSQL server has not answered after seconds: a few slow lists keep nobody else from an answer.
    ///
    /// # Errors
    /// As for [`Ledger::open_read_only`].
    pub async fn open_to_show(url: impl AsRef<str>) -> Result<Self, OpenError> {
        Self::unlocked(url.as_ref(), Beside::Showing).await
    }

    /// Opens the ledger beside whoever holds it, for one act of a person that is a single transaction and that the stages
    /// read anew each time, such as [`Ledger::release_mail`]. Never for a stage.
    ///
    /// # Errors
    /// As for [`Ledger::open_read_only`].
    pub async fn open_beside(url: impl AsRef<str>) -> Result<Self, OpenError> {
        Self::unlocked(url.as_ref(), Beside::Acting).await
    }

    async fn unlocked(url: &str, beside: Beside) -> Result<Self, OpenError> {
        let pools = if postgres::is_address(url) {
            postgres::open_beside(url, beside).await?
        } else {
            sqlite::open_beside(url, beside).await?
        };
        Ok(Self { beside: Some(beside), ..Self::over(pools) })
    }

    /// An open database whose schema may be an older one.
    pub(super) fn to_look_at(pools: Pools) -> Self {
        Self::over(pools)
    }

    fn over(pools: Pools) -> Self {
        Self { pools, notary: OnceLock::new(), turns: Arc::default(), beside: None }
    }

    /// The same, taking turns with another opening of the same ledger when it writes to the inventory: neither then
    /// meets what the other has just changed, and who vouches for the log of one vouches for the other's.
    #[must_use]
    pub fn taking_turns_with(self, other: &Self) -> Self {
        Self { turns: Arc::clone(&other.turns), notary: other.notary.clone(), ..self }
    }

    /// Whose turn it is to write to the inventory.
    pub(super) const fn turns(&self) -> &Arc<Mutex<()>> {
        &self.turns
    }

    /// Writes a whole copy of the ledger at `url` to the new file `to` (an SQLite database, readable by its owner only),
    /// beside whoever writes to it. The copy holds sealed secrets like the ledger itself: delete it when it has served.
    ///
    /// # Errors
    /// [`OpenError`]: where there is no ledger, or `to` exists or can't be written.
    pub async fn copy_to(url: impl AsRef<str>, to: &Path) -> Result<(), OpenError> {
        let url = url.as_ref();
        if postgres::is_address(url) { super::copy::to_sqlite(url, to).await } else { sqlite::copy_to(url, to).await }
    }

    /// Lets go of what is kept in memory for the next statement. For the end of a job: the next may be hours away.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn rest(&self) -> Result<(), LedgerError> {
        match &self.pools {
            Pools::Sqlite { pool, .. } => sqlite::rest(pool).await.map_err(database("let go of memory")),
            Pools::Postgres { .. } => Ok(()), // the server's
        }
    }

    /// Ends all use of the database in order. Dropping the ledger loses nothing either, but leaves SQLite's journal to be
    /// tidied by the next one.
    pub async fn close(self) {
        match self.pools {
            Pools::Sqlite { pool, .. } => pool.close().await,
            Pools::Postgres { writer, reader, .. } => {
                reader.close().await;
                writer.close().await;
            }
        }
    }

    /// True where a statement ends once nobody waits for it.
    pub(super) fn is_shown(&self) -> bool {
        self.beside == Some(Beside::Showing)
    }

    pub(super) const fn notary(&self) -> &OnceLock<Arc<dyn Notary>> {
        &self.notary
    }

    /// The connections, for [`Session`](super::session::Session).
    pub(super) fn pools(&self) -> &Pools {
        &self.pools
    }
}

#[cfg(test)]
impl Ledger {
    pub(super) const fn pools_mut(&mut self) -> &mut Pools {
        &mut self.pools
    }
}

/// How many migrations are embedded, and those of PostgreSQL.
#[cfg(test)]
pub(super) fn steps() -> (usize, usize) {
    (sqlite::MIGRATIONS.iter().count(), postgres::MIGRATIONS.iter().count())
}
