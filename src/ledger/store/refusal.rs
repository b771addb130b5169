//! Why a ledger can't be opened, and what to do.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

/// Why a ledger can't be opened, and what to do. `ledger` is what people call it: the file, or server, database and schema;
/// never a login.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// the address names no ledger; it is not shown, since it may hold a login
    #[error("[ledger] url names no ledger: {what}")]
    Url {
        /// what is wrong with it, and what to write
        what: String,
    },
    /// another process writes to it
    #[error("another keysweep process holds the ledger {ledger}{}: stop it first, or ask it", in_brackets(holder.as_deref()))]
    Held {
        /// the ledger
        ledger: String,
        /// who holds it, where that could be found out
        holder: Option<String>,
    },
    /// there is none
    #[error("there is no ledger at {ledger}: `keysweep scan` makes it")]
    Missing {
        /// the ledger
        ledger: String,
    },
    /// the server has no such schema
    #[error(
        "the ledger {ledger} names a schema that is not there: make it with CREATE SCHEMA, or correct search_path in \
         [ledger] url"
    )]
    NoSchema {
        /// the ledger
        ledger: String,
    },
    /// a newer keysweep wrote it
    #[error("the ledger {ledger} has schema {found}, this keysweep knows up to {known}: use the newer keysweep")]
    Newer {
        /// the ledger
        ledger: String,
        /// the schema it has
        found: i64,
        /// the newest schema known here
        known: i64,
    },
    /// an older keysweep wrote it, and it was opened for reading only
    #[error("the ledger {ledger} has schema {found}, this keysweep needs {known}: run `keysweep migrate` first")]
    NeedsMigration {
        /// the ledger
        ledger: String,
        /// the schema it has; 0 for a database without one
        found: i64,
        /// the schema needed
        known: i64,
    },
    /// bringing the schema up to date failed; the database is as it was before the step that failed
    #[error("the ledger {ledger} can't be brought to this schema")]
    Migration {
        /// the ledger
        ledger: String,
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
    /// no server answers
    #[error(
        "the ledger {ledger} can't be reached: is the server running, and are host and port in [ledger] url right?"
    )]
    Unreachable {
        /// the ledger
        ledger: String,
        /// the system's own words
        #[source]
        source: sqlx::Error,
    },
    /// the database failed
    #[error("the ledger {ledger} can't be opened")]
    Database {
        /// the ledger
        ledger: String,
        /// the database's own words
        #[source]
        source: sqlx::Error,
    },
    /// the ledger could be opened but not read
    #[error("the ledger {ledger} can't be copied")]
    Copy {
        /// the ledger
        ledger: String,
        /// what failed
        #[source]
        source: crate::ports::LedgerError,
    },
}

fn in_brackets(holder: Option<&str>) -> String {
    holder.map_or_else(String::new, |holder| format!(" ({holder})"))
}
