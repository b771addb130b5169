//! Connections and credentials.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::known;
use super::list::{ConnectionList, CredentialList, Listed};
use super::path::Named;
use super::query::{Asked, CredentialName, Limit, None as NoQuery, Onward, Text};
use super::refused::Refused;
use crate::domain::belief::Liveness;
use crate::domain::facts::ConnectionStatus;
use crate::domain::ids::{ConnectionId, CredentialId};
use crate::http::ops::Ops;
use crate::http::problem::ProblemDocument;
use crate::ledger::read::{
    ConnectionDetail, ConnectionFilter, ConnectionRow, CredentialDetail, CredentialFilter, CredentialRow,
};

/// Which connections; what is left out matches all.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ConnectionsAsked {
    /// of the source of this name
    source: Option<Text>,
    /// of this provider
    provider: Option<Text>,
    /// in this status
    status: Option<ConnectionStatus>,
    /// of the account with this id on the platform
    account: Option<Text>,
    /// with this id on the platform: at most one of each source
    connection_id: Option<Text>,
    /// rows of the page
    limit: Option<Limit>,
    /// where the page begins: `next` of the page before
    cursor: Option<Onward>,
}

/// Connections, in the order in which they were first seen, each with its latest credential.
#[utoipa::path(
    get,
    path = "/api/v1/connections",
    tag = "inventory",
    params(ConnectionsAsked),
    responses((status = 200, description = "some connections", body = ConnectionList))
)]
pub(super) async fn list_connections(
    State(ops): State<Arc<Ops>>,
    Asked(asked): Asked<ConnectionsAsked>,
) -> Listed<ConnectionRow> {
    let filter = ConnectionFilter {
        source: known::source(&ops, asked.source).await?,
        account: known::account(&ops, asked.account).await?,
        provider: known::provider(&ops, asked.provider)?,
        status: asked.status,
        search: None,
        connection_id: known::connection_id(&ops, asked.connection_id).await?,
    };
    let after = ConnectionId(Onward::after(asked.cursor));
    let page = ops.ledger.connections_page(&filter, after, Limit::or_usual(asked.limit)).await?;
    Ok(Json(page.into()))
}

/// A connection with all its uses and findings.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{number}",
    tag = "inventory",
    params(("number" = u64, Path, description = "the ledger's number: its `id` in the list", minimum = 1, maximum = 9007199254740991u64)),
    responses((status = 200, description = "the connection", body = ConnectionDetail))
)]
pub(super) async fn read_connection(
    State(ops): State<Arc<Ops>>,
    Named(id): Named<ConnectionId>,
    _: NoQuery,
) -> Result<Json<ConnectionDetail>, Refused> {
    let detail = ops.ledger.connection_by_id(id).await?;
    detail.map(Json).ok_or_else(|| Refused::unknown("number", format!("there is no connection of the number {id}")))
}

/// Which credentials; what is left out matches all.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CredentialsAsked {
    /// of this provider
    provider: Option<Text>,
    /// in this state
    liveness: Option<Liveness>,
    /// shown by the source of this name
    source: Option<Text>,
    /// rows of the page
    limit: Option<Limit>,
    /// where the page begins: `next` of the page before
    cursor: Option<Onward>,
}

/// Credentials, in the order in which they were first seen. Of a key there is its tail, and never its value.
#[utoipa::path(
    get,
    path = "/api/v1/credentials",
    tag = "inventory",
    params(CredentialsAsked),
    responses((status = 200, description = "some credentials", body = CredentialList))
)]
pub(super) async fn list_credentials(
    State(ops): State<Arc<Ops>>,
    Asked(asked): Asked<CredentialsAsked>,
) -> Listed<CredentialRow> {
    let filter = CredentialFilter {
        provider: known::provider(&ops, asked.provider)?,
        liveness: asked.liveness,
        source: known::source(&ops, asked.source).await?,
    };
    let after = CredentialId(Onward::after(asked.cursor));
    let page = ops.ledger.credentials_page(&filter, after, Limit::or_usual(asked.limit)).await?;
    Ok(Json(page.into()))
}

/// A credential and who uses it.
#[utoipa::path(
    get,
    path = "/api/v1/credentials/{name}",
    tag = "inventory",
    params(("name" = String, Path, description = "its name: the last 12 hex digits of its fingerprint, or more of them", pattern = "^[0-9a-f]{12,64}$")),
    responses(
        (status = 200, description = "the credential", body = CredentialDetail),
        (status = 409, description = "several credentials end in those digits; `detail` has longer names for them", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read_credential(
    State(ops): State<Arc<Ops>>,
    Named(CredentialName(name)): Named<CredentialName>,
    _: NoQuery,
) -> Result<Json<CredentialDetail>, Refused> {
    known::credential("name", &name, ops.ledger.credential(&name).await?).map(Json)
}
