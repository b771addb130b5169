//! Tables for people, documents for programs. Data goes to standard output; nothing else does.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

use super::args::Format;

/// Rows that a table shows unless told otherwise.
pub const TABLE_ROWS: usize = 200;

/// A list on its way to standard output, in the form that was asked for.
pub struct List<W: Write> {
    out: W,
    format: Format,
    headers: &'static [&'static str],
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
        Ok(Self { out, format, headers, rows: Vec::new(), written: 0 })
    }

    /// Adds a row: the object for programs, the cells for people and spreadsheets.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn row<T: Serialize>(&mut self, object: &T, cells: impl FnOnce(&T) -> Vec<String>) -> io::Result<()> {
        match self.format {
            Format::Table => self.rows.push(cells(object).iter().map(|cell| plain(cell)).collect()),
            Format::Csv => write_csv(&mut self.out, cells(object).iter().map(String::as_str))?,
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

    /// Ends the list. A table says how many more there are.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn end(mut self, more: u64) -> io::Result<()> {
        match self.format {
            Format::Table => {
                writeln!(self.out, "{}", table(self.headers, self.rows))?;
                if more > 0 {
                    writeln!(self.out, "… and {more} more (--limit shows more)")?;
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
const GAP: u16 = 1;

/// A table that fits the terminal. A last column that says nothing of any row is left out.
pub fn table(headers: &[&str], mut rows: Vec<Vec<String>>) -> Table {
    let says_nothing = |row: &Vec<String>| row.len() == headers.len() && row.last().is_some_and(String::is_empty);
    let mut headers = headers.to_vec();
    if !rows.is_empty() && rows.iter().all(says_nothing) {
        headers.pop();
        rows.iter_mut().for_each(|row| row.truncate(headers.len()));
    }
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headers.clone());
    for row in rows {
        table.add_row(row);
    }
    let last = headers.len().saturating_sub(1);
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == last { 0 } else { GAP }));
    }
    table
}

/// Two columns without lines: names and values.
pub fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().filter(|(_, value)| !value.is_empty());
    lines.map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect()
}

/// Without what would move a terminal's cursor, turn its text round or change its colours.
pub fn plain(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if hidden(c) { ' ' } else { c }).collect()
}

/// One row of CSV. A cell that a spreadsheet would take for a formula gets an apostrophe.
fn write_csv<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells.map(harmless))?;
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&bytes)
}

fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv_of(cells: &[&str]) -> String {
        let mut out = Vec::new();
        write_csv(&mut out, cells.iter().copied()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_is_made_harmless() {
        assert_eq!(csv_of(&["=1+1", "@x", "-2", "plain", "a,b\"c"]), "'=1+1,'@x,'-2,plain,\"a,b\"\"c\"\n");
    }

    #[test]
    fn a_name_cannot_move_the_cursor_or_turn_the_text_round() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c\nd"), "a [2Jb c d");
    }

    #[test]
    fn an_empty_json_list_is_still_a_document() {
        let mut out = Vec::new();
        List::begin(&mut out, Format::Json, &["id"]).unwrap().end(0).unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).unwrap(), serde_json::json!([]));
    }
}
