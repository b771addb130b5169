//! The forms of output.

use clap::{Args, ValueEnum};

/// The form of what an act says.
#[derive(Clone, Copy, Debug, Args)]
pub struct Form {
    /// The form of the output
    #[arg(long, value_enum, default_value_t = TextFormat::Table)]
    pub format: TextFormat,
}

/// The forms of lists and scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// for people
    Table,
    /// one document
    Json,
    /// one object a line
    Jsonl,
    /// one row each; cells that a spreadsheet would run are made harmless
    Csv,
}

/// The forms of single things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    /// for people
    Table,
    /// one document
    Json,
}
