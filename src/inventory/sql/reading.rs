//! Both lists, from the first row to the last, on a task of their own: rows are read while others are written to the ledger,
//! and never more than a few batches of them are in memory.

use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use super::columns::Columns;
use super::failure;
use super::query::Query;
use super::session::Session;
use crate::domain::record::{ConnectionRecord, PersonRecord, Row};
use crate::domain::time::Timestamp;
use crate::inventory::lane::{Build, Remarks};
use crate::inventory::{connection, person};
use crate::ports::SourceError;

/// Rows that are handed on together.
const BATCH: usize = 500;

/// What is handed on.
pub(super) enum Told {
    /// people; none is their end
    People(Vec<Row<PersonRecord>>),
    /// connections; none is their end
    Connections(Vec<Row<ConnectionRecord>>),
    /// remarks on the queries as a whole, before the end of the connections
    Remarks(Vec<String>),
}

/// Whom it is handed to. It closes where nobody listens any more.
pub(super) type Listener = Sender<Result<Told, SourceError>>;

/// One list that is to be read.
pub(super) struct List {
    pub(super) query: Query,
    pub(super) columns: Columns,
    /// the setting of the query
    pub(super) key: &'static str,
    /// the query, for people
    pub(super) place: String,
}

/// What is to be read, over one connection.
pub(super) struct Reading {
    pub(super) session: Session,
    pub(super) people: Option<List>,
    pub(super) remarks: Remarks,
    now: Timestamp,
    since: Timestamp,
    /// how long the next row may be waited for
    silence: Duration,
    /// the database, for people
    pub(super) place: String,
}

/// Why reading ended before its end.
enum Stop {
    /// nobody listens
    Unheard,
    Failed(SourceError),
}

impl Reading {
    pub(super) fn new(session: Session, now: Timestamp, since: Timestamp, silence: Duration, place: String) -> Self {
        Self { session, people: None, remarks: Remarks::default(), now, since, silence, place }
    }

    /// Reads both lists to their ends and hands them on.
    pub(super) async fn run(mut self, connections: List, listener: Listener) {
        let read = self.read(connections, &listener).await;
        self.session.close().await;
        let last = match read {
            Ok(()) => Ok(Told::Connections(Vec::new())),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Unheard) => return,
        };
        listener.send(last).await.ok(); // whoever no longer listens needs no end
    }

    async fn read(&mut self, connections: List, listener: &Listener) -> Result<(), Stop> {
        if let Some(people) = self.people.take() {
            self.list(people, person::build, Told::People, listener).await?;
            hand_on(listener, Told::People(Vec::new())).await?;
        }
        self.list(connections, connection::build, Told::Connections, listener).await?;
        hand_on(listener, Told::Remarks(std::mem::take(&mut self.remarks.list))).await
    }

    async fn list<T>(
        &mut self,
        list: List,
        build: Build<T>,
        told: fn(Vec<Row<T>>) -> Told,
        listener: &Listener,
    ) -> Result<(), Stop> {
        let List { query, mut columns, key, place } = list;
        let mut rows = self.session.rows(&query, self.since);
        let (mut batch, mut number) = (Vec::with_capacity(BATCH), 0);
        let ended = loop {
            let row = match timeout(self.silence, rows.next()).await {
                Ok(Some(Ok(row))) => row,
                Ok(Some(Err(error))) => break Err(failure::of_query(&error, key)),
                Ok(None) => break Ok(()),
                Err(_) => break Err(super::silence(self.silence)),
            };
            number += 1;
            let cells = columns.cells(row, &mut self.remarks);
            let (id, account, mut dropped) = (cells.row_id(), cells.row_account(), Vec::new());
            let record = build(cells, self.now, &mut dropped);
            batch.push(Row { row: number, id, account, record, dropped });
            if batch.len() == BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                hand_on(listener, told(full)).await?;
            }
        };
        // what was read before a failure is handed on: it is true, it is only not all
        if !batch.is_empty() {
            hand_on(listener, told(batch)).await?;
        }
        ended.map_err(|what| Stop::Failed(SourceError::Failed { place, what }))
    }
}

async fn hand_on(listener: &Listener, told: Told) -> Result<(), Stop> {
    listener.send(Ok(told)).await.map_err(|_| Stop::Unheard)
}
