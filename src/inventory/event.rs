//! The body of an event: what happened, when, in which source, and a row of the contract, or the end of one.
//!
//! `{"type": "connection.deleted", "timestamp": "2026-01-31T09:30:00Z", "source": "main", "data": {"connection_id": "17"}}`

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use super::cells::{Cell, Cells, Contract};
use super::lines::CellSeed;
use super::values::EARLIEST;
use super::{connection, person};
use crate::domain::event::{EventKind, Subject};
use crate::domain::record::{ConnectionRecord, FieldProblem, PersonRecord};
use crate::domain::secret::could_be_key;
use crate::domain::time::Timestamp;
use crate::ports::events::{Tidings, Told};

/// What happened.
const TYPE: &str = "type";
/// When.
const TIMESTAMP: &str = "timestamp";
/// In which source.
const SOURCE: &str = "source";
/// To whom or what.
const DATA: &str = "data";

/// An event, as far as it is understood by itself. What it leaves out is filled in with what is known.
pub struct EventBody<'a> {
    kind: EventKind,
    at: Timestamp,
    source: Option<String>,
    cells: Cells<'a>,
}

impl<'a> EventBody<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// What is wrong, with the field: one of the envelope, or one of `data` that could be anything. Never a value that could
    /// be a key.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldProblem> {
        let text = std::str::from_utf8(body).map_err(|_| problem("", "is not UTF-8; write the body as UTF-8"))?;
        let mut envelope = Envelope::default();
        let mut parser = serde_json::Deserializer::from_str(text);
        let parsed = parser.deserialize_any(&mut envelope).and_then(|()| parser.end());
        // the parser's own words are never used: they quote values
        match parsed.map_err(|error| (error.classify(), error.line(), error.column())) {
            Ok(()) => {}
            Err((Category::Data, ..)) => return Err(problem("", "is not a JSON object, or `data` isn't one")),
            Err((_, line, column)) => {
                return Err(problem("", format!("is not valid JSON (line {line}, column {column})")));
            }
        }
        if let Some(twice) = envelope.twice {
            return Err(problem(twice, "is given twice"));
        }
        envelope.read()
    }

    /// The source that it names.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The row that comes with an end is as it last was, and may be dated by its last change: the end itself is newer.
    fn is_end_of_an_older_row(&self) -> bool {
        let dated = match self.cells.get(connection::UPDATED_AT) {
            Cell::Text(text) => Timestamp::parse(text.trim()),
            _ => None,
        };
        self.kind.is_end() && dated.is_some_and(|dated| dated < self.at)
    }

    fn set(&mut self, field: usize, text: &str) {
        self.cells.set(field, Cell::Text(Cow::Owned(text.to_owned())));
    }
}

impl Tidings for EventBody<'_> {
    fn kind(&self) -> EventKind {
        self.kind
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn ids(&self) -> Result<(String, String), FieldProblem> {
        let id = |field: usize| {
            let mut cells = Cells::new(self.cells.contract);
            if let Cell::Text(text) = self.cells.get(field) {
                cells.set(field, Cell::Text(Cow::Borrowed(text.as_ref())));
            } else if !self.cells.is_empty(field) {
                return Err(self.cells.problem(field, "must be text or a whole number"));
            }
            cells.required_id(field)
        };
        let account = match self.kind.subject() {
            Subject::Connection => String::new(),
            Subject::Member => id(person::ACCOUNT_ID)?,
        };
        Ok((account, id(self.cells.contract.id)?))
    }

    fn is_whole(&self) -> bool {
        let required = match self.kind.subject() {
            Subject::Connection => [connection::ACCOUNT_ID, connection::PROVIDER],
            Subject::Member => [person::ACCOUNT_ID, person::EMAIL],
        };
        required.into_iter().all(|field| !self.cells.is_empty(field))
    }

    fn compromised_at(mut self, now: Timestamp) -> Result<Timestamp, FieldProblem> {
        let mut dropped = Vec::new();
        let at = self.cells.past(connection::COMPROMISED_AT, now, &mut dropped)?;
        Ok(at.unwrap_or(self.at).min(now))
    }

    fn connection(mut self, known: Option<&ConnectionRecord>, now: Timestamp) -> Told<ConnectionRecord> {
        if self.kind.is_end() {
            self.set(connection::STATUS, "deleted");
            if self.cells.is_empty(connection::DELETED_AT) {
                self.set(connection::DELETED_AT, &self.at.to_string());
            }
            if let Some(known) = known {
                connection::end(&mut self.cells, known);
            }
        }
        if self.cells.is_empty(connection::UPDATED_AT) || self.is_end_of_an_older_row() {
            self.set(connection::UPDATED_AT, &self.at.to_string());
        }
        let mut dropped = Vec::new();
        (connection::build(self.cells, now, &mut dropped), dropped)
    }

    fn person(mut self, known: Option<&PersonRecord>, now: Timestamp) -> Told<PersonRecord> {
        if self.kind.is_end() {
            self.set(person::STATUS, "removed");
            if let Some(known) = known {
                person::fill(&mut self.cells, known);
            }
        }
        let mut dropped = Vec::new();
        (person::build(self.cells, now, &mut dropped), dropped)
    }
}

fn problem(field: &str, reason: impl Into<String>) -> FieldProblem {
    FieldProblem { field: field.to_owned(), reason: reason.into() }
}

/// The members of the body; others than these are ignored.
#[derive(Default)]
struct Envelope<'a> {
    kind: Option<Cell<'a>>,
    timestamp: Option<Cell<'a>>,
    source: Option<Cell<'a>>,
    data: Option<Vec<(Cow<'a, str>, Cell<'a>)>>,
    twice: Option<&'static str>,
}

impl<'a> Envelope<'a> {
    fn read(self) -> Result<EventBody<'a>, FieldProblem> {
        let kinds = || EventKind::ALL.map(EventKind::as_str).join(", ");
        let kind = match self.kind {
            Some(Cell::Text(word)) => EventKind::parse(word.trim())
                .ok_or_else(|| problem(TYPE, format!("{} is none of {}", shown(&word), kinds())))?,
            _ => return Err(problem(TYPE, format!("is missing; write one of {}", kinds()))),
        };
        let at = match &self.timestamp {
            Some(Cell::Text(text)) => Timestamp::parse(text.trim()).filter(|at| *at >= EARLIEST),
            _ => None,
        };
        let form = "must be when it happened, as RFC 3339 (2026-01-31T09:30:00Z) or whole Unix seconds";
        let at = at.ok_or_else(|| problem(TIMESTAMP, form))?;
        let source = match self.source {
            None | Some(Cell::Absent) => None,
            Some(Cell::Text(name)) => Some(name.into_owned()),
            Some(_) => return Err(problem(SOURCE, "must be the name of an [[inventory]]")),
        };
        let contract = match kind.subject() {
            Subject::Connection => &connection::CONTRACT,
            Subject::Member => &person::CONTRACT,
        };
        let data = self.data.ok_or_else(|| problem(DATA, "is missing; it has the contract's fields"))?;
        Ok(EventBody { kind, at, source, cells: cells(contract, data)? })
    }
}

fn cells<'a>(contract: &'static Contract, data: Vec<(Cow<'a, str>, Cell<'a>)>) -> Result<Cells<'a>, FieldProblem> {
    let mut cells = Cells::new(contract);
    let mut given = 0_u32;
    for (name, value) in data {
        let Some(field) = contract.find(name.trim()) else { continue };
        if given & 1 << field != 0 {
            return Err(cells.problem(field, "is given twice"));
        }
        given |= 1 << field;
        cells.set(field, value);
    }
    Ok(cells)
}

/// A word of the sender's, cut, and never if it could be a key.
fn shown(word: &str) -> String {
    if could_be_key(word) {
        return "what could be a key (not shown)".to_owned();
    }
    format!("{:?}", word.chars().take(40).collect::<String>())
}

impl<'de> Visitor<'de> for &mut Envelope<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let (name, again) = match key.as_ref() {
                TYPE => (TYPE, self.kind.replace(map.next_value_seed(CellSeed)?).is_some()),
                TIMESTAMP => (TIMESTAMP, self.timestamp.replace(map.next_value_seed(CellSeed)?).is_some()),
                SOURCE => (SOURCE, self.source.replace(map.next_value_seed(CellSeed)?).is_some()),
                DATA => (DATA, self.data.replace(map.next_value_seed(DataSeed)?).is_some()),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if again {
                self.twice.get_or_insert(name);
            }
        }
        Ok(())
    }
}

/// An object as its members, in their order.
struct DataSeed;

impl<'de> DeserializeSeed<'de> for DataSeed {
    type Value = Vec<(Cow<'de, str>, Cell<'de>)>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DataSeed {
    type Value = Vec<(Cow<'de, str>, Cell<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            members.push((key, map.next_value_seed(CellSeed)?));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests;
