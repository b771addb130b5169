//! A mailbox of returned mail: one file (mbox), or a folder (Maildir), told apart by what it is. Read message by message
//! in bounded memory.

pub mod maildir;
pub mod mbox;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A message that is longer is passed over: a report encloses at most a mail of ours, which is a tenth of that.
pub const LONGEST: usize = 1024 * 1024;

/// A mailbox, by what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mailbox {
    /// a file
    Mbox(PathBuf),
    /// a folder
    Maildir(PathBuf),
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// its bytes
    Message(Vec<u8>),
    /// it is longer than [`LONGEST`], or can't be read
    Unreadable,
}

impl Mailbox {
    /// What is there; `None` where there is nothing: a mail server makes a mailbox with its first message.
    ///
    /// # Errors
    /// Where it can't be looked at, or is neither.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        let kind = match fs::metadata(path) {
            Ok(kind) => kind,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if kind.is_file() {
            return Ok(Some(Self::Mbox(path.to_owned())));
        }
        if path.join("new").is_dir() && path.join("cur").is_dir() {
            return Ok(Some(Self::Maildir(path.to_owned())));
        }
        Err(io::Error::new(ErrorKind::InvalidInput, "it is neither a file nor a folder with `new` and `cur` in it"))
    }
}
