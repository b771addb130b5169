//! A source of any kind, and its snapshot.

use super::file::{FileSnapshot, FileSource};
use super::lane::failed;
use crate::domain::record::{ConnectionRecord, PersonRecord, Row};
use crate::domain::time::Timestamp;
use crate::ports::{Snapshot, SourceError};

/// A source, whatever its kind.
#[derive(Clone, Debug)]
pub enum Source {
    /// files that the platform writes
    Files(FileSource),
    /// nothing to read: everything is told by events
    Events {
        /// the source's name in the configuration
        name: String,
    },
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
            Self::Files(files) => apart(files, move |files| files.open(now)).await?.map(AnySnapshot::Files),
            Self::Events { name } => Err(SourceError::Failed {
                place: format!("the inventory `{name}`"),
                what: "has nothing to read: everything is told by events".to_owned(),
            }),
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
            Self::Events { .. } => Vec::new(),
        }
    }

    /// The settings of the two lists.
    pub const fn keys(&self) -> Keys {
        match self {
            Self::Files(_) => Keys { connections: "path", people: "people_path" },
            Self::Events { .. } => Keys { connections: "events_secret", people: "events_secret" },
        }
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
    Files(FileSnapshot),
}

impl Snapshot for AnySnapshot {
    async fn people(&mut self, limit: usize) -> Result<Vec<Row<PersonRecord>>, SourceError> {
        match self {
            Self::Files(files) => files.people(limit).await,
        }
    }

    async fn connections(&mut self, limit: usize) -> Result<Vec<Row<ConnectionRecord>>, SourceError> {
        match self {
            Self::Files(files) => files.connections(limit).await,
        }
    }

    fn has_people(&self) -> bool {
        match self {
            Self::Files(files) => files.has_people(),
        }
    }

    fn taken_at(&self) -> Option<Timestamp> {
        match self {
            Self::Files(files) => files.taken_at(),
        }
    }

    fn remarks(&self) -> Vec<String> {
        match self {
            Self::Files(files) => files.remarks(),
        }
    }
}
