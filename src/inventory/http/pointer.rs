//! JSON pointers, and the places that several of them name in one text, found in one walk (pure).
//!
//! A text is walked, not taken apart: nothing of it is copied, and what no pointer leads to is passed over by the parser
//! itself, however deep it is. The walk sees every byte, so a text that it comes through is JSON.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

/// A longer way down is nobody's answer.
const DEEPEST: usize = 32;

/// A place in a JSON text (RFC 6901): `""` is the whole, `/data/0/id` a place within.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    parts: Vec<String>,
}

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence that doesn't quote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.split('/');
        if parts.next() != Some("") {
            return Err("a pointer begins with \"/\", or is empty for the whole answer");
        }
        let parts = parts.map(part).collect::<Option<Vec<_>>>();
        let parts = parts.ok_or("in a pointer \"~\" is written \"~0\", and \"/\" within a name \"~1\"")?;
        if parts.len() > DEEPEST {
            return Err("a pointer goes at most 32 names deep");
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() { f.write_str("the whole answer") } else { f.write_str(&self.text) }
    }
}

fn part(text: &str) -> Option<String> {
    let mut rest = text.split('~');
    let mut part = rest.next()?.to_owned();
    for escaped in rest {
        part.push(match escaped.as_bytes().first() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return None,
        });
        part.push_str(&escaped[1..]);
    }
    Some(part)
}

/// A text that is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// true where it would go on: it ends in the middle
    pub(super) cut: bool,
}

/// Several pointers as one tree; each has a number.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    here: Vec<usize>,
    below: Vec<(String, Tree)>,
}

/// Where in a text the pointers lead, by their numbers.
pub(super) struct Found {
    places: Vec<Option<Range<usize>>>,
    /// a pointer that leads to two places
    pub(super) twice: Option<usize>,
}

impl Found {
    /// The place of a pointer, or nothing.
    pub(super) fn place(&self, number: usize) -> Option<Range<usize>> {
        self.places.get(number).cloned().flatten()
    }
}

impl Tree {
    /// The tree of numbered pointers.
    pub(super) fn of<'p>(pointers: impl IntoIterator<Item = (usize, &'p Pointer)>) -> Self {
        let mut root = Self::default();
        for (number, pointer) in pointers {
            let leaf = pointer.parts.iter().fold(&mut root, |tree, part| tree.child(part));
            leaf.here.push(number);
        }
        root
    }

    /// Walks a whole text. `count` is one more than the greatest number.
    ///
    /// # Errors
    /// Where the text is not one JSON value.
    pub(super) fn find(&self, text: &str, count: usize) -> Result<Found, Broken> {
        let mut found = Found { places: vec![None; count], twice: None };
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let end = space(text, self.value(text, start, &mut found)?);
        if end < text.len() { Err(Broken { cut: false }) } else { Ok(found) }
    }

    fn child(&mut self, part: &str) -> &mut Self {
        let at = self.below.iter().position(|(name, _)| name == part).unwrap_or_else(|| {
            self.below.push((part.to_owned(), Self::default()));
            self.below.len() - 1
        });
        &mut self.below[at].1
    }

    /// One value, with white space before it. Returns where it ends.
    fn value(&self, text: &str, at: usize, found: &mut Found) -> Result<usize, Broken> {
        let start = space(text, at);
        let end = match byte(text, start) {
            Some(b'{') if !self.below.is_empty() => self.object(text, start + 1, found)?,
            Some(b'[') if !self.below.is_empty() => self.list(text, start + 1, found)?,
            _ => skip(text, start)?,
        };
        for number in &self.here {
            match found.places.get_mut(*number) {
                Some(place @ None) => *place = Some(start..end),
                _ => found.twice = found.twice.or(Some(*number)),
            }
        }
        Ok(end)
    }

    fn object(&self, text: &str, at: usize, found: &mut Found) -> Result<usize, Broken> {
        let mut at = space(text, at);
        if byte(text, at) == Some(b'}') {
            return Ok(at + 1);
        }
        loop {
            at = space(text, at);
            let (name, end) = key(text, at)?;
            at = expect(text, space(text, end), b':')?;
            at = self.at_name(&name, text, at, found)?;
            match more(text, space(text, at), b'}')? {
                More::Next(next) => at = next,
                More::End(end) => return Ok(end),
            }
        }
    }

    fn list(&self, text: &str, at: usize, found: &mut Found) -> Result<usize, Broken> {
        let mut at = space(text, at);
        if byte(text, at) == Some(b']') {
            return Ok(at + 1);
        }
        for index in 0_u64.. {
            at = self.at_name(&index.to_string(), text, at, found)?;
            match more(text, space(text, at), b']')? {
                More::Next(next) => at = next,
                More::End(end) => return Ok(end),
            }
        }
        Err(Broken { cut: false })
    }

    fn at_name(&self, name: &str, text: &str, at: usize, found: &mut Found) -> Result<usize, Broken> {
        match self.below.iter().find(|(known, _)| known == name) {
            Some((_, tree)) => tree.value(text, at, found),
            None => skip(text, space(text, at)),
        }
    }
}

/// The element of a list that begins at `at`, behind white space and a comma, and where it ends; `None` behind the last.
/// The text must be one that was walked.
pub(super) fn element(text: &str, at: usize) -> Option<Range<usize>> {
    let mut start = space(text, at);
    if byte(text, start) == Some(b',') {
        start = space(text, start + 1);
    }
    if byte(text, start) == Some(b']') {
        return None;
    }
    Some(start..skip(text, start).ok()?)
}

enum More {
    Next(usize),
    End(usize),
}

fn more(text: &str, at: usize, end: u8) -> Result<More, Broken> {
    match byte(text, at) {
        Some(b',') => Ok(More::Next(at + 1)),
        Some(found) if found == end => Ok(More::End(at + 1)),
        found => Err(Broken { cut: found.is_none() }),
    }
}

fn expect(text: &str, at: usize, wanted: u8) -> Result<usize, Broken> {
    match byte(text, at) {
        Some(found) if found == wanted => Ok(at + 1),
        found => Err(Broken { cut: found.is_none() }),
    }
}

fn key(text: &str, at: usize) -> Result<(Cow<'_, str>, usize), Broken> {
    #[derive(Deserialize)]
    struct Key<'k>(#[serde(borrow)] Cow<'k, str>);
    expect(text, at, b'"')?;
    let rest = text.get(at..).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Key<'_>>();
    match values.next() {
        Some(Ok(Key(name))) => Ok((name, at + values.byte_offset())),
        Some(Err(error)) => Err(broken(&error, rest)),
        None => Err(Broken { cut: true }),
    }
}

/// A number that ends in the middle is no number to the parser, where any other value is one that ended too soon.
fn broken(error: &serde_json::Error, rest: &str) -> Broken {
    Broken { cut: error.classify() == Category::Eof || rest.ends_with(['.', 'e', 'E', '+', '-']) }
}

/// Where the value that begins at `at` ends.
fn skip(text: &str, at: usize) -> Result<usize, Broken> {
    let rest = text.get(at..).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => Ok(at + values.byte_offset()),
        Some(Err(error)) => Err(broken(&error, rest)),
        None => Err(Broken { cut: true }),
    }
}

fn space(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn found<'t>(text: &'t str, pointer: &str) -> Option<&'t str> {
        let pointer = Pointer::parse(pointer).expect("a pointer");
        Tree::of([(0, &pointer)]).find(text, 1).expect("JSON").place(0).map(|place| &text[place])
    }

    #[test]
    fn a_pointer_leads_where_rfc_6901_says() {
        // the table of its section 5, but for the names that are control characters
        let text = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "k\"l": 6, " ": 7, "m~n": 8}"#;
        for (pointer, expected) in [
            ("", text),
            ("/foo", r#"["bar", "baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/foo/1", r#""baz""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ] {
            assert_eq!(found(text, pointer), Some(expected), "{pointer}");
        }
        for nowhere in ["/foo/2", "/foo/-", "/foo/00", "/bar", "/foo/0/x"] {
            assert_eq!(found(text, nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for wrong in ["data", "data/x", "/a~", "/a~2b", &"/x".repeat(33)] {
            assert!(Pointer::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_given_twice_is_noticed_and_what_ends_in_the_middle_is_told_from_nonsense() {
        let pointer = Pointer::parse("/a/b").expect("a pointer");
        let tree = Tree::of([(0, &pointer)]);
        assert_eq!(tree.find(r#"{"a": {"b": 1}, "a": {"b": 2}}"#, 1).expect("JSON").twice, Some(0));
        let whole = r#" {"x": [1, {"y": "z"}], "a": {"c": null, "b": [true, 1.5e3]}} "#;
        assert!(tree.find(whole, 1).is_ok());
        for cut in 1..whole.trim_end().len() {
            assert_eq!(tree.find(&whole[..cut], 1).err(), Some(Broken { cut: true }), "{}", &whole[..cut]);
        }
        for nonsense in ["<html>", "{\"a\": }", "{\"a\" 1}", "{a: 1}", "[1,]", "{} {}", "{\"a\": {]}"] {
            assert_eq!(tree.find(nonsense, 1).err(), Some(Broken { cut: false }), "{nonsense}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(found(&deep, "/b"), None);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z\"\\\\{}\\[\\],: é]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-c~/\"]{0,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_pointer_names_is_what_the_parsers_own_pointer_names(value in values(), at in "(/[a-c0-2]{1,2}){0,3}", pretty: bool) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let named = found(&text, &at).map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
            prop_assert_eq!(named.as_ref(), value.pointer(&at));
        }

        #[test]
        fn the_elements_of_a_list_come_one_after_the_other(list in proptest::collection::vec(values(), 0..6), pretty: bool) {
            let text = if pretty { format!("{:#}", json!(list)) } else { json!(list).to_string() };
            let (mut at, mut seen) = (1, Vec::new());
            while let Some(place) = element(&text, at) {
                seen.push(serde_json::from_str::<Value>(&text[place.clone()]).expect("JSON"));
                at = place.end;
            }
            prop_assert_eq!(seen, list);
        }
    }
}
