//! Text for terminals: times, columns, and nothing that would move a cursor.

use crate::domain::time::Timestamp;

/// The day alone.
pub fn day(at: Timestamp) -> String {
    at.to_datetime().format("%Y-%m-%d").to_string()
}

/// Day and minute, in UTC.
pub fn minute(at: Timestamp) -> String {
    at.to_datetime().format("%Y-%m-%d %H:%M").to_string()
}

/// The instant as RFC 3339, to the second.
pub fn second(at: Timestamp) -> String {
    Timestamp::from_secs(at.as_secs()).to_string()
}

/// Two columns without lines: names and values.
pub fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().filter(|(_, value)| !value.is_empty());
    lines.map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect()
}

/// Without what would move a terminal's cursor, turn its text round or change its colours.
pub fn plain(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if hidden(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_move_the_cursor_or_turn_the_text_round() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c\nd"), "a [2Jb c d");
    }
}
