//! The operator's pages: can keysweep see, what is open, and everything behind it. Made on the server, no script.

mod acts;
mod connection;
mod connections;
mod credential;
mod credentials;
mod estate;
mod facts;
mod finding;
mod findings;
mod frame;
mod known;
mod mails;
mod overview;
mod providers;
mod query;
mod scans;
mod sheet;
mod sight;
mod sources;
mod story;
#[cfg(test)]
mod tests;
mod trend;
mod trouble;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use self::frame::{Ask, Section};
use self::trouble::Trouble;
use super::ops::Ops;
use crate::domain::ids::ProviderName;
use crate::domain::policy::Exemptions;
use crate::ledger::read::Cursor;

pub(super) use self::trouble::{in_bare_words, in_words};

const STYLE: &str = include_str!("page/style.css");
const ICON: &str = include_str!("page/icon.svg");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Stands behind the `?` where somebody comes back from a form.
const DONE: &str = "done";

/// So many rows are on a page of a list.
const LISTED: usize = 50;

/// What the pages say of keysweep itself and of its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// the program's version
    pub version: String,
    /// what the operator calls the ledger: its file or database, without a login
    pub ledger: String,
    /// nobody may have reminders wait for longer
    pub longest_pause: Duration,
    /// the providers of the catalogue
    pub providers: BTreeMap<ProviderName, ProviderAbout>,
    /// the sources of the configuration, each with its kind: `csv`, `sql`
    pub sources: BTreeMap<String, String>,
    /// whether there is a mail server
    pub mails: bool,
    /// what the operator accepts for a while
    pub exemptions: Exemptions,
}

/// What the pages say of a provider, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderAbout {
    /// as people write it
    pub title: String,
    /// how old a secret may grow
    pub max_age: String,
    /// why so long
    pub why: String,
    /// how long before that people are told
    pub warn_before: String,
    /// over what it is asked: `REST and SMTP`
    pub protocols: String,
    /// the same as the catalogue names them: `rest`, `smtp`
    pub protocol_names: Vec<String>,
    /// the way through its screens to where a key is reset
    pub path: String,
    /// the address nearest to that
    pub link: String,
    /// what dies at once and what lives on
    pub old_value: String,
    /// what else stops working
    pub breaks: String,
}

/// The pages of who may see how things stand.
pub(super) fn seen() -> Router<Arc<Ops>> {
    Router::new()
        .route("/", get(async |ask: Ask| overview::answer(&ask).await))
        .route("/findings", get(async |ask: Ask| ask.show(Section::Findings, findings::sheet(&ask)).await))
        .route("/findings/{name}", get(finding))
        .route("/connections", get(async |ask: Ask| ask.show(Section::Connections, connections::sheet(&ask)).await))
        .route("/connections/{number}", get(connection))
        .route("/credentials", get(async |ask: Ask| ask.show(Section::Credentials, credentials::sheet(&ask)).await))
        .route("/credentials/{name}", get(credential))
        .route("/providers", get(async |ask: Ask| ask.show(Section::Providers, async { providers::list(&ask) }).await))
        .route("/providers/{name}", get(provider))
        .route("/sources", get(async |ask: Ask| ask.show(Section::Sources, sources::sheet(&ask)).await))
        .route("/scans", get(async |ask: Ask| ask.show(Section::Scans, scans::sheet(&ask)).await))
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
}

/// The pages of who may see who was told.
pub(super) fn audited() -> Router<Arc<Ops>> {
    Router::new().route("/mails", get(async |ask: Ask| ask.show(Section::Mails, mails::sheet(&ask)).await))
}

/// What the forms of pages are sent to, by who may act.
pub(super) fn acted() -> Router<Arc<Ops>> {
    Router::new()
        .route("/findings/{name}", post(acts::on_finding))
        .route("/credentials/{name}", post(acts::on_credential))
        .route("/providers/{name}", post(acts::on_provider))
        .route("/sources", post(acts::on_sources))
}

/// What the log calls the page of this path: the lists by their names, a page of one thing without the thing's name.
pub(super) fn logged(path: &str) -> Option<&'static str> {
    const LISTS: [&str; 7] =
        ["/findings", "/connections", "/credentials", "/providers", "/sources", "/scans", "/mails"];
    const ONES: [(&str, &str); 4] = [
        ("/findings/", "/findings/{name}"),
        ("/connections/", "/connections/{number}"),
        ("/credentials/", "/credentials/{name}"),
        ("/providers/", "/providers/{name}"),
    ];
    let list = LISTS.into_iter().find(|list| *list == path);
    list.or_else(|| ONES.into_iter().find(|(start, _)| path.starts_with(start)).map(|(_, name)| name))
}

async fn finding(ask: Ask, Path(name): Path<String>) -> Result<Response, Trouble> {
    ask.show(Section::Findings, finding::sheet(&ask, &name)).await
}

async fn connection(ask: Ask, Path(number): Path<String>) -> Result<Response, Trouble> {
    ask.show(Section::Connections, connection::sheet(&ask, &number)).await
}

async fn credential(ask: Ask, Path(name): Path<String>) -> Result<Response, Trouble> {
    ask.show(Section::Credentials, credential::sheet(&ask, &name)).await
}

async fn provider(ask: Ask, Path(name): Path<String>) -> Result<Response, Trouble> {
    ask.show(Section::Providers, providers::one(&ask, &name)).await
}

/// The pages' style.
pub async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// The pages' sign in a browser's tab.
async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml")], ICON).into_response()
}

/// The number behind or before which a list goes on that is sorted by numbers; others begin.
const fn number(from: Cursor) -> i64 {
    match from {
        Cursor::Number(id) | Cursor::Latest(id) => id,
        Cursor::Worst { .. } | Cursor::Newest { .. } => 0,
    }
}
