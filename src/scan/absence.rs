//! What a complete snapshot no longer shows. One that was not read whole implies nothing and never gets here.

use super::collect::{Reading, SourceSpec};
use super::facts;
use crate::domain::action::OperatorName;
use crate::domain::diff::{Absence, Accepted, absence, exceeds_vanish_limit};
use crate::domain::facts::EndedBy;
use crate::domain::ids::{ConnectionId, PersonId};
use crate::domain::time::Timestamp;
use crate::ports::collect::{CollectChunk, CollectLedger, OpenRow, PresentPerson, UseEnd};
use crate::ports::{Event, LedgerError};

const PAGE: usize = 10_000;
/// Fewer than so many may always go at once (DESIGN.md 3, `vanish_limit`).
const VANISH_AT_LEAST: u64 = 3;

/// Connections that were not shown: noted when first missed, believed gone when missed again, held back where they
/// are too many at once. Returns how many ended and how many are held back.
pub(super) async fn of_connections<L: CollectLedger, V>(
    reading: &Reading<'_, L, V>,
    now: Timestamp,
) -> Result<(u64, u64), LedgerError> {
    if all_seen(reading).await? {
        return Ok((0, 0)); // as nearly always, and at the least cost
    }
    let missed = |row: &OpenRow| !reading.seen.contains(row.id.0) && !is_told(reading, row.told_at);
    let gone = |row: &OpenRow| {
        missed(row) && absence(row.absent_since, reading.started, reading.spec.absent_after) == Absence::Gone
    };
    let (mut open, mut count) = (0, 0);
    let mut after = ConnectionId(0);
    loop {
        let page = reading.ledger.open_page(reading.state.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        open += page.len() as u64;
        count += page.iter().filter(|row| gone(row)).count() as u64;
    }
    let held = exceeds_vanish_limit(count, open, reading.spec.vanish_percent, VANISH_AT_LEAST);
    let mut ended = 0;
    after = ConnectionId(0);
    loop {
        let turn = reading.ledger.turn().await?;
        let page = reading.ledger.open_page(reading.state.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let mut chunk = CollectChunk { now: Some(now), turn: Some(turn.number), ..CollectChunk::default() };
        for row in page.iter().filter(|row| missed(row)) {
            match absence(row.absent_since, reading.started, reading.spec.absent_after) {
                Absence::FirstMissed => chunk.absent.push((row.id, reading.started)),
                Absence::Gone if !held => end(&mut chunk, row, reading.taken, now),
                Absence::Gone | Absence::StillMissing => {}
            }
        }
        ended += chunk.gone.len() as u64;
        if !chunk.absent.is_empty() || !chunk.gone.is_empty() {
            reading.ledger.commit_collect(&chunk).await?;
        }
    }
    Ok((ended, if held { count } else { 0 }))
}

/// Whether an event has told of a row since the source was taken: that a reading lacks it then says nothing.
fn is_told<L, V>(reading: &Reading<'_, L, V>, told_at: Option<Timestamp>) -> bool {
    told_at.is_some_and(|told| told >= reading.taken)
}

/// Whether the snapshot has shown every open connection.
async fn all_seen<L: CollectLedger, V>(reading: &Reading<'_, L, V>) -> Result<bool, LedgerError> {
    let mut after = ConnectionId(0);
    loop {
        let page = reading.ledger.open_ids(reading.state.id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(true) };
        after = *last;
        if page.iter().any(|id| !reading.seen.contains(id.0)) {
            return Ok(false);
        }
    }
}

/// People who were not shown, by the same rules. Returns how many are held back.
pub(super) async fn of_people<L: CollectLedger, V>(
    reading: &Reading<'_, L, V>,
    now: Timestamp,
) -> Result<u64, LedgerError> {
    let is_missed =
        |person: &PresentPerson| !reading.seen_people.contains(person.id.0) && !is_told(reading, person.told_at);
    let (mut present, mut missed, mut count) = (0, 0, 0);
    let mut after = PersonId(0);
    loop {
        let page = reading.ledger.present_people_page(reading.state.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        present += page.len() as u64;
        for person in page.iter().filter(|person| is_missed(person)) {
            missed += 1;
            let absence = absence(person.absent_since, reading.started, reading.spec.absent_after);
            count += u64::from(absence == Absence::Gone);
        }
    }
    if missed == 0 {
        return Ok(0);
    }
    let held = exceeds_vanish_limit(count, present, reading.spec.vanish_percent, VANISH_AT_LEAST);
    after = PersonId(0);
    loop {
        let turn = reading.ledger.turn().await?;
        let page = reading.ledger.present_people_page(reading.state.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let mut chunk = CollectChunk { now: Some(now), turn: Some(turn.number), ..CollectChunk::default() };
        for person in page.iter().filter(|person| is_missed(person)) {
            match absence(person.absent_since, reading.started, reading.spec.absent_after) {
                Absence::FirstMissed => chunk.people_absent.push((person.id, reading.started)),
                Absence::Gone if !held => chunk.people_gone.push((person.id, reading.taken)),
                Absence::Gone | Absence::StillMissing => {}
            }
        }
        if !chunk.people_absent.is_empty() || !chunk.people_gone.is_empty() {
            reading.ledger.commit_collect(&chunk).await?;
        }
    }
    Ok(if held { count } else { 0 })
}

/// The operator says that what the last complete snapshot of a source missed is really gone. Returns what that ended. That
/// it was said, and by whom, is in the log before the first of it.
///
/// # Errors
/// Where the ledger fails.
pub async fn accept<L: CollectLedger>(
    ledger: &L,
    spec: &SourceSpec,
    now: Timestamp,
    by: Option<&OperatorName>,
) -> Result<Accepted, LedgerError> {
    let mut accepted = Accepted::default();
    let state = ledger.source(&spec.name, now).await?;
    let Some(snapshot) = state.last_complete else { return Ok(accepted) };
    let list = state.last_taken.unwrap_or(snapshot);
    let gone = |since| absence(since, snapshot, spec.absent_after) == Absence::Gone;
    let mut said = Some(word(spec, snapshot, now, by));
    let mut after = ConnectionId(0);
    loop {
        let turn = ledger.turn().await?;
        let page = ledger.open_page(state.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let mut chunk = CollectChunk { now: Some(now), turn: Some(turn.number), ..CollectChunk::default() };
        let absent = page.iter().filter(|row| row.absent_since.is_some() && gone(row.absent_since));
        for row in absent {
            chunk.events.extend(said.take());
            end(&mut chunk, row, list, now);
        }
        accepted.connections += chunk.gone.len() as u64;
        if !chunk.gone.is_empty() {
            ledger.commit_collect(&chunk).await?;
        }
    }
    let mut after = PersonId(0);
    loop {
        let turn = ledger.turn().await?;
        let page = ledger.present_people_page(state.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let people = page.iter().filter(|p| p.absent_since.is_some() && gone(p.absent_since)).map(|p| (p.id, list));
        let chunk = CollectChunk {
            now: Some(now),
            turn: Some(turn.number),
            people_gone: people.collect(),
            ..CollectChunk::default()
        };
        accepted.people += chunk.people_gone.len() as u64;
        if !chunk.people_gone.is_empty() {
            let events = said.take().into_iter().collect();
            ledger.commit_collect(&CollectChunk { events, ..chunk }).await?;
        }
    }
    ledger.hold_nothing_back(state.id).await?;
    Ok(accepted)
}

/// What the log keeps of the operator's word.
fn word(spec: &SourceSpec, snapshot: Timestamp, now: Timestamp, by: Option<&OperatorName>) -> Event {
    let mut data = facts([("snapshot", snapshot.to_string().into()), ("by", "operator".into())]);
    data.extend(by.map(|who| ("who".to_owned(), who.as_str().into())));
    Event { at: now, kind: "source.accepted", subject: format!("source:{}", spec.name), data }
}

/// A connection's end, by a list of that date.
fn end(chunk: &mut CollectChunk, row: &OpenRow, list: Timestamp, now: Timestamp) {
    let until = row.absent_since.unwrap_or(now);
    chunk.gone.push((row.id, list));
    if let Some((id, credential)) = row.open_use {
        chunk.ended.push(UseEnd { id, credential, until, by: EndedBy::Absent, ended_in: Some(until) });
        chunk.touched.push(credential);
        chunk.events.push(Event {
            at: now,
            kind: "use.ended",
            subject: format!("connection:{}", row.id),
            data: facts([
                ("credential", credential.0.into()),
                ("until", until.to_string().into()),
                ("by", "absent".into()),
            ]),
        });
    }
}
