//! What keysweep did: scans, mails, and the event log.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::list::{EventList, Listed, MailList, ScanList};
use super::query::{Asked, Back, Limit, Onward};
use crate::domain::ids::{MailId, ScanId};
use crate::http::ops::Ops;
use crate::ledger::read::{EventRow, MailRow, MailState, ScanRow};

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

/// Where in the log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsAsked {
    /// rows of the page
    limit: Option<Limit>,
    /// where the page begins: `next` of the page before
    cursor: Option<Onward>,
}

/// The event log, in its order.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "log",
    params(EventsAsked),
    responses((status = 200, description = "some entries", body = EventList))
)]
pub(super) async fn list_events(State(ops): State<Arc<Ops>>, Asked(asked): Asked<EventsAsked>) -> Listed<EventRow> {
    let page = ops.ledger.events_page(Onward::after(asked.cursor), Limit::or_usual(asked.limit)).await?;
    Ok(Json(page.into()))
}
