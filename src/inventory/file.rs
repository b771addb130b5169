//! A source of one or two files, read as one snapshot.

use std::path::PathBuf;

use super::lane::{Build, Lane, failed, input};
use super::{connection, person};
use crate::domain::record::{ConnectionRecord, PersonRecord, Row};
use crate::domain::time::Timestamp;
use crate::ports::{Snapshot, SourceError};

/// How a source's files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// comma-separated values under a header, UTF-8
    Csv,
    /// one JSON object a line, UTF-8
    Jsonl,
}

/// A source whose inventory lies in files that the platform writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSource {
    /// the source's name in the configuration
    pub name: String,
    /// how both files are written
    pub kind: FileKind,
    /// the connections
    pub path: PathBuf,
    /// the people, where the source has any
    pub people_path: Option<PathBuf>,
}

impl FileSource {
    /// Opens the files for one snapshot. Dates that can only lie in the past are held against `now`.
    ///
    /// # Errors
    /// [`SourceError::Failed`] where a file can't be opened or its header doesn't have the required columns;
    /// [`SourceError::CutShort`] where it ends within its header.
    pub fn open(&self, now: Timestamp) -> Result<FileSnapshot, SourceError> {
        let setting = |key: &str| self.setting(key);
        let people = match &self.people_path {
            Some(path) => Some(Lane::open(path, self.kind, &person::CONTRACT, now, &setting("people_path"))?),
            None => None,
        };
        let connections = Lane::open(&self.path, self.kind, &connection::CONTRACT, now, &setting("path"))?;
        Ok(FileSnapshot {
            people: people.zip(self.people_path.clone()).map(|(lane, path)| Slot { lane: Some(lane), path }),
            connections: Slot { lane: Some(connections), path: self.path.clone() },
        })
    }

    /// Opens each file and closes it again. The first of the pair is the setting that names the file, as a key of the
    /// source's `[[inventory]]`; the second says why the file can't be read, whatever it holds.
    pub fn unreadable(&self) -> Vec<(&'static str, SourceError)> {
        let files = [("people_path", self.people_path.as_ref()), ("path", Some(&self.path))];
        let opened = files.into_iter().filter_map(|(key, path)| Some((key, input(path?, &self.setting(key)))));
        opened.filter_map(|(key, opened)| Some((key, opened.err()?))).collect()
    }

    fn setting(&self, key: &str) -> String {
        format!("`{key}` of the inventory `{}`", self.name)
    }
}

/// A source's files while they are read. Only one batch of rows is ever in memory. Needs a Tokio runtime: files are read on
/// threads that may wait, so that a slow disk holds up nothing else.
///
/// Rows that were read before a failure are handed on; the failure is told by the call after.
pub struct FileSnapshot {
    people: Option<Slot>,
    connections: Slot,
}

impl Snapshot for FileSnapshot {
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

    /// When the older of the two files was last written.
    fn taken_at(&self) -> Option<Timestamp> {
        let written = |slot: &Slot| slot.lane.as_ref().map(Lane::written_at);
        self.people.iter().chain([&self.connections]).filter_map(written).min()
    }

    fn remarks(&self) -> Vec<String> {
        let of = |slot: &Slot| slot.lane.as_ref().map(|lane| lane.remarks().to_vec()).unwrap_or_default();
        let people = self.people.as_ref().map(of).unwrap_or_default();
        people.into_iter().map(|remark| format!("people: {remark}")).chain(of(&self.connections)).collect()
    }
}

/// Where a lane is while no thread reads it; empty if a call was dropped before it was over.
struct Slot {
    lane: Option<Lane>,
    path: PathBuf,
}

impl Slot {
    async fn batch<T: Send + 'static>(&mut self, limit: usize, build: Build<T>) -> Result<Vec<Row<T>>, SourceError> {
        let broken_off = || failed(&self.path, "reading was broken off; it will be read again at the next scan");
        let mut lane = self.lane.take().ok_or_else(broken_off)?;
        let read = tokio::task::spawn_blocking(move || {
            let rows = lane.batch(limit, build);
            (lane, rows)
        });
        let (lane, rows) = read.await.map_err(|_| broken_off())?;
        self.lane = Some(lane);
        rows
    }
}
