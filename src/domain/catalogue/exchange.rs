//! One question over HTTP and the meaning of its answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::Source;
use super::template::Template;
use crate::domain::outcome::{Reason, Verdict};

/// A row's content type that stands for `application/json` and every `application/…+json`.
pub const ANY_JSON: &str = "json";

/// One read-only question. Its method is GET, always.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// which kind of key it asks about, where the provider knows several: a name of `[[credential.kind]]`
    #[serde(default)]
    pub key_kind: Option<String>,
    /// asked only where the secret has this shape (a regular expression over the whole value)
    #[serde(default)]
    pub when_secret: Option<String>,
    /// the path, beginning with a slash
    pub path: String,
    /// fixed query parameters
    #[serde(default)]
    pub query: Vec<(String, String)>,
    /// fixed headers
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// where the credential goes
    pub auth: ProbeAuth,
    /// what answers mean, the first row that fits
    #[serde(rename = "answer")]
    pub answers: Vec<AnswerRow>,
    /// exchanges that show each row
    #[serde(rename = "example")]
    pub examples: Vec<Example>,
    /// who says that this may be asked, and how
    pub source: Source,
}

/// Where a request carries the credential.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeAuth {
    /// HTTP Basic: name and password
    Basic(Template, Template),
    /// a header's name and its value
    Header(String, Template),
    /// a query parameter's name and its value: it is in the one request line, which is never stored
    Query(String, Template),
}

/// What an answer means.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRow {
    /// the status
    pub status: u16,
    /// what the content type begins with, or `json` for every type of JSON; any, where it is not given
    #[serde(default)]
    pub content_type: Option<String>,
    /// the body is empty
    #[serde(default)]
    pub empty: bool,
    /// the body contains this text
    #[serde(default)]
    pub contains: Option<String>,
    /// the body is JSON, and all of these hold
    #[serde(default)]
    pub json: Vec<JsonTest>,
    /// the verdict
    pub verdict: Word,
    /// for `unknown`: why
    #[serde(default)]
    pub reason: Option<Reason>,
    /// who says what, where sources disagree: such a row refuses nobody
    #[serde(default)]
    pub disputed: Option<String>,
    /// who says so
    pub source: Source,
}

/// A condition on a JSON body.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JsonTest {
    /// a JSON pointer (RFC 6901) to something that must be there; empty for the whole body
    pub at: String,
    /// or that must not be there
    #[serde(default)]
    pub absent: bool,
    /// and be of this type
    #[serde(default)]
    pub is: Option<JsonType>,
    /// and be this
    #[serde(default)]
    pub equals: Option<Value>,
    /// and not be this
    #[serde(default)]
    pub not_equals: Option<Value>,
    /// and, as text (a list's texts one after another), contain one of these, whatever their case
    #[serde(default)]
    pub contains_any: Vec<String>,
}

/// The types of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JsonType {
    /// `[…]`
    Array,
    /// `true` or `false`
    Boolean,
    /// a number
    Number,
    /// `{…}`
    Object,
    /// text
    String,
}

/// A verdict's word in a catalogue file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// let in
    Accepted,
    /// alive, but not allowed this
    Limited,
    /// turned away
    Refused,
    /// nothing is learnt
    Unknown,
}

/// One exchange as a provider makes it, and what it means.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// what it shows
    pub name: String,
    /// the status
    pub status: u16,
    /// the content type
    #[serde(default)]
    pub content_type: Option<String>,
    /// the body
    #[serde(default)]
    pub body: String,
    /// the verdict
    pub verdict: Word,
    /// for `unknown`: why
    #[serde(default)]
    pub reason: Option<Reason>,
}

impl Word {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Limited => "limited",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl AnswerRow {
    /// Whether it asks for the provider's own envelope: a content type of JSON, and something in the body.
    pub fn is_enveloped(&self) -> bool {
        let json = |wanted: &String| wanted == ANY_JSON || is_type(Some(wanted), ANY_JSON);
        self.content_type.as_ref().is_some_and(json) && self.names_something()
    }

    /// Whether it asks for something in a JSON body, beyond its being JSON.
    pub fn names_something(&self) -> bool {
        let names = |test: &JsonTest| !test.absent && (!test.at.is_empty() || test.is == Some(JsonType::Array));
        self.json.iter().any(names)
    }
}

/// What an answer to a probe means, and the row that says so (`None` where no row of the file fits and the rules for
/// every provider decide).
pub fn classify(rows: &[AnswerRow], status: u16, content_type: Option<&str>, body: &[u8]) -> (Verdict, Option<usize>) {
    let json = serde_json::from_slice::<Value>(body).ok();
    let fits = |row: &AnswerRow| {
        row.status == status
            && row.content_type.as_deref().is_none_or(|wanted| is_type(content_type, wanted))
            && (!row.empty || body.is_empty())
            && row.contains.as_deref().is_none_or(|text| String::from_utf8_lossy(body).contains(text))
            && (row.json.is_empty() || json.as_ref().is_some_and(|json| row.json.iter().all(|test| holds(test, json))))
    };
    match rows.iter().position(fits) {
        Some(index) => (verdict(rows[index].verdict, rows[index].reason), Some(index)),
        None => (Verdict::Unknown(unnamed(status)), None),
    }
}

/// A row's verdict as a type.
pub fn verdict(word: Word, reason: Option<Reason>) -> Verdict {
    match word {
        Word::Accepted => Verdict::Accepted,
        Word::Limited => Verdict::Limited,
        Word::Refused => Verdict::Refused,
        Word::Unknown => Verdict::Unknown(reason.unwrap_or(Reason::Unexpected)),
    }
}

/// What an answer means that no row names. Never a refusal, never an acceptance: a firewall, a proxy or a maintenance
/// page says 401, 403 and 200 as well.
const fn unnamed(status: u16) -> Reason {
    match status {
        200..=299 => Reason::Garbled,
        300..=399 => Reason::Redirect,
        401 | 403 | 407 | 451 => Reason::Blocked,
        404 | 405 | 410 => Reason::WrongPath,
        408 => Reason::Timeout,
        429 => Reason::RateLimited,
        500..=599 => Reason::ServerError,
        _ => Reason::Unexpected,
    }
}

fn is_type(content_type: Option<&str>, wanted: &str) -> bool {
    let Some(given) = content_type.map(|given| given.trim().to_ascii_lowercase()) else { return false };
    if wanted != ANY_JSON {
        return given.starts_with(wanted);
    }
    let essence = given.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn holds(test: &JsonTest, json: &Value) -> bool {
    let Some(found) = json.pointer(&test.at) else { return test.absent };
    if test.absent {
        return false;
    }
    let text = words(found).to_lowercase();
    test.is.is_none_or(|wanted| is_of(found, wanted))
        && test.equals.as_ref().is_none_or(|wanted| wanted == found)
        && test.not_equals.as_ref().is_none_or(|unwanted| unwanted != found)
        && (test.contains_any.is_empty() || test.contains_any.iter().any(|word| text.contains(&word.to_lowercase())))
}

fn is_of(value: &Value, wanted: JsonType) -> bool {
    match wanted {
        JsonType::Array => value.is_array(),
        JsonType::Boolean => value.is_boolean(),
        JsonType::Number => value.is_number(),
        JsonType::Object => value.is_object(),
        JsonType::String => value.is_string(),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
