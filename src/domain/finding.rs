//! Rules by name, severities, a rule's verdict on a subject, findings, and how they change.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{AccountId, ConnectionId, CredentialId, FindingId};
use super::time::Timestamp;

/// A rule's name: the same word in output, metric, mail and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleName {
    /// somebody who knows says that the key leaked
    SecretCompromised,
    /// a deleted connection's key still lives
    RevocationMissing,
    /// a key that was left behind is in use again
    SecretReused,
    /// nobody is left who made or owns the connection
    ConnectionOrphaned,
    /// the secret is older than its provider's limit
    SecretStale,
    /// whether the key is dead can't be proven
    RevocationUnproven,
    /// the provider refuses the key of an open connection
    ConnectionBroken,
    /// the value is of a kind that the platform can't use
    WrongKeyKind,
    /// the secret will soon be stale
    SecretDue,
    /// only a lower bound of the age is known
    SecretAgeUnknown,
    /// several open connections share the secret
    SecretShared,
    /// the key also sends mail
    MixedUse,
    /// the connection has not synchronised for long
    ConnectionIdle,
    /// nobody can be told of what was found
    OwnerUnreachable,
}

impl RuleName {
    /// Every rule, in the order of DESIGN.md 6.
    pub const ALL: [Self; 14] = [
        Self::SecretCompromised,
        Self::RevocationMissing,
        Self::SecretReused,
        Self::ConnectionOrphaned,
        Self::SecretStale,
        Self::RevocationUnproven,
        Self::ConnectionBroken,
        Self::WrongKeyKind,
        Self::SecretDue,
        Self::SecretAgeUnknown,
        Self::SecretShared,
        Self::MixedUse,
        Self::ConnectionIdle,
        Self::OwnerUnreachable,
    ];

    /// The one word, in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretCompromised => "secret-compromised",
            Self::RevocationMissing => "revocation-missing",
            Self::SecretReused => "secret-reused",
            Self::ConnectionOrphaned => "connection-orphaned",
            Self::SecretStale => "secret-stale",
            Self::RevocationUnproven => "revocation-unproven",
            Self::ConnectionBroken => "connection-broken",
            Self::WrongKeyKind => "wrong-key-kind",
            Self::SecretDue => "secret-due",
            Self::SecretAgeUnknown => "secret-age-unknown",
            Self::SecretShared => "secret-shared",
            Self::MixedUse => "mixed-use",
            Self::ConnectionIdle => "connection-idle",
            Self::OwnerUnreachable => "owner-unreachable",
        }
    }

    /// The rule of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad it is; the greater, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// good to know
    Low,
    /// wants a look
    Medium,
    /// wants doing
    High,
    /// wants doing now
    Critical,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule says of one use of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// which rule
    pub rule: RuleName,
    /// the credential that it is about
    pub credential: CredentialId,
    /// how bad it is
    pub severity: Severity,
    /// since when it holds, which is not when it was noticed
    pub since: Timestamp,
    /// the facts it rests on: flat, stable names, times as RFC 3339, no secret, no address
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// false where it is counted for the operator but never mailed (DESIGN.md 6, `history`)
    pub mailed: bool,
    /// false where it keeps an open finding open but opens none: a refusal that is not confirmed yet
    pub opens: bool,
    /// the operator's word that it is accepted for a while; rules leave that to [`rules::judge`](super::rules::judge)
    pub exempt: Option<Exempt>,
}

impl Ruling {
    /// Whether somebody ought to be told.
    pub const fn is_told(&self) -> bool {
        self.mailed && self.exempt.is_none()
    }
}

/// The operator's word that a finding is accepted until a date: it is kept and shown, and nobody is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub struct Exempt {
    /// the first instant at which it no longer holds
    pub until: Timestamp,
    /// why
    pub reason: String,
    /// who accepted it, where the configuration says so
    pub by: Option<String>,
    /// what the exemption covers, in words
    pub terms: String,
}

/// A finding as the ledger has it.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownFinding {
    /// the ledger's number
    pub id: FindingId,
    /// its rule
    pub rule: RuleName,
    /// its connection
    pub connection: ConnectionId,
    /// its credential
    pub credential: CredentialId,
    /// whose it is
    pub account: AccountId,
    /// false once closed
    pub open: bool,
    /// how often it has been opened, or begun anew by growing worse; at least 1
    pub opening: u32,
    /// at the time of the latest judgement
    pub severity: Severity,
    /// since when it holds
    pub since: Timestamp,
    /// when its present opening began
    pub opened_at: Timestamp,
    /// the latest facts
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// whether it may be mailed
    pub mailed: bool,
    /// by which word it is exempt; `None` where it is open or closed
    pub exempt: Option<Exempt>,
}

/// Why a finding begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anew {
    /// it had been closed, or was another account's: the connection has moved to this one
    Reopened,
    /// it has grown worse
    Worsened,
    /// it was exempt, and no longer is
    ExemptionEnded,
}

/// A change of one finding.
#[derive(Clone, Debug, PartialEq)]
pub enum FindingChange {
    /// opened for the first time, or there and exempt; its first step is due at once if it is mailed. The ledger numbers it
    Opened(Opened),
    /// open again after it was closed or exempt, or grown worse: the ladder starts anew under the next opening number
    Anew {
        /// which
        id: FindingId,
        /// the new state
        opened: Opened,
        /// why
        why: Anew,
    },
    /// exempt from now on, or by another word than before. The ledger cancels what is planned and not yet sent
    Exempted {
        /// which
        id: FindingId,
        /// the new state, in the same opening
        opened: Opened,
    },
    /// the same verdict with other facts; ladder and opening stay, and so does what it is exempt by
    Updated {
        /// which
        id: FindingId,
        /// how bad it is now
        severity: Severity,
        /// since when it holds
        since: Timestamp,
        /// the new facts
        evidence: serde_json::Map<String, serde_json::Value>,
        /// whether it may be mailed
        mailed: bool,
    },
    /// no longer so. The ledger cancels what is planned and not yet sent
    Closed {
        /// which
        id: FindingId,
        /// why, in one word: `dead`, `rotated`, `ended`, `cleared`
        why: &'static str,
    },
}

/// The state of a finding that opens.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// its rule
    pub rule: RuleName,
    /// its connection
    pub connection: ConnectionId,
    /// its credential
    pub credential: CredentialId,
    /// 1 for the first time
    pub opening: u32,
    /// how bad it is
    pub severity: Severity,
    /// since when it holds
    pub since: Timestamp,
    /// the facts
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// whether it may be mailed
    pub mailed: bool,
    /// by which word of the operator's it is exempt
    pub exempt: Option<Exempt>,
}
