//! `scan --as-of TIME`: what the rules would say at another time; reads the ledger, writes nothing.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Value, json};

use super::args::{Format, ScanArgs};
use super::output::{List, TABLE_ROWS};
use super::words::{FINDING_COLUMNS, finding_cells};
use super::{CliError, Done, reader};
use crate::app::{AppError, policy};
use crate::config::Settings;
use crate::domain::facts::Subject;
use crate::domain::finding::{KnownFinding, Ruling};
use crate::domain::ids::FindingId;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::read::{FindingRow, FindingState};
use crate::providers::Catalogue;
use crate::report::exemptions::{ExemptionRow, listed};
use crate::scan::judge::judge_as_of;

/// Prints the findings that would be open at `at`, from the facts that the ledger has now.
pub async fn run(args: &ScanArgs, settings: &Settings, at: Timestamp) -> Result<Done, CliError> {
    let ledger = reader(settings).await?;
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    let policy = policy(settings, &catalogue);
    let mut rows = Vec::new();
    judge_as_of(&ledger, &policy, at, |subject, known, rulings| {
        let is_open = |ruling: &Ruling| {
            known.iter().any(|k| k.open && (k.rule, k.credential) == (ruling.rule, ruling.credential))
        };
        let rulings = rulings.into_iter().filter(|ruling| ruling.opens || is_open(ruling));
        rows.extend(rulings.map(|ruling| row(subject, known, ruling)));
    })
    .await?;
    let is_open = |row: &&FindingRow| row.state == FindingState::Open;
    let failing = args.fail_on.is_some_and(|limit| rows.iter().filter(is_open).any(|row| row.severity >= limit));
    print(args.format, &rows, &exemptions(&policy, &rows, at), at)?;
    drop::<Ledger>(ledger);
    Ok(if failing { Done::Findings } else { Done::Ok })
}

fn row(subject: &Subject, known: &[KnownFinding], ruling: Ruling) -> FindingRow {
    let known = known.iter().find(|k| k.rule == ruling.rule && k.credential == ruling.credential);
    let used = subject.uses.iter().rev().find(|used| used.credential.id == ruling.credential);
    let connection = &subject.connection;
    FindingRow {
        id: known.map_or(FindingId(0), |known| known.id),
        rule: ruling.rule,
        severity: ruling.severity,
        source: connection.source_name.clone(),
        connection_number: connection.id,
        connection_id: connection.external_id.clone(),
        connection_name: connection.name.clone(),
        account_id: connection.account_name.clone(),
        provider: used.map_or_else(|| connection.provider.clone(), |used| used.credential.provider.clone()),
        credential: used.map(|used| used.credential.fingerprint.short().to_owned()).unwrap_or_default(),
        liveness: used.map(|used| used.credential.belief.liveness).unwrap_or_default(),
        state: if ruling.exempt.is_some() { FindingState::Exempt } else { FindingState::Open },
        exempt: ruling.exempt,
        opened_at: ruling.since,
        closed_at: None,
        since: ruling.since,
        mailed: ruling.mailed,
        pause: None,
        pause_until: None,
        baseline: false,
        evidence: ruling.evidence,
    }
}

/// The exemptions as they would stand then, with what would be exempt by each.
fn exemptions(policy: &Policy, rows: &[FindingRow], at: Timestamp) -> Vec<ExemptionRow> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for exempt in rows.iter().filter_map(|row| row.exempt.as_ref()) {
        *counts.entry(exempt.terms.clone()).or_default() += 1;
    }
    listed(&policy.exemptions, &counts, at)
}

fn print(format: Format, rows: &[FindingRow], exemptions: &[ExemptionRow], at: Timestamp) -> Result<(), CliError> {
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
        let exempt = rows.iter().filter(|row| row.state == FindingState::Exempt).count();
        let findings = rows.iter().map(object).collect::<Result<Vec<_>, _>>()?;
        let document = json!({
            "scan": {"as_of": at.to_string(), "outcome": "judged"},
            "counts": {"findings": rows.len() - exempt, "exempt": exempt},
            "findings": findings, "exemptions": exemptions, "quarantined": [], "problems": [],
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
