//! Rows for spreadsheets.

use std::io::{self, Write};

/// What makes a spreadsheet take a cell for a formula; the wide forms do in some languages.
const FORMULAS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// What begins a cell in spreadsheets that separate otherwise than by commas: German and French ones do by semicolons, and take
/// no notice of quotes that don't stand at the beginning of what is a cell to them.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// Writes one row of CSV. Each place that a spreadsheet would take for a formula's beginning gets an apostrophe: the cell's own
/// beginning, and what follows a semicolon, a tab or a line's end in it, as OWASP advises against CSV injection. The forms for
/// programs have the text as it is.
///
/// # Errors
/// Where the output can't be written.
pub fn write_csv<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells.map(harmless))?;
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&bytes)
}

fn harmless(cell: &str) -> String {
    let mut safe = String::with_capacity(cell.len());
    if cell.starts_with(FORMULAS) || begins_formula(cell) {
        safe.push('\'');
    }
    for (at, c) in cell.char_indices() {
        safe.push(c);
        if SEPARATORS.contains(&c) && begins_formula(&cell[at + c.len_utf8()..]) {
            safe.push('\'');
        }
    }
    safe
}

/// Whether a spreadsheet would take this beginning of a cell for a formula's: it may pass over quotes and blanks.
fn begins_formula(rest: &str) -> bool {
    let first = rest.chars().find(|c| !matches!(c, '"' | ' '));
    first.is_some_and(|c| FORMULAS.contains(&c) && !SEPARATORS.contains(&c))
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
        assert_eq!(csv_of(&["=1+1", "@x", "-2", "＝1", "plain", "a,b\"c"]), "'=1+1,'@x,'-2,'＝1,plain,\"a,b\"\"c\"\n");
    }

    #[test]
    fn nor_does_one_that_separates_by_semicolons_run_what_follows_them() {
        for (cell, written) in [
            ("x;=cmd|'/c calc'!A0", "x;'=cmd|'/c calc'!A0\n"),
            ("x;\"=1+1", "\"x;'\"\"=1+1\"\n"),
            ("x; ＝1;@y", "x;' ＝1;'@y\n"),
            ("a\tb\t-1", "a\tb\t'-1\n"),
            ("two\r\n+lines", "\"two\r\n'+lines\"\n"),
            ("two\r\nlines; no formula = here", "\"two\r\nlines; no formula = here\"\n"),
        ] {
            assert_eq!(csv_of(&[cell]), written, "{cell:?}");
        }
    }
}
