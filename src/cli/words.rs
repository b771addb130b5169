//! Small things that several verbs say.

use crate::app::SystemClock;
use crate::domain::finding::Severity;
use crate::domain::time::Timestamp;
use crate::ledger::read::{FindingRow, finding_name};
use crate::ports::Clock as _;

pub use crate::report::text::{day, minute, second};
pub use crate::report::words::exempt;

/// The columns of a table of findings.
pub const FINDING_COLUMNS: &[&str] =
    &["finding", "severity", "rule", "connection", "account", "provider", "liveness", "since", "mail"];

/// A finding's cells, in the order of [`FINDING_COLUMNS`].
pub fn finding_cells(row: &FindingRow) -> Vec<String> {
    vec![
        finding_name(row.id),
        row.severity.to_string(),
        row.rule.to_string(),
        connection(&row.connection_id, row.connection_name.as_deref()),
        row.account_id.clone(),
        row.provider.to_string(),
        row.liveness.to_string(),
        day(row.since),
        mail(row),
    ]
}

/// Why nobody is reminded of a finding; empty where people are, as its ladder says.
fn mail(row: &FindingRow) -> String {
    if let Some(word) = &row.exempt {
        return exempt(word);
    }
    match (&row.pause, row.pause_until) {
        _ if !row.mailed => "never".to_owned(),
        (Some(pause), Some(until)) if until > SystemClock.now() => format!("{pause} to {}", day(until)),
        _ if row.baseline => "baseline".to_owned(),
        _ => String::new(),
    }
}

/// `id (name)`, or the id alone.
pub fn connection(id: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{id} ({})", name.chars().take(40).collect::<String>()),
        None => id.to_owned(),
    }
}

/// The minute, or a dash.
pub fn minute_or_dash(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), minute)
}

/// `1 critical, 2 high` of counts by severity; `none` where there is nothing.
pub fn severities(count: impl Fn(Severity) -> u64) -> String {
    let words = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .map(|severity| (count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {severity}"));
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "none".to_owned() } else { words }
}
