//! What stands behind the `?`: read into a type, or refused with the name of what is at fault.
//!
//! The parameters that there are, are those that the type tells the document of; no other is taken, and none twice.

mod said;
mod schema;

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use url::form_urlencoded;
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;

use self::said::{Said, Wrong};
use super::refused::Refused;
use crate::domain::secret::Fingerprint;
use crate::ledger::read::{Cursor, CursorError, Order};

/// Rows of a page where nothing else is asked for.
const USUAL_LIMIT: usize = 50;
/// Rows of a page at most.
const LARGEST_LIMIT: usize = 200;
/// Characters of a text; no id in an inventory is longer.
const LONGEST: usize = 512;
/// The greatest number that every reader of JSON has exactly.
pub(super) const LARGEST_NUMBER: i64 = (1 << 53) - 1;

/// The greatest number of eighteen digits, which is as much as the pattern of a cursor says. No ledger counts that far.
const LARGEST_ROW: i64 = 999_999_999_999_999_999;

/// The query of a request, as a `T`.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + IntoParams, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        read(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn read<T: DeserializeOwned + IntoParams>(query: &str) -> Result<T, Refused> {
    let known: Vec<String> = T::into_params(|| Some(ParameterIn::Query)).into_iter().map(|known| known.name).collect();
    let mut given = BTreeMap::new();
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(not_text(query));
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !known.iter().any(|known| *known == name) {
            return Err(unknown(&name, &known));
        }
        if given.insert(name.to_string(), value.into_owned()).is_some() {
            return Err(Refused::field(&name, format!("{name} is given twice; give it once")));
        }
    }
    // One by one first: what can't be read is then known by its name.
    for (name, value) in &given {
        let alone = MapDeserializer::<_, Wrong>::new(std::iter::once((name.as_str(), Said(value))));
        T::deserialize(alone).map_err(|wrong| Refused::field(name, format!("{name} can't be read: {wrong}")))?;
    }
    let all = MapDeserializer::<_, Wrong>::new(given.iter().map(|(name, value)| (name.as_str(), Said(value))));
    T::deserialize(all).map_err(|wrong| Refused::field("query", wrong.to_string()))
}

/// What is percent-encoded in it is no UTF-8, and so no name of anything.
fn not_text(query: &str) -> Refused {
    let is_text = |part: &&str| percent_decode_str(part).decode_utf8().is_err();
    let name = query.split('&').find(is_text).and_then(|part| part.split('=').next()).unwrap_or("query");
    let name = percent_decode_str(name).decode_utf8().unwrap_or("query".into());
    Refused::field(&name, "what is percent-encoded here is not UTF-8: encode the text as UTF-8")
}

fn unknown(name: &str, known: &[String]) -> Refused {
    let detail = if known.is_empty() {
        "this path takes no parameters; leave it out".to_owned()
    } else {
        format!("there is no such parameter here; there are {}", known.join(", "))
    };
    Refused::field(name, detail)
}

/// No parameters.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Nothing {}

/// The query of a request that takes none.
pub(super) struct None;

impl<S: Send + Sync> FromRequestParts<S> for None {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        read::<Nothing>(parts.uri.query().unwrap_or_default()).map(|Nothing {}| Self)
    }
}

/// How many rows a page may have.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u64")]
pub(super) struct Limit(usize);

impl TryFrom<u64> for Limit {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        let number = usize::try_from(number).ok().filter(|number| (1..=LARGEST_LIMIT).contains(number));
        number.map(Self).ok_or_else(|| format!("write a number from 1 to {LARGEST_LIMIT}"))
    }
}

impl Limit {
    /// The number of rows that was asked for, or the usual.
    pub(super) fn or_usual(limit: Option<Self>) -> usize {
        limit.map_or(USUAL_LIMIT, |Self(rows)| rows)
    }
}

/// A number of the ledger's.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u64")]
pub(super) struct Number(pub(super) i64);

impl TryFrom<u64> for Number {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        let number = i64::try_from(number).ok().filter(|number| (1..=LARGEST_NUMBER).contains(number));
        number.map(Self).ok_or_else(|| "write a number of the ledger's, 1 or greater".to_owned())
    }
}

/// A name of somebody else's: an id, a source, a provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Text(String);

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let blank = text.trim().is_empty();
        if blank || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return Err(format!(
                "write 1 to {LONGEST} characters, none of them a control character, and not blanks alone"
            ));
        }
        Ok(Self(text))
    }
}

impl Text {
    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As it was written.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// How a credential is named.
pub(super) const NAMED: &str =
    "a credential is named by the last 12 hex digits of its fingerprint, or more of them, in lower case";

/// A credential's name.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct CredentialName(pub(super) String);

impl TryFrom<String> for CredentialName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_name = (Fingerprint::SHORT..=Fingerprint::DIGITS).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if is_name { Ok(Self(name)) } else { Err(NAMED.to_owned()) }
    }
}

/// A place in a list by number, the least first.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Onward(Cursor);

/// A place in a list by number, the greatest first.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Back(Cursor);

/// A place in a list of findings, in whichever order.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Place(pub(super) Cursor);

impl TryFrom<String> for Onward {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        place(&text, &[Order::Number]).map(Self)
    }
}

impl TryFrom<String> for Back {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        place(&text, &[Order::Latest]).map(Self)
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        place(&text, &[Order::Number, Order::Worst, Order::Newest]).map(Self)
    }
}

/// A place in a list by number, from either end.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Way(pub(super) Cursor);

impl TryFrom<String> for Way {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        place(&text, &[Order::Number, Order::Latest]).map(Self)
    }
}

/// Where a list in the order that is asked for begins: at the cursor, which has an order of its own, else at its beginning.
///
/// # Errors
/// Where the cursor's order is another one.
pub(super) fn begun(order: Option<Order>, cursor: Option<Cursor>) -> Result<Cursor, Refused> {
    let from = cursor.unwrap_or_else(|| Cursor::start(order.unwrap_or(Order::Number)));
    if order.is_some_and(|order| order != from.order()) {
        return Err(Refused::conflict("cursor", CursorError::OtherOrder.to_string()));
    }
    Ok(from)
}

/// A place in a list of one of these orders, behind a number that a row can have.
fn place(text: &str, orders: &[Order]) -> Result<Cursor, String> {
    let cursor = Cursor::read(text).map_err(|error| error.to_string())?;
    let (Cursor::Number(id) | Cursor::Latest(id) | Cursor::Worst { id, .. } | Cursor::Newest { id, .. }) = cursor;
    if !orders.contains(&cursor.order()) {
        return Err(CursorError::OtherOrder.to_string());
    }
    if (1..=LARGEST_ROW).contains(&id) { Ok(cursor) } else { Err(CursorError::Unreadable.to_string()) }
}

impl Onward {
    /// The number behind which the page begins.
    pub(super) const fn after(cursor: Option<Self>) -> i64 {
        match cursor {
            Some(Self(Cursor::Number(number))) => number,
            _ => 0,
        }
    }
}

impl Back {
    /// The number before which the page begins.
    pub(super) const fn before(cursor: Option<Self>) -> i64 {
        match cursor {
            Some(Self(Cursor::Latest(number))) => number,
            _ => i64::MAX,
        }
    }
}
