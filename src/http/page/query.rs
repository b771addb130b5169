//! What a page is asked for, as its address says it: each name known, each once, each value one that means something.

use std::fmt::Write as _;

use url::form_urlencoded::{Serializer, parse};

use super::words::harmless;
use crate::ledger::read::{Cursor, Order};

/// What is wrong with an address, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// the name of the field
    pub(super) field: String,
    /// what to do, as a sentence
    pub(super) what: String,
}

/// The fields of an address. A field that is empty was not filled in.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

/// The field that says where a list goes on.
pub(super) const FROM: &str = "from";

impl Query {
    /// Reads what stands behind the `?`; `names` are those that the page knows.
    ///
    /// # Errors
    /// [`Fault`] for a name that the page doesn't know, and for one that is there twice: nothing is passed over.
    pub(super) fn read(raw: Option<&str>, names: &[&str]) -> Result<Self, Fault> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in parse(raw.unwrap_or_default().as_bytes()) {
            let fault = |what| Err(Fault { field: harmless(&name), what });
            if !names.contains(&name.as_ref()) {
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return fault(format!("This page has no field of that name. Its fields: {known}."));
            }
            if fields.iter().any(|(known, _)| *known == name) {
                return fault("This field stands twice in the address. Keep one of them.".to_owned());
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// True where the field is there, with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// What was filled in.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The one of `words` that was chosen.
    ///
    /// # Errors
    /// [`Fault`] for any other word.
    pub(super) fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.map(Some).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let what = format!("{:?} is none of its words: {}.", harmless(text), words.join(", "));
            Fault { field: name.to_owned(), what }
        })
    }

    /// Where the list goes on; its beginning where nothing is said.
    ///
    /// # Errors
    /// [`Fault`] for a text that is no place in a list of this order.
    pub(super) fn cursor(&self, order: Order) -> Result<Cursor, Fault> {
        let Some(text) = self.text(FROM) else { return Ok(Cursor::start(order)) };
        Cursor::parse(text, order).map_err(|error| Fault { field: FROM.to_owned(), what: sentence(&error.to_string()) })
    }

    /// The same list from its beginning, or from another place in it.
    pub(super) fn again(&self, path: &str, from: Option<Cursor>) -> String {
        let kept = self.0.iter().filter(|(name, value)| name != FROM && !value.trim().is_empty());
        let fields: Vec<(&str, String)> = kept.map(|(name, value)| (name.as_str(), value.clone())).collect();
        let from = from.map(|from| (FROM, from.to_string()));
        let fields: Vec<(&str, String)> = fields.into_iter().chain(from).collect();
        address(path, fields.iter().map(|(name, value)| (*name, value.as_str())))
    }
}

/// A path with these fields.
pub(super) fn address<'a>(path: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in fields {
        query.append_pair(name, value);
    }
    match query.finish() {
        none if none.is_empty() => path.to_owned(),
        fields => format!("{path}?{fields}"),
    }
}

/// A path whose last part is other people's text.
pub(super) fn path(parent: &str, name: &str) -> String {
    let mut path = format!("{parent}/");
    for byte in name.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        // writing to a String can't fail
        _ = if is_plain { write!(path, "{}", char::from(byte)) } else { write!(path, "%{byte:02X}") };
    }
    path
}

/// With a capital letter and a full stop.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.trim_end_matches('.').chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 3] = ["q", "state", FROM];

    #[test]
    fn what_nobody_knows_stands_twice_or_means_nothing_is_refused_by_name() {
        let fault = |raw: &str| Query::read(Some(raw), &NAMES).err().map(|fault| fault.field);
        assert_eq!(fault("q=1&state=&from=x"), None);
        assert_eq!(fault(""), None);
        assert_eq!(fault("stat=open").as_deref(), Some("stat"));
        assert_eq!(fault("q=1&q=1").as_deref(), Some("q"));
        assert_eq!(fault("q=1&q=").as_deref(), Some("q"));
        assert_eq!(fault("%00%E2%80%AE=1").as_deref(), Some("\u{fffd}\u{fffd}"));
        let query = Query::read(Some("state=opne&from=w_1"), &NAMES).unwrap();
        let fault = query.one_of("state", &[("open", 1), ("closed", 2)]).unwrap_err();
        assert_eq!(fault.what, "\"opne\" is none of its words: open, closed.");
        assert_eq!(query.cursor(Order::Worst).unwrap_err().field, "from");
        assert!(Query::read(Some("state=%20"), &NAMES).unwrap().one_of::<i64>("state", &[]).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn a_link_keeps_the_filter_whatever_stands_in_it(q in ".{1,40}", at in any::<i64>()) {
            let link = address("/findings", [("q", q.as_str()), ("state", "")]);
            let query = Query::read(link.split_once('?').map(|(_, raw)| raw), &NAMES).unwrap();
            prop_assert_eq!(query.text("q"), Some(q.trim()).filter(|q| !q.is_empty()));
            let next = query.again("/findings", Some(Cursor::Number(at)));
            let there = Query::read(next.split_once('?').map(|(_, raw)| raw), &NAMES).unwrap();
            prop_assert_eq!(there.cursor(Order::Number), Ok(Cursor::Number(at)));
            prop_assert_eq!(there.text("q"), query.text("q"));
        }

        #[test]
        fn a_path_is_ascii_and_has_no_other_parts(name in ".{0,40}") {
            let path = path("/providers", &name);
            prop_assert!(path.is_ascii() && path.matches('/').count() == 2 && !path.contains(['?', '#', '.', '"']));
        }
    }
}
