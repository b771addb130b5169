//! A source of any kind, and its snapshot.

use std::time::Duration;

use super::file::{FileSnapshot, FileSource};
use super::http::{HttpSnapshot, HttpSource};
use super::lane::failed;
use super::sql::{self, SqlSnapshot, SqlSource};
use crate::domain::record::{ConnectionRecord, PersonRecord, Row};
use crate::domain::time::Timestamp;
use crate::ports::{Extent, Snapshot, SourceError};

/// A source, whatever its kind.
#[derive(Clone, Debug)]
pub enum Source {
    /// files that the platform writes
    Files(FileSource),
    /// queries to the platform's database
    Sql(Box<SqlSource>),
    /// lists that the platform gives over HTTP
    Http(Box<HttpSource>),
    /// nothing to read: everything is told by events
    Events {
        /// the source's name in the configuration
        name: String,
    },
}

/// How a source is asked for what changed alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// the longest time between two readings of everything
    pub full_every: Duration,
    /// what such a reading goes by; see [`Extent`]
    pub basis: String,
}

/// The settings of a source that its two lists hang on, as keys of its `[[inventory]]`: what is told of a list is told of
/// its setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// the connections
    pub connections: &'static str,
    /// the people
    pub people: &'static str,
}

impl Source {
    /// Opens the source for one snapshot. Dates that can only lie in the past are held against `now`.
    ///
    /// # Errors
    /// [`SourceError`], of the list that can't be opened.
    pub async fn open(&self, now: Timestamp) -> Result<AnySnapshot, SourceError> {
        match self {
            Self::Files(files) => {
                apart(files, move |files| files.open(now)).await?.map(|files| AnySnapshot::Files(Box::new(files)))
            }
            Self::Sql(queries) => queries.open(now, None).await.map(|rows| AnySnapshot::Sql(rows, now)),
            Self::Http(lists) => Ok(AnySnapshot::Http(Box::new(lists.open(now)), now)),
            Self::Events { name } => Err(SourceError::Failed {
                place: format!("the inventory `{name}`"),
                what: "has nothing to read: everything is told by events".to_owned(),
            }),
        }
    }

    /// Opens the source for one snapshot of the connections that changed since an instant; for one of all of them where it
    /// can't be asked so.
    ///
    /// # Errors
    /// As for [`Source::open`].
    pub async fn open_changes(&self, now: Timestamp, since: Timestamp) -> Result<AnySnapshot, SourceError> {
        match self {
            Self::Files(_) | Self::Http(_) | Self::Events { .. } => self.open(now).await,
            Self::Sql(queries) => queries.open(now, Some(since)).await.map(|rows| AnySnapshot::Sql(rows, now)),
        }
    }

    /// How it is asked for what changed alone; `None` where it can't be.
    pub fn changes(&self) -> Option<&Changes> {
        match self {
            Self::Files(_) | Self::Http(_) | Self::Events { .. } => None,
            Self::Sql(queries) => queries.changes(),
        }
    }

    /// What can't be reached at all, whatever it holds: the setting, as a key of the source's `[[inventory]]`, and why.
    /// Nothing is read.
    pub async fn unreachable(&self) -> Vec<(&'static str, SourceError)> {
        match self {
            Self::Files(files) => match apart(files, FileSource::unreadable).await {
                Ok(found) => found,
                Err(error) => vec![(self.keys().connections, error)],
            },
            Self::Sql(queries) => queries.unreachable().await,
            Self::Http(lists) => lists.unreachable().await,
            Self::Events { .. } => Vec::new(),
        }
    }

    /// The settings of the two lists.
    pub const fn keys(&self) -> Keys {
        match self {
            Self::Files(_) => Keys { connections: "path", people: "people_path" },
            Self::Sql(_) => sql::KEYS,
            Self::Http(_) => Keys { connections: "url", people: "people_url" },
            Self::Events { .. } => Keys { connections: "events_secret", people: "events_secret" },
        }
    }

    /// The setting that an error of this source belongs to, as a key of its `[[inventory]]`.
    pub fn blamed(&self, error: &SourceError) -> &'static str {
        let of_people = match self {
            Self::Files(files) => {
                files.people_path.as_ref().is_some_and(|path| path.display().to_string() == error.place())
            }
            Self::Sql(queries) => return queries.blamed(error),
            Self::Http(lists) => lists.is_of_people(error.place()),
            Self::Events { .. } => false,
        };
        if of_people { self.keys().people } else { self.keys().connections }
    }

    /// False where there is nothing to read.
    pub const fn is_read(&self) -> bool {
        !matches!(self, Self::Events { .. })
    }
}

/// Does something with files on a thread that may wait: a slow disk holds up nothing else.
async fn apart<T: Send + 'static>(
    files: &FileSource,
    work: impl FnOnce(&FileSource) -> T + Send + 'static,
) -> Result<T, SourceError> {
    let files = files.clone();
    let place = files.path.clone();
    let done = tokio::task::spawn_blocking(move || work(&files)).await;
    done.map_err(|_| failed(&place, "opening it was broken off; it will be read again at the next scan"))
}

/// A source that is being read, whatever its kind.
pub enum AnySnapshot {
    /// files that the platform writes
    Files(Box<FileSnapshot>),
    /// queries to the platform's database, and when they were begun
    Sql(SqlSnapshot, Timestamp),
    /// lists that the platform gives over HTTP, and when they were begun
    Http(Box<HttpSnapshot>, Timestamp),
}

impl Snapshot for AnySnapshot {
    async fn people(&mut self, limit: usize) -> Result<Vec<Row<PersonRecord>>, SourceError> {
        match self {
            Self::Files(files) => files.people(limit).await,
            Self::Sql(rows, _) => rows.people(limit).await,
            Self::Http(lists, _) => lists.people(limit).await,
        }
    }

    async fn connections(&mut self, limit: usize) -> Result<Vec<Row<ConnectionRecord>>, SourceError> {
        match self {
            Self::Files(files) => files.connections(limit).await,
            Self::Sql(rows, _) => rows.connections(limit).await,
            Self::Http(lists, _) => lists.connections(limit).await,
        }
    }

    fn has_people(&self) -> bool {
        match self {
            Self::Files(files) => files.has_people(),
            Self::Sql(rows, _) => rows.has_people(),
            Self::Http(lists, _) => lists.has_people(),
        }
    }

    fn extent(&self) -> Extent {
        match self {
            Self::Files(files) => files.extent(),
            Self::Sql(rows, _) => rows.extent(),
            Self::Http(lists, _) => lists.extent(),
        }
    }

    fn taken_at(&self) -> Option<Timestamp> {
        match self {
            Self::Files(files) => files.taken_at(),
            Self::Sql(_, begun) | Self::Http(_, begun) => Some(*begun),
        }
    }

    fn remarks(&self) -> Vec<String> {
        match self {
            Self::Files(files) => files.remarks(),
            Self::Sql(rows, _) => rows.remarks(),
            Self::Http(lists, _) => lists.remarks(),
        }
    }
}
