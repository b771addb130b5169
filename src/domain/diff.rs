//! What a row of the inventory changes (DESIGN.md 3).
//!
//! A row is first reduced to its facts ([`connection_facts`], [`person_facts`]); equal facts mean that there is
//! nothing to do. What changed or is new goes through [`absorb`], which says what begins and what ends. What is
//! missing goes through [`absence`] and [`exceeds_vanish_limit`].

mod encode;
mod gone;
#[cfg(test)]
mod tests;
mod told;

use std::time::Duration;

pub use encode::{Watched, connection_facts, person_facts};
pub use gone::{Absence, Accepted, absence, exceeds_vanish_limit};
pub use told::{Told, is_overtaken, told};

use super::facts::{ConnectionStatus, EndedBy};
use super::record::{Auth, ConnectionRecord, RecordStatus};
use super::secret::Fingerprint;
use super::time::Timestamp;

/// How far a platform's clock may run ahead of ours before its instants are not believed.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// What is known of a connection, as far as the diff needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownConnectionView {
    /// its status
    pub status: ConnectionStatus,
    /// how old its facts are
    pub facts_at: Timestamp,
    /// true where the platform dated them; else it is our clock that says when they were read
    pub own_date: bool,
    /// how old they are but for the status
    pub row_at: Timestamp,
    /// how old the last word on its secret is
    pub secret_at: Timestamp,
    /// when an event last told of it, by our clock
    pub told_at: Option<Timestamp>,
    /// where it is believed to be gone because lists lack it: how old the list is that settled it
    pub gone_at: Option<Timestamp>,
    /// its open use
    pub open_use: Option<OpenUse>,
    /// the credential of its latest use, open or ended
    pub last_credential: Option<Fingerprint>,
}

/// A connection's open use, as far as the diff needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUse {
    /// its credential
    pub fingerprint: Fingerprint,
    /// true for the stand-in of a row without a secret
    pub placeholder: bool,
    /// the account that used it, by the platform's id
    pub account: String,
}

/// What one row changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// true where the row is older than what is known: nothing else is done, and the other fields repeat what is known
    pub stale: bool,
    /// the connection's status from now on
    pub status: ConnectionStatus,
    /// how old its facts are from now on
    pub facts_at: Timestamp,
    /// true where that is the platform's own date
    pub own_date: bool,
    /// when and by what the open use ends; done before another begins
    pub end_open_use: Option<(Timestamp, EndedBy)>,
    /// the use that begins
    pub begin: Option<Begin>,
    /// true where the connection was deleted or absent and is open again
    pub came_back: bool,
}

/// A use that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// what is used
    pub fingerprint: BeginWith,
    /// from when, as well as is known; never after `now`
    pub since: Timestamp,
    /// true where the value took the place of another known one: its age is then observed
    pub replaces_another: bool,
    /// when and by what it had ended already at first sight; never before `since`
    pub ended: Option<(Timestamp, EndedBy)>,
}

/// What a use begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginWith {
    /// the row's own secret
    Secret(Fingerprint),
    /// the row has no secret: a stand-in that can't be asked
    Placeholder,
}

/// What a new or changed row means, beside what is known of its connection. `fingerprint` is that of the row's
/// secret, `None` where it has none; `snapshot_start` dates a row that doesn't date itself.
///
/// The first date that a row has of its own is not held against the instant at which our clock says that it was read: it has
/// not changed since that date, which is no reason to shut out what is read of it today.
///
/// The view doesn't say since when a use is open, so the end of a known one is kept from lying after `now`, but
/// not from lying before its beginning.
pub fn absorb(
    known: Option<&KnownConnectionView>,
    record: &ConnectionRecord,
    fingerprint: Option<&Fingerprint>,
    snapshot_start: Timestamp,
    now: Timestamp,
) -> Change {
    let facts_at = dated(record.updated_at, snapshot_start, now);
    let is_first_date = |known: &KnownConnectionView| record.updated_at.is_some() && !known.own_date;
    let is_older = known.is_some_and(|known| facts_at < known.facts_at && !is_first_date(known));
    meant(known, record, fingerprint, (facts_at, is_older), now)
}

/// What a row means that is as old as this, and older than what is known or not.
fn meant(
    known: Option<&KnownConnectionView>,
    record: &ConnectionRecord,
    fingerprint: Option<&Fingerprint>,
    (facts_at, is_older): (Timestamp, bool),
    now: Timestamp,
) -> Change {
    let change = Change {
        stale: false,
        status: status_of(record.status),
        facts_at,
        own_date: record.updated_at.is_some(),
        end_open_use: None,
        begin: None,
        came_back: false,
    };
    match known {
        None => Change { begin: Some(first_use(record, fingerprint, now)), ..change },
        Some(known) if is_older => {
            let KnownConnectionView { status, facts_at, own_date, .. } = *known;
            Change { stale: true, status, facts_at, own_date, ..change }
        }
        Some(known) if known.status.is_open() => open_row(known, record, fingerprint, now, change),
        Some(known) => ended_row(known, fingerprint, now, change),
    }
}

fn dated(updated_at: Option<Timestamp>, snapshot_start: Timestamp, now: Timestamp) -> Timestamp {
    match updated_at {
        // a date far ahead would shut out every later row until that day
        Some(at) if at > now + CLOCK_TOLERANCE => now,
        Some(at) => at,
        None => snapshot_start,
    }
}

const fn status_of(status: RecordStatus) -> ConnectionStatus {
    match status {
        RecordStatus::Active => ConnectionStatus::Active,
        RecordStatus::Paused => ConnectionStatus::Paused,
        RecordStatus::Deleted => ConnectionStatus::Deleted,
    }
}

fn first_use(record: &ConnectionRecord, fingerprint: Option<&Fingerprint>, now: Timestamp) -> Begin {
    let deleted = record.status == RecordStatus::Deleted;
    // a row that was deleted long ago and says nothing of its making did exist when it was deleted
    let earliest = record.created_at.or(record.deleted_at.filter(|_| deleted)).unwrap_or(now);
    let since = earliest.min(now);
    Begin {
        fingerprint: begin_with(fingerprint),
        since,
        replaces_another: false,
        ended: deleted.then(|| (deletion(record, now).max(since), EndedBy::Deleted)),
    }
}

fn open_row(
    known: &KnownConnectionView,
    record: &ConnectionRecord,
    fingerprint: Option<&Fingerprint>,
    now: Timestamp,
    change: Change,
) -> Change {
    let deleted = (!change.status.is_open()).then(|| (deletion(record, now), EndedBy::Deleted));
    let Some(open) = &known.open_use else {
        // our own code leaves no open connection without a use; if one turns up, it gets one
        let ended = deleted.map(|(_, by)| (now, by));
        let begin = Begin { fingerprint: begin_with(fingerprint), since: now, replaces_another: false, ended };
        return Change { begin: Some(begin), ..change };
    };
    if record.auth == Some(Auth::Oauth) && !open.placeholder {
        // What was taken for a key is a permission's token: it leaves no key behind, and is not asked about any more.
        let begin = Begin {
            fingerprint: BeginWith::Placeholder,
            since: now,
            replaces_another: false,
            ended: deleted.map(|(_, by)| (now, by)),
        };
        return Change { end_open_use: Some((now, EndedBy::Identified)), begin: Some(begin), ..change };
    }
    let is_another_value = fingerprint.is_some_and(|shown| *shown != open.fingerprint);
    if deleted.is_none() && open.account != record.account_id && !is_another_value {
        // The connection is another customer's now, and its key with it: the account before left nothing behind.
        let same = if open.placeholder { BeginWith::Placeholder } else { BeginWith::Secret(open.fingerprint.clone()) };
        let begin = Begin { fingerprint: same, since: now, replaces_another: false, ended: None };
        return Change { end_open_use: Some((now, EndedBy::Identified)), begin: Some(begin), ..change };
    }
    match fingerprint {
        Some(other) if *other != open.fingerprint => {
            let by = if open.placeholder { EndedBy::Identified } else { EndedBy::Replaced };
            let begin = Begin {
                fingerprint: BeginWith::Secret(other.clone()),
                since: now,
                replaces_another: !open.placeholder,
                ended: deleted.map(|(_, by)| (now, by)), // it is first seen now, so it can't have ended earlier
            };
            Change { end_open_use: Some((now, by)), begin: Some(begin), ..change }
        }
        Some(_) | None => Change { end_open_use: deleted, ..change },
    }
}

/// A row that was deleted or absent. Its `created_at` dates the connection, not the secret that it comes back with,
/// so the new use begins now.
fn ended_row(known: &KnownConnectionView, fingerprint: Option<&Fingerprint>, now: Timestamp, change: Change) -> Change {
    let by = if known.status == ConnectionStatus::Absent { EndedBy::Absent } else { EndedBy::Deleted };
    let end_open_use = known.open_use.as_ref().map(|_| (now, by)); // a left-over, if any: two are never open
    if !change.status.is_open() {
        return Change { end_open_use, ..change };
    }
    let begin = Begin { fingerprint: begin_with(fingerprint), since: now, replaces_another: false, ended: None };
    Change { end_open_use, begin: Some(begin), came_back: true, ..change }
}

/// What a row tells of the credential of an open use beside its fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// it is the same secret, of which the row says more than before
    Same,
    /// it is another secret, though the row doesn't show it
    Other,
}

impl Change {
    /// The change, where more is known than fingerprints tell. A row that says more of the same secret (the public half, a
    /// version) leaves no key behind; one without a secret that says that its own was replaced begins another use.
    #[must_use]
    pub fn knowing(self, value: Option<Value>, now: Timestamp) -> Self {
        let Some(value) = value.filter(|_| !self.stale && self.status.is_open()) else { return self };
        match (value, self.begin, self.end_open_use) {
            (Value::Same, Some(begin), Some((at, _))) => {
                let begin = Some(Begin { replaces_another: false, ..begin });
                Self { end_open_use: Some((at, EndedBy::Identified)), begin, ..self }
            }
            (_, None, None) => {
                let replaces_another = value == Value::Other;
                let by = if replaces_another { EndedBy::Replaced } else { EndedBy::Identified };
                let begin = Begin { fingerprint: BeginWith::Placeholder, since: now, replaces_another, ended: None };
                Self { end_open_use: Some((now, by)), begin: Some(begin), ..self }
            }
            (_, begin, end_open_use) => Self { begin, end_open_use, ..self },
        }
    }
}

/// Whether the row itself tells when this ended its use; else the end is dated by whoever notices it.
pub fn is_dated(record: &ConnectionRecord, by: EndedBy) -> bool {
    by == EndedBy::Deleted && record.deleted_at.is_some()
}

fn deletion(record: &ConnectionRecord, now: Timestamp) -> Timestamp {
    record.deleted_at.unwrap_or(now).min(now)
}

fn begin_with(fingerprint: Option<&Fingerprint>) -> BeginWith {
    fingerprint.map_or(BeginWith::Placeholder, |fingerprint| BeginWith::Secret(fingerprint.clone()))
}
