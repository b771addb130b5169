//! What a person looks for by its name, exactly.

use crate::domain::ids::FindingId;
use crate::domain::secret::Fingerprint;

use super::findings::parse_finding;

/// Digits of a fingerprint that name a credential, at least.
const DIGITS: usize = 8;

/// Something that was looked for: a finding's number, a connection's or account's id on the platform, a connection as lists write
/// it (`SOURCE/ID`), or the last digits of a credential's fingerprint. The same text may be several of these; then all of them are
/// found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    text: String,
}

impl Search {
    /// What is looked for; `None` where the text is empty but for blanks around it.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self { text: text.to_owned() })
    }

    /// As it was asked for, without blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The finding that it names.
    pub(super) fn finding(&self) -> Option<FindingId> {
        parse_finding(&self.text)
    }

    /// The digits that a fingerprint may end with, in lower case.
    pub(super) fn digits(&self) -> Option<String> {
        digits(&self.text)
    }
}

/// Digits that name a credential: at least eight of its fingerprint's last, in lower case; `None` for anything else.
pub(super) fn digits(text: &str) -> Option<String> {
    let named =
        (DIGITS..=Fingerprint::DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    named.then(|| text.to_ascii_lowercase())
}

/// The last eight of such digits, which credentials are found by.
pub(super) fn tail(digits: &str) -> &str {
    digits.get(digits.len().saturating_sub(DIGITS)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_all_that_it_could_be() {
        for (text, finding, digits) in [
            ("F12", Some(12), None),
            (" f7 ", Some(7), None),
            ("F1234567", Some(1_234_567), Some("f1234567")),
            ("DEADBEEF", None, Some("deadbeef")),
            ("deadbee", None, None),
            ("c-12", None, None),
            ("0123456789ab", None, Some("0123456789ab")),
        ] {
            let search = Search::new(text).unwrap();
            assert_eq!((search.finding().map(|id| id.0), search.digits().as_deref()), (finding, digits), "{text}");
        }
        assert_eq!(Search::new("  "), None);
        assert_eq!(digits(&"a".repeat(65)), None);
        assert_eq!(tail("0123456789ab"), "456789ab");
    }
}
