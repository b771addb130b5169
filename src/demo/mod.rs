//! Everything on loopback: simulated providers, an inbox, a seeded estate, and a story of some virtual days.
//!
//! The story runs the same code as `keysweep scan`, over real files in a folder of its own. What it prints is read from
//! the ledger's log, not told from memory.

pub mod clock;
pub mod estate;
pub mod history;
pub mod home;
pub mod inbox;
pub mod letter;
pub mod mailbox;
pub mod page;
mod script;
pub mod story;
mod teller;
pub mod world;

use std::path::PathBuf;

use crate::app::AppError;
use crate::config::ConfigProblems;
use crate::ports::LedgerError;

/// The name of the demo's one source.
pub(crate) const SOURCE: &str = "platform";

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// the folder is not the demo's
    #[error("{} is not empty; name a folder that is, or one that doesn't exist yet", .0.display())]
    NotEmpty(PathBuf),
    /// a file can't be written
    #[error("{}: {source}", path.display())]
    File {
        /// which
        path: PathBuf,
        /// why
        source: std::io::Error,
    },
    /// no port could be had for a simulated server
    #[error("no port on 127.0.0.1 could be had for the simulated servers: {0}")]
    NoPort(std::io::Error),
    /// the machine gives no randomness
    #[error("this machine gives no randomness for a master key")]
    NoRandomness,
    /// nobody reads any more
    #[error(transparent)]
    Output(#[from] std::io::Error),
    /// a defect: the demo's own configuration is refused
    #[error("{0}")]
    Config(#[from] ConfigProblems),
    /// the program under demonstration failed
    #[error(transparent)]
    App(#[from] AppError),
    /// the ledger failed
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// a defect: the story did not come to what it is to show
    #[error("the demo did not show what it should: {0}")]
    Untold(String),
}
