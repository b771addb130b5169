//! Sentences with blanks, and their plural forms.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A sentence whose blanks stand in braces: `{title} refuses the key`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(in crate::mail) struct Sentence(String);

impl Sentence {
    /// The sentence with its blanks filled. What is filled in is never read again, so other people's braces stay braces. A
    /// blank that nobody fills stays as it is.
    pub(in crate::mail) fn fill(&self, facts: &[(&str, &str)]) -> String {
        let mut filled = String::with_capacity(self.0.len() + 32);
        for piece in pieces(&self.0) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Blank(name) => match facts.iter().find(|(known, _)| *known == name) {
                    Some((_, value)) => filled.push_str(value),
                    None => {
                        filled.push('{');
                        filled.push_str(name);
                        filled.push('}');
                    }
                },
            }
        }
        filled
    }
}

/// A sentence for one, and one for any other number, which it may name as `{count}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::mail) struct Plural {
    one: Sentence,
    other: Sentence,
}

impl Plural {
    /// The sentence for this number.
    pub(in crate::mail) fn fill(&self, count: usize, facts: &[(&str, &str)]) -> String {
        let form = if count == 1 { &self.one } else { &self.other };
        let number = count.to_string();
        let mut all = vec![("count", number.as_str())];
        all.extend_from_slice(facts);
        form.fill(&all)
    }
}

/// The blanks of a text.
pub(super) fn blanks(text: &str) -> BTreeSet<&str> {
    let names = pieces(text).filter_map(|piece| match piece {
        Piece::Blank(name) => Some(name),
        Piece::Text(_) => None,
    });
    names.collect()
}

enum Piece<'a> {
    Text(&'a str),
    Blank(&'a str),
}

/// A text in pieces. Braces around anything but a word of small letters and `_` are text.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, behind)) = blank(rest) {
            rest = behind;
            return Some(Piece::Blank(name));
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('{').map_or(rest.len(), |at| first + at);
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        Some(Piece::Text(piece))
    })
}

fn blank(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.strip_prefix('{')?.split_once('}')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then_some((name, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sentence(text: &str) -> Sentence {
        Sentence(text.to_owned())
    }

    #[test]
    fn blanks_are_filled_once_and_whatever_else_stands_in_braces_stays() {
        let facts = [("name", "{title}"), ("title", "Kit")];
        for (text, filled) in [
            ("{title} of {name}.", "Kit of {title}."),
            ("{unknown} {Name} {} { title } {", "{unknown} {Name} {} { title } {"),
            ("ä{title}ö", "äKitö"),
            ("{{title}}", "{Kit}"),
            ("", ""),
        ] {
            assert_eq!(sentence(text).fill(&facts), filled, "{text}");
        }
        assert_eq!(blanks("{b} {a} {a} {} {C}"), BTreeSet::from(["a", "b"]));
    }

    #[test]
    fn one_is_one_and_every_other_number_is_many() {
        let plural = Plural { one: sentence("1 {what}"), other: sentence("{count} {what}s") };
        let said = [0, 1, 2].map(|count| plural.fill(count, &[("what", "key")]));
        assert_eq!(said, ["0 keys", "1 key", "2 keys"]);
    }

    proptest! {
        #[test]
        fn what_is_filled_in_is_never_read_again(text in "[a-z{} ]{0,40}", value in any::<String>()) {
            // Wherever the value goes, taking it out again leaves the sentence as it was.
            let marked = sentence(&text).fill(&[("a", "\u{1}")]);
            prop_assert_eq!(sentence(&text).fill(&[("a", &value)]), marked.replace('\u{1}', &value));
            prop_assert_eq!(sentence(&text).fill(&[]), text);
        }
    }
}
