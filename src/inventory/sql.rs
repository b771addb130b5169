//! A source whose lists are the operator's own queries to the platform's database. keysweep writes no statement over the
//! platform's tables: it asks what it is told to ask, and only ever in a transaction that can't write.
//!
//! | module | what it knows |
//! |---|---|
//! | `address` | the address of a database, taken apart, and told without its login |
//! | `query` | one query: that it is one statement, and where `:since` stands in it |
//! | `columns` | which column holds which field of the contract |
//! | `given` | one value of a row to the contract's cells |
//! | `session`, `postgres`, `mysql`, `sqlite` | a connection in its transaction, and its rows |
//! | `reading`, `snapshot` | both lists from first row to last; the reader and the one who is told |
//! | `failure` | what a database refuses, in words that say what to do |

mod address;
mod columns;
mod failure;
mod given;
mod mysql;
mod postgres;
mod query;
mod reading;
mod session;
mod snapshot;
mod sqlite;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

pub use self::address::{Address, Protection};
pub use self::snapshot::SqlSnapshot;

use self::query::Query;
use self::reading::{List, Reading};
use self::session::Session;
use super::cells::Contract;
use super::source::{Changes, Keys};
use super::{connection, person};
use crate::domain::time::{Timestamp, words};
use crate::ports::SourceError;

/// How long a server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a server may be silent beyond the time that it has for a statement: the way to it and back.
const WAY: Duration = Duration::from_secs(30);
/// What a whole reading binds where `:since` stands: before every row.
const BEGINNING: Timestamp = Timestamp::from_secs(0);

/// The settings of the lists and of the address, as keys of a source's `[[inventory]]`.
pub(super) const KEYS: Keys = Keys { connections: "connections", people: "people" };
const URL: &str = "url";

/// What the operator says of a source in a database.
#[derive(Clone, Copy, Debug)]
pub struct SqlSettings<'a> {
    /// the source's name
    pub name: &'a str,
    /// the query for connections
    pub connections: &'a str,
    /// the query for people, where there is one
    pub people: Option<&'a str>,
    /// how long the server may work on a statement
    pub statement_timeout: Duration,
    /// the longest time between two whole readings, where the query for connections has `:since`
    pub full_every: Duration,
}

/// A source whose inventory lies in the platform's own database.
#[derive(Clone)]
pub struct SqlSource {
    name: String,
    address: Address,
    connections: Query,
    people: Option<Query>,
    statement_timeout: Duration,
    changes: Option<Changes>,
}

impl SqlSource {
    /// Puts it together. `url` is the whole address with its login; a relative path of SQLite starts at `base`.
    ///
    /// # Errors
    /// The setting at fault, as a key of the source's `[[inventory]]`, and what is wrong with it and to be done.
    pub fn new(url: &str, base: &Path, settings: SqlSettings<'_>) -> Result<Self, (&'static str, String)> {
        let address = Address::parse(url, base).map_err(|what| (URL, what))?;
        let parse = |key, text| Query::parse(text, address.dialect()).map_err(|what| (key, what));
        let connections = parse(KEYS.connections, settings.connections)?;
        let people = settings.people.map(|text| parse(KEYS.people, text)).transpose()?;
        if people.as_ref().is_some_and(|people| people.sinces() > 0) {
            let what = "people are always read whole; take `:since` out of the query, it is for `connections` alone";
            return Err((KEYS.people, what.to_owned()));
        }
        let changes = (connections.sinces() > 0)
            .then(|| Changes { full_every: settings.full_every, basis: connections.text().to_owned() });
        Ok(Self {
            name: settings.name.to_owned(),
            address,
            connections,
            people,
            statement_timeout: settings.statement_timeout,
            changes,
        })
    }

    /// How it is asked for changes alone; `None` where its query can't be.
    pub const fn changes(&self) -> Option<&Changes> {
        self.changes.as_ref()
    }

    /// How well the way to the server is protected.
    pub fn protection(&self) -> Protection {
        self.address.protection()
    }

    /// Opens one snapshot: connects, begins its transaction, and has the server look at both queries. With `since` it lists
    /// only the connections that changed since then.
    ///
    /// # Errors
    /// Where the server can't be reached or lets nobody in, a query is refused, or a required column is missing.
    pub async fn open(&self, now: Timestamp, since: Option<Timestamp>) -> Result<SqlSnapshot, SourceError> {
        let session = self.connect().await?;
        let since = since.filter(|_| self.changes.is_some());
        let mut reading = Reading::new(session, now, since.unwrap_or(BEGINNING), self.silence(), self.place());
        if let Some(people) = &self.people {
            let list = self.list(&mut reading, KEYS.people, people, &person::CONTRACT).await?;
            reading.people = Some(list);
        }
        let list = self.list(&mut reading, KEYS.connections, &self.connections, &connection::CONTRACT).await?;
        Ok(SqlSnapshot::of(reading, list, since.is_some()))
    }

    /// Why the server can't be reached, if it can't: the setting and the reason.
    pub async fn unreachable(&self) -> Vec<(&'static str, SourceError)> {
        match self.connect().await {
            Ok(session) => {
                session.close().await;
                Vec::new()
            }
            Err(error) => vec![(URL, error)],
        }
    }

    /// The setting that an error of this source belongs to.
    pub fn blamed(&self, error: &SourceError) -> &'static str {
        let place = error.place();
        let of = |key: &'static str| (place == self.place_of(key)).then_some(key);
        of(KEYS.connections).or_else(|| of(KEYS.people)).unwrap_or(URL)
    }

    async fn connect(&self) -> Result<Session, SourceError> {
        let failed = |what| Err(SourceError::Failed { place: self.place(), what });
        match timeout(PATIENCE, Session::open(&self.address, self.statement_timeout)).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(error)) => failed(self.file_trouble(&error).unwrap_or_else(|| failure::of_login(&error))),
            Err(_) => failed(format!(
                "no answer within {}; see that the server runs, and that `url` names its host and port",
                words(PATIENCE)
            )),
        }
    }

    /// Where a file of the address is to blame, which. The error itself names none.
    fn file_trouble(&self, error: &sqlx::Error) -> Option<String> {
        let sqlx::Error::Io(_) = error else { return None };
        let (key, path, why) = self.address.unreadable_file()?;
        Some(format!("the file {} can't be read ({why}); correct `{key}` in `url`", path.display()))
    }

    /// Has the server look at a query, and finds its columns.
    async fn list(
        &self,
        reading: &mut Reading,
        key: &'static str,
        query: &Query,
        contract: &'static Contract,
    ) -> Result<List, SourceError> {
        let place = self.place_of(key);
        let failed = |what| SourceError::Failed { place: place.clone(), what };
        let names = match timeout(self.silence(), reading.session.columns(query)).await {
            Ok(names) => names.map_err(|error| failed(failure::of_query(&error, key)))?,
            Err(_) => return Err(failed(silence(self.silence()))),
        };
        let columns = columns::Columns::of(&names, key, contract, &mut reading.remarks).map_err(failed)?;
        Ok(List { query: query.clone(), columns, key, place })
    }

    fn silence(&self) -> Duration {
        self.statement_timeout.saturating_add(if self.address.is_file() { Duration::ZERO } else { WAY })
    }

    /// The database, for people.
    fn place(&self) -> String {
        self.address.to_string()
    }

    /// One query to it, for people.
    fn place_of(&self, key: &str) -> String {
        format!("{}, query `{key}`", self.address)
    }
}

/// What is said of a server that fell silent.
fn silence(limit: Duration) -> String {
    format!(
        "no answer within {}; let the query find its rows faster, or give it a longer `statement_timeout`",
        words(limit)
    )
}

/// The address's login is nowhere in it.
impl fmt::Debug for SqlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlSource").field("name", &self.name).field("address", &self.place()).finish_non_exhaustive()
    }
}
