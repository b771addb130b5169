//! Names that a list is narrowed to. One that nobody has is refused: an empty list would look like a clean estate. So is one that
//! several have: whoever asks for one is not to be told of another.

use super::query::{Number, Text};
use super::refused::Refused;
use super::subject::{Logged, Subject};
use crate::domain::ids::{ConnectionId, ProviderName};
use crate::http::known::{is_provider, is_source};
use crate::http::ops::Ops;
use crate::ledger::read::{ConnectionFilter, Longer, Meant};

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

/// The connection of this id on the platform, in whatever source.
///
/// # Errors
/// Where there is none, and where the ledger doesn't answer.
pub(super) async fn connection_id(ops: &Ops, asked: Option<Text>) -> Result<Option<String>, Refused> {
    let Some(id) = asked.map(Text::into_string) else { return Ok(None) };
    let of_it = ConnectionFilter { connection_id: Some(id.clone()), ..ConnectionFilter::default() };
    if ops.ledger.connections(&of_it, ConnectionId(0), 1).await?.is_empty() {
        return Err(Refused::unknown("connection_id", "there is no connection of this id"));
    }
    Ok(Some(id))
}

/// The connection of this number.
///
/// # Errors
/// Where there is none, and where the ledger doesn't answer.
pub(super) async fn connection(ops: &Ops, asked: Option<Number>) -> Result<Option<ConnectionId>, Refused> {
    let Some(id) = asked.map(|Number(number)| ConnectionId(number)) else { return Ok(None) };
    match ops.ledger.connection_by_id(id).await? {
        Some(_) => Ok(Some(id)),
        None => Err(Refused::unknown("connection", format!("there is no connection of the number {id}"))),
    }
}

/// What the log calls this subject.
///
/// # Errors
/// Where there is no connection or credential of this name, or several credentials are; and where the ledger doesn't answer.
pub(super) async fn subject(ops: &Ops, asked: Option<Subject>) -> Result<Option<Logged>, Refused> {
    Ok(match asked {
        None => None,
        Some(Subject::Logged(subject)) => Some(subject),
        Some(Subject::Connection(source, id)) => {
            let found = ops.ledger.connection(Some(&source), &id).await?.pop();
            let what = || Refused::unknown("subject", format!("there is no connection {source}/{id}"));
            Some(Logged::Connection(found.ok_or_else(what)?.connection.id))
        }
        Some(Subject::Credential(name)) => {
            let meant = ops.ledger.at_one_moment().await?.credential_number(&name).await?;
            Some(Logged::Credential(credential("subject", &name, meant)?))
        }
    })
}

/// Refuses a subject that nobody has: one of which the log has nothing is not always that.
///
/// # Errors
/// Where there is no such thing, and where the ledger doesn't answer.
pub(super) async fn is_there(ops: &Ops, subject: &Logged) -> Result<(), Refused> {
    let known = match subject {
        Logged::Connection(id) => ops.ledger.connection_by_id(*id).await?.is_some(),
        Logged::Finding(id) => ops.ledger.finding(*id).await?.is_some(),
        Logged::Provider(name) => is_provider(&ops.shown.about(), ops.shown.overview().as_deref(), name),
        Logged::Source(name) => is_source(&ops.shown.about(), &ops.ledger, name).await?,
        Logged::Credential(_) | Logged::Other(..) => true,
    };
    let what = || Refused::unknown("subject", format!("there is no {subject}, and the log has nothing of it"));
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
