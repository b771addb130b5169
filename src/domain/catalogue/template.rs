//! A text with blanks that a credential fills.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What can stand in a template's braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blank {
    /// `{key_id}`: the public half
    KeyId,
    /// `{secret}`: the secret
    Secret,
    /// `{customer}`: the customer's part of a host
    Customer,
}

impl Blank {
    const ALL: [Self; 3] = [Self::KeyId, Self::Secret, Self::Customer];

    const fn word(self) -> &'static str {
        match self {
            Self::KeyId => "key_id",
            Self::Secret => "secret",
            Self::Customer => "customer",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Blank(Blank),
}

/// A text with blanks, as it stands in a catalogue file: `Bearer {secret}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(Vec<Piece>);

/// A template that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no blank of a template; there are {{key_id}}, {{secret}} and {{customer}}")]
pub struct TemplateError {
    /// what stands between the braces, or after an open one
    pub found: String,
}

impl Template {
    /// The text with its blanks filled. `None` where a value that it needs is missing.
    pub fn fill<'a>(&self, value: impl Fn(Blank) -> Option<&'a str>) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Blank(blank) => filled.push_str(value(*blank)?),
            }
        }
        Some(filled)
    }

    /// Whether this blank is in it.
    pub fn needs(&self, blank: Blank) -> bool {
        self.0.contains(&Piece::Blank(blank))
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let unknown = |found: &str| TemplateError { found: found.to_owned() };
            let (word, behind) = after.split_once('}').ok_or_else(|| unknown(after))?;
            let blank = Blank::ALL.into_iter().find(|blank| blank.word() == word).ok_or_else(|| unknown(word))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Blank(blank));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Blank(blank) => write!(f, "{{{}}}", blank.word()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<Template, TemplateError> {
        Template::try_from(text.to_owned())
    }

    #[test]
    fn blanks_are_filled_and_a_missing_value_fills_nothing() {
        let secret = |blank| (blank == Blank::Secret).then_some("s3");
        for (text, filled) in [
            ("{secret}", Some("s3")),
            ("Bearer {secret}", Some("Bearer s3")),
            ("{secret}:{secret}!", Some("s3:s3!")),
            ("api", Some("api")),
            ("", Some("")),
            ("{key_id}:{secret}", None),
        ] {
            let template = template(text).unwrap();
            assert_eq!(template.fill(secret).as_deref(), filled, "{text}");
            assert_eq!(template.to_string(), text);
        }
    }

    #[test]
    fn what_fills_a_blank_is_not_read_as_a_template() {
        let filled = template("{customer}").unwrap().fill(|_| Some("{secret}"));
        assert_eq!(filled.as_deref(), Some("{secret}"));
    }

    #[test]
    fn an_unknown_blank_is_named() {
        for (text, found) in [("{token}", "token"), ("a {secret", "secret"), ("{}", "")] {
            assert_eq!(template(text), Err(TemplateError { found: found.to_owned() }), "{text}");
        }
    }
}
