//! The few traits through which the stages reach the world. Stages know these and the domain, never
//! each other and never an adapter.
//!
//! Every ledger method takes or returns batches, and every `commit_…` is one transaction: a kill
//! between two calls leaves the ledger as if the second had never been meant.

pub mod act;
pub mod activation;
pub mod announce;
pub mod bounce;
pub mod collect;
pub mod events;
pub mod health;
pub mod judge;
pub mod links;
pub mod meter;
pub mod notary;
pub mod notify;
pub mod operator;
pub mod probe;
pub mod refs;
pub mod span;
pub mod turn;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::ids::ProviderName;
use crate::domain::record::{ConnectionRecord, PersonRecord, Row};
use crate::domain::secret::{Fingerprint, Secret};
use crate::domain::time::Timestamp;

/// The only way to learn the time.
pub trait Clock {
    /// The present instant, as well as it is known.
    fn now(&self) -> Timestamp;

    /// What the machine shows, right or wrong.
    fn shown(&self) -> Timestamp {
        self.now()
    }

    /// Is told how far the machine is ahead of the time, in milliseconds, and takes that off from now on. A clock that
    /// can't be set right goes on as it is.
    fn set_right(&self, _ahead: i64) {}
}

/// The only way to wait.
pub trait Timer {
    /// Resolves when so much time has passed. Dropped before that, it never was.
    fn sleep(&self, span: Duration) -> impl Future<Output = ()>;
}

/// What goes wrong in the ledger's room.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// another process writes, or the disk is full for the moment: try again later
    #[error("the ledger is busy: {0}")]
    Busy(String),
    /// the database failed
    #[error("the ledger failed while it was to {doing}")]
    Database {
        /// what was being done, as a verb phrase
        doing: &'static str,
        /// the database's own words
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// a row is not what our own code writes
    #[error("the ledger is inconsistent: {table} {row}: {what}")]
    Inconsistent {
        /// the table
        table: &'static str,
        /// the row's number or name
        row: String,
        /// what is wrong with it
        what: String,
    },
}

impl LedgerError {
    /// True where the same call may succeed later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}

/// One entry of the append-only log: transitions, findings, mails and people's acts. Ids of persons, no
/// addresses; no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// when it happened
    pub at: Timestamp,
    /// what happened, as `noun.verb`: `use.ended`, `credential.died`, `finding.opened`, `mail.sent`
    pub kind: &'static str,
    /// what it happened to, as `noun:number`: `credential:17`
    pub subject: String,
    /// the facts, flat
    pub data: Map<String, Value>,
}

/// The escrow as the stages see it: fingerprints, and copies that are sealed and opened.
pub trait Vault {
    /// The identity of key material; provider, trimmed public half and trimmed secret, length-prefixed.
    fn fingerprint(&self, provider: &ProviderName, key_id: Option<&str>, secret: &Secret) -> Fingerprint;

    /// The identity that stands in for a row without a secret, from what names the row.
    fn placeholder(&self, source: &str, connection: &str, version: Option<&str>) -> Fingerprint;

    /// A keyed 128-bit digest of a row's facts, as 32 hex digits: equal digests mean nothing changed.
    fn digest(&self, facts: &[u8]) -> String;

    /// A sealed copy, bound to the fingerprint; base64. Copies of secrets of like length have the same length.
    ///
    /// # Errors
    /// Where the machine gives no randomness, and for a text beyond what the cipher takes.
    fn seal(&self, fingerprint: &Fingerprint, secret: &Secret) -> Result<String, VaultError>;

    /// The secret of a sealed copy.
    ///
    /// # Errors
    /// Where the copy was not sealed under this key for this fingerprint.
    fn open(&self, fingerprint: &Fingerprint, sealed: &str) -> Result<Secret, VaultError>;
}

/// What goes wrong with sealed copies. Never names a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VaultError {
    /// sealed under another key, for another fingerprint, or damaged
    #[error("a sealed copy can't be opened with this master key")]
    Unopenable,
    /// the machine gives no randomness
    #[error("no randomness to be had; try again")]
    NoRandomness,
    /// a text of more than 256 GiB
    #[error("a text of this length can't be sealed")]
    TooLong,
}

/// One source of inventory, opened for one snapshot. People first, then connections.
pub trait Snapshot {
    /// The next people, at most `limit` of them; an empty batch is the end.
    ///
    /// # Errors
    /// Where the source failed, was cut short or changed while being read: what was read implies nothing
    /// about what was not.
    fn people(&mut self, limit: usize) -> impl Future<Output = Result<Vec<Row<PersonRecord>>, SourceError>>;

    /// The next connections, likewise.
    ///
    /// # Errors
    /// As for [`Snapshot::people`].
    fn connections(&mut self, limit: usize) -> impl Future<Output = Result<Vec<Row<ConnectionRecord>>, SourceError>>;

    /// True where this source has people at all.
    fn has_people(&self) -> bool;

    /// How much of the connections it lists. People are always listed whole.
    fn extent(&self) -> Extent {
        Extent::Whole { basis: None }
    }

    /// What the rows are no newer than, where that is known: else it is when reading began. What an event told after this
    /// goes before a row without a date.
    fn taken_at(&self) -> Option<Timestamp> {
        None
    }

    /// Remarks on the source as a whole, such as columns that keysweep doesn't know. Complete once both
    /// lists were read to their ends.
    fn remarks(&self) -> Vec<String>;
}

/// How much of a source's connections a snapshot lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// all of them: what is missing counts as absent
    Whole {
        /// what a later snapshot of changes goes by; `None` where there can be none. What was read on another basis says
        /// nothing of what changed on this one
        basis: Option<String>,
    },
    /// those that changed since an instant, and perhaps others: what is missing says nothing
    Changes {
        /// what it goes by
        basis: String,
    },
}

/// A source that could not be read to its end. The snapshot is not complete and nothing follows from it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// it can't be opened, or fails on the way
    #[error("{place}: {what}")]
    Failed {
        /// file, table or address, without login
        place: String,
        /// what failed and what to do
        what: String,
    },
    /// it ends in the middle of a record
    #[error("{place}: cut short at row {row}: {what}")]
    CutShort {
        /// file, table or address, without login
        place: String,
        /// the row that is not whole
        row: u64,
        /// why it is taken for cut short
        what: String,
    },
    /// it is not the same as when reading began
    #[error("{place}: changed while it was being read; it will be read again at the next scan")]
    Changed {
        /// file, table or address, without login
        place: String,
    },
}

impl SourceError {
    /// File, table or address, without login.
    pub fn place(&self) -> &str {
        match self {
            Self::Failed { place, .. } | Self::CutShort { place, .. } | Self::Changed { place } => place,
        }
    }
}

/// Where long work tells how far it is, and hears that it is to stop. Terminals show a bar, pipes show nothing.
pub trait Progress {
    /// A stage begins; `total` where it is known.
    fn stage(&self, name: &'static str, total: Option<u64>);
    /// So many more are done.
    fn advance(&self, count: u64);
    /// The stage is over.
    fn done(&self);
    /// True once the work is to come to its end: what is under way is finished, nothing more is begun.
    fn stopping(&self) -> bool {
        false
    }
}

/// Says nothing.
pub struct Quiet;

impl Progress for Quiet {
    fn stage(&self, _: &'static str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn done(&self) {}
}
