//! One answer: what stands around its rows, and the rows one after the other (pure).
//!
//! The whole is seen to be JSON before the first row is handed on. Beside the text itself nothing of it is held.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;
use zeroize::Zeroizing;

use super::pointer::{Broken, Pointer, Tree, element};

const ROWS: usize = 0;
const NEXT: usize = 1;
const TOTAL: usize = 2;
const COUNT: usize = 3;
/// The settings of these pointers.
const KEYS: [&str; 4] = ["rows", "next", "total", "pages"];

/// Where in an answer is what.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    tree: Tree,
    pointers: [Option<Pointer>; 4],
}

impl Shape {
    /// The list of rows; where to go on; how many rows there are in all; how many pages.
    pub(super) fn new(rows: Pointer, next: Option<Pointer>, total: Option<Pointer>, pages: Option<Pointer>) -> Self {
        let pointers = [Some(rows), next, total, pages];
        let numbered = pointers.iter().enumerate().filter_map(|(number, pointer)| Some((number, pointer.as_ref()?)));
        Self { tree: Tree::of(numbered), pointers }
    }

    fn of(&self, number: usize) -> Named {
        let pointer = self.pointers[number].clone().unwrap_or_default();
        Named { key: KEYS[number], pointer }
    }
}

/// A pointer and its setting, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    key: &'static str,
    pointer: Pointer,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.key, self.pointer)
    }
}

/// Why an answer can't be read. Nothing of it is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    /// it ends in the middle
    #[error("the answer ends in the middle of its JSON")]
    Cut,
    /// it isn't JSON
    #[error("the answer is not JSON")]
    NotJson,
    /// no list where the rows should be
    #[error("the answer has no list of rows at {0}; let it point to the list")]
    NoRows(Named),
    /// two values where one should be
    #[error("the answer gives {0} twice; let the platform give it once")]
    Twice(Named),
    /// a value of another kind than it must be
    #[error("the answer has {what} at {named}; let it point to {wanted}")]
    Odd {
        /// the pointer
        named: Named,
        /// what stands there
        what: &'static str,
        /// what should
        wanted: &'static str,
    },
}

impl From<Broken> for Unread {
    fn from(broken: Broken) -> Self {
        if broken.cut { Self::Cut } else { Self::NotJson }
    }
}

/// What stands around the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Around {
    /// the next page's address or cursor; `None` behind the last
    pub(super) next: Option<String>,
    /// the answer says something of the next page, be it that there is none
    pub(super) next_is_said: bool,
    /// how many rows there are on all pages
    pub(super) total: Option<u64>,
    /// how many pages there are
    pub(super) pages: Option<u64>,
    /// true where there are no rows
    pub(super) empty: bool,
    /// equal where the rows are
    pub(super) print: u64,
}

/// An answer that was seen to be whole.
pub(super) struct Page {
    text: Zeroizing<String>,
    /// behind the last row that was handed on
    at: usize,
    /// what stands around the rows
    pub(super) around: Around,
}

impl Page {
    /// Looks through an answer.
    ///
    /// # Errors
    /// See [`Unread`].
    pub(super) fn read(text: Zeroizing<String>, shape: &Shape) -> Result<Self, Unread> {
        let found = shape.tree.find(&text, KEYS.len())?;
        if let Some(number) = found.twice {
            return Err(Unread::Twice(shape.of(number)));
        }
        let value = |number| found.place(number).and_then(|place| text.get(place));
        let is_list = |place: &std::ops::Range<usize>| text.as_bytes().get(place.start) == Some(&b'[');
        let rows = found.place(ROWS).filter(is_list).ok_or_else(|| Unread::NoRows(shape.of(ROWS)))?;
        let at = rows.start + 1;
        let mut hasher = DefaultHasher::new();
        text.get(rows).hash(&mut hasher);
        let around = Around {
            next: value(NEXT).map(|value| next(value, shape)).transpose()?.flatten(),
            next_is_said: value(NEXT).is_some(),
            total: value(TOTAL).map(|value| number(value, shape, TOTAL)).transpose()?.flatten(),
            pages: value(COUNT).map(|value| number(value, shape, COUNT)).transpose()?.flatten(),
            empty: element(&text, at).is_none(),
            print: hasher.finish(),
        };
        Ok(Self { text, at, around })
    }

    /// The next row, as it is written.
    pub(super) fn row(&mut self) -> Option<&str> {
        let place = element(&self.text, self.at)?;
        self.at = place.end;
        self.text.get(place)
    }
}

/// An address or a cursor. What says that there is none is written in many ways.
fn next(text: &str, shape: &Shape) -> Result<Option<String>, Unread> {
    match parsed(text) {
        Value::String(next) if next.is_empty() => Ok(None),
        Value::String(next) => Ok(Some(next)),
        Value::Number(next) => Ok(Some(next.to_string())),
        Value::Null | Value::Bool(false) => Ok(None),
        other => Err(odd(&other, shape.of(NEXT), "an address or a cursor")),
    }
}

fn number(text: &str, shape: &Shape, which: usize) -> Result<Option<u64>, Unread> {
    let value = parsed(text);
    let number = match &value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map(Some).ok_or_else(|| odd(&value, shape.of(which), "a whole number"))
}

/// Lists and objects have no meaning here, and may be long: only that they are such is kept.
fn parsed(text: &str) -> Value {
    match text.as_bytes().first() {
        Some(b'[') => Value::Array(Vec::new()),
        Some(b'{') => Value::Object(serde_json::Map::new()),
        // what a walk came through and the parser refuses all the same is a number or a text of another kind
        _ => serde_json::from_str(text).unwrap_or(Value::Bool(true)),
    }
}

fn odd(value: &Value, named: Named, wanted: &'static str) -> Unread {
    let what = match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        Value::Bool(_) | Value::Null => "something else",
        Value::Number(_) => "a number that is not whole",
        Value::String(_) => "a text",
    };
    Unread::Odd { named, what, wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
    }

    fn read(text: &str) -> Result<Page, Unread> {
        let some = |text| Some(pointer(text));
        let shape = Shape::new(pointer("/data"), some("/meta/next"), some("/meta/total"), some("/meta/pages"));
        Page::read(Zeroizing::new(text.to_owned()), &shape)
    }

    #[test]
    fn what_stands_around_the_rows_is_read_in_the_ways_in_which_it_is_written() {
        for (meta, next, total) in [
            (r#"{"next": "abc", "total": 7}"#, Some("abc"), Some(7)),
            (r#"{"next": 17, "total": "7"}"#, Some("17"), Some(7)),
            (r#"{"next": null, "total": null}"#, None, None),
            (r#"{"next": "", "total": 0}"#, None, Some(0)),
            (r#"{"next": false}"#, None, None),
            ("{}", None, None),
            ("null", None, None),
        ] {
            let page = read(&format!(r#"{{"meta": {meta}, "data": []}}"#)).expect(meta);
            assert_eq!((page.around.next.as_deref(), page.around.total), (next, total), "{meta}");
            assert_eq!(page.around.next_is_said, meta.contains("next"), "{meta}");
        }
    }

    #[test]
    fn rows_come_as_they_are_written_and_a_page_without_any_says_so() {
        let mut page = read(
            r#"{"data": [ {"a": "]"}, 17 ,[2,3]
            , null]}"#,
        )
        .expect("a page");
        let rows: Vec<String> = std::iter::from_fn(|| page.row().map(str::to_owned)).collect();
        assert_eq!(rows, [r#"{"a": "]"}"#, "17", "[2,3]", "null"]);
        assert!(!page.around.empty);
        assert!(read(r#"{"data": [ ]}"#).is_ok_and(|page| page.around.empty));
    }

    #[test]
    fn an_answer_of_another_shape_is_refused_by_the_name_of_the_setting_and_nothing_of_it_is_told() {
        for (text, expected) in [
            (r#"{"data": {"c4nary": 1}}"#, "`rows` (/data)"),
            (r#"{"other": []}"#, "`rows` (/data)"),
            (r#"{"data": [], "data": [1]}"#, "`rows` (/data) twice"),
            (r#"{"data": [], "meta": {"next": ["c4nary"]}}"#, "a list at `next` (/meta/next)"),
            (r#"{"data": [], "meta": {"next": true}}"#, "something else at `next`"),
            (r#"{"data": [], "meta": {"total": 1.5}}"#, "a number that is not whole at `total`"),
            (r#"{"data": [], "meta": {"pages": "c4nary"}}"#, "a text at `pages` (/meta/pages)"),
            (r#"{"data": [{"secret": "c4nary"}"#, "in the middle"),
            ("", "in the middle"),
            ("<!doctype html>c4nary", "not JSON"),
        ] {
            let why = read(text).err().expect(text).to_string();
            assert!(why.contains(expected) && !why.contains("c4nary"), "{text}: {why}");
        }
    }
}
