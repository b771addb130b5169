//! Return addresses that name their mail (VERP): `bounces+TOKEN@mail.example.org`.
//!
//! What comes back for a mail comes to the address that it was sent from. The token in it names the mail and the day until
//! which it is believed, and is signed: nobody who has not seen the mail can say that it came back. It is lower-case base32
//! without look-alikes and read in any case, since servers on the way may change it.

use subtle::ConstantTimeEq as _;

use super::ids::MailId;
use super::record::Address;
use super::time::Timestamp;

/// Digits and letters without i, l, o and u: five bits each.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The mail's number, the day, and what signs both.
const NUMBER: usize = 8;
const DAY: usize = 2;
const SIGN: usize = 15;
const BYTES: usize = NUMBER + DAY + SIGN;
/// Characters of a token: its bytes fill them to the last bit.
const CHARS: usize = BYTES * 8 / 5;
/// What stands before the `+` may be this long: a local part has at most 64 octets (RFC 5321, 4.5.3.1.1).
const NAME: usize = 64 - 1 - CHARS;
const MILLIS_A_DAY: i64 = 86_400_000;

/// Where mails come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPath {
    name: String,
    host: String,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// it was not made here, or was changed
    Forged,
    /// it was made here, and its day is over
    Expired,
}

impl ReturnPath {
    /// Takes a plain address of ASCII characters with at most 23 before the `@`, and no `+` there.
    ///
    /// # Errors
    /// What is wrong, as a part of a sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let address = Address::parse(text).ok_or("it is no plain address")?;
        let (name, host) = address.expose().rsplit_once('@').ok_or("it is no plain address")?;
        if !address.expose().is_ascii() {
            return Err("it is not plain ASCII");
        }
        if name.contains('+') {
            return Err("what names the mail is put behind a `+` of its own");
        }
        if name.len() > NAME {
            return Err("more than 23 characters before the `@` leave no room for what names the mail");
        }
        Ok(Self { name: name.to_ascii_lowercase(), host: host.to_ascii_lowercase() })
    }

    /// The address without a mail's name in it.
    pub fn plain(&self) -> String {
        format!("{}@{}", self.name, self.host)
    }

    /// The address that `mail` comes back to, believed until the end of the day of `until`. `sign` is a keyed hash that
    /// only the ledger's key makes. `None` never happens for an address that [`ReturnPath::parse`] took.
    pub fn of(&self, mail: MailId, until: Timestamp, sign: impl Fn(&[u8]) -> [u8; 32]) -> Option<Address> {
        Address::parse(&format!("{}+{}@{}", self.name, token(mail, until, sign), self.host))
    }

    /// What stands in this address where ours have their token; `None` for any other address.
    pub fn token_in<'a>(&self, address: &'a str) -> Option<&'a str> {
        let (local, host) = address.rsplit_once('@')?;
        let (name, token) = local.split_once('+')?;
        (name.eq_ignore_ascii_case(&self.name) && host.eq_ignore_ascii_case(&self.host)).then_some(token)
    }
}

/// The mail that a token names.
///
/// # Errors
/// [`TokenFault`]: then nothing follows from it.
pub fn read(token: &str, now: Timestamp, sign: impl Fn(&[u8]) -> [u8; 32]) -> Result<MailId, TokenFault> {
    let bytes = decode(token).ok_or(TokenFault::Forged)?;
    let (claim, signed) = bytes.split_at(NUMBER + DAY);
    if !bool::from(sign(claim)[..SIGN].ct_eq(signed)) {
        return Err(TokenFault::Forged);
    }
    let (number, day) = claim.split_at(NUMBER);
    let number = number.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let day = day.iter().fold(0_i64, |day, byte| day << 8 | i64::from(*byte));
    if i64::from(day_of(now)) > day {
        return Err(TokenFault::Expired);
    }
    Ok(MailId(number.cast_signed()))
}

fn token(mail: MailId, until: Timestamp, sign: impl Fn(&[u8]) -> [u8; 32]) -> String {
    let mut bytes = mail.0.to_be_bytes().to_vec();
    bytes.extend(day_of(until).to_be_bytes());
    let signed = sign(&bytes);
    bytes.extend(&signed[..SIGN]);
    encode(&bytes)
}

/// Whole days since 1970, to the year 2149.
fn day_of(at: Timestamp) -> u16 {
    let day = at.as_millis().div_euclid(MILLIS_A_DAY);
    u16::try_from(day.clamp(0, i64::from(u16::MAX))).unwrap_or(u16::MAX)
}

fn encode(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    let letter = |at: usize| (0..5).fold(0, |five, next| five << 1 | bit(at * 5 + next));
    (0..bytes.len() * 8 / 5).map(|at| char::from(ALPHABET[usize::from(letter(at))])).collect()
}

fn decode(token: &str) -> Option<[u8; BYTES]> {
    if token.len() != CHARS {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (place, letter) in token.bytes().enumerate() {
        let five = ALPHABET.iter().position(|known| *known == letter.to_ascii_lowercase())?;
        for bit in 0..5 {
            let at = place * 5 + bit;
            bytes[at / 8] |= u8::from(five >> (4 - bit) & 1 == 1) << (7 - at % 8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::domain::time::days;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn sign(bytes: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(b"a key").chain_update(bytes).finalize().into()
    }

    fn other(bytes: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(b"another key").chain_update(bytes).finalize().into()
    }

    #[test]
    fn an_address_names_its_mail_within_sixty_four_octets() {
        let path = ReturnPath::parse("bounces@mail.example.org").unwrap();
        let address = path.of(MailId(17), NOW + days(30), sign).unwrap();
        let (local, host) = address.expose().split_once('@').unwrap();
        assert_eq!((local.len(), host), (48, "mail.example.org"));
        assert_eq!(read(path.token_in(address.expose()).unwrap(), NOW, sign), Ok(MailId(17)));
        let longest = ReturnPath::parse(&format!("{}@example.org", "b".repeat(23))).unwrap();
        assert_eq!(longest.of(MailId(i64::MAX), NOW, sign).unwrap().expose().split_once('@').unwrap().0.len(), 64);
    }

    #[test]
    fn an_address_that_leaves_no_room_or_can_not_be_told_apart_is_refused() {
        for (text, word) in [
            ("bounces", "no plain address"),
            ("Bounces <bounces@example.org>", "no plain address"),
            ("bounces+keys@example.org", "`+`"),
            ("rücklauf@example.org", "ASCII"),
            ("a-very-long-name-for-bounces@example.org", "23 characters"),
        ] {
            let fault = ReturnPath::parse(text).unwrap_err();
            assert!(fault.contains(word), "{text}: {fault}");
        }
    }

    #[test]
    fn other_addresses_have_no_token() {
        let path = ReturnPath::parse("bounces@example.org").unwrap();
        for other in ["bounces@example.org", "bounce+x@example.org", "bounces+x@example.com", "bounces+x", ""] {
            assert_eq!(path.token_in(other), None, "{other}");
        }
        assert_eq!(path.token_in("BOUNCES+x@Example.ORG"), Some("x"));
    }

    #[test]
    fn a_token_is_believed_to_the_end_of_its_day() {
        let until = NOW + days(30);
        let token = token(MailId(1), until, sign);
        let last = Timestamp::from_millis(until.day_end().as_millis() - 1);
        assert_eq!(read(&token, last, sign), Ok(MailId(1)));
        assert_eq!(read(&token, until.day_end(), sign), Err(TokenFault::Expired));
        assert_eq!(read(&token, until + days(1), other), Err(TokenFault::Forged), "and a forged one is only that");
    }

    proptest! {
        #[test]
        fn a_token_is_read_back_in_any_case(number: i64, life in 0_u64..4000, upper in any::<u64>()) {
            let token = token(MailId(number), NOW + days(life), sign);
            prop_assert!(token.bytes().all(|byte| ALPHABET.contains(&byte)) && token.len() == CHARS);
            let mixed: String = token.chars().enumerate()
                .map(|(at, c)| if upper >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
                .collect();
            prop_assert_eq!(read(&mixed, NOW, sign), Ok(MailId(number)));
            prop_assert_eq!(read(&mixed, NOW, other), Err(TokenFault::Forged));
        }

        #[test]
        fn a_token_with_any_character_changed_is_refused(number in 0_i64.., at in 0..CHARS, c in any::<char>()) {
            let token = token(MailId(number), NOW + days(30), sign);
            let mut changed: Vec<char> = token.chars().collect();
            prop_assume!(!changed[at].eq_ignore_ascii_case(&c));
            changed[at] = c;
            let changed: String = changed.into_iter().collect();
            prop_assert_eq!(read(&changed, NOW, sign), Err(TokenFault::Forged));
        }

        #[test]
        fn anything_else_is_no_token(text in "\\PC*") {
            prop_assert_eq!(read(&text, NOW, sign), Err(TokenFault::Forged));
        }
    }
}
