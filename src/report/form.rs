//! The forms of a report, each written as its findings are read.

use super::cases::Cases;
use super::cells::write_csv;
use super::ocsf::{Producer, detection};
use super::pack::{self, Array, Head, ReportError};
use super::paper::{Outlet, Paper};
use super::table::{COLUMNS, cells};
use crate::ledger::Ledger;
use crate::ports::Progress;

/// The form of a report for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// the evidence pack: one document
    Json,
    /// one row a finding; cells that a spreadsheet would run are made harmless
    Csv,
    /// a list of OCSF Detection Findings
    Ocsf,
}

/// Writes a report to its end.
///
/// # Errors
/// [`ReportError`]: then what was written so far is no document.
pub async fn write<O: Outlet>(
    form: Form,
    ledger: &Ledger,
    head: &Head<'_>,
    mut paper: Paper<O>,
    progress: &(impl Progress + Sync),
) -> Result<(), ReportError> {
    match form {
        Form::Json => pack::write(ledger, head, &mut paper, progress).await?,
        Form::Csv => csv(ledger, head, &mut paper, progress).await?,
        Form::Ocsf => ocsf(ledger, head, &mut paper, progress).await?,
    }
    Ok(paper.end().await?)
}

async fn csv<O: Outlet>(
    ledger: &Ledger,
    head: &Head<'_>,
    paper: &mut Paper<O>,
    progress: &(impl Progress + Sync),
) -> Result<(), ReportError> {
    write_csv(paper, COLUMNS.into_iter())?;
    let mut cases = Cases::of(ledger, head.scope);
    progress.stage("findings", None);
    while let Some(detail) = cases.next().await? {
        write_csv(paper, cells(&detail).iter().map(String::as_str))?;
        paper.pass().await?;
        progress.advance(1);
    }
    progress.done();
    Ok(())
}

async fn ocsf<O: Outlet>(
    ledger: &Ledger,
    head: &Head<'_>,
    paper: &mut Paper<O>,
    progress: &(impl Progress + Sync),
) -> Result<(), ReportError> {
    let producer = Producer { ledger_id: head.ledger_id, version: head.version, now: head.now, log: head.log };
    let mut cases = Cases::of(ledger, head.scope);
    let mut list = Array::alone(paper)?;
    progress.stage("findings", None);
    while let Some(detail) = cases.next().await? {
        list.item(&detection(&detail, &producer)).await?;
        progress.advance(1);
    }
    progress.done();
    list.end()?;
    Ok(std::io::Write::write_all(paper, b"\n")?)
}
