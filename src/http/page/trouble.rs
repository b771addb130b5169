//! Why a page can't be shown. Programs get a problem document, browsers the same words on a page.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::response::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::frame::{Scene, Section, bare};
use super::query::{Fault, sentence};
use super::sheet::{Part, Sheet, Words};
use super::words::harmless_line;
use super::{HTML, Ops};
use crate::http::access::Visitor;
use crate::http::ops::is_browser;
use crate::http::problem::{self, detail, told};
use crate::ports::LedgerError;
use std::sync::Arc;

/// Why a page can't be shown.
#[derive(Debug)]
pub(super) enum Trouble {
    /// the address says something that means nothing
    Field(Fault),
    /// the address narrows a list to something that isn't there
    Unknown(Fault),
    /// there is nothing of that name; what to do, as a sentence
    Nothing(String),
    /// it is not done as things stand; why, as a sentence
    Refused(String),
    /// the ledger doesn't answer
    Ledger(LedgerError),
    /// it doesn't in time
    Late,
    /// a template is wrong: a defect
    Unwritten(minijinja::Error),
}

impl Trouble {
    /// There is nothing of that name; a sentence.
    pub(super) fn nothing(what: &str) -> Self {
        Self::Nothing(what.to_owned())
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Field(fault)
    }
}

impl From<LedgerError> for Trouble {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<minijinja::Error> for Trouble {
    fn from(error: minijinja::Error) -> Self {
        Self::Unwritten(error)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        match self {
            Self::Field(Fault { field, what }) => told(StatusCode::BAD_REQUEST, &what, Some(&field)),
            Self::Unknown(Fault { field, what }) => told(StatusCode::NOT_FOUND, &what, Some(&field)),
            Self::Nothing(what) => told(StatusCode::NOT_FOUND, &what, None),
            Self::Refused(what) => told(StatusCode::CONFLICT, &what, None),
            Self::Ledger(error) => {
                tracing::warn!(%error, "a page can't be shown: the ledger does not answer");
                let what = "The ledger does not answer. Try again, and run `keysweep doctor` if that goes on.";
                told(StatusCode::SERVICE_UNAVAILABLE, what, None)
            }
            Self::Late => {
                tracing::warn!("a page can't be shown: the ledger took too long");
                let what =
                    "The ledger took too long. Try again, or ask for less: findings are fastest with the worst first.";
                told(StatusCode::SERVICE_UNAVAILABLE, what, None)
            }
            Self::Unwritten(error) => {
                tracing::error!(%error, "a page can't be written: a defect of this build");
                let what =
                    "The page can't be written, which is a defect. The log says more, and /metrics is not concerned.";
                told(StatusCode::INTERNAL_SERVER_ERROR, what, None)
            }
        }
    }
}

/// What a problem document is read up to.
const LONGEST: usize = 64 * 1024;

/// Shows a browser its errors as pages; whatever else there is goes through as it is. Stands behind whoever lets visitors in.
pub async fn in_words(State(ops): State<Arc<Ops>>, request: Request, next: Next) -> Response {
    let reads_html = is_for_people(&request);
    let visitor = request.extensions().get::<Visitor>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    let (true, Some(visitor)) = (reads_html && (status.is_client_error() || status.is_server_error()), visitor) else {
        return response;
    };
    let (parts, what) = in_short(response).await;
    let sheet = Sheet {
        heading: heading(status).to_owned(),
        noted: None,
        lead: vec![what],
        parts: vec![Part::Words(Words {
            id: "go-on",
            title: "From here".to_owned(),
            sentences: vec!["Go on from the navigation above, or back to the page before.".to_owned()],
        })],
    };
    let scene = Scene::of(&ops, visitor).await;
    let Ok(page) = scene.write(Section::None, &sheet) else {
        return told(StatusCode::INTERNAL_SERVER_ERROR, detail(StatusCode::INTERNAL_SERVER_ERROR), None);
    };
    rewritten(parts, page)
}

/// Shows a browser what is left of problems as pages that name nothing of the estate: those of whoever was not let in, and of
/// answers that took too long.
pub async fn in_bare_words(request: Request, next: Next) -> Response {
    let reads_html = is_for_people(&request);
    let response = next.run(request).await;
    if !reads_html || response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != problem::KIND) {
        return response;
    }
    let status = response.status();
    let (parts, what) = in_short(response).await;
    match bare(heading(status), &what) {
        Ok(page) => rewritten(parts, page),
        Err(error) => Trouble::Unwritten(error).into_response(),
    }
}

/// A problem's head, and its words in a sentence.
async fn in_short(response: Response) -> (Parts, String) {
    let (parts, body) = response.into_parts();
    let document = to_bytes(body, LONGEST).await.unwrap_or_default();
    let document: Value = serde_json::from_slice(&document).unwrap_or_default();
    let word = |name: &str| document.get(name).and_then(Value::as_str);
    let what = sentence(&harmless_line(word("detail").unwrap_or_else(|| detail(parts.status))));
    let what = word("field").map_or_else(|| what.clone(), |field| format!("Field {}: {what}", harmless_line(field)));
    (parts, what)
}

fn rewritten(mut parts: Parts, page: String) -> Response {
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HTML);
    Response::from_parts(parts, page.into())
}

/// A browser, at a page of ours. The API and the metrics speak to programs, whoever asks.
fn is_for_people(request: &Request) -> bool {
    let path = request.uri().path();
    is_browser(request.headers()) && !path.starts_with("/api/") && path != "/metrics"
}

const fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "This can't be asked",
        StatusCode::UNAUTHORIZED => "A token is needed",
        StatusCode::FORBIDDEN => "Not for this role",
        StatusCode::NOT_FOUND => "Nothing is here",
        StatusCode::METHOD_NOT_ALLOWED => "Not in this way",
        StatusCode::CONFLICT => "This was not done",
        StatusCode::SERVICE_UNAVAILABLE => "No answer for now",
        _ => "This went wrong",
    }
}
