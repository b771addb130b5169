//! Findings: lists, one by one, and the story behind one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::known;
use super::list::{FindingList, Listed};
use super::path::{FindingPath, Named};
use super::query::{Asked, CredentialName, Limit, None as NoQuery, Number, Place, Text, begun};
use super::refused::Refused;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::FindingId;
use crate::http::access::Visitor;
use crate::http::ops::Ops;
use crate::http::problem::ProblemDocument;
use crate::http::told;
use crate::ledger::read::{
    FindingDetail, FindingFilter, FindingRow, FindingState, Moment, Order, Search, finding_name,
};
use crate::report::story::FindingStory;

/// Which findings; what is left out matches all.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FindingsAsked {
    /// in this state
    state: Option<FindingState>,
    /// of this rule
    rule: Option<RuleName>,
    /// exactly as bad as this
    severity: Option<Severity>,
    /// as bad as this or worse
    at_least: Option<Severity>,
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
    /// what is looked for, exactly: a finding's name (`F12`), the platform's id of a connection or account, a
    /// connection as lists write it (`SOURCE/ID`), or the last
    /// digits of a credential's fingerprint, at least eight
    q: Option<Text>,
    /// the order; left out, it is the cursor's, or by number
    sort: Option<Sort>,
    /// rows of the page
    limit: Option<Limit>,
    /// where the page begins: `next` of the page before
    cursor: Option<Place>,
}

/// In which order findings are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    /// as they were first opened
    Number,
    /// the most severe first, and of the same severity those first that have held the longest
    Worst,
    /// those first that were opened last
    Newest,
}

impl Sort {
    const fn order(self) -> Order {
        match self {
            Self::Number => Order::Number,
            Self::Worst => Order::Worst,
            Self::Newest => Order::Newest,
        }
    }
}

/// Findings; in the order in which they were first opened, unless another is asked for.
#[utoipa::path(
    get,
    path = "/api/v1/findings",
    tag = "findings",
    params(FindingsAsked),
    responses(
        (status = 200, description = "some findings", body = FindingList),
        (status = 409, description = "`sort` and `cursor` are of different orders, or several credentials end in those digits", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_findings(
    State(ops): State<Arc<Ops>>,
    Asked(asked): Asked<FindingsAsked>,
) -> Listed<FindingRow> {
    let from = begun(asked.sort.map(Sort::order), asked.cursor.map(|Place(cursor)| cursor))?;
    let (provider, source) = (known::provider(&ops, asked.provider)?, known::source(&ops, asked.source).await?);
    let credential = match &asked.credential {
        Some(CredentialName(name)) => {
            let meant = ops.ledger.at_one_moment().await?.credential_number(name).await?;
            Some(known::credential("credential", name, meant)?)
        }
        None => None,
    };
    let filter = FindingFilter {
        state: asked.state,
        current: false,
        rule: asked.rule,
        at_least: asked.at_least,
        severity: asked.severity,
        account: known::account(&ops, asked.account).await?,
        connection: known::connection(&ops, asked.connection).await?,
        credential,
        provider,
        source,
        search: asked.q.as_ref().and_then(|text| Search::new(text.as_str())),
    };
    let page = ops.ledger.findings_page(&filter, from, Limit::or_usual(asked.limit)).await?;
    Ok(Json(page.into()))
}

/// A finding: its facts, how far it has come, and, for who may audit, who was told; others get no notices. People are the
/// ledger's numbers.
#[utoipa::path(
    get,
    path = "/api/v1/findings/{id}",
    tag = "findings",
    params(FindingPath),
    responses((status = 200, description = "the finding", body = FindingDetail))
)]
pub(super) async fn read_finding(
    State(ops): State<Arc<Ops>>,
    Named(id): Named<FindingId>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
) -> Result<Json<FindingDetail>, Refused> {
    found(&mut ops.ledger.at_one_moment().await?, id, &visitor).await.map(Json)
}

/// Why a finding is there, and everything that happened to its credential, in sentences; for who may audit, with who was
/// told. People are the ledger's numbers.
#[utoipa::path(
    get,
    path = "/api/v1/findings/{id}/story",
    tag = "findings",
    params(FindingPath),
    responses((status = 200, description = "the story", body = FindingStory))
)]
pub(super) async fn read_finding_story(
    State(ops): State<Arc<Ops>>,
    Named(id): Named<FindingId>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
) -> Result<Response, Refused> {
    let mut moment = ops.ledger.at_one_moment().await?;
    let detail = found(&mut moment, id, &visitor).await?;
    let story = told::story_in_numbers(&mut moment, detail.course.credential_number, &visitor).await?;
    Ok(Json(FindingStory::of(&detail, story.as_ref())).into_response())
}

async fn found(moment: &mut Moment, id: FindingId, visitor: &Visitor) -> Result<FindingDetail, Refused> {
    let detail = moment.finding(id).await?;
    let unknown = || Refused::unknown("id", format!("there is no finding {}", finding_name(id)));
    detail.map(|detail| told::finding(detail, visitor)).ok_or_else(unknown)
}
