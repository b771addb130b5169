//! What an operator does: has reminders wait, says that a key leaked, believes a source or a provider. Each act is judged and
//! noted by the ledger, with the name of whose token it was; done twice is done once.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Instant, Sent};
use super::path::{FindingPath, Named};
use super::query::{CredentialName, None as NoQuery, Text};
use super::refused::Refused;
use crate::domain::action::{ACKNOWLEDGED, Act, Change};
use crate::domain::ids::{FindingId, ProviderName};
use crate::domain::time::Timestamp;
use crate::http::access::Visitor;
use crate::http::acts::{Hand, NotDone};
use crate::http::ops::Ops;
use crate::http::problem::ProblemDocument;
use crate::ledger::read::{finding_name, when};

/// What the operator knows of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcknowledgeAsked {
    /// nobody is reminded before; left out, in 30 days
    until: Option<Instant>,
}

/// What is to wait.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SnoozeAsked {
    /// nobody is reminded before
    until: Instant,
}

/// How a key leaked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LeakAsked {
    /// when, as well as is known; left out, it stays as it was said before, else it is now
    at: Option<Instant>,
    /// what is known of it, in a sentence for operators, and without the key; left out, it stays as it was said before
    #[schema(max_length = 200)]
    note: Option<String>,
}

/// Whom to believe.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustAsked {
    /// over this protocol alone, as the catalogue names it; left out, over all
    protocol: Option<Text>,
}

/// What was done about a finding's reminders.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PauseDone {
    /// the finding's name
    id: String,
    /// false where it was so already
    changed: bool,
    /// until when reminders wait: by this act, or where it was so already, by the one before; `None` where they don't
    #[serde(serialize_with = "when::maybe")]
    until: Option<Timestamp>,
}

/// What was noted of a key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LeakDone {
    /// the credential's name
    credential: String,
    /// false where that is what the ledger had
    changed: bool,
    /// since when it counts as leaked by the operator's word; `None` where it doesn't
    #[serde(serialize_with = "when::maybe")]
    compromised_at: Option<Timestamp>,
}

/// What is believed of a source.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AcceptDone {
    /// its name
    source: String,
    /// how many connections ended
    ended: u64,
    /// how many people are believed gone
    people: u64,
}

/// What is believed of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TrustDone {
    /// its name
    provider: String,
    /// the endpoints that were blind until now
    trusted: Vec<Trusted>,
}

/// An endpoint that is believed again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trusted {
    /// `mailjet rest/default`
    endpoint: String,
    /// since when it was blind
    #[serde(serialize_with = "when::text")]
    blind_since: Timestamp,
    /// why
    why: &'static str,
}

/// Notes that the operator knows of a finding: nobody is reminded of it before the date, and its people can't end that. It
/// ends before that if the finding grows worse or reopens.
#[utoipa::path(
    post,
    path = "/api/v1/findings/{id}/acknowledge",
    tag = "work",
    params(FindingPath),
    request_body = AcknowledgeAsked,
    responses(
        (status = 200, description = "it is noted", body = PauseDone),
        (status = 409, description = "it is not open, or accepted by the configuration, or the date does not do", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn acknowledge_finding(
    State(ops): State<Arc<Ops>>,
    Named(id): Named<FindingId>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
    Sent(asked): Sent<AcknowledgeAsked>,
) -> Result<Json<PauseDone>, Refused> {
    let until = asked.until.map_or_else(|| ops.operator.now() + ACKNOWLEDGED, |Instant(until)| until);
    pause(&ops, id, Act::Acknowledge { until }, &visitor).await
}

/// Has a finding's reminders wait until a date. It ends before that if the finding grows worse or reopens, or somebody of the
/// account ends it.
#[utoipa::path(
    post,
    path = "/api/v1/findings/{id}/snooze",
    tag = "work",
    params(FindingPath),
    request_body = SnoozeAsked,
    responses(
        (status = 200, description = "it is noted", body = PauseDone),
        (status = 409, description = "it is not open, or accepted by the configuration, or the date does not do", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn snooze_finding(
    State(ops): State<Arc<Ops>>,
    Named(id): Named<FindingId>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
    Sent(asked): Sent<SnoozeAsked>,
) -> Result<Json<PauseDone>, Refused> {
    pause(&ops, id, Act::Snooze { until: asked.until.0 }, &visitor).await
}

/// Has a finding's reminders come again, as its ladder says.
#[utoipa::path(
    post,
    path = "/api/v1/findings/{id}/resume",
    tag = "work",
    params(FindingPath),
    responses(
        (status = 200, description = "it is noted", body = PauseDone),
        (status = 409, description = "it is not open, or accepted by the configuration", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn resume_finding(
    State(ops): State<Arc<Ops>>,
    Named(id): Named<FindingId>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
) -> Result<Json<PauseDone>, Refused> {
    pause(&ops, id, Act::Resume, &visitor).await
}

async fn pause(ops: &Ops, id: FindingId, act: Act, visitor: &Visitor) -> Result<Json<PauseDone>, Refused> {
    let change = Hand { ops, visitor }.pause(id, act).await.map_err(of("id"))?;
    let until = match change {
        Change::Pause(pause) => Some(pause.until),
        _ if act == Act::Resume => None,
        // It was so already: what was said first stands, and may name another date.
        _ => ops.ledger.finding(id).await?.and_then(|detail| detail.finding.pause_until),
    };
    Ok(Json(PauseDone { id: finding_name(id), changed: change != Change::Nothing, until }))
}

/// As the API says it; `part` of the path names what the act is about.
fn of(part: &'static str) -> impl Fn(NotDone) -> Refused {
    move |why| match why {
        NotDone::Unknown(what) => Refused::unknown(part, what),
        NotDone::Wrong(field, what) => Refused::field(field, what),
        NotDone::Conflict(field, what) => Refused::conflict(field.unwrap_or(part), what),
        NotDone::Ledger(error) => error.into(),
    }
}

/// Notes that a key leaked. A scan is asked for, which judges that: a finding opens in every account that has the key, and stays
/// until the provider's refusal is proven.
#[utoipa::path(
    post,
    path = "/api/v1/credentials/{name}/compromised",
    tag = "work",
    params(("name" = CredentialName, Path, description = "its name")),
    request_body = LeakAsked,
    responses(
        (status = 200, description = "it is noted", body = LeakDone),
        (status = 409, description = "the date lies ahead, or the note could hold a key", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn note_leak(
    State(ops): State<Arc<Ops>>,
    Named(CredentialName(name)): Named<CredentialName>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
    Sent(asked): Sent<LeakAsked>,
) -> Result<Json<LeakDone>, Refused> {
    let (at, hand) = (asked.at.map(|Instant(at)| at), Hand { ops: &ops, visitor: &visitor });
    let noted = hand.leaked(&name, at, asked.note.as_deref()).await.map_err(of("name"))?;
    Ok(Json(LeakDone { credential: name, changed: noted.changed, compromised_at: noted.stands.map(|leak| leak.at) }))
}

/// Takes back the operator's word that a key leaked; what the platform says of it stays. The next scan judges that.
#[utoipa::path(
    delete,
    path = "/api/v1/credentials/{name}/compromised",
    tag = "work",
    params(("name" = CredentialName, Path, description = "its name")),
    responses((status = 200, description = "it is noted", body = LeakDone))
)]
pub(super) async fn take_leak_back(
    State(ops): State<Arc<Ops>>,
    Named(CredentialName(name)): Named<CredentialName>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
) -> Result<Json<LeakDone>, Refused> {
    let changed = Hand { ops: &ops, visitor: &visitor }.not_leaked(&name).await.map_err(of("name"))?;
    Ok(Json(LeakDone { credential: name, changed, compromised_at: None }))
}

/// Believes that what the last whole reading of a source no longer showed is gone, though it was so much that it was held
/// back. The next scan judges that.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{name}/accept",
    tag = "work",
    params(("name" = Text, Path, description = "its name in the configuration")),
    responses((status = 200, description = "it is believed", body = AcceptDone))
)]
pub(super) async fn accept_source(
    State(ops): State<Arc<Ops>>,
    Named(name): Named<Text>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
) -> Result<Json<AcceptDone>, Refused> {
    let source = name.into_string();
    let done = Hand { ops: &ops, visitor: &visitor }.accept(&source).await.map_err(of("name"))?;
    Ok(Json(AcceptDone { source, ended: done.connections, people: done.people }))
}

/// Believes a provider's refusals again, where it is blind. From the next scan on they count.
#[utoipa::path(
    post,
    path = "/api/v1/providers/{name}/trust",
    tag = "work",
    params(("name" = Text, Path, description = "its name in the catalogue")),
    request_body = TrustAsked,
    responses(
        (status = 200, description = "it is believed", body = TrustDone),
        (status = 409, description = "it is not blind there", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn trust_provider(
    State(ops): State<Arc<Ops>>,
    Named(name): Named<Text>,
    Extension(visitor): Extension<Visitor>,
    _: NoQuery,
    Sent(asked): Sent<TrustAsked>,
) -> Result<Json<TrustDone>, Refused> {
    let provider = ProviderName::new(name.as_str());
    let protocol = asked.protocol.as_ref().map(Text::as_str);
    let ended = Hand { ops: &ops, visitor: &visitor }.trust(&provider, protocol).await.map_err(of("name"))?;
    let trusted = ended.iter().map(|(scope, blind)| Trusted {
        endpoint: scope.to_string(),
        blind_since: blind.since,
        why: blind.why.sentence(),
    });
    Ok(Json(TrustDone { provider: provider.to_string(), trusted: trusted.collect() }))
}
