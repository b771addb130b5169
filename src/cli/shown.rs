//! A list of the ledger's rows on its way to standard output: page by page, and no further than it is wanted.

use std::io::{self, IsTerminal as _, Write};
use std::marker::PhantomData;

use super::CliError;
use super::args::Format;
use super::columns::{Listed, SOURCE, sheet};
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
    /// whether the last page that was read has none behind it
    is_whole: bool,
    on_terminal: bool,
    of: PhantomData<T>,
}

impl<W: Write, T: Listed> Shown<W, T> {
    /// Begins one. Where the ledger has one source only, a table has no column for it, nor for what is `hidden`.
    pub async fn begin(
        ledger: &Ledger,
        out: W,
        (format, limit): (Format, Option<usize>),
        hidden: &[&'static str],
    ) -> Result<Self, CliError> {
        let is_table = format == Format::Table;
        let headers = if is_table { T::TABLE } else { T::CSV };
        let mut hidden = hidden.to_vec();
        if is_table && headers.contains(&SOURCE) && ledger.sources().await?.len() < 2 {
            hidden.push(SOURCE);
        }
        Ok(Self {
            list: List::begin(out, format, headers)?.wrapping(T::WRAPPED).without(hidden),
            format,
            limit: limit.unwrap_or(if is_table { TABLE_ROWS } else { usize::MAX }),
            shown: 0,
            is_whole: false,
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
        self.list.row(row, |row| if format == Format::Csv { sheet(row) } else { Ok(row.table(on_terminal)) })
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
        (from, hint): (Cursor, &str),
        page: impl AsyncFn(Cursor, usize) -> Result<Page<T>, LedgerError>,
    ) -> Result<(), CliError> {
        self.add(from, page).await?;
        self.rest(ledger, of, hint).await
    }

    /// Reads rows from a place on, as many as are wanted.
    pub async fn add(
        &mut self,
        mut from: Cursor,
        page: impl AsyncFn(Cursor, usize) -> Result<Page<T>, LedgerError>,
    ) -> Result<(), CliError> {
        // Where there is no room for a row of it, nothing is known of it either.
        self.is_whole = false;
        while let Some(size) = self.wants() {
            let read = page(from, size).await?;
            for row in &read.rows {
                self.row(row)?;
            }
            self.is_whole = read.next.is_none();
            let Some(next) = read.next else { break };
            from = next;
        }
        Ok(())
    }

    /// Ends it. What a table leaves out is counted where there is more than was read.
    pub async fn rest(self, ledger: &Ledger, of: Counted, hint: &str) -> Result<(), CliError> {
        self.rest_of(ledger.how_many(of), hint).await
    }

    /// The same, with the length of the whole list, which is asked for only where it is needed.
    pub async fn rest_of(
        self,
        all: impl Future<Output = Result<u64, LedgerError>>,
        hint: &str,
    ) -> Result<(), CliError> {
        let more = match self.format {
            Format::Table if !self.is_whole => all.await?.saturating_sub(self.shown as u64),
            _ => 0,
        };
        Ok(self.end(more, hint)?)
    }
}
