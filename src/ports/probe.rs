//! What PROBE asks of the ledger and of the providers.

use super::{Event, LedgerError};
use crate::domain::belief::{Belief, Liveness};
use crate::domain::blindness::{Accounts, Scope, Sight};
pub use crate::domain::cadence::LONGEST_RETRY_AFTER;
use crate::domain::clock::Clocks;
use crate::domain::control::Accepted;
use crate::domain::ids::{AccountId, CredentialId, ProviderName, SourceId};
use crate::domain::outcome::{Answer, Dated, Part};
use crate::domain::secret::{Fingerprint, Secret};
use crate::domain::time::Timestamp;

/// The ledger as PROBE sees it.
pub trait ProbeLedger {
    /// Which providers have due credentials, and how many.
    fn due_providers(&self, now: Timestamp) -> impl Future<Output = Result<Vec<(ProviderName, u64)>, LedgerError>>;

    /// Due credentials of one provider with ids above `after`, ascending. Due: `probe_at` is set and not after `now`.
    fn due_credentials(
        &self,
        provider: &ProviderName,
        now: Timestamp,
        after: CredentialId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DueCredential>, LedgerError>>;

    /// Credentials by number, whether due or not, that have a sealed copy: for a re-check before mail.
    fn held_credentials(&self, ids: &[CredentialId]) -> impl Future<Output = Result<Vec<DueCredential>, LedgerError>>;

    /// The positive controls of one provider: the last acceptances per source (`None`: the operator's own) and endpoint.
    fn controls(&self, provider: &ProviderName) -> impl Future<Output = Result<Vec<Control>, LedgerError>>;

    /// What is remembered of one provider's endpoints, the operator's word heeded.
    fn sights(&self, provider: &ProviderName) -> impl Future<Output = Result<Vec<(Scope, Sight)>, LedgerError>>;

    /// When the last scan or run of mail ended, or began where it did not end; `None` before the first.
    fn last_run(&self) -> impl Future<Output = Result<Option<Timestamp>, LedgerError>>;

    /// What the providers say of our clock.
    fn clocks(&self) -> impl Future<Output = Result<Clocks, LedgerError>>;

    /// The suspects of one provider with ids above `after`, ascending.
    fn suspects(
        &self,
        provider: &ProviderName,
        after: CredentialId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DueCredential>, LedgerError>>;

    /// How many credentials of one provider that are suspects, dead or destroyed each source has that has any.
    fn refused_by_source(
        &self,
        provider: &ProviderName,
    ) -> impl Future<Output = Result<Vec<(SourceId, u64)>, LedgerError>>;

    /// Those among these credentials beside which there are others with the same public half, at the same provider, that
    /// are not proven dead.
    fn sharing_a_key(&self, ids: &[CredentialId]) -> impl Future<Output = Result<Vec<CredentialId>, LedgerError>>;

    /// A page of those others, with ids above `after`, ascending; and the credential itself beside every page. Without any
    /// other, the last page was the one before.
    fn keymates(
        &self,
        id: CredentialId,
        after: CredentialId,
    ) -> impl Future<Output = Result<Vec<SameKey>, LedgerError>>;

    /// A batch of results in one transaction. Where [`ProbeRecord::transition`] is set, the connections of the credential
    /// become due for judging, as do those of whoever is outlived: at once where they are few, else in pages. Returns those of
    /// whom nothing was told: their copy was destroyed meanwhile, or was to be, and they have come into use again; or whoever was
    /// to be outlived is in another state by now.
    fn commit_probes(
        &self,
        now: Timestamp,
        learnt: &Learnt<'_>,
    ) -> impl Future<Output = Result<Vec<CredentialId>, LedgerError>>;

    /// Makes sure that no page, journal or log of the database keeps what was shredded. Called once after the last batch that shredded.
    fn scrub(&self) -> impl Future<Output = Result<(), LedgerError>>;
}

/// What is learnt together and written together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Learnt<'a> {
    /// beliefs, next times, shredded copies
    pub records: &'a [ProbeRecord],
    /// acceptances that let refusals count
    pub controls: &'a [Control],
    /// endpoints at which something was heard
    pub sights: &'a [(Scope, Sight)],
    /// those that a newer secret proves dead
    pub outlived: &'a [OutlivedRecord],
    /// whom to look at sooner than it was planned
    pub sooner: &'a [(CredentialId, Timestamp)],
    /// our clock, where something new is known of it
    pub clocks: Option<&'a Clocks>,
    /// the log
    pub events: &'a [Event],
}

impl Learnt<'_> {
    /// True where there is nothing to write.
    pub const fn is_nothing(&self) -> bool {
        self.records.is_empty()
            && self.controls.is_empty()
            && self.sights.is_empty()
            && self.outlived.is_empty()
            && self.sooner.is_empty()
            && self.clocks.is_none()
            && self.events.is_empty()
    }
}

/// A credential that is to be looked at.
#[derive(Clone, Debug)]
pub struct DueCredential {
    /// the ledger's number
    pub id: CredentialId,
    /// its identity
    pub fingerprint: Fingerprint,
    /// the source that showed it
    pub source: SourceId,
    /// those who use it, or did
    pub accounts: Accounts,
    /// its provider
    pub provider: ProviderName,
    /// its public half
    pub key_id: Option<String>,
    /// the region, if known
    pub region: Option<String>,
    /// the customer's own address at the provider
    pub base_url: Option<String>,
    /// what is believed of it
    pub belief: Belief,
    /// when keysweep first saw that no use of it was open anywhere; `None` while one is
    pub idle_since: Option<Timestamp>,
    /// the sealed copy
    pub sealed: Option<String>,
}

/// The acceptances at one endpoint that let refusals count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// whose credentials they were; `None` for the operator's own
    pub source: Option<SourceId>,
    /// their provider
    pub provider: ProviderName,
    /// the protocol's name
    pub protocol: String,
    /// the endpoint's name
    pub endpoint: String,
    /// which and when
    pub accepted: Accepted,
}

/// What one look at a credential changes.
#[derive(Clone, Debug)]
pub struct ProbeRecord {
    /// which
    pub id: CredentialId,
    /// what is now believed
    pub belief: Belief,
    /// when to look again; `None` for never
    pub probe_at: Option<Timestamp>,
    /// which kind of key the provider took it for; `None` leaves what is known
    pub kind: Option<String>,
    /// the parts of the last answer, for evidence; `None` leaves what is known
    pub parts: Option<Vec<Part>>,
    /// true where the copy is to be destroyed
    pub shred: bool,
    /// the region in which it was asked, as far as that was known
    pub region: Option<String>,
    /// the customer's own address at which it was asked
    pub base_url: Option<String>,
    /// since when no use was open, as it was known when that was decided
    pub idle_since: Option<Timestamp>,
    /// true where a rule could see a difference
    pub transition: bool,
}

/// One of the credentials with the same public half.
#[derive(Clone, Debug)]
pub struct SameKey {
    /// the ledger's number
    pub id: CredentialId,
    /// its identity
    pub fingerprint: Fingerprint,
    /// those who use it, or did
    pub accounts: Accounts,
    /// the region, if known
    pub region: Option<String>,
    /// the customer's own address at the provider
    pub base_url: Option<String>,
    /// what is believed of it
    pub belief: Belief,
    /// when keysweep first saw it, as far as it kept that
    pub first_seen_at: Option<Timestamp>,
    /// when keysweep first saw that no use of it was open anywhere; `None` while one is
    pub idle_since: Option<Timestamp>,
    /// whether a copy is held
    pub held: bool,
}

/// That a credential is outlived. Nothing is written where it is in another state than that.
#[derive(Clone, Debug)]
pub struct OutlivedRecord {
    /// which
    pub id: CredentialId,
    /// the state that it was in
    pub from: Liveness,
    /// what is now believed
    pub belief: Belief,
    /// when to look again; `None` for never
    pub probe_at: Option<Timestamp>,
}

/// Asks providers.
pub trait Prober {
    /// Asks one provider about one credential, over every protocol and endpoint that could hold it, within the
    /// provider's pace and in-flight limits. Never fails: what goes wrong is an unknown answer with its reason.
    fn ask(&self, question: &Question<'_>) -> impl Future<Output = Answer>;

    /// Takes one question's part of what an account's own quota at the provider leaves us; false where it is used up for
    /// now. Everything is true where the quota is not the customer's.
    fn has_share(&self, _provider: &ProviderName, _account: AccountId) -> impl Future<Output = bool> {
        async { true }
    }

    /// How many questions to this provider may be under way at once; `None` for a provider that the catalogue doesn't know.
    fn in_flight(&self, provider: &ProviderName) -> Option<usize>;

    /// Which time it is at a provider, asked without a credential; `None` where it doesn't say.
    fn time(&self, _provider: &ProviderName) -> impl Future<Output = Option<Dated>> {
        async { None }
    }

    /// The operator's own control credential for this provider, if there is one.
    fn control(&self, provider: &ProviderName) -> Option<(Option<String>, Secret)>;
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// whom
    pub provider: &'a ProviderName,
    /// the public half
    pub key_id: Option<&'a str>,
    /// the secret
    pub secret: &'a Secret,
    /// the region, if known; else every region is asked
    pub region: Option<&'a str>,
    /// the customer's own address at the provider
    pub base_url: Option<&'a str>,
}
