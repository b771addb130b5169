//! Whose findings a report is about, as somebody named them.

use super::cases::About;
use crate::domain::ids::ConnectionId;
use crate::ledger::Ledger;
use crate::ledger::read::{AccountName, ConnectionFilter};
use crate::ports::LedgerError;

/// Why nobody is meant by what was named, or several are. A report of nothing looks clean, so there is none of those.
#[derive(Debug, thiserror::Error)]
pub enum WhomError {
    /// the ledger
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// there is no such source
    #[error("there is no source {0:?} in the ledger; sources are the names of [[inventory]]")]
    NoSource(String),
    /// there is no such account
    #[error("there is no account {0:?} in the ledger; ids are the platform's own")]
    NoAccount(String),
    /// there is, in other sources
    #[error("the source {source_name:?} has no account {id:?}; these have: {known}")]
    Elsewhere {
        /// the source that was named
        source_name: String,
        /// the account
        id: String,
        /// the sources that have it
        known: String,
    },
    /// there is, in more than one source
    #[error("several sources have an account {id:?}, and a report is about one alone; name its source: {known}")]
    Several {
        /// the account
        id: String,
        /// the sources that have it
        known: String,
    },
}

/// Finds out who is meant by an account, a source, or both; everybody where neither is named. `is_set` knows the sources of
/// the configuration, of which the ledger may have nothing yet.
///
/// # Errors
/// [`WhomError`].
pub async fn about_whom(
    ledger: &Ledger,
    is_set: impl Fn(&str) -> bool + Send,
    account: Option<String>,
    source: Option<String>,
) -> Result<About, WhomError> {
    let Some(id) = account else {
        let Some(source) = source else { return Ok(About::All) };
        let known = is_set(&source);
        let filter = ConnectionFilter { source: Some(source.clone()), ..ConnectionFilter::default() };
        if known || !ledger.connections(&filter, ConnectionId(0), 1).await?.is_empty() {
            return Ok(About::Source(source));
        }
        return Err(WhomError::NoSource(source));
    };
    let mut sources = ledger.sources_of_account(&id).await?;
    let known = sources.join(", ");
    sources.retain(|known| source.as_ref().is_none_or(|wanted| wanted == known));
    match (sources.pop(), sources.is_empty()) {
        (Some(source), true) => Ok(About::Account(AccountName { source, id })),
        (Some(_), false) => Err(WhomError::Several { id, known }),
        (None, _) if known.is_empty() => Err(WhomError::NoAccount(id)),
        (None, _) => Err(WhomError::Elsewhere { source_name: source.unwrap_or_default(), id, known }),
    }
}
