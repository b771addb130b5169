//! `Retry-After` in both its forms, and `Date` (pure).

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::HeaderValue;

use crate::domain::time::Timestamp;

/// How long to wait, from seconds or from a date; `None` for anything else. A date that has passed is no wait.
pub fn wait(value: Option<&HeaderValue>, now: Timestamp) -> Option<Duration> {
    let text = value?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    Some(instant(text)?.since(now))
}

/// What the sender's clock showed, from a `Date` header; `None` for anything but a date.
pub fn date(value: Option<&HeaderValue>) -> Option<Timestamp> {
    instant(value?.to_str().ok()?.trim())
}

/// A date as HTTP writes them.
fn instant(text: &str) -> Option<Timestamp> {
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp::from_millis(date.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_nonsense_is_not() {
        let now = Timestamp::parse("2026-11-21T08:00:00Z").unwrap();
        for (text, expected) in [
            ("120", Some(120)),
            ("Sat, 21 Nov 2026 08:01:00 GMT", Some(60)),
            ("Sat, 21 Nov 2026 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let value = HeaderValue::from_static(text);
            assert_eq!(wait(Some(&value), now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
