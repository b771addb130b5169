//! What an event changes. Events come in any order, late, and twice; a reading of the same source may be under way.
//!
//! So three dates of a connection are kept apart: of its status, of its other facts, and of its secret. An event that comes
//! late changes what no newer word has been said of, and no more. In whatever order events come, the same is known in the end.
//! An event is dated by the row's `updated_at`, else by its own `timestamp`: both are the platform's clock. When it was taken is
//! our clock's, as the start of a reading is.

use super::super::facts::{ConnectionStatus, EndedBy};
use super::super::record::{Auth, ConnectionRecord, RecordStatus};
use super::super::secret::Fingerprint;
use super::super::time::Timestamp;
use super::{Begin, BeginWith, Change, KnownConnectionView, dated, meant};

/// Older than any event.
const LONG_AGO: Timestamp = Timestamp::from_secs(0);

/// What an event changes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// as for a row. Where it is late, only uses: its status and date repeat what is known
    pub change: Change,
    /// true where the event is older than the status that is known
    pub late: bool,
    /// true where the event's other facts are taken, for no newer ones are known
    pub takes_facts: bool,
    /// how old the other facts are from now on
    pub row_at: Timestamp,
    /// how old the word on the secret is from now on, where it is the event's
    pub secret_at: Option<Timestamp>,
}

impl Told {
    /// True where there is nothing to write.
    pub const fn is_nothing(&self) -> bool {
        self.late
            && !self.takes_facts
            && self.secret_at.is_none()
            && self.change.begin.is_none()
            && self.change.end_open_use.is_none()
    }
}

/// True where a row of a reading says nothing against what an event has told: the source was `taken` before the event came,
/// and the row isn't dated later.
pub fn is_overtaken(known: &KnownConnectionView, record: &ConnectionRecord, taken: Timestamp, now: Timestamp) -> bool {
    let is_later = |at: Timestamp| dated(Some(at), taken, now) > known.facts_at;
    known.told_at.is_some_and(|told| told >= taken) && !record.updated_at.is_some_and(is_later)
}

/// What an event means, beside what is known of its connection. `whole` is whether it tells all facts, as a row does;
/// `used_before` whether the connection is known to have used its secret. `at` dates an event that doesn't date itself.
pub fn told(
    known: Option<&KnownConnectionView>,
    record: &ConnectionRecord,
    fingerprint: Option<&Fingerprint>,
    (whole, used_before): (bool, bool),
    at: Timestamp,
    now: Timestamp,
) -> Told {
    let date = dated(record.updated_at, at.min(now), now);
    let is_older = known.is_some_and(|known| date < known.facts_at);
    let mut change = Change { own_date: true, ..meant(known, record, fingerprint, (date, is_older), now) };
    let secret_at = fingerprint.map(|_| date);
    let Some(known) = known else {
        // what a row says that comes late is better known than what an end brings along
        let row_at = if whole { date } else { LONG_AGO };
        return Told { change, late: false, takes_facts: true, row_at, secret_at };
    };
    let late = change.stale || is_undone(known, record, date);
    if late {
        return of_the_past(known, record, fingerprint, (whole, used_before), date, now);
    }
    if change.begin.is_none() && !known.status.is_open() && !used_before {
        change.begin = fingerprint.map(|value| former(value, record, EndedBy::Deleted, now));
    }
    // what leaves facts out has had them filled in with those that are known
    Told { change, late: false, takes_facts: true, row_at: if whole { date } else { known.row_at }, secret_at }
}

/// A word of the very instant of the end doesn't undo it, nor one from before the list that lacked it.
fn is_undone(known: &KnownConnectionView, record: &ConnectionRecord, date: Timestamp) -> bool {
    let is_within = |end: Timestamp| record.status != RecordStatus::Deleted && date <= end;
    match known.status {
        ConnectionStatus::Deleted => is_within(known.facts_at) || known.gone_at.is_some_and(is_within),
        ConnectionStatus::Absent => known.gone_at.is_some_and(is_within),
        _ => false,
    }
}

/// An event that is older than the status that is known.
fn of_the_past(
    known: &KnownConnectionView,
    record: &ConnectionRecord,
    fingerprint: Option<&Fingerprint>,
    (whole, used_before): (bool, bool),
    date: Timestamp,
    now: Timestamp,
) -> Told {
    let change = Change {
        stale: false,
        status: known.status,
        facts_at: known.facts_at,
        own_date: known.own_date,
        end_open_use: None,
        begin: None,
        came_back: false,
    };
    let takes_facts = whole && date > known.row_at;
    let row_at = if takes_facts { date } else { known.row_at };
    let nothing = Told { change: change.clone(), late: true, takes_facts, row_at, secret_at: None };
    let Some(value) = fingerprint.filter(|_| record.auth != Some(Auth::Oauth)) else { return nothing };
    let is_newest = date > known.secret_at;
    let secret_at = is_newest.then_some(date);
    let takes_over = |by, replaces_another| {
        let begin = Begin { fingerprint: BeginWith::Secret(value.clone()), since: now, replaces_another, ended: None };
        Change { end_open_use: Some((now, by)), begin: Some(begin), ..change.clone() }
    };
    let change = match &known.open_use {
        Some(open) if open.fingerprint == *value => change,
        Some(open) if open.placeholder => {
            return Told { change: takes_over(EndedBy::Identified, false), secret_at: Some(date), ..nothing };
        }
        Some(_) if is_newest => takes_over(EndedBy::Replaced, true),
        _ if used_before => change,
        Some(_) => Change { begin: Some(former(value, record, EndedBy::Replaced, now)), ..change },
        None => Change { begin: Some(former(value, record, EndedBy::Deleted, now)), ..change },
    };
    Told { change, secret_at, ..nothing }
}

/// A value that the connection used before the one that is known, and of which nobody had told.
fn former(value: &Fingerprint, record: &ConnectionRecord, by: EndedBy, now: Timestamp) -> Begin {
    let since = record.created_at.unwrap_or(now).min(now);
    let until = record.deleted_at.filter(|_| by == EndedBy::Deleted).unwrap_or(now).clamp(since, now);
    Begin { fingerprint: BeginWith::Secret(value.clone()), since, replaces_another: false, ended: Some((until, by)) }
}
