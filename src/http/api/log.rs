//! What keysweep did: scans, mails, and the event log.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::known;
use super::list::{EventList, Listed, MailList, ScanList};
use super::query::{Asked, Back, Limit, Way, begun};
use super::subject::Subject;
use crate::domain::ids::{MailId, ScanId};
use crate::http::ops::Ops;
use crate::http::problem::ProblemDocument;
use crate::ledger::read::{EventRow, MailRow, MailState, Order, ScanRow};

/// Which scans.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ScansAsked {
    /// rows of the page
    limit: Option<Limit>,
    /// where the page begins: `next` of the page before
    cursor: Option<Back>,
}

/// Scans, the latest first.
#[utoipa::path(
    get,
    path = "/api/v1/scans",
    tag = "log",
    params(ScansAsked),
    responses((status = 200, description = "some scans", body = ScanList))
)]
pub(super) async fn list_scans(State(ops): State<Arc<Ops>>, Asked(asked): Asked<ScansAsked>) -> Listed<ScanRow> {
    let page = ops.ledger.scans_page(ScanId(Back::before(asked.cursor)), Limit::or_usual(asked.limit)).await?;
    Ok(Json(page.into()))
}

/// Which mails; what is left out matches all.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MailsAsked {
    /// in this state
    state: Option<MailState>,
    /// rows of the page
    limit: Option<Limit>,
    /// where the page begins: `next` of the page before
    cursor: Option<Back>,
}

/// Mails, the latest first. Their readers are the ledger's numbers.
#[utoipa::path(
    get,
    path = "/api/v1/mails",
    tag = "log",
    params(MailsAsked),
    responses((status = 200, description = "some mails", body = MailList))
)]
pub(super) async fn list_mails(State(ops): State<Arc<Ops>>, Asked(asked): Asked<MailsAsked>) -> Listed<MailRow> {
    let before = MailId(Back::before(asked.cursor));
    let page = ops.ledger.mails_page(asked.state, before, Limit::or_usual(asked.limit)).await?;
    Ok(Json(page.into()))
}

/// Which entries of the log, and where in it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsAsked {
    /// on this subject alone: a kind, a colon and a name, as in `finding:F3`, `connection:SOURCE/ID`,
    /// `credential:240a4babc62f`, `provider:kit`; or `subject` of an entry, which has the ledger's numbers
    subject: Option<Subject>,
    /// the order; left out, it is the cursor's, or by number
    sort: Option<LogSort>,
    /// rows of the page
    limit: Option<Limit>,
    /// where the page begins: `next` of the page before
    cursor: Option<Way>,
}

/// In which order the log is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogSort {
    /// as it was written
    Number,
    /// what was written last first
    Newest,
}

impl LogSort {
    const fn order(self) -> Order {
        match self {
            Self::Number => Order::Number,
            Self::Newest => Order::Latest,
        }
    }
}

/// The event log; in the order in which it was written, unless another is asked for.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "log",
    params(EventsAsked),
    responses(
        (status = 200, description = "some entries", body = EventList),
        (status = 409, description = "`sort` and `cursor` are of different orders, or several credentials end in those digits", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_events(State(ops): State<Arc<Ops>>, Asked(asked): Asked<EventsAsked>) -> Listed<EventRow> {
    let from = begun(asked.sort.map(LogSort::order), asked.cursor.map(|Way(cursor)| cursor))?;
    let subject = known::subject(&ops, asked.subject).await?;
    let logged = subject.as_ref().map(ToString::to_string);
    let page = ops.ledger.events_page(logged.as_deref(), from, Limit::or_usual(asked.limit)).await?;
    if let Some(subject) = subject.filter(|_| page.rows.is_empty()) {
        known::is_there(&ops, &subject).await?;
    }
    Ok(Json(page.into()))
}
