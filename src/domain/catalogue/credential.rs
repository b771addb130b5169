//! What a provider's credentials look like. Shapes are hints: a mismatch is told to people and decides nothing.

use std::fmt;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::source::Source;
use crate::domain::record::FieldProblem;

/// What a provider's credentials look like.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialForm {
    /// the public half, where there is one: then it is needed
    #[serde(default)]
    pub key_id: Option<Half>,
    /// the secret half
    pub secret: Half,
    /// the kinds of secrets that the provider knows, where they are several
    #[serde(rename = "kind", default)]
    pub kinds: Vec<Kind>,
    /// who says what, where sources disagree
    #[serde(default)]
    pub disputed: Option<String>,
    /// who says so
    pub source: Source,
}

/// One half of a credential.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Half {
    /// what the provider calls it
    pub title: String,
    /// what the whole value looks like; anything, where that is not known
    #[serde(default)]
    pub shape: Option<Shape>,
    /// the shape in words: "32 letters and digits"
    #[serde(default)]
    pub looks: Option<String>,
}

/// One kind of secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// the word in probes, evidence and mails: `api_secret`
    pub name: String,
    /// what the provider calls it
    pub title: String,
    /// what the whole value looks like, where that tells it from the others
    #[serde(default)]
    pub shape: Option<Shape>,
    /// whether it does what a connection needs
    pub wanted: bool,
}

/// A regular expression over a whole value.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shape {
    written: String,
    whole: Regex,
}

impl Shape {
    /// Whether the whole value looks like this.
    pub fn fits(&self, value: &str) -> bool {
        self.whole.is_match(value)
    }
}

impl TryFrom<String> for Shape {
    type Error = regex::Error;

    fn try_from(written: String) -> Result<Self, regex::Error> {
        let whole = Regex::new(&format!(r"\A(?:{written})\z"))?;
        Ok(Self { written, whole })
    }
}

impl From<Shape> for String {
    fn from(shape: Shape) -> Self {
        shape.written
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.written)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl CredentialForm {
    /// The kind of that name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// The one kind that a connection needs; `None` where several do, or none is told from others.
    pub fn wanted_kind(&self) -> Option<&Kind> {
        let mut wanted = self.kinds.iter().filter(|kind| kind.wanted);
        wanted.next().filter(|_| wanted.next().is_none())
    }

    /// Whether a credential is known to be another thing than what is asked for: the public half twice, or a kind that is not
    /// wanted. A shape alone tells too little for that. Its refusals count only after an acceptance of its own (decision 48).
    pub fn is_mistaken(&self, key_id: Option<&str>, secret: &str) -> bool {
        let secret = secret.trim();
        self.is_twice(key_id, secret) || self.kind_by_shape(secret).is_some_and(|kind| !kind.wanted)
    }

    /// What is odd about a credential, for people. Neither half is in the words.
    pub fn oddities(&self, key_id: Option<&str>, secret: &str) -> Vec<FieldProblem> {
        let problem = |field: &str, reason: String| FieldProblem { field: field.to_owned(), reason };
        let (secret, key_id) = (secret.trim(), key_id.map(str::trim).filter(|text| !text.is_empty()));
        let mut found = Vec::new();
        match (&self.key_id, key_id) {
            (Some(half), None) => found.push(problem(
                "key_id",
                format!("there is none; without its {} the secret can't be asked about, so add it", half.title),
            )),
            (Some(half), Some(value)) => found.extend(half.oddity(value).map(|reason| problem("key_id", reason))),
            (None, _) => {}
        }
        if self.is_twice(key_id, secret) {
            found.push(problem(
                "secret",
                "it is the same as the key_id; look whether a column was mapped twice".to_owned(),
            ));
            return found;
        }
        match self.kind_by_shape(secret) {
            Some(kind) if kind.wanted => {}
            Some(kind) => {
                let wanted: Vec<&str> = self.kinds.iter().filter(|k| k.wanted).map(|k| k.title.as_str()).collect();
                let what =
                    format!("it looks like its {}; what is needed is its {}", kind.title, wanted.join(" or its "));
                found.push(problem("secret", what));
            }
            None => found.extend(self.secret.oddity(secret).map(|reason| problem("secret", reason))),
        }
        found
    }

    fn is_twice(&self, key_id: Option<&str>, secret: &str) -> bool {
        self.key_id.is_some() && key_id.is_some_and(|value| value.trim() == secret)
    }

    fn kind_by_shape(&self, secret: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.shape.as_ref().is_some_and(|shape| shape.fits(secret)))
    }
}

impl Half {
    fn oddity(&self, value: &str) -> Option<String> {
        let shape = self.shape.as_ref().filter(|shape| !shape.fits(value))?;
        let usual = self.looks.clone().unwrap_or_else(|| format!("the form {shape}"));
        Some(format!("it doesn't look like its {}, which has {usual}; look whether it was pasted whole", self.title))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Shape {
        Shape::try_from(text.to_owned()).unwrap()
    }

    fn half(title: &str, text: &str) -> Half {
        Half { title: title.to_owned(), shape: Some(shape(text)), looks: None }
    }

    fn form(key_id: Option<Half>, kinds: Vec<Kind>) -> CredentialForm {
        let source = Source::try_from("[I] a test".to_owned()).unwrap();
        CredentialForm { key_id, secret: half("API Secret", "[a-z]{8}"), kinds, disputed: None, source }
    }

    fn odd(form: &CredentialForm, key_id: Option<&str>, secret: &str) -> Vec<(String, String)> {
        form.oddities(key_id, secret).into_iter().map(|problem| (problem.field, problem.reason)).collect()
    }

    #[test]
    fn a_shape_is_of_the_whole_value() {
        let shape = shape("ab|cd");
        assert!(shape.fits("ab") && shape.fits("cd"));
        assert!(!shape.fits("abx") && !shape.fits("xcd") && !shape.fits("ab\n"));
        assert!(Shape::try_from("(".to_owned()).is_err());
    }

    #[test]
    fn a_value_is_mistaken_where_it_is_known_for_another_thing_and_not_where_its_shape_is_only_unusual() {
        let kind = |name: &str, text: &str, wanted: bool| Kind {
            name: name.to_owned(),
            title: name.to_owned(),
            shape: Some(shape(text)),
            wanted,
        };
        let kinds = vec![kind("new", "kit_.+", true), kind("old", "[A-Za-z0-9_]{20,64}", false)];
        let (pair, single) = (form(Some(half("API Key", "[0-9]{4}")), Vec::new()), form(None, kinds));
        for (form, key_id, secret, mistaken) in [
            (&pair, Some("1234"), "unusual", false),
            (&pair, Some("1234 "), "1234\n", true),
            (&pair, None, "unusual", false),
            (&single, None, "kit_0123456789012345678901234567890", false),
            (&single, None, "0123456789012345678901234567890", true),
            (&single, None, "unusual", false),
            (&single, Some("unusual"), "unusual", false),
        ] {
            assert_eq!(form.is_mistaken(key_id, secret), mistaken, "{secret}");
        }
    }

    #[test]
    fn what_is_odd_is_told_with_its_field_and_without_the_value() {
        let pair = form(Some(half("API Key", "[0-9]{4}")), Vec::new());
        assert_eq!(odd(&pair, Some("1234"), "abcdefgh"), []);
        assert_eq!(odd(&pair, Some(" 1234 "), " abcdefgh\n"), [], "white space around it is not part of it");
        for (key_id, secret, fields) in [
            (None, "abcdefgh", vec!["key_id"]),
            (Some(""), "abcdefgh", vec!["key_id"]),
            (Some("12"), "abcdefgh", vec!["key_id"]),
            (Some("1234"), "ABC-hush", vec!["secret"]),
            (Some("hushhush"), "hushhush", vec!["key_id", "secret"]),
        ] {
            let found = odd(&pair, key_id, secret);
            assert_eq!(found.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), fields, "{found:?}");
            assert!(!format!("{found:?}").contains("hush"), "{found:?}");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_told_with_the_kind_that_is_needed() {
        let kind = |name: &str, title: &str, text: &str, wanted| Kind {
            name: name.to_owned(),
            title: title.to_owned(),
            shape: Some(shape(text)),
            wanted,
        };
        let form = form(
            None,
            vec![kind("private", "private key", "pk_.*", true), kind("public", "public key", "[A-Z]{6}", false)],
        );
        assert_eq!(odd(&form, None, "pk_1"), []);
        let [(field, reason)] = odd(&form, None, "ABCDEF").try_into().unwrap();
        assert_eq!(field, "secret");
        assert!(reason.contains("public key") && reason.contains("needed is its private key"), "{reason}");
        assert_eq!(odd(&form, None, "abcdefgh"), [], "no kind, yet the usual shape");
        assert_eq!(odd(&form, None, "?").len(), 1);
    }
}
