//! One row's JSON to the contract's fields.

use std::collections::BTreeMap;

use serde::de::DeserializeSeed as _;

use super::pointer::{Pointer, Tree};
use crate::inventory::cells::{Cells, Contract, row_problem};
use crate::inventory::frames::LONGEST_RECORD;
use crate::inventory::lane::{Bad, Remarks};
use crate::inventory::lines::{CellSeed, object};
use crate::inventory::{connection, person};

/// One of the two lists of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// the connections
    Connections,
    /// the people
    People,
}

impl List {
    /// The contract's fields of its rows, in the contract's order.
    pub const fn fields(self) -> &'static [&'static str] {
        self.contract().names
    }

    /// Those that each row must have.
    pub fn required(self) -> &'static [&'static str] {
        let contract = self.contract();
        contract.names.get(..contract.required).unwrap_or_default()
    }

    pub(super) const fn contract(self) -> &'static Contract {
        match self {
            Self::Connections => &connection::CONTRACT,
            Self::People => &person::CONTRACT,
        }
    }
}

/// Where in a row each field is. What is not named is not read.
#[derive(Clone, Debug)]
pub struct Mapping {
    pointers: Vec<(usize, Pointer)>,
    tree: Tree,
}

impl PartialEq for Mapping {
    fn eq(&self, other: &Self) -> bool {
        self.pointers == other.pointers
    }
}

impl Eq for Mapping {}

impl Mapping {
    /// Pointers by the fields of a list's rows. Other names are left out: [`List::fields`] has them all.
    pub fn new(list: List, pointers: &BTreeMap<String, Pointer>) -> Self {
        let place = |name: &String| list.fields().iter().position(|field| field == name);
        let pointers: Vec<_> = pointers.iter().filter_map(|(name, at)| Some((place(name)?, at.clone()))).collect();
        let tree = Tree::of(pointers.iter().map(|(field, pointer)| (*field, pointer)));
        Self { pointers, tree }
    }

    /// The remarks on fields that no row had.
    pub(super) fn unmet(&self, contract: &Contract, met: u32) -> Vec<String> {
        let unmet = self.pointers.iter().filter(|(field, _)| met & (1 << field) == 0);
        unmet
            .map(|(field, at)| format!("field `{}`: no row has {at}; correct the pointer", contract.names[*field]))
            .collect()
    }
}

/// What a row gives for each field. A bit of `met` is set for each field that was there, be it with nothing in it.
pub(super) fn cells<'r>(
    row: &'r str,
    contract: &'static Contract,
    mapping: Option<&Mapping>,
    remarks: &mut Remarks,
    met: &mut u32,
) -> Result<Cells<'r>, Bad> {
    let bad = |reason: String| Bad { id: None, problem: row_problem(reason), cut: None };
    if row.len() > LONGEST_RECORD {
        return Err(bad(format!("is longer than {LONGEST_RECORD} bytes")));
    }
    match mapping {
        None => object(row, contract, remarks, ""),
        Some(_) if !row.starts_with(['{', '[']) => Err(bad("is not a JSON object".to_owned())),
        Some(mapping) => mapped(row, contract, mapping, met).map_err(|bad| *bad),
    }
}

fn mapped<'r>(
    row: &'r str,
    contract: &'static Contract,
    mapping: &Mapping,
    met: &mut u32,
) -> Result<Cells<'r>, Box<Bad>> {
    let bad = |id, problem| Box::new(Bad { id, problem, cut: None });
    let found = mapping.tree.find(row, contract.names.len());
    let found = found.map_err(|_| bad(None, row_problem("is not valid JSON")))?;
    let mut cells = Cells::new(contract);
    let mut unreadable = None;
    for (field, _) in &mapping.pointers {
        let Some(text) = found.place(*field).and_then(|place| row.get(place)) else { continue };
        *met |= 1 << field;
        // The parser's own words are never used: they quote values.
        match CellSeed.deserialize(&mut serde_json::Deserializer::from_str(text)) {
            Ok(cell) => cells.set(*field, cell),
            Err(_) => unreadable = unreadable.or(Some(*field)),
        }
    }
    let wrong = found.twice.map(|field| (field, "is given twice"));
    match wrong.or(unreadable.map(|field| (field, "is not a value that can be read"))) {
        None => Ok(cells),
        Some((field, reason)) => {
            let id = if field == contract.id { None } else { cells.row_id() };
            Err(bad(id, cells.problem(field, reason)))
        }
    }
}
