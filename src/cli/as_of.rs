//! `scan --as-of TIME`: what the rules would say at another time; reads the ledger, writes nothing.

use std::io;

use serde_json::{Value, json};

use super::args::{Format, ScanArgs};
use super::output::{List, TABLE_ROWS};
use super::words::{FINDING_COLUMNS, finding_cells};
use super::{CliError, Done, reader};
use crate::app::{AppError, rule_policy};
use crate::config::Settings;
use crate::domain::facts::Subject;
use crate::domain::finding::{KnownFinding, Ruling};
use crate::domain::ids::{FindingId, ProviderName};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::read::{FindingRow, FindingState};
use crate::providers::Catalogue;
use crate::scan::judge::judge_as_of;

/// Prints the findings that would be open at `at`, from the facts that the ledger has now.
pub async fn run(args: &ScanArgs, settings: &Settings, at: Timestamp) -> Result<Done, CliError> {
    let ledger = reader(settings).await?;
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    let policy = |name: &ProviderName| rule_policy(settings, &catalogue, name);
    let mut held = Vec::new();
    judge_as_of(&ledger, &policy, at, |subject, known, rulings| {
        let is_open = |ruling: &Ruling| {
            known.iter().any(|k| k.open && (k.rule, k.credential) == (ruling.rule, ruling.credential))
        };
        let rulings = rulings.into_iter().filter(|ruling| ruling.opens || is_open(ruling));
        held.extend(rulings.map(|ruling| row(subject, known, ruling)));
    })
    .await?;
    let mut failing = 0_u64;
    let mut rows = Vec::with_capacity(held.len());
    for (mut row, connection) in held {
        if let Some(detail) = ledger.connection_by_id(connection).await? {
            row.source = detail.connection.source;
            row.account_id = detail.connection.account_id;
        }
        failing += u64::from(args.fail_on.is_some_and(|limit| row.severity >= limit));
        rows.push(row);
    }
    print(args.format, &rows, at)?;
    drop::<Ledger>(ledger);
    Ok(if failing > 0 { Done::Findings } else { Done::Ok })
}

fn row(subject: &Subject, known: &[KnownFinding], ruling: Ruling) -> (FindingRow, crate::domain::ids::ConnectionId) {
    let known = known.iter().find(|k| k.rule == ruling.rule && k.credential == ruling.credential);
    let used = subject.uses.iter().rev().find(|used| used.credential.id == ruling.credential);
    let connection = &subject.connection;
    let row = FindingRow {
        id: known.map_or(FindingId(0), |known| known.id),
        rule: ruling.rule,
        severity: ruling.severity,
        source: String::new(),
        connection_id: connection.external_id.clone(),
        connection_name: connection.name.clone(),
        account_id: String::new(),
        provider: used.map_or_else(|| connection.provider.clone(), |used| used.credential.provider.clone()),
        credential: used.map(|used| used.credential.fingerprint.short().to_owned()).unwrap_or_default(),
        liveness: used.map(|used| used.credential.belief.liveness).unwrap_or_default(),
        state: FindingState::Open,
        opened_at: ruling.since,
        closed_at: None,
        since: ruling.since,
        mailed: ruling.mailed,
        pause: None,
        pause_until: None,
        baseline: false,
        evidence: ruling.evidence,
    };
    (row, connection.id)
}

fn print(format: Format, rows: &[FindingRow], at: Timestamp) -> Result<(), CliError> {
    let mut out = io::BufWriter::new(anstream::stdout());
    // A verdict that no scan has written yet has no number.
    let object = |row: &FindingRow| -> Result<Value, CliError> {
        let mut object = serde_json::to_value(row).map_err(|error| CliError::Output(error.into()))?;
        if row.id.0 == 0 {
            object["id"] = Value::Null;
        }
        Ok(object)
    };
    if format == Format::Json {
        let findings = rows.iter().map(object).collect::<Result<Vec<_>, _>>()?;
        let document = json!({
            "scan": {"as_of": at.to_string(), "outcome": "judged"},
            "counts": {"findings": rows.len()},
            "findings": findings, "quarantined": [], "problems": [],
        });
        serde_json::to_writer(&mut out, &document).map_err(io::Error::from)?;
        return Ok(io::Write::write_all(&mut out, b"\n")?);
    }
    let limit = if format == Format::Table { TABLE_ROWS } else { usize::MAX };
    let mut list = List::begin(out, format, FINDING_COLUMNS)?;
    for row in rows.iter().take(limit) {
        list.row(&object(row)?, |_| cells(row))?;
    }
    Ok(list.end(rows.len().saturating_sub(limit) as u64)?)
}

/// A finding's cells; one that no scan has written yet is new.
fn cells(row: &FindingRow) -> Vec<String> {
    let mut cells = finding_cells(row);
    if row.id.0 == 0 {
        "new".clone_into(&mut cells[0]);
    }
    cells
}
