//! Identities. Numbers are the ledger's own; names are other people's and never interpreted.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! ledger_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ledger_ids! {
    /// A source of inventory.
    SourceId,
    /// A customer of the platform.
    AccountId,
    /// An owner or a team member.
    PersonId,
    /// One integration of an account; dense, so that a bit per connection is enough to remember it.
    ConnectionId,
    /// The key material behind a fingerprint.
    CredentialId,
    /// One connection using one credential, from - to.
    UseId,
    /// One rule's verdict on one subject.
    FindingId,
    /// One finding's step for one person.
    NoticeId,
    /// One digest for one person and run.
    MailId,
    /// One pass over the estate.
    ScanId,
}

/// A provider's name in the catalogue, in lower case: `mailjet`, `convertkit`, `kit`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ProviderName(String);

impl ProviderName {
    /// The name, trimmed and in lower case. It is not checked against the catalogue here.
    pub fn new(name: &str) -> Self {
        Self(name.trim().to_ascii_lowercase())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
