//! JSON Lines: one object to the contract's fields.
//!
//! Numbers are read as text, so that an id or an instant may be either; values that need no unescaping are borrowed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::cells::{Cell, Cells, Contract, row_problem};
use super::lane::{Bad, Remarks};

/// What a line gives for each field of the contract.
///
/// The parser's own words are never used: they quote values.
pub(super) fn cells<'r>(record: &'r str, contract: &'static Contract, remarks: &mut Remarks) -> Result<Cells<'r>, Bad> {
    let mut object = Object { cells: Cells::new(contract), given: 0, twice: None };
    let mut parser = serde_json::Deserializer::from_str(record);
    let parsed = ObjectSeed { object: &mut object, remarks }.deserialize(&mut parser).and_then(|()| parser.end());
    match parsed.map_err(|e| (e.classify(), e.column())) {
        Err((Category::Data, _)) => {
            Err(Bad { id: None, problem: row_problem("is not a JSON object; write one object a line"), cut: None })
        }
        // the id of a broken line proves nothing: two lines may have run together
        Err((_, column)) => {
            let reason = format!("is not valid JSON (column {column}); write one object a line");
            Err(Bad { id: None, problem: row_problem(reason), cut: Some("is not whole JSON".to_owned()) })
        }
        Ok(()) => match object.twice {
            None => Ok(object.cells),
            Some(field) => {
                let id = if field == contract.id { None } else { object.cells.row_id() };
                Err(Bad { id, problem: object.cells.problem(field, "is given twice"), cut: None })
            }
        },
    }
}

struct Object<'r> {
    cells: Cells<'r>,
    /// a bit for each field that was given
    given: u32,
    twice: Option<usize>,
}

struct ObjectSeed<'o, 'r> {
    object: &'o mut Object<'r>,
    remarks: &'o mut Remarks,
}

impl<'r> DeserializeSeed<'r> for ObjectSeed<'_, 'r> {
    type Value = ();

    fn deserialize<D: Deserializer<'r>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'r> Visitor<'r> for ObjectSeed<'_, 'r> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<(), A::Error> {
        let Object { cells, given, twice } = self.object;
        while let Some(key) = map.next_key_seed(CellSeed)? {
            let Cell::Text(key) = key else { continue }; // a key is always text
            match cells.contract.find(key.trim()) {
                Some(field) => {
                    let value = map.next_value_seed(CellSeed)?;
                    let bit = 1 << field;
                    if *given & bit != 0 {
                        twice.get_or_insert(field);
                    }
                    *given |= bit;
                    cells.set(field, value);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    self.remarks.unknown(cells.contract, "field", &key);
                }
            }
        }
        Ok(())
    }
}

/// One value as a cell.
pub(super) struct CellSeed;

impl<'r> DeserializeSeed<'r> for CellSeed {
    type Value = Cell<'r>;

    fn deserialize<D: Deserializer<'r>>(self, parser: D) -> Result<Cell<'r>, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'r> Visitor<'r> for CellSeed {
    type Value = Cell<'r>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'r str) -> Result<Cell<'r>, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell<'r>, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell<'r>, E> {
        Ok(Cell::Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell<'r>, E> {
        Ok(Cell::Text(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Cell<'r>, E> {
        Ok(Cell::Other("a number that isn't whole or has more than 64 bits"))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Cell<'r>, E> {
        Ok(Cell::Flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Cell<'r>, E> {
        Ok(Cell::Absent)
    }

    fn visit_seq<A: SeqAccess<'r>>(self, mut list: A) -> Result<Cell<'r>, A::Error> {
        let (mut texts, mut other) = (Vec::new(), false);
        while let Some(element) = list.next_element_seed(CellSeed)? {
            match element {
                Cell::Text(text) => texts.push(text),
                Cell::Absent => {}
                Cell::Flag(_) | Cell::List(_) | Cell::Other(_) => other = true,
            }
        }
        Ok(if other { Cell::Other("a list of something else than text") } else { Cell::List(texts) })
    }

    fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<Cell<'r>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other("an object"))
    }
}
