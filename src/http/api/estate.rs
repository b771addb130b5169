//! The estate in numbers, its providers, and the sources that it is known from.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::known;
use super::list::{List, Listed, ProblemList, ProviderList, QuarantinedList, SourceList};
use super::query::{Asked, None as NoQuery, Text};
use super::refused::Refused;
use crate::domain::ids::ProviderName;
use crate::domain::record::Quarantined;
use crate::http::ops::Ops;
use crate::ledger::read::{Overview, ProblemRow, ProviderOverview, SourceOverview};

/// A provider, and what the ledger holds of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderRow {
    /// its name in the catalogue
    provider: ProviderName,
    /// its name as people write it; `None` where the catalogue no longer has it
    title: Option<String>,
    /// the numbers
    #[serde(flatten)]
    numbers: ProviderOverview,
}

/// The estate as it was counted after the last job. It names providers and sources, and nobody else.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    tag = "estate",
    responses((status = 200, description = "the numbers", body = Overview))
)]
pub(super) async fn read_overview(State(ops): State<Arc<Ops>>, _: NoQuery) -> Result<Json<Overview>, Refused> {
    counted(&ops).map(|overview| Json(Overview::clone(&overview)))
}

/// The providers of the catalogue, and those of the ledger that it no longer has, by name, with the numbers of each as they
/// were counted after the last job.
#[utoipa::path(
    get,
    path = "/api/v1/providers",
    tag = "estate",
    responses((status = 200, description = "the providers", body = ProviderList))
)]
pub(super) async fn list_providers(State(ops): State<Arc<Ops>>, _: NoQuery) -> Listed<ProviderRow> {
    let (overview, about) = (counted(&ops)?, ops.shown.about());
    let known = about
        .providers
        .iter()
        .map(|(name, known)| (name.clone(), (Some(known.title.clone()), ProviderOverview::default())));
    let mut all: BTreeMap<_, _> = known.collect();
    for (name, numbers) in &overview.providers {
        all.entry(name.clone()).or_default().1 = numbers.clone();
    }
    let row = |(provider, (title, numbers))| ProviderRow { provider, title, numbers };
    Ok(List::whole(all.into_iter().map(row).collect()))
}

fn counted(ops: &Ops) -> Result<Arc<Overview>, Refused> {
    let todo = "the estate has not been counted since keysweep started: that is done after each job; try again";
    ops.shown.overview().ok_or_else(|| Refused::later(todo))
}

/// The sources that were ever read, by name, as their last readings left them.
#[utoipa::path(
    get,
    path = "/api/v1/sources",
    tag = "sources",
    responses((status = 200, description = "the sources", body = SourceList))
)]
pub(super) async fn list_sources(State(ops): State<Arc<Ops>>, _: NoQuery) -> Listed<SourceOverview> {
    Ok(List::whole(ops.ledger.sources().await?))
}

/// What is wrong with the sources: readings that failed, what is held back, and remarks.
#[utoipa::path(
    get,
    path = "/api/v1/sources/problems",
    tag = "sources",
    params(SourceAsked),
    responses((status = 200, description = "what is wrong", body = ProblemList))
)]
pub(super) async fn list_source_problems(
    State(ops): State<Arc<Ops>>,
    Asked(asked): Asked<SourceAsked>,
) -> Listed<ProblemRow> {
    let source = known::source(&ops, asked.source).await?;
    let mut problems = ops.ledger.problems().await?;
    problems.retain(|row| source.as_ref().is_none_or(|wanted| *wanted == row.source));
    Ok(List::whole(problems))
}

/// The rows that the last reading of each source set aside, by source and row: at most a thousand of each source are kept,
/// and `quarantined` of the source has their number.
#[utoipa::path(
    get,
    path = "/api/v1/sources/quarantined",
    tag = "sources",
    params(SourceAsked),
    responses((status = 200, description = "the rows", body = QuarantinedList))
)]
pub(super) async fn list_quarantined_rows(
    State(ops): State<Arc<Ops>>,
    Asked(asked): Asked<SourceAsked>,
) -> Listed<Quarantined> {
    let source = known::source(&ops, asked.source).await?;
    Ok(List::whole(ops.ledger.quarantined(source.as_deref(), usize::MAX).await?))
}

/// Which source; all where it is left out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SourceAsked {
    /// the source of this name
    source: Option<Text>,
}
