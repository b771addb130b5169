//! What the entries of the event log are on, as it is asked for: by the log's own words, or by the names used everywhere else.

use std::borrow::Cow;

use serde::Deserialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::path::Part as _;
use super::query::{CredentialName, Text};
use crate::domain::ids::FindingId;

/// Things that the log calls by their numbers, and those that it calls by their names.
const NUMBERED: [&str; 6] = ["connection", "credential", "finding", "mail", "person", "use"];
const NAMED: [&str; 5] = ["clock", "meta", "provider", "source", "webhook"];

/// The same, as the document says it.
const FORM: &str = r"^((connection|credential|finding|mail|person|use):[1-9][0-9]{0,14}|finding:F[1-9][0-9]{0,14}|credential:[0-9a-f]{12,64}|(clock|meta|provider|source|webhook):[^\u0000-\u001f\u007f-\u009f]+)$";

/// What entries are on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Subject {
    /// as the log calls it
    Logged(String),
    /// a credential by its name, whose number the ledger knows
    Credential(String),
}

impl TryFrom<String> for Subject {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = Text::try_from(text)?.into_string();
        let (kind, name) = text.split_once(':').unwrap_or((text.as_str(), ""));
        if NAMED.contains(&kind) && !name.is_empty() {
            return Ok(Self::Logged(text));
        }
        if !NUMBERED.contains(&kind) {
            let kinds = [&NUMBERED[..], &NAMED].concat().join(", ");
            return Err(format!(
                "write a kind, a colon and a number or name, such as finding:F12; the kinds are {kinds}"
            ));
        }
        if kind == "credential"
            && let Ok(CredentialName(name)) = CredentialName::try_from(name.to_owned())
        {
            return Ok(Self::Credential(name));
        }
        let finding = FindingId::read(name).filter(|_| kind == "finding");
        if let Some(FindingId(number)) = finding.or_else(|| FindingId::read(&format!("F{name}"))) {
            return Ok(Self::Logged(format!("{kind}:{number}")));
        }
        Err(match kind {
            "finding" => "write a finding's name behind the colon, such as finding:F12",
            "credential" => {
                "write a credential's name behind the colon: the last 12 hex digits of its fingerprint, or more"
            }
            _ => "write a number of the ledger's behind the colon, such as connection:1",
        }
        .to_owned())
    }
}

impl PartialSchema for Subject {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(512)).pattern(Some(FORM));
        text.description(Some("What entries of the log are on: a kind, a colon and a number or name.")).into()
    }
}

impl ToSchema for Subject {
    fn name() -> Cow<'static, str> {
        "Subject".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_named_as_the_log_does_or_as_everywhere_else() {
        let logged = |text: &str| Some(Subject::Logged(text.to_owned()));
        let form = regex::Regex::new(FORM).unwrap();
        for (text, subject) in [
            ("finding:3", logged("finding:3")),
            ("finding:F3", logged("finding:3")),
            ("credential:7", logged("credential:7")),
            ("credential:240a4babc62f", Some(Subject::Credential("240a4babc62f".to_owned()))),
            ("credential:000000000001", Some(Subject::Credential("000000000001".to_owned()))),
            ("connection:1", logged("connection:1")),
            ("provider:kit", logged("provider:kit")),
            ("source:a:b", logged("source:a:b")),
            ("clock:own", logged("clock:own")),
            ("x", None),
            ("finding", None),
            ("finding:", None),
            ("finding:F03", None),
            ("finding:03", None),
            ("finding:0", None),
            ("finding:1234567890123456", None),
            ("connection:F3", None),
            ("connection:main/c-1", None),
            ("credential:F3", None),
            ("source:", None),
            ("sources:main", None),
        ] {
            assert_eq!(Subject::try_from(text.to_owned()).ok(), subject, "{text}");
            assert_eq!(form.is_match(text), subject.is_some(), "the document says the same of {text}");
        }
    }
}
