//! What a row is in a table for people, and what it is for spreadsheets: there each fact has a cell of its own, whole.

use serde::Serialize;

use super::words::{connection, day, mail, minute, minute_or_dash};
use crate::domain::time::Timestamp;
use crate::ledger::read::{ConnectionRow, CredentialRow, FindingRow, MailRow, ScanRow, finding_name};

/// The column that a table has only where there are several sources.
pub const SOURCE: &str = "source";

/// A row of a list.
pub trait Listed: Serialize {
    /// the columns of a table
    const TABLE: &'static [&'static str];
    /// the columns for spreadsheets
    const CSV: &'static [&'static str];

    /// The cells of a table.
    fn table(&self, on_terminal: bool) -> Vec<String>;

    /// The cells for spreadsheets; empty where nothing is known.
    fn csv(&self) -> Vec<String>;
}

impl Listed for FindingRow {
    const TABLE: &'static [&'static str] =
        &["finding", "severity", "rule", SOURCE, "connection", "account", "provider", "liveness", "since", "mail"];
    const CSV: &'static [&'static str] = &[
        "finding",
        "severity",
        "rule",
        "state",
        "source",
        "connection_id",
        "connection_name",
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
        "exempt_until",
        "exempt_reason",
        "exempt_by",
    ];

    fn table(&self, on_terminal: bool) -> Vec<String> {
        vec![
            finding_name(self.id),
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

    fn csv(&self) -> Vec<String> {
        let exempt = self.exempt.as_ref();
        vec![
            finding_name(self.id),
            self.severity.to_string(),
            self.rule.to_string(),
            self.state.as_str().to_owned(),
            self.source.clone(),
            self.connection_id.clone(),
            self.connection_name.clone().unwrap_or_default(),
            self.account_id.clone(),
            self.provider.to_string(),
            self.credential.clone(),
            self.liveness.to_string(),
            self.since.to_string(),
            self.opened_at.to_string(),
            at(self.closed_at),
            self.mailed.to_string(),
            self.pause.clone().unwrap_or_default(),
            at(self.pause_until),
            self.baseline.to_string(),
            at(exempt.map(|word| word.until)),
            exempt.map(|word| word.reason.clone()).unwrap_or_default(),
            exempt.and_then(|word| word.by.clone()).unwrap_or_default(),
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
    const CSV: &'static [&'static str] = &[
        "source",
        "connection_id",
        "connection_name",
        "account_id",
        "provider",
        "status",
        "created_at",
        "deleted_at",
        "credential",
        "liveness",
        "secret_since",
        "secret_since_from",
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

    fn csv(&self) -> Vec<String> {
        vec![
            self.source.clone(),
            self.connection_id.clone(),
            self.name.clone().unwrap_or_default(),
            self.account_id.clone(),
            self.provider.to_string(),
            self.status.as_str().to_owned(),
            at(self.created_at),
            at(self.deleted_at),
            self.credential.clone().unwrap_or_default(),
            self.liveness.map(|liveness| liveness.to_string()).unwrap_or_default(),
            at(self.secret_since),
            self.provenance.map(|provenance| provenance.as_str().to_owned()).unwrap_or_default(),
            self.open_findings.to_string(),
            at(self.judge_at),
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
    const CSV: &'static [&'static str] = &[
        "credential",
        "source",
        "provider",
        "key_tail",
        "liveness",
        "liveness_since",
        "asked_at",
        "probe_at",
        "secret_since",
        "secret_since_from",
        "copy_held",
        "open_uses",
    ];

    fn table(&self, _: bool) -> Vec<String> {
        let tail = if self.key_tail.is_empty() { "-".to_owned() } else { format!("…{}", self.key_tail) };
        vec![
            self.credential.clone(),
            self.provider.to_string(),
            tail,
            self.liveness.to_string(),
            minute_or_dash(self.liveness_since),
            minute_or_dash(self.asked_at),
            minute_or_dash(self.probe_at),
            format!("{} ({})", day(self.secret_since), self.provenance.as_str()),
            yes(self.held),
            self.open_uses.to_string(),
        ]
    }

    fn csv(&self) -> Vec<String> {
        vec![
            self.credential.clone(),
            self.source.clone(),
            self.provider.to_string(),
            self.key_tail.clone(),
            self.liveness.to_string(),
            at(self.liveness_since),
            at(self.asked_at),
            at(self.probe_at),
            self.secret_since.to_string(),
            self.provenance.as_str().to_owned(),
            yes(self.held),
            self.open_uses.to_string(),
        ]
    }
}

impl Listed for MailRow {
    const TABLE: &'static [&'static str] =
        &["mail", "account", "person", "state", "findings", "formed", "sent", "tries", "next try", "error"];
    const CSV: &'static [&'static str] = &[
        "mail",
        "account_id",
        "person",
        "state",
        "notices",
        "formed_at",
        "sent_at",
        "returned_at",
        "attempts",
        "next_try_at",
        "message_id",
        "error",
    ];

    fn table(&self, _: bool) -> Vec<String> {
        vec![
            self.id.to_string(),
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

    fn csv(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.account_id.clone(),
            self.person.to_string(),
            self.state.as_str().to_owned(),
            self.notices.to_string(),
            self.formed_at.to_string(),
            at(self.sent_at),
            at(self.returned_at),
            self.attempts.to_string(),
            at(self.next_try_at),
            self.message_id.clone(),
            self.error.clone().unwrap_or_default(),
        ]
    }
}

impl Listed for ScanRow {
    const TABLE: &'static [&'static str] = &["scan", "began", "ended", "outcome", "asked", "opened", "closed", "mails"];
    const CSV: &'static [&'static str] =
        &["scan", "started_at", "finished_at", "outcome", "asked", "opened", "closed", "mails_sent"];

    fn table(&self, _: bool) -> Vec<String> {
        let mut cells = vec![
            self.id.to_string(),
            minute(self.started_at),
            minute_or_dash(self.finished_at),
            self.outcome.clone().unwrap_or_else(|| "running".to_owned()),
        ];
        cells.extend(counted(self));
        cells
    }

    fn csv(&self) -> Vec<String> {
        let outcome = self.outcome.clone().unwrap_or_default();
        let mut cells = vec![self.id.to_string(), self.started_at.to_string(), at(self.finished_at), outcome];
        cells.extend(counted(self));
        cells
    }
}

fn counted(row: &ScanRow) -> [String; 4] {
    ["asked", "opened", "closed", "mails_sent"]
        .map(|name| row.counts.get(name).map(ToString::to_string).unwrap_or_default())
}

fn at(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
