//! The ledger, the disk that it is on, and whether the master key is its own.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::check::{Check, Part};
use super::silence;
use crate::app::report::chain;
use crate::app::room::free;
use crate::domain::blindness::{Blind, Scope};
use crate::domain::clock::Suspect;
use crate::domain::time::Timestamp;
use crate::escrow::{Escrow, MasterKey, Wrapped, entropy};
use crate::ledger::read::SourceOverview;
use crate::ledger::{Found, Ledger, Look, OpenError};

const URL: &str = "ledger.url";
const MIB: u64 = 1024 * 1024;
/// With less, the next scan may fail.
const ROOM_NEEDED: u64 = 16 * MIB;
/// With less, somebody should look.
const ROOM_WANTED: u64 = 256 * MIB;

/// What is to be said of the ledger, and what bears on other things.
pub(super) struct Looked {
    /// ledger, disk and master key
    pub(super) checks: Vec<Check>,
    /// when the latest scan began
    pub(super) latest_scan: Option<Timestamp>,
    /// our clock, where the providers said that it is far off
    pub(super) clock: Option<Suspect>,
    /// the sources that it knows
    pub(super) sources: Vec<SourceOverview>,
    /// another process holds it
    pub(super) held: bool,
}

impl Looked {
    /// Nothing but this is known.
    pub(super) fn of(check: Check) -> Self {
        Self { checks: vec![check], latest_scan: None, clock: None, sources: Vec::new(), held: false }
    }
}

/// Looks at the ledger that `url` names, and tries the master key on it.
pub(super) async fn look(url: &str, master: Option<&MasterKey>) -> Looked {
    let look = match Ledger::inspect(url).await {
        Ok(look) => look,
        Err(error) => {
            let check = Check::error(Part::Ledger, URL, chain(&error), todo(&error));
            return Looked::of(if passes(&error) { check.passing() } else { check });
        }
    };
    let mut checks = vec![state(&look)];
    if let Some(folder) = &look.folder {
        let bytes = look.found.as_ref().and_then(|found| found.bytes).unwrap_or(0);
        checks.extend(free(folder).await.map(|free| room(folder, free, bytes)));
    }
    checks.extend(master.map(|master| key(master, look.found.as_ref())));
    checks.extend(look.found.iter().flat_map(|found| &found.blind).map(|(scope, period)| blind(scope, period)));
    let held = look.holder.is_some();
    match look.found {
        Some(found) => {
            Looked { checks, latest_scan: found.latest_scan, clock: found.clock, sources: found.sources, held }
        }
        None => Looked { checks, latest_scan: None, clock: None, sources: Vec::new(), held },
    }
}

/// What is said where the look took too long.
pub(super) fn late(limit: Duration) -> Check {
    Check::error(Part::Ledger, URL, silence(limit), "see to the disk or the network that it is on")
}

fn state(look: &Look) -> Check {
    let path = &look.place;
    let Some(found) = &look.found else {
        return Check::ok(Part::Ledger, URL, format!("there is none at {path} yet: the first scan makes it"));
    };
    if found.schema < found.known && found.schema > 0 {
        let what = format!("{path} has schema {}, and the next start brings it to {}", found.schema, found.known);
        return Check::warning(Part::Ledger, URL, what, "make a backup, then run `keysweep migrate`");
    }
    let what = found.bytes.map_or_else(|| path.clone(), |bytes| format!("{path}, {}", size(bytes)));
    match &look.holder {
        None => Check::ok(Part::Ledger, URL, format!("{what}; nobody holds it")),
        Some(holder) => {
            let who = holder.who.as_ref().map_or_else(String::new, |who| format!(" ({who})"));
            let what = format!("{what}; another keysweep process holds it{who}");
            Check::warning(Part::Ledger, URL, what, "nothing, if that is the one that is meant to run; else stop it")
        }
    }
}

/// An endpoint at which no refusal is believed: it works, and somebody should know.
fn blind(scope: &Scope, period: &Blind) -> Check {
    let what = format!(
        "{}/{} is blind since {}: {}",
        scope.protocol,
        scope.endpoint,
        Timestamp::from_secs(period.since.as_secs()),
        period.why.sentence()
    );
    let todo = format!(
        "see what the provider says of its state; where its refusals are real, `keysweep providers trust {}`",
        scope.provider
    );
    Check::warning(Part::Provider, "", what, todo).of(scope.provider.as_str())
}

/// True for a disk that is full, for which somebody will make room, and for a server that doesn't answer now.
fn passes(error: &OpenError) -> bool {
    let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
    match error {
        OpenError::File { source, .. } => full.contains(&source.kind()),
        OpenError::Unreachable { .. } => true,
        _ => false,
    }
}

fn todo(error: &OpenError) -> &'static str {
    match error {
        OpenError::Url { .. } => "write ledger.url as sqlite:PATH or postgres://USER@HOST/DATABASE",
        OpenError::Unreachable { .. } => "start the server, or correct host and port in ledger.url",
        OpenError::NoSchema { .. } => "make the schema, or correct search_path in ledger.url",
        OpenError::Newer { .. } => "install the newer keysweep again, or restore the backup from before it",
        OpenError::File { source, .. } => match source.kind() {
            ErrorKind::NotFound => "make the folder, or correct ledger.url",
            ErrorKind::PermissionDenied => "give it to the user that keysweep runs as, or correct ledger.url",
            ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "see to the disk that it is on, or let ledger.url name another place"
            }
            _ => "correct ledger.url, or see to the disk that it is on",
        },
        _ => "restore it from a backup, or let ledger.url name another file",
    }
}

/// Whether the room lasts. A scan writes a log beside the ledger and a dry run or a backup copies it whole, so that twice
/// its size should be free.
pub(super) fn room(folder: &Path, free: u64, ledger: u64) -> Check {
    let what = format!("{} free at {}", size(free), folder.display());
    let wanted = ROOM_WANTED.max(ledger.saturating_mul(2));
    if free < ROOM_NEEDED {
        Check::error(Part::Disk, URL, what, "make room: a ledger that can't grow stops every scan").passing()
    } else if free < wanted {
        let todo = format!("make room: {} are enough for a scan and a backup of this ledger", size(wanted));
        Check::warning(Part::Disk, URL, what, todo)
    } else {
        Check::ok(Part::Disk, URL, what)
    }
}

fn key(master: &MasterKey, found: Option<&Found>) -> Check {
    const SETTING: &str = "escrow.master_key";
    let wrapped = match found.map(|found| &found.key) {
        None | Some(Ok(None)) => {
            let what = format!("{} is a good key, and the ledger will be made with it", master.id());
            return Check::ok(Part::MasterKey, SETTING, what);
        }
        Some(Ok(Some((key_id, wrapped)))) => Wrapped { key_id: key_id.clone(), wrapped: wrapped.clone() },
        Some(Err(error)) => return Check::error(Part::Ledger, URL, chain(error), "restore it from a backup"),
    };
    match Escrow::unlock(master, &wrapped, entropy::system) {
        Ok(_) => Check::ok(Part::MasterKey, SETTING, format!("{} opens this ledger", master.id())),
        Err(error) => Check::told(Part::MasterKey, SETTING, &error.to_string(), "give the right key"),
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..MIB => format!("{} KiB", bytes / 1024),
        MIB..10_737_418_240 => format!("{} MiB", bytes / MIB),
        _ => format!("{} GiB", bytes / MIB / 1024),
    }
}
