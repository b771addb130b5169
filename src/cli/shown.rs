//! A list of the ledger's rows on its way to standard output: page by page, and no further than it is wanted.

use std::io::{self, IsTerminal as _, Write};
use std::marker::PhantomData;

use super::CliError;
use super::args::Format;
use super::columns::{Listed, SOURCE};
use super::output::{List, TABLE_ROWS};
use crate::ledger::Ledger;
use crate::ledger::read::{Counted, Cursor, Page};
use crate::ports::LedgerError;

/// Rows read at a time.
pub const PAGE: usize = 1_000;

/// What a table says of how the rest is seen.
pub const MORE_BY_LIMIT: &str = "--limit shows more";

/// A list in the making.
pub struct Shown<W: Write, T> {
    list: List<W>,
    format: Format,
    limit: usize,
    shown: usize,
    on_terminal: bool,
    of: PhantomData<T>,
}

impl<W: Write, T: Listed> Shown<W, T> {
    /// Begins one. Where the ledger has one source only, a table has no column for it.
    pub async fn begin(ledger: &Ledger, out: W, format: Format, limit: Option<usize>) -> Result<Self, CliError> {
        let is_table = format == Format::Table;
        let headers = if is_table { T::TABLE } else { T::CSV };
        let has_one_source = is_table && headers.contains(&SOURCE) && ledger.sources().await?.len() < 2;
        let hidden = has_one_source.then_some(SOURCE);
        Ok(Self {
            list: List::begin(out, format, headers)?.without(hidden),
            format,
            limit: limit.unwrap_or(if is_table { TABLE_ROWS } else { usize::MAX }),
            shown: 0,
            on_terminal: io::stdout().is_terminal(),
            of: PhantomData,
        })
    }

    /// How many rows are to be read next; `None` where the list is full.
    fn wants(&self) -> Option<usize> {
        let left = self.limit.saturating_sub(self.shown);
        (left > 0).then(|| left.min(PAGE))
    }

    /// Adds a row, whatever the limit.
    pub fn row(&mut self, row: &T) -> io::Result<()> {
        self.shown += 1;
        let (format, on_terminal) = (self.format, self.on_terminal);
        self.list.row(row, |row| if format == Format::Csv { row.csv() } else { row.table(on_terminal) })
    }

    /// Ends it. A table says how many more there are, and how they are seen.
    pub fn end(self, more: u64, hint: &str) -> io::Result<()> {
        self.list.end(more, hint)
    }

    /// Reads and prints the list from its first page on. What a table leaves out is counted, not read.
    pub async fn read(
        mut self,
        ledger: &Ledger,
        of: Counted,
        (mut from, hint): (Cursor, &str),
        page: impl AsyncFn(Cursor, usize) -> Result<Page<T>, LedgerError>,
    ) -> Result<(), CliError> {
        while let Some(size) = self.wants() {
            let read = page(from, size).await?;
            for row in &read.rows {
                self.row(row)?;
            }
            let Some(next) = read.next else { return Ok(self.end(0, hint)?) };
            from = next;
        }
        let more = match self.format {
            Format::Table => ledger.how_many(of).await?.saturating_sub(self.shown as u64),
            Format::Json | Format::Jsonl | Format::Csv => 0,
        };
        Ok(self.end(more, hint)?)
    }
}
