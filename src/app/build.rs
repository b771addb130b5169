//! Settings into parts.

mod policy;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;

use self::policy::judged_under;
pub use self::policy::policy;
pub(super) use self::sources::{refs, source, spec};
use super::announce::Endpoints;
use super::audit::Noted;
use super::clock::SteadyClock;
use super::events::Taker;
use super::{App, AppError, MailParts, lease};
use crate::config::{Env, FirstRun, InventorySettings, Pace, SecretRef, Sending, Settings, TellingSettings};
use crate::domain::catalogue::Provider;
use crate::domain::ids::ProviderName;
use crate::domain::policy::Policy;
use crate::domain::record::Address;
use crate::domain::secret::Secret;
use crate::escrow::{Escrow, EscrowError, MasterKey, Wrapped, entropy};
use crate::inventory::Source;
use crate::inventory::refs::Allowed;
use crate::ledger::Ledger;
use crate::mail::{MailSettings, OwnTemplates, ProviderTexts, Sender, SmtpMailer, SmtpSettings, Templates};
use crate::notify::{Backoff, MailPace, NotifyPolicy, TellPolicy};
use crate::ports::meter::Unmetered;
use crate::ports::notify::MailMode;
use crate::ports::{Clock, VaultError};
use crate::providers::{Catalogue, CatalogueProber, ProberError, ProviderSettings};
use crate::scan::SourceSpec;

/// Steps of one SMTP exchange, each with a timeout of its own: a claim must outlast them all.
const SMTP_STEPS: u32 = 10;

/// How providers see who asks.
pub(super) const AGENT: &str = concat!("keysweep/", env!("CARGO_PKG_VERSION"));

/// Everything of a keysweep that comes from the settings alone.
struct Parts<C> {
    settings: Settings,
    catalogue: Catalogue,
    master: MasterKey,
    prober: CatalogueProber<SteadyClock<C>>,
    mail: Option<MailParts>,
    endpoints: Endpoints,
    sources: Vec<(SourceSpec, Source)>,
    takers: Vec<Taker>,
    refs: BTreeMap<String, Allowed>,
    policy: Policy,
    judged_under: String,
}

impl<C: Clock + Clone> Parts<C> {
    /// # Errors
    /// Everything that settings can get wrong beyond what reading them tells.
    fn of(settings: Settings, env: &Env, clock: SteadyClock<C>) -> Result<Self, AppError> {
        let catalogue = Catalogue::load(settings.catalogue.directory.as_deref())?;
        let master = MasterKey::parse(&resolve(&settings.escrow.master_key, env)?)?;
        let prober = prober(&settings, &catalogue, env, clock)?;
        let policy = policy(&settings, &catalogue);
        let mail = mail(&settings, &catalogue, &policy, env)?;
        let endpoints = Endpoints::of(&settings, env, random()?)?;
        let sources = settings.inventories.iter().map(|one| source(one, env)).collect::<Result<_, _>>()?;
        let takers = Taker::all(&settings, env)?;
        let refs = |one: &InventorySettings| Ok::<_, AppError>((one.name.clone(), refs(one, env)?));
        let refs = settings.inventories.iter().map(refs).collect::<Result<_, _>>()?;
        let judged_under = judged_under(&policy, &catalogue);
        Ok(Self { settings, catalogue, master, prober, mail, endpoints, sources, takers, refs, policy, judged_under })
    }
}

impl<C: Clock + Clone> App<C> {
    /// Puts a keysweep together over the ledger that the settings name, or over `ledger` where one is given.
    ///
    /// # Errors
    /// See [`AppError`]; nothing has been asked or sent.
    pub async fn open(settings: Settings, env: &Env, clock: C, ledger: Option<Ledger>) -> Result<Self, AppError> {
        // Everything that the settings can get wrong is found before the ledger is touched.
        let clock = SteadyClock::over(clock);
        let parts = Parts::of(settings, env, clock.clone())?;
        let ledger = match ledger {
            Some(ledger) => ledger,
            None => Ledger::open(&parts.settings.ledger.url).await?,
        };
        let vault = unlock(&ledger, &parts.master).await?;
        ledger.chain_with(Arc::new(vault.log_key())).await?;
        ledger.end_killed_scans().await?;
        prepare_mail(&ledger, &parts.settings.mail.telling).await?;
        name(&ledger).await?;
        clock.set_right(ledger.clocks().await?.ahead);
        let Parts { settings, catalogue, prober, mail, endpoints, sources, takers, refs, policy, judged_under, .. } =
            parts;
        Ok(Self {
            catalogue: Arc::new(catalogue),
            settings,
            ledger,
            clock,
            vault: Arc::new(vault),
            prober,
            sources,
            takers,
            refs,
            mail,
            endpoints,
            policy,
            judged_under,
            noted: Noted::default(),
            meter: Arc::new(Unmetered),
        })
    }

    /// Puts other settings into force, over the same ledger. All of them, or none.
    ///
    /// # Errors
    /// As for [`App::open`]; then everything is as it was.
    pub async fn reconfigure(&mut self, settings: Settings, env: &Env) -> Result<(), AppError> {
        let parts = Parts::of(settings, env, self.clock.clone())?;
        let vault = unlock(&self.ledger, &parts.master).await?;
        self.ledger.set_security_contact(parts.settings.mail.telling.security_contact.as_ref()).await?;
        // From here on nothing can fail.
        let Parts { settings, catalogue, prober, mail, endpoints, sources, takers, refs, policy, judged_under, .. } =
            parts;
        (self.settings, self.catalogue, self.vault) = (settings, Arc::new(catalogue), Arc::new(vault));
        (self.prober, self.mail, self.endpoints) = (prober, mail, endpoints);
        (self.sources, self.takers, self.refs) = (sources, takers, refs);
        (self.policy, self.judged_under) = (policy, judged_under);
        Ok(())
    }
}

pub(super) fn resolve(secret: &SecretRef, env: &Env) -> Result<Secret, AppError> {
    Ok(secret.resolve(env)?)
}

/// The escrow of this ledger: made with it, and never again.
async fn unlock(ledger: &Ledger, master: &MasterKey) -> Result<Escrow, AppError> {
    if let Some((key_id, wrapped)) = ledger.wrapped_key().await? {
        return Ok(Escrow::unlock(master, &Wrapped { key_id, wrapped }, entropy::system)?);
    }
    let (escrow, Wrapped { key_id, wrapped }) = Escrow::create(master, entropy::system)?;
    ledger.set_wrapped_key(&key_id, &wrapped).await?;
    Ok(escrow)
}

/// The escrow of this ledger, for who needs nothing else of a keysweep.
///
/// # Errors
/// Where the master key can't be had, or is not this ledger's.
pub(super) async fn vault(settings: &Settings, env: &Env, ledger: &Ledger) -> Result<Escrow, AppError> {
    unlock(ledger, &MasterKey::parse(&resolve(&settings.escrow.master_key, env)?)?).await
}

/// Names a new ledger: its mails carry the name in their Message-ID.
async fn name(ledger: &Ledger) -> Result<(), AppError> {
    ledger.ledger_id(&HEXLOWER.encode(&random()?.to_be_bytes())).await?;
    Ok(())
}

/// The prober of these settings; nobody is asked yet.
///
/// # Errors
/// Where a control's secret can't be had, or a setting names a protocol that its provider doesn't have.
pub(super) fn prober<C: Clock>(
    settings: &Settings,
    catalogue: &Catalogue,
    env: &Env,
    clock: C,
) -> Result<CatalogueProber<C>, AppError> {
    CatalogueProber::new(catalogue, probing(settings, catalogue, env)?, clock, AGENT).map_err(unmade)
}

/// The prober of one provider alone, without the operator's own credential: other providers' settings may be anything.
///
/// # Errors
/// As for [`prober`].
pub(super) fn prober_of<C: Clock>(
    settings: &Settings,
    catalogue: &Catalogue,
    provider: &Provider,
    clock: C,
) -> Result<CatalogueProber<C>, AppError> {
    let only = BTreeMap::from([(provider.name.clone(), asking(settings, provider))]);
    CatalogueProber::new(catalogue, only, clock, AGENT).map_err(unmade)
}

pub(super) fn unmade(error: ProberError) -> AppError {
    match error {
        ProberError::NoProtocol { provider, setting, protocol, known } => AppError::Setting {
            key: format!("providers.{provider}.{setting}"),
            what: format!("{protocol:?} is not one of its protocols; name one of: {known}"),
        },
        error @ ProberError::Client { .. } => {
            AppError::Setting { key: "providers".to_owned(), what: error.to_string() }
        }
    }
}

fn probing(
    settings: &Settings,
    catalogue: &Catalogue,
    env: &Env,
) -> Result<BTreeMap<ProviderName, ProviderSettings>, AppError> {
    let mut all = BTreeMap::new();
    for provider in catalogue.iter() {
        let control = settings.providers.get(&provider.name).and_then(|own| own.control.as_ref());
        let control = match control {
            Some(control) => Some((control.key_id.clone(), resolve(&control.secret, env)?)),
            None => None,
        };
        all.insert(provider.name.clone(), ProviderSettings { control, ..asking(settings, provider) });
    }
    Ok(all)
}

/// How a provider is asked, without the operator's own credential.
pub(super) fn asking(settings: &Settings, provider: &Provider) -> ProviderSettings {
    let own = settings.providers.get(&provider.name).cloned().unwrap_or_default();
    let limits = &provider.limits;
    let usual = (limits.requests, std::time::Duration::from_secs(u64::from(limits.per_seconds)));
    let pace = match settings.pace(&provider.name) {
        Some(Pace::Unpaced) => None,
        Some(Pace::Paced { count, per }) => Some((count, per)),
        None => Some(usual),
    };
    let in_flight = settings.in_flight(&provider.name).unwrap_or(limits.in_flight);
    ProviderSettings {
        pace,
        in_flight: in_flight.min(settings.liveness.in_flight),
        test_endpoints: own.dangerous_test_endpoints,
        protocols: own.protocols,
        control: None,
        timeout: settings.liveness.timeout,
        connect_timeout: settings.liveness.connect_timeout,
    }
}

/// The mailer of these settings and who it sends as. Nothing is connected yet. Each step
/// with the server may take as long as `timeout`.
///
/// # Errors
/// Where the secret can't be had, or sender, address or extra root don't do.
pub(super) fn mailer(
    sending: &Sending,
    timeout: std::time::Duration,
    env: &Env,
) -> Result<(SmtpMailer, Sender), AppError> {
    let wrong = |key: &str, what: String| AppError::Setting { key: key.to_owned(), what };
    let from = Sender::parse(&sending.from.to_string()).map_err(|what| wrong("mail.from", what))?;
    let url = resolve(&sending.smtp_url, env)?;
    let mut smtp = SmtpSettings::parse(url.expose()).map_err(|what| wrong("mail.smtp_url", what))?;
    smtp.timeout = timeout;
    let mailer = SmtpMailer::new(smtp, &from).map_err(|what| wrong("mail.smtp_url", what))?;
    Ok((mailer, from))
}

fn mail(settings: &Settings, catalogue: &Catalogue, policy: &Policy, env: &Env) -> Result<Option<MailParts>, AppError> {
    let Some(sending) = &settings.mail.sending else { return Ok(None) };
    let (mailer, from) = mailer(sending, settings.mail.timeout, env)?;
    let mut mail = MailSettings::new(from, words(catalogue));
    mail.platform.clone_from(&settings.mail.platform);
    mail.reply_to = settings.mail.reply_to.as_ref().and_then(|mailbox| Address::parse(mailbox.email.as_ref()));
    mail.max_age =
        catalogue.iter().map(|provider| (provider.name.clone(), policy.at(&provider.name).max_age)).collect();
    let own = own_templates(settings, catalogue)?;
    let templates = Arc::new(Templates::new(mail, own).map_err(AppError::Render)?);
    let notifying = NotifyPolicy {
        recheck_after: settings.mail.recheck_after,
        sessions: settings.mail.sessions,
        lease: lease(settings.mail.timeout, SMTP_STEPS),
        retry: Backoff { waits: settings.mail.retry.clone(), jitter: settings.mail.retry_jitter, seed: random()? },
        suppress_for: settings.mail.suppress_for,
        domain: sending.from.email.domain().to_owned(),
        tell: tell_policy(settings, catalogue),
    };
    let pace = MailPace::new(settings.mail.per_minute, settings.mail.per_domain_per_minute);
    Ok(Some(MailParts { mailer, templates, pace, policy: notifying }))
}

/// The provider's grace, and once more the time that a confirmation takes: as long as another secret proves nothing either.
fn replaced(settings: &Settings, catalogue: &Catalogue) -> BTreeMap<ProviderName, Duration> {
    let single = catalogue.iter().filter(|provider| provider.rotation.one_secret_per_key);
    let wait = |provider: &Provider| {
        let policy = settings.liveness_policy(&provider.name, provider.confirm_gap(), provider.settle());
        (provider.name.clone(), provider.grace().unwrap_or_default() + policy.confirm_gap)
    };
    single.map(wait).collect()
}

/// A number that nobody can guess.
pub(super) fn random() -> Result<u64, AppError> {
    let mut bytes = [0; 8];
    entropy::system(&mut bytes).map_err(|_| EscrowError::from(VaultError::NoRandomness))?;
    Ok(u64::from_le_bytes(bytes))
}

/// The catalogue's words for people.
fn words(catalogue: &Catalogue) -> BTreeMap<ProviderName, ProviderTexts> {
    catalogue.iter().map(|provider| (provider.name.clone(), ProviderTexts::of(provider))).collect()
}

/// The operator's own templates and texts, tried on every sample; the shipped ones where there is no folder of them.
///
/// # Errors
/// Everything that is wrong with them.
fn own_templates(settings: &Settings, catalogue: &Catalogue) -> Result<OwnTemplates, AppError> {
    let own = match &settings.mail.templates {
        Some(folder) => OwnTemplates::read(folder, words(catalogue)),
        None => OwnTemplates::none(),
    };
    own.map_err(|problems| {
        let what = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
        AppError::Setting { key: "mail.templates".to_owned(), what }
    })
}

/// The templates of these settings for looking at samples: without a sender they come from nobody in particular.
///
/// # Errors
/// Everything that is wrong with the operator's own.
pub fn sample_templates(settings: &Settings, catalogue: &Catalogue) -> Result<Templates, AppError> {
    let from = match &settings.mail.sending {
        Some(sending) => sending.from.to_string(),
        None => "keysweep@localhost".to_owned(),
    };
    let from = Sender::parse(&from).map_err(|what| AppError::Setting { key: "mail.from".to_owned(), what })?;
    let mut mail = MailSettings::new(from, words(catalogue));
    mail.platform.clone_from(&settings.mail.platform);
    Templates::new(mail, own_templates(settings, catalogue)?).map_err(AppError::Render)
}

/// Who is told, and when.
pub fn tell_policy(settings: &Settings, catalogue: &Catalogue) -> TellPolicy {
    let telling = &settings.mail.telling;
    TellPolicy {
        ladders: telling.ladders.clone(),
        quiet: telling.quiet,
        per_address_per_day: telling.per_address_per_day,
        brake: telling.brake,
        replaced: replaced(settings, catalogue),
    }
}

/// Has the ledger know how mail begins, and who the operator's own reader is.
async fn prepare_mail(ledger: &Ledger, telling: &TellingSettings) -> Result<(), AppError> {
    let mode = match telling.first_run {
        FirstRun::Preview => MailMode::Preview,
        FirstRun::Ramp => MailMode::Ramp { people: telling.ramp_size },
        FirstRun::Baseline => MailMode::Baseline,
    };
    ledger.begin_mail(mode).await?;
    Ok(ledger.set_security_contact(telling.security_contact.as_ref()).await?)
}
