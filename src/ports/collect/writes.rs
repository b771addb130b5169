//! What COLLECT writes: one chunk, one transaction.

use serde::Serialize;

use super::super::Event;
use crate::domain::facts::{ConnectionStatus, EndedBy, Provenance};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, PersonId, ProviderName, SourceId, UseId};
use crate::domain::record::{Auth, PersonStatus, Quarantined, Role, UsedFor};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;

/// All that one chunk of rows changes.
#[derive(Clone, Debug, Default)]
pub struct CollectChunk {
    /// the present instant; also `ended_seen_at` of uses that end here
    pub now: Option<Timestamp>,
    /// the number of the turn in which it was put together: written only if nobody else has written since
    pub turn: Option<i64>,
    /// accounts seen for the first time
    pub accounts: Vec<NewAccount>,
    /// persons, new or changed
    pub people: Vec<PersonWrite>,
    /// connections, new or changed
    pub connections: Vec<ConnectionWrite>,
    /// credentials seen for the first time
    pub credentials: Vec<NewCredential>,
    /// known credentials whose age is now known to be greater
    pub older: Vec<Older>,
    /// known credentials that are asked elsewhere from now on
    pub placed: Vec<Placed>,
    /// known credentials that are sealed anew, their liveness back at unverified
    pub resealed: Vec<(CredentialId, String)>,
    /// uses that end; written before those that begin
    pub ended: Vec<UseEnd>,
    /// uses that begin
    pub begun: Vec<NewUse>,
    /// known uses of whose value the row now says something else; written after those that begin
    pub told: Vec<UseTold>,
    /// ended uses of a stand-in whose value is known now
    pub identified: Vec<UseId>,
    /// connections missing from this complete snapshot for the first time, with its start
    pub absent: Vec<(ConnectionId, Timestamp)>,
    /// connections that were missing and are back
    pub present: Vec<ConnectionId>,
    /// connections that are now believed gone (their uses are in `ended`), with how old the list is that settled it
    pub gone: Vec<(ConnectionId, Timestamp)>,
    /// people missing for the first time
    pub people_absent: Vec<(PersonId, Timestamp)>,
    /// people who are back
    pub people_present: Vec<PersonId>,
    /// people now believed gone, with how old the list is that settled it
    pub people_gone: Vec<(PersonId, Timestamp)>,
    /// *known* credentials with a use that begins, ends or is told of here: the ledger compares their summaries before
    /// and after, and makes the neighbours due where one flips
    pub touched: Vec<CredentialId>,
    /// what the log is told
    pub events: Vec<Event>,
}

/// Where a known credential is asked from now on. A run of refusals that is not over is forgotten, for it came from elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct Placed {
    /// the credential
    pub id: CredentialId,
    /// its region; `None` where every region is asked
    pub region: Option<String>,
    /// the customer's own address
    pub base_url: Option<String>,
}

/// An account seen for the first time.
#[derive(Clone, Debug, Serialize)]
pub struct NewAccount {
    /// a reserved number
    pub id: AccountId,
    /// its source
    pub source: SourceId,
    /// the platform's id
    pub external_id: String,
}

/// A person, new or changed. The ledger makes the account's connections due.
#[derive(Clone, Debug, Serialize)]
pub struct PersonWrite {
    /// a reserved or a known number
    pub id: PersonId,
    /// their source
    pub source: SourceId,
    /// their account
    pub account: AccountId,
    /// the platform's id
    pub member_id: String,
    /// the address, in clear: the ledger is the one place that has it
    pub email: String,
    /// their role
    pub role: Role,
    /// whether they may be written to
    pub status: PersonStatus,
    /// whether the platform has verified the address
    pub verified: bool,
    /// language tag
    pub locale: Option<String>,
    /// IANA time zone
    pub timezone: Option<String>,
    /// the digest of these facts
    pub digest: String,
    /// how old these facts are
    pub facts_at: Timestamp,
    /// when an event told of them, by our clock; `None` from a reading
    pub told_at: Option<Timestamp>,
}

/// A connection, new or changed; due for judging at once.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionWrite {
    /// a reserved or a known number
    pub id: ConnectionId,
    /// its source
    pub source: SourceId,
    /// the platform's id
    pub external_id: String,
    /// its account
    pub account: AccountId,
    /// its provider
    pub provider: ProviderName,
    /// for people only
    pub name: Option<String>,
    /// its status
    pub status: ConnectionStatus,
    /// how it authenticates
    pub auth: Auth,
    /// when it was made
    pub created_at: Option<Timestamp>,
    /// when it was deleted
    pub deleted_at: Option<Timestamp>,
    /// how old these facts are
    pub facts_at: Timestamp,
    /// true where the platform dated them
    pub own_date: bool,
    /// how old they are but for the status
    pub row_at: Timestamp,
    /// how old the word on its secret is that comes with them; `None` where there is no newer one
    pub secret_at: Option<Timestamp>,
    /// when an event told of it, by our clock; `None` from a reading
    pub told_at: Option<Timestamp>,
    /// the last synchronisation, as of this change
    pub last_sync_at: Option<Timestamp>,
    /// the member who made it
    pub created_by: Option<String>,
    /// imports that still use the key, as of this change
    pub running_jobs: u32,
    /// what else the credential serves
    pub used_for: Vec<UsedFor>,
    /// free words
    pub tags: Vec<String>,
    /// the digest of these facts
    pub digest: String,
}

/// A credential seen for the first time.
#[derive(Clone, Debug, Serialize)]
pub struct NewCredential {
    /// a reserved number
    pub id: CredentialId,
    /// its identity
    pub fingerprint: Fingerprint,
    /// the source that showed it: whose acceptances are its positive control
    pub source: SourceId,
    /// its provider
    pub provider: ProviderName,
    /// its public half
    pub key_id: Option<String>,
    /// the region, if known
    pub region: Option<String>,
    /// the customer's own address at the provider
    pub base_url: Option<String>,
    /// true for the stand-in of a row without a secret
    pub placeholder: bool,
    /// the sealed copy, where one is held; the credential is then due for its first probe at once
    pub sealed: Option<String>,
    /// the earliest instant at which it is known to have existed
    pub secret_since: Timestamp,
    /// how that is known
    pub provenance: Provenance,
}

/// A known credential is older than was thought.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Older {
    /// which
    pub id: CredentialId,
    /// the earlier instant
    pub secret_since: Timestamp,
    /// how it is known
    pub provenance: Provenance,
}

/// A use that begins; `until` where it has ended already at first sight.
#[derive(Clone, Debug, Serialize)]
pub struct NewUse {
    /// a reserved number
    pub id: UseId,
    /// who uses
    pub connection: ConnectionId,
    /// what is used
    pub credential: CredentialId,
    /// the connection's account
    pub account: AccountId,
    /// from when, as well as is known
    pub since: Timestamp,
    /// to when and by what, where it has ended already
    pub ended: Option<(Timestamp, EndedBy)>,
    /// when the reading began, or the event came, that first showed it
    pub begun_in: Timestamp,
    /// whether it was first seen before the source was first read to its end
    pub first_run: bool,
    /// from when the value is known to be the row's own; see [`crate::domain::compromise`]
    pub own_from: Option<Timestamp>,
    /// what the row says of the value
    #[serde(flatten)]
    pub said: Said,
}

/// What a row says of the value that it shows, beside that it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Said {
    /// when it leaked
    pub compromised_at: Option<Timestamp>,
    /// it synchronises lists
    pub syncs: bool,
    /// it sends mail, over an API or by SMTP
    pub sends: bool,
}

/// A known use of whose value the row now says something else.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UseTold {
    /// which
    pub id: UseId,
    /// its credential
    pub credential: CredentialId,
    /// what is said now
    #[serde(flatten)]
    pub said: Said,
}

/// A use that ends.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UseEnd {
    /// which
    pub id: UseId,
    /// its credential
    pub credential: CredentialId,
    /// when, as well as is known
    pub until: Timestamp,
    /// what ended it
    pub by: EndedBy,
    /// when the reading began that no longer showed it open, where nothing else dates its end
    pub ended_in: Option<Timestamp>,
}

/// The end of reading one source.
#[derive(Clone, Debug)]
pub struct SnapshotEnd {
    /// which source
    pub source: SourceId,
    /// when reading began
    pub started_at: Timestamp,
    /// when the list was made that was read; not after `started_at`
    pub taken: Timestamp,
    /// when it ended
    pub now: Timestamp,
    /// rows read
    pub rows: u64,
    /// true where every row was read
    pub through: bool,
    /// true where every row was read and every id could be read
    pub complete: bool,
    /// true where the people were read completely too
    pub people_complete: bool,
    /// accounts that list somebody in a bad row: that they have no owner can't be said; `None` where the people were not read
    /// completely
    pub unsure_accounts: Option<Vec<String>>,
    /// why it was not complete, in the source's own words
    pub error: Option<String>,
    /// rows set aside, the first thousand
    pub quarantined: Vec<Quarantined>,
    /// how many were set aside in all
    pub quarantined_count: u64,
    /// remarks and dropped facts, the first hundred
    pub remarks: Vec<String>,
    /// connections that would be believed gone, held back because they are too many at once; zero ends the holding, and `None` is
    /// of a reading that says nothing of it
    pub held_back: Option<u64>,
    /// people likewise
    pub held_back_people: Option<u64>,
    /// true where a row of this reading told of a synchronisation
    pub told_of_syncs: bool,
    /// whether the connections were read as a whole, and what that means for the next reading
    pub changes: ChangesEnd,
}

/// What a reading means for later ones of changes alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesEnd {
    /// true where only changes were asked for: what the last whole reading said of the source stays, and this adds to it
    pub only: bool,
    /// what becomes of the mark that the next one goes on from
    pub mark: Mark,
}

/// What becomes of a [`super::ChangesMark`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// it stays: this reading says nothing
    #[default]
    Stays,
    /// the next reading may ask for what changed since this one began, on this basis
    Here(String),
    /// the next reading is to be of everything
    Gone,
}
