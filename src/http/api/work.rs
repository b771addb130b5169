//! Setting work going.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::query::None as NoQuery;
use crate::http::access::Visitor;
use crate::http::ops::{Ops, is_browser};
use crate::ports::activation::Job;

/// The bell was rung.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rung {
    /// for which job: `scan`
    job: &'static str,
    /// what was done: `rung`
    status: &'static str,
}

/// "Scan now". The answer says that the bell was rung, not that there was a scan: one that is under way goes on, and another
/// one follows it.
#[utoipa::path(
    post,
    path = "/api/v1/scan",
    tag = "work",
    responses(
        (status = 202, description = "the bell was rung", body = Rung),
        (status = 303, description = "the same, for a browser's form: back to the page"),
    )
)]
pub(super) async fn ring_for_scan(
    State(ops): State<Arc<Ops>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    _: NoQuery,
) -> Response {
    ops.bell.ring(Job::Scan);
    tracing::info!(by = %visitor.name, "a scan was asked for over HTTP");
    if is_browser(&headers) {
        return (StatusCode::SEE_OTHER, [(LOCATION, "/?rung")]).into_response();
    }
    (StatusCode::ACCEPTED, Json(Rung { job: "scan", status: "rung" })).into_response()
}
