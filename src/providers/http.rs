//! The prober: one kept client per provider, and no other way to send.
//!
//! No redirects (a credential must never reach another host), no proxies, no cookies, HTTPS unless an address is marked
//! as a test's; bodies capped while they are read. What goes wrong becomes a reason, never an error with an address in
//! it: ConvertKit's secret is in the request line.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use regex::Regex;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use tokio::sync::Semaphore;
use url::Url;
use zeroize::Zeroizing;

use super::Catalogue;
use super::retry_after::wait;
use super::route::{Asked, route};
use crate::domain::catalogue::{Blank, Probe, ProbeAuth, ProtocolKind, Provider, Template, classify};
use crate::domain::ids::ProviderName;
use crate::domain::outcome::{Answer, Part, Reason, Verdict, combine};
use crate::domain::secret::Secret;
use crate::ports::Clock;
use crate::ports::probe::{LONGEST_RETRY_AFTER, Prober, Question};

/// More of a body is not read: every answer that the catalogue names is far smaller.
const BODY_AT_MOST: usize = 64 * 1024;

/// What the operator and the catalogue say of one provider, put together.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// so many questions in so long; `None` for as fast as it goes
    pub pace: Option<(u32, Duration)>,
    /// questions under way at once, at least one
    pub in_flight: usize,
    /// by protocol, addresses that are asked instead of the provider's; TLS is then not demanded
    pub test_endpoints: BTreeMap<String, Url>,
    /// the protocols to be asked over; all where `None`
    pub protocols: Option<Vec<String>>,
    /// the operator's own credential: public half and secret
    pub control: Option<(Option<String>, Secret)>,
    /// for one question
    pub timeout: Duration,
    /// for the connection of one question
    pub connect_timeout: Duration,
}

/// Asks every provider of the catalogue over HTTP.
pub struct HttpProber<C> {
    lanes: BTreeMap<ProviderName, ProviderLane>,
    clock: C,
}

/// One provider's client, limits and ways in.
struct ProviderLane {
    provider: Provider,
    settings: ProviderSettings,
    client: Client,
    in_flight: Semaphore,
    pace: Option<DefaultDirectRateLimiter>,
    shapes: BTreeMap<String, Regex>,
}

/// Why the prober can't be made: the machine's TLS set-up, or a setting.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// no client
    #[error("no HTTP client for {provider}: {what}")]
    Client {
        /// for which provider
        provider: ProviderName,
        /// the client's own words
        what: String,
    },
    /// a setting names a protocol that the provider doesn't have
    #[error("providers.{provider}: {protocol:?} is not one of its protocols ({known})")]
    NoProtocol {
        /// whose setting
        provider: ProviderName,
        /// what it names
        protocol: String,
        /// what there is
        known: String,
    },
}

impl<C: Clock> HttpProber<C> {
    /// A prober for every provider that has settings.
    ///
    /// # Errors
    /// See [`ProberError`].
    pub fn new(
        catalogue: &Catalogue,
        mut settings: BTreeMap<ProviderName, ProviderSettings>,
        clock: C,
        user_agent: &str,
    ) -> Result<Self, ProberError> {
        let mut lanes = BTreeMap::new();
        for provider in catalogue.iter() {
            if let Some(settings) = settings.remove(&provider.name) {
                lanes.insert(provider.name.clone(), ProviderLane::new(provider, settings, user_agent)?);
            }
        }
        Ok(Self { lanes, clock })
    }
}

impl<C: Clock> Prober for HttpProber<C> {
    async fn ask(&self, question: &Question<'_>) -> Answer {
        let mut heard = Heard::default();
        if let Some(lane) = self.lanes.get(question.provider) {
            lane.ask(question, &self.clock, &mut heard).await;
        }
        let Heard { parts, took, retry_after, kind } = heard;
        Answer { outcome: combine(&parts), parts, at: self.clock.now(), took, retry_after, kind }
    }

    fn in_flight(&self, provider: &ProviderName) -> Option<usize> {
        self.lanes.get(provider).map(|lane| lane.settings.in_flight)
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
    kind: Option<String>,
}

impl ProviderLane {
    fn new(provider: &Provider, settings: ProviderSettings, user_agent: &str) -> Result<Self, ProberError> {
        let known: Vec<&str> = provider.protocols.iter().map(|protocol| protocol.name.as_str()).collect();
        let named = settings.test_endpoints.keys().chain(settings.protocols.iter().flatten());
        if let Some(unknown) = named.into_iter().find(|name| !known.contains(&name.as_str())) {
            return Err(ProberError::NoProtocol {
                provider: provider.name.clone(),
                protocol: unknown.clone(),
                known: known.join(", "),
            });
        }
        let failed = |what: String| ProberError::Client { provider: provider.name.clone(), what };
        let client = client(&settings, user_agent).map_err(|error| failed(error.without_url().to_string()))?;
        let mut shapes = BTreeMap::new();
        for shape in provider.protocols.iter().flat_map(|p| &p.probes).filter_map(|p| p.when_secret.as_ref()) {
            shapes.insert(shape.clone(), Regex::new(shape).map_err(|error| failed(error.to_string()))?);
        }
        Ok(Self {
            provider: provider.clone(),
            in_flight: Semaphore::new(settings.in_flight.max(1)),
            pace: settings.pace.and_then(quota).map(RateLimiter::direct),
            settings,
            client,
            shapes,
        })
    }

    /// Asks way after way, until one lets the credential in.
    async fn ask(&self, question: &Question<'_>, clock: &impl Clock, heard: &mut Heard) {
        // A closed semaphore is never made; were it, nobody would be asked.
        let Ok(_permit) = self.in_flight.acquire().await else { return };
        let shapes = |probe: &Probe| {
            let shape = probe.when_secret.as_ref().and_then(|shape| self.shapes.get(shape));
            shape.is_none_or(|shape| shape.is_match(question.secret.expose()))
        };
        for way in route(&self.provider, &self.settings, question.region, shapes) {
            // The next protocol is asked only where this one refuses: a login costs a TLS session (DESIGN.md 4).
            let earlier = heard.parts.iter().filter(|part| part.protocol != way.protocol.name);
            if earlier.into_iter().any(|part| part.verdict != Verdict::Refused) {
                return;
            }
            let (verdict, status) = match way.asked {
                Asked::Nobody(reason) => (Verdict::Unknown(reason), None),
                Asked::Http { base, probe } => {
                    if let Some(pace) = &self.pace {
                        pace.until_ready().await;
                    }
                    let asked_at = clock.now();
                    let answer = self.get(question, &base, probe, clock, heard).await;
                    heard.took += clock.now().since(asked_at);
                    answer
                }
            };
            heard.parts.push(Part {
                protocol: way.protocol.name.clone(),
                endpoint: way.endpoint.to_owned(),
                verdict,
                status,
            });
            if matches!(verdict, Verdict::Accepted | Verdict::Limited) {
                return;
            }
            if let (Some(pause), ProtocolKind::Http) = (heard.retry_after, way.protocol.kind)
                && !pause.is_zero()
            {
                return; // asked to wait: no further request to this provider for this credential now
            }
        }
    }

    /// One GET, and what its answer means.
    async fn get(
        &self,
        question: &Question<'_>,
        base: &Url,
        probe: &Probe,
        clock: &impl Clock,
        heard: &mut Heard,
    ) -> (Verdict, Option<u16>) {
        let Some(request) = self.request(question, base, probe) else {
            return (Verdict::Unknown(Reason::NoCopy), None);
        };
        #[expect(clippy::disallowed_methods, reason = "the one place where a request leaves")]
        let answered = request.send().await;
        let response = match answered {
            Ok(response) => response,
            Err(error) => return (Verdict::Unknown(reason(&error)), None),
        };
        let status = response.status().as_u16();
        if let Some(pause) = wait(response.headers().get(RETRY_AFTER), clock.now())
            && matches!(status, 429 | 503)
        {
            heard.retry_after = heard.retry_after.max(Some(pause.min(LONGEST_RETRY_AFTER)));
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let verdict = match body(response).await {
            Ok(body) => classify(&probe.answers, status, content_type.as_deref(), &body).0,
            Err(reason) => Verdict::Unknown(reason),
        };
        if matches!(verdict, Verdict::Accepted | Verdict::Limited) {
            heard.kind.clone_from(&probe.key_kind);
        }
        (verdict, Some(status))
    }

    /// The request, with the credential in it; `None` where a part of the credential is missing.
    fn request(&self, question: &Question<'_>, base: &Url, probe: &Probe) -> Option<reqwest::RequestBuilder> {
        let fill = |template: &Template| {
            let value = |blank| match blank {
                Blank::KeyId => question.key_id,
                Blank::Secret => Some(question.secret.expose()),
                Blank::Customer => None,
            };
            template.fill(value).map(Zeroizing::new)
        };
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), probe.path));
        {
            let mut query = url.query_pairs_mut();
            query.clear().extend_pairs(&probe.query);
            if let ProbeAuth::Query(name, value) = &probe.auth {
                // From here the address holds the secret. It lives until the answer is read, and is never printed.
                query.append_pair(name, &fill(value)?);
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &probe.headers {
            headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
        }
        match &probe.auth {
            ProbeAuth::Basic(name, password) => {
                let pair = Zeroizing::new(format!("{}:{}", *fill(name)?, *fill(password)?));
                let value = Zeroizing::new(format!("Basic {}", encode(pair.as_bytes())));
                headers.insert(AUTHORIZATION, sensitive(&value)?);
            }
            ProbeAuth::Header(name, value) => {
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                headers.insert(name, sensitive(&fill(value)?)?);
            }
            ProbeAuth::Query(..) => {}
        }
        Some(self.client.get(url).headers(headers))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where a client is made")]
fn client(settings: &ProviderSettings, user_agent: &str) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(user_agent)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .https_only(settings.test_endpoints.is_empty())
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.timeout)
        .tcp_nodelay(true)
        .pool_max_idle_per_host(settings.in_flight)
        // Longer than the pause between two questions at the slowest pace, else every question opens a connection.
        .pool_idle_timeout(Duration::from_secs(90))
        .build()
}

fn quota((count, per): (u32, Duration)) -> Option<Quota> {
    let count = std::num::NonZeroU32::new(count)?;
    // One at a time, evenly spread: a burst at the start of each second is what limits are set against.
    Quota::with_period(per / count.get())
}

/// The body, capped while it is read; the rest is not awaited and the connection is then dropped.
async fn body(mut response: Response) -> Result<Vec<u8>, Reason> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_AT_MOST => return Err(Reason::Garbled),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) if error.is_timeout() => return Err(Reason::Timeout),
            Err(_) => return Err(Reason::Garbled),
        }
    }
}

/// Why no answer came. The error holds the address, so nothing of it is kept but this word.
fn reason(error: &reqwest::Error) -> Reason {
    if error.is_timeout() {
        return Reason::Timeout;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<rustls::Error>() {
            return Reason::Tls;
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
        {
            return Reason::Tls;
        }
        // The resolver's error has no public type; its words are its name.
        if inner.to_string().starts_with("dns error") {
            return Reason::Dns;
        }
        cause = inner.source();
    }
    if error.is_connect() { Reason::Connect } else { Reason::Garbled }
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A header value that no debug output shows. `None` where the text can't stand in a header.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
