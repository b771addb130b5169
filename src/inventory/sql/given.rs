//! One value of a row to the contract's cell: pure, and the same whichever database it comes from.

use std::borrow::Cow;

use crate::inventory::cells::Cell;
use crate::inventory::lines;

/// What a database gives for one column of one row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// NULL
    Nothing,
    /// text, or a whole number as text
    Text(String),
    /// text of a database without a type for instants, where a time may be written without its zone
    Loose(String),
    /// a number that may have a fraction, as text
    Number(String),
    /// true or false
    Flag(bool),
    /// bytes
    Bytes(Vec<u8>),
    /// a day, or a day and a time of it, without a zone: `2026-01-31` or `2026-01-31 09:30:00`
    Zoneless(String),
    /// a JSON document
    Json(String),
    /// a list
    List(Vec<String>),
    /// something else: what it is, in words
    Other(&'static str),
}

/// A value that its own database library can't make out.
pub(super) const UNREAD: Given = Given::Other("a value that can't be read; cast it to text in the query");

/// A cell, and what is to be said of it.
#[derive(Debug)]
pub(super) struct Taken {
    /// what is given for the field
    pub(super) cell: Cell<'static>,
    /// a time had no zone and was taken for UTC
    pub(super) zoneless: bool,
}

impl Given {
    /// What it gives for the field of this name.
    pub(super) fn cell(self, field: &str) -> Taken {
        let plain = |cell| Taken { cell, zoneless: false };
        let text = |text| plain(Cell::Text(Cow::Owned(text)));
        match self {
            Self::Nothing => plain(Cell::Absent),
            Self::Text(given) if is_list(field) => plain(list(given)),
            Self::Text(given) => text(given),
            Self::Loose(given) if is_time(field) && is_zoneless(&given) => Self::Zoneless(given).cell(field),
            Self::Loose(given) => Self::Text(given).cell(field),
            Self::Number(number) => match whole(&number) {
                Some(number) => text(number.to_owned()),
                None => plain(Cell::Other("a number that isn't whole")),
            },
            Self::Flag(flag) => plain(Cell::Flag(flag)),
            Self::Bytes(bytes) => match String::from_utf8(bytes) {
                Ok(given) => Self::Text(given).cell(field),
                Err(_) => plain(Cell::Other("bytes that are not UTF-8 text")),
            },
            Self::Zoneless(given) if is_time(field) => {
                let (day, time) = given.split_once([' ', 'T']).unwrap_or((&given, "00:00:00"));
                let cell = Cell::Text(Cow::Owned(format!("{day}T{time}Z")));
                Taken { cell, zoneless: true }
            }
            Self::Zoneless(given) => text(given),
            Self::Json(document) => plain(match lines::value(&document) {
                Some(cell) => owned(cell),
                None => Cell::Other("a JSON document that can't be read"),
            }),
            Self::List(texts) => plain(Cell::List(texts.into_iter().map(Cow::Owned).collect())),
            Self::Other(what) => plain(Cell::Other(what)),
        }
    }
}

/// The elements of PostgreSQL's text for an array; `None` for anything but a list of one dimension.
pub(super) fn array(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?.chars().peekable();
    let (mut found, mut item, mut quoted) = (Vec::new(), String::new(), false);
    if rest.peek().is_none() {
        return Some(found);
    }
    loop {
        match rest.next() {
            Some('{') if !quoted => return None,
            Some('"') => {
                quoted = true;
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => item.push(rest.next()?),
                        c => item.push(c),
                    }
                }
            }
            Some(c) if c != ',' => item.push(c),
            end => {
                let item = std::mem::take(&mut item);
                if quoted || !item.eq_ignore_ascii_case("NULL") {
                    found.push(item);
                }
                quoted = false;
                if end.is_none() {
                    return Some(found);
                }
            }
        }
    }
}

/// The fields that take lists. A database without a type for them writes one as text.
fn is_list(field: &str) -> bool {
    matches!(field, "used_for" | "tags")
}

fn is_time(field: &str) -> bool {
    field.ends_with("_at")
}

fn list(text: String) -> Cell<'static> {
    if text.trim_start().starts_with('[')
        && let Some(cell @ Cell::List(_)) = lines::value(&text)
    {
        return owned(cell);
    }
    match array(text.trim()) {
        Some(texts) => Cell::List(texts.into_iter().map(Cow::Owned).collect()),
        None => Cell::Text(Cow::Owned(text)),
    }
}

/// `2026-01-31`, or that with a time behind a space or a `T`, and nothing behind the time.
fn is_zoneless(text: &str) -> bool {
    let (day, time) = text.split_at_checked(10).unwrap_or((text, "-"));
    let is_day = day.len() == 10
        && day.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let is_time = time.strip_prefix([' ', 'T']).is_some_and(|time| {
        time.len() >= 8 && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.')
    });
    is_day && (time.is_empty() || is_time)
}

/// The number without a fraction of noughts; `None` where the fraction is something.
fn whole(number: &str) -> Option<&str> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_whole = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    (is_whole && fraction.bytes().all(|byte| byte == b'0')).then_some(whole)
}

fn owned(cell: Cell<'_>) -> Cell<'static> {
    let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    match cell {
        Cell::Absent => Cell::Absent,
        Cell::Text(text) => Cell::Text(own(text)),
        Cell::Flag(flag) => Cell::Flag(flag),
        Cell::List(texts) => Cell::List(texts.into_iter().map(own).collect()),
        Cell::Other(what) => Cell::Other(what),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(given: Given, field: &str) -> String {
        match given.cell(field).cell {
            Cell::Absent => "nothing".to_owned(),
            Cell::Text(text) => text.into_owned(),
            Cell::Flag(flag) => flag.to_string(),
            Cell::List(texts) => texts.join("+"),
            Cell::Other(what) => format!("({what})"),
        }
    }

    #[test]
    fn every_kind_of_value_becomes_what_the_contract_reads() {
        use Given::{Bytes, Flag, Json, List, Loose, Nothing, Number, Other, Text, Zoneless};
        for (given, field, expected) in [
            (Nothing, "name", "nothing"),
            (Text("a, b".into()), "name", "a, b"),
            (Text("[\"sync\", \"smtp\"]".into()), "used_for", "sync+smtp"),
            (Text("{eu,\"a b\"}".into()), "tags", "eu+a b"),
            (Text("sync, smtp".into()), "used_for", "sync, smtp"),
            (Text("[broken".into()), "tags", "[broken"),
            (Number("1769851800.000000".into()), "created_at", "1769851800"),
            (Number("-3".into()), "running_jobs", "-3"),
            (Number("1.5".into()), "running_jobs", "(a number that isn't whole)"),
            (Number("NaN".into()), "running_jobs", "(a number that isn't whole)"),
            (Flag(true), "verified", "true"),
            (Bytes(b"secret".to_vec()), "secret", "secret"),
            (Bytes(vec![0xff]), "secret", "(bytes that are not UTF-8 text)"),
            (Zoneless("2026-01-31".into()), "created_at", "2026-01-31T00:00:00Z"),
            (Zoneless("2026-01-31 09:30:00.5".into()), "created_at", "2026-01-31T09:30:00.5Z"),
            (Zoneless("2026-01-31".into()), "name", "2026-01-31"),
            (Loose("2026-01-31 09:30:00".into()), "created_at", "2026-01-31T09:30:00Z"),
            (Loose("2026-01-31 09:30:00+02:00".into()), "created_at", "2026-01-31 09:30:00+02:00"),
            (Loose("2026-01-31".into()), "name", "2026-01-31"),
            (Json("[\"eu\"]".into()), "tags", "eu"),
            (Json("null".into()), "tags", "nothing"),
            (Json("\"k\"".into()), "key_id", "k"),
            (Json("{\"a\": 1}".into()), "key_id", "(an object)"),
            (List(vec!["a".into(), "b".into()]), "tags", "a+b"),
            (Other("an interval"), "created_at", "(an interval)"),
        ] {
            let asked = format!("{given:?} as {field}");
            assert_eq!(shown(given, field), expected, "{asked}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_said_to_be_one() {
        assert!(Given::Zoneless("2026-01-31".into()).cell("created_at").zoneless);
        assert!(Given::Loose("2026-01-31".into()).cell("created_at").zoneless);
        assert!(!Given::Loose("2026-01-31T00:00:00Z".into()).cell("created_at").zoneless);
        assert!(!Given::Loose("2026-01-31".into()).cell("name").zoneless);
    }

    #[test]
    fn arrays_are_read_as_postgresql_writes_them() {
        for (text, expected) in [
            ("{}", Some(vec![])),
            ("{a,b}", Some(vec!["a", "b"])),
            (r#"{"a,b","c\"d",""}"#, Some(vec!["a,b", "c\"d", ""])),
            (r#"{NULL,"NULL",x}"#, Some(vec!["NULL", "x"])),
            ("{{a},{b}}", None),
            ("{\"a", None),
            ("a", None),
        ] {
            let expected: Option<Vec<String>> = expected.map(|items| items.into_iter().map(str::to_owned).collect());
            assert_eq!(array(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_array_that_is_written_with_marks_is_read_back(items in proptest::collection::vec(".{0,12}", 0..6)) {
            let mark = |item: &String| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""));
            let text = format!("{{{}}}", items.iter().map(mark).collect::<Vec<_>>().join(","));
            prop_assert_eq!(array(&text), Some(items));
        }
    }
}
