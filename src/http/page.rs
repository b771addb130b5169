//! The first page: can keysweep see, what is open, and what the estate is like. One page from the server, no script.

mod estate;
mod sight;
#[cfg(test)]
mod tests;
mod view;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, HtmlEscape, UndefinedBehavior, Value};

use self::view::{Facts, LedgerFacts, View};
use super::ops::Ops;
use super::problem::Problem;
use crate::domain::ids::ProviderName;
use crate::domain::policy::Exemptions;
use crate::ledger::Ledger;
use crate::ports::LedgerError;
use crate::ports::notify::NotifyLedger as _;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
const ICON: &str = include_str!("page/icon.svg");

/// So many findings are listed; the others are counted.
const LISTED: usize = 50;

/// The page is shown without what the ledger doesn't say within this.
const LEDGER_LIMIT: Duration = Duration::from_secs(3);

/// What the page says of keysweep itself and of its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// the program's version
    pub version: String,
    /// what the operator calls the ledger: its file or database, without a login
    pub ledger: String,
    /// the providers of the catalogue as people write them
    pub titles: BTreeMap<ProviderName, String>,
    /// the sources of the configuration
    pub sources: Vec<String>,
    /// whether there is a mail server
    pub mails: bool,
    /// what the operator accepts for a while
    pub exemptions: Exemptions,
}

/// The page as it is now. `rung` is true right after somebody asked for a scan.
pub(super) async fn answer(ops: &Ops, rung: bool) -> Response {
    let ledger = match tokio::time::timeout(LEDGER_LIMIT, ledger_facts(&ops.ledger)).await {
        Ok(Ok(facts)) => Some(facts),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the page is shown without the list of findings");
            None
        }
        Err(_) => {
            tracing::warn!("the page is shown without the list of findings: the ledger took too long");
            None
        }
    };
    let (about, overview) = (ops.shown.about(), ops.shown.overview());
    let facts = Facts {
        now: ops.clock.now(),
        about: &about,
        overview: overview.as_deref(),
        health: &ops.health.report(),
        ledger: ledger.as_ref(),
        rung,
    };
    match render(&View::of(&facts)) {
        Ok(page) => ([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page can't be written: a defect of this build");
            let detail =
                "the page can't be written, which is a defect; the log says more, and /metrics is not concerned";
            Problem { status: StatusCode::INTERNAL_SERVER_ERROR, detail }.into_response()
        }
    }
}

/// The page's style.
pub async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// The page's sign in a browser's tab.
pub(super) async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml")], ICON).into_response()
}

async fn ledger_facts(ledger: &Ledger) -> Result<LedgerFacts, LedgerError> {
    Ok(LedgerFacts { mode: ledger.mail_mode().await?, worst: ledger.worst_findings(LISTED).await? })
}

/// Everything that is not the template's own is escaped: its name ends in `.html`.
fn render(view: &View) -> Result<String, minijinja::Error> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_filter("coded", coded);
    templates.add_template("page.html", PAGE)?;
    templates.get_template("page.html")?.render(Serde(view))
}

/// A sentence in which commands stand between backticks, escaped.
fn coded(sentence: &str) -> Value {
    let mut html = String::new();
    for (at, piece) in sentence.split('`').enumerate() {
        let escaped = HtmlEscape(piece);
        // writing to a String can't fail
        _ = if at % 2 == 1 { write!(html, "<code>{escaped}</code>") } else { write!(html, "{escaped}") };
    }
    Value::from_safe_string(html)
}
