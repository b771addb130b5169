//! The contract's fields by name, and what one row gives for each.

use std::borrow::Cow;

use crate::domain::record::FieldProblem;
use crate::domain::secret::could_be_key;

/// The greater of the two contracts' lengths.
const MOST_FIELDS: usize = 22;

/// One of the two lists of fields.
#[derive(Debug)]
pub(super) struct Contract {
    /// the names, in the contract's order, the required ones first
    pub names: &'static [&'static str],
    /// how many are required
    pub required: usize,
    /// the field that names the row
    pub id: usize,
    /// the field without which that names nobody
    pub within: Option<usize>,
}

impl Contract {
    /// The place of a field in the contract, whatever its case.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known.eq_ignore_ascii_case(name))
    }

    /// The field that a wrong name is most likely meant to be: at most two slips away.
    pub(super) fn near(&self, name: &str) -> Option<&'static str> {
        if name.len() > 32 {
            return None;
        }
        let name = name.to_ascii_lowercase();
        let slips = |known: &&&str| distance(&name, known);
        self.names.iter().min_by_key(slips).copied().filter(|known| distance(&name, known) <= 2.min(known.len() / 3))
    }

    /// The remark on a column or field that isn't in the contract.
    pub(super) fn unknown(&self, noun: &str, name: &str) -> String {
        let hint = self.near(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!("{noun} {} is not a field of keysweep and is ignored{hint}", shown_name(name))
    }
}

/// A column's or a field's name, harmless and short. Where the header is missing, the first row's secret stands in its place.
pub(super) fn shown_name(name: &str) -> String {
    if could_be_key(name) {
        return "whose name could be a key (not shown)".to_owned();
    }
    format!("`{}`", name.chars().take(40).flat_map(char::escape_debug).collect::<String>())
}

/// What one row gives for one field.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    /// nothing
    Absent,
    /// text, or a whole number as text
    Text(Cow<'a, str>),
    /// true or false, as JSON has them
    Flag(bool),
    /// a list of texts
    List(Vec<Cow<'a, str>>),
    /// something else: what it is, in words
    Other(&'static str),
}

/// What one row gives for every field of a contract.
pub(super) struct Cells<'a> {
    /// the contract that numbers them
    pub contract: &'static Contract,
    values: [Cell<'a>; MOST_FIELDS],
}

impl<'a> Cells<'a> {
    /// Nothing for any field.
    pub(super) fn new(contract: &'static Contract) -> Self {
        Self { contract, values: [const { Cell::Absent }; MOST_FIELDS] }
    }

    /// What is given for a field.
    pub(super) fn get(&self, field: usize) -> &Cell<'a> {
        &self.values[field]
    }

    /// Whether a field is given nothing, or empty text.
    pub(super) fn is_empty(&self, field: usize) -> bool {
        match self.get(field) {
            Cell::Absent => true,
            Cell::Text(text) => text.trim().is_empty(),
            Cell::Flag(_) | Cell::List(_) | Cell::Other(_) => false,
        }
    }

    /// Gives a field its value.
    pub(super) fn set(&mut self, field: usize, value: Cell<'a>) {
        self.values[field] = value;
    }

    /// Takes what is given for a field.
    pub(super) fn take(&mut self, field: usize) -> Cell<'a> {
        std::mem::replace(&mut self.values[field], Cell::Absent)
    }

    /// A problem with a field.
    pub(super) fn problem(&self, field: usize, reason: impl Into<String>) -> FieldProblem {
        FieldProblem { field: self.contract.names[field].to_owned(), reason: reason.into() }
    }
}

/// A problem with the row as a whole.
pub(super) fn row_problem(reason: impl Into<String>) -> FieldProblem {
    FieldProblem { field: String::new(), reason: reason.into() }
}

/// How many characters must be added, dropped or changed to make one from the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{connection, person};

    #[test]
    fn both_contracts_fit() {
        for contract in [&connection::CONTRACT, &person::CONTRACT] {
            assert!(contract.names.len() <= MOST_FIELDS);
            assert!(contract.id < contract.required);
        }
    }

    #[test]
    fn a_key_where_a_name_should_be_is_not_shown() {
        let key = "0123456789abcdef0123456789abcdef";
        assert!(!connection::CONTRACT.unknown("column", key).contains("0123"));
        assert!(connection::CONTRACT.unknown("column", "colour").starts_with("column `colour` is not"));
    }

    #[test]
    fn a_slip_is_told_from_another_word() {
        for (name, wanted) in [
            ("connectionId", Some("connection_id")),
            ("Provder", Some("provider")),
            ("secret_setat", Some("secret_set_at")),
            ("nam", Some("name")),
            ("notes", None),
            ("id", None),
            ("", None),
        ] {
            assert_eq!(connection::CONTRACT.near(name), wanted, "{name}");
        }
    }
}
