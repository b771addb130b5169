//! A build without traces: the settings refuse what would need them, so nothing here is ever asked.

use std::sync::Arc;

use super::Spans;
use super::collector::Collector;
use crate::ports::meter::Meter;

/// Traces that there are not.
pub enum Traces {}

impl Traces {
    /// See the build that has them.
    pub fn counted_by(&self, _meter: Arc<dyn Meter>) {
        match *self {}
    }

    /// See the build that has them.
    pub async fn finish(self) {
        match self {}
    }
}

/// See the build that has them.
///
/// # Errors
/// Always.
pub fn begin(_collector: Collector) -> Result<(Traces, Spans), String> {
    Err("this keysweep was built without traces".to_owned())
}

/// See the build that has them.
pub const fn current() -> Option<String> {
    None
}
