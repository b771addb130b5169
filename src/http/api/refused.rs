//! Why a request is not answered with what it asked for.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::problem::told;
use crate::ports::LedgerError;

/// A refusal, in words for whoever asked.
#[derive(Debug)]
pub(in crate::http) struct Refused {
    status: StatusCode,
    detail: String,
    field: Option<String>,
}

impl Refused {
    /// What was sent under this name can't be understood; `todo` says what can.
    pub(super) fn field(name: &str, todo: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail: todo.into(), field: Some(name.to_owned()) }
    }

    /// What this field names is not there.
    pub(super) fn unknown(name: &str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, detail: detail.into(), field: Some(name.to_owned()) }
    }

    /// What was sent under this name can be read, and can't be together with the rest.
    pub(super) fn conflict(name: &str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, detail: detail.into(), field: Some(name.to_owned()) }
    }

    /// What is at fault.
    #[cfg(test)]
    pub(super) fn named(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is said of it.
    #[cfg(test)]
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// It can't be had now, and can be later.
    pub(super) fn later(detail: &str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, detail: detail.to_owned(), field: None }
    }
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        tracing::warn!(%error, "a request of the API is not answered: the ledger can't be read");
        Self::later("the ledger can't be read: try again, see the log, and run `keysweep doctor`")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = told(self.status, &self.detail, self.field.as_deref());
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response
    }
}
