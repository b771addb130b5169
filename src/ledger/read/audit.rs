//! What is known of the event log's chain.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Moment, when};
use crate::domain::time::Timestamp;
use crate::ledger::session::Session;
use crate::ledger::{Ledger, meta};
use crate::ports::LedgerError;

/// Where the ledger keeps the instant of the last look at the log's chain.
pub const LOG_AUDITED_AT: &str = "log_audited_at";

/// The event log's chain, as it was last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogOverview {
    /// the log was not as it was written
    pub broken: bool,
    /// when that was looked at
    #[serde(serialize_with = "when::maybe")]
    pub audited_at: Option<Timestamp>,
}

impl LogOverview {
    pub(super) async fn read(session: &mut Session) -> Result<Self, LedgerError> {
        let broken = session.text(&meta::GET, ["trouble.log".into()]).await?;
        let audited_at = session.text(&meta::GET, [LOG_AUDITED_AT.into()]).await?;
        let audited_at = audited_at.and_then(|at| at.parse().ok()).map(Timestamp::from_millis);
        Ok(Self { broken: broken.as_deref() == Some("1"), audited_at })
    }

    /// What whoever reads the log has to know first; `None` where nothing is known against it.
    pub fn warning(&self) -> Option<String> {
        let at = self.audited_at.map(|at| format!(" at {}", Timestamp::from_secs(at.as_secs()))).unwrap_or_default();
        let said =
            format!("the event log was found{at} not to be as it was written: `keysweep audit verify` says where");
        self.broken.then_some(said)
    }
}

impl Moment {
    /// What is known of the event log's chain.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn log_audit(&mut self) -> Result<LogOverview, LedgerError> {
        LogOverview::read(self.line("read what is known of the log")).await
    }
}

impl Ledger {
    /// What is known of the event log's chain.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn log_audit(&self) -> Result<LogOverview, LedgerError> {
        self.at_one_moment().await?.log_audit().await
    }
}
