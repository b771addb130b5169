//! What every page rests on.

use super::About;
use crate::domain::time::Timestamp;
use crate::ledger::read::Overview;
use crate::ports::activation::Job;
use crate::ports::health::HealthReport;
use crate::ports::notify::MailMode;

/// All that is known without asking the ledger for a list, at one moment.
pub(super) struct Facts<'a> {
    pub(super) now: Timestamp,
    pub(super) about: &'a About,
    /// `None` until the estate was first counted; of a great one that takes a while after each start
    pub(super) overview: Option<&'a Overview>,
    pub(super) health: &'a HealthReport,
    /// whether mail may leave; `None` where the ledger doesn't answer
    pub(super) mode: Option<MailMode>,
}

impl Facts<'_> {
    /// True while nothing is known of the estate for want of a count alone: there may have been a thousand scans.
    pub(super) fn is_being_counted(&self) -> bool {
        let never_scanned = self.health.jobs.get(&Job::Scan).is_some_and(|scan| scan.last_run.is_none());
        self.overview.is_none() && !never_scanned
    }
}
