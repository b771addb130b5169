//! How long lists are, for those that are shown in part.

use super::outbox::MailState;
use crate::ledger::Ledger;
use crate::ledger::session::Bind;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// connections, deleted ones included
    Connections,
    /// credentials
    Credentials,
    /// findings, closed ones included
    Findings,
    /// findings that are not closed
    CurrentFindings,
    /// mails
    Mails,
    /// mails in this state
    MailsIn(MailState),
    /// scans
    Scans,
}

impl Ledger {
    /// How many there are. Walks an index: for the end of a list, not for each page.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn how_many(&self, of: Counted) -> Result<u64, LedgerError> {
        let (table, statement) = match of {
            Counted::Connections => ("connection", &CONNECTIONS),
            Counted::Credentials => ("credential", &CREDENTIALS),
            Counted::Findings => ("finding", &FINDINGS),
            Counted::CurrentFindings => ("finding", &CURRENT_FINDINGS),
            Counted::Mails => ("mail", &MAILS),
            Counted::MailsIn(_) => ("mail", &MAILS_IN),
            Counted::Scans => ("scan", &SCANS),
        };
        let binds: Vec<Bind> = match of {
            Counted::MailsIn(state) => vec![state.as_str().into()],
            _ => Vec::new(),
        };
        let counted: Vec<u64> = self.look("count a list").await?.rows(table, statement, binds).await?;
        Ok(counted.into_iter().sum())
    }
}

pub(in crate::ledger) const CONNECTIONS: Sql = sql!("SELECT " [list "count(*)"] " FROM connection");

pub(in crate::ledger) const CREDENTIALS: Sql = sql!("SELECT " [list "count(*)"] " FROM credential");

pub(in crate::ledger) const FINDINGS: Sql = sql!("SELECT " [list "count(*)"] " FROM finding");

pub(in crate::ledger) const CURRENT_FINDINGS: Sql =
    sql!("SELECT " [list "count(*)"] " FROM finding WHERE state || ' ' IN ('open ', 'exempt ')");

pub(in crate::ledger) const MAILS: Sql = sql!("SELECT " [list "count(*)"] " FROM mail");

pub(in crate::ledger) const MAILS_IN: Sql = sql!("SELECT " [list "count(*)"] " FROM mail WHERE state = $1");

pub(in crate::ledger) const SCANS: Sql = sql!("SELECT " [list "count(*)"] " FROM scan");
