//! The composition root: settings in, a running keysweep out. The one clock lives here.

pub mod announce;
pub mod audit;
pub mod bounces;
mod build;
mod clock;
pub mod daemon;
pub mod doctor;
pub mod events;
mod exemptions;
mod faults;
mod links;
mod mail;
mod metrics;
pub mod operator;
pub mod ops;
pub mod probe;
pub mod public;
pub mod rekey;
pub mod report;
mod room;
pub mod scan;
pub mod traces;
pub mod trial;
pub mod unattended;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::announce::Endpoints;
use self::audit::Noted;
pub use self::build::{policy, sample_templates, tell_policy};
use self::clock::SteadyClock;
pub use self::clock::time_by;
use self::events::Taker;
pub use self::faults::{faults, sound};
pub use self::mail::counted;
pub use self::report::chain;
use crate::config::{SecretRefError, Settings};
use crate::domain::catalogue::Provider;
use crate::domain::ids::ProviderName;
use crate::domain::policy::{LivenessPolicy, Policy};
use crate::domain::time::Timestamp;
use crate::escrow::{Escrow, EscrowError, MasterKeyError};
use crate::inventory::Source;
use crate::inventory::refs::Allowed;
use crate::ledger::{Ledger, OpenError};
use crate::mail::{SmtpMailer, Templates};
use crate::notify::{MailPace, NotifyPolicy};
use crate::ports::meter::Meter;
use crate::ports::{Clock, LedgerError, Timer};
use crate::providers::{Catalogue, CatalogueError, CatalogueProber};
use crate::scan::SourceSpec;

/// The system's clock: the only one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::from(chrono::Utc::now())
    }
}

/// Real waiting: the only one outside of single exchanges, whose timeouts are the transport's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

/// A whole keysweep over one ledger.
pub struct App<C> {
    /// what the operator said
    pub settings: Settings,
    /// what is known of providers
    pub catalogue: Arc<Catalogue>,
    /// what is known of the estate
    pub ledger: Ledger,
    clock: SteadyClock<C>,
    vault: Arc<Escrow>,
    prober: CatalogueProber<SteadyClock<C>>,
    sources: Vec<(SourceSpec, Source)>,
    takers: Vec<Taker>,
    /// what the rows of each source may name, by its name
    refs: BTreeMap<String, Allowed>,
    mail: Option<MailParts>,
    endpoints: Endpoints,
    policy: Policy,
    judged_under: String,
    /// of the event log
    noted: Noted,
    meter: Arc<dyn Meter>,
}

/// What sending mail takes.
struct MailParts {
    mailer: SmtpMailer,
    templates: Arc<Templates>,
    pace: MailPace,
    policy: NotifyPolicy,
}

/// Why keysweep can't be put together, or a scan failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// the ledger can't be opened
    #[error(transparent)]
    Open(#[from] OpenError),
    /// the ledger failed
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// a setting's secret can't be had
    #[error(transparent)]
    Secret(#[from] SecretRefError),
    /// a setting's value doesn't do
    #[error("{key}: {what}")]
    Setting {
        /// the setting as a dotted path
        key: String,
        /// what is wrong and what to do
        what: String,
    },
    /// the master key is no key
    #[error("escrow.master_key: {0}")]
    MasterKey(#[from] MasterKeyError),
    /// the master key is not this ledger's
    #[error(transparent)]
    Escrow(#[from] EscrowError),
    /// a catalogue file can't be used
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// `--notify` without a mail server
    #[error(
        "mail.smtp_url and mail.from are not set, so there is no way to send mail; set both, or scan without --notify"
    )]
    NoMail,
    /// a mail can't be written
    #[error("{0}")]
    Render(String),
    /// there is no inventory
    #[error("no [[inventory]] is configured, so there is nothing to scan; see config/keysweep.toml for an example")]
    NoInventory,
    /// there is no source of this name
    #[error("no [[inventory]] is named {name:?}; there are: {known}")]
    NoSource {
        /// the name that was asked for
        name: String,
        /// the names that there are
        known: String,
    },
}

impl AppError {
    /// True where the configuration is at fault, so that trying again is pointless: exit code 78.
    pub const fn is_config(&self) -> bool {
        matches!(
            self,
            Self::Secret(_)
                | Self::Catalogue(_)
                | Self::Setting { .. }
                | Self::MasterKey(_)
                | Self::Escrow(_)
                | Self::NoMail
                | Self::NoInventory
                | Self::NoSource { .. }
        )
    }
}

impl<C: Clock> App<C> {
    /// The present instant, by this keysweep's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How the liveness machine judges a provider's credentials.
    pub fn liveness_policy(&self, provider: &ProviderName) -> LivenessPolicy {
        let known = self.catalogue.get(provider);
        let (gap, settle) = (known.and_then(Provider::confirm_gap), known.and_then(Provider::settle));
        LivenessPolicy {
            only_after_acceptance: known.is_some_and(Provider::only_after_acceptance),
            grace: known.and_then(Provider::grace),
            one_secret_per_key: known.is_some_and(|known| known.rotation.one_secret_per_key),
            ..self.settings.liveness_policy(provider, gap, settle)
        }
    }

    /// What the rules go by.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// One source of the configuration, by name.
    ///
    /// # Errors
    /// [`AppError::NoSource`], which names those that there are.
    pub fn source(&self, name: &str) -> Result<&(SourceSpec, Source), AppError> {
        self.sources.iter().find(|(spec, _)| spec.name == name).ok_or_else(|| AppError::NoSource {
            name: name.to_owned(),
            known: self.sources.iter().map(|(spec, _)| spec.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// A claim holds longer than everything that one mail may take.
const fn lease(timeout: Duration, mails: u32) -> Duration {
    timeout.saturating_mul(mails)
}
