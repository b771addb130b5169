//! The page's own sentences, in the languages that it speaks. What stands between braces is filled in.

use chrono::{Datelike as _, TimeZone as _};
use chrono_tz::Tz;
use serde::Serialize;

use crate::domain::time::{Timestamp, zone_name};

/// One language.
#[derive(Debug, Serialize)]
pub(super) struct Texts {
    pub(super) lang: &'static str,
    #[serde(skip)]
    months: [&'static str; 12],
    #[serde(skip)]
    day_sign: &'static str,
    #[serde(skip)]
    and: &'static str,
    // headings and labels
    pub(super) found: &'static str,
    pub(super) stands: &'static str,
    pub(super) steps: &'static str,
    pub(super) before: &'static str,
    pub(super) old_value: &'static str,
    pub(super) acts: &'static str,
    pub(super) key: &'static str,
    pub(super) connection: &'static str,
    pub(super) age: &'static str,
    pub(super) open: &'static str,
    pub(super) footer: &'static str,
    pub(super) again: &'static str,
    // acts
    pub(super) check: &'static str,
    pub(super) check_hint: &'static str,
    pub(super) reset: &'static str,
    pub(super) reset_by_hand: &'static str,
    pub(super) reset_hint: &'static str,
    pub(super) reset_unasked_hint: &'static str,
    pub(super) reset_by_hand_hint: &'static str,
    pub(super) resume: &'static str,
    pub(super) resume_hint: &'static str,
    pub(super) snooze: &'static str,
    pub(super) snooze_hint: &'static str,
    pub(super) days: &'static str,
    pub(super) not_mine: &'static str,
    pub(super) not_mine_hint: &'static str,
    pub(super) compromised: &'static str,
    pub(super) compromised_hint: &'static str,
    pub(super) destroy: &'static str,
    pub(super) destroy_hint: &'static str,
    pub(super) destroy_sure: &'static str,
    pub(super) mute: &'static str,
    pub(super) mute_hint: &'static str,
    pub(super) unmute: &'static str,
    pub(super) unmute_hint: &'static str,
    // what the provider has said
    pub(super) accepted: &'static str,
    pub(super) accepted_limited: &'static str,
    pub(super) over: &'static str,
    pub(super) refused: &'static str,
    pub(super) refused_last: &'static str,
    pub(super) confirmed_from: &'static str,
    pub(super) confirmed_next: &'static str,
    pub(super) not_everywhere: &'static str,
    pub(super) no_control: &'static str,
    pub(super) proven: &'static str,
    pub(super) outlived: &'static str,
    pub(super) not_yet_asked: &'static str,
    pub(super) unclear: &'static str,
    pub(super) blind: &'static str,
    pub(super) no_copy: &'static str,
    pub(super) destroyed: &'static str,
    pub(super) next: &'static str,
    pub(super) said_reset: &'static str,
    pub(super) still_accepted: &'static str,
    pub(super) snoozed: &'static str,
    pub(super) acknowledged: &'static str,
    pub(super) pending: &'static str,
    pub(super) confirmed: &'static str,
    pub(super) disowned: &'static str,
    // what became of an act
    pub(super) told_accepted: &'static str,
    pub(super) told_refused: &'static str,
    pub(super) told_unclear: &'static str,
    pub(super) told_put_off: &'static str,
    pub(super) told_asking: &'static str,
    pub(super) told_reset: &'static str,
    pub(super) told_reset_unasked: &'static str,
    pub(super) told_reset_by_hand: &'static str,
    pub(super) told_snoozed: &'static str,
    pub(super) told_resumed: &'static str,
    pub(super) told_disowned: &'static str,
    pub(super) told_destroyed: &'static str,
    pub(super) told_compromised: &'static str,
    pub(super) told_too_often: &'static str,
    pub(super) told_unfit: &'static str,
    pub(super) told_unsure: &'static str,
    pub(super) told_muted: &'static str,
    pub(super) told_unmuted: &'static str,
    // pages without a finding
    pub(super) unsubscribe: &'static str,
    pub(super) unsubscribe_text: &'static str,
    pub(super) settled: &'static str,
    pub(super) settled_text: &'static str,
    pub(super) gone: &'static str,
    pub(super) gone_text: &'static str,
    pub(super) busy: &'static str,
    pub(super) busy_text: &'static str,
    pub(super) often: &'static str,
    pub(super) often_text: &'static str,
    pub(super) foreign: &'static str,
    pub(super) foreign_text: &'static str,
    pub(super) unread: &'static str,
    pub(super) unread_text: &'static str,
}

impl Texts {
    /// The language for a reader: by the first part of their locale (`de`, `de-AT`, `de_CH.UTF-8`, `de@euro`), else English.
    pub(super) fn of(locale: Option<&str>) -> &'static Self {
        let language = locale.and_then(|locale| locale.trim().split(['-', '_', '.', '@']).next()).unwrap_or_default();
        if language.eq_ignore_ascii_case("de") { &GERMAN } else { &ENGLISH }
    }

    /// The language of somebody who is not known: by what their browser asks for first.
    pub(super) fn accepted_by(header: Option<&str>) -> &'static Self {
        Self::of(header.and_then(|header| header.split([',', ';']).next()).map(str::trim))
    }

    /// To the minute, by the clocks of a zone, as mails have it.
    pub(super) fn instant(&self, at: Timestamp, zone: Tz) -> String {
        let local = zone.from_utc_datetime(&at.to_datetime().naive_utc());
        let month = self.months[local.month0() as usize % 12];
        let (time, zone) = (local.format("%H:%M"), zone_name(&local));
        format!("{}{} {month} {}, {time} {zone}", local.day(), self.day_sign, local.year())
    }

    /// `A`, `A and B`, `A, B and C`.
    pub(super) fn list(&self, words: &[String]) -> String {
        match words {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} {} {last}", first.join(", "), self.and),
        }
    }
}

/// A sentence with its blanks filled.
pub(super) fn fill(sentence: &str, blanks: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        filled.push_str(blanks.iter().find(|(blank, _)| *blank == name).map_or("", |(_, value)| value));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

mod english;
mod german;

use english::ENGLISH;
use german::GERMAN;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_reader_is_spoken_to_in_their_language_or_in_english() {
        for (locale, lang) in [
            (Some("de"), "de"),
            (Some("de-AT"), "de"),
            (Some("DE_ch"), "de"),
            (Some("de.UTF-8"), "de"),
            (Some("de_CH.UTF-8"), "de"),
            (Some(" de@euro"), "de"),
            (Some("den"), "en"),
            (Some("fr"), "en"),
            (Some(""), "en"),
            (None, "en"),
        ] {
            assert_eq!(Texts::of(locale).lang, lang, "{locale:?}");
        }
        assert_eq!(Texts::accepted_by(Some("de-DE,de;q=0.9,en;q=0.8")).lang, "de");
        assert_eq!(Texts::accepted_by(None).lang, "en");
    }

    #[test]
    fn both_languages_fill_the_same_blanks_of_every_sentence() {
        let blanks = |text: &str| {
            let mut found: Vec<String> =
                text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect();
            found.sort();
            found
        };
        let (Ok(Value::Object(english)), Ok(Value::Object(german))) =
            (serde_json::to_value(&ENGLISH), serde_json::to_value(&GERMAN))
        else {
            panic!("texts are objects")
        };
        for (name, sentence) in &english {
            let (one, other) = (sentence.as_str().expect("a text"), german[name].as_str().expect("a text"));
            assert!(!one.is_empty() && !other.is_empty(), "{name}");
            assert_eq!(blanks(one), blanks(other), "{name}");
        }
    }

    #[test]
    fn dates_lists_and_blanks_are_written_out() {
        let at = Timestamp::from_secs(1_790_000_000);
        assert_eq!(ENGLISH.instant(at, Tz::UTC), "21 September 2026, 14:13 UTC");
        assert_eq!(GERMAN.instant(at, Tz::Europe__Berlin), "21. September 2026, 16:13 CEST");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(ENGLISH.list(&words(&["REST"])), "REST");
        assert_eq!(GERMAN.list(&words(&["REST", "SMTP", "X"])), "REST, SMTP und X");
        assert_eq!(fill("{a} and {b}{c}.", &[("a", "1"), ("b", "{c}")]), "1 and {c}.");
        assert_eq!(fill("open {a", &[("a", "1")]), "open 1");
    }
}
