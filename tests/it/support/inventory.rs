//! Inventories as a platform writes them.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{ago, hex};

/// A pair as Mailjet has them, the same for the same word: public half and secret.
pub fn pair(word: &str) -> (String, String) {
    (hex(&format!("key of {word}")), hex(&format!("secret of {word}")))
}

/// An inventory of connections in the making.
#[derive(Clone, Default)]
pub struct Inventory {
    rows: Vec<BTreeMap<&'static str, String>>,
}

/// The columns, in an order of our own: no reader may rest on the contract's.
const COLUMNS: [&str; 21] = [
    "name",
    "secret",
    "key_id",
    "connection_id",
    "provider",
    "account_id",
    "status",
    "created_at",
    "updated_at",
    "deleted_at",
    "secret_set_at",
    "auth",
    "created_by",
    "running_jobs",
    "region",
    "secret_version",
    "notes",
    "compromised_at",
    "last_sync_at",
    "used_for",
    "tags",
];

impl Inventory {
    /// Adds a row.
    pub fn add(&mut self, id: &str, account: &str, provider: &str, more: &[(&'static str, &str)]) {
        let mut row = BTreeMap::from([
            ("connection_id", id.to_owned()),
            ("account_id", account.to_owned()),
            ("provider", provider.to_owned()),
        ]);
        row.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.rows.push(row);
    }

    /// Adds an active Mailjet connection of this word's pair, made and keyed twenty days ago.
    pub fn mailjet(&mut self, id: &str, account: &str, word: &str) {
        let (key_id, secret) = pair(word);
        let (key_id, secret, then) = (key_id.as_str(), secret.as_str(), ago(TimeDelta::days(20)));
        let more = [("key_id", key_id), ("secret", secret), ("created_at", &then), ("secret_set_at", &then)];
        self.add(id, account, "mailjet", &more);
    }

    /// Adds an active ConvertKit connection of this value, made and keyed twenty days ago.
    pub fn convertkit(&mut self, id: &str, account: &str, secret: &str) {
        let then = ago(TimeDelta::days(20));
        self.add(id, account, "convertkit", &[("secret", secret), ("created_at", &then), ("secret_set_at", &then)]);
    }

    /// Changes one field of a row.
    #[track_caller]
    pub fn set(&mut self, id: &str, field: &'static str, value: &str) {
        let row = self.rows.iter_mut().find(|row| row["connection_id"] == id).expect("a row of this id");
        row.insert(field, value.to_owned());
    }

    /// Marks a row as deleted so long ago.
    #[track_caller]
    pub fn delete(&mut self, id: &str, before: TimeDelta) {
        self.set(id, "status", "deleted");
        self.set(id, "deleted_at", &ago(before));
    }

    /// Takes a row out.
    pub fn remove(&mut self, id: &str) {
        self.rows.retain(|row| row["connection_id"] != id);
    }

    /// As a file: every field quoted, lines ended as on Windows, with a mark of byte order.
    pub fn csv(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let line = |cells: Vec<String>| format!("{}\r\n", cells.join(","));
        let mut text = format!("\u{feff}{}", line(COLUMNS.map(quoted).to_vec()));
        for row in &self.rows {
            text += &line(COLUMNS.iter().map(|name| quoted(row.get(name).map_or("", String::as_str))).collect());
        }
        text
    }
}
