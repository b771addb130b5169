//! What the entries of the event log are on, as it is asked for: by the log's own words, or by the names used everywhere else.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use serde::Deserialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::path::{LARGEST_NAMED, Part as _, plain_number};
use super::query::{CredentialName, Text};
use crate::domain::ids::{ConnectionId, CredentialId, FindingId, ProviderName};

/// Kinds of which nobody asks here whether there is such a thing: those that the log calls by numbers, and by names.
const NUMBERED: [&str; 3] = ["mail", "person", "use"];
const NAMED: [&str; 3] = ["clock", "meta", "webhook"];

/// The same with the others, as the document says it.
const FORM: &str = r"^((connection|credential|finding|mail|person|use):[1-9][0-9]{0,14}|finding:F[1-9][0-9]{0,14}|connection:[^/\u0000-\u001f\u007f-\u009f]+/[^\u0000-\u001f\u007f-\u009f]+|credential:[0-9a-f]{12,64}|(clock|meta|provider|source|webhook):[^\u0000-\u001f\u007f-\u009f]+)$";

const KINDS: &str = "write a kind, a colon and a number or name, such as finding:F12; the kinds are connection, credential, \
                     finding, mail, person, use, clock, meta, provider, source, webhook";
const NUMBER: &str = "write a number of the ledger's behind the colon, such as mail:1";

/// What entries are on, as the log knows it. It displays as the log calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Logged {
    Connection(ConnectionId),
    Credential(CredentialId),
    Finding(FindingId),
    Provider(ProviderName),
    Source(String),
    /// of a kind that has no page of its own
    Other(&'static str, String),
}

impl Display for Logged {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(id) => write!(f, "connection:{id}"),
            Self::Credential(id) => write!(f, "credential:{id}"),
            Self::Finding(id) => write!(f, "finding:{id}"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::Source(name) => write!(f, "source:{name}"),
            Self::Other(kind, name) => write!(f, "{kind}:{name}"),
        }
    }
}

/// What entries are to be on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Subject {
    /// as the log calls it
    Logged(Logged),
    /// a connection as lists write it, `SOURCE/ID`
    Connection(String, String),
    /// a credential by its name
    Credential(String),
}

impl TryFrom<String> for Subject {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = Text::try_from(text)?.into_string();
        let (kind, name) = text.split_once(':').unwrap_or((text.as_str(), ""));
        let number = plain_number(name, LARGEST_NAMED);
        let other = |kinds: &[&'static str]| kinds.iter().find(|known| **known == kind).copied();
        match kind {
            "connection" => match (number, name.split_once('/')) {
                (Some(number), _) => Ok(Self::Logged(Logged::Connection(ConnectionId(number)))),
                (None, Some((source, id))) if !source.is_empty() && !id.is_empty() => {
                    Ok(Self::Connection(source.to_owned(), id.to_owned()))
                }
                _ => Err("write a connection as lists do behind the colon, such as connection:main/c-1, or its number"),
            },
            "credential" => match (CredentialName::try_from(name.to_owned()), number) {
                (Ok(CredentialName(name)), _) => Ok(Self::Credential(name)),
                (Err(_), Some(number)) => Ok(Self::Logged(Logged::Credential(CredentialId(number)))),
                _ => Err(
                    "write a credential's name behind the colon: the last 12 hex digits of its fingerprint, or more",
                ),
            },
            "finding" => FindingId::read(name)
                .or(number.map(FindingId))
                .map(|id| Self::Logged(Logged::Finding(id)))
                .ok_or("write a finding's name behind the colon, such as finding:F12"),
            "provider" if !name.is_empty() => Ok(Self::Logged(Logged::Provider(ProviderName::new(name)))),
            "source" if !name.is_empty() => Ok(Self::Logged(Logged::Source(name.to_owned()))),
            _ => match (other(&NUMBERED), other(&NAMED)) {
                (Some(kind), _) => {
                    number.map(|number| Self::Logged(Logged::Other(kind, number.to_string()))).ok_or(NUMBER)
                }
                (None, Some(kind)) if !name.is_empty() => Ok(Self::Logged(Logged::Other(kind, name.to_owned()))),
                _ => Err(KINDS),
            },
        }
        .map_err(str::to_owned)
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
        let logged = |text: &str| Some(text.to_owned());
        let form = regex::Regex::new(FORM).unwrap();
        for (text, subject) in [
            ("finding:3", logged("finding:3")),
            ("finding:F3", logged("finding:3")),
            ("credential:7", logged("credential:7")),
            ("credential:240a4babc62f", logged("the credential 240a4babc62f")),
            ("credential:000000000001", logged("the credential 000000000001")),
            ("connection:1", logged("connection:1")),
            ("connection:main/c-1", logged("the connection main c-1")),
            ("connection:1/2/3", logged("the connection 1 2/3")),
            ("provider:kit", logged("provider:kit")),
            ("provider:Kit", logged("provider:kit")),
            ("source:a:b", logged("source:a:b")),
            ("clock:own", logged("clock:own")),
            ("mail:12", logged("mail:12")),
            ("x", None),
            ("finding", None),
            ("finding:", None),
            ("finding:F03", None),
            ("finding:03", None),
            ("finding:+3", None),
            ("finding:0", None),
            ("finding:1234567890123456", None),
            ("mail:one", None),
            ("connection:F3", None),
            ("connection:main/", None),
            ("connection:/c-1", None),
            ("credential:F3", None),
            ("source:", None),
            ("provider:", None),
            ("sources:main", None),
        ] {
            let read = Subject::try_from(text.to_owned()).ok().map(|subject| match subject {
                Subject::Logged(logged) => logged.to_string(),
                Subject::Connection(source, id) => format!("the connection {source} {id}"),
                Subject::Credential(name) => format!("the credential {name}"),
            });
            assert_eq!(read, subject, "{text}");
            assert_eq!(form.is_match(text), subject.is_some(), "the document says the same of {text}");
        }
    }
}
