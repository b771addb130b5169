//! What telling the operator's endpoints asks of the ledger and of the world.

use std::time::Duration;

use super::{Event, LedgerError};
use crate::domain::announce::{Entry, Form, Formed};
use crate::domain::time::Timestamp;

/// The ledger as it keeps what endpoints are told.
pub trait AnnounceLedger {
    /// How far an endpoint was told: the number of an entry of the log. A new endpoint begins at the log's end.
    fn told_up_to(&self, endpoint: &str) -> impl Future<Output = Result<i64, LedgerError>>;

    /// The log's next entries, oldest first.
    fn entries(&self, after: i64, limit: usize) -> impl Future<Output = Result<Vec<Entry>, LedgerError>>;

    /// Plans these messages for an endpoint and notes that it was told up to this entry, in one transaction.
    fn plan_messages(
        &self,
        now: Timestamp,
        endpoint: &str,
        told_up_to: i64,
        messages: &[Formed],
    ) -> impl Future<Output = Result<(), LedgerError>>;

    /// The oldest message that waits for an endpoint, whether it is due or not.
    fn next_message(&self, endpoint: &str) -> impl Future<Output = Result<Option<Waiting>, LedgerError>>;

    /// What became of a message, with what the log is told of it, in one transaction.
    fn record_message(
        &self,
        now: Timestamp,
        message: i64,
        end: &MessageEnd,
        events: &[Event],
    ) -> impl Future<Output = Result<(), LedgerError>>;
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// the ledger's number
    pub id: i64,
    /// its identity, the same at every try
    pub message_id: String,
    /// what is sent
    pub body: String,
    /// when it was formed
    pub formed_at: Timestamp,
    /// tries before this one
    pub attempts: u32,
    /// when it is due
    pub due_at: Timestamp,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageEnd {
    /// the endpoint took it
    Sent,
    /// it did not, and is asked again
    Failed {
        /// when
        retry_at: Timestamp,
        /// what was seen, without addresses
        error: String,
    },
    /// it did not for too long: the message is left
    GivenUp {
        /// what was seen at last
        error: String,
    },
}

/// One of the operator's endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// its name: letters, digits, `-` and `_`
    pub name: String,
    /// in what form it takes messages
    pub form: Form,
    /// what it did not take for so long is left, and the log told
    pub give_up_after: Duration,
}

/// An endpoint did not take a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NotTaken {
    /// what was seen, in words without addresses and secrets
    pub why: String,
    /// how long it wants to be left alone, where it says so
    pub pause: Option<Duration>,
}

impl From<String> for NotTaken {
    fn from(why: String) -> Self {
        Self { why, pause: None }
    }
}

/// Carries messages to endpoints.
pub trait Courier {
    /// Hands one over.
    ///
    /// # Errors
    /// Why it was not taken: it is tried again.
    fn carry(&self, endpoint: &str, message: &Waiting, now: Timestamp) -> impl Future<Output = Result<(), NotTaken>>;
}
