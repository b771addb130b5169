//! The settings as they are used: checked, with every default in its place.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use url::Url;

use super::http::HttpSettings;
use super::inventories::{InventorySettings, Place};
use super::links::LinkSettings;
use super::policy::PolicySettings;
use super::run::RunSettings;
use super::schedule::ScheduleSettings;
use super::secret_ref::SecretRef;
use super::shown::Shown;
use super::telemetry::TelemetrySettings;
use super::telling::TellingSettings;
use super::webhooks::WebhookSettings;
use crate::domain::ids::ProviderName;
use crate::domain::policy::{Hold, LivenessPolicy, RulePolicy};
use crate::domain::secret::Secret;
use crate::domain::verp::ReturnPath;

/// Everything that the operator may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[ledger]`
    pub ledger: LedgerSettings,
    /// `[escrow]`
    pub escrow: EscrowSettings,
    /// `[[inventory]]`, in the file's order; names are unique
    pub inventories: Vec<InventorySettings>,
    /// the operator's own endpoints
    pub webhooks: Vec<WebhookSettings>,
    /// `[catalogue]`
    pub catalogue: CatalogueSettings,
    /// `[liveness]`
    pub liveness: LivenessSettings,
    /// `[providers.NAME]`, of those that are in the file
    pub providers: BTreeMap<ProviderName, ProviderSettings>,
    /// `[policy]`
    pub policy: PolicySettings,
    /// `[mail]`
    pub mail: MailSettings,
    /// `[links]`
    pub links: LinkSettings,
    /// `[http]`
    pub http: HttpSettings,
    /// `[run]`
    pub run: RunSettings,
    /// `[schedule]`
    pub schedule: ScheduleSettings,
    /// `[telemetry]`
    pub telemetry: TelemetrySettings,
    pub(super) shown: Vec<Shown>,
}

/// Where the ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// its address
    pub url: LedgerUrl,
}

/// The ledger's address: `sqlite:` and a path that no longer depends on the config file's folder, or `postgres://` and the
/// rest. Printing it shows a path, and of a server nothing, since the login may stand in it.
#[derive(Clone, Default)]
pub struct LedgerUrl(Option<Secret>);

impl LedgerUrl {
    pub(super) fn new(url: &str) -> Self {
        Self(Some(Secret::new(url)))
    }

    /// True where whoever knows the address may come in by it.
    pub(super) fn has_password(&self) -> bool {
        let names_one = |url: &Url| url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password");
        Url::parse(self.as_ref()).is_ok_and(|url| names_one(&url))
    }
}

impl PartialEq for LedgerUrl {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for LedgerUrl {}

impl AsRef<str> for LedgerUrl {
    fn as_ref(&self) -> &str {
        self.0.as_ref().map_or("", Secret::expose)
    }
}

impl fmt::Display for LedgerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_ref() {
            path if path.starts_with("sqlite:") => f.write_str(path),
            _ => f.write_str("postgres:[secret]"),
        }
    }
}

impl fmt::Debug for LedgerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// How copies are held.
#[derive(Clone, Debug)]
pub struct EscrowSettings {
    /// where the master key is
    pub master_key: SecretRef,
    /// how long copies are held; [`Hold::None`] only by choice, or where there is no inventory
    pub hold: Hold,
    /// the hard limit on holding
    pub retention: Duration,
}

/// What is known of providers beside what is shipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogueSettings {
    /// the folder of the operator's own files; it could be read when the settings were
    pub directory: Option<PathBuf>,
}

/// A default, or what the operator chose instead: a choice goes before the catalogue, a default after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// the value
    pub value: Duration,
    /// true where the operator set it
    pub explicit: bool,
}

/// How credentials are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivenessSettings {
    /// see [`LivenessPolicy::probe_every`]
    pub probe_every: Duration,
    /// see [`Settings::confirm_gap`]
    pub confirm_gap: Chosen,
    /// see [`Settings::settle`]
    pub settle: Chosen,
    /// see [`LivenessPolicy::unproven_after`]
    pub unproven_after: Duration,
    /// questions under way at once over all providers
    pub in_flight: usize,
    /// for one question
    pub timeout: Duration,
    /// for the connection of one question
    pub connect_timeout: Duration,
}

/// What the operator set for one provider; `None` leaves it to the general settings and the catalogue.
#[derive(Clone, Debug, Default)]
pub struct ProviderSettings {
    /// see [`Settings::max_age`]
    pub max_age: Option<Duration>,
    /// see [`Settings::warn_before`]
    pub warn_before: Option<Duration>,
    /// the greatest rate of questions
    pub pace: Option<Pace>,
    /// questions under way at once, at least one
    pub in_flight: Option<usize>,
    /// see [`Settings::confirm_gap`]
    pub confirm_gap: Option<Duration>,
    /// see [`Settings::settle`]
    pub settle: Option<Duration>,
    /// the operator's own credential at the provider
    pub control: Option<Control>,
    /// the protocols to be asked over; all where `None`
    pub protocols: Option<Vec<String>>,
    /// by protocol, addresses that are asked instead of the provider's; also lifts the demand for TLS
    pub dangerous_test_endpoints: BTreeMap<String, Url>,
}

/// A credential of the operator's own, by which a provider is seen to accept anybody at all.
#[derive(Clone, Debug)]
pub struct Control {
    /// the public half, where the provider has one
    pub key_id: Option<String>,
    /// where the secret is
    pub secret: SecretRef,
}

/// The greatest rate of questions to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// as fast as it goes
    Unpaced,
    /// so many in so long
    Paced {
        /// questions, at least one
        count: u32,
        /// a second, a minute or an hour
        per: Duration,
    },
}

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// where it is handed in and by whom; `None` where nothing is mailed
    pub sending: Option<Sending>,
    /// where mails come back to, if not to the sender
    pub return_path: Option<ReturnPath>,
    /// the mailbox of what came back
    pub bounces: Option<PathBuf>,
    /// where answers go, if not to the sender
    pub reply_to: Option<Mailbox>,
    /// what mails call the platform
    pub platform: String,
    /// the folder of the operator's own templates and texts
    pub templates: Option<PathBuf>,
    /// who is told, and when
    pub telling: TellingSettings,
    /// whom of the operator's mail tells of trouble and transitions; `None` for nobody
    pub operator: Option<Mailbox>,
    /// a last answer older than this is asked for again before mailing
    pub recheck_after: Duration,
    /// connections to the server at once, at least one
    pub sessions: usize,
    /// for each step with the server
    pub timeout: Duration,
    /// the wait before each further try; never empty
    pub retry: Vec<Duration>,
    /// each wait is longer by up to this many percent
    pub retry_jitter: u32,
    /// mails a minute over all; `None` for as fast as it goes
    pub per_minute: Option<NonZeroU32>,
    /// mails a minute to one domain; `None` for as fast as it goes
    pub per_domain_per_minute: Option<NonZeroU32>,
    /// how long an unknown address is left alone
    pub suppress_for: Duration,
    /// how long it is kept who was told what, at least 100 days
    pub keep_for: Duration,
}

/// Where mail is handed in, and by whom.
#[derive(Clone, Debug)]
pub struct Sending {
    /// the server's address with its login
    pub smtp_url: SecretRef,
    /// the sender
    pub from: Mailbox,
}

impl Settings {
    /// The confirmation gap of a provider: its own setting, else an explicit `[liveness]`, else the catalogue's, else
    /// the default.
    pub fn confirm_gap(&self, provider: &ProviderName, catalogue: Option<Duration>) -> Duration {
        let own = self.providers.get(provider).and_then(|own| own.confirm_gap);
        effective(own, self.liveness.confirm_gap, catalogue)
    }

    /// The settling time of a provider, found like [`Settings::confirm_gap`].
    pub fn settle(&self, provider: &ProviderName, catalogue: Option<Duration>) -> Duration {
        let own = self.providers.get(provider).and_then(|own| own.settle);
        effective(own, self.liveness.settle, catalogue)
    }

    /// The age beyond which a provider's secrets are stale: its own setting, else `[policy]`, else the catalogue's,
    /// else 90 days.
    pub fn max_age(&self, provider: &ProviderName, catalogue: Option<Duration>) -> Duration {
        let own = self.providers.get(provider).and_then(|own| own.max_age);
        own.or(self.policy.max_age).or(catalogue).unwrap_or(RulePolicy::default().max_age)
    }

    /// How long before they are stale a provider's secrets are announced: its own setting, else `[policy]`.
    pub fn warn_before(&self, provider: &ProviderName) -> Duration {
        self.providers.get(provider).and_then(|own| own.warn_before).unwrap_or(self.policy.warn_before)
    }

    /// The pace that the operator set for a provider; `None` leaves it to the catalogue.
    pub fn pace(&self, provider: &ProviderName) -> Option<Pace> {
        self.providers.get(provider).and_then(|own| own.pace)
    }

    /// How many questions the operator allows a provider at once; `None` leaves it to the catalogue.
    pub fn in_flight(&self, provider: &ProviderName) -> Option<usize> {
        self.providers.get(provider).and_then(|own| own.in_flight)
    }

    /// All that the liveness machine is told about a provider, from the catalogue's confirmation gap and settling time;
    /// what its refusals are worth the caller adds.
    pub fn liveness_policy(
        &self,
        provider: &ProviderName,
        confirm_gap: Option<Duration>,
        settle: Option<Duration>,
    ) -> LivenessPolicy {
        LivenessPolicy {
            hold: self.escrow.hold,
            probe_every: self.liveness.probe_every,
            confirm_gap: self.confirm_gap(provider, confirm_gap),
            settle: self.settle(provider, settle),
            retention: self.escrow.retention,
            unproven_after: self.liveness.unproven_after,
            ..LivenessPolicy::default()
        }
    }

    /// All that the rules are told about a provider where no override says otherwise, from the catalogue's greatest age;
    /// which kind of key is wanted there the caller adds.
    pub fn rule_policy(&self, provider: &ProviderName, max_age: Option<Duration>) -> RulePolicy {
        RulePolicy {
            max_age: self.max_age(provider, max_age),
            max_age_from: None,
            warn_before: self.warn_before(provider),
            unproven_after: self.liveness.unproven_after,
            history: self.policy.history,
            idle_after: self.policy.idle_after,
            wanted_kind: None,
        }
    }

    /// Where each secret of the configuration is.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let mail = self.mail.sending.iter().map(|sending| &sending.smtp_url);
        let controls = self.providers.values().filter_map(|own| own.control.as_ref()).map(|control| &control.secret);
        let token = &self.http.token;
        let webhooks = self.webhooks.iter().flat_map(|one| [&one.url].into_iter().chain(&one.secret));
        let sources = self.inventories.iter().flat_map(|one| match &one.place {
            Place::Files(_) | Place::Events => Vec::new(),
            // A path holds no login.
            Place::Sql(queries) => Vec::from_iter((!queries.is_path()).then_some(&queries.url)),
            Place::Http(lists) => lists.secrets(),
        });
        let events = self.inventories.iter().flat_map(|inventory| &inventory.events_secrets);
        let vaults = self.inventories.iter().filter_map(|inventory| inventory.secret_refs.vault.as_ref());
        let tokens = vaults.map(|vault| &vault.token);
        let traces = self.telemetry.traces.headers.iter().map(|(_, secret)| secret);
        let own = [&self.escrow.master_key].into_iter();
        own.chain(mail)
            .chain(token)
            .chain(controls)
            .chain(webhooks)
            .chain(sources)
            .chain(events)
            .chain(tokens)
            .chain(traces)
            .collect()
    }

    /// Where this setting is written: file and line, or the variable. What stands in a section of its own is where that begins.
    pub fn place_of(&self, key: &str) -> String {
        let written = |shown: &&Shown| shown.origin != "default";
        let exact = self.shown.iter().find(|shown| shown.key == key);
        let within = || self.shown.iter().filter(written).find(|shown| !key.is_empty() && shown.key.starts_with(key));
        exact.or_else(within).map_or_else(|| "the configuration".to_owned(), |shown| shown.origin.clone())
    }

    /// Every setting that is in force, sorted by key, with its origin and without secrets.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }
}

fn effective(own: Option<Duration>, general: Chosen, catalogue: Option<Duration>) -> Duration {
    let chosen = general.explicit.then_some(general.value);
    own.or(chosen).or(catalogue).unwrap_or(general.value)
}
