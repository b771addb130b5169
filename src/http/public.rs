//! The public listener: the pages that links in mails lead to, and the place where the platform tells of what changes.
//!
//! A GET shows, a POST acts: mail scanners open links. Whoever has a link may act for one person on one finding, as long
//! as that person still may; which is asked of the ledger each time. A link that is unknown, has ended, or is no longer its
//! person's business gets the same answer.

mod body;
mod events;
mod evidence;
mod form;
#[cfg(test)]
mod tests;
mod texts;
mod view;
mod visitor;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, Request, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono_tz::Tz;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use url::Url;

use self::body::Body;
use self::events::Tollgate;
use self::evidence::Ground;
use self::form::{Sent, Wish};
use self::texts::Texts;
use self::view::{Told, View};
use self::visitor::{Gate, Sign, visitor};
use super::server::{self, Limits, Peer};
use crate::domain::action::{Act, ActPolicy, Refusal};
use crate::domain::ids::{PersonId, ProviderName};
use crate::domain::link::Token;
use crate::domain::time::Timestamp;
use crate::ledger::{Followed, Ledger, Linked};
use crate::ports::act::{ActLedger as _, By};
use crate::ports::activation::Bell;
use crate::ports::events::Events;
use crate::ports::links::Described;
use crate::ports::meter::Meter;
use crate::ports::notify::ClaimedMail;
use crate::ports::{Clock, LedgerError};

/// What the composing side knows and the page shows, under the configuration in force.
pub trait Papers: Send + Sync {
    /// What a mail says of its one finding.
    ///
    /// # Errors
    /// A sentence for the operator.
    fn describe(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Described, String>;

    /// How far people may go with a finding about a key of this provider.
    fn acts(&self, provider: &ProviderName) -> ActPolicy;

    /// How long a refusal takes to be confirmed there.
    fn confirm_gap(&self, provider: &ProviderName) -> Duration;
}

/// All that the listener reaches.
pub struct Public {
    /// the ledger, for looking and for acts: one of the listener's own, beside whoever holds it
    pub ledger: Arc<Ledger>,
    /// rung where somebody waits for a provider's answer
    pub bell: Arc<dyn Bell + Send + Sync>,
    /// tells the time
    pub clock: Arc<dyn Clock + Send + Sync>,
    /// words and limits
    pub papers: Arc<dyn Papers>,
    /// takes what the platform tells
    pub events: Arc<dyn Events>,
    /// counts what is turned away
    pub meter: Arc<dyn Meter>,
    /// how people reach it
    pub url: Url,
    /// true where a proxy says who asks
    pub trust_forwarded: bool,
}

struct Front {
    public: Public,
    gate: Gate,
    tollgate: Tollgate,
}

const STYLE: &str = include_str!("public/style.css");
const PAGE: &str = include_str!("public/page.html");

/// An answer takes at most so long, "check again now" included.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How long the page waits for a provider's answer, and how often it looks.
const WAIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A form has a few short fields.
const BODY_BYTES: usize = 2048;

/// Only the style within the page itself; no script, no picture, no frame around it, no form to elsewhere.
static CSP: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

/// The headers of every answer. The address is the key: no cache keeps it, and no other site learns of it.
const HEADERS: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Serves until `shutdown` resolves; then requests under way are finished, within seconds.
pub async fn serve(listener: TcpListener, public: Public, shutdown: impl Future<Output = ()>) {
    server::serve(listener, router(public), Limits::USUAL, shutdown).await;
}

/// The paths, with everything that stands before them.
pub fn router(public: Public) -> Router {
    let front = Arc::new(Front { public, gate: Gate::new(), tollgate: Tollgate::new() });
    let events = Router::new().route("/events", post(events::take)).layer(DefaultBodyLimit::max(events::BODY_BYTES));
    Router::new()
        .route("/a/{token}", get(show).post(act))
        .route("/u/{token}", get(show).post(act))
        .fallback(gone)
        .layer(RequestBodyLimitLayer::new(BODY_BYTES))
        .merge(events)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_LIMIT))
        .layer(middleware::from_fn_with_state(Arc::clone(&front), sealed))
        .layer(middleware::from_fn(noted))
        .with_state(front)
}

/// A page, or why there is none.
type Shown = Result<Response, Nothing>;

/// Why nothing is shown or done.
enum Nothing {
    Gone,
    Often,
    Foreign,
    Unread,
    /// the ledger or the page failed: the log says why
    Busy,
}

impl From<LedgerError> for Nothing {
    fn from(error: LedgerError) -> Self {
        tracing::warn!(%error, "a public page could not be shown, or an act not be done");
        Self::Busy
    }
}

/// Somebody who came through a link.
struct Visit {
    token: Token,
    followed: Followed,
    now: Timestamp,
}

impl Front {
    /// Follows a link, if its visitor may come in at all.
    async fn enter(&self, token: &str, headers: &HeaderMap, peer: Peer) -> Result<Visit, Nothing> {
        // What never was a token is looked for like any other, so that nobody learns which is which.
        let token = Token::parse(token).unwrap_or(Token::new([0; 32]));
        let hash = token.hash();
        if !self.gate.lets_in(visitor(peer.0, headers, self.public.trust_forwarded), &hash) {
            return Err(Nothing::Often);
        }
        let now = self.public.clock.now();
        let followed = self.public.ledger.follow(&hash, now).await?.ok_or(Nothing::Gone)?;
        Ok(Visit { token, followed, now })
    }

    async fn page(&self, path: &str, query: Option<&str>, headers: &HeaderMap, peer: Peer) -> Shown {
        let visit = self.enter(path, headers, peer).await?;
        let (told, nonce) = (Told::parse(query), visit.token.nonce());
        match &visit.followed {
            Followed::Finding(linked) => self.finding(linked, visit.now, told, nonce),
            Followed::Unsubscribe { muted, locale, .. } => {
                html(&View::of_unsubscribe(Texts::of(locale.as_deref()), *muted, told, nonce))
            }
        }
    }

    fn finding(&self, linked: &Linked, now: Timestamp, told: Option<Told>, nonce: String) -> Shown {
        let provider = linked.mail.notices.first().map(|notice| &notice.provider).ok_or(Nothing::Gone)?;
        let papers = &self.public.papers;
        let described = papers.describe(&linked.mail, now).map_err(|error| {
            tracing::error!(error, "a finding can't be described: see the catalogue");
            Nothing::Busy
        })?;
        let ground = Ground {
            linked,
            provider: &described.provider,
            platform: &described.platform,
            confirm_gap: papers.confirm_gap(provider),
            now,
            // As the mail has it: its words stand on this page.
            zone: linked.mail.timezone.as_deref().and_then(|name| name.trim().parse().ok()).unwrap_or(Tz::UTC),
            texts: Texts::of(Some(&described.language)),
        };
        if !linked.matter.open {
            return html(&View::of_settled(&ground, &described, told));
        }
        html(&View::of_finding(&ground, &described, &papers.acts(provider), told, nonce))
    }

    async fn acted(&self, path: &str, headers: &HeaderMap, peer: Peer, body: &Body) -> Shown {
        let visit = self.enter(path, headers, peer).await?;
        let Sent { wish, nonce } = form::read(body, visit.now).ok_or(Nothing::Unread)?;
        let is_ours = bool::from(nonce.as_bytes().ct_eq(visit.token.nonce().as_bytes()));
        if wish != Wish::OneClick && !(is_ours && is_same_site(headers, &self.public.url)) {
            return Err(Nothing::Foreign);
        }
        match (wish, &visit.followed) {
            (Wish::Act(act), Followed::Finding(linked)) => self.perform(act, linked, &visit).await.map(see),
            (Wish::Unsure, Followed::Finding(_)) => Ok(see(Told::Unsure)),
            (Wish::Mute, Followed::Unsubscribe { person, .. }) => self.mute(*person, true, visit.now).await.map(see),
            (Wish::Unmute, Followed::Unsubscribe { person, .. }) => self.mute(*person, false, visit.now).await.map(see),
            (Wish::OneClick, Followed::Unsubscribe { person, .. }) => {
                self.mute(*person, true, visit.now).await?;
                Ok(StatusCode::OK.into_response())
            }
            _ => Err(Nothing::Unread),
        }
    }

    async fn mute(&self, person: PersonId, muted: bool, now: Timestamp) -> Result<Told, Nothing> {
        self.public.ledger.mute(person, muted, now).await?;
        Ok(if muted { Told::Muted } else { Told::Unmuted })
    }

    async fn perform(&self, act: Act, linked: &Linked, visit: &Visit) -> Result<Told, Nothing> {
        let provider = linked.mail.notices.first().map(|notice| &notice.provider).ok_or(Nothing::Gone)?;
        let (policy, by) = (self.public.papers.acts(provider), By::Person(linked.person));
        let opening = Some(linked.opening);
        let done = self.public.ledger.perform(linked.finding, opening, by, act, visit.now, &policy).await?;
        match done {
            Ok(change) => {
                if act == Act::Check {
                    self.wait_for_an_answer(linked).await?;
                }
                Ok(Told::of(change, act))
            }
            Err(Refusal::NotYours) => Err(Nothing::Gone),
            Err(Refusal::TooOften) => Ok(Told::TooOften),
            // What is over has a page still where it ended well.
            Err(
                Refusal::Unknown
                | Refusal::Over
                | Refusal::Unfit
                | Refusal::NoCopy
                | Refusal::BadDate
                | Refusal::Exempt,
            ) => Ok(Told::Unfit),
        }
    }

    /// Has the provider asked, and waits for the answer for as long as a person would.
    async fn wait_for_an_answer(&self, linked: &Linked) -> Result<(), Nothing> {
        self.public.bell.answer();
        let looks = WAIT.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            tokio::time::sleep(LOOK_EVERY).await;
            let check = self.public.ledger.last_check(linked.finding, linked.person).await?;
            if check.is_none_or(|check| check.answered_at.is_some()) {
                break;
            }
        }
        Ok(())
    }
}

async fn show(
    State(front): State<Arc<Front>>,
    Sign(token): Sign,
    RawQuery(query): RawQuery,
    axum::Extension(peer): axum::Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let shown = front.page(&token, query.as_deref(), &headers, peer).await;
    shown.unwrap_or_else(|nothing| nothing.page(&headers))
}

async fn act(
    State(front): State<Arc<Front>>,
    Sign(token): Sign,
    axum::Extension(peer): axum::Extension<Peer>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let body = match body::receive(request).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let done = front.acted(&token, &headers, peer, &body).await;
    done.unwrap_or_else(|nothing| nothing.page(&headers))
}

async fn gone(headers: HeaderMap) -> Response {
    Nothing::Gone.page(&headers)
}

/// Back to the page, which says what was done: to load it again is not to act again.
fn see(told: Told) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, format!("?told={}", told.as_str()))]).into_response()
}

impl Nothing {
    fn page(&self, headers: &HeaderMap) -> Response {
        let language = headers.get(ACCEPT_LANGUAGE).and_then(|language| language.to_str().ok());
        let t = Texts::accepted_by(language);
        let (status, heading, line) = match self {
            Self::Gone => (StatusCode::NOT_FOUND, t.gone, t.gone_text),
            Self::Often => (StatusCode::TOO_MANY_REQUESTS, t.often, t.often_text),
            Self::Foreign => (StatusCode::FORBIDDEN, t.foreign, t.foreign_text),
            Self::Unread => (StatusCode::BAD_REQUEST, t.unread, t.unread_text),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, t.busy, t.busy_text),
        };
        let page = html(&View::of_nothing(t, heading, line)).unwrap_or_else(|_| StatusCode::OK.into_response());
        let mut response = (status, page).into_response();
        if matches!(self, Self::Often | Self::Busy) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}

/// Everything that is not the template's own is escaped: its name ends in `.html`. The style is ours, and its hash is that
/// of its very text.
fn html(view: &View<'_>) -> Shown {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let page = templates
        .add_template("page.html", PAGE)
        .and_then(|()| templates.get_template("page.html"))
        .and_then(|template| template.render(Serde(view)));
    match page {
        Ok(page) => Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()),
        Err(error) => {
            tracing::error!(%error, "a public page can't be written: a defect of this build");
            Err(Nothing::Busy)
        }
    }
}

/// A form of ours comes from a page of ours. A page that sends no referrer sends no origin either, but says so; what
/// tells more in every browser of today is `Sec-Fetch-Site`.
fn is_same_site(headers: &HeaderMap, url: &Url) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let origin = headers.get("origin").map(HeaderValue::as_bytes);
    let ours = url.origin().ascii_serialization();
    site.is_none_or(|site| site == b"same-origin" || site == b"none")
        && origin.is_none_or(|origin| origin == b"null" || origin == ours.as_bytes())
}

async fn sealed(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, CSP.clone());
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if front.public.url.scheme() == "https" {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// Notes what was asked for, without the address: it holds the token.
async fn noted(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    tracing::debug!(%method, status = response.status().as_u16(), "a public request was answered");
    response
}
