//! The HTTP prober: kept clients, and no other way to send.
//!
//! No redirects (a credential must never reach another host), no proxies, no cookies, HTTPS and public addresses unless
//! an address is marked as a test's; bodies capped while they are read. What goes wrong becomes a reason, never an error
//! with an address in it: ConvertKit's secret is in the request line.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AGE, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response};
use url::Url;
use zeroize::Zeroizing;

use super::ProviderSettings;
use super::turn::Turns;
use crate::domain::catalogue::{Blank, Probe, ProbeAuth, Template, classify};
use crate::domain::outcome::{Dated, Reason, Verdict};
use crate::domain::time::Timestamp;
use crate::net::client::{Cause, Wanted, cause, client};
use crate::net::retry_after::{date, wait};
use crate::net::{Guard, Lookup};
use crate::ports::Clock;
use crate::ports::probe::{LONGEST_RETRY_AFTER, Question};

/// More of a body is not read: every answer that the catalogue names is far smaller.
const BODY_AT_MOST: usize = 64 * 1024;

/// One provider's client, which it may share.
pub(super) struct HttpDoor {
    client: Client,
    turns: Turns,
}

/// What an answer over HTTP says.
pub(super) struct Answered {
    pub(super) verdict: Verdict,
    pub(super) status: Option<u16>,
    /// how long the provider wants to be left alone
    pub(super) retry_after: Option<Duration>,
    /// its date, and when it came
    pub(super) date: Option<Dated>,
}

impl Answered {
    const fn nothing(reason: Reason) -> Self {
        Self { verdict: Verdict::Unknown(reason), status: None, retry_after: None, date: None }
    }
}

/// Clients by what they must be able to do. Providers with the same needs share one: each costs a reading of the system's
/// roots, and connections are kept by host anyway.
pub(super) struct Clients<'a> {
    lookup: &'a Arc<dyn Lookup>,
    user_agent: &'a str,
    made: HashMap<(bool, Duration, Duration, usize), Client>,
}

impl<'a> Clients<'a> {
    pub(super) fn new(lookup: &'a Arc<dyn Lookup>, user_agent: &'a str) -> Self {
        Self { lookup, user_agent, made: HashMap::new() }
    }

    /// # Errors
    /// The client's own words, without an address.
    fn fitting(&mut self, settings: &ProviderSettings) -> Result<Client, String> {
        let needs = (settings.is_test(), settings.timeout, settings.connect_timeout, settings.in_flight);
        if let Some(client) = self.made.get(&needs) {
            return Ok(client.clone());
        }
        let guard = Guard::new(Arc::clone(self.lookup), settings.is_test());
        let client = client(Wanted {
            agent: self.user_agent,
            guard,
            plain: settings.is_test(),
            connect_timeout: settings.connect_timeout,
            timeout: settings.timeout,
            silence: None,
            kept: settings.in_flight,
        })?;
        self.made.insert(needs, client.clone());
        Ok(client)
    }
}

impl HttpDoor {
    /// # Errors
    /// The client's own words, without an address.
    pub(super) fn new(settings: &ProviderSettings, clients: &mut Clients<'_>) -> Result<Self, String> {
        Ok(Self { client: clients.fitting(settings)?, turns: Turns::new(settings.in_flight, settings.pace) })
    }

    /// When it is this question's turn.
    pub(super) const fn turns(&self) -> &Turns {
        &self.turns
    }

    /// One GET, and what its answer means.
    pub(super) async fn ask(&self, question: &Question<'_>, base: &Url, probe: &Probe, clock: &impl Clock) -> Answered {
        let Some(request) = self.request(question, base, probe) else { return Answered::nothing(Reason::NoCopy) };
        #[expect(clippy::disallowed_methods, reason = "the one place where a request leaves")]
        let answered = request.send().await;
        let response = match answered {
            Ok(response) => response,
            Err(error) => return Answered::nothing(reason(&error)),
        };
        let status = response.status().as_u16();
        let pause = wait(response.headers().get(RETRY_AFTER), clock.now());
        let date = dated(response.headers(), clock.shown());
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let verdict = match body(response).await {
            Ok(body) => classify(&probe.answers, status, content_type.as_deref(), &body).0,
            Err(reason) => Verdict::Unknown(reason),
        };
        // HubSpot says it with 477, AWeber with 403 (PROVIDERS.md 5.1). Who has answered is not asked again for it.
        let pause = pause.filter(|_| matches!(verdict, Verdict::Unknown(_)));
        let retry_after = pause.map(|pause| pause.min(LONGEST_RETRY_AFTER));
        Answered { verdict, status: Some(status), retry_after, date }
    }

    /// Which time it is there. Nothing is asked for but the head of the answer, and no credential leaves.
    pub(super) async fn time(&self, base: &Url, clock: &impl Clock) -> Option<Dated> {
        let _turn = self.turns.take().await;
        #[expect(clippy::disallowed_methods, reason = "the other place where a request leaves")]
        let answered = self.client.head(base.clone()).send().await;
        dated(answered.ok()?.headers(), clock.shown())
    }

    /// The request, with the credential in it; `None` where a part of the credential is missing.
    fn request(&self, question: &Question<'_>, base: &Url, probe: &Probe) -> Option<RequestBuilder> {
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

/// What the sender's clock showed. An answer out of somebody's cache is dated when it went in there.
fn dated(headers: &HeaderMap, ours: Timestamp) -> Option<Dated> {
    let theirs = date(headers.get(DATE)).filter(|_| !headers.contains_key(AGE))?;
    Some(Dated { ours, theirs })
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
    match cause(error) {
        Cause::Timeout => Reason::Timeout,
        Cause::Tls(_) => Reason::Tls,
        Cause::NoName => Reason::Dns,
        Cause::NotPublic => Reason::BadAddress,
        Cause::NoConnection | Cause::Broken => Reason::Connect,
        Cause::NotHttp => Reason::Garbled,
    }
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
