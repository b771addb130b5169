//! What a platform tells of by an event.

use std::fmt;

/// The kinds of events that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// a connection was made
    ConnectionCreated,
    /// something of a connection changed
    ConnectionUpdated,
    /// a connection was deleted
    ConnectionDeleted,
    /// somebody joined an account
    MemberCreated,
    /// something of a member changed
    MemberUpdated,
    /// somebody left an account
    MemberRemoved,
    /// others know the secret of a connection
    CredentialCompromised,
}

/// What becomes of somebody or something that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// one connection
    Connection,
    /// one person
    Member,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ConnectionCreated,
        Self::ConnectionUpdated,
        Self::ConnectionDeleted,
        Self::MemberCreated,
        Self::MemberUpdated,
        Self::MemberRemoved,
        Self::CredentialCompromised,
    ];

    /// The word in an event's `type`, in metrics and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionCreated => "connection.created",
            Self::ConnectionUpdated => "connection.updated",
            Self::ConnectionDeleted => "connection.deleted",
            Self::MemberCreated => "member.created",
            Self::MemberUpdated => "member.updated",
            Self::MemberRemoved => "member.removed",
            Self::CredentialCompromised => "credential.compromised",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What it is about.
    pub const fn subject(self) -> Subject {
        match self {
            Self::ConnectionCreated
            | Self::ConnectionUpdated
            | Self::ConnectionDeleted
            | Self::CredentialCompromised => Subject::Connection,
            Self::MemberCreated | Self::MemberUpdated | Self::MemberRemoved => Subject::Member,
        }
    }

    /// True for the end of something: its facts may be left out, for they are known.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::ConnectionDeleted | Self::MemberRemoved)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
