//! Who may ask for what. A program shows its token as a bearer, a browser as the password of any user.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::problem::told;
use crate::domain::action::OperatorName;
use crate::domain::secret::Secret;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// to see numbers, findings, connections, credentials, sources and scans
    See,
    /// to see what viewers don't: who was told what, mails, the whole event log, reports
    Audit,
    /// to set work going
    Act,
}

/// What the operator lets somebody do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// sees how things stand
    Viewer,
    /// sees everything, and changes nothing
    Auditor,
    /// sees everything, and may act
    Operator,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Auditor, Self::Operator];

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// True where who has this role may do that.
    pub const fn may(self, right: Right) -> bool {
        match self {
            Self::Viewer => matches!(right, Right::See),
            Self::Auditor => matches!(right, Right::See | Right::Audit),
            Self::Operator => true,
        }
    }

    /// The least role that may do that.
    const fn least(right: Right) -> Self {
        match right {
            Right::See => Self::Viewer,
            Right::Audit => Self::Auditor,
            Right::Act => Self::Operator,
        }
    }
}

/// Somebody whose token was right. Every request that passed has one among its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// what the configuration calls them
    pub name: Arc<str>,
    /// what they may do
    pub role: Role,
}

impl Visitor {
    /// What the event log calls them where they act.
    pub fn known_as(&self) -> Option<OperatorName> {
        OperatorName::new(&self.name)
    }
}

/// One entry of `[[http.visitor]]`.
#[derive(Clone, Debug)]
pub struct Listed {
    /// who
    pub visitor: Visitor,
    /// what they show
    pub token: Token,
}

/// A shorter token could be guessed.
const SHORTEST: usize = 16;

/// A token. Only its digest is kept, so that neither its value nor its length can be seen or timed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

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

    /// The token of this SHA-256 digest, written as 64 hex digits; `None` for anything else.
    pub fn of_digest(digest: &str) -> Option<Self> {
        HEXLOWER_PERMISSIVE.decode(digest.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// Its digest, as [`Token::of_digest`] reads it.
    pub fn digest(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    fn is(&self, shown: &Self) -> bool {
        self.0.ct_eq(&shown.0).into()
    }
}

/// Why somebody may not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// no token is set
    Closed,
    /// nothing was shown that could be a token
    Missing,
    /// what was shown is nobody's token
    Wrong,
}

/// Who sent a request with these headers: whoever has `own`, the token of `[http]`, may do everything; of `listed` each
/// what their role says.
pub(super) fn judge(own: Option<&Token>, listed: &[Listed], headers: &HeaderMap) -> Result<Visitor, Denied> {
    if own.is_none() && listed.is_empty() {
        return Err(Denied::Closed);
    }
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (Some(first), None) = (shown.next(), shown.next()) else { return Err(Denied::Missing) };
    let shown = presented(first.as_bytes()).ok_or(Denied::Missing)?;
    if shown.len() < SHORTEST {
        return Err(Denied::Wrong); // a digest in the configuration says nothing of its token's length
    }
    let shown = Token(digest(&shown));
    let is_own = own.is_some_and(|token| token.is(&shown));
    // Every one is compared: how long it takes says nothing of who is known.
    let found = listed.iter().fold(None, |found, one| if one.token.is(&shown) { Some(&one.visitor) } else { found });
    match found {
        _ if is_own => Ok(Visitor { name: OWN.into(), role: Role::Operator }),
        Some(visitor) => Ok(visitor.clone()),
        None => Err(Denied::Wrong),
    }
}

/// What whoever shows the token of `[http]` is called.
pub const OWN: &str = "http.token";

/// Lets a request pass whose visitor has this right.
pub(super) async fn entitled(
    State(right): State<Right>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
    next: Next,
) -> Response {
    if visitor.role.may(right) {
        return next.run(request).await;
    }
    let detail = format!(
        "the token of {:?} has the role {}, and this takes the role {}: the operator gives it in [[http.visitor]]",
        visitor.name,
        visitor.role.as_str(),
        Role::least(right).as_str()
    );
    told(StatusCode::FORBIDDEN, &detail, None)
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
                "show a token, the one that is set as token in [http] or one of [[http.visitor]]: \"Authorization: Bearer \
                 TOKEN\", or in a browser the token as the password, with any user name"
            }
            Self::Wrong => "this is neither the token that is set as token in [http] nor one of [[http.visitor]]",
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

    fn token(value: &str) -> Token {
        Token::new(&Secret::new(value)).unwrap()
    }

    fn judged(own: Option<&Token>, listed: &[Listed], shown: &[&str]) -> Result<Visitor, Denied> {
        let mut headers = HeaderMap::new();
        for value in shown {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        judge(own, listed, &headers)
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn the_token_opens_as_a_bearer_and_as_the_password_of_any_user() {
        let own = token(VALUE);
        for shown in [
            format!("Bearer {VALUE}"),
            format!("bearer  {VALUE} "),
            basic(&format!("me:{VALUE}")),
            basic(&format!(":{VALUE}")),
        ] {
            let visitor = judged(Some(&own), &[], &[&shown]).unwrap_or_else(|denied| panic!("{shown}: {denied:?}"));
            assert_eq!((&*visitor.name, visitor.role), (OWN, Role::Operator), "{shown}");
        }
    }

    #[test]
    fn whoever_is_listed_is_who_they_are_with_or_without_a_token_of_the_operators() {
        let (grafana, oncall) = ("grafana-grafana-", "oncall-oncall-oncall");
        let listed =
            [("grafana", Role::Viewer, grafana), ("oncall", Role::Auditor, oncall)].map(|(name, role, value)| {
                let digest = token(value).digest();
                Listed { visitor: Visitor { name: name.into(), role }, token: Token::of_digest(&digest).unwrap() }
            });
        let own = token(VALUE);
        for own in [None, Some(&own)] {
            for one in &listed {
                let value = if &*one.visitor.name == "oncall" { oncall } else { grafana };
                assert_eq!(judged(own, &listed, &[&format!("Bearer {value}")]), Ok(one.visitor.clone()));
                let wrong = format!("Bearer {}", one.token.digest());
                assert_eq!(judged(own, &listed, &[&wrong]), Err(Denied::Wrong), "the digest opens nothing");
            }
        }
        assert_eq!(judged(None, &listed, &[&format!("Bearer {VALUE}")]), Err(Denied::Wrong));
    }

    #[test]
    fn a_token_that_could_be_guessed_opens_nothing_though_its_digest_is_listed() {
        for value in ["", "secret", "0123456789abcde"] {
            let token = Token(digest(value.as_bytes()));
            let listed = [Listed { visitor: Visitor { name: "weak".into(), role: Role::Viewer }, token }];
            assert_eq!(judged(None, &listed, &[&basic(&format!("me:{value}"))]), Err(Denied::Wrong), "{value:?}");
        }
    }

    #[test]
    fn each_role_may_what_it_is_for() {
        let may = |role: Role| [Right::See, Right::Audit, Right::Act].map(|right| role.may(right));
        assert_eq!(
            Role::ALL.map(may),
            [[true, false, false], [true, true, false], [true, true, true]],
            "viewer, auditor, operator"
        );
        for right in [Right::See, Right::Audit, Right::Act] {
            let least = Role::ALL.into_iter().find(|role| role.may(right));
            assert_eq!(Some(Role::least(right)), least, "{right:?}");
        }
    }

    #[test]
    fn only_64_hex_digits_are_a_digest() {
        let digest = token(VALUE).digest();
        assert_eq!(Token::of_digest(&digest.to_uppercase()), Some(token(VALUE)));
        for wrong in
            ["", "sha256", &digest[1..], &format!("{digest}00"), &digest.replace(|c: char| c.is_ascii_digit(), "g")]
        {
            assert_eq!(Token::of_digest(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{:?}", token(VALUE)), "Token");
    }

    #[test]
    fn nothing_else_opens() {
        let own = token(VALUE);
        let right = format!("Bearer {VALUE}");
        assert_eq!(judged(Some(&own), &[], &[]), Err(Denied::Missing));
        assert_eq!(judged(Some(&own), &[], &[&right, &right]), Err(Denied::Missing), "two of them are one too many");
        for shown in [VALUE, "Bearer", "Basic !", "Digest x=y", &basic(VALUE), &format!("Token {VALUE}")] {
            assert_eq!(judged(Some(&own), &[], &[shown]), Err(Denied::Missing), "{shown}");
        }
        for shown in [
            "Bearer x",
            "Bearer ",
            &format!("Bearer {VALUE}0"),
            &format!("Bearer {}", &VALUE[1..]),
            &basic("me:"),
            &basic(&format!("{VALUE}:")),
        ] {
            let denied = judged(Some(&own), &[], &[shown]);
            assert!(matches!(denied, Err(Denied::Wrong | Denied::Missing)), "{shown}: {denied:?}");
        }
        assert_eq!(judged(None, &[], &[&right]), Err(Denied::Closed));
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
