//! What the template is given: words and numbers, decided here and only laid out there.

use serde::Serialize;

use super::About;
use super::estate::{Ages, Estate, Found};
use super::sight::{self, Panel, Verdict};
use super::words::{When, harmless_line};
use crate::domain::time::Timestamp;
use crate::ledger::read::{Overview, WorstFinding};
use crate::ports::health::HealthReport;
use crate::ports::notify::MailMode;

/// All that the page rests on, at one moment.
pub(super) struct Facts<'a> {
    pub(super) now: Timestamp,
    pub(super) about: &'a About,
    /// `None` before the first job
    pub(super) overview: Option<&'a Overview>,
    pub(super) health: &'a HealthReport,
    /// `None` where the ledger doesn't answer
    pub(super) ledger: Option<&'a LedgerFacts>,
    /// somebody has just asked for a scan
    pub(super) rung: bool,
}

/// What the ledger is asked for each page.
pub(super) struct LedgerFacts {
    pub(super) mode: MailMode,
    pub(super) worst: Vec<WorstFinding>,
}

/// The page.
#[derive(Serialize)]
pub(super) struct View {
    version: String,
    ledger: String,
    now: String,
    /// when the estate was last counted
    counted: Option<When>,
    rung: bool,
    verdict: Verdict,
    panels: Vec<Panel>,
    estate: Option<Estate>,
    ages: Option<Ages>,
    found: Option<Found>,
}

impl View {
    /// Everything in words.
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let panels = sight::panels(facts);
        Self {
            version: facts.about.version.clone(),
            ledger: harmless_line(&facts.about.ledger),
            now: facts.now.to_datetime().format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            counted: facts.overview.map(|overview| When::of(overview.at, facts.now)),
            rung: facts.rung,
            verdict: Verdict::over(&panels),
            estate: facts.overview.map(|overview| Estate::of(overview, facts)),
            ages: facts.overview.map(|overview| Ages::of(overview, facts.now)),
            found: facts.overview.map(|overview| Found::of(overview, facts)),
            panels,
        }
    }
}
