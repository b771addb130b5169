//! Times as people read them: RFC 3339 in UTC.

use serde::Serializer;

use crate::domain::time::Timestamp;

/// An instant as text.
pub(super) fn text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// An instant as text, or null.
#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
pub(super) fn maybe<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}
