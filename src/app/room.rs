//! The room on the disk that the ledger is on.

use std::path::{Path, PathBuf};

use crate::config::LedgerUrl;

/// The bytes that are free for us where `folder` is; `None` where the system doesn't say.
pub(super) async fn free(folder: &Path) -> Option<u64> {
    let folder = folder.to_owned();
    let asked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder).ok());
    asked.await.ok().flatten().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The folder of a ledger that is a file of ours; `None` for one that a server has, or memory.
pub(super) fn folder(url: &LedgerUrl) -> Option<PathBuf> {
    let path = url.as_ref().strip_prefix("sqlite:").filter(|path| *path != ":memory:")?;
    Path::new(path).parent().map(Path::to_owned)
}
