//! The prober: asks way after way in, each by its own protocol, until one lets the credential in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::address::Place;
use super::http::{Clients, HttpDoor};
use super::patterns::Patterns;
use super::route::{Asked, Way, route};
use super::share::Shares;
use super::smtp::{self, Login, Patience, SmtpDoor};
use super::tls::Tls;
use super::{Catalogue, ProberError, ProviderSettings};
use crate::domain::catalogue::{ProtocolKind, Provider};
use crate::domain::ids::{AccountId, ProviderName};
use crate::domain::outcome::{Answer, Dated, Part, Reason, Verdict, combine};
use crate::domain::secret::Secret;
use crate::net::{Guard, Lookup, SystemLookup};
use crate::ports::Clock;
use crate::ports::probe::{Prober, Question};

/// Questions that may wait for a login beside those that are under way over HTTP: what HTTP accepts must not wait until
/// the refused ones have had their slow second question.
const WAITING_FOR_LOGINS: usize = 64;

/// Asks every provider of the catalogue, as its file and the settings say.
pub struct CatalogueProber<C> {
    lanes: BTreeMap<ProviderName, ProviderLane>,
    clock: C,
}

/// One provider's ways in.
struct ProviderLane {
    provider: Provider,
    settings: ProviderSettings,
    patterns: Patterns,
    http: HttpDoor,
    /// where the quota is the customer's own
    shares: Option<Shares>,
    /// where the provider has relays
    smtp: Option<SmtpDoor>,
}

impl<C: Clock> CatalogueProber<C> {
    /// A prober for every provider that has settings.
    ///
    /// # Errors
    /// See [`ProberError`].
    pub fn new(
        catalogue: &Catalogue,
        settings: BTreeMap<ProviderName, ProviderSettings>,
        clock: C,
        user_agent: &str,
    ) -> Result<Self, ProberError> {
        Self::over(&(Arc::new(SystemLookup) as Arc<dyn Lookup>), catalogue.iter(), settings, clock, user_agent)
    }

    /// The same, for these providers and with another look-up of names than the system's.
    pub(super) fn over<'p>(
        lookup: &Arc<dyn Lookup>,
        providers: impl Iterator<Item = &'p Provider>,
        mut settings: BTreeMap<ProviderName, ProviderSettings>,
        clock: C,
        user_agent: &str,
    ) -> Result<Self, ProberError> {
        let mut lanes = BTreeMap::new();
        let mut clients = Clients::new(lookup, user_agent);
        for provider in providers {
            if let Some(settings) = settings.remove(&provider.name) {
                lanes.insert(provider.name.clone(), ProviderLane::new(provider, settings, lookup, &mut clients)?);
            }
        }
        Ok(Self { lanes, clock })
    }
}

impl<C: Clock> Prober for CatalogueProber<C> {
    async fn ask(&self, question: &Question<'_>) -> Answer {
        let mut heard = Heard::default();
        if let Some(lane) = self.lanes.get(question.provider) {
            lane.ask(question, &self.clock, &mut heard).await;
        }
        let Heard { parts, took, retry_after, date, kind, is_mistaken } = heard;
        Answer { outcome: combine(&parts), parts, at: self.clock.now(), took, retry_after, date, kind, is_mistaken }
    }

    fn in_flight(&self, provider: &ProviderName) -> Option<usize> {
        self.lanes.get(provider).map(ProviderLane::width)
    }

    async fn has_share(&self, provider: &ProviderName, account: AccountId) -> bool {
        match self.lanes.get(provider).and_then(|lane| lane.shares.as_ref()) {
            Some(shares) => shares.take(account).await,
            None => true,
        }
    }

    async fn time(&self, provider: &ProviderName) -> Option<Dated> {
        self.lanes.get(provider)?.time(&self.clock).await
    }

    fn control(&self, provider: &ProviderName) -> Option<(Option<String>, Secret)> {
        self.lanes.get(provider)?.settings.control.clone()
    }
}

/// What has been heard so far.
#[derive(Default)]
struct Heard {
    parts: Vec<Part>,
    took: Duration,
    retry_after: Option<Duration>,
    date: Option<Dated>,
    kind: Option<String>,
    is_mistaken: bool,
}

impl ProviderLane {
    fn new(
        provider: &Provider,
        settings: ProviderSettings,
        lookup: &Arc<dyn Lookup>,
        clients: &mut Clients<'_>,
    ) -> Result<Self, ProberError> {
        settings.check(provider)?;
        let failed = |what: String| ProberError::Client { provider: provider.name.clone(), what };
        let guard = Guard::new(Arc::clone(lookup), settings.is_test());
        let http = HttpDoor::new(&settings, clients).map_err(failed)?;
        let over_smtp = provider.protocols.iter().find(|protocol| protocol.kind == ProtocolKind::Smtp);
        let smtp = if let Some(protocol) = over_smtp {
            let tls = Tls::new(Vec::new(), &[]).map_err(|error| failed(error.to_string()))?;
            let pace = settings.pace.is_some().then(|| smtp::pace(protocol));
            let patience = Patience { whole: settings.timeout, connection: settings.connect_timeout };
            Some(SmtpDoor::new(guard, tls, settings.is_test(), pace, patience))
        } else {
            None
        };
        let patterns = Patterns::of(provider).map_err(|error| failed(error.to_string()))?;
        let shares = provider.limits.account.filter(|_| settings.pace.is_some()).and_then(Shares::new);
        Ok(Self { provider: provider.clone(), settings, patterns, http, shares, smtp })
    }

    /// How many questions may be begun at once.
    fn width(&self) -> usize {
        let waiting = if self.smtp.is_some() { WAITING_FOR_LOGINS } else { 0 };
        self.settings.in_flight.saturating_add(waiting)
    }

    /// Which time the first of its doors that tells it has.
    async fn time(&self, clock: &impl Clock) -> Option<Dated> {
        for way in route(&self.provider, &self.settings, &self.patterns, &Place::default()) {
            let Asked::Http { base, .. } = way.asked else { continue };
            if let Some(date) = self.http.time(&base, clock).await {
                return Some(date);
            }
        }
        None
    }

    /// Asks way after way, until one lets the credential in.
    async fn ask(&self, question: &Question<'_>, clock: &impl Clock, heard: &mut Heard) {
        heard.is_mistaken = self.provider.credential.is_mistaken(question.key_id, question.secret.expose());
        let place = Place { secret: question.secret.expose(), region: question.region, base_url: question.base_url };
        for way in route(&self.provider, &self.settings, &self.patterns, &place) {
            // The next protocol is asked only where this one refuses: a login costs a TLS session (DESIGN.md 4).
            let earlier = heard.parts.iter().filter(|part| part.protocol != way.protocol.name);
            if earlier.into_iter().any(|part| !matches!(part.verdict, Verdict::Refused | Verdict::NotAsked)) {
                return;
            }
            let (verdict, status) = self.go(question, &way, clock, heard).await;
            let (protocol, endpoint) = (way.protocol.name.clone(), way.endpoint.to_owned());
            heard.parts.push(Part { protocol, endpoint, verdict, status });
            let let_in = matches!(verdict, Verdict::Accepted | Verdict::Limited);
            // Asked to wait: no further request to this provider for this credential now.
            let is_limit = verdict == Verdict::Unknown(Reason::RateLimited);
            if let_in || is_limit || heard.retry_after.is_some_and(|pause| !pause.is_zero()) {
                return;
            }
        }
    }

    /// Asks over one way, when it is our turn there.
    async fn go(
        &self,
        question: &Question<'_>,
        way: &Way<'_>,
        clock: &impl Clock,
        heard: &mut Heard,
    ) -> (Verdict, Option<u16>) {
        let (base, probe) = match &way.asked {
            Asked::Nobody(reason) => return (Verdict::Unknown(*reason), None),
            Asked::LeftOut => return (Verdict::NotAsked, None),
            Asked::Smtp { address } => (address, None),
            Asked::Http { base, probe } => (base, Some(*probe)),
        };
        let Some(probe) = probe else {
            let Some(door) = &self.smtp else { return (Verdict::Unknown(Reason::NoProber), None) };
            let Some(user) = question.key_id else { return (Verdict::Unknown(Reason::NoCopy), None) };
            let _turn = door.turns().take().await;
            let asked_at = clock.now();
            let login = Login { user, password: question.secret.expose() };
            let answer = door.ask(base, &login, &way.protocol.replies).await;
            heard.took += clock.now().since(asked_at);
            return answer;
        };
        let _turn = self.http.turns().take().await;
        let asked_at = clock.now();
        let answered = self.http.ask(question, base, probe, clock).await;
        heard.took += clock.now().since(asked_at);
        heard.retry_after = heard.retry_after.max(answered.retry_after);
        heard.date = answered.date.or(heard.date);
        // A value of the kind that was asked about first may be let in here as well: only its refusal tells of which kind it is.
        let is_told = heard.parts.iter().all(|part| !matches!(part.verdict, Verdict::Unknown(_)));
        if is_told && matches!(answered.verdict, Verdict::Accepted | Verdict::Limited) {
            heard.kind.clone_from(&probe.key_kind);
        }
        (answered.verdict, answered.status)
    }
}
