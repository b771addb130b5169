//! Where a fact comes from, and how far it can be trusted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// the provider's own documentation or specification
    Documented,
    /// a real exchange that was recorded
    Recorded,
    /// the source of a tool: what that tool believes
    Code,
    /// a third party
    ThirdParty,
    /// the platform's own help pages
    Platform,
    /// inferred here: a decision
    Inferred,
    /// general knowledge, to be confirmed
    General,
    /// looked for and not found
    Unknown,
}

impl Label {
    /// Every label, best first.
    pub const ALL: [Self; 8] = [
        Self::Documented,
        Self::Recorded,
        Self::Code,
        Self::ThirdParty,
        Self::Platform,
        Self::Inferred,
        Self::General,
        Self::Unknown,
    ];

    /// The letter between the brackets.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "D",
            Self::Recorded => "R",
            Self::Code => "C",
            Self::ThirdParty => "T",
            Self::Platform => "V",
            Self::Inferred => "I",
            Self::General => "G",
            Self::Unknown => "?",
        }
    }

    /// The letter in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Documented => "the provider's documentation",
            Self::Recorded => "a recorded exchange",
            Self::Code => "a tool's source",
            Self::ThirdParty => "a third party",
            Self::Platform => "the platform's help pages",
            Self::Inferred => "inferred here",
            Self::General => "general knowledge, unconfirmed",
            Self::Unknown => "looked for and not found",
        }
    }
}

/// One place and its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// who says so
    pub label: Label,
    /// where, as a reader finds it again
    pub place: String,
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.label.as_str(), self.place)
    }
}

/// Where a fact comes from: `[D] status codes page`, or several, as in `[R] a cassette; [I] the rest`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Source(Vec<Citation>);

/// A source that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} names no label and place; write e.g. \"[D] the page\", with D (documentation), R (recorded), C (a tool's \
     source), T (third party), V (the platform's help), I (inferred), G (general knowledge) or ? (not found)"
)]
pub struct SourceError {
    /// the part that is wrong
    pub found: String,
}

impl Source {
    /// Every place, in the file's order; at least one.
    pub fn citations(&self) -> &[Citation] {
        &self.0
    }

    /// Whether one of the places has this label.
    pub fn has(&self, label: Label) -> bool {
        self.0.iter().any(|citation| citation.label == label)
    }
}

impl TryFrom<String> for Source {
    type Error = SourceError;

    fn try_from(text: String) -> Result<Self, SourceError> {
        let parse = |part: &str| {
            let (letter, place) = part.trim().strip_prefix('[')?.split_once(']')?;
            let label = Label::ALL.into_iter().find(|label| label.as_str() == letter)?;
            let place = place.trim();
            (!place.is_empty()).then(|| Citation { label, place: place.to_owned() })
        };
        // A place may hold a semicolon; only one before a label parts two.
        let parts = text.replace("; [", ";\n[");
        let citations =
            parts.split(";\n").map(|part| parse(part).ok_or_else(|| SourceError { found: part.to_owned() }));
        citations.collect::<Result<_, _>>().map(Self)
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, citation) in self.0.iter().enumerate() {
            write!(f, "{}{citation}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<Source, SourceError> {
        Source::try_from(text.to_owned())
    }

    #[test]
    fn each_place_has_its_label_and_is_shown_as_it_was_written() {
        let text = "[D] status codes; the last table; [R] a cassette of 2023; [?] any Retry-After";
        let source = source(text).unwrap();
        let labels: Vec<_> = source.citations().iter().map(|citation| citation.label).collect();
        assert_eq!(labels, [Label::Documented, Label::Recorded, Label::Unknown]);
        assert_eq!(source.citations()[0].place, "status codes; the last table");
        assert_eq!(source.to_string(), text);
        assert!(source.has(Label::Recorded) && !source.has(Label::Code));
    }

    #[test]
    fn a_source_without_label_or_place_is_refused_with_the_labels_that_there_are() {
        for text in ["", "the docs", "[D]", "[D] ", "[X] somewhere", "[d] somewhere", "[D] here; [Y] there"] {
            let error = source(text).unwrap_err().to_string();
            assert!(error.contains("R (recorded)"), "{text}: {error}");
        }
    }
}
