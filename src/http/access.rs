//! Who may ask. A program shows the token as a bearer, a browser as the password of any user.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::domain::secret::Secret;

/// A shorter token could be guessed.
const SHORTEST: usize = 16;

/// The operator's token. Only its digest is kept, so that neither its value nor its length can be seen or timed.
#[derive(Clone)]
pub struct Token([u8; 32]);

/// Why a value is no token. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// it could be guessed
    #[error("it is shorter than {SHORTEST} characters; make one with `openssl rand -hex 32`")]
    Short,
    /// a header can't carry it
    #[error("it has characters that a header can't carry; make one with `openssl rand -hex 32`")]
    Characters,
}

impl Token {
    /// Takes a value of at least 16 visible ASCII characters.
    ///
    /// # Errors
    /// [`TokenError`], which says how to make one that does.
    pub fn new(value: &Secret) -> Result<Self, TokenError> {
        let value = value.expose();
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Characters);
        }
        if value.len() < SHORTEST {
            return Err(TokenError::Short);
        }
        Ok(Self(digest(value.as_bytes())))
    }

    fn is(&self, shown: &[u8]) -> bool {
        self.0.ct_eq(&digest(shown)).into()
    }
}

/// Who may ask more than whether keysweep is well.
#[derive(Clone)]
pub enum Access {
    /// nobody: no token is set
    Closed,
    /// whoever shows this token
    Token(Token),
}

/// Why somebody may not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// no token is set
    Closed,
    /// nothing was shown that could be a token
    Missing,
    /// what was shown is not the token
    Wrong,
}

impl Access {
    /// Judges what a request shows.
    pub(super) fn judge(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let Self::Token(token) = self else { return Err(Denied::Closed) };
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        let (Some(first), None) = (shown.next(), shown.next()) else { return Err(Denied::Missing) };
        let shown = presented(first.as_bytes()).ok_or(Denied::Missing)?;
        if token.is(&shown) { Ok(()) } else { Err(Denied::Wrong) }
    }
}

impl Denied {
    /// What to do about it.
    pub(super) const fn todo(self) -> &'static str {
        match self {
            Self::Closed => {
                "this listener has no token, so it shows nothing but /healthz and /readyz: set token in [http], for \
                 example to \"file:http.token\" with the output of `openssl rand -hex 32` in that file, and restart keysweep"
            }
            Self::Missing => {
                "show the token that is set as token in [http]: \"Authorization: Bearer TOKEN\", or in a browser the \
                 token as the password, with any user name"
            }
            Self::Wrong => "this is not the token that is set as token in [http]",
        }
    }
}

/// The token in an `Authorization` header, be it right or wrong; `None` for other schemes and forms.
fn presented(header: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let gap = header.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = (&header[..gap], header[gap..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(Zeroizing::new(rest.to_vec()));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = Zeroizing::new(STANDARD.decode(rest).ok()?);
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(Zeroizing::new(pair[colon + 1..].to_vec()))
}

fn digest(value: &[u8]) -> [u8; 32] {
    Sha256::digest(value).into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const VALUE: &str = "0123456789abcdef0123456789abcdef";

    fn judged(access: &Access, shown: &[&str]) -> Result<(), Denied> {
        let mut headers = HeaderMap::new();
        for value in shown {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        access.judge(&headers)
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn the_token_opens_as_a_bearer_and_as_the_password_of_any_user() {
        let access = Access::Token(Token::new(&Secret::new(VALUE)).unwrap());
        for shown in [
            format!("Bearer {VALUE}"),
            format!("bearer  {VALUE} "),
            basic(&format!("me:{VALUE}")),
            basic(&format!(":{VALUE}")),
        ] {
            assert_eq!(judged(&access, &[&shown]), Ok(()), "{shown}");
        }
    }

    #[test]
    fn nothing_else_opens() {
        let access = Access::Token(Token::new(&Secret::new(VALUE)).unwrap());
        let right = format!("Bearer {VALUE}");
        assert_eq!(judged(&access, &[]), Err(Denied::Missing));
        assert_eq!(judged(&access, &[&right, &right]), Err(Denied::Missing), "two of them are one too many");
        for shown in [VALUE, "Bearer", "Basic !", "Digest x=y", &basic(VALUE), &format!("Token {VALUE}")] {
            assert_eq!(judged(&access, &[shown]), Err(Denied::Missing), "{shown}");
        }
        for shown in [
            "Bearer x",
            "Bearer ",
            &format!("Bearer {VALUE}0"),
            &format!("Bearer {}", &VALUE[1..]),
            &basic("me:"),
            &basic(&format!("{VALUE}:")),
        ] {
            let denied = judged(&access, &[shown]);
            assert!(matches!(denied, Err(Denied::Wrong | Denied::Missing)), "{shown}: {denied:?}");
        }
        assert_eq!(judged(&Access::Closed, &[&right]), Err(Denied::Closed));
    }

    #[test]
    fn a_token_that_could_be_guessed_or_not_be_sent_is_refused() {
        assert_eq!(Token::new(&Secret::new("0123456789abcde")).err(), Some(TokenError::Short));
        assert_eq!(Token::new(&Secret::new("")).err(), Some(TokenError::Short));
        for value in ["two words and more of them", "schlüssel-schlüssel", "line\nline-line-line-line"] {
            assert_eq!(Token::new(&Secret::new(value)).err(), Some(TokenError::Characters), "{value}");
        }
    }
}
