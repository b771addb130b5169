//! What an inventory says, row by row: the contract of DESIGN.md 10 as types.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::ProviderName;
use super::secret::Secret;
use super::time::Timestamp;

/// One row of the connections' inventory, read and checked.
#[derive(Clone, Debug)]
pub struct ConnectionRecord {
    /// the platform's id; the identity together with the source
    pub connection_id: String,
    /// the platform's id of the customer
    pub account_id: String,
    /// a catalogue name; a `convertkit` value that begins with `kit_` has become `kit`
    pub provider: ProviderName,
    /// for people only
    pub name: Option<String>,
    /// active where the inventory says nothing
    pub status: RecordStatus,
    /// when the connection was made
    pub created_at: Option<Timestamp>,
    /// when the row's facts were last changed; older facts never overwrite newer ones
    pub updated_at: Option<Timestamp>,
    /// when the connection was deleted on the platform
    pub deleted_at: Option<Timestamp>,
    /// when the platform says that this secret was set
    pub secret_set_at: Option<Timestamp>,
    /// volatile: no change by itself
    pub last_sync_at: Option<Timestamp>,
    /// the public half, trimmed
    pub key_id: Option<String>,
    /// always a literal, never interpreted; `None` keeps what is known
    pub secret: Option<Secret>,
    /// where the secret may be fetched, if the source allows it
    pub secret_ref: Option<String>,
    /// changes when the platform's stored secret changes
    pub secret_version: Option<String>,
    /// how the connection authenticates; `None` where the row doesn't say: as connections of its provider usually do
    pub auth: Option<Auth>,
    /// a region of the catalogue, if known
    pub region: Option<String>,
    /// the customer's own address at the provider
    pub base_url: Option<String>,
    /// the member who made the connection
    pub created_by: Option<String>,
    /// volatile while open: imports that still use the key
    pub running_jobs: u32,
    /// what else the credential serves, as the platform knows it
    pub used_for: Vec<UsedFor>,
    /// when the platform learnt that the secret leaked
    pub compromised_at: Option<Timestamp>,
    /// free words
    pub tags: Vec<String>,
}

impl ConnectionRecord {
    /// An active row that says nothing but what every row must.
    pub fn bare(connection_id: &str, account_id: &str, provider: ProviderName) -> Self {
        Self {
            connection_id: connection_id.to_owned(),
            account_id: account_id.to_owned(),
            provider,
            name: None,
            status: RecordStatus::Active,
            created_at: None,
            updated_at: None,
            deleted_at: None,
            secret_set_at: None,
            last_sync_at: None,
            key_id: None,
            secret: None,
            secret_ref: None,
            secret_version: None,
            auth: None,
            region: None,
            base_url: None,
            created_by: None,
            running_jobs: 0,
            used_for: Vec::new(),
            compromised_at: None,
            tags: Vec::new(),
        }
    }

    /// Takes the row's secret. A `convertkit` value that begins with `kit_` is a Kit v4 key, and makes the row one of `kit`
    /// (DESIGN.md 10).
    pub fn take_secret(&mut self, secret: Secret) {
        if secret.expose().starts_with("kit_") && self.provider.as_str() == "convertkit" {
            self.provider = ProviderName::new("kit");
        }
        self.secret = Some(secret);
    }
}

/// A connection's status as an inventory row gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordStatus {
    /// in use
    Active,
    /// open, but not syncing
    Paused,
    /// marked deleted: believed at once
    Deleted,
}

/// How a connection authenticates to its provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// a pasted key
    #[default]
    Key,
    /// a grant; its tokens are never probed (PROVIDERS.md trap 26)
    Oauth,
}

/// What a credential serves besides syncing lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsedFor {
    /// list synchronisation
    Sync,
    /// transactional mail over the API
    Transactional,
    /// SMTP relay login
    Smtp,
}

impl UsedFor {
    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Transactional => "transactional",
            Self::Smtp => "smtp",
        }
    }

    /// True for what sends mail.
    pub const fn sends(self) -> bool {
        matches!(self, Self::Transactional | Self::Smtp)
    }
}

/// One row of the people's inventory, read and checked.
#[derive(Clone, Debug)]
pub struct PersonRecord {
    /// the platform's id of the customer
    pub account_id: String,
    /// the platform's id of the person within the source
    pub member_id: String,
    /// where mail goes
    pub email: Address,
    /// member where the inventory says nothing
    pub role: Role,
    /// active where the inventory says nothing
    pub status: PersonStatus,
    /// whether the platform has verified the address; true where the inventory says nothing
    pub verified: bool,
    /// language tag
    pub locale: Option<String>,
    /// IANA time zone
    pub timezone: Option<String>,
}

/// A person's role in an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// may delete any connection, and always gets the mail
    Owner,
    /// may delete their own connections
    #[default]
    Member,
}

/// Whether a person may be written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonStatus {
    /// may be
    #[default]
    Active,
    /// never
    Suspended,
    /// never
    Removed,
}

/// A mail address. It prints masked, so that no log, error or table shows whose it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// The address of nobody (RFC 2606), for samples.
    pub fn example() -> Self {
        Self("owner@example.com".to_owned())
    }

    /// Takes an address with one `@` between two non-empty parts, without white space, control
    /// characters or the marks that would open another header or command. `None` for anything else. The host is kept in
    /// small letters: it means the same in any (RFC 5321 2.4), which can't be said of what stands before the `@`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, host) = text.rsplit_once('@')?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;:\"()[]\\@".contains(c);
        let ok = !local.is_empty()
            && !host.is_empty()
            && text.len() <= 254
            && local.chars().all(plain)
            && host.chars().all(plain)
            && !host.starts_with(['.', '-'])
            && !host.ends_with(['.', '-'])
            && !host.contains("..");
        // One mailbox has one spelling, as far as the host goes, so that its limits hold whoever writes it how.
        ok.then(|| Self(format!("{local}@{}", host.to_lowercase())))
    }

    /// The address itself, for the ledger and for the mail server only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Masked: the first character, then the host's last label.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.chars().next().unwrap_or('*');
        let label = self.0.rsplit('.').next().filter(|l| !l.contains('@')).unwrap_or("*");
        write!(f, "{first}***@***.{label}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One row as a source hands it on, in the order of the source.
#[derive(Clone, Debug)]
pub struct Row<T> {
    /// the line on which the record starts, counted from 1, a header included
    pub row: u64,
    /// the row's id, where it could be read; a row without one suspends absence for its snapshot
    pub id: Option<String>,
    /// of a person, the account, where it could be read: a member's id says who it is only with it
    pub account: Option<String>,
    /// the record, or why it is quarantined
    pub record: Result<T, FieldProblem>,
    /// facts that were dropped from a good row, with the reason
    pub dropped: Vec<FieldProblem>,
}

/// What is wrong with one field of one row. Neither holds the field's value where that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// the contract's name of the field; empty for the row as a whole
    pub field: String,
    /// what is wrong and what to do, without a full stop
    pub reason: String,
}

/// `secret_set_at: lies in the future`; of the row as a whole only what is wrong.
impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.reason),
            field => write!(f, "{field}: {}", self.reason),
        }
    }
}

/// A row that was set aside: counted and shown, while the others go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quarantined {
    /// the source's name
    pub source: String,
    /// the line on which the record starts
    pub row: u64,
    /// the contract's name of the field
    pub field: String,
    /// what is wrong and what to do
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_masked() {
        let address = Address::parse("alice@shop.example.org").expect("a plain address");
        assert_eq!(address.to_string(), "a***@***.org");
        assert_eq!(format!("{address:?}"), "a***@***.org");
    }

    #[test]
    fn an_address_has_one_spelling_of_its_host_and_keeps_what_stands_before_it() {
        let exposed = |text: &str| Address::parse(text).map(|address| address.expose().to_owned());
        assert_eq!(exposed("Anna@Shop.Example.ORG").as_deref(), Some("Anna@shop.example.org"));
        assert_eq!(exposed("anna@BÜCHER.example").as_deref(), Some("anna@bücher.example"));
    }

    #[test]
    fn addresses_that_could_open_a_header_or_name_two_people_are_refused() {
        for bad in [
            "",
            "a",
            "@b.test",
            "a@",
            "a b@c.test",
            "a@b.test\r\nBcc: x@y.test",
            "a@b@c.test",
            "a,b@c.test",
            "<a@b.test>",
            "a@.test",
            "a@b..test",
        ] {
            assert!(Address::parse(bad).is_none(), "{bad:?}");
        }
        assert!(Address::parse(" first.last+tag@sub.example.com ").is_some());
    }
}
