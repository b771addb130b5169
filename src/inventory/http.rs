//! A source of one or two lists that a platform's own interface gives as JSON over HTTP, read as one snapshot.
//!
//! No redirects, no proxies, no cookies, nothing packed; no page on another server than the first. An answer is looked
//! through as a whole before its first row is handed on, and a list that did not come to its end implies nothing.

mod door;
mod listing;
mod page;
mod paging;
mod pointer;
mod row;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

pub use self::door::LARGEST_PAGE;
use self::door::{Door, DoorParts};
use self::listing::Listing;
use self::page::{Page, Shape};
pub use self::paging::Paging;
pub use self::pointer::Pointer;
pub use self::row::{List, Mapping};
use super::lane::Remarks;
use super::{connection, person};
use crate::domain::record::{ConnectionRecord, PersonRecord, Row};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::ports::{Snapshot, SourceError};

/// Where a list is, and where in its answers is what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpList {
    /// its address, without a login
    pub url: Url,
    /// the list of rows
    pub rows: Pointer,
    /// the number of rows on all pages, where it is to be checked
    pub total: Option<Pointer>,
    /// where in a row each field is; without it rows have the contract's own names
    pub fields: Option<Mapping>,
}

/// Both lists of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLists {
    /// the connections
    pub connections: HttpList,
    /// the people, where the source has any
    pub people: Option<HttpList>,
    /// how both are paged
    pub paging: Paging,
}

/// How lists are asked for.
#[derive(Clone, Debug)]
pub struct HttpManner<'a> {
    /// headers that are sent with every request; their values are secrets
    pub headers: &'a [(String, Secret)],
    /// how long the platform may be silent
    pub timeout: Duration,
    /// the wait before each further try of a page
    pub retry: Vec<Duration>,
    /// how the platform sees who asks
    pub agent: &'a str,
}

/// A source whose inventory a platform gives over HTTP.
#[derive(Clone)]
pub struct HttpSource {
    lists: HttpLists,
    door: Arc<Door>,
}

impl HttpSource {
    /// A source of these lists.
    ///
    /// # Errors
    /// A sentence for the operator, without a secret, where a header can't be sent.
    pub fn new(lists: HttpLists, manner: HttpManner<'_>) -> Result<Self, String> {
        let urls = [Some(&lists.connections), lists.people.as_ref()].into_iter().flatten().map(|list| &list.url);
        let plain = urls.into_iter().any(|url| url.scheme() == "http");
        let HttpManner { headers, timeout, retry, agent } = manner;
        let door = Door::new(DoorParts { headers, silence: timeout, retry, plain, agent })?;
        Ok(Self { lists, door: Arc::new(door) })
    }

    /// Begins a snapshot; nothing is asked yet. Dates that can only lie in the past are held against `now`.
    pub fn open(&self, now: Timestamp) -> HttpSnapshot {
        let listing = |list, http| Listing::new(Arc::clone(&self.door), list, http, &self.lists.paging, now);
        HttpSnapshot {
            people: self.lists.people.as_ref().map(|http| listing(List::People, http)),
            connections: listing(List::Connections, &self.lists.connections),
        }
    }

    /// Asks for each list once. The first of the pair is the setting that names the list, as a key of the source's
    /// `[[inventory]]`; the second says why it is not to be had.
    pub async fn unreachable(&self) -> Vec<(&'static str, SourceError)> {
        let mut found = Vec::new();
        let lists = [("people_url", self.lists.people.as_ref()), ("url", Some(&self.lists.connections))];
        for (key, list) in lists {
            let Some(HttpList { url, .. }) = list else { continue };
            if let Err(what) = self.door.knock(url).await {
                found.push((key, SourceError::Failed { place: shown(url), what }));
            }
        }
        found
    }

    /// True where an error's place is the people's list and not the connections'.
    pub fn is_of_people(&self, place: &str) -> bool {
        let is = |list: &HttpList| shown(&list.url) == place;
        self.lists.people.as_ref().is_some_and(is) && !is(&self.lists.connections)
    }
}

impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSource").field("lists", &self.lists).finish_non_exhaustive()
    }
}

/// A source's lists while they are read. Only one page is ever in memory. Needs a Tokio runtime.
///
/// Rows that were read before a failure are handed on; the failure is told by the call after.
pub struct HttpSnapshot {
    people: Option<Listing>,
    connections: Listing,
}

impl Snapshot for HttpSnapshot {
    async fn people(&mut self, limit: usize) -> Result<Vec<Row<PersonRecord>>, SourceError> {
        match &mut self.people {
            Some(people) => people.batch(limit, person::build).await,
            None => Ok(Vec::new()),
        }
    }

    async fn connections(&mut self, limit: usize) -> Result<Vec<Row<ConnectionRecord>>, SourceError> {
        self.connections.batch(limit, connection::build).await
    }

    fn has_people(&self) -> bool {
        self.people.is_some()
    }

    fn remarks(&self) -> Vec<String> {
        let people =
            self.people.iter().flat_map(|people| people.remarks().iter().map(|remark| format!("people: {remark}")));
        people.chain(self.connections.remarks().iter().cloned()).collect()
    }
}

/// An address for people: its query may hold what is nobody's business.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// The rows of one answer that is at hand, in the order in which they stand in it, and the remarks on their fields.
///
/// # Errors
/// Why it is no answer of this list, without a word of it.
pub fn connections_of(text: String, list: &HttpList, paging: &Paging, now: Timestamp) -> Result<AtHand, String> {
    let shape = Shape::new(list.rows.clone(), paging.next().cloned(), list.total.clone(), paging.pages().cloned());
    let mut page = Page::read(Zeroizing::new(text), &shape).map_err(|why| why.to_string())?;
    let (mut rows, mut remarks, mut met) = (Vec::new(), Remarks::default(), 0);
    while let Some(text) = page.row() {
        let mut dropped = Vec::new();
        let cells = row::cells(text, &connection::CONTRACT, list.fields.as_ref(), &mut remarks, &mut met);
        let (id, record) = match cells {
            Ok(cells) => (cells.row_id(), connection::build(cells, now, &mut dropped)),
            Err(bad) => (bad.id, Err(bad.problem)),
        };
        rows.push(Row { row: rows.len() as u64 + 1, id, account: None, record, dropped });
    }
    Ok((rows, remarks.list))
}

/// Rows and remarks.
pub type AtHand = (Vec<Row<ConnectionRecord>>, Vec<String>);
