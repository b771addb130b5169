//! Values that remember where they came from, in layers.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Fault, SyntaxFault};
use super::reader::Log;
use super::secret_ref::Env;

/// Where a value was written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// in the manual
    Default,
    /// in the operator's file, on this line
    File(usize),
    /// in this environment variable
    Env(String),
}

pub(super) type Table = BTreeMap<String, Node>;

/// A value and its origin. Not printable: it may be a secret.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

#[derive(Clone)]
pub(super) enum Value {
    Table(Table),
    List(Vec<Node>),
    Text(String),
    Integer(i64),
    Flag(bool),
    /// a number or a date that no setting takes; as written
    Other(String),
}

impl Node {
    /// What kind of value this is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Table(_) => "a table",
            Value::List(_) => "a list",
            Value::Text(_) => "text",
            Value::Integer(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::Other(_) => "a fraction or a date",
        }
    }

    pub(super) fn is_env(&self) -> bool {
        matches!(self.origin, Origin::Env(_))
    }
}

/// Reads TOML; `origin` makes an origin of a line number.
pub(super) fn parse(text: &str, origin: impl Fn(usize) -> Origin) -> Result<Table, SyntaxFault> {
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
        // only the message: the parser's own display quotes the line, which may hold a secret
        SyntaxFault { line: line_of(text, at), column, what: error.message().replace('\n', ", ") }
    })?;
    let origin = |at: usize| origin(line_of(text, at));
    Ok(table(document.get_ref(), &origin))
}

/// Lays `upper` over `lower`: tables join, everything else replaces.
pub(super) fn overlay(lower: &mut Table, upper: Table) {
    for (key, node) in upper {
        match (lower.get_mut(&key), node.value) {
            (Some(Node { value: Value::Table(below), origin }), Value::Table(above)) => {
                // what a section lacks is missing in the file, whoever else set something in it
                if !matches!(node.origin, Origin::Env(_)) {
                    *origin = node.origin;
                }
                overlay(below, above);
            }
            (_, value) => {
                lower.insert(key, Node { value, origin: node.origin });
            }
        }
    }
}

/// Lays every variable `KEYSWEEP__SECTION__KEY` over the tree.
pub(super) fn overlay_env(tree: &mut Table, env: &Env, log: &Log) {
    for (name, text) in env {
        let Some(path) = name.strip_prefix("KEYSWEEP__") else { continue };
        let keys: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
        let origin = Origin::Env(name.clone());
        if keys.len() < 2 || keys.iter().any(String::is_empty) {
            let fault = Fault::new("the name has no section and key", "write KEYSWEEP__SECTION__KEY");
            log.report(&origin, "", fault);
        } else if keys.first().is_some_and(|section| section == "inventory") {
            let fault = Fault::new("a list of tables can't be set by the environment", "write it in the file");
            log.report(&origin, "inventory", fault);
        } else {
            let leaf = Node { value: Value::Text(text.clone()), origin };
            let nested = keys.into_iter().rev().fold(leaf, |node, key| {
                let origin = node.origin.clone();
                Node { value: Value::Table(Table::from([(key, node)])), origin }
            });
            if let Value::Table(above) = nested.value {
                overlay(tree, above);
            }
        }
    }
}

fn table(from: &DeTable<'_>, origin: &impl Fn(usize) -> Origin) -> Table {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        (name.to_string(), node(value.get_ref(), key.span().start, origin))
    };
    from.iter().map(entry).collect()
}

fn node(from: &DeValue<'_>, at: usize, origin: &impl Fn(usize) -> Origin) -> Node {
    let value = match from {
        DeValue::Table(inner) => Value::Table(table(inner, origin)),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| node(item.get_ref(), item.span().start, origin)).collect())
        }
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Other(number.as_str().to_owned()),
        },
        DeValue::Float(number) => Value::Other(number.as_str().to_owned()),
        DeValue::Datetime(date) => Value::Other(date.to_string()),
    };
    Node { value, origin: origin(at) }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
