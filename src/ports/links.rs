//! Links in mails, and the page that they lead to.

use std::time::Duration;

use super::LedgerError;
use super::notify::ClaimedMail;
use crate::domain::ids::{FindingId, MailId, PersonId};
use crate::domain::link::{ActionLink, LinkHash};
use crate::domain::time::Timestamp;

/// Makes links. The same for the same mail, person and finding, so that a mail that is sent again is the same mail.
pub trait Links {
    /// The owner's page of a finding.
    fn action(&self, mail: MailId, person: PersonId, finding: FindingId) -> Issued;

    /// What ends mails about low severities.
    fn unsubscribe(&self, mail: MailId, person: PersonId) -> Issued;

    /// How long an action link lives.
    fn life(&self) -> Duration;
}

/// A link, and what the ledger is to know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// for the mail
    pub link: ActionLink,
    /// for the ledger
    pub hash: LinkHash,
}

/// A link as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLink {
    /// the hash of its token
    pub hash: LinkHash,
    /// the finding that it is about; `None` where it ends mails about low severities
    pub finding: Option<FindingId>,
    /// when it ends
    pub until: Timestamp,
}

/// The ledger as links see it.
pub trait LinkLedger {
    /// Keeps the links of a mail before it is sent, in one transaction. One that is kept already lives at least as long
    /// as is said here. A link is about the opening of its finding that the mail tells of.
    fn keep_links(
        &self,
        mail: MailId,
        person: PersonId,
        links: &[KeptLink],
    ) -> impl Future<Output = Result<(), LedgerError>>;
}

/// Says of a finding what its mail says, for the page.
pub trait Describe: Send + Sync {
    /// The words about the one finding that `mail` has, in its reader's language.
    ///
    /// # Errors
    /// A sentence for the operator: the catalogue has no texts for it.
    fn describe(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Described, String>;
}

/// A finding in words. Other people's text in it is harmless on one line, and not yet escaped for HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// what to do, in the imperative
    pub heading: String,
    /// what the platform is called
    pub platform: String,
    /// what the provider is called
    pub provider: String,
    /// what was found, since when, and how that is known
    pub what: String,
    /// why that matters
    pub why: String,
    /// how the reader finds the key
    pub key: String,
    /// the age of the secret and how it is known; empty where that says nothing
    pub age: String,
    /// which connection
    pub connections: String,
    /// what to mind before doing it
    pub minds: Vec<String>,
    /// what else stops when it is done; empty where no key is ended
    pub breaks: String,
    /// the way through the provider's screens
    pub path: String,
    /// the address that opens nearest to it
    pub link: String,
    /// what becomes of the old value
    pub old_value: String,
    /// the steps, in order
    pub steps: Vec<String>,
    /// the tag of the reader's language, as far as there are texts in it: everything is in it but for what follows
    pub language: String,
    /// that of `steps`
    pub steps_language: String,
    /// that of `breaks`, `path` and `old_value`: the catalogue may not know the reader's
    pub guide_language: String,
}
