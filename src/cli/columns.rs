//! What a row is in a table for people, and what it is for spreadsheets: there each fact has a cell of its own, whole.

use std::io;

use serde::Serialize;
use serde_json::Value;

use super::words::{connection, day, mail, minute, minute_or_dash};
use crate::ledger::read::{ConnectionRow, CredentialRow, FindingRow, MailRow, ScanRow, finding_name};

/// The column that a table has only where there are several sources.
pub const SOURCE: &str = "source";
/// The column of findings that a table has only where closed ones are among them.
pub const STATE: &str = "state";

/// A row of a list.
pub trait Listed: Serialize {
    /// the columns of a table
    const TABLE: &'static [&'static str];
    /// those whose cells may take several lines; in the others are ids, dates and words, which stand whole
    const WRAPPED: &'static [&'static str];
    /// the columns for spreadsheets: the names of the JSON, with a dot before what lies deeper
    const CSV: &'static [&'static str];

    /// The cells of a table.
    fn table(&self, on_terminal: bool) -> Vec<String>;
}

/// The cells for spreadsheets; empty where nothing is known.
///
/// # Errors
/// Where the row is no JSON.
pub fn sheet<T: Listed>(row: &T) -> io::Result<Vec<String>> {
    Ok(cells(&serde_json::to_value(row)?, T::CSV))
}

/// What an object has by these names.
pub fn cells(object: &Value, names: &[&str]) -> Vec<String> {
    let deep = |path: &str| path.split('.').try_fold(object, |value, name| value.get(name));
    names.iter().map(|path| deep(path).map(cell).unwrap_or_default()).collect()
}

/// A text as it is, a list as its words, anything else as JSON has it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

impl Listed for FindingRow {
    const TABLE: &'static [&'static str] = &[
        "finding",
        STATE,
        "severity",
        "rule",
        SOURCE,
        "connection",
        "account",
        "provider",
        "liveness",
        "since",
        "mail",
    ];
    const WRAPPED: &'static [&'static str] = &["connection", "mail"];
    // What it rests on differs from rule to rule, and is for the other forms.
    const CSV: &'static [&'static str] = &[
        "id",
        "severity",
        "rule",
        "state",
        "source",
        "connection_id",
        "connection_name",
        "connection_number",
        "account_id",
        "provider",
        "credential",
        "liveness",
        "since",
        "opened_at",
        "closed_at",
        "mailed",
        "pause",
        "pause_until",
        "baseline",
        "exempt.until",
        "exempt.reason",
        "exempt.by",
        "exempt.terms",
    ];

    fn table(&self, on_terminal: bool) -> Vec<String> {
        vec![
            finding_name(self.id),
            self.state.as_str().to_owned(),
            self.severity.to_string(),
            self.rule.to_string(),
            self.source.clone(),
            connection(&self.connection_id, self.connection_name.as_deref(), on_terminal),
            self.account_id.clone(),
            self.provider.to_string(),
            self.liveness.to_string(),
            day(self.since),
            mail(self),
        ]
    }
}

impl Listed for ConnectionRow {
    const TABLE: &'static [&'static str] = &[
        SOURCE,
        "connection",
        "account",
        "provider",
        "status",
        "credential",
        "liveness",
        "secret since",
        "open findings",
    ];
    const WRAPPED: &'static [&'static str] = &["connection"];
    const CSV: &'static [&'static str] = &[
        "id",
        "source",
        "connection_id",
        "name",
        "account_id",
        "provider",
        "status",
        "auth",
        "created_at",
        "deleted_at",
        "credential",
        "liveness",
        "secret_since",
        "provenance",
        "open_findings",
        "judge_at",
    ];

    fn table(&self, on_terminal: bool) -> Vec<String> {
        vec![
            self.source.clone(),
            connection(&self.connection_id, self.name.as_deref(), on_terminal),
            self.account_id.clone(),
            self.provider.to_string(),
            self.status.as_str().to_owned(),
            self.credential.clone().unwrap_or_else(|| "-".to_owned()),
            self.liveness.map_or_else(|| "-".to_owned(), |liveness| liveness.to_string()),
            self.secret_since.map_or_else(|| "-".to_owned(), day),
            self.open_findings.to_string(),
        ]
    }
}

impl Listed for CredentialRow {
    const TABLE: &'static [&'static str] = &[
        "credential",
        "provider",
        "key",
        "liveness",
        "since",
        "last asked",
        "next asked",
        "secret since",
        "held",
        "open uses",
    ];
    const WRAPPED: &'static [&'static str] = &[];
    // The parts of the last answer are for the other forms.
    const CSV: &'static [&'static str] = &[
        "id",
        "credential",
        "source",
        "provider",
        "key_tail",
        "kind",
        "region",
        "placeholder",
        "liveness",
        "liveness_since",
        "asked_at",
        "accepted_at",
        "refused_first",
        "refused_last",
        "refused_on",
        "left_out",
        "no_control",
        "unknown_since",
        "unknown_reason",
        "died_at",
        "outlived_at",
        "shredding",
        "secret_since",
        "provenance",
        "held",
        "first_seen_at",
        "compromised_at",
        "compromised_by",
        "compromised_note",
        "probe_at",
        "open_uses",
    ];

    fn table(&self, _: bool) -> Vec<String> {
        let key = match (self.placeholder, self.key_tail.as_str()) {
            (true, _) => "no secret".to_owned(),
            (false, "") => "-".to_owned(),
            (false, tail) => format!("…{tail}"),
        };
        vec![
            self.credential.clone(),
            self.provider.to_string(),
            key,
            self.liveness.to_string(),
            minute_or_dash(self.liveness_since),
            minute_or_dash(self.asked_at),
            minute_or_dash(self.probe_at),
            format!("{} ({})", day(self.secret_since), self.provenance.as_str()),
            if self.held { "yes" } else { "no" }.to_owned(),
            self.open_uses.to_string(),
        ]
    }
}

impl Listed for MailRow {
    const TABLE: &'static [&'static str] =
        &["mail", SOURCE, "account", "person", "state", "findings", "formed", "sent", "tries", "next try", "error"];
    const WRAPPED: &'static [&'static str] = &["error"];
    const CSV: &'static [&'static str] = &[
        "id",
        "scan",
        "source",
        "account_id",
        "person",
        "state",
        "notices",
        "formed_at",
        "sent_at",
        "returned_at",
        "attempts",
        "maybe_sent",
        "next_try_at",
        "message_id",
        "error",
    ];

    fn table(&self, _: bool) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.source.clone(),
            self.account_id.clone(),
            self.person.to_string(),
            self.state.as_str().to_owned(),
            self.notices.to_string(),
            minute(self.formed_at),
            minute_or_dash(self.sent_at),
            self.attempts.to_string(),
            minute_or_dash(self.next_try_at),
            self.error.clone().unwrap_or_default(),
        ]
    }
}

impl Listed for ScanRow {
    const TABLE: &'static [&'static str] = &["scan", "began", "ended", "outcome", "asked", "opened", "closed", "mails"];
    const WRAPPED: &'static [&'static str] = &[];
    const CSV: &'static [&'static str] = &[
        "id",
        "started_at",
        "finished_at",
        "outcome",
        "counts.rows",
        "counts.new",
        "counts.changed",
        "counts.ended",
        "counts.quarantined",
        "counts.held_back",
        "counts.asked",
        "counts.accepted",
        "counts.limited",
        "counts.refused",
        "counts.partly_refused",
        "counts.unknown",
        "counts.transitions",
        "counts.held_transitions",
        "counts.shredded",
        "counts.put_off",
        "counts.judged",
        "counts.opened",
        "counts.worsened",
        "counts.closed",
        "counts.exempted",
        "counts.exemptions_ended",
        "counts.mails_sent",
        "counts.mails_failed",
        "counts.mails_maybe_sent",
        "counts.steps",
        "counts.notices_held",
        "counts.nobody_to_tell",
        "counts.open_low",
        "counts.open_medium",
        "counts.open_high",
        "counts.open_critical",
        "counts.left_behind",
    ];

    fn table(&self, _: bool) -> Vec<String> {
        let mut cells = vec![
            self.id.to_string(),
            minute(self.started_at),
            minute_or_dash(self.finished_at),
            self.outcome.clone().unwrap_or_else(|| "not ended".to_owned()),
        ];
        let count = |name| self.counts.get(name).map(ToString::to_string).unwrap_or_default();
        cells.extend(["asked", "opened", "closed", "mails_sent"].map(count));
        cells
    }
}
