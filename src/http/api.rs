//! `/api/v1`: what the page and the terminal show, for programs; and the document that says so, from the same list of routes.
//!
//! Answers are the ledger's own rows, written as `--format json` writes them. Their schemas are derived from those types, so
//! document and answers can't differ. Whoever asks for something that there isn't is told which field is at fault; nothing
//! is silently ignored.

mod acts;
mod body;
mod document;
mod estate;
mod findings;
mod inventory;
mod known;
mod list;
mod log;
mod path;
mod query;
mod refused;
mod reports;
mod subject;
mod work;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::reports::Desk;
use super::access::{Right, entitled};
use super::ops::{Ops, from_our_site};

/// The document of the API: OpenAPI 3.1.
pub fn openapi() -> Value {
    put_together().1
}

/// The routes. What stands before all of the listener's paths is not among this.
pub(super) fn router() -> Router<Arc<Ops>> {
    let (router, document) = put_together();
    let told: Arc<str> = format!("{document}\n").into();
    router.layer(Extension(Document(told))).layer(Extension(Desk::default())).layer(middleware::from_fn(options))
}

/// The path of the API that a request's path is one of, as the document writes it; `None` where it is none.
pub(super) fn template(path: &str) -> Option<&'static str> {
    const PATHS: [&str; 24] = [
        "/api/v1/connections",
        "/api/v1/connections/{number}",
        "/api/v1/credentials",
        "/api/v1/credentials/{name}",
        "/api/v1/credentials/{name}/compromised",
        "/api/v1/events",
        "/api/v1/findings",
        "/api/v1/findings/{id}",
        "/api/v1/findings/{id}/acknowledge",
        "/api/v1/findings/{id}/resume",
        "/api/v1/findings/{id}/snooze",
        "/api/v1/findings/{id}/story",
        "/api/v1/mails",
        "/api/v1/openapi.json",
        "/api/v1/overview",
        "/api/v1/providers",
        "/api/v1/providers/{name}/trust",
        "/api/v1/report",
        "/api/v1/scan",
        "/api/v1/scans",
        "/api/v1/sources",
        "/api/v1/sources/problems",
        "/api/v1/sources/quarantined",
        "/api/v1/sources/{name}/accept",
    ];
    let same = |template: &&str| {
        let fits = |(wanted, given): (&str, &str)| wanted.starts_with('{') || wanted == given;
        let parts = |text: &str| text.split('/').count();
        parts(template) == parts(path) && template.split('/').zip(path.split('/')).all(fits)
    };
    PATHS.into_iter().find(same)
}

fn put_together() -> (Router<Arc<Ops>>, Value) {
    let mut whole = (Router::new(), document::empty());
    for (right, group) in [(Right::See, seen()), (Right::Audit, audited()), (Right::Act, acted())] {
        let (mut router, mut paths) = group.split_for_parts();
        document::says_who(&mut paths, right);
        if right == Right::Act {
            router = router.route_layer(middleware::from_fn(from_our_site));
        }
        whole.0 = whole.0.merge(router.route_layer(middleware::from_fn_with_state(right, entitled)));
        whole.1.merge(paths);
    }
    (whole.0, document::finished(&whole.1))
}

fn seen() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::default()
        .routes(routes!(read_openapi))
        .routes(routes!(estate::read_overview))
        .routes(routes!(estate::list_providers))
        .routes(routes!(estate::list_sources))
        .routes(routes!(estate::list_source_problems))
        .routes(routes!(estate::list_quarantined_rows))
        .routes(routes!(findings::list_findings))
        .routes(routes!(findings::read_finding))
        .routes(routes!(findings::read_finding_story))
        .routes(routes!(inventory::list_connections))
        .routes(routes!(inventory::read_connection))
        .routes(routes!(inventory::list_credentials))
        .routes(routes!(inventory::read_credential))
        .routes(routes!(log::list_scans))
}

fn audited() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::default()
        .routes(routes!(log::list_mails))
        .routes(routes!(log::list_events))
        .routes(routes!(reports::write_report))
}

fn acted() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::default()
        .routes(routes!(work::ring_for_scan))
        .routes(routes!(acts::acknowledge_finding))
        .routes(routes!(acts::snooze_finding))
        .routes(routes!(acts::resume_finding))
        .routes(routes!(acts::note_leak, acts::take_leak_back))
        .routes(routes!(acts::accept_source))
        .routes(routes!(acts::trust_provider))
}

/// The document, as it is sent.
#[derive(Clone)]
struct Document(Arc<str>);

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "about",
    responses((status = 200, description = "the OpenAPI document", body = BTreeMap<String, Value>, content_type = "application/json"))
)]
async fn read_openapi(Extension(Document(text)): Extension<Document>, _: query::None) -> Response {
    ([(CONTENT_TYPE, "application/json")], text.to_string()).into_response()
}

/// Tells which methods a path takes. Whatever answers another method than those gets the header with them, further out.
async fn options(request: Request, next: Next) -> Response {
    let asked = *request.method() == Method::OPTIONS;
    let response = next.run(request).await;
    let refused = response.status() == StatusCode::METHOD_NOT_ALLOWED;
    if asked && refused { StatusCode::NO_CONTENT.into_response() } else { response }
}
