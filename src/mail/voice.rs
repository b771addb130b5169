//! One language and one clock: how instants, spans, numbers and lists are said to a reader. Pure.

use std::time::Duration;

use chrono::{Datelike as _, TimeZone as _};
use chrono_tz::Tz;

use super::texts::Texts;
use crate::domain::time::{Timestamp, zone_name};

/// How a reader is spoken to.
#[derive(Clone, Copy)]
pub(super) struct Voice<'a> {
    pub(super) texts: &'a Texts,
    zone: Tz,
}

impl<'a> Voice<'a> {
    /// The reader's language, and the clocks that they go by: an IANA name; anything else is UTC.
    pub(super) fn new(texts: &'a Texts, timezone: Option<&str>) -> Self {
        let zone = timezone.and_then(|name| name.trim().parse().ok()).unwrap_or(Tz::UTC);
        Self { texts, zone }
    }

    /// An instant to the minute, with the name of its clock: `4 March 2026, 09:30 UTC`. Its parts keep together.
    pub(super) fn instant(&self, at: Timestamp) -> String {
        let local = self.zone.from_utc_datetime(&at.to_datetime().naive_utc());
        let months = &self.texts.date.months;
        let month = months.get(local.month0() as usize).map_or("", String::as_str);
        let zone = zone_name(&local);
        self.texts.date.instant.fill(&[
            ("day", &local.day().to_string()),
            ("month", month),
            ("year", &local.year().to_string()),
            ("time", &local.format("%H:%M").to_string()),
            ("zone", &zone),
        ])
    }

    /// Whole days in words, rounded down; less than a day is said so.
    pub(super) fn age(&self, span: Duration) -> String {
        match usize::try_from(span.as_secs() / 86_400).unwrap_or(usize::MAX) {
            0 => self.texts.span.none.fill(&[]),
            days => self.texts.span.days.fill(days, &[]),
        }
    }

    /// Whole days in words, of which there may be more.
    pub(super) fn at_least(&self, span: Duration) -> String {
        let texts = &self.texts.span;
        match span.as_secs() / 86_400 {
            0 => texts.at_least_none.fill(&[]),
            _ => texts.at_least.fill(&[("age", &self.age(span))]),
        }
    }

    /// A limit to the second: `90 days 0 h 0 min 0 s`.
    pub(super) fn limit(&self, span: Duration) -> String {
        let secs = span.as_secs();
        let numbers = [secs / 86_400, secs / 3_600 % 24, secs / 60 % 60, secs % 60].map(|number| number.to_string());
        let [days, hours, minutes, seconds] = &numbers;
        self.texts.span.limit.fill(&[("days", days), ("hours", hours), ("minutes", minutes), ("seconds", seconds)])
    }

    /// `a`, `a and b`, `a, b and c`.
    pub(super) fn list(&self, parts: &[impl AsRef<str>]) -> String {
        let (comma, and) = (&self.texts.list.comma, &self.texts.list.and);
        let mut said = String::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                said.push_str(if index + 1 == parts.len() { and } else { comma });
            }
            said.push_str(part.as_ref());
        }
        said
    }

    /// Which clocks the instants go by, as a whole sentence.
    pub(super) fn clocks(&self) -> String {
        match self.zone {
            Tz::UTC | Tz::Etc__UTC => self.texts.footer.utc.fill(&[]),
            zone => self.texts.footer.zone.fill(&[("zone", zone.name())]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::days;
    use crate::mail::texts::Languages;

    #[test]
    fn an_instant_is_said_in_the_readers_language_and_by_their_clocks() {
        let languages = Languages::read(&[]).expect("the shipped languages");
        let winter = Timestamp::parse("2026-03-04T23:30:00Z").expect("an instant");
        let summer = Timestamp::parse("2026-07-04T23:30:59Z").expect("an instant");
        for (locale, timezone, at, said) in [
            (None, None, winter, "4\u{a0}March 2026, 23:30\u{a0}UTC"),
            (Some("en"), Some("UTC"), winter, "4\u{a0}March 2026, 23:30\u{a0}UTC"),
            (Some("en"), Some("Europe/Berlin"), winter, "5\u{a0}March 2026, 00:30\u{a0}CET"),
            (Some("de"), Some("Europe/Berlin"), summer, "5.\u{a0}Juli 2026, 01:30\u{a0}Uhr\u{a0}CEST"),
            (Some("de"), Some("Nowhere/Atall"), summer, "4.\u{a0}Juli 2026, 23:30\u{a0}Uhr\u{a0}UTC"),
            (None, Some("America/Sao_Paulo"), summer, "4\u{a0}July 2026, 20:30\u{a0}UTC-03:00"),
            (None, Some("Asia/Kathmandu"), summer, "5\u{a0}July 2026, 05:15\u{a0}UTC+05:45"),
            (None, Some("\r\nBcc: x"), summer, "4\u{a0}July 2026, 23:30\u{a0}UTC"),
        ] {
            let voice = Voice::new(languages.of(locale).1, timezone);
            assert_eq!(voice.instant(at), said, "{locale:?} {timezone:?}");
        }
        let clocks = |timezone| Voice::new(languages.of(None).1, timezone).clocks();
        assert_eq!(clocks(None), "All times are UTC.");
        assert_eq!(clocks(Some("Europe/Berlin")), "All times are those of Europe/Berlin.");
    }

    #[test]
    fn spans_limits_and_lists_read_well() {
        let languages = Languages::read(&[]).expect("the shipped languages");
        let (english, german) = (Voice::new(languages.of(None).1, None), Voice::new(languages.of(Some("de")).1, None));
        assert_eq!(english.limit(days(90)), "90 days 0 h 0 min 0 s");
        assert_eq!(english.limit(days(1) + Duration::from_secs(3_661)), "1 days 1 h 1 min 1 s");
        let ages = |voice: &Voice<'_>| [0, 1, 97].map(|count| voice.age(days(count)));
        assert_eq!(ages(&english), ["less than a day", "1 day", "97 days"]);
        assert_eq!(ages(&german), ["weniger als einen Tag", "1 Tag", "97 Tage"]);
        let bounds = |voice: &Voice<'_>| [0, 1, 97].map(|count| voice.at_least(days(count)));
        assert_eq!(bounds(&english), ["0 days or more", "at least 1 day", "at least 97 days"]);
        assert_eq!(bounds(&german), ["0 Tage oder mehr", "mindestens 1 Tag", "mindestens 97 Tage"]);
        assert_eq!(english.list(&["a"; 0]), "");
        assert_eq!(english.list(&["a"]), "a");
        assert_eq!(english.list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(german.list(&["a", "b"]), "a und b");
    }
}
