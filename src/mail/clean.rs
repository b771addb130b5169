//! Other people's text, made harmless before it stands in a mail, and instants and spans in words: pure.

use std::time::Duration;

use crate::domain::time::Timestamp;

const LONGEST_NAME: usize = 80;

/// Other people's text as one line of at most 80 characters: no control characters, no line or paragraph
/// separators, nothing that turns the writing direction or hides letters. White space is single.
pub(super) fn name(text: &str) -> String {
    let mut clean = String::new();
    let mut length = 0;
    for c in text.chars() {
        let c = if c.is_whitespace() { ' ' } else { c };
        if is_treacherous(c) || (c == ' ' && (clean.is_empty() || clean.ends_with(' '))) {
            continue;
        }
        if length == LONGEST_NAME {
            clean.pop();
            clean.truncate(clean.trim_end().len());
            clean.push('…');
            return clean;
        }
        clean.push(if c == '"' { '\'' } else { c }); // names stand between double quotes
        length += 1;
    }
    clean.truncate(clean.trim_end().len());
    clean
}

fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // direction
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' // invisible
            | '\u{e0000}'..='\u{e007f}') // tags
}

/// An instant for people, to the minute, in UTC: `4 March 2026, 09:30 UTC`.
pub(super) fn instant(at: Timestamp) -> String {
    at.to_datetime().format("%-d %B %Y, %H:%M UTC").to_string()
}

/// Whole days in words, rounded down; less than a day is said so.
pub(super) fn age(span: Duration) -> String {
    match span.as_secs() / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// A limit to the second: `90 days 0 h 0 min 0 s`.
pub(super) fn limit(span: Duration) -> String {
    let secs = span.as_secs();
    format!("{} days {} h {} min {} s", secs / 86_400, secs / 3_600 % 24, secs / 60 % 60, secs % 60)
}

/// `1 finding`, `2 findings`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::days;

    #[test]
    fn a_hostile_name_comes_out_as_one_short_line() {
        for (hostile, harmless) in [
            ("Shop\r\nBcc: x@example.org", "Shop Bcc: x@example.org"),
            ("\u{202e}gnp.exe\u{2066}", "gnp.exe"),
            ("a\u{0}b\u{7f}c\u{1b}[31m", "abc[31m"),
            ("two\u{2028}lines\u{2029}", "two lines"),
            ("  \t ", ""),
            ("say \"now\"", "say 'now'"),
            ("zero\u{200b}width", "zerowidth"),
        ] {
            assert_eq!(name(hostile), harmless, "{hostile:?}");
        }
        let long = name(&"é ".repeat(5_000));
        assert!(long.chars().count() <= 80 && long.ends_with('…'), "{long}");
        assert_eq!(name(&"x".repeat(80)), "x".repeat(80));
    }

    #[test]
    fn a_limit_is_exact_to_the_second() {
        assert_eq!(limit(days(90)), "90 days 0 h 0 min 0 s");
        assert_eq!(limit(days(1) + Duration::from_secs(3_661)), "1 days 1 h 1 min 1 s");
    }

    proptest! {
        #[test]
        fn no_name_breaks_a_line_or_turns_it(text in any::<String>()) {
            let clean = name(&text);
            prop_assert!(clean.chars().count() <= 80);
            prop_assert!(!clean.chars().any(|c| is_treacherous(c) || c == '\n' || c == '\r'));
            prop_assert_eq!(name(&clean), clean);
        }
    }
}
