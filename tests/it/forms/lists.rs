//! A list in each form: what a platform would write, or keep.

use serde_json::Value;

use crate::support::platform::Engine;

/// What a column is in a database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Instant,
    List,
    Flag,
    Bytes,
}

/// A connection's fields that the estate uses.
pub const CONNECTION: &[(&str, Kind)] = &[
    ("connection_id", Kind::Text),
    ("account_id", Kind::Number),
    ("provider", Kind::Text),
    ("name", Kind::Text),
    ("status", Kind::Text),
    ("created_at", Kind::Instant),
    ("updated_at", Kind::Instant),
    ("deleted_at", Kind::Instant),
    ("secret_set_at", Kind::Instant),
    ("key_id", Kind::Text),
    ("secret", Kind::Bytes),
    ("created_by", Kind::Text),
    ("running_jobs", Kind::Number),
    ("used_for", Kind::List),
    ("tags", Kind::List),
];
/// A person's.
pub const PERSON: &[(&str, Kind)] = &[
    ("account_id", Kind::Number),
    ("member_id", Kind::Text),
    ("email", Kind::Text),
    ("role", Kind::Text),
    ("status", Kind::Text),
    ("verified", Kind::Flag),
    ("locale", Kind::Text),
];

/// A list as CSV.
pub fn csv(fields: &[(&str, Kind)], rows: &[Value]) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(";"),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let quoted = |text: String| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",") + "\n";
    for row in rows {
        text += &fields.iter().map(|(name, _)| quoted(plain(&row[*name]))).collect::<Vec<_>>().join(",");
        text += "\n";
    }
    text
}

/// The statements that make a table of these rows.
pub fn table(engine: Engine, name: &str, fields: &[(&str, Kind)], rows: &[Value]) -> String {
    use Engine::{MariaDb, Postgres, Sqlite};
    let kind = |kind: Kind| match (kind, engine) {
        (Kind::Text, _) | (Kind::Instant, Sqlite) | (Kind::List, MariaDb | Sqlite) => "text",
        (Kind::Number, _) => "bigint",
        (Kind::Instant, Postgres) => "timestamptz",
        (Kind::Instant, MariaDb) => "timestamp(3) NULL",
        (Kind::List, Postgres) => "text[]",
        (Kind::Flag, _) => "boolean",
        (Kind::Bytes, Postgres) => "bytea",
        (Kind::Bytes, MariaDb | Sqlite) => "blob",
    };
    let columns: Vec<String> = fields.iter().map(|(name, of)| format!("{name} {}", kind(*of))).collect();
    let mut text = match engine {
        MariaDb => "SET time_zone = '+00:00';\n".to_owned(),
        Postgres | Sqlite => String::new(),
    };
    text += &format!("DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (n int, {});\n", columns.join(", "));
    for (n, row) in rows.iter().enumerate() {
        let values = fields.iter().map(|(field, kind)| literal(engine, *kind, &row[*field]));
        text += &format!("INSERT INTO {name} VALUES ({n}, {});\n", values.collect::<Vec<_>>().join(", "));
    }
    text
}

fn literal(engine: Engine, kind: Kind, value: &Value) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match (value, kind, engine) {
        (Value::Null, ..) => "NULL".to_owned(),
        (Value::Array(items), _, Engine::Postgres) => {
            format!(
                "ARRAY[{}]::text[]",
                items.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(",")
            )
        }
        (Value::Array(_), ..) => quoted(&value.to_string()),
        (Value::String(text), Kind::Instant, Engine::MariaDb) => quoted(text.trim_end_matches('Z')),
        (Value::String(text), Kind::Bytes, Engine::Sqlite) => format!("CAST({} AS BLOB)", quoted(text)),
        (Value::String(text), ..) => quoted(text),
        (other, ..) => other.to_string(),
    }
}
