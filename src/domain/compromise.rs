//! Which value a platform's word that "the secret leaked" is about.
//!
//! A row says `compromised_at` and shows a secret, but a platform need not clear the date when its customer rotates. So a date is
//! held against the instant from which the value is known to be the row's own: what leaked before that was another value,
//! and the new one is not under suspicion. The date then belongs to the value before, whose key may well still live.

use super::facts::{Compromise, SaidBy};
use super::secret::could_be_key;
use super::time::Timestamp;

/// A note is a sentence, not a report.
const NOTE_AT_MOST: usize = 200;

/// Why the operator's word on a leak is not noted. Says nothing of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// the date
    #[error("lies in the future: write when the key leaked")]
    Future,
    /// the note: it is kept, and printed
    #[error("holds what could be a key (not shown): a note is kept and printed, so write it without")]
    Key,
    /// the note
    #[error("has more than {NOTE_AT_MOST} characters: write it in a sentence")]
    Long,
}

impl WordError {
    /// What of the word is at fault: `at` or `note`.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Future => "at",
            Self::Key | Self::Long => "note",
        }
    }
}

/// The operator's word that a key leaked, with as much as they said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    at: Option<Timestamp>,
    note: Option<String>,
}

impl Word {
    /// What counts from this word on. What it leaves open stays as it was known, so that who only says once more that a key
    /// leaked changes nothing; where nobody has said when, it is `now`.
    pub fn beside(&self, known: Option<Compromise>, now: Timestamp) -> Compromise {
        let (at, note) = known.map_or((now, None), |known| (known.at, known.note));
        Compromise { at: self.at.unwrap_or(at), by: SaidBy::Operator, note: self.note.clone().or(note) }
    }
}

/// What came of the operator's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// the word that counts now; `None` where the key does not count as leaked by it
    pub stands: Option<Compromise>,
    /// false where that is what the ledger had
    pub changed: bool,
}

/// The operator's word, where it can be noted.
///
/// # Errors
/// [`WordError`], which says what to write.
pub fn word(at: Option<Timestamp>, note: Option<&str>, now: Timestamp) -> Result<Word, WordError> {
    if at.is_some_and(|at| at > now) {
        return Err(WordError::Future);
    }
    let text: String = note.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let note = text.trim();
    if could_be_key(note) {
        return Err(WordError::Key);
    }
    if note.chars().count() > NOTE_AT_MOST {
        return Err(WordError::Long);
    }
    Ok(Word { at, note: (!note.is_empty()).then(|| note.to_owned()) })
}

/// From when a value is known to be its row's own, when it is first seen there at `now`: the date that the inventory
/// declares for it, else `now` where it took the place of another value. `None` where no other value is known to have been
/// there: any date is then about this one.
pub fn own_from(declared: Option<Timestamp>, took_over: bool, now: Timestamp) -> Option<Timestamp> {
    declared.or(took_over.then_some(now))
}

/// True where a leak at `compromised_at` is about the value that has been the row's own from `own_from` on. Within the very
/// second it is: platforms write whole seconds, and to warn of a good key costs less than to be silent about a leaked one.
pub fn is_about(compromised_at: Timestamp, own_from: Option<Timestamp>) -> bool {
    own_from.is_none_or(|from| compromised_at.as_secs() >= from.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::days;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn the_operators_word_has_a_date_behind_us_and_a_note_that_anybody_may_read() {
        let noted = |note: &str| word(None, Some(note), NOW).map(|word| word.note);
        assert_eq!(word(None, None, NOW), Ok(Word::default()));
        assert_eq!(word(Some(NOW - days(2)), None, NOW).map(|word| word.at), Ok(Some(NOW - days(2))));
        assert_eq!(word(Some(NOW + days(1)), None, NOW), Err(WordError::Future));
        assert_eq!(noted(" in a paste,\nseen by the team "), Ok(Some("in a paste, seen by the team".to_owned())));
        assert_eq!(noted(" \n "), Ok(None));
        assert_eq!(noted("it was kit_0123456789abcdef"), Err(WordError::Key));
        assert_eq!(noted(&"two words ".repeat(20)).map(|note| note.map(|n| n.len())), Ok(Some(199)));
        assert_eq!(noted(&"two words ".repeat(21)), Err(WordError::Long));
        assert_eq!([WordError::Future, WordError::Key, WordError::Long].map(WordError::field), ["at", "note", "note"]);
    }

    #[test]
    fn a_word_leaves_standing_what_it_says_nothing_of() {
        let (early, note) = (NOW - days(2), || Some("in a paste".to_owned()));
        let leak = |at, note| Compromise { at, by: SaidBy::Operator, note };
        let known = || Some(leak(early, note()));
        for (at, said, known, expected) in [
            (None, None, None, leak(NOW, None)),
            (None, None, known(), leak(early, note())),
            (Some(NOW), None, known(), leak(NOW, note())),
            (None, Some("in a log"), known(), leak(early, Some("in a log".to_owned()))),
            (None, None, Some(Compromise { by: SaidBy::Account, ..leak(early, None) }), leak(early, None)),
        ] {
            assert_eq!(word(at, said, NOW).map(|word| word.beside(known, NOW)), Ok(expected));
        }
    }

    #[test]
    fn a_leak_is_about_the_value_that_the_row_had_then() {
        let second = std::time::Duration::from_secs(1);
        let fraction = std::time::Duration::from_millis(400);
        let (before, after) = (NOW - days(3), NOW + days(3));
        for (what, declared, took_over, leaked, about) in [
            ("the only value ever seen", None, false, before, true),
            ("rotated since, and the date was left standing", None, true, before, false),
            ("leaked after the rotation was seen", None, true, after, true),
            ("on the instant of the rotation", None, true, NOW, true),
            ("in the second of the rotation, whose fraction the platform drops", Some(NOW + fraction), true, NOW, true),
            ("set before it leaked, seen later", Some(NOW - days(4)), true, before, true),
            ("set after an earlier value had leaked", Some(NOW - days(2)), false, before, false),
            ("a second before it was set", Some(NOW), false, NOW - second, false),
        ] {
            assert_eq!(is_about(leaked, own_from(declared, took_over, NOW)), about, "{what}");
        }
    }
}
