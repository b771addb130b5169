//! The ledger in one SQLite file, with a lock file beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::{Beside, OpenError, Pools};
use crate::ports::LedgerError;

/// What the name of the lock file ends with.
pub(in crate::ledger) const LOCK: &str = ".lock";

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Those who only look keep a connection so long that they don't use: each has pages in memory, and a daemon that waits is to
/// hold little. Another one is opened in a millisecond.
const UNUSED: Duration = Duration::from_secs(60);

/// 2 MiB of pages for each connection that shows lists: many may be shown at a time, and a page of one needs few.
const SHOWN_FROM: &str = "-2048";

/// Opens for writing: makes the file where there is none, takes `PATH.lock`, and brings the schema up to date.
pub(super) async fn open(url: &str) -> Result<Pools, OpenError> {
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
    let pool = connect(options, &path).await?;
    let ledger = name(&path);
    match version(&pool, &path).await? {
        found if found > newest() => return Err(OpenError::Newer { ledger, found, known: newest() }),
        _ => MIGRATIONS.run(&pool).await.map_err(|source| OpenError::Migration { ledger, source: Box::new(source) })?,
    }
    let held = Held::new(path.clone(), lock).map_err(|source| OpenError::File { path, source })?;
    Ok(Pools::Sqlite { pool, held: Some(held) })
}

/// The right to write to a file: the lock beside it, and which file it is.
#[derive(Debug)]
pub(in crate::ledger) struct Held {
    path: PathBuf,
    /// device and inode, where the system has such
    file: Option<(u64, u64)>,
    _lock: File,
}

impl Held {
    fn new(path: PathBuf, lock: File) -> std::io::Result<Self> {
        Ok(Self { file: identity(&path)?, path, _lock: lock })
    }

    /// Fails where somebody took the file away. SQLite wouldn't notice, and what it writes then is lost at the next start.
    pub(in crate::ledger) fn is_there(&self) -> Result<(), LedgerError> {
        match identity(&self.path) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) => Err(LedgerError::Busy(format!(
                "another file is in the place of {}: restart keysweep, which then works with that one",
                self.path.display()
            ))),
            Err(error) => Err(LedgerError::Busy(format!(
                "{} was taken away ({error}): put it back, or stop keysweep and restore a backup",
                self.path.display()
            ))),
        }
    }
}

/// What a file stays while its name may go to another one.
fn identity(path: &Path) -> std::io::Result<Option<(u64, u64)>> {
    let found = std::fs::metadata(path)?;
    #[cfg(unix)]
    let identity = Some((std::os::unix::fs::MetadataExt::dev(&found), std::os::unix::fs::MetadataExt::ino(&found)));
    #[cfg(not(unix))]
    let identity = found.is_file().then_some((0, 0));
    Ok(identity)
}

/// Opens beside whoever holds the ledger, for reading, or for a small act as well.
pub(super) async fn open_beside(url: &str, beside: Beside) -> Result<Pools, OpenError> {
    let options = options(url)?.read_only(beside != Beside::Acting);
    let options = if beside == Beside::Showing { options.pragma("cache_size", SHOWN_FROM) } else { options };
    let path = options.get_filename().to_owned();
    let ledger = name(&path);
    if !path.exists() {
        return Err(OpenError::Missing { ledger });
    }
    let pool = connect_for(Some(UNUSED), options, &path).await?;
    match version(&pool, &path).await? {
        found if found > newest() => Err(OpenError::Newer { ledger, found, known: newest() }),
        found if found < newest() => Err(OpenError::NeedsMigration { ledger, found, known: newest() }),
        _ => Ok(Pools::Sqlite { pool, held: None }),
    }
}

/// A whole copy in a new file.
pub(super) async fn copy_to(url: &str, to: &Path) -> Result<(), OpenError> {
    let options = options(url)?;
    let path = options.get_filename().to_owned();
    if !path.exists() {
        return Err(OpenError::Missing { ledger: name(&path) });
    }
    // Made here and empty, which VACUUM INTO accepts: made by SQLite it would be as readable as the umask says.
    let place = |source| OpenError::File { path: to.to_owned(), source };
    owner_only().create_new(true).open(to).map_err(place)?;
    let target = to.to_str().ok_or_else(|| place(std::io::ErrorKind::InvalidFilename.into()))?;
    let failed = |source| OpenError::Database { ledger: name(&path), source };
    let mut from = SqliteConnection::connect_with(&options.read_only(true)).await.map_err(failed)?;
    sqlx::query("VACUUM INTO $1").bind(target).execute(&mut from).await.map_err(failed)?;
    from.close().await.map_err(failed)
}

pub(in crate::ledger) fn options(url: &str) -> Result<SqliteConnectOptions, OpenError> {
    let wrong = |what: &str| OpenError::Url { what: what.to_owned() };
    if !url.starts_with("sqlite:") {
        return Err(wrong("write sqlite:PATH, or postgres://USER@HOST/DATABASE"));
    }
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(wrong("a ledger in memory would forget everything; write sqlite:PATH"));
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|error| wrong(&format!("{error}; write sqlite:PATH")))?;
    if options.get_filename().as_os_str().is_empty() {
        return Err(wrong("the path is empty; write sqlite:PATH"));
    }
    Ok(options
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .pragma("temp_store", "MEMORY") // no sealed copy reaches a temporary file
        // 6 MiB for each of two connections: more would be much of what a scan may hold, less makes a second scan dearer.
        .pragma("cache_size", "-6144"))
}

pub(in crate::ledger) async fn connect(options: SqliteConnectOptions, path: &Path) -> Result<SqlitePool, OpenError> {
    connect_for(None, options, path).await
}

/// The same, with connections that are closed where nobody uses them for so long.
async fn connect_for(
    unused: Option<Duration>,
    options: SqliteConnectOptions,
    path: &Path,
) -> Result<SqlitePool, OpenError> {
    SqlitePoolOptions::new()
        .max_connections(2)
        .idle_timeout(unused)
        .max_lifetime(None)
        // Where a commit failed for the disk's sake, SQLite has gone back by itself and sqlx still counts a transaction:
        // nothing could be begun on that connection ever again. It is closed, and another one opened.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_with(options)
        .await
        .map_err(|source| OpenError::Database { ledger: name(path), source })
}

/// Has connections that nobody uses just now let go of the pages that they keep: there may be nothing to do for hours.
pub(in crate::ledger) async fn rest(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    // All at once: one after the other, the pool would give the same one again.
    let idle: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).collect();
    for mut connection in idle {
        sqlx::query("PRAGMA shrink_memory").execute(&mut *connection).await?;
    }
    Ok(())
}

/// The newest schema known here.
pub(in crate::ledger) fn newest() -> i64 {
    MIGRATIONS.iter().map(|step| step.version).max().unwrap_or(0)
}

/// The schema of the database; 0 for none.
pub(in crate::ledger) async fn version(pool: &SqlitePool, path: &Path) -> Result<i64, OpenError> {
    let failed = |source| OpenError::Database { ledger: name(path), source };
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
    let path = beside(database, LOCK);
    let failed = |source| OpenError::File { path: path.clone(), source };
    let mut file = owner_only().read(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::Held { ledger: name(database), holder: holder_in(&mut file) });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// Who holds the lock file, where it can be read.
pub(in crate::ledger) fn holder_in(lock: &mut File) -> Option<String> {
    let mut text = String::new();
    let pid: Option<u32> = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
    pid.map(|pid| format!("process {pid}"))
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

pub(in crate::ledger) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(in crate::ledger) fn name(path: &Path) -> String {
    path.display().to_string()
}
