//! Times as people read them: RFC 3339 in UTC.

use serde::{Serialize as _, Serializer};
use serde_json::json;

use crate::domain::brake::Braked;
use crate::domain::clock::Suspect;
use crate::domain::time::Timestamp;

/// An instant as text.
///
/// # Errors
/// The serializer's.
pub fn text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// An instant as text, or null.
///
/// # Errors
/// The serializer's.
#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
pub fn maybe<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

/// A clock that is not gone by, its instant as text, or null.
#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
pub(super) fn suspect<S: Serializer>(clock: &Option<Suspect>, serializer: S) -> Result<S::Ok, S::Error> {
    let told = clock.map(|Suspect { since, ahead }| json!({"since": since.to_string(), "ahead": ahead}));
    told.serialize(serializer)
}

/// Why nobody is told of anything, its instant as text, or null.
#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
pub(super) fn braked<S: Serializer>(brake: &Option<Braked>, serializer: S) -> Result<S::Ok, S::Error> {
    let told = brake
        .as_ref()
        .map(|Braked { since, new, allowed }| json!({"since": since.to_string(), "new": new, "allowed": allowed}));
    told.serialize(serializer)
}
