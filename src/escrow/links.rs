//! Tokens of links: made from the ledger's key, so that a mail that is sent again carries the same ones.

use hmac::Mac as _;

use super::Escrow;
use crate::domain::ids::{FindingId, MailId, PersonId};
use crate::domain::link::Token;

impl Escrow {
    /// The token by which a person acts on a finding that a mail tells them of.
    pub fn action_token(&self, mail: MailId, person: PersonId, finding: FindingId) -> Token {
        self.token(b"action", [mail.0, person.0, finding.0])
    }

    /// The token by which a person ends mails about low severities.
    pub fn unsubscribe_token(&self, mail: MailId, person: PersonId) -> Token {
        self.token(b"unsubscribe", [mail.0, person.0, 0])
    }

    /// What signs the return address of a mail.
    pub fn sign_return(&self, claim: &[u8]) -> [u8; 32] {
        self.returns.clone().chain_update(claim).finalize().into_bytes().into()
    }

    /// Purpose and numbers, each of a fixed length or behind its length, so that no two inputs are one.
    fn token(&self, purpose: &[u8], numbers: [i64; 3]) -> Token {
        let mut mac = self.links.clone();
        mac.update(&(purpose.len() as u64).to_le_bytes());
        mac.update(purpose);
        for number in numbers {
            mac.update(&number.to_le_bytes());
        }
        Token::new(mac.finalize().into_bytes().into())
    }
}
