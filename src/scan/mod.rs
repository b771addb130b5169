//! The stages collect, probe and judge. Each reads the ledger, streams in chunks, commits each chunk in one
//! transaction, and can be killed anywhere: the next scan goes on from the ledger.

pub mod absence;
pub mod collect;
pub mod judge;
pub mod lane;
mod pass;
pub mod probe;
mod seen;
pub mod time;

pub use collect::{Collected, SourceSpec, collect};
pub use judge::{Judged, judge};
pub use probe::{Probed, probe};

use serde_json::{Map, Value};

/// A flat object for the log, from pairs; `null` values are left out.
pub(crate) fn facts<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
}
