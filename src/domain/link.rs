//! A link that lets its holder act for one person (DESIGN.md 9).
//!
//! Its token is 256 bits that only the ledger's key can make. The mail has it, and nobody else: the ledger knows its hash,
//! which for a value that can't be guessed needs neither salt nor slowness.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The whole address of an action link, token included: whoever has it may act. Printing it masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct ActionLink(String);

impl ActionLink {
    /// Takes an absolute http or https address that ends in a token.
    pub const fn new(address: String) -> Self {
        Self(address)
    }

    /// The address, for the one mail that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ActionLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActionLink(..)")
    }
}

/// What makes a link one that nobody can guess. Printing it masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// Takes 32 bytes that nobody can guess.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads what an address ends in; `None` for what was never a token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        <[u8; 32]>::try_from(bytes).ok().map(Self)
    }

    /// The 43 characters that stand in the address.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What the ledger knows it by.
    pub fn hash(&self) -> LinkHash {
        LinkHash(hex(b"keysweep link v1", &self.0))
    }

    /// What a form of the page carries, so that only who has seen the page sends it. It says nothing of the token.
    pub fn nonce(&self) -> String {
        let mut nonce = hex(b"keysweep form v1", &self.0);
        nonce.truncate(32);
        nonce
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The hash of a token: 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkHash(String);

impl LinkHash {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hex(label: &[u8], bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::new().chain_update(label).chain_update(bytes).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_link_nor_its_token_is_printed() {
        let link = ActionLink::new("https://keys.example.org/a/canary".to_owned());
        assert!(!format!("{link:?}").contains("canary"));
        assert_eq!(link.expose(), "https://keys.example.org/a/canary");
        let token = Token::new([7; 32]);
        assert!(!format!("{token:?}").contains(&token.expose()));
    }

    #[test]
    fn a_token_is_read_back_and_nothing_else_is_one() {
        let token = Token::new(std::array::from_fn(|at| at as u8 * 7));
        let text = token.expose();
        assert_eq!(text.len(), 43);
        assert_eq!(Token::parse(&text), Some(token));
        for other in
            ["", "a", &text[1..], &format!("{text}A"), &format!("{text}="), &text.replace(char::is_alphanumeric, "é")]
        {
            assert_eq!(Token::parse(other), None, "{other}");
        }
    }

    #[test]
    fn hash_and_nonce_say_nothing_of_each_other_or_of_the_token() {
        let token = Token::new([7; 32]);
        let (hash, nonce) = (token.hash(), token.nonce());
        assert_eq!((hash.as_str().len(), nonce.len()), (64, 32));
        assert!(!hash.as_str().starts_with(&nonce) && !hash.as_str().contains("0707"));
        assert_ne!(hash, Token::new([8; 32]).hash());
    }
}
