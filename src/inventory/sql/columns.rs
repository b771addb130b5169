//! Which column of a query holds which field of the contract.

use super::given::{Given, Taken};
use crate::inventory::cells::{Cells, Contract, shown_name};
use crate::inventory::lane::Remarks;

/// A query's columns.
pub(super) struct Columns {
    contract: &'static Contract,
    /// the field of each column; `None` for one that isn't in the contract
    fields: Vec<Option<usize>>,
    key: &'static str,
    /// a bit for each field whose times were said to have no zone
    zoneless: u32,
}

impl Columns {
    /// Finds the contract's fields among a query's columns. `key` is the setting of the query.
    ///
    /// # Errors
    /// A sentence: which field is missing or there twice, and what to do.
    pub(super) fn of(
        names: &[String],
        key: &'static str,
        contract: &'static Contract,
        remarks: &mut Remarks,
    ) -> Result<Self, String> {
        if names.is_empty() {
            return Err(format!("it gives no rows; let `{key}` be a SELECT"));
        }
        let fields: Vec<Option<usize>> = names.iter().map(|name| contract.find(name.trim())).collect();
        let given = |field: usize| fields.iter().filter(|known| **known == Some(field)).count();
        if let Some(missing) = (0..contract.required).find(|field| given(*field) == 0) {
            let missing = contract.names[missing];
            let near = names.iter().find(|name| contract.find(name).is_none() && contract.near(name) == Some(missing));
            let hint = match near {
                Some(near) => format!("is {} meant? write AS {missing}", shown_name(near)),
                None => format!("name one of its columns so, as in `SELECT ... AS {missing}`"),
            };
            return Err(format!("it has no column `{missing}`; {hint}"));
        }
        if let Some(twice) = (0..contract.names.len()).find(|field| given(*field) > 1) {
            return Err(format!("it has the column `{}` twice; leave one of them out", contract.names[twice]));
        }
        for (name, _) in names.iter().zip(&fields).filter(|(_, field)| field.is_none()) {
            remarks.unknown(contract, "column", name);
        }
        Ok(Self { contract, fields, key, zoneless: 0 })
    }

    /// What a row gives for each field.
    pub(super) fn cells(&mut self, row: Vec<Given>, remarks: &mut Remarks) -> Cells<'static> {
        let mut cells = Cells::new(self.contract);
        for (given, field) in row.into_iter().zip(&self.fields) {
            let Some(field) = *field else { continue };
            let Taken { cell, zoneless } = given.cell(self.contract.names[field]);
            if zoneless && self.zoneless & (1 << field) == 0 {
                self.zoneless |= 1 << field;
                let (key, name) = (self.key, self.contract.names[field]);
                remarks.list.push(format!("query `{key}`: `{name}` has no time zone and is taken for UTC"));
            }
            cells.set(field, cell);
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{connection, person};

    fn of(names: &[&str], contract: &'static Contract) -> Result<Vec<String>, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut remarks = Remarks::default();
        Columns::of(&names, "connections", contract, &mut remarks).map(|_| remarks.list)
    }

    #[test]
    fn a_missing_alias_is_named_and_a_slip_is_recognised() {
        let of = |names: &[&str]| of(names, &connection::CONTRACT);
        assert_eq!(of(&["CONNECTION_ID", "Account_Id", "provider"]), Ok(Vec::new()), "whatever the case");
        assert_eq!(
            of(&["connection_id", "id", "provider"]).expect_err("no account"),
            "it has no column `account_id`; name one of its columns so, as in `SELECT ... AS account_id`"
        );
        assert_eq!(
            of(&["connection_id", "acount_id", "provider"]).expect_err("no account"),
            "it has no column `account_id`; is `acount_id` meant? write AS account_id"
        );
        assert!(of(&[]).expect_err("no rows").contains("let `connections` be a SELECT"));
        assert!(
            of(&["connection_id", "account_id", "provider", "Provider"])
                .expect_err("twice")
                .contains("`provider` twice")
        );
    }

    #[test]
    fn a_column_that_is_no_field_is_remarked_on_with_what_may_be_meant() {
        let remarks = of(&["account_id", "member_id", "email", "local"], &person::CONTRACT).expect("all there");
        assert_eq!(remarks, ["column `local` is not a field of keysweep and is ignored; did you mean `locale`?"]);
    }
}
