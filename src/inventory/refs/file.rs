//! `file:NAME`: files below one folder.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{LONGEST, secret};
use crate::domain::secret::Secret;
use crate::ports::refs::RefError;

/// The folder below which references may name files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// The secret in a file, by its path below the folder; an absolute path must lead there as well. A link that leads out of
    /// the folder is refused.
    pub(super) async fn read(&self, name: &str) -> Result<Secret, RefError> {
        let (folder, name) = (self.0.clone(), name.to_owned());
        let read = tokio::task::spawn_blocking(move || read(&folder, &name)).await;
        read.unwrap_or_else(|_| Err(RefError::Unreachable("reading the file was broken off".to_owned())))
    }

    /// Whether the folder is there and may be looked into.
    pub(super) fn check(&self) -> Result<(), String> {
        let found = std::fs::read_dir(&self.0).map(drop);
        found.map_err(|error| format!("the folder {} can't be read: {error}", self.0.display()))
    }
}

fn read(folder: &Path, name: &str) -> Result<Secret, RefError> {
    let home = folder.canonicalize().map_err(|error| shut(&error))?;
    let lost = |error: std::io::Error| lost(&home, &error);
    let path = home.join(name).canonicalize().map_err(lost)?;
    if !path.starts_with(&home) {
        return Err(RefError::Refused("leads out of the folder that secret_refs.files names".to_owned()));
    }
    // What was looked at is what is opened: a file that is not one never ends, or waits for a writer.
    if !path.metadata().map_err(lost)?.is_file() {
        return Err(RefError::Missing("leads to something that is no file".to_owned()));
    }
    let mut found = Zeroizing::new(Vec::with_capacity(256));
    let file = File::open(&path).map_err(lost)?;
    file.take(LONGEST as u64 + 1).read_to_end(&mut found).map_err(lost)?;
    secret(&found)
}

/// What is wrong with one file, or, where the folder can't be entered any more, with all of them.
fn lost(folder: &Path, error: &std::io::Error) -> RefError {
    // Only who may enter a folder sees what is in it, itself included.
    if let Err(error) = folder.join(".").metadata() {
        return shut(&error);
    }
    RefError::Missing(match error.kind() {
        std::io::ErrorKind::NotFound => "leads to a file that isn't there".to_owned(),
        kind => format!("leads to a file that can't be read: {kind}"),
    })
}

fn shut(error: &std::io::Error) -> RefError {
    RefError::Unreachable(format!("the folder that secret_refs.files names can't be entered: {}", error.kind()))
}
