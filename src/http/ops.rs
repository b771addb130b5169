//! The listener itself: its paths, who may ask for them, and the headers that every answer has.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::access::{Denied, Listed, Right, Token, entitled, judge};
use super::api;
use super::health::{healthz, readyz};
use super::page::{self, About};
use super::problem::{Problem, explained};
use super::server::{self, Limits};
use crate::ledger::Ledger;
use crate::ledger::read::Overview;
use crate::ports::Clock;
use crate::ports::activation::Bell;
use crate::ports::health::Readiness;
use crate::ports::operator::Operator;

/// What the composing side shows here. It is asked for each request, and must be cheap.
pub trait Shown: Send + Sync {
    /// All metrics in the text format of Prometheus, version 0.0.4.
    fn metrics(&self) -> String;
    /// The estate as it was after the last job; `None` before the first.
    fn overview(&self) -> Option<Arc<Overview>>;
    /// What the page says of keysweep itself, under the configuration in force.
    fn about(&self) -> Arc<About>;
    /// Who may ask beside the operator, under the configuration in force.
    fn listed(&self) -> Arc<Vec<Listed>>;
}

/// All that the listener reaches.
pub struct Ops {
    /// the token of `[http]`: whoever has it may do everything
    pub token: Option<Token>,
    /// rung for "scan now"
    pub bell: Arc<dyn Bell + Send + Sync>,
    /// tells the time
    pub clock: Arc<dyn Clock + Send + Sync>,
    /// how the daemon's parts are
    pub health: Arc<dyn Readiness + Send + Sync>,
    /// does what operators ask for
    pub operator: Arc<dyn Operator>,
    /// metrics and overview
    pub shown: Arc<dyn Shown>,
    /// the ledger for reading: one of the listener's own, so that it waits for no stage
    pub ledger: Arc<Ledger>,
    /// the same, for readiness alone: however slow somebody's list is, it doesn't make keysweep unwell
    pub pulse: Arc<Ledger>,
}

/// An answer takes at most so long; a scraper and a person have gone by then.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The greatest body is a form with a note: 200 characters, each of four bytes, each byte written with three.
const BODY_BYTES: usize = 4096;

/// A body has come by then, or doesn't: so small a one takes no longer on any line.
const BODY_LIMIT: Duration = Duration::from_secs(5);

/// What Prometheus calls its text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Only our own style and pictures; no script, no frame around the page, no form to elsewhere.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                   frame-ancestors 'none'";

/// The headers of every answer. What is shown is the operator's: it is kept by no cache and told to no other site.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, CSP),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "same-origin"), // with less a browser would send our own form without its origin
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Serves until `shutdown` resolves; then requests under way are finished, within seconds. Connections are limited in
/// number, in life and in the time of a request's head.
pub async fn serve(listener: TcpListener, ops: Arc<Ops>, shutdown: impl Future<Output = ()>) {
    server::serve(listener, router(ops), Limits::USUAL, shutdown).await;
}

/// The paths, with everything that stands before them.
pub fn router(ops: Arc<Ops>) -> Router {
    let open = Router::new().route("/healthz", get(healthz)).route("/readyz", get(ready));
    let seen = Router::new()
        .merge(page::seen())
        .route("/metrics", get(metrics))
        .route_layer(middleware::from_fn_with_state(Right::See, entitled));
    let acted = page::acted()
        .route_layer(middleware::from_fn(from_our_site))
        .route_layer(middleware::from_fn_with_state(Right::Act, entitled));
    let closed = seen
        .merge(acted)
        .merge(page::audited().route_layer(middleware::from_fn_with_state(Right::Audit, entitled)))
        .merge(api::router())
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(middleware::from_fn(received))
        .layer(middleware::from_fn_with_state(Arc::clone(&ops), page::in_words))
        .layer(middleware::from_fn_with_state(Arc::clone(&ops), admitted));
    // A path names its methods in whatever stands within it; around all of them that can be taken back.
    Router::new()
        .fallback_service(open.merge(closed).with_state(ops))
        .layer(RequestBodyLimitLayer::new(BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_LIMIT))
        .layer(middleware::map_response(explained))
        .layer(middleware::from_fn(page::in_bare_words))
        .layer(middleware::map_response(sealed))
        .layer(middleware::from_fn(noted))
}

async fn ready(State(ops): State<Arc<Ops>>) -> Response {
    readyz(&ops.health.report(), &ops.pulse).await
}

async fn metrics(State(ops): State<Arc<Ops>>) -> Response {
    ([(CONTENT_TYPE, EXPOSITION)], ops.shown.metrics()).into_response()
}

/// A browser sends its password with whatever page makes it ask, so what acts is taken from our own page only. The browser
/// itself knows best whose page that is; behind a proxy our `Host` may be another than the one it sees. Programs send neither
/// header.
fn is_same_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    if let Some(site) = sites.next() {
        return sites.next().is_none() && (site == "same-origin" || site == "none");
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    origin.is_none_or(|origin| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some() && authority == host
    })
}

/// Lets only those requests pass that act from our own page, or from a program.
pub(super) async fn from_our_site(request: Request, next: Next) -> Response {
    if is_same_site(request.headers()) {
        return next.run(request).await;
    }
    let detail = "this request comes from a page of another site; send it from a page of ours or from a program";
    Problem { status: StatusCode::FORBIDDEN, detail }.into_response()
}

/// Whether a person is to read the answer.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// Lets nobody pass without a token; not even to learn which paths there are. Whoever passes is a [`Visitor`].
async fn admitted(State(ops): State<Arc<Ops>>, mut request: Request, next: Next) -> Response {
    match judge(ops.token.as_ref(), &ops.shown.listed(), request.headers()) {
        Ok(visitor) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Err(denied) => {
            let mut response = Problem { status: StatusCode::UNAUTHORIZED, detail: denied.todo() }.into_response();
            let headers = response.headers_mut();
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"keysweep\""));
            if denied != Denied::Closed {
                // without a token in the configuration there is nothing that a person could type
                headers
                    .append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"keysweep\", charset=\"UTF-8\""));
            }
            response
        }
    }
}

/// Takes all of a body before anybody acts on it. Who sends it too slowly is told so, and not that keysweep was slow.
async fn received(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match timeout(BODY_LIMIT, Bytes::from_request(Request::new(body), &())).await {
        Ok(Ok(whole)) => next.run(Request::from_parts(parts, Body::from(whole))).await,
        Ok(Err(refused)) => refused.into_response(),
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

async fn sealed(mut response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().remove(ALLOW); // only a path that there is has any
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The paths that there are beside those of the API.
const PATHS: [&str; 6] = ["/", "/style.css", "/icon.svg", "/metrics", "/healthz", "/readyz"];

/// Notes what was asked for, for whoever looks for a fault: the path without its query, and no header. A path that there
/// isn't is not named: a proxy that sends people's links here must not have their tokens written down.
async fn noted(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let asked = request.uri().path();
    let known = || page::logged(asked).or_else(|| api::template(asked));
    let path = PATHS.into_iter().find(|path| *path == asked).or_else(known).unwrap_or("elsewhere");
    let response = next.run(request).await;
    tracing::debug!(%method, path, status = response.status().as_u16(), "a request was answered");
    response
}
