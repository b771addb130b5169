//! A row of the people's inventory, checked.

use std::borrow::Cow;

use super::cells::{Cell, Cells, Contract};
use crate::domain::record::{Address, FieldProblem, PersonRecord, PersonStatus, Role};
use crate::domain::time::Timestamp;

/// The fields of a person (DESIGN.md 10).
pub(super) static CONTRACT: Contract = Contract {
    names: &["account_id", "member_id", "email", "role", "status", "verified", "locale", "timezone"],
    required: 3,
    id: MEMBER_ID,
    within: Some(ACCOUNT_ID),
};

pub(super) const ACCOUNT_ID: usize = 0;
const MEMBER_ID: usize = 1;
pub(super) const EMAIL: usize = 2;
const ROLE: usize = 3;
pub(super) const STATUS: usize = 4;
const VERIFIED: usize = 5;
const LOCALE: usize = 6;
const TIMEZONE: usize = 7;

const ROLES: [(&str, Role); 2] = [("owner", Role::Owner), ("member", Role::Member)];
const STATUSES: [(&str, PersonStatus); 3] =
    [("active", PersonStatus::Active), ("suspended", PersonStatus::Suspended), ("removed", PersonStatus::Removed)];

/// The facts of a known person, as far as a row would give them: for what an event leaves out.
pub(super) fn fill(cells: &mut Cells<'_>, known: &PersonRecord) {
    let text = |text: &str| Cell::Text(Cow::Owned(text.to_owned()));
    let role = ROLES.iter().find(|(_, role)| *role == known.role).map(|(word, _)| *word);
    for (field, value) in [
        (EMAIL, text(known.email.expose())),
        (ROLE, role.map_or(Cell::Absent, text)),
        (VERIFIED, Cell::Flag(known.verified)),
        (LOCALE, known.locale.as_deref().map_or(Cell::Absent, text)),
        (TIMEZONE, known.timezone.as_deref().map_or(Cell::Absent, text)),
    ] {
        if cells.is_empty(field) {
            cells.set(field, value);
        }
    }
}

/// The record, or the first field that is wrong, in the contract's order.
pub(super) fn build(
    mut cells: Cells<'_>,
    _now: Timestamp,
    _dropped: &mut Vec<FieldProblem>,
) -> Result<PersonRecord, FieldProblem> {
    Ok(PersonRecord {
        account_id: cells.required_id(ACCOUNT_ID)?,
        member_id: cells.required_id(MEMBER_ID)?,
        email: email(&mut cells)?,
        role: cells.word(ROLE, &ROLES)?.unwrap_or_default(),
        status: cells.word(STATUS, &STATUSES)?.unwrap_or_default(),
        verified: cells.flag(VERIFIED)?.unwrap_or(true),
        locale: cells.text(LOCALE)?,
        timezone: cells.text(TIMEZONE)?,
    })
}

/// The reason never shows the value: an address is nobody's business in a table of problems.
fn email(cells: &mut Cells<'_>) -> Result<Address, FieldProblem> {
    let Some(text) = cells.raw(EMAIL)? else {
        return Err(cells.problem(EMAIL, "is missing; every row needs one"));
    };
    Address::parse(&text)
        .ok_or_else(|| cells.problem(EMAIL, "must be one plain mail address, such as name@example.org"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_names_its_field() {
        let numbers = [ACCOUNT_ID, MEMBER_ID, EMAIL, ROLE, STATUS, VERIFIED, LOCALE, TIMEZONE];
        assert_eq!(
            numbers.map(|number| CONTRACT.names[number]),
            ["account_id", "member_id", "email", "role", "status", "verified", "locale", "timezone"]
        );
    }
}
