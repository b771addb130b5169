//! Addresses that are left alone because their server refused them for good, and the way back.

use serde::Deserialize;
use serde_json::Map;

use crate::domain::ids::PersonId;
use crate::domain::record::Address;
use crate::domain::time::Timestamp;
use crate::ledger::packed::pack;
use crate::ledger::sql::Sql;
use crate::ledger::{Ledger, due};
use crate::ports::{Event, LedgerError};

/// An address that is left alone for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// the ledger's number of the person
    pub person: PersonId,
    /// the platform's id of the account
    pub account: String,
    /// the platform's id of the person
    pub member: String,
    /// the address, which prints masked; `None` where the ledger's is none that we would send to
    pub address: Option<Address>,
    /// when it is tried again
    pub until: Timestamp,
    /// what its server said, without addresses
    pub reason: String,
}

#[derive(Deserialize)]
struct Row(PersonId, String, String, String, Timestamp, String);

impl Ledger {
    /// Everybody whose present address is left alone at `now`, by the ledger's number.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn suppressed(&self, now: Timestamp) -> Result<Vec<Suppressed>, LedgerError> {
        let mut line = self.look("list suppressed addresses").await?;
        let rows: Vec<Row> = line.rows("suppressed", &SUPPRESSED, [now.into()]).await?;
        let suppressed = |Row(person, account, member, email, until, reason): Row| Suppressed {
            person,
            account,
            member,
            address: Address::parse(&email),
            until,
            reason,
        };
        Ok(rows.into_iter().map(suppressed).collect())
    }

    /// Lets these people be written to again, from the next run of mail on. Returns how many were left alone until now.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn unsuppress(&self, people: &[PersonId], now: Timestamp) -> Result<usize, LedgerError> {
        let mut tx = self.write("let an address be written to again").await?;
        let freed: Vec<PersonId> = tx.rows("suppressed", &AMONG, [pack(people)?.into()]).await?;
        if freed.is_empty() {
            return Ok(0);
        }
        tx.run(&FREE, [pack(&freed)?.into()]).await?;
        // Whether anybody can be told of an account's findings is a fact of all its connections.
        let accounts = due::accounts_of(&mut tx, &freed).await?;
        due::by_account(&mut tx, &accounts, now).await?;
        let event = |person: &PersonId| Event {
            at: now,
            kind: "mail.unsuppressed",
            subject: format!("person:{person}"),
            data: Map::new(),
        };
        tx.log(&freed.iter().map(event).collect::<Vec<_>>()).await?;
        tx.commit().await?;
        Ok(freed.len())
    }
}

pub(in crate::ledger) const SUPPRESSED: Sql = sql!(
    "SELECT " [page by "s.person_id": "s.person_id, a.external_id, p.member_id, s.email, s.until, s.reason"] "
     FROM (SELECT * FROM suppressed WHERE until > $1 ORDER BY person_id) AS s
     JOIN person AS p ON p.id = s.person_id AND p.email = s.email
     JOIN account AS a ON a.id = p.account_id"
);

pub(in crate::ledger) const AMONG: Sql = sql!(
    "SELECT " [numbers "person_id"] " FROM suppressed WHERE person_id IN " [within "$1" bigint]
);

pub(in crate::ledger) const FREE: Sql = sql!("DELETE FROM suppressed WHERE person_id IN " [within "$1" bigint]);
