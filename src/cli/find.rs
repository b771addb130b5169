//! What an id on the command line names.

use super::CliError;
use super::lists::find_connections;
use crate::ledger::read::{ConnectionDetail, CredentialDetail, FindingDetail, Longer, Meant, Moment, parse_finding};

/// What was found.
pub enum Found {
    /// `F12`
    Finding(Box<FindingDetail>),
    /// the platform's id, or `SOURCE/ID`: at least one, and one for each source that has it
    Connections(Vec<ConnectionDetail>),
    /// the last digits of a fingerprint
    Credential(Box<CredentialDetail>),
}

/// The one connection that an id names.
///
/// # Errors
/// Where several sources have one of that id; it names them.
pub fn the_one<'a>(id: &str, connections: &'a [ConnectionDetail]) -> Result<&'a ConnectionDetail, CliError> {
    if let [one] = connections {
        return Ok(one);
    }
    let names = connections.iter().map(|c| format!("{}/{}", c.connection.source, c.connection.connection_id));
    let names = names.collect::<Vec<_>>().join(", ");
    Err(CliError::Other(format!("several sources have a connection {id:?}: say which of {names}")))
}

/// Finds what `id` names: a finding, else connections, else a credential.
///
/// # Errors
/// Where there is nothing of that name, or the ledger fails.
pub async fn find(moment: &mut Moment, id: &str) -> Result<Found, CliError> {
    if let Some(number) = parse_finding(id)
        && let Some(detail) = moment.finding(number).await?
    {
        return Ok(Found::Finding(Box::new(detail)));
    }
    let connections = find_connections(moment, id).await?;
    if !connections.is_empty() {
        return Ok(Found::Connections(connections));
    }
    match moment.credential(id).await? {
        Meant::One(detail) => Ok(Found::Credential(Box::new(detail))),
        Meant::Several(several) => Err(CliError::Other(Longer::ask(id, &several))),
        Meant::Nothing => Err(CliError::Other(format!(
            "nothing is called {id:?}: give a finding (F12), a connection's id, or the last 12 digits of a credential, or more"
        ))),
    }
}
