//! What NOTIFY asks of the ledger, of the mail server and of the other stages.

mod steps;
mod waiting;

pub use self::steps::{Candidate, StepDue, StepTaken};
pub use self::waiting::{Digest, Formed, MailMode, Wait, WaitReason, WaitingNotice, WaitingReader, Whom};

use serde_json::{Map, Value};

use super::links::LinkLedger;
use super::{Event, LedgerError};
use crate::domain::belief::Belief;
use crate::domain::brake::{Braked, Openings};
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{CredentialId, FindingId, MailId, NoticeId, PersonId, ProviderName};
use crate::domain::link::ActionLink;
use crate::domain::record::{Address, Auth, UsedFor};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;

/// The ledger as NOTIFY sees it. One process holds it, so a claim that is found at start is a dead one.
pub trait NotifyLedger: LinkLedger {
    /// Whether mail may leave at all.
    fn mail_mode(&self) -> impl Future<Output = Result<MailMode, LedgerError>>;

    /// What a dead sender left: `claimed` goes back to planned, `sending` becomes `maybe_sent`. Returns how many of each.
    fn recover_mails(&self, now: Timestamp) -> impl Future<Output = Result<(u64, u64), LedgerError>>;

    /// Cancels notices in no mail whose reader may not know of it any more; their steps are due once more. Returns how many.
    fn take_back_lost(&self, now: Timestamp) -> impl Future<Output = Result<u64, LedgerError>>;

    /// Open, mailed findings whose next step is due, or whose reset window is over and unanswered for, with ids above
    /// `after`, ascending, and who might be told.
    fn steps_due(
        &self,
        now: Timestamp,
        after: FindingId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StepDue>, LedgerError>>;

    /// Steps in one transaction: a notice per person, unique per (finding, opening, step, person), and the finding's next step.
    fn commit_steps(
        &self,
        now: Timestamp,
        steps: &[StepTaken],
        events: &[Event],
    ) -> impl Future<Output = Result<(), LedgerError>>;

    /// The operator's security contact, where there is one that may be written to.
    fn security_contact(&self, now: Timestamp) -> impl Future<Output = Result<Option<PersonId>, LedgerError>>;

    /// How many findings were opened after `since` and never told.
    fn new_findings(&self, now: Timestamp, since: Timestamp) -> impl Future<Output = Result<u64, LedgerError>>;

    /// What is usual; `None` before the first look.
    fn openings(&self) -> impl Future<Output = Result<Option<Openings>, LedgerError>>;

    /// Why nobody is told for now, as the last look left it; `None` where the brake is off.
    fn braked(&self) -> impl Future<Output = Result<Option<Braked>, LedgerError>>;

    /// After a look: the brake is off, and this is what is usual now.
    fn brake_off(&self, now: Timestamp, openings: &Openings) -> impl Future<Output = Result<(), LedgerError>>;

    /// After a look: the brake is on. Returns whether it was off before.
    fn brake_on(&self, now: Timestamp, braked: &Braked) -> impl Future<Output = Result<bool, LedgerError>>;

    /// Forgets that people wait: all of them, or with an instant those who waited until then.
    fn end_waits(&self, until: Option<Timestamp>) -> impl Future<Output = Result<(), LedgerError>>;

    /// People with notices that are in no mail yet, worst first: one number each.
    fn people_waiting(&self, now: Timestamp, whom: Whom) -> impl Future<Output = Result<Vec<PersonId>, LedgerError>>;

    /// Some of those people with what waits for them, in the order given.
    fn readers_waiting(
        &self,
        now: Timestamp,
        whom: Whom,
        people: &[PersonId],
    ) -> impl Future<Output = Result<Vec<WaitingReader>, LedgerError>>;

    /// These digests, and who waits instead, in one transaction. A digest has those of its notices that are in no mail
    /// yet; without any there is none. The Message-ID is fixed here: `<keysweep.{mail}.{ledger's own id}@{domain}>`.
    fn form_mails(
        &self,
        now: Timestamp,
        formed: &Formed,
        domain: &str,
    ) -> impl Future<Output = Result<(), LedgerError>>;

    /// Ends the ramp, where a whole scan has been made: everybody who was found in it has been told once. Returns whether
    /// it ended.
    fn end_ramp(&self, now: Timestamp) -> impl Future<Output = Result<bool, LedgerError>>;

    /// Claims mails that are planned, or failed or maybe sent and due again by `due_by`; oldest first. `until` is
    /// how far ahead it is looked at who may be told; the claim itself ends with its process.
    fn claim_mails(
        &self,
        due_by: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ClaimedMail>, LedgerError>>;

    /// The same mails as they stand now, after a re-check.
    fn reload_mails(&self, ids: &[MailId]) -> impl Future<Output = Result<Vec<ClaimedMail>, LedgerError>>;

    /// Its own transaction just before DATA: from here on the mail may have been sent. Nothing is begun where the mail, as it
    /// was written, says what is not to be said any more, or was offered to an address that is not its reader's any more.
    fn begin_sending(&self, mail: &ClaimedMail, now: Timestamp) -> impl Future<Output = Result<Begun, LedgerError>>;

    /// What became of claimed mails, in one transaction.
    fn record_mails(
        &self,
        now: Timestamp,
        ends: &[(MailId, MailEnd)],
        events: &[Event],
    ) -> impl Future<Output = Result<(), LedgerError>>;
}

/// A mail that this process holds, with everything that rendering needs.
#[derive(Clone, Debug)]
pub struct ClaimedMail {
    /// the ledger's number
    pub id: MailId,
    /// the fixed Message-ID, with its angle brackets
    pub message_id: String,
    /// to whom
    pub person: PersonId,
    /// their address now
    pub address: Address,
    /// false where the person may no longer be written to
    pub deliverable: bool,
    /// language tag
    pub locale: Option<String>,
    /// IANA time zone
    pub timezone: Option<String>,
    /// as whom they are written to
    pub audience: Audience,
    /// the platform's id of the account
    pub account: String,
    /// ends mails about low severities to this person; `None` where there is nothing of the kind to end, or no public address
    pub unsubscribe: Option<ActionLink>,
    /// attempts before this one
    pub attempts: u32,
    /// true where an earlier attempt may have arrived
    pub maybe_sent: bool,
    /// Message-IDs of earlier mails to this person about the same findings, oldest first, at most ten
    pub references: Vec<String>,
    /// how many earlier ones there are
    pub earlier: u32,
    /// its notices, worst first
    pub notices: Vec<MailNotice>,
}

/// As whom somebody is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// the owner of an account, or the member who made a connection of it
    Account,
    /// the operator's security contact: their mail is about many accounts, and each notice names its own
    SecurityContact,
}

/// One finding's step within a mail, with the facts as they stand.
#[derive(Clone, Debug)]
pub struct MailNotice {
    /// the ledger's number
    pub id: NoticeId,
    /// the finding
    pub finding: FindingId,
    /// which step of the ladder
    pub step: u32,
    /// true for the short note that ends a tombstone: the finding has closed, because the provider refuses the key
    pub closing: bool,
    /// false where the finding has closed (for a closing note: is open) or begun anew since, is quiet, or the reader may not
    /// know of it any more or wants none of it: the notice is dropped
    pub current: bool,
    /// the owner's page of this finding; `None` without a public address
    pub link: Option<ActionLink>,
    /// the platform's id of the account
    pub account: String,
    /// the rule
    pub rule: RuleName,
    /// how bad it is
    pub severity: Severity,
    /// since when it holds
    pub since: Timestamp,
    /// the facts that it rests on
    pub evidence: Map<String, Value>,
    /// the platform's id of the connection
    pub connection: String,
    /// its name, for people
    pub name: Option<String>,
    /// how the connection authenticates
    pub auth: Auth,
    /// the credential's provider
    pub provider: ProviderName,
    /// the credential
    pub credential: CredentialId,
    /// its identity
    pub fingerprint: Fingerprint,
    /// the last four characters of its public half, or nothing
    pub key_tail: String,
    /// which kind of key the provider took it for
    pub kind: Option<String>,
    /// what is believed of it
    pub belief: Belief,
    /// whether a sealed copy is held
    pub held: bool,
    /// the earliest instant at which the value is known to have existed
    pub secret_since: Timestamp,
    /// how that is known
    pub provenance: Provenance,
    /// what ended the use, for a former credential
    pub ended_by: Option<EndedBy>,
    /// when it ended
    pub until: Option<Timestamp>,
    /// when somebody last said, in this opening, that the secret was reset
    pub reset_at: Option<Timestamp>,
    /// whether the ladder has another step after this one
    pub reminded: bool,
    /// open connections of the account that use the credential
    pub sharers: u32,
    /// imports that still used the key when the inventory last said so
    pub running_jobs: u32,
    /// what else the credential serves
    pub used_for: Vec<UsedFor>,
}

/// Whether a mail that was offered may be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Begun {
    /// it says what the ledger says: from here on it may have been sent
    Sending,
    /// somebody acted, or a finding closed, since it was written: it is to be read again
    Changed,
}

/// What became of a claimed mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailEnd {
    /// the server took it
    Sent {
        /// its reply, cut at 200 characters
        reply: String,
    },
    /// the connection was lost after DATA: it may have arrived
    MaybeSent {
        /// when to try again, under the same Message-ID
        retry_at: Timestamp,
        /// what was seen
        error: String,
    },
    /// it was not taken and may be later: an attempt, however far it came
    Failed {
        /// when to try again
        retry_at: Timestamp,
        /// what was seen
        error: String,
    },
    /// the address itself was refused for good: it is suppressed until `until`
    AddressRefused {
        /// the one that it was offered to
        address: Address,
        /// the end of the suppression
        until: Timestamp,
        /// the server's reply
        error: String,
    },
    /// its turn comes later: it was not offered, nothing is wrong with it, and no attempt is counted
    PutOff {
        /// when its turn comes
        retry_at: Timestamp,
    },
    /// nothing is left to say, or nobody to say it to
    Cancelled,
    /// these notices wait for a confirmation: they leave the mail, and are in no mail again
    Held {
        /// which
        notices: Vec<NoticeId>,
        /// from when on what is left of the mail may be claimed again
        retry_at: Timestamp,
    },
}

/// A mail server.
pub trait Mailer {
    /// One open session.
    type Session: MailSession;

    /// Connects, secures and logs in, within the transport's own timeout.
    ///
    /// # Errors
    /// [`SendError::Server`] whatever the reason: no mail is at fault.
    fn open(&self) -> impl Future<Output = Result<Self::Session, SendError>>;
}

/// An open session with a mail server; dropped without QUIT after an error.
pub trait MailSession {
    /// Says MAIL, with this address as the one that it comes back to or else the sender's own, and RCPT. After an error
    /// other than [`SendError::Server`] the session can be used for the next mail.
    fn offer(&mut self, comes_back_to: Option<&Address>, to: &Address) -> impl Future<Output = Result<(), SendError>>;

    /// Says DATA and the message. Returns the server's reply.
    fn transmit(&mut self, message: &[u8]) -> impl Future<Output = Result<String, SendError>>;

    /// Says QUIT.
    fn close(self) -> impl Future<Output = ()>;
}

/// Why a mail was not taken. Says what its holder should do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// this address, for good (5.1.x or 5.2.1 at RCPT): suppress it
    #[error("the address was refused for good: {0}")]
    Address(String),
    /// this mail, for now (4xx): retry later
    #[error("not now: {0}")]
    Later(String),
    /// we are at fault (any other 5xx): keep the mail, stop after a few in a row, tell the operator
    #[error("the mail server refuses us: {0}")]
    Ours(String),
    /// the server can't be reached, secured or logged in to, or the connection broke before DATA: retry later
    #[error("no session with the mail server: {0}")]
    Server(String),
    /// the connection broke after DATA: it may have arrived
    #[error("the connection was lost after DATA: {0}")]
    AfterData(String),
}

/// Asks the providers once more before something is said to people, and judges what that changes.
pub trait Recheck {
    /// What a re-check fails with.
    type Error: std::error::Error + Send + Sync + 'static;

    /// A fresh probe of these credentials, then the judgement of what it changed.
    fn recheck(&self, credentials: &[CredentialId]) -> impl Future<Output = Result<(), Self::Error>>;
}

/// Turns a mail's contents into text and HTML, and those into a message.
pub trait Renderer {
    /// The whole message for the wire, headers included.
    ///
    /// # Errors
    /// A sentence for the operator: a template or an address of the configuration is at fault.
    fn render(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Vec<u8>, String>;
}
