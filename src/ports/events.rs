//! What a platform tells of by events: who takes one, and what that asks of the ledger.

use futures::future::BoxFuture;

use super::LedgerError;
use super::collect::CollectChunk;
use crate::domain::compromise::is_about;
use crate::domain::event::EventKind;
use crate::domain::ids::{ConnectionId, CredentialId, SourceId};
use crate::domain::record::{ConnectionRecord, FieldProblem, PersonRecord};
use crate::domain::secret::Fingerprint;
use crate::domain::signature::Signed;
use crate::domain::time::Timestamp;

/// What became of an event that was taken. In the ledger before anybody hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// what it says is known now
    Done {
        /// a use ended, and its credential is to be asked about at once
        ended: bool,
    },
    /// newer facts were known, and it says nothing beside them
    Late,
    /// this very message was taken before
    Repeated,
}

/// Why an event was not taken. Nothing of it is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// no source takes events
    Nowhere,
    /// it is not signed by who may tell of the source, or not just now: why, for the sender's operator
    Unsigned(&'static str),
    /// the body is not understood
    Unread(FieldProblem),
    /// the row in it would be set aside
    Unfit(FieldProblem),
    /// it leaves out what only those know who know what it is about; it may come again
    Unknown(FieldProblem),
    /// the ledger can't be written to; it may come again
    Busy,
}

/// What an event tells, as far as it is understood by itself.
pub trait Tidings {
    /// What happened.
    fn kind(&self) -> EventKind;

    /// When, by the platform's clock.
    fn at(&self) -> Timestamp;

    /// The account and the person that it is about; or no account, and the connection.
    ///
    /// # Errors
    /// Where a field is missing or is no id.
    fn ids(&self) -> Result<(String, String), FieldProblem>;

    /// Whether it tells all facts, as a row does: the end of something may leave them out.
    fn is_whole(&self) -> bool;

    /// When the secret leaked: what an event about that says, else its own instant; never after `now`.
    ///
    /// # Errors
    /// Where the date is none.
    fn compromised_at(self, now: Timestamp) -> Result<Timestamp, FieldProblem>;

    /// The row that an event about a connection comes to. `known` is what is known of it, for what its end leaves out.
    fn connection(self, known: Option<&ConnectionRecord>, now: Timestamp) -> Told<ConnectionRecord>;

    /// The row that an event about a person comes to, likewise.
    fn person(self, known: Option<&PersonRecord>, now: Timestamp) -> Told<PersonRecord>;
}

/// Facts, or what is wrong with them; and facts that were dropped, with the reason.
pub type Told<T> = (Result<T, FieldProblem>, Vec<FieldProblem>);

/// Takes events.
pub trait Events: Send + Sync {
    /// Takes one, or says why not. It is in the ledger before this resolves.
    fn take<'a>(&'a self, message: Signed<'a>) -> BoxFuture<'a, Result<Taken, NotTaken>>;
}

/// What is noted of an event beside what it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// its source
    pub source: SourceId,
    /// the message's identity
    pub message_id: String,
    /// the present instant
    pub now: Timestamp,
    /// true where its row tells of a synchronisation
    pub told_of_syncs: bool,
    /// the value that it says has leaked, and when
    pub compromised: Option<(CredentialId, Timestamp)>,
}

/// A value that a connection has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedValue {
    /// the credential
    pub credential: CredentialId,
    /// its identity
    pub fingerprint: Fingerprint,
    /// from when it is known to be the row's own
    pub own_from: Option<Timestamp>,
}

impl UsedValue {
    /// The value that leaked at this instant, among those that a connection used, newest first.
    pub fn leaked(used: &[Self], at: Timestamp) -> Option<CredentialId> {
        used.iter().find(|value| is_about(at, value.own_from)).or(used.last()).map(|value| value.credential)
    }
}

/// The ledger as events see it.
pub trait EventLedger {
    /// Whether this message was taken before.
    fn has_taken(&self, source: SourceId, message_id: &str) -> impl Future<Output = Result<bool, LedgerError>> + Send;

    /// What is known of a connection, as a row would tell it: without its secret.
    fn known_record(
        &self,
        source: SourceId,
        connection: &str,
    ) -> impl Future<Output = Result<Option<ConnectionRecord>, LedgerError>> + Send;

    /// What is known of a person, likewise.
    fn known_member(
        &self,
        source: SourceId,
        account: &str,
        member: &str,
    ) -> impl Future<Output = Result<Option<PersonRecord>, LedgerError>> + Send;

    /// The values that a connection has used, newest first, stand-ins left out.
    fn used_values(&self, connection: ConnectionId)
    -> impl Future<Output = Result<Vec<UsedValue>, LedgerError>> + Send;

    /// Everything that an event changes, and that it was taken, in one transaction. False where it had been taken before:
    /// then nothing is written. Credentials whose use ends here are to be asked about at once.
    fn commit_event(
        &self,
        chunk: &CollectChunk,
        delivery: &Delivery,
    ) -> impl Future<Output = Result<bool, LedgerError>> + Send;
}
