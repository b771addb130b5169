//! Names that a list is narrowed to. One that nobody has is refused: an empty list would look like a clean estate. So is one that
//! several have: whoever asks for one is not to be told of another.

use super::query::{Number, Text};
use super::refused::Refused;
use super::subject::Subject;
use crate::domain::ids::{ConnectionId, FindingId, ProviderName};
use crate::http::known::{is_provider, is_source};
use crate::http::ops::Ops;
use crate::ledger::read::{ConnectionFilter, FindingFilter, Longer, Meant};
use crate::ports::LedgerError;

/// The provider of this name: of the catalogue, or of the ledger.
///
/// # Errors
/// Where neither has it.
pub(super) fn provider(ops: &Ops, asked: Option<Text>) -> Result<Option<ProviderName>, Refused> {
    let Some(name) = asked.map(|name| ProviderName::new(name.as_str())) else { return Ok(None) };
    if is_provider(&ops.shown.about(), ops.shown.overview().as_deref(), &name) {
        return Ok(Some(name));
    }
    Err(Refused::unknown("provider", "there is no provider of this name; /api/v1/providers has those that there are"))
}

/// The source of this name: of the configuration, or one that was read once.
///
/// # Errors
/// Where neither is there, and where the ledger doesn't answer.
pub(super) async fn source(ops: &Ops, asked: Option<Text>) -> Result<Option<String>, Refused> {
    let Some(name) = asked.map(Text::into_string) else { return Ok(None) };
    if is_source(&ops.shown.about(), &ops.ledger, &name).await? {
        return Ok(Some(name));
    }
    Err(Refused::unknown("source", "there is no source of this name; /api/v1/sources has those that there are"))
}

/// The account of this id on the platform, in whatever source.
///
/// # Errors
/// Where nobody has it, and where the ledger doesn't answer.
pub(super) async fn account(ops: &Ops, asked: Option<Text>) -> Result<Option<String>, Refused> {
    let Some(id) = asked.map(Text::into_string) else { return Ok(None) };
    if ops.ledger.sources_of_account(&id).await?.is_empty() {
        return Err(Refused::unknown("account", "there is no account of this id"));
    }
    Ok(Some(id))
}

/// The connection of this number.
///
/// # Errors
/// Where there is none, and where the ledger doesn't answer.
pub(super) async fn connection(ops: &Ops, asked: Option<Number>) -> Result<Option<ConnectionId>, Refused> {
    let Some(id) = asked.map(|Number(number)| ConnectionId(number)) else { return Ok(None) };
    if is_connection(ops, id).await? {
        return Ok(Some(id));
    }
    Err(Refused::unknown("connection", format!("there is no connection of the number {id}")))
}

async fn is_connection(ops: &Ops, id: ConnectionId) -> Result<bool, LedgerError> {
    let next = ops.ledger.connections(&ConnectionFilter::default(), ConnectionId(id.0 - 1), 1).await?;
    Ok(next.first().is_some_and(|row| row.id == id))
}

async fn is_finding(ops: &Ops, id: FindingId) -> Result<bool, LedgerError> {
    let next = ops.ledger.findings(&FindingFilter::default(), FindingId(id.0 - 1), 1).await?;
    Ok(next.first().is_some_and(|row| row.id == id))
}

/// What the log calls this subject.
///
/// # Errors
/// Where there is no credential of this name, or several are; and where the ledger doesn't answer.
pub(super) async fn subject(ops: &Ops, asked: Option<Subject>) -> Result<Option<String>, Refused> {
    Ok(match asked {
        None => None,
        Some(Subject::Logged(subject)) => Some(subject),
        Some(Subject::Credential(name)) => {
            let meant = ops.ledger.at_one_moment().await?.credential_number(&name).await?;
            Some(format!("credential:{}", credential("subject", &name, meant)?))
        }
    })
}

/// Refuses a subject, as the log calls it, that nobody has: one of which the log has nothing is not always that.
///
/// # Errors
/// Where there is no such thing, and where the ledger doesn't answer.
pub(super) async fn is_there(ops: &Ops, subject: &str) -> Result<(), Refused> {
    let (kind, name) = subject.split_once(':').unwrap_or_default();
    let number = name.parse().unwrap_or_default();
    let known = match kind {
        "connection" => is_connection(ops, ConnectionId(number)).await?,
        "finding" => is_finding(ops, FindingId(number)).await?,
        "provider" => is_provider(&ops.shown.about(), ops.shown.overview().as_deref(), &ProviderName::new(name)),
        "source" => is_source(&ops.shown.about(), &ops.ledger, name).await?,
        _ => true,
    };
    let what = || Refused::unknown("subject", format!("there is no {kind} of this name, and nothing of it in the log"));
    known.then_some(()).ok_or_else(what)
}

/// The credential that `field` names.
///
/// # Errors
/// Where the ledger has none of this name, and where it has several, with longer names for them.
pub(super) fn credential<T>(field: &str, name: &str, meant: Meant<T>) -> Result<T, Refused> {
    match meant {
        Meant::One(one) => Ok(one),
        Meant::Nothing => Err(Refused::unknown(field, format!("no credential ends in {name}"))),
        Meant::Several(several) => Err(Refused::conflict(field, Longer::ask(name, &several))),
    }
}
