//! What stands in the path: read into a type, or refused with its name.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use utoipa::IntoParams;

use super::query::{CredentialName, LARGEST_NUMBER, Text};
use super::refused::Refused;
use crate::domain::ids::{ConnectionId, FindingId};
use crate::ledger::read::{finding_name, parse_finding};

/// The one part of a path that is not fixed, as a `T`.
pub(super) struct Named<T>(pub(super) T);

/// What a part of a path can be read into.
pub(super) trait Part: Sized {
    /// How such a part is written, in a sentence.
    const FORM: &'static str;

    /// Reads it; `None` where it is written in another way.
    fn read(text: &str) -> Option<Self>;
}

impl<T: Part, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let Ok(params) = params else { return Err(Refused::field("path", T::FORM)) };
        let (name, text) = params.iter().next().unwrap_or(("path", ""));
        T::read(text).map(Self).ok_or_else(|| Refused::field(name, T::FORM))
    }
}

/// The part of a path that names a finding, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the document's form of what is read as a FindingId")]
pub(super) struct FindingPath {
    /// its name
    #[param(pattern = "^F[1-9][0-9]{0,14}$")]
    id: String,
}

/// The greatest number of fifteen digits, which is as much as the pattern of a finding's name says.
pub(super) const LARGEST_NAMED: i64 = 999_999_999_999_999;

/// There is one way to write each: `F07` is nobody's name.
impl Part for FindingId {
    const FORM: &'static str = "a finding is named by F and its number, such as F12";

    fn read(text: &str) -> Option<Self> {
        parse_finding(text).filter(|id| id.0 <= LARGEST_NAMED && finding_name(*id) == text)
    }
}

impl Part for ConnectionId {
    const FORM: &'static str = "write the ledger's number of a connection, which is its id in the list of connections";

    fn read(text: &str) -> Option<Self> {
        plain_number(text, LARGEST_NUMBER).map(Self)
    }
}

/// A number of the ledger's, written as it displays.
pub(super) fn plain_number(text: &str, largest: i64) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    ((1..=largest).contains(&number) && number.to_string() == text).then_some(number)
}

impl Part for Text {
    const FORM: &'static str = "write a name of 1 to 512 characters, percent-encoded";

    fn read(text: &str) -> Option<Self> {
        Self::try_from(text.to_owned()).ok()
    }
}

impl Part for CredentialName {
    const FORM: &'static str = super::query::NAMED;

    fn read(text: &str) -> Option<Self> {
        Self::try_from(text.to_owned()).ok()
    }
}
