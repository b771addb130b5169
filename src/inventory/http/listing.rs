//! One list, from its first page to the proof that it was read whole.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::door::{Answer, Door};
use super::page::{Page, Shape};
use super::paging::{Paging, Way};
use super::row::{List, Mapping, cells};
use super::{HttpList, shown};
use crate::domain::record::Row;
use crate::domain::time::Timestamp;
use crate::inventory::lane::{Build, Remarks};
use crate::ports::SourceError;

/// How long may be waited for one list, all its pages together.
const MOST_WAITING: Duration = Duration::from_secs(15 * 60);

/// A list that is being read. Only one page of it is ever in memory.
pub(super) struct Listing {
    door: Arc<Door>,
    list: List,
    mapping: Option<Mapping>,
    shape: Arc<Shape>,
    way: Way,
    place: String,
    now: Timestamp,
    state: State,
    page: Option<Page>,
    rows: u64,
    total: Option<u64>,
    /// what the first page says of it, where the setting asks for it
    counted: Counted,
    /// a bit for each field that some row had
    met: u32,
    next_was_said: bool,
    remarks: Remarks,
    left: Duration,
}

/// The settings by which a list is seen to be whole.
#[derive(Clone, Copy)]
struct Counted {
    rows: bool,
    pages: bool,
}

enum State {
    /// the rows of the page that is held, then the page at this address
    Reading(Option<Url>),
    Ended,
    /// it failed; the error waits for the next call, unless it was told
    Failed(Option<SourceError>),
}

impl Listing {
    pub(super) fn new(door: Arc<Door>, list: List, http: &HttpList, paging: &Paging, now: Timestamp) -> Self {
        let shape = Shape::new(http.rows.clone(), paging.next().cloned(), http.total.clone(), paging.pages().cloned());
        let way = Way::new(paging.clone(), http.url.clone());
        Self {
            door,
            list,
            mapping: http.fields.clone(),
            shape: Arc::new(shape),
            place: shown(&http.url),
            now,
            state: State::Reading(Some(way.first())),
            way,
            page: None,
            rows: 0,
            total: None,
            counted: Counted { rows: http.total.is_some(), pages: paging.pages().is_some() },
            met: 0,
            next_was_said: paging.next().is_none(),
            remarks: Remarks::default(),
            left: MOST_WAITING,
        }
    }

    /// The next rows, at most `limit`. Rows that were read before a failure are handed on first; the next call then
    /// fails. An empty batch means that the list was read whole.
    pub(super) async fn batch<T>(&mut self, limit: usize, build: Build<T>) -> Result<Vec<Row<T>>, SourceError> {
        let mut rows = Vec::new();
        while rows.len() < limit.max(1) && matches!(self.state, State::Reading(_)) {
            match self.row(build) {
                Some(row) => rows.push(row),
                None => self.go_on().await,
            }
        }
        match &mut self.state {
            State::Failed(error) if rows.is_empty() => Err(match error.take() {
                Some(error) => error,
                None => self.failed("could not be read to its end; it will be read again at the next scan".to_owned()),
            }),
            State::Reading(_) | State::Ended | State::Failed(_) => Ok(rows),
        }
    }

    /// Remarks made so far.
    pub(super) fn remarks(&self) -> &[String] {
        &self.remarks.list
    }

    fn row<T>(&mut self, build: Build<T>) -> Option<Row<T>> {
        let text = self.page.as_mut()?.row()?;
        self.rows += 1;
        let contract = self.list.contract();
        let mut dropped = Vec::new();
        let (id, account, record) = match cells(text, contract, self.mapping.as_ref(), &mut self.remarks, &mut self.met)
        {
            Ok(cells) => (cells.row_id(), cells.row_account(), build(cells, self.now, &mut dropped)),
            Err(bad) => (bad.id, None, Err(bad.problem)),
        };
        Some(Row { row: self.rows, id, account, record, dropped })
    }

    /// Behind the last row of the page that is held.
    async fn go_on(&mut self) {
        let State::Reading(next) = &self.state else { return };
        let went = match next.clone() {
            Some(url) => self.turn(&url).await.map(State::Reading),
            None => self.end().map(|()| State::Ended),
        };
        self.state = went.unwrap_or_else(|error| State::Failed(Some(error)));
    }

    /// To the page at this address. Returns the address of the one after it.
    async fn turn(&mut self, url: &Url) -> Result<Option<Url>, SourceError> {
        self.page = None; // before the next one comes: only one is held
        let asked = self.door.page(url, &self.shape, &mut self.left).await;
        let Answer { page, link } = asked.map_err(|what| self.failed(what))?;
        let around = &page.around;
        self.next_was_said |= around.next_is_said;
        if differs(self.total, around.total) || differs(self.way.said, around.pages) {
            return Err(SourceError::Changed { place: self.place.clone() });
        }
        self.total = self.total.or(around.total);
        if self.way.pages == 0 {
            let absent = [
                (self.counted.rows && around.total.is_none(), "total"),
                (self.counted.pages && around.pages.is_none(), "pages"),
            ];
            if let Some((_, key)) = absent.into_iter().find(|(is_absent, _)| *is_absent) {
                return Err(self.failed(format!("its first answer has no number at `{key}`; correct it")));
            }
        }
        let after = self.way.after(url, around, link.as_deref()).map_err(|what| self.failed(what))?;
        self.page = Some(page);
        Ok(after)
    }

    /// Behind the last page.
    fn end(&mut self) -> Result<(), SourceError> {
        if let Some(total) = self.total.filter(|total| *total != self.rows) {
            let rows = self.rows;
            return Err(self
                .failed(format!("it says that there are {total} rows, and {rows} came; check `paging` and `total`")));
        }
        if !self.next_was_said {
            self.remarks.list.push(
                "no answer says anything at `next`, so only the first page was read; check the pointer".to_owned(),
            );
        }
        if let (Some(mapping), true) = (&self.mapping, self.rows > 0) {
            self.remarks.list.extend(mapping.unmet(self.list.contract(), self.met));
        }
        Ok(())
    }

    /// What stopped the reading, and after which page.
    fn failed(&self, what: String) -> SourceError {
        let place = self.place.clone();
        match self.way.pages {
            0 => SourceError::Failed { place, what },
            pages => SourceError::CutShort { place, row: self.rows + 1, what: format!("after page {pages} {what}") },
        }
    }
}

/// True where two pages say different numbers of the whole list: then it is not the same list any more.
fn differs(before: Option<u64>, now: Option<u64>) -> bool {
    before.is_some_and(|before| now.is_some_and(|now| before != now))
}
