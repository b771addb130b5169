//! Scans, the event log, and what is wrong with the inventory.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::moment::Moment;
use super::outbox::without_addresses;
use super::overview::{self, SourceOverview};
use super::paging::{Cursor, Page};
use super::when;
use crate::domain::ids::ScanId;
use crate::domain::record::Quarantined;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::packed::{pack, size};
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// One scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScanRow {
    /// the ledger's number
    pub id: ScanId,
    /// when it began
    #[serde(serialize_with = "when::text")]
    pub started_at: Timestamp,
    /// when it ended; `None` while it runs or where it was killed
    #[serde(serialize_with = "when::maybe")]
    pub finished_at: Option<Timestamp>,
    /// how it ended, in one word
    pub outcome: Option<String>,
    /// what it counted
    #[schema(value_type = BTreeMap<String, Value>)]
    pub counts: Value,
}

/// A scan with what it read and what it met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScanDetail {
    /// the scan
    pub scan: ScanRow,
    /// the sources that it read: `name`, whether the reading was `complete`, why not, and what it counted
    pub sources: Vec<Value>,
    /// what the operator was to know, in sentences
    pub problems: Vec<Value>,
}

/// What stands beside the numbers in a scan's counts, and is no count.
pub const SCAN_SOURCES: &str = "sources";
/// Likewise.
pub const SCAN_PROBLEMS: &str = "problems";

/// An entry of the event log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventRow {
    /// its number: the log's order
    pub id: i64,
    /// when it happened
    #[serde(serialize_with = "when::text")]
    pub at: Timestamp,
    /// what happened, as `noun.verb`
    pub kind: String,
    /// what it happened to, as `noun:number`
    pub subject: String,
    /// the facts
    #[schema(value_type = BTreeMap<String, Value>)]
    pub data: Map<String, Value>,
}

/// Something that is wrong with a source, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemRow {
    /// the source
    pub source: String,
    /// what is wrong, and what to do
    pub problem: String,
}

impl Ledger {
    /// The latest scans, latest first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn scans(&self, limit: usize) -> Result<Vec<ScanRow>, LedgerError> {
        self.scan_rows(i64::MAX, limit).await
    }

    /// A page of at most `limit` scans before a number, the latest first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn scans_page(&self, before: ScanId, limit: usize) -> Result<Page<ScanRow>, LedgerError> {
        let rows = self.scan_rows(before.0, limit.saturating_add(1)).await?;
        Ok(Page::of(rows, limit, |row| Cursor::Latest(row.id.0)))
    }

    /// Of each of these spans the last scan that was begun in it and has counted what it left, the latest first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn counted_scans(&self, spans: &[(Timestamp, Timestamp)]) -> Result<Vec<ScanRow>, LedgerError> {
        self.look("list scans that have counted").await?.rows("scan", &COUNTED_SCANS, [pack(spans)?.into()]).await
    }

    /// The scan of that number, with what it read and what it met; `None` where there is none. Of one that is not at its
    /// end nothing of that is known.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn scan(&self, id: ScanId) -> Result<Option<ScanDetail>, LedgerError> {
        let found = self.scan_details(id.0.saturating_add(1), 1).await?.pop();
        Ok(found.filter(|detail| detail.scan.id == id))
    }

    async fn scan_rows(&self, before: i64, limit: usize) -> Result<Vec<ScanRow>, LedgerError> {
        Ok(self.scan_details(before, limit).await?.into_iter().map(|detail| detail.scan).collect())
    }

    async fn scan_details(&self, before: i64, limit: usize) -> Result<Vec<ScanDetail>, LedgerError> {
        let page = [size(limit).into(), before.into()];
        let rows: Vec<ScanRow> = self.look("list scans").await?.rows("scan", &SCANS, page).await?;
        Ok(rows.into_iter().map(ScanDetail::of).collect())
    }

    /// A page of what happened to these subjects (`finding:3`, `connection:1`), in the order of the log.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn timeline(&self, subjects: &[String], after: i64, limit: usize) -> Result<Vec<EventRow>, LedgerError> {
        let page = [pack(subjects)?.into(), after.into(), size(limit).into()];
        self.look("read the event log").await?.rows("event", &TIMELINE, page).await
    }

    /// A page of the whole event log, in its order.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn events(&self, after: i64, limit: usize) -> Result<Vec<EventRow>, LedgerError> {
        self.look("read the event log").await?.rows("event", &EVENTS, [after.into(), size(limit).into()]).await
    }

    /// A page of at most `limit` entries of the event log behind a place in it, onward or back: all of them, or those on one
    /// subject (`finding:3`).
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn events_page(
        &self,
        subject: Option<&str>,
        from: Cursor,
        limit: usize,
    ) -> Result<Page<EventRow>, LedgerError> {
        let (is_back, at) = match from {
            Cursor::Latest(before) => (true, before),
            Cursor::Number(id) | Cursor::Worst { id, .. } | Cursor::Newest { id, .. } => (false, id),
        };
        let place: fn(&EventRow) -> Cursor =
            if is_back { |row| Cursor::Latest(row.id) } else { |row| Cursor::Number(row.id) };
        let statement = match (subject, is_back) {
            (None, false) => &EVENTS,
            (None, true) => &EVENTS_BACK,
            (Some(_), false) => &EVENTS_ON,
            (Some(_), true) => &EVENTS_ON_BACK,
        };
        let page = [at.into(), size(limit.saturating_add(1)).into()];
        let page = page.into_iter().chain(subject.map(Into::into));
        let rows = self.look("read the event log").await?.rows("event", statement, page).await?;
        Ok(Page::of(rows, limit, place))
    }

    /// Rows that the last reading of this source, or of each, set aside, by source and row. Counted in full by
    /// [`super::Counts`].
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn quarantined(&self, source: Option<&str>, limit: usize) -> Result<Vec<Quarantined>, LedgerError> {
        let mut line = self.look("list quarantined rows").await?;
        let packed: Vec<(String, u64, String, String)> =
            line.rows("quarantine", &QUARANTINED, [size(limit).into(), source.into()]).await?;
        // What was set aside before wrong values were shown without addresses may still be there.
        let unpacked = packed.into_iter().map(|(source, row, field, reason)| {
            let reason = without_addresses(&reason);
            Quarantined { source, row, field, reason }
        });
        Ok(unpacked.collect())
    }

    /// The sources that were ever read, by name, as their last readings left them.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn sources(&self) -> Result<Vec<SourceOverview>, LedgerError> {
        self.look("list sources").await?.rows("source", &overview::SOURCES, []).await
    }

    /// What is wrong with the sources: readings that failed, what is held back, and remarks.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn problems(&self) -> Result<Vec<ProblemRow>, LedgerError> {
        let mut line = self.look("read what is wrong with the sources").await?;
        let sources: Vec<SourceRow> = line.rows("source", &SOURCES, []).await?;
        Ok(sources.iter().flat_map(SourceRow::problems).collect())
    }
}

impl Moment {
    /// A page of what happened to these subjects before an entry of the log, the latest first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn timeline_back(
        &mut self,
        subjects: &[String],
        before: i64,
        limit: usize,
    ) -> Result<Vec<EventRow>, LedgerError> {
        let page = [pack(subjects)?.into(), before.into(), size(limit).into()];
        self.line("read the event log").rows("event", &TIMELINE_BACK, page).await
    }
}

impl ScanDetail {
    fn of(mut scan: ScanRow) -> Self {
        let mut list = |name: &str| match scan.counts.as_object_mut().and_then(|counts| counts.remove(name)) {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        };
        let (sources, problems) = (list(SCAN_SOURCES), list(SCAN_PROBLEMS));
        Self { scan, sources, problems }
    }
}

#[derive(Deserialize)]
struct SourceRow {
    name: String,
    error: Option<String>,
    held_back: u64,
    held_back_people: u64,
    remarks: Vec<String>,
}

impl SourceRow {
    fn problems(&self) -> Vec<ProblemRow> {
        let mut sentences = Vec::new();
        if let Some(error) = &self.error {
            sentences
                .push(format!("the last reading was not complete, and nothing follows from what it lacked: {error}"));
        }
        for (count, what) in [(self.held_back, "connections"), (self.held_back_people, "people")] {
            if count > 0 {
                sentences.push(format!(
                    "{count} {what} are gone at once and held back: if they are meant to be gone, accept that on the page \
                     under Sources, or with `keysweep inventory accept {}` while no daemon runs",
                    self.name
                ));
            }
        }
        sentences.extend(self.remarks.iter().cloned());
        sentences.into_iter().map(|problem| ProblemRow { source: self.name.clone(), problem }).collect()
    }
}

pub(in crate::ledger) const SCANS: Sql = sql!(
    "SELECT " [page by "id DESC": "id, started_at, finished_at, outcome, " [json "counts"]] "
     FROM (SELECT * FROM scan WHERE id < $2 ORDER BY id DESC LIMIT $1) AS latest"
);

pub(in crate::ledger) const COUNTED_SCANS: Sql = sql!(
    "SELECT " [page by "s.id DESC": "s.id, s.started_at, s.finished_at, s.outcome, " [json "s.counts"]] "
     FROM " [tuples "$1" v (0 begins bigint, 1 ends bigint)] "
     JOIN scan AS s ON s.id = (SELECT x.id FROM scan AS x
                               WHERE x.started_at >= v.begins AND x.started_at < v.ends
                                 AND (" ["x.counts" | "x.counts::json"] " ->> 'left_behind') IS NOT NULL
                               ORDER BY x.started_at DESC, x.id DESC LIMIT 1)"
);

pub(in crate::ledger) const TIMELINE: Sql = sql!(
    "SELECT " [page "id, at, kind, subject, " [json "data"]] "
     FROM (SELECT * FROM event WHERE subject IN " [within "$1" text] " AND id > $2 ORDER BY id LIMIT $3) AS told"
);

pub(in crate::ledger) const TIMELINE_BACK: Sql = sql!(
    "SELECT " [page by "id DESC": "id, at, kind, subject, " [json "data"]] "
     FROM (SELECT * FROM event WHERE subject IN " [within "$1" text] " AND id < $2 ORDER BY id DESC LIMIT $3) AS told"
);

pub(in crate::ledger) const EVENTS: Sql = sql!(
    "SELECT " [page "id, at, kind, subject, " [json "data"]] "
     FROM (SELECT * FROM event WHERE id > $1 ORDER BY id LIMIT $2) AS page"
);

pub(in crate::ledger) const EVENTS_BACK: Sql = sql!(
    "SELECT " [page by "id DESC": "id, at, kind, subject, " [json "data"]] "
     FROM (SELECT * FROM event WHERE id < $1 ORDER BY id DESC LIMIT $2) AS page"
);

/// Those on one subject are an index's own order, so that a page reads no more of them than it has.
pub(in crate::ledger) const EVENTS_ON: Sql = sql!(
    "SELECT " [page by "id": "id, at, kind, subject, " [json "data"]] "
     FROM (SELECT * FROM event WHERE subject = $3 AND id > $1 ORDER BY id LIMIT $2) AS page"
);

pub(in crate::ledger) const EVENTS_ON_BACK: Sql = sql!(
    "SELECT " [page by "id DESC": "id, at, kind, subject, " [json "data"]] "
     FROM (SELECT * FROM event WHERE subject = $3 AND id < $1 ORDER BY id DESC LIMIT $2) AS page"
);

pub(in crate::ledger) const QUARANTINED: Sql = sql!(
    "SELECT " [page "name, row_number, field, reason"] "
     FROM (SELECT s.name, q.row_number, q.field, q.reason
           FROM source AS s CROSS JOIN quarantine AS q
           WHERE q.source_id = s.id AND ($2 IS NULL OR s.name = $2)
           ORDER BY s.name, q.row_number, q.field LIMIT $1) AS aside"
);

pub(in crate::ledger) const SOURCES: Sql = sql!(
    "SELECT " [page "name, last_error, held_back, held_back_people, " [json "remarks"]] "
     FROM (SELECT * FROM source WHERE id > 0 ORDER BY name) AS sources"
);
