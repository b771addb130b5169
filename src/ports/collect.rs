//! What COLLECT asks of the ledger and writes to it.

mod writes;

pub use self::writes::{
    ChangesEnd, CollectChunk, ConnectionWrite, Mark, NewAccount, NewCredential, NewUse, Older, PersonWrite, Placed,
    Said, SnapshotEnd, UseEnd, UseTold,
};

use super::LedgerError;
use super::turn::Turns;
use crate::domain::facts::{ConnectionStatus, Provenance};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, PersonId, SourceId, UseId};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;

/// The ledger as COLLECT sees it.
pub trait CollectLedger: Turns {
    /// The source of that name, made at first sight.
    fn source(&self, name: &str, now: Timestamp) -> impl Future<Output = Result<SourceState, LedgerError>>;

    /// So many fresh numbers of each kind, for rows that the next commit inserts.
    fn reserve(&self, wanted: Reservation) -> impl Future<Output = Result<Reserved, LedgerError>>;

    /// Which of these external ids are known, and under which digest. In no order; unknown ids are left out.
    fn known_rows(&self, source: SourceId, ids: &[&str]) -> impl Future<Output = Result<Vec<KnownRow>, LedgerError>>;

    /// What the diff needs of connections that changed.
    fn known_connections(
        &self,
        ids: &[ConnectionId],
    ) -> impl Future<Output = Result<Vec<KnownConnection>, LedgerError>>;

    /// The credentials behind these fingerprints, as far as they are known.
    fn known_credentials(
        &self,
        fingerprints: &[Fingerprint],
    ) -> impl Future<Output = Result<Vec<KnownCredential>, LedgerError>>;

    /// The accounts of these external ids, as far as they are known.
    fn known_accounts(
        &self,
        source: SourceId,
        ids: &[&str],
    ) -> impl Future<Output = Result<Vec<(String, AccountId)>, LedgerError>>;

    /// The persons of these member ids, as far as they are known. A member id is unique within an account.
    fn known_people(
        &self,
        source: SourceId,
        ids: &[(&str, &str)],
    ) -> impl Future<Output = Result<Vec<KnownPerson>, LedgerError>>;

    /// Everything that one chunk changes, in one transaction. The ledger itself: recounts the open uses of
    /// each touched credential (`idle_since`, `probe_at`, `retain_until`), makes the touched connections due for judging,
    /// and those of a neighbour whose summary flipped (see [`CollectChunk::touched`]).
    fn commit_collect(&self, chunk: &CollectChunk) -> impl Future<Output = Result<(), LedgerError>>;

    /// The numbers of the source's open connections above `after`, ascending: whether one was not shown at all.
    fn open_ids(
        &self,
        source: SourceId,
        after: ConnectionId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ConnectionId>, LedgerError>>;

    /// Open connections of the source with ids above `after`, ascending: what absence is looked for among.
    fn open_page(
        &self,
        source: SourceId,
        after: ConnectionId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OpenRow>, LedgerError>>;

    /// Present people of the source with ids above `after`, ascending.
    fn present_people_page(
        &self,
        source: SourceId,
        after: PersonId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<PresentPerson>, LedgerError>>;

    /// Ends the reading of a source: its quarantine (replacing the last one), its remarks, and whether it was complete.
    fn commit_snapshot(&self, end: &SnapshotEnd) -> impl Future<Output = Result<(), LedgerError>>;

    /// Nothing of a source is held back any more: what its last whole reading missed is believed gone.
    fn hold_nothing_back(&self, source: SourceId) -> impl Future<Output = Result<(), LedgerError>>;
}

/// How many fresh numbers are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// new connections
    pub connections: u32,
    /// new credentials
    pub credentials: u32,
    /// new uses
    pub uses: u32,
    /// new accounts
    pub accounts: u32,
    /// new persons
    pub people: u32,
}

/// The first of each run of fresh numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// first connection
    pub connection: i64,
    /// first credential
    pub credential: i64,
    /// first use
    pub usage: i64,
    /// first account
    pub account: i64,
    /// first person
    pub person: i64,
}

/// A source as the ledger remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// the ledger's number
    pub id: SourceId,
    /// when the last complete snapshot began; `None` before the first
    pub last_complete: Option<Timestamp>,
    /// when the last snapshot began that was read to its end, be it with rows that may be about anybody; `None` before the first
    pub last_through: Option<Timestamp>,
    /// when the list was made that the last complete one read, which may lie before its beginning
    pub last_taken: Option<Timestamp>,
    /// when people were last read completely
    pub last_people: Option<Timestamp>,
    /// what a reading of changes would go by; `None` where the next one is to be of everything
    pub changes: Option<ChangesMark>,
    /// the greatest connection id in the ledger, of any source: how many bits to hold
    pub max_connection: i64,
    /// the greatest person id in the ledger
    pub max_person: i64,
    /// how many rows its last reading of everything had; 0 before the first
    pub last_rows: u64,
}

/// From where a reading of changes goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesMark {
    /// the start of the last reading that missed nothing of what had changed by then
    pub from: Timestamp,
    /// what that reading went by; see [`crate::ports::Extent`]
    pub basis: String,
}

/// Enough of a known row to see that nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRow {
    /// the platform's id
    pub external_id: String,
    /// the ledger's number
    pub id: ConnectionId,
    /// the digest of its facts
    pub digest: String,
    /// since when it was missing, if it was
    pub absent_since: Option<Timestamp>,
}

/// Enough of a known connection to tell what a changed row means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownConnection {
    /// the ledger's number
    pub id: ConnectionId,
    /// its status
    pub status: ConnectionStatus,
    /// how old its facts are: the row's `updated_at`, else the start of the snapshot that brought them
    pub facts_at: Timestamp,
    /// true where the platform dated them; else it is our clock that says when they were read
    pub own_date: bool,
    /// how old they are but for the status: what ends a connection need not tell the rest
    pub row_at: Timestamp,
    /// how old the last word on its secret is
    pub secret_at: Timestamp,
    /// when an event last told of it, by our clock
    pub told_at: Option<Timestamp>,
    /// since when it is missing; where it is believed to be gone, how old the list is that settled it
    pub absent_since: Option<Timestamp>,
    /// its open use, else its latest
    pub last_use: Option<KnownUse>,
}

impl KnownConnection {
    /// Its open use.
    pub fn open_use(&self) -> Option<&KnownUse> {
        self.last_use.as_ref().filter(|used| used.open)
    }
}

/// A connection's use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownUse {
    /// the ledger's number
    pub id: UseId,
    /// false once it has ended
    pub open: bool,
    /// its credential
    pub credential: CredentialId,
    /// that credential's identity
    pub fingerprint: Fingerprint,
    /// true for the stand-in of a row without a secret
    pub placeholder: bool,
    /// its account, by the platform's id
    pub account: String,
    /// true where no other use of the connection has ended: one of which only more was said does not count
    pub is_first: bool,
    /// from when the value is known to be the row's own; see [`crate::domain::compromise`]
    pub own_from: Option<Timestamp>,
    /// what the row last said of the value
    pub said: Said,
}

/// A credential that the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCredential {
    /// the ledger's number
    pub id: CredentialId,
    /// its identity
    pub fingerprint: Fingerprint,
    /// true where a sealed copy is held
    pub held: bool,
    /// true where its copy was destroyed
    pub shredded: bool,
    /// the earliest instant at which it is known to have existed
    pub secret_since: Timestamp,
    /// how that is known
    pub provenance: Provenance,
    /// the region in which it is asked; `None` where in each
    pub region: Option<String>,
    /// the customer's own address
    pub base_url: Option<String>,
    /// its open uses, counted to two
    pub open: u8,
}

/// A person whom the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// the ledger's number
    pub id: PersonId,
    /// the platform's account id
    pub account: String,
    /// the platform's member id
    pub member: String,
    /// the digest of their facts
    pub digest: String,
    /// since when they are missing; where they are believed to be gone, how old the list is that settled it
    pub absent_since: Option<Timestamp>,
    /// how old these facts are, where that is known
    pub facts_at: Option<Timestamp>,
    /// when an event last told of them, by our clock
    pub told_at: Option<Timestamp>,
}

/// An open connection, for absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRow {
    /// the ledger's number
    pub id: ConnectionId,
    /// since when it has been missing, if it has
    pub absent_since: Option<Timestamp>,
    /// when an event last told of it, by our clock
    pub told_at: Option<Timestamp>,
    /// its open use
    pub open_use: Option<(UseId, CredentialId)>,
}

/// A present person, for absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentPerson {
    /// the ledger's number
    pub id: PersonId,
    /// since when they have been missing, if they have
    pub absent_since: Option<Timestamp>,
    /// when an event last told of them, by our clock
    pub told_at: Option<Timestamp>,
}
