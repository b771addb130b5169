//! Tables for people, documents for programs. Data goes to standard output; nothing else does.

use std::io::{self, Write};

use comfy_table::{Cell, Color, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

use super::args::Format;
use super::fit::fitted;
use crate::report::cells::write_csv;

pub use crate::report::text::{pairs, plain};

/// Rows that a table shows unless told otherwise.
pub const TABLE_ROWS: usize = 200;

/// A list on its way to standard output, in the form that was asked for.
pub struct List<W: Write> {
    out: W,
    format: Format,
    headers: &'static [&'static str],
    wrapped: &'static [&'static str],
    hidden: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    written: u64,
}

impl<W: Write> List<W> {
    /// Begins a list with these columns.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn begin(mut out: W, format: Format, headers: &'static [&'static str]) -> io::Result<Self> {
        match format {
            Format::Json => out.write_all(b"[")?,
            Format::Csv => write_csv(&mut out, headers.iter().copied())?,
            Format::Table | Format::Jsonl => {}
        }
        Ok(Self { out, format, headers, wrapped: &[], hidden: Vec::new(), rows: Vec::new(), written: 0 })
    }

    /// The same, in whose table the cells of these columns may take several lines.
    pub fn wrapping(self, wrapped: &'static [&'static str]) -> Self {
        Self { wrapped, ..self }
    }

    /// The same, whose table leaves these columns out.
    pub fn without(self, hidden: Vec<&'static str>) -> Self {
        Self { hidden, ..self }
    }

    /// Adds a row: the object for programs, the cells for people and spreadsheets.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn row<T: Serialize>(
        &mut self,
        object: &T,
        cells: impl FnOnce(&T) -> io::Result<Vec<String>>,
    ) -> io::Result<()> {
        match self.format {
            Format::Table => self.rows.push(cells(object)?.iter().map(|cell| plain(cell)).collect()),
            Format::Csv => write_csv(&mut self.out, cells(object)?.iter().map(String::as_str))?,
            Format::Json => {
                self.out.write_all(if self.written == 0 { b"\n  " } else { b",\n  " })?;
                serde_json::to_writer(&mut self.out, object)?;
            }
            Format::Jsonl => {
                serde_json::to_writer(&mut self.out, object)?;
                self.out.write_all(b"\n")?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Ends the list. A table says how many more there are, and by the hint how they are seen.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn end(mut self, more: u64, hint: &str) -> io::Result<()> {
        match self.format {
            Format::Table => {
                let mut headers = self.headers.to_vec();
                for hidden in self.hidden {
                    if let Some(at) = headers.iter().position(|header| *header == hidden) {
                        headers.remove(at);
                        self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
                    }
                }
                writeln!(self.out, "{}", fitted(&headers, self.rows, self.wrapped))?;
                if more > 0 {
                    writeln!(self.out, "… and {more} more ({hint})")?;
                }
            }
            Format::Json => self.out.write_all(if self.written == 0 { b"]\n" } else { b"\n]\n" })?,
            Format::Jsonl | Format::Csv => {}
        }
        self.out.flush()
    }
}

/// A line under the header and none between rows: twice as many of them fit on a screen.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// Between two columns, beside the one that a line's crossing takes.
pub const GAP: u16 = 1;
/// Between two columns.
pub const BETWEEN: u16 = GAP + 1;

/// The width of a terminal that doesn't know its own.
const USUAL_WIDTH: u16 = 80;
/// Nobody reads a list on less.
const LEAST_WIDTH: u16 = 20;

/// Gives a width to a table whose terminal says 0, as serial lines and some runners do: what `COLUMNS` says, else the usual.
fn in_sight(table: &mut Table) {
    if table.width() == Some(0) {
        table.set_width(width(std::env::var("COLUMNS").ok().as_deref()));
    }
}

fn width(said: Option<&str>) -> u16 {
    let said = said.and_then(|said| said.trim().parse().ok());
    said.filter(|said| *said >= LEAST_WIDTH).unwrap_or(USUAL_WIDTH)
}

/// A table that fits the terminal: where it is narrow, every cell may take several lines. A last column that says nothing of
/// any row is left out.
pub fn table(headers: &[&str], rows: Vec<Vec<String>>) -> Table {
    drawn(headers, rows).0
}

/// The same, with the headers that are left.
pub fn drawn<'h>(headers: &[&'h str], mut rows: Vec<Vec<String>>) -> (Table, Vec<&'h str>) {
    let says_nothing = |row: &Vec<String>| row.len() == headers.len() && row.last().is_some_and(String::is_empty);
    let mut headers = headers.to_vec();
    if !rows.is_empty() && rows.iter().all(says_nothing) {
        headers.pop();
        rows.iter_mut().for_each(|row| row.truncate(headers.len()));
    }
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    in_sight(&mut table);
    table.set_header(headers.clone());
    for row in rows {
        table.add_row(row.into_iter().map(coloured));
    }
    // Whether colours are wanted at all is the stream's to say, through which the table goes.
    table.enforce_styling().style_text_only();
    let last = headers.len().saturating_sub(1);
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == last { 0 } else { GAP }));
    }
    (table, headers)
}

/// A sentence beneath a table, in as many lines as the terminal needs for it.
pub fn remark(sentence: &str) -> Table {
    let mut remark = Table::new();
    remark.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    in_sight(&mut remark);
    remark.add_row([format!("… {sentence}")]);
    remark.column_iter_mut().for_each(|column| _ = column.set_padding((0, 0)));
    remark
}

/// The words that people look for first, in colour.
fn coloured(text: String) -> Cell {
    let colour = match text.as_str() {
        "critical" | "error" => Some(Color::Red),
        "high" | "warning" => Some(Color::Yellow),
        "ok" => Some(Color::Green),
        _ => None,
    };
    let cell = Cell::new(text);
    match colour {
        Some(colour) => cell.fg(colour),
        None => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_does_not_know_its_width_has_what_the_environment_says_or_the_usual() {
        let said = [None, Some("120"), Some(" 40 "), Some("0"), Some("3"), Some("wide"), Some("-80"), Some("99999999")];
        assert_eq!(said.map(width), [80, 120, 40, 80, 80, 80, 80, 80]);
        let mut table = Table::new();
        in_sight(table.set_width(0));
        assert!(table.width().is_some_and(|width| width >= LEAST_WIDTH));
        in_sight(table.set_width(7));
        assert_eq!(table.width(), Some(7), "what is narrow is known");
    }

    #[test]
    fn an_empty_json_list_is_still_a_document() {
        let mut out = Vec::new();
        List::begin(&mut out, Format::Json, &["id"]).unwrap().end(0, "").unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).unwrap(), serde_json::json!([]));
    }
}
