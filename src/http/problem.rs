//! Errors as `application/problem+json` (RFC 9457): what is wrong, and what to do.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The content type.
pub(super) const KIND: &str = "application/problem+json";

/// The content type of an error that is told on a page.
const PAGE: &str = "text/html; charset=utf-8";

/// An error as its reader gets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: &'static str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        told(self.status, self.detail, None)
    }
}

/// An error as it is written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument<'a> {
    /// the kind of problem: `about:blank`, for its status says it all
    #[serde(rename = "type")]
    kind: &'static str,
    /// the status in words
    title: &'static str,
    /// the status
    status: u16,
    /// what is wrong, and what to do
    detail: &'a str,
    /// what of the request is at fault, where it is one part of it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    field: Option<&'a str>,
}

/// The same, with words that are put together, and the field of what was sent that is at fault.
pub(super) fn told(status: StatusCode, detail: &str, field: Option<&str>) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let document = ProblemDocument { kind: "about:blank", title, status: status.as_u16(), detail, field };
    (status, [(CONTENT_TYPE, KIND)], Json(document)).into_response()
}

/// Gives a body to errors that have none of ours: those of the router and of its limits.
pub(super) async fn explained(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let is_error = parts.status.is_client_error() || parts.status.is_server_error();
    let is_ours =
        parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == KIND || kind == super::health::KIND || kind == PAGE);
    if !is_error || is_ours {
        return Response::from_parts(parts, body);
    }
    let (own, body) = Problem { status: parts.status, detail: detail(parts.status) }.into_response().into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(own.headers);
    Response::from_parts(parts, body)
}

/// What to do about an error that says nothing itself.
pub(super) fn detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => {
            "there is nothing here; / is the first page, and beside the pages are /api/v1/openapi.json, /metrics, /healthz and \
             /readyz"
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "this path doesn't take this method; the Allow header has those that it takes"
        }
        StatusCode::REQUEST_TIMEOUT => "the request's body did not come in time: send all of it at once",
        StatusCode::PAYLOAD_TOO_LARGE => "nothing here takes a body of this size",
        StatusCode::SERVICE_UNAVAILABLE => "keysweep did not answer in time; try again, and look at /readyz",
        _ => "the request can't be answered",
    }
}
