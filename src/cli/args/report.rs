//! The words of `report`.

use clap::{Args, ValueEnum};

use super::time;
use crate::domain::time::Timestamp;

/// Flags of `report`.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// The account, by the platform's own id [default: all]. It then says nothing of other accounts that have the same key
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// The source, by its name [default: all]. With --account: that of the account, where several sources have its id
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Leaves out what closed before this time (RFC 3339, or a day)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<Timestamp>,
    /// Leaves out what is closed
    #[arg(long)]
    pub open: bool,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// counts, for people
    Table,
    /// the evidence pack: one document
    Json,
    /// one row a finding; cells that a spreadsheet would run are made harmless
    Csv,
    /// a list of OCSF Detection Findings
    Ocsf,
}
