//! A look at a ledger from outside, for `doctor`: would [`Ledger::open`] take it, who holds it, whose is it?
//!
//! Nothing is made, changed or migrated. Whoever opens the ledger for writing within the instant in which the lock is
//! looked at may be told that it is held.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Ledger;
use super::read::SourceOverview;
use super::store::{OpenError, Pools, postgres, sqlite};
use crate::domain::blindness::{Blind, Scope};
use crate::domain::clock::Suspect;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;

/// What a look at a ledger showed.
#[derive(Debug)]
pub struct Look {
    /// where it is, for people
    pub place: String,
    /// the folder of its files, or of those to come; `None` where a server keeps it
    pub folder: Option<PathBuf>,
    /// the process that holds it, if one does
    pub holder: Option<Holder>,
    /// what is there; `None` where the first start makes it
    pub found: Option<Found>,
}

/// A process that holds the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// which, where that could be found out: `process 17`
    pub who: Option<String>,
}

/// A ledger that is there.
#[derive(Debug)]
pub struct Found {
    /// what its file takes; `None` where a server keeps it
    pub bytes: Option<u64>,
    /// its schema; 0 for an empty file
    pub schema: i64,
    /// the schema that this program brings it to
    pub known: i64,
    /// the master key's id and the ledger's own key under it; `None` before the first start
    pub key: Result<Option<(String, String)>, LedgerError>,
    /// when its latest scan began
    pub latest_scan: Option<Timestamp>,
    /// the sources that were ever read
    pub sources: Vec<SourceOverview>,
    /// the endpoints that are blind
    pub blind: Vec<(Scope, Blind)>,
    /// our clock, where the providers say that it is far off
    pub clock: Option<Suspect>,
}

impl Ledger {
    /// Inspects the ledger that `url` names.
    ///
    /// # Errors
    /// What would keep [`Ledger::open`] from opening it, but for a holder: a missing folder, files or a folder that
    /// can't be written, a newer schema, a file that is no database, a server that doesn't answer.
    pub async fn inspect(url: impl AsRef<str>) -> Result<Look, OpenError> {
        let url = url.as_ref();
        if postgres::is_address(url) { on_server(url).await } else { in_file(url).await }
    }
}

async fn in_file(url: &str) -> Result<Look, OpenError> {
    let options = sqlite::options(url)?;
    let path = options.get_filename().to_owned();
    let (folder, holder, bytes) = on_disk(&path).await?;
    let (place, folder) = (sqlite::name(&path), Some(folder));
    let Some(bytes) = bytes else { return Ok(Look { place, folder, holder, found: None }) };
    let pool = sqlite::connect(options.read_only(true), &path).await?;
    let schema = sqlite::version(&pool, &path).await?;
    let pools = Pools::Sqlite { pool, held: None };
    let found = found(pools, &place, Some(bytes), schema, sqlite::newest()).await?;
    Ok(Look { place, folder, holder, found: Some(found) })
}

async fn on_server(url: &str) -> Result<Look, OpenError> {
    let (place, schema, holder, pools) = postgres::look(url).await?;
    let found = match schema {
        0 => None,
        _ => Some(found(pools, &place, None, schema, postgres::newest()).await?),
    };
    Ok(Look { place, folder: None, holder: holder.map(|who| Holder { who: Some(who) }), found })
}

async fn found(pools: Pools, place: &str, bytes: Option<u64>, schema: i64, known: i64) -> Result<Found, OpenError> {
    if schema > known {
        return Err(OpenError::Newer { ledger: place.to_owned(), found: schema, known });
    }
    if schema == 0 {
        let (key, sources, blind) = (Ok(None), Vec::new(), Vec::new());
        return Ok(Found { bytes, schema, known, key, latest_scan: None, sources, blind, clock: None });
    }
    let ledger = Ledger::to_look_at(pools);
    let key = ledger.wrapped_key().await;
    // Where this can't be read, the key couldn't either, and that is told.
    let latest_scan = ledger.scans(1).await.ok().and_then(|scans| scans.first().map(|scan| scan.started_at));
    // An older schema may not have them.
    let sources = ledger.sources().await.unwrap_or_default();
    let blind = ledger.blind_endpoints().await.unwrap_or_default();
    let clock = ledger.clocks().await.ok().and_then(|clocks| clocks.suspect);
    ledger.close().await;
    Ok(Found { bytes, schema, known, key, latest_scan, sources, blind, clock })
}

/// The folder, the holder and the size of the file: all that needs no database. On a thread that may wait, for disks can
/// hang.
async fn on_disk(path: &Path) -> Result<(PathBuf, Option<Holder>, Option<u64>), OpenError> {
    let owned = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        let folder = match owned.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        takes_files(&folder).map_err(|source| OpenError::File { path: folder.clone(), source })?;
        for suffix in ["", sqlite::LOCK, "-wal", "-shm"] {
            let file = sqlite::beside(&owned, suffix);
            can_be_written(&file).map_err(|source| OpenError::File { path: file, source })?;
        }
        let bytes = fs::metadata(&owned).ok().map(|metadata| metadata.len());
        Ok((folder, holder(&sqlite::beside(&owned, sqlite::LOCK)), bytes))
    });
    let gone = |_| OpenError::File { path: path.to_owned(), source: ErrorKind::Interrupted.into() };
    looked.await.map_err(gone)?
}

/// Makes a file without a name in `folder`, which is gone at once: permissions alone don't tell of disks that are full or
/// read-only.
fn takes_files(folder: &Path) -> io::Result<()> {
    fs::metadata(folder)?;
    tempfile::tempfile_in(folder).map(drop)
}

/// Opening a file for writing changes nothing in it.
fn can_be_written(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn holder(lock: &Path) -> Option<Holder> {
    let mut file = File::open(lock).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(Holder { who: sqlite::holder_in(&mut file) }),
        // The lock goes with the file handle, here and now.
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}
