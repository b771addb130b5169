//! Which line of a file a key stands on.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A text with the places of its keys.
pub(super) struct Lines<'a> {
    text: &'a str,
    /// `None` where it is no TOML
    document: Option<Spanned<DeTable<'a>>>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, document: DeTable::parse(text).ok() }
    }

    /// The line of a place, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
    }

    /// The line of a key, as in `protocol[0].probe[1].path`; where it is not there, of the nearest one above it.
    pub(super) fn line_of(&self, path: &str) -> Option<usize> {
        let mut table = self.document.as_ref()?.get_ref();
        let mut line = None;
        for part in path.split('.') {
            let (key, index) = match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
                Some((key, index)) => (key, index.parse::<usize>().ok()),
                None => (part, None),
            };
            let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == key) else { break };
            line = Some(self.line(name.span().start));
            let mut value = value;
            if let (Some(index), DeValue::Array(items)) = (index, value.get_ref()) {
                let Some(item) = items.get(index) else { break };
                line = Some(self.line(item.span().start));
                value = item;
            }
            let DeValue::Table(inner) = value.get_ref() else { break };
            table = inner;
        }
        line
    }

    /// The dotted path of the innermost value that holds this place.
    pub(super) fn key_at(&self, at: usize) -> Option<String> {
        let mut path = Vec::new();
        inner_most(self.document.as_ref()?.get_ref(), at, &mut path);
        (!path.is_empty()).then(|| path.join("."))
    }
}

/// Tables that are written with headers don't span their contents: every one is looked into.
fn inner_most(table: &DeTable<'_>, at: usize, path: &mut Vec<String>) -> bool {
    for (name, value) in table {
        path.push(name.get_ref().to_string());
        let here = name.span().contains(&at) || value.span().contains(&at);
        if within(value.get_ref(), at, path) || here {
            return true;
        }
        path.pop();
    }
    false
}

fn within(value: &DeValue<'_>, at: usize, path: &mut Vec<String>) -> bool {
    match value {
        DeValue::Table(inner) => inner_most(inner, at, path),
        DeValue::Array(items) => items.iter().enumerate().any(|(index, item)| {
            let Some(last) = path.pop() else { return false };
            path.push(format!("{last}[{index}]"));
            if within(item.get_ref(), at, path) {
                return true;
            }
            path.pop();
            path.push(last);
            item.span().contains(&at) && !matches!(item.get_ref(), DeValue::Table(_))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
name = \"x\"
[limits]
requests = 1
[[protocol]]
name = \"rest\"
[[protocol.probe]]
path = \"/a\"
[[protocol.probe.answer]]
status = 200
json = [
  { at = \"/a\" },
  { at = \"/b\" },
]
[[protocol.probe.answer]]
status = 401
";

    #[test]
    fn a_key_is_found_by_its_path_and_a_missing_one_by_what_should_hold_it() {
        let lines = Lines::of(TEXT);
        for (path, line) in [
            ("name", Some(1)),
            ("limits.requests", Some(3)),
            ("limits.in_flight", Some(2)),
            ("protocol[0].name", Some(5)),
            ("protocol[0].probe[0].answer[0].json[1].at", Some(12)),
            ("protocol[0].probe[0].answer[1].status", Some(15)),
            ("protocol[0].probe[0].answer[1].verdict", Some(14)),
            ("protocol[7].name", Some(4)),
            ("nothing", None),
        ] {
            assert_eq!(lines.line_of(path), line, "{path}");
        }
        assert_eq!(Lines::of("no = ").line_of("no"), None);
    }

    #[test]
    fn a_place_is_named_by_its_innermost_key() {
        let lines = Lines::of(TEXT);
        for (text, key) in [
            ("= \"x\"", None),
            ("\"x\"", Some("name")),
            ("requests", Some("limits.requests")),
            ("\"/b\"", Some("protocol[0].probe[0].answer[0].json[1].at")),
            ("401", Some("protocol[0].probe[0].answer[1].status")),
        ] {
            let at = TEXT.find(text).unwrap();
            assert_eq!(lines.key_at(at).as_deref(), key, "{text}");
        }
    }
}
