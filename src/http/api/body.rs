//! What stands in the body of a request: a JSON document, read into a type, or refused with the name of what is at fault.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::refused::Refused;
use crate::domain::time::Timestamp;
use crate::http::problem::told;

/// The body of a request, as a `T`.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let is_json = is_json(request.headers());
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        if !is_json {
            let detail = "send a JSON document, and say so: Content-Type: application/json";
            return Err(told(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail, None));
        }
        read(&body).map(Self).map_err(IntoResponse::into_response)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next().and_then(|kind| kind.to_str().ok()), kinds.next()) else { return false };
    kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    is_object(body)?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let (inner, words) = (error.inner(), error.inner().to_string());
        let place = format!(" at line {} column {}", inner.line(), inner.column());
        let words = words.strip_suffix(&place).unwrap_or(&words);
        let missing = words.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        match (missing, path.as_str()) {
            (Some(field), ".") => Refused::field(field, format!("{field} is missing")),
            (_, ".") => Refused::field("body", format!("the body can't be read: {words}")),
            (_, field) => Refused::field(field, format!("{field} can't be read: {words}")),
        }
    })?;
    Ok(read)
}

/// Refuses all but one JSON object. A list would else be read by place, and what is cut off has no part that could be named.
fn is_object(body: &[u8]) -> Result<(), Refused> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let at_fault = |what: String| Refused::field("body", what);
    let document = Value::deserialize(&mut reader).map_err(|error| {
        at_fault(match error.is_eof() {
            true if body.is_empty() => "there is no body: send a JSON object, {} at least".to_owned(),
            true => "the body ends before its JSON document does: send all of it".to_owned(),
            false => format!("the body is not JSON from line {}, column {} on", error.line(), error.column()),
        })
    })?;
    let rest = reader.end();
    rest.map_err(|_| at_fault("something stands behind the document: send one, and nothing else".to_owned()))?;
    if document.is_object() { Ok(()) } else { Err(at_fault("send a JSON object: {, fields, }".to_owned())) }
}

/// An instant as a program sends it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Cow<'_, str>")]
pub(super) struct Instant(pub(super) Timestamp);

/// The form of an [`Instant`]. One may lie in 1971 or later: in UTC, so that the year says that.
const INSTANT: &str =
    r"^(197[1-9]|19[89][0-9]|[2-9][0-9]{3})-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z$";

impl TryFrom<Cow<'_, str>> for Instant {
    type Error = String;

    fn try_from(text: Cow<'_, str>) -> Result<Self, String> {
        let at = Timestamp::parse(&text).filter(|_| text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T'));
        let at = at.filter(|at| at.as_secs() >= 31_536_000);
        at.map(Self).ok_or_else(|| "write an instant in UTC, such as 2026-09-30T00:00:00Z".to_owned())
    }
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(INSTANT));
        let text = text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        text.description(Some("An instant as RFC 3339, in UTC.")).into()
    }
}

impl ToSchema for Instant {
    fn name() -> Cow<'static, str> {
        "Instant".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        until: Instant,
        note: Option<String>,
    }

    fn field(body: &str) -> Option<String> {
        read::<Asked>(body.as_bytes()).err().and_then(|refused| refused.named().map(str::to_owned))
    }

    #[test]
    fn what_is_at_fault_in_a_document_is_named() {
        let right = r#"{"until": "2026-09-30T00:00:00Z", "note": "x"}"#;
        let asked = read::<Asked>(right.as_bytes()).unwrap();
        assert_eq!((asked.until.0.as_secs(), asked.note.as_deref()), (1_790_726_400, Some("x")));
        for (body, at_fault) in [
            ("", "body"),
            ("nonsense", "body"),
            ("[]", "body"),
            (r#"["2026-09-30T00:00:00Z"]"#, "body"),
            (r#"["2026-09-30T00:00:00Z", 7]"#, "body"),
            ("7", "body"),
            (r#"{"until": "2026-09-"#, "body"),
            (r#"{"until": "2026-09-30T00:00:00Z""#, "body"),
            (r#"{"until": "2026-09-30T00:00:00Z", "until": "2026-09-30T00:00:00Z"}"#, "body"),
            ("null", "body"),
            ("{}", "until"),
            (r#"{"until": "2026-09-30T00:00:00Z"} {}"#, "body"),
            (r#"{"until": 1790000000}"#, "until"),
            (r#"{"until": "1790000000"}"#, "until"),
            (r#"{"until": "2026-09-30"}"#, "until"),
            (r#"{"until": "2026-09-30T00:00:00+02:00"}"#, "until"),
            (r#"{"until": "1970-09-30T00:00:00Z"}"#, "until"),
            (r#"{"until": "2026-09-30T00:00:00Z", "note": 7}"#, "note"),
            (r#"{"until": "2026-09-30T00:00:00Z", "more": 7}"#, "more"),
        ] {
            assert_eq!(field(body).as_deref(), Some(at_fault), "{body}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_document_is_said_in_the_senders_words() {
        for (body, words) in [
            ("", "there is no body: send a JSON object, {} at least"),
            (r#"{"until": "2026-"#, "the body ends before its JSON document does: send all of it"),
            ("{nonsense", "the body is not JSON from line 1, column 2 on"),
            ("{} {}", "something stands behind the document: send one, and nothing else"),
            ("[]", "send a JSON object: {, fields, }"),
            ("null", "send a JSON object: {, fields, }"),
            ("{}", "until is missing"),
            (r#"{"until": 7}"#, "until can't be read: invalid type: integer `7`, expected a string"),
            (r#"{"until": ["x"]}"#, "until can't be read: invalid type: sequence, expected a string"),
            (
                r#"{"until": "2026-12-01"}"#,
                "until can't be read: write an instant in UTC, such as 2026-09-30T00:00:00Z",
            ),
        ] {
            assert_eq!(read::<Asked>(body.as_bytes()).unwrap_err().detail(), words, "{body}");
        }
    }

    #[test]
    fn only_what_says_that_it_is_json_is_read_as_json() {
        let said = |kinds: &[&str]| {
            let mut headers = HeaderMap::new();
            kinds.iter().for_each(|kind| _ = headers.append(CONTENT_TYPE, kind.parse().unwrap()));
            is_json(&headers)
        };
        assert!(said(&["application/json"]) && said(&["Application/JSON; charset=utf-8"]));
        for other in [&[][..], &["text/plain"], &["application/jsonp"], &["application/json", "text/plain"]] {
            assert!(!said(other), "{other:?}");
        }
    }
}
