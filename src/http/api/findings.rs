//! Findings: lists, one by one, and the story behind one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::list::{FindingList, List, Listed};
use super::path::Named;
use super::query::{Asked, CredentialName, Limit, None as NoQuery, Number, Onward, Text};
use super::refused::Refused;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{ConnectionId, FindingId, ProviderName};
use crate::http::access::Visitor;
use crate::http::ops::Ops;
use crate::http::told;
use crate::ledger::read::{Cursor, FindingDetail, FindingFilter, FindingRow, FindingState, Search, finding_name};
use crate::report::story::FindingStory;

/// Which findings; what is left out matches all.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FindingsAsked {
    /// in this state
    state: Option<FindingState>,
    /// of this rule
    rule: Option<RuleName>,
    /// as bad as this or worse
    severity: Option<Severity>,
    /// about a credential of this provider
    provider: Option<Text>,
    /// on a connection of the source of this name
    source: Option<Text>,
    /// of the account with this id on the platform
    account: Option<Text>,
    /// on the connection of this number: the ledger's, which is its id in the list of connections
    connection: Option<Number>,
    /// about the credential of this name
    credential: Option<CredentialName>,
    /// what is looked for, exactly: a finding's name (`F12`), the platform's id of a connection or account, or the last
    /// digits of a credential's fingerprint, at least eight
    q: Option<Text>,
    /// rows of the page
    limit: Option<Limit>,
    /// where the page begins: `next` of the page before
    cursor: Option<Onward>,
}

/// Findings, in the order in which they were first opened.
#[utoipa::path(
    get,
    path = "/api/v1/findings",
    tag = "findings",
    params(FindingsAsked),
    responses((status = 200, description = "some findings", body = FindingList))
)]
pub(super) async fn list_findings(
    State(ops): State<Arc<Ops>>,
    Asked(asked): Asked<FindingsAsked>,
) -> Listed<FindingRow> {
    let credential = match &asked.credential {
        Some(CredentialName(name)) => match ops.ledger.credential(name).await? {
            Some(known) => Some(known.credential.id),
            None => return Ok(List::whole(Vec::new())),
        },
        None => None,
    };
    let filter = FindingFilter {
        state: asked.state,
        current: false,
        rule: asked.rule,
        at_least: asked.severity,
        severity: None,
        account: asked.account.map(Text::into_string),
        connection: asked.connection.map(|Number(number)| ConnectionId(number)),
        credential,
        provider: asked.provider.as_ref().map(|name| ProviderName::new(name.as_str())),
        source: asked.source.map(Text::into_string),
        search: asked.q.as_ref().and_then(|text| Search::new(text.as_str())),
    };
    let from = Cursor::Number(Onward::after(asked.cursor));
    let page = ops.ledger.findings_page(&filter, from, Limit::or_usual(asked.limit)).await?;
    Ok(Json(page.into()))
}

/// A finding: its facts, how far it has come, and, for who may audit, who was told; others get no notices. People are the
/// ledger's numbers.
#[utoipa::path(
    get,
    path = "/api/v1/findings/{id}",
    tag = "findings",
    params(("id" = String, Path, description = "its name", pattern = "^F[1-9][0-9]{0,14}$")),
    responses((status = 200, description = "the finding", body = FindingDetail))
)]
pub(super) async fn read_finding(
    State(ops): State<Arc<Ops>>,
    Named(id): Named<FindingId>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
) -> Result<Json<FindingDetail>, Refused> {
    found(&ops, id, &visitor).await.map(Json)
}

/// Why a finding is there, and everything that happened to its credential, in sentences; for who may audit, with who was
/// told. People are the ledger's numbers.
#[utoipa::path(
    get,
    path = "/api/v1/findings/{id}/story",
    tag = "findings",
    params(("id" = String, Path, description = "its name", pattern = "^F[1-9][0-9]{0,14}$")),
    responses((status = 200, description = "the story", body = FindingStory))
)]
pub(super) async fn read_finding_story(
    State(ops): State<Arc<Ops>>,
    Named(id): Named<FindingId>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
) -> Result<Response, Refused> {
    let detail = found(&ops, id, &visitor).await?;
    let story = told::story_in_numbers(&ops.ledger, detail.course.credential_number, &visitor).await?;
    Ok(Json(FindingStory::of(&detail, story.as_ref())).into_response())
}

async fn found(ops: &Ops, id: FindingId, visitor: &Visitor) -> Result<FindingDetail, Refused> {
    let detail = ops.ledger.finding(id).await?;
    let unknown = || Refused::unknown("id", format!("there is no finding {}", finding_name(id)));
    detail.map(|detail| told::finding(detail, visitor)).ok_or_else(unknown)
}
