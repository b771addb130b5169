//! The written boundary of DESIGN.md 5: stale when older than the limit, to the second.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// True where the secret is older than `max_age`; at exactly `max_age` it is not.
pub(super) fn is_stale(since: Timestamp, now: Timestamp, max_age: Duration) -> bool {
    now >= stale_at(since, max_age)
}

/// The first instant at which the secret is stale.
pub(super) fn stale_at(since: Timestamp, max_age: Duration) -> Timestamp {
    Timestamp::from_secs(since.as_secs()) + Duration::from_secs(max_age.as_secs().saturating_add(1))
}

/// True where the secret is not yet stale, but within `warn_before` of `max_age`.
pub(super) fn is_due(since: Timestamp, now: Timestamp, max_age: Duration, warn_before: Duration) -> bool {
    now >= due_at(since, max_age, warn_before) && !is_stale(since, now, max_age)
}

/// The first instant at which the secret is due.
pub(super) fn due_at(since: Timestamp, max_age: Duration, warn_before: Duration) -> Timestamp {
    Timestamp::from_secs(since.as_secs()) + Duration::from_secs(max_age.saturating_sub(warn_before).as_secs())
}
