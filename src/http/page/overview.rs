//! The first page: can keysweep see, what is open, what the estate is like, and where that has been going.

use serde::Serialize;

use super::estate::{Ages, Estate, Found};
use super::frame::{Ask, Section, in_time, page};
use super::query::Query;
use super::sight::{self, Panel, Verdict};
use super::trend::{self, Trend};
use super::trouble::Trouble;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::read::{Cursor, FindingFilter, FindingRow, FindingState, Order, ScanRow};

/// Findings that are listed here; their own list has the others.
const WORST: usize = 10;

/// The field of who has just asked for a scan.
const RUNG: &str = "rung";

/// What the ledger is asked for the first page.
pub(super) struct Lists {
    pub(super) worst: Vec<FindingRow>,
    pub(super) scans: Vec<ScanRow>,
}

/// The page.
#[derive(Serialize)]
pub(super) struct Overview {
    rung: bool,
    verdict: Verdict,
    panels: Vec<Panel>,
    /// why there is no estate
    uncounted: &'static str,
    estate: Option<Estate>,
    ages: Option<Ages>,
    found: Option<Found>,
    trend: Option<Trend>,
}

impl Overview {
    /// Everything in words; `lists` is `None` where the ledger doesn't answer.
    pub(super) fn of(facts: &super::facts::Facts<'_>, lists: Option<&Lists>, rung: bool) -> Self {
        let panels = sight::panels(facts);
        let uncounted = match facts.is_being_counted() {
            true => "The estate is being counted. The page fills once that is done.",
            false => "Nothing has been counted yet. The page fills once the first scan is done.",
        };
        Self {
            rung,
            uncounted,
            verdict: Verdict::over(&panels),
            estate: facts.overview.map(|overview| Estate::of(overview, facts)),
            ages: facts.overview.map(|overview| Ages::of(overview, facts.now)),
            found: facts.overview.map(|overview| Found::of(overview, facts, lists.map(|lists| lists.worst.as_slice()))),
            trend: lists.and_then(|lists| Trend::of(&lists.scans, facts.now)),
            panels,
        }
    }
}

/// The first page as an answer: without lists where the ledger doesn't give them, which the page then says.
///
/// # Errors
/// Where a field is given that there isn't.
pub(super) async fn answer(ask: &Ask) -> Result<axum::response::Response, Trouble> {
    Query::read(ask.query.as_deref(), &[RUNG])?;
    let rung = ask.query.as_deref() == Some(RUNG);
    let lists = match in_time(lists(&ask.ledger, ask.scene.now)).await {
        Ok(lists) => Some(lists),
        Err(trouble) => {
            tracing::warn!(?trouble, "the first page is shown without its lists");
            None
        }
    };
    let view = Overview::of(&ask.scene.facts(), lists.as_ref(), rung);
    Ok(page(ask.scene.written("overview.html", Section::Overview, "Overview", &view)?))
}

async fn lists(ledger: &Ledger, now: Timestamp) -> Result<Lists, Trouble> {
    let open = FindingFilter { state: Some(FindingState::Open), ..FindingFilter::default() };
    let worst = ledger.findings_page(&open, Cursor::start(Order::Worst), WORST).await?.rows;
    let days = ledger.counted_scans(&trend::last_days(now)).await?;
    let scans = match trend::are_few(&days) {
        true => ledger.counted_scans(&trend::last_hours(now)).await?,
        false => days,
    };
    Ok(Lists { worst, scans })
}
