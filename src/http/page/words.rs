//! Numbers, times and other people's text as the page writes them.

use std::fmt::Write as _;

use minijinja::{HtmlEscape, Value};
use serde::Serialize;

use crate::domain::time::Timestamp;

/// An id of the platform is longer than this only by mistake.
const LONGEST_TEXT: usize = 64;

/// A sentence with a path in it has room in this.
const LONGEST_LINE: usize = 400;

/// An instant: exact for machines, relative for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct When {
    /// RFC 3339
    pub(super) exact: String,
    /// `12 min ago`, `in 3 h`
    pub(super) words: String,
}

impl When {
    pub(super) fn of(at: Timestamp, now: Timestamp) -> Self {
        let words = if at > now { format!("in {}", span(at, now)) } else { format!("{} ago", span(now, at)) };
        Self { exact: at.to_string(), words }
    }

    /// `since 12 min`, `for 41 d`: how long something has lasted.
    pub(super) fn lasting(since: Timestamp, now: Timestamp) -> Self {
        Self { exact: since.to_string(), words: span(now, since) }
    }
}

/// From `earlier` to `later` in one unit, rounded down.
fn span(later: Timestamp, earlier: Timestamp) -> String {
    let secs = later.since(earlier).as_secs();
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min", secs / 60),
        3600..172_800 => format!("{} h", secs / 3600),
        _ => format!("{} d", secs / 86_400),
    }
}

/// A count with its thousands apart: `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 row`, `2 rows`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A sentence in which commands stand between backticks, escaped.
pub(super) fn coded(sentence: &str) -> Value {
    let mut html = String::new();
    for (at, piece) in sentence.split('`').enumerate() {
        let escaped = HtmlEscape(piece);
        // writing to a String can't fail
        _ = if at % 2 == 1 { write!(html, "<code>{escaped}</code>") } else { write!(html, "{escaped}") };
    }
    Value::from_safe_string(html)
}

/// Other people's name or id on one line: what would turn the writing direction or can't be seen shows as `�`.
pub(super) fn harmless(text: &str) -> String {
    shortened(text, LONGEST_TEXT)
}

/// As [`harmless`], for a path or a sentence.
pub(super) fn harmless_line(text: &str) -> String {
    shortened(text, LONGEST_LINE)
}

fn shortened(text: &str, longest: usize) -> String {
    let shown = |c: char| if is_treacherous(c) { '\u{fffd}' } else { c };
    let mut line: String = text.chars().take(longest).map(shown).collect();
    if text.chars().nth(longest).is_some() {
        line.push('…');
    }
    line
}

fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{days, hours};

    #[test]
    fn a_time_is_told_in_the_unit_that_a_person_would_use() {
        let now = Timestamp::from_secs(1_790_000_000);
        let second = std::time::Duration::from_secs(1);
        for (at, words) in [
            (now, "0 s ago"),
            (now - second * 59, "59 s ago"),
            (now - second * 3599, "59 min ago"),
            (now - hours(47), "47 h ago"),
            (now - days(90), "90 d ago"),
            (now + hours(3), "in 3 h"),
        ] {
            assert_eq!(When::of(at, now).words, words);
        }
    }

    #[test]
    fn counts_keep_their_thousands_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn what_deceives_the_eye_is_shown_as_what_it_is() {
        assert_eq!(harmless("a\u{202e}b\u{200b}\n"), "a\u{fffd}b\u{fffd}\u{fffd}");
        assert_eq!(harmless(&"x".repeat(65)).chars().count(), 65);
        assert!(harmless(&"x".repeat(65)).ends_with('…'));
    }
}
