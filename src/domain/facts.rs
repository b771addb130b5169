//! What the rules may see: one connection, its uses, and of its neighbours only summaries.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::belief::Belief;
use super::ids::{AccountId, ConnectionId, CredentialId, ProviderName, SourceId, UseId};
use super::policy::About;
use super::record::{Auth, UsedFor};
use super::secret::Fingerprint;
use super::time::Timestamp;

/// A connection's status as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionStatus {
    /// in use
    Active,
    /// open, but not syncing
    Paused,
    /// marked deleted by the inventory
    Deleted,
    /// believed gone after two complete snapshots without it
    Absent,
}

impl ConnectionStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Active, Self::Paused, Self::Deleted, Self::Absent];

    /// Active or paused.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Deleted => "deleted",
            Self::Absent => "absent",
        }
    }
}

/// One connection and everything that a rule may see of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// the connection itself
    pub connection: ConnectionFacts,
    /// its account, in summary
    pub account: AccountSummary,
    /// who can be told of what is found on it; `None` where the source's people were never read
    pub reach: Option<Reach>,
    /// its uses, ended ones included, oldest first; at most one is open
    pub uses: Vec<UseFacts>,
}

/// A connection's own facts.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionFacts {
    /// the ledger's number
    pub id: ConnectionId,
    /// its source
    pub source: SourceId,
    /// what the configuration calls that
    pub source_name: String,
    /// its account
    pub account: AccountId,
    /// the platform's id of that
    pub account_name: String,
    /// the platform's id
    pub external_id: String,
    /// the provider now
    pub provider: ProviderName,
    /// for people only
    pub name: Option<String>,
    /// what the inventory says of it
    pub status: ConnectionStatus,
    /// how it authenticates
    pub auth: Auth,
    /// when it was made, as the inventory says
    pub created_at: Option<Timestamp>,
    /// who made it, as far as known
    pub creator: Creator,
    /// imports that still used the key when the inventory last said so
    pub running_jobs: u32,
    /// what else the credential serves
    pub used_for: Vec<UsedFor>,
    /// the last synchronisation, as of the day on which a rule in force last had it read
    pub last_sync_at: Option<Timestamp>,
    /// whether its source has ever told of a synchronisation: one that never does says nothing by its silence
    pub syncs_are_told: bool,
    /// the platform's own words for it
    pub tags: Vec<String>,
}

impl ConnectionFacts {
    /// What the operator's entries are held against, for its use of a credential of that provider.
    pub fn about<'a>(&'a self, provider: &'a ProviderName) -> About<'a> {
        About {
            source: &self.source_name,
            account: &self.account_name,
            connection: &self.external_id,
            provider,
            tags: &self.tags,
        }
    }
}

/// Who made a connection, as far as known. An unknown creator is unknown, not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Creator {
    /// the inventory doesn't say, or names somebody whom the people's inventory has never shown
    Unknown,
    /// an active member or owner
    Active,
    /// a suspended one
    Suspended,
    /// a removed one, or one who has been absent from two complete snapshots
    Removed,
}

/// An account in summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountSummary {
    /// whether the account has an owner who is not removed; `None` where the source's people were never read
    pub has_owner: Option<bool>,
}

/// Whether anybody can be told of what is found on a connection: its account's owners, and the member who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reach {
    /// somebody can be
    pub somebody: bool,
    /// where only refused addresses stand in the way: when the first of them is tried again
    pub again_at: Option<Timestamp>,
}

impl Reach {
    /// True where somebody can be told at `now`.
    pub fn is_given(&self, now: Timestamp) -> bool {
        self.somebody || self.again_at.is_some_and(|again| again <= now)
    }
}

/// One use of a credential by this connection.
#[derive(Clone, Debug, PartialEq)]
pub struct UseFacts {
    /// the ledger's number
    pub id: UseId,
    /// whose it is, which is not the connection's account any more where that has moved
    pub account: AccountId,
    /// what it uses
    pub credential: CredentialFacts,
    /// from when, as well as is known
    pub since: Timestamp,
    /// to when; `None` while open
    pub until: Option<Timestamp>,
    /// what ended it
    pub ended_by: Option<EndedBy>,
    /// when keysweep first saw that it had ended
    pub ended_seen_at: Option<Timestamp>,
    /// true where it had already ended when keysweep first saw it
    pub ended_at_first_sight: bool,
    /// true where it was first seen by the source's first complete snapshot
    pub first_run: bool,
    /// the credential's other uses in this account
    pub share: Share,
}

/// What ended a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndedBy {
    /// the inventory marked the connection deleted
    Deleted,
    /// the connection was missing from two complete snapshots
    Absent,
    /// another secret took its place
    Replaced,
    /// it was learnt what the connection really uses: a row without a secret got one, or its key was a permission's token.
    /// What was taken for it leaves no key behind
    Identified,
}

/// A credential's other uses within one account, in summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share {
    /// open uses in the account, this one included
    pub open: Count,
    /// an earlier use in the account had ended before this one began
    pub left_behind: bool,
    /// when the value leaked, as the platform says of any use in the account
    pub compromised_at: Option<Timestamp>,
    /// open uses in the account synchronise lists with it, and send mail with it
    pub mixed: bool,
}

/// None, one or many: all that a rule may know of a number of neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Count {
    /// 0
    None,
    /// 1
    One,
    /// 2 or more
    Many,
}

impl From<i64> for Count {
    fn from(count: i64) -> Self {
        match count {
            i64::MIN..=0 => Self::None,
            1 => Self::One,
            2.. => Self::Many,
        }
    }
}

/// A credential as a rule sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialFacts {
    /// the ledger's number
    pub id: CredentialId,
    /// its identity
    pub fingerprint: Fingerprint,
    /// its provider, which need not be the connection's present one
    pub provider: ProviderName,
    /// the last four characters of its public half, or nothing
    pub key_tail: String,
    /// which kind of key the provider took it for
    pub kind: Option<String>,
    /// who says that it leaked, if anybody
    pub compromise: Option<Compromise>,
    /// true for a row without a secret: there is nothing to ask with, ever
    pub placeholder: bool,
    /// whether a sealed copy is held
    pub held: bool,
    /// what is believed of it
    pub belief: Belief,
    /// the earliest instant at which this value is known to have existed
    pub secret_since: Timestamp,
    /// how that is known
    pub provenance: Provenance,
}

/// The word that a value leaked, noted of the value itself: it holds in every account that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compromise {
    /// when it leaked, as well as is known
    pub at: Timestamp,
    /// who says so
    pub by: SaidBy,
    /// the operator's own note, for the operator
    pub note: Option<String>,
}

/// Whose word it is that a value leaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SaidBy {
    /// whoever runs keysweep
    Operator,
    /// the platform, by an event
    Platform,
    /// the people of the one account that has the key
    Account,
}

impl SaidBy {
    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Platform => "platform",
            Self::Account => "account",
        }
    }
}

/// How a secret's age is known (DESIGN.md 5), best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// the inventory's `secret_set_at`
    Declared,
    /// the value replaced another between two scans
    Observed,
    /// the connection's `created_at`
    Connected,
    /// a lower bound: it existed when it was first seen
    FirstSeen,
}

impl Provenance {
    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Observed => "observed",
            Self::Connected => "connected",
            Self::FirstSeen => "first_seen",
        }
    }
}
