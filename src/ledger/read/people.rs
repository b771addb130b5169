//! Who somebody is, for an operator: account, role, and an address that prints masked.

use serde::Deserialize;

use super::moment::Moment;
use crate::domain::ids::PersonId;
use crate::domain::record::{Address, Role};
use crate::ledger::Ledger;
use crate::ledger::packed::pack;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// A person, as far as an operator is shown them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// the ledger's number
    pub id: PersonId,
    /// the platform's id of the account
    pub account: String,
    /// the platform's id of the person
    pub member: String,
    /// their role; `None` for the operator's security contact, who is of no account
    pub role: Option<Role>,
    /// their address; `None` where the ledger's is none that we would send to
    pub address: Option<Address>,
}

impl Ledger {
    /// These people, in no order; unknown numbers are left out.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn readers(&self, people: &[PersonId]) -> Result<Vec<Reader>, LedgerError> {
        self.at_one_moment().await?.readers(people).await
    }
}

impl Moment {
    /// As [`Ledger::readers`].
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn readers(&mut self, people: &[PersonId]) -> Result<Vec<Reader>, LedgerError> {
        let line = self.line("read who somebody is");
        let found: Vec<Row> = line.rows("person", &PEOPLE, [pack(people)?.into()]).await?;
        let reader = |Row(id, account, member, role, email): Row| Reader {
            id,
            account,
            member: if role.is_none() { "security contact".to_owned() } else { member },
            role,
            address: Address::parse(&email),
        };
        Ok(found.into_iter().map(reader).collect())
    }
}

#[derive(Deserialize)]
struct Row(PersonId, String, String, Option<Role>, String);

pub(in crate::ledger) const PEOPLE: Sql = sql!(
    "SELECT " [page "p.id, a.external_id, p.member_id, CASE WHEN p.id > 0 THEN p.role END, p.email"] "
     FROM " [each "$1" wanted bigint] "
     CROSS JOIN person AS p
     JOIN account AS a ON a.id = p.account_id
     WHERE p.id = wanted.value"
);
