//! The one who is told the rows: a snapshot as the stages see it.

use std::collections::VecDeque;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::reading::{List, Reading, Told};
use crate::domain::record::{ConnectionRecord, PersonRecord, Row};
use crate::ports::{Extent, Snapshot, SourceError};

/// Batches that are read ahead.
const AHEAD: usize = 2;

/// A source in a database while it is read. Needs a Tokio runtime. Dropped before its end, it ends the reading and the
/// connection.
///
/// Rows that were read before a failure are handed on; the failure is told by the call after.
pub struct SqlSnapshot {
    has_people: bool,
    extent: Extent,
    place: String,
    told: Receiver<Result<Told, SourceError>>,
    reader: JoinHandle<()>,
    people: Ahead<PersonRecord>,
    connections: Ahead<ConnectionRecord>,
    remarks: Vec<String>,
}

/// What was told of a list and not yet asked for.
struct Ahead<T> {
    rows: VecDeque<Row<T>>,
    ended: bool,
}

impl SqlSnapshot {
    /// Begins the reading.
    pub(super) fn of(reading: Reading, connections: List, of_changes: bool) -> Self {
        let (has_people, place) = (reading.people.is_some(), reading.place.clone());
        let basis = (connections.query.sinces() > 0).then(|| connections.query.text().to_owned());
        let extent = match basis {
            Some(basis) if of_changes => Extent::Changes { basis },
            basis => Extent::Whole { basis },
        };
        let (listener, told) = channel(AHEAD);
        let reader = tokio::spawn(reading.run(connections, listener));
        let (people, connections) = (Ahead::default(), Ahead::default());
        Self { has_people, extent, place, told, reader, people, connections, remarks: Vec::new() }
    }

    async fn hear(&mut self) -> Result<(), SourceError> {
        match self.told.recv().await {
            Some(Ok(Told::People(rows))) => self.people.add(rows),
            Some(Ok(Told::Connections(rows))) => self.connections.add(rows),
            Some(Ok(Told::Remarks(remarks))) => self.remarks = remarks,
            Some(Err(error)) => return Err(error),
            None => {
                let what = "it was not read to its end; it will be read again at the next scan".to_owned();
                return Err(SourceError::Failed { place: self.place.clone(), what });
            }
        }
        Ok(())
    }
}

impl Snapshot for SqlSnapshot {
    async fn people(&mut self, limit: usize) -> Result<Vec<Row<PersonRecord>>, SourceError> {
        while self.has_people && self.people.is_wanting() {
            self.hear().await?;
        }
        Ok(self.people.take(limit))
    }

    async fn connections(&mut self, limit: usize) -> Result<Vec<Row<ConnectionRecord>>, SourceError> {
        while self.connections.is_wanting() {
            self.people.rows.clear(); // whoever asks for connections wants no more people
            self.hear().await?;
        }
        Ok(self.connections.take(limit))
    }

    fn has_people(&self) -> bool {
        self.has_people
    }

    fn extent(&self) -> Extent {
        self.extent.clone()
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }
}

impl Drop for SqlSnapshot {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl<T> Ahead<T> {
    fn add(&mut self, rows: Vec<Row<T>>) {
        self.ended |= rows.is_empty();
        self.rows.extend(rows);
    }

    fn is_wanting(&self) -> bool {
        self.rows.is_empty() && !self.ended
    }

    fn take(&mut self, limit: usize) -> Vec<Row<T>> {
        self.rows.drain(..limit.max(1).min(self.rows.len())).collect()
    }
}

impl<T> Default for Ahead<T> {
    fn default() -> Self {
        Self { rows: VecDeque::new(), ended: false }
    }
}
