//! What is said of a scan to programs (the one object of DESIGN.md 10), and of an error to people.

use serde_json::{Value, json};

use super::scan::ScanSummary;

/// An error and its causes, once each, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}

impl ScanSummary {
    /// The `scan` part of the object.
    pub fn describe(&self) -> Value {
        json!({
            "id": self.id.0,
            "started_at": self.started_at.to_string(),
            "finished_at": self.finished_at.to_string(),
            "outcome": self.outcome(),
            "sources": self.collected.iter().map(|(name, c)| json!({
                "name": name, "complete": c.complete, "rows": c.rows, "error": c.error, "held_back": c.held_back,
            })).collect::<Vec<_>>(),
        })
    }
}
