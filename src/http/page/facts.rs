//! What every page rests on.

use super::About;
use crate::domain::time::Timestamp;
use crate::ledger::read::Overview;
use crate::ports::health::HealthReport;
use crate::ports::notify::MailMode;

/// All that is known without asking the ledger for a list, at one moment.
pub(super) struct Facts<'a> {
    pub(super) now: Timestamp,
    pub(super) about: &'a About,
    /// `None` before the first job
    pub(super) overview: Option<&'a Overview>,
    pub(super) health: &'a HealthReport,
    /// whether mail may leave; `None` where the ledger doesn't answer
    pub(super) mode: Option<MailMode>,
}
