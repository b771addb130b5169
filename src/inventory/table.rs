//! CSV: a header's columns, and a record's bytes to the contract's fields.

use std::borrow::Cow;
use std::collections::HashSet;

use super::cells::{Cell, Cells, Contract, row_problem, shown_name};
use super::lane::{Bad, Remarks};

/// Which column holds which field of the contract.
pub(super) struct Columns {
    contract: &'static Contract,
    at: Vec<(usize, usize)>,
    count: usize,
    id_is_first: bool,
    fields: Vec<Field>,
}

/// Where one field of a record lies, without the quotation marks around it.
struct Field {
    start: usize,
    end: usize,
    /// true where it holds doubled quotation marks
    doubled: bool,
}

impl Columns {
    /// Reads a header.
    ///
    /// # Errors
    /// A sentence: what is wrong with it. It shows none of the header's own words where required columns are missing:
    /// without a header the first line is a row, with a secret in it.
    pub(super) fn read(header: &[u8], contract: &'static Contract, remarks: &mut Remarks) -> Result<Self, String> {
        let Ok(header) = std::str::from_utf8(header) else {
            return Err("the header is not UTF-8; write the file as UTF-8".to_owned());
        };
        let mut fields = Vec::new();
        if header.contains('\0') || !split(header, &mut fields) {
            return Err("the header is not CSV; write the file as UTF-8, with commas between the columns".to_owned());
        }
        let names: Vec<String> = fields.iter().map(|field| field.of(header).trim().to_ascii_lowercase()).collect();
        let known: Vec<Option<usize>> = names.iter().map(|name| contract.find(name)).collect();
        missing(&names, &known, contract)?;
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
            return Err(format!("the header has the column {} twice; leave one of them out", shown_name(twice)));
        }
        for (name, _) in names.iter().zip(&known).filter(|(_, known)| known.is_none()) {
            remarks.unknown(contract, "column", name);
        }
        let at: Vec<(usize, usize)> = known.iter().enumerate().filter_map(|(n, field)| Some(((*field)?, n))).collect();
        Ok(Self { contract, id_is_first: known[0] == Some(contract.id), count: names.len(), at, fields })
    }

    /// What a record gives for each field of the contract.
    pub(super) fn cells<'r>(&mut self, record: &'r str) -> Result<Cells<'r>, Bad> {
        let whole = split(record, &mut self.fields);
        let found = self.fields.len();
        if !whole {
            let reason = "has text after a closing quotation mark; double the quotation marks within a quoted value";
            return Err(Bad { id: None, problem: row_problem(reason), cut: None });
        }
        if found != self.count {
            let reason =
                format!("has {found} columns where the header has {}; quote values that hold commas", self.count);
            let cut = (found < self.count).then(|| format!("has {found} of {} columns", self.count));
            return Err(Bad { id: self.id_of_damaged(record), problem: row_problem(reason), cut });
        }
        let mut cells = Cells::new(self.contract);
        for &(field, column) in &self.at {
            cells.set(field, Cell::Text(self.fields[column].of(record)));
        }
        Ok(cells)
    }

    /// Whether a record that runs over several lines is made of rows: its first line and another one have as many fields as a
    /// row has. Then a quotation mark that nobody doubled has taken in what follows, with somebody else's secret. A name of
    /// several lines shares its row's fields between them.
    pub(super) fn holds_another(&self, record: &[u8]) -> bool {
        let is_row = |line: &[u8]| line.iter().filter(|byte| **byte == b',').count() + 1 >= self.count;
        let mut lines = record.split(|byte| matches!(byte, b'\n' | b'\r'));
        lines.next().is_some_and(is_row) && lines.any(is_row)
    }

    /// The id of a record that was too long to be kept, from its first part.
    pub(super) fn id_of_first_part(&mut self, part: &[u8]) -> Option<String> {
        let part = String::from_utf8_lossy(part);
        let end = part.find(',')?;
        split(&part[..end], &mut self.fields);
        self.id_of_damaged(&part[..end]).filter(|_| !part.contains('\n'))
    }

    /// The id of a record with too few or too many columns. Only the first column can't have been shifted. A record
    /// over several lines, or with the columns of two, may have swallowed other rows, whose ids are then unread too.
    fn id_of_damaged(&self, record: &str) -> Option<String> {
        let alone = !record.contains('\n') && self.fields.len() + 1 < 2 * self.count;
        let first = self.fields.first().filter(|_| self.id_is_first && alone)?;
        let mut cells = Cells::new(self.contract);
        cells.set(self.contract.id, Cell::Text(first.of(record)));
        cells.row_id()
    }
}

impl Field {
    fn of<'r>(&self, record: &'r str) -> Cow<'r, str> {
        let text = &record[self.start..self.end];
        if self.doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) }
    }
}

fn missing(names: &[String], known: &[Option<usize>], contract: &Contract) -> Result<(), String> {
    let lacking: Vec<String> = (0..contract.required)
        .filter(|field| !known.contains(&Some(*field)))
        .map(|field| format!("`{}`", contract.names[field]))
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let separator = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")]
        .into_iter()
        .find(|(separator, _)| names.len() == 1 && names[0].contains(*separator));
    let hint = match separator {
        Some((_, separators)) => format!("the columns seem to be separated by {separators}; use commas"),
        None => {
            let near: Vec<&str> = names
                .iter()
                .zip(known)
                .filter_map(|(name, known)| if known.is_none() { contract.near(name) } else { None })
                .filter(|near| contract.names[..contract.required].contains(near))
                .collect();
            match near.first() {
                Some(near) => format!("a column is named nearly `{near}`"),
                None => "the first line must name the columns".to_owned(),
            }
        }
    };
    let noun = if lacking.len() == 1 { "column" } else { "columns" };
    Err(format!("the header lacks the required {noun} {}; {hint}", lacking.join(", ")))
}

/// Finds the fields of a record. False where text stands between a closing quotation mark and the next comma.
fn split(record: &str, fields: &mut Vec<Field>) -> bool {
    let bytes = record.as_bytes();
    let mut at = 0;
    fields.clear();
    loop {
        let field = if bytes.get(at) == Some(&b'"') { quoted(bytes, at + 1) } else { plain(bytes, at) };
        at = field.end + usize::from(bytes.get(field.end) == Some(&b'"'));
        fields.push(field);
        match bytes.get(at) {
            None => return true,
            Some(b',') => at += 1,
            Some(_) => return false,
        }
    }
}

fn plain(bytes: &[u8], start: usize) -> Field {
    let length = bytes[start..].iter().position(|&byte| byte == b',');
    Field { start, end: length.map_or(bytes.len(), |length| start + length), doubled: false }
}

fn quoted(bytes: &[u8], start: usize) -> Field {
    let mut field = Field { start, end: start, doubled: false };
    while let Some(length) = bytes[field.end..].iter().position(|&byte| byte == b'"') {
        field.end += length;
        if bytes.get(field.end + 1) != Some(&b'"') {
            return field;
        }
        field.doubled = true;
        field.end += 2;
    }
    Field { end: bytes.len(), ..field } // framing has seen to it that the marks are closed, save in a first part
}
