//! Small things that several verbs say.

use crate::app::SystemClock;
use crate::domain::finding::Severity;
use crate::domain::time::Timestamp;
use crate::ledger::read::FindingRow;
use crate::ports::Clock as _;

pub use crate::report::text::{day, minute, second};
pub use crate::report::words::exempt;

/// Why nobody is reminded of a finding; empty where people are, as its ladder says.
pub fn mail(row: &FindingRow) -> String {
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

/// As many letters of a name as a table on a terminal has room for.
const NAME_AT_MOST: usize = 40;

/// `id (name)`, or the id alone. On a terminal a long name is cut, and says so; elsewhere it is whole.
pub fn connection(id: &str, name: Option<&str>, on_terminal: bool) -> String {
    match name {
        Some(name) if on_terminal && name.chars().count() > NAME_AT_MOST => {
            format!("{id} ({}…)", name.chars().take(NAME_AT_MOST).collect::<String>())
        }
        Some(name) => format!("{id} ({name})"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_on_a_terminal_alone_and_says_so() {
        let name = "n".repeat(41);
        assert_eq!(connection("c1", Some(&name), false), format!("c1 ({name})"));
        assert_eq!(connection("c1", Some(&name), true), format!("c1 ({}…)", "n".repeat(40)));
        assert_eq!(connection("c1", Some(&name[1..]), true), format!("c1 ({})", "n".repeat(40)));
        assert_eq!(connection("c1", None, true), "c1");
    }
}
