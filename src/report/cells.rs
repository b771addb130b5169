//! Rows for spreadsheets.

use std::io::{self, Write};

/// What makes a spreadsheet take a cell for a formula; the wide forms do in some languages.
const FORMULAS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Writes one row of CSV. A cell that a spreadsheet would take for a formula gets an apostrophe.
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
    if cell.starts_with(FORMULAS) { format!("'{cell}") } else { cell.to_owned() }
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
}
