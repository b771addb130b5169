//! What the operator's endpoints are told: how far each was, and what is on its way.

use serde::Deserialize;
use serde_json::Map;

use super::packed::{pack, size};
use super::sql::Sql;
use super::{Ledger, read};
use crate::domain::announce::{Entry, Formed};
use crate::domain::time::Timestamp;
use crate::ports::announce::{AnnounceLedger, MessageEnd, Waiting};
use crate::ports::{Event, LedgerError};

impl Ledger {
    /// Makes these the endpoints that are told. A new one begins at the log's end. One that is named no more is told nothing:
    /// what waits for it is left, and should it be named again, it begins as a new one does.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn know_endpoints(&self, now: Timestamp, named: &[&str]) -> Result<(), LedgerError> {
        let told: Vec<String> = self.look("read who is told").await?.rows("endpoint", &NAMES, []).await?;
        let are = |names: &[&str], others: &[String]| names.iter().all(|name| others.iter().any(|other| other == name));
        if told.len() == named.len() && are(named, &told) {
            return Ok(());
        }
        let named = pack(named)?;
        let mut tx = self.write("know who is told").await?;
        let left: Vec<(String, u64)> = tx.rows("message", &LEFT, [(&named).into()]).await?;
        tx.log(
            &left.into_iter().map(|(endpoint, messages)| left_to_itself(now, &endpoint, messages)).collect::<Vec<_>>(),
        )
        .await?;
        tx.run(&LEAVE, [(&named).into(), now.into()]).await?;
        tx.run(&FORGET, [(&named).into()]).await?;
        tx.run(&BEGIN, [named.into()]).await?;
        tx.commit().await
    }

    /// When the first message to one of these endpoints is to be tried; `None` where none waits. May lie in the past.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn next_message_at(&self, endpoints: &[&str]) -> Result<Option<Timestamp>, LedgerError> {
        let mut line = self.look("read when the next message is to be tried").await?;
        let due: Vec<Timestamp> = line.rows("message", &NEXT_DUE, [pack(endpoints)?.into()]).await?;
        Ok(due.into_iter().min())
    }

    /// Notes whether something is as it should not be, and tells the log where that has changed: once for each time that it
    /// begins, and once that it ends. Returns whether it has changed.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn note_trouble(&self, name: &str, is: bool, event: Event) -> Result<bool, LedgerError> {
        let key = format!("trouble.{name}");
        if (self.get(&key).await?.as_deref() == Some("1")) == is {
            return Ok(false);
        }
        let mut tx = self.write("note that something begins or ends to be in trouble").await?;
        tx.run(&super::meta::SET, [(&key).into(), (if is { "1" } else { "0" }).into()]).await?;
        tx.log(&[event]).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[derive(Deserialize)]
struct WaitingRow(i64, String, String, Timestamp, u32, Timestamp);

impl AnnounceLedger for Ledger {
    async fn told_up_to(&self, endpoint: &str) -> Result<i64, LedgerError> {
        let known: Vec<i64> =
            self.look("read how far an endpoint was told").await?.rows("endpoint", &TOLD, [endpoint.into()]).await?;
        if let Some(known) = known.first() {
            return Ok(*known);
        }
        let mut tx = self.write("begin to tell an endpoint").await?;
        tx.run(&BEGIN, [pack(&[endpoint])?.into()]).await?;
        let begun: Vec<i64> = tx.rows("endpoint", &TOLD, [endpoint.into()]).await?;
        tx.commit().await?;
        Ok(begun.first().copied().unwrap_or(0))
    }

    async fn entries(&self, after: i64, limit: usize) -> Result<Vec<Entry>, LedgerError> {
        let mut line = self.look("read the event log").await?;
        line.rows("event", &read::log::EVENTS, [after.into(), size(limit).into()]).await
    }

    async fn plan_messages(
        &self,
        now: Timestamp,
        endpoint: &str,
        told_up_to: i64,
        messages: &[Formed],
    ) -> Result<(), LedgerError> {
        let mut tx = self.write("plan messages").await?;
        let last = tx.number(&LAST, []).await?;
        let numbered: Vec<(i64, &str, &str, usize)> = (last + 1..)
            .zip(messages)
            .map(|(id, formed)| (id, formed.message_id.as_str(), formed.body.as_str(), formed.events))
            .collect();
        if !numbered.is_empty() {
            tx.run(&PLAN, [pack(&numbered)?.into(), endpoint.into(), now.into()]).await?;
        }
        tx.run(&MOVE, [endpoint.into(), told_up_to.into()]).await?;
        tx.commit().await
    }

    async fn next_message(&self, endpoint: &str) -> Result<Option<Waiting>, LedgerError> {
        let mut line = self.look("read the next message").await?;
        let rows: Vec<WaitingRow> = line.rows("message", &NEXT, [endpoint.into()]).await?;
        let waiting = |WaitingRow(id, message_id, body, formed_at, attempts, due_at): WaitingRow| Waiting {
            id,
            message_id,
            body,
            formed_at,
            attempts,
            due_at,
        };
        Ok(rows.into_iter().next().map(waiting))
    }

    async fn record_message(
        &self,
        now: Timestamp,
        message: i64,
        end: &MessageEnd,
        events: &[Event],
    ) -> Result<(), LedgerError> {
        let mut tx = self.write("record what became of a message").await?;
        match end {
            MessageEnd::Sent => {
                tx.run(&ENDED, [message.into(), "sent".into(), now.into(), None::<&str>.into()]).await?
            }
            MessageEnd::GivenUp { error } => {
                tx.run(&ENDED, [message.into(), "given_up".into(), now.into(), error.into()]).await?
            }
            MessageEnd::Failed { retry_at, error } => {
                tx.run(&AGAIN, [message.into(), (*retry_at).into(), error.into()]).await?
            }
        };
        tx.log(events).await?;
        tx.commit().await
    }
}

/// What the log is told of an endpoint that is named no more, and for which messages wait.
fn left_to_itself(now: Timestamp, endpoint: &str, messages: u64) -> Event {
    let data = Map::from_iter([("messages".to_owned(), messages.into()), ("why".to_owned(), NAMED_NO_MORE.into())]);
    Event { at: now, kind: "webhook.given_up", subject: format!("webhook:{endpoint}"), data }
}

const NAMED_NO_MORE: &str = "the settings name it no more";

/// An endpoint that is named no more keeps its row, for its messages; the log's entries are counted from 1.
pub(super) const NAMES: Sql = sql!("SELECT " [numbers "name"] " FROM endpoint WHERE told_up_to >= 0");

pub(super) const TOLD: Sql =
    sql!("SELECT " [numbers "told_up_to"] " FROM endpoint WHERE name = $1 AND told_up_to >= 0");

/// A new endpoint is not told of what was before it, nor one that is named again of what was meanwhile.
pub(super) const BEGIN: Sql = sql!(
    "INSERT INTO endpoint (name, told_up_to)
     SELECT named.value, (SELECT coalesce(max(id), 0) FROM event) FROM " [each "$1" named text] " WHERE true
     ON CONFLICT (name) DO UPDATE SET told_up_to = excluded.told_up_to WHERE endpoint.told_up_to < 0"
);

pub(super) const LEFT: Sql = sql!(
    "SELECT " [page "endpoint, waiting"] "
     FROM (SELECT endpoint, count(*) AS waiting FROM message
           WHERE state = 'planned' AND endpoint NOT IN " [within "$1" text] " GROUP BY endpoint) AS left_alone"
);

pub(super) const LEAVE: Sql = sql!(
    "UPDATE message SET state = 'given_up', ended_at = $2, error = 'the settings name it no more', body = '',
         next_try_at = NULL
     WHERE state = 'planned' AND endpoint NOT IN " [within "$1" text]
);

pub(super) const FORGET: Sql = sql!("UPDATE endpoint SET told_up_to = -1 WHERE name NOT IN " [within "$1" text]);

pub(super) const LAST: Sql = sql!("SELECT coalesce(max(id), 0) FROM message");

pub(super) const PLAN: Sql = sql!(
    "INSERT INTO message (id, endpoint, message_id, body, events, state, formed_at, next_try_at)
     SELECT v.id, $2, v.message_id, v.body, v.events, 'planned', $3, $3
     FROM " [wide "$1" v (0 id bigint, 1 message_id text, 2 body text, 3 events bigint)]
);

pub(super) const MOVE: Sql = sql!("UPDATE endpoint SET told_up_to = $2 WHERE name = $1");

pub(super) const NEXT: Sql = sql!(
    "SELECT " [page "id, message_id, body, formed_at, attempts, next_try_at"] "
     FROM (SELECT * FROM message WHERE endpoint = $1 AND state = 'planned' ORDER BY id LIMIT 1) AS head"
);

pub(super) const NEXT_DUE: Sql = sql!(
    "SELECT " [numbers "next_try_at"] "
     FROM (SELECT (SELECT m.next_try_at FROM message AS m WHERE m.endpoint = named.value AND m.state = 'planned'
                   ORDER BY m.id LIMIT 1) AS next_try_at
           FROM " [each "$1" named text] ") AS heads
     WHERE next_try_at IS NOT NULL"
);

/// What was said is in the log; the message itself is not kept.
pub(super) const ENDED: Sql = sql!(
    "UPDATE message SET state = $2, ended_at = $3, error = $4, body = '', next_try_at = NULL, attempts = attempts + 1
     WHERE id = $1"
);

pub(super) const AGAIN: Sql =
    sql!("UPDATE message SET next_try_at = $2, error = $3, attempts = attempts + 1 WHERE id = $1");
