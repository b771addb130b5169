//! What a configuration may hold, as a JSON Schema: made of the manual, and of what the reader of each section asks for.
//!
//! The manual with every setting in force is read once, and each section notes which keys it knows: so the schema has the
//! keys that the reader has, and no others. What kind of value each takes is what the manual shows of it. Whether a value
//! makes sense is the reader's to say.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::reader::{Known, Log};
use super::tree::{self, Node, Origin, Table, Value};
use super::{MANUAL, sections};

/// Settings that are read from the disk as soon as they are known. To learn their names no file is needed.
const READ_AT_ONCE: [(&str, &str); 2] = [("catalogue", "directory"), ("mail", "templates")];
/// Settings that take one text or a list of them.
const ONE_OR_SEVERAL: [&str; 1] = ["inventory[].events_secret"];

/// The schema, by the names of the catalogue's providers.
pub fn schema(known_providers: &[&str]) -> Json {
    // Where the manual could not be read, the program would not run at all.
    let whole = tree::parse(&whole_manual(), |_| Origin::Default).unwrap_or_default();
    let log = Log::new("the manual");
    let mut read = whole.clone();
    for (section, key) in READ_AT_ONCE {
        if let Some(Node { value: Value::Table(table), .. }) = read.get_mut(section) {
            table.remove(key);
        }
    }
    sections::read(&read, &read, &log, Path::new(""), &[], known_providers);
    let mut schema = object("", &[&whole], &log.into_known());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(concat!("The configuration of keysweep ", env!("CARGO_PKG_VERSION")));
    schema
}

/// The manual with every setting in force that stands there behind a `#` without a space.
pub(super) fn whole_manual() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    MANUAL.lines().map(line).collect()
}

/// A section, of which the manual may show several.
fn object(path: &str, shown: &[&Table], known: &Known) -> Json {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let nodes = |key: &str| shown.iter().filter_map(|table| table.get(key)).collect::<Vec<_>>();
    let Some(keys) = known.get(path) else {
        // Its names are the operator's own: each of them takes what the manual shows of one.
        let example = shown.iter().flat_map(|table| table.iter()).next();
        let each = example.map_or_else(|| json!({}), |(name, node)| value(&below(name), &[node], known));
        return json!({"type": "object", "additionalProperties": each});
    };
    let properties = keys.iter().map(|key| ((*key).to_owned(), value(&below(key), &nodes(key), known)));
    let properties: Map<String, Json> = properties.collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// What a setting takes; anything, where the manual shows none.
fn value(path: &str, shown: &[&Node], known: &Known) -> Json {
    let tables = |nodes: &[&'_ Node]| nodes.iter().all(|node| matches!(node.value, Value::Table(_)));
    let Some(first) = shown.first() else { return json!({}) };
    match &first.value {
        _ if ONE_OR_SEVERAL.contains(&path) => json!({"type": ["string", "array"], "items": {"type": "string"}}),
        Value::Table(_) => object(path, &shown.iter().filter_map(|node| table(node)).collect::<Vec<_>>(), known),
        Value::List(_) => {
            let items = shown.iter().filter_map(|node| list(node)).flatten().collect::<Vec<_>>();
            let path = if tables(&items) { format!("{path}[]") } else { String::from("-") };
            json!({"type": "array", "items": value(&path, &items, known)})
        }
        Value::Text(_) | Value::Other(_) => json!({"type": "string"}),
        Value::Integer(_) => json!({"type": "integer"}),
        Value::Flag(_) => json!({"type": "boolean"}),
    }
}

const fn table(node: &Node) -> Option<&Table> {
    match &node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

const fn list(node: &Node) -> Option<&Vec<Node>> {
    match &node.value {
        Value::List(list) => Some(list),
        _ => None,
    }
}
