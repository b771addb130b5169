//! Opening the ledger, its transactions, and the few helpers that every part of this room shares.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::ports::{Event, LedgerError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// The open ledger. Where it was opened for writing, it holds the lock file as long as it lives.
#[derive(Debug)]
pub struct Ledger {
    pool: SqlitePool,
    _lock: Option<File>,
}

/// Why a ledger can't be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// the address names no file
    #[error("[ledger] url = {url:?} names no file: write it as sqlite:PATH ({what})")]
    Url {
        /// the address as configured
        url: String,
        /// what is wrong with it
        what: String,
    },
    /// another process writes to it
    #[error("another keysweep process holds the ledger {path}{}: stop it first, or ask it", holder(*pid))]
    Held {
        /// the database file
        path: PathBuf,
        /// the holder's process number, where it could be read
        pid: Option<u32>,
    },
    /// there is none
    #[error("there is no ledger at {path}: `keysweep scan` makes it")]
    Missing {
        /// the database file
        path: PathBuf,
    },
    /// a newer keysweep wrote it
    #[error("the ledger {path} has schema {found}, this keysweep knows up to {known}: use the newer keysweep")]
    Newer {
        /// the database file
        path: PathBuf,
        /// the schema it has
        found: i64,
        /// the newest schema known here
        known: i64,
    },
    /// an older keysweep wrote it, and it was opened for reading only
    #[error("the ledger {path} has schema {found}, this keysweep needs {known}: run `keysweep migrate` first")]
    NeedsMigration {
        /// the database file
        path: PathBuf,
        /// the schema it has; 0 for a database without one
        found: i64,
        /// the schema needed
        known: i64,
    },
    /// bringing the schema up to date failed; the database is as it was before the step that failed
    #[error("the ledger {path} can't be brought to this schema")]
    Migration {
        /// the database file
        path: PathBuf,
        /// the failed step
        #[source]
        source: Box<MigrateError>,
    },
    /// a file can't be made, read or locked
    #[error("{path}: the ledger's file can't be used")]
    File {
        /// the file
        path: PathBuf,
        /// the system's own words
        #[source]
        source: std::io::Error,
    },
    /// the database failed
    #[error("the ledger {path} can't be opened")]
    Database {
        /// the database file
        path: PathBuf,
        /// the database's own words
        #[source]
        source: sqlx::Error,
    },
}

impl Ledger {
    /// Opens the ledger at `sqlite:PATH` for writing: makes the file where there is none (readable by its owner
    /// only), takes `PATH.lock` for as long as the ledger lives, and brings the schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Held`] is the only one that passes by itself.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let options = options(url)?;
        let path = options.get_filename().to_owned();
        let lock = lock(&path)?;
        create(&path).map_err(|source| OpenError::File { path: path.clone(), source })?;
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("secure_delete", "ON")
            // 16 MiB: a first load dirties many pages of its indexes, and each checkpoint writes them all again.
            .pragma("wal_autocheckpoint", "4000");
        // No statistics (`ANALYZE`, `optimize`): those of a small ledger would lead a grown one to walk whole tables.
        // Without them SQLite takes every table for great, which is what our statements are made for.
        // One connection writes while another reads; more would only wait for each other.
        let pool = connect(options, &path, 2).await?;
        match version(&pool, &path).await? {
            found if found > newest() => return Err(OpenError::Newer { path, found, known: newest() }),
            _ => MIGRATIONS
                .run(&pool)
                .await
                .map_err(|source| OpenError::Migration { path: path.clone(), source: Box::new(source) })?,
        }
        Ok(Self { pool, _lock: Some(lock) })
    }

    /// Opens the ledger for reading, beside whoever writes to it: no lock, no migration.
    ///
    /// # Errors
    /// [`OpenError`]: where there is no ledger, or its schema is not this program's.
    pub async fn open_read_only(url: &str) -> Result<Self, OpenError> {
        let options = options(url)?;
        let path = options.get_filename().to_owned();
        if !path.exists() {
            return Err(OpenError::Missing { path });
        }
        let pool = connect(options.read_only(true), &path, 2).await?;
        match version(&pool, &path).await? {
            found if found > newest() => Err(OpenError::Newer { path, found, known: newest() }),
            found if found < newest() => Err(OpenError::NeedsMigration { path, found, known: newest() }),
            _ => Ok(Self { pool, _lock: None }),
        }
    }

    /// Writes a whole copy of the ledger at `url` to the new file `to` (readable by its owner only), beside whoever
    /// writes to it. The copy holds sealed secrets like the ledger itself: delete it when it has served.
    ///
    /// # Errors
    /// [`OpenError`]: where there is no ledger, or `to` exists or can't be written.
    pub async fn copy_to(url: &str, to: &Path) -> Result<(), OpenError> {
        let options = options(url)?;
        let path = options.get_filename().to_owned();
        if !path.exists() {
            return Err(OpenError::Missing { path });
        }
        // Made here and empty, which VACUUM INTO accepts: made by SQLite it would be as readable as the umask says.
        let place = |source| OpenError::File { path: to.to_owned(), source };
        owner_only().create_new(true).open(to).map_err(place)?;
        let target = to.to_str().ok_or_else(|| place(std::io::ErrorKind::InvalidFilename.into()))?;
        let failed = |source| OpenError::Database { path: path.clone(), source };
        let mut from = SqliteConnection::connect_with(&options.read_only(true)).await.map_err(failed)?;
        sqlx::query("VACUUM INTO ?1").bind(target).execute(&mut from).await.map_err(failed)?;
        from.close().await.map_err(failed)
    }

    /// Ends all use of the database in order. Dropping the ledger loses nothing either, but leaves the journal's tidying to the next one.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// A transaction that has the write lock from its first statement on. Dropped without `commit`, it never was.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] where the lock can't be had in time.
    pub(super) async fn write(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, LedgerError> {
        // A transaction that reads first and then writes fails at once where another wrote in between, whatever the busy timeout.
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(database(doing))
    }

    /// The connections, for statements that only read.
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

/// Tells a failure that passes from one that stays.
pub(super) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> LedgerError {
    move |error| {
        if is_busy(&error) {
            LedgerError::Busy(format!("it was to {doing}: {error}"))
        } else {
            LedgerError::Database { doing, source: Box::new(error) }
        }
    }
}

/// Rows as the one JSON bind of a statement.
///
/// # Errors
/// [`LedgerError::Database`], for values that JSON can't carry; our own rows have none.
pub(super) fn pack<T: Serialize + ?Sized>(rows: &T, doing: &'static str) -> Result<String, LedgerError> {
    serde_json::to_string(rows).map_err(|error| LedgerError::Database { doing, source: Box::new(error) })
}

/// The rows of one packed page: `page` is a JSON list, or null for an empty one.
///
/// # Errors
/// [`LedgerError::Inconsistent`] where a row of `table` is not what our own code writes.
pub(super) fn unpack<T: DeserializeOwned>(table: &'static str, page: Option<&str>) -> Result<Vec<T>, LedgerError> {
    serde_json::from_str(page.unwrap_or("[]")).map_err(|error| LedgerError::Inconsistent {
        table,
        row: format!("at {}", error.column()),
        what: error.to_string(),
    })
}

/// A page's size as the database counts.
pub(super) fn size(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Appends to the log, within the transaction of what it tells.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn log(tx: &mut SqliteConnection, events: &[Event]) -> Result<(), LedgerError> {
    const DOING: &str = "append to the log";
    if events.is_empty() {
        return Ok(());
    }
    // The facts travel as one text: SQLite would take an object apart and put it together again.
    let entries = events
        .iter()
        .map(|e| Ok((e.at, e.kind, &e.subject, pack(&e.data, DOING)?)))
        .collect::<Result<Vec<_>, LedgerError>>()?;
    sqlx::query(
        "INSERT INTO event (at, kind, subject, data)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
         FROM (SELECT jsonb(value) AS value FROM json_each(?1) LIMIT -1 OFFSET 0)", // parsed once, as in COLLECT
    )
    .bind(pack(&entries, DOING)?)
    .execute(tx)
    .await
    .map_err(database(DOING))?;
    Ok(())
}

fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const FULL: i32 = 13;
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse::<i32>().ok());
            code.is_some_and(|code| matches!(code & 0xff, BUSY | LOCKED | FULL)) // the low byte of an extended code
        }
        _ => false,
    }
}

fn options(url: &str) -> Result<SqliteConnectOptions, OpenError> {
    let wrong = |what: String| OpenError::Url { url: url.to_owned(), what };
    if !url.starts_with("sqlite:") {
        return Err(wrong("this build keeps its ledger in SQLite only".to_owned()));
    }
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(wrong("a ledger in memory would forget everything".to_owned()));
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|error| wrong(error.to_string()))?;
    if options.get_filename().as_os_str().is_empty() {
        return Err(wrong("the path is empty".to_owned()));
    }
    Ok(options
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .pragma("temp_store", "MEMORY") // no sealed copy reaches a temporary file
        // 6 MiB for each of two connections: more would be much of what a scan may hold, less makes a second scan dearer.
        .pragma("cache_size", "-6144"))
}

async fn connect(options: SqliteConnectOptions, path: &Path, connections: u32) -> Result<SqlitePool, OpenError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
        .map_err(|source| OpenError::Database { path: path.to_owned(), source })
}

/// The newest schema known here.
fn newest() -> i64 {
    MIGRATIONS.iter().map(|step| step.version).max().unwrap_or(0)
}

/// How many migrations are embedded.
#[cfg(test)]
pub(super) fn steps() -> usize {
    MIGRATIONS.iter().count()
}

/// The schema of the database; 0 for none.
async fn version(pool: &SqlitePool, path: &Path) -> Result<i64, OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'")
        .fetch_one(pool)
        .await
        .map_err(failed)?;
    if tables == 0 {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(pool).await.map_err(failed)
}

/// Takes the lock file and writes our process number into it. The lock ends with the file handle, however the process ends.
fn lock(database: &Path) -> Result<File, OpenError> {
    let path = beside(database, ".lock");
    let failed = |source| OpenError::File { path: path.clone(), source };
    let mut file = owner_only().read(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(OpenError::Held { path: database.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

fn create(path: &Path) -> std::io::Result<()> {
    owner_only().create(true).truncate(false).open(path).map(drop)
}

/// What makes a file is for its owner only; SQLite gives its journal the same mode.
fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}
