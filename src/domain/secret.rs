//! Key material and what may be said of it.

use std::fmt;

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// A secret value. It cannot be printed, compared or serialised, and its memory is wiped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the value, without the white space around it (a fingerprint is over the trimmed value).
    pub fn new(value: &str) -> Self {
        Self(SecretString::from(value.trim()))
    }

    /// The value itself, for sealing, asking and logging in. Every call of this is worth a look.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// True where nothing but white space was given.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The identity of a credential: a keyed hash over provider, public half and secret (DESIGN.md 8),
/// as 64 lower-case hex digits. Without the ledger's key it says nothing about the secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

impl Fingerprint {
    /// How many digits it has.
    pub const DIGITS: usize = 64;
    /// How many of them people name a credential by, where that is enough to tell it from others.
    pub const SHORT: usize = 12;

    /// The fingerprint of these bytes, which are a keyed hash.
    pub fn from_bytes(bytes: &[u8; Self::DIGITS / 2]) -> Self {
        Self(HEXLOWER.encode(bytes))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last 12 digits: how people name a credential.
    pub fn short(&self) -> &str {
        &self.0[self.0.len().saturating_sub(Self::SHORT)..]
    }
}

/// A text that is no [`Fingerprint`]: not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: 64 lower-case hex digits are expected")]
pub struct NoFingerprint;

/// As the ledger stores it.
impl TryFrom<String> for Fingerprint {
    type Error = NoFingerprint;

    fn try_from(hex: String) -> Result<Self, NoFingerprint> {
        let is_one = hex.len() == Self::DIGITS && hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        is_one.then_some(Self(hex)).ok_or(NoFingerprint)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// The last four characters of a public half, which is how a mail tells the reader which key it means.
/// Never of a secret (PROVIDERS.md trap 19).
pub fn tail(key_id: &str) -> String {
    let count = key_id.chars().count();
    if count < 8 {
        return String::new(); // four of fewer than eight characters would be half of it
    }
    key_id.chars().skip(count - 4).collect()
}

/// True for a text with as many of the characters of keys in a row as a key has. A wrong mapping can put a key under any
/// column, so such a value is shown to nobody.
pub fn could_be_key(text: &str) -> bool {
    const KEY_RUN: usize = 20;
    let in_keys = |c: char| c.is_ascii_alphanumeric() || "-_+/=".contains(c); // hex, and either base64
    text.split(|c| !in_keys(c)).any(|run| run.len() >= KEY_RUN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_key_is_told_from_words_and_dates() {
        for key in [
            "0123456789abcdef0123456789abcdef",
            "kit_0123456789abcdef",
            "0123-abcd_EFGH-4567-89ab",
            "SG.ab+/ab+/ab+/ab+/ab+/==",
        ] {
            assert!(could_be_key(key), "{key}");
        }
        for other in
            ["", "mailjet", "active or paused, perhaps deleted", "2026-13-01T00:00:00+01:00", "first.last@example.org"]
        {
            assert!(!could_be_key(other), "{other}");
        }
    }

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::new("  canary-value  ");
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(secret.expose(), "canary-value");
    }

    #[test]
    fn only_64_lower_case_hex_digits_are_a_fingerprint() {
        let whole = Fingerprint::from_bytes(&[0xa5; 32]);
        assert_eq!(whole.as_str(), "a5".repeat(32));
        assert_eq!(whole.short(), "a5a5a5a5a5a5");
        assert_eq!(Fingerprint::try_from(whole.as_str().to_owned()), Ok(whole));
        let umlauts = format!("{}ä", "a".repeat(62)); // as many bytes, and one that can't be cut
        for wrong in [String::new(), "a".repeat(63), "a".repeat(65), "A".repeat(64), "g".repeat(64), umlauts] {
            let json = serde_json::to_string(&wrong).expect("a text");
            assert!(serde_json::from_str::<Fingerprint>(&json).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tail_shows_four_characters_of_a_long_public_half_and_nothing_of_a_short_one() {
        assert_eq!(tail("0123456789abcdef"), "cdef");
        assert_eq!(tail("1234567"), "");
    }
}
