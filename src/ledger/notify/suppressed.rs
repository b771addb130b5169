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
    /// Everybody whose address is left alone at `now`, by the ledger's number.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn suppressed(&self, now: Timestamp) -> Result<Vec<Suppressed>, LedgerError> {
        let mut line = self.look("list suppressed addresses").await?;
        let mut rows: Vec<Row> = line.rows("suppressed", &SUPPRESSED, [now.into()]).await?;
        rows.sort_unstable_by_key(|row| row.0);
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

    /// Lets the addresses of these people be written to again, from the next run of mail on. Returns everybody who was left
    /// alone for one of them until now.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn unsuppress(&self, people: &[PersonId], now: Timestamp) -> Result<Vec<PersonId>, LedgerError> {
        let mut tx = self.write("let an address be written to again").await?;
        let freed: Vec<PersonId> = tx.rows("suppressed", &AMONG, [pack(people)?.into()]).await?;
        if freed.is_empty() {
            return Ok(freed);
        }
        tx.run(&FREE, [pack(&freed)?.into()]).await?;
        // Whether anybody can be told of an account's findings is a fact of all its connections.
        let accounts = due::accounts_of(&mut tx, &freed).await?;
        due::by_account(&mut tx, &accounts, now).await?;
        tx.run(&STEP_AGAIN, [pack(&freed)?.into(), now.into()]).await?;
        let event = |person: &PersonId| Event {
            at: now,
            kind: "mail.unsuppressed",
            subject: format!("person:{person}"),
            data: Map::new(),
        };
        tx.log(&freed.iter().map(event).collect::<Vec<_>>()).await?;
        tx.commit().await?;
        Ok(freed)
    }
}

/// From the addresses to the people, of whom there may be a million: SQLite carries out a cross join in the order written.
pub(in crate::ledger) const SUPPRESSED: Sql = sql!(
    "SELECT " [page by "p.id": "p.id, a.external_id, p.member_id, s.email, s.until, s.reason"] "
     FROM suppressed AS s
     CROSS JOIN person AS p
     JOIN account AS a ON a.id = p.account_id
     WHERE p.email = s.email AND s.until > $1 AND p.status <> 'removed'"
);

pub(in crate::ledger) const AMONG: Sql = sql!(
    "SELECT " [numbers "DISTINCT p.id"] "
     FROM " [each "$1" wanted bigint] "
     JOIN person AS named ON named.id = wanted.value
     JOIN suppressed AS s ON s.email = named.email
     JOIN person AS p ON p.email = s.email AND p.status <> 'removed'"
);

/// The present steps that these people have not been told are due once more. Whoever was told is not told again, since a notice is
/// unique per step and person; where reminders wait, the people wait with them.
pub(in crate::ledger) const STEP_AGAIN: Sql = sql!(
    "UPDATE finding SET next_step_at = $2, last_step = CASE WHEN finding.last_step > 0 THEN finding.last_step - 1 END
     FROM (SELECT DISTINCT f.id
           FROM " [each "$1" freed bigint] "
           JOIN person AS p ON p.id = freed.value
           JOIN finding AS f ON f.account_id = p.account_id
           WHERE f.state = 'open' AND f.mailed = 1 AND f.baseline = 0 AND f.last_step IS NOT NULL AND f.pause IS NULL
             AND NOT EXISTS (SELECT 1 FROM notice AS n
                             WHERE n.finding_id = f.id AND n.opening = f.opening AND n.step = f.last_step
                               AND n.person_id = p.id AND n.closing = 0 AND n.state IN ('planned', 'sent'))) AS unsaid
     WHERE finding.id = unsaid.id"
);

pub(in crate::ledger) const FREE: Sql = sql!(
    "DELETE FROM suppressed WHERE email IN (
         SELECT p.email FROM " [each "$1" freed bigint] " JOIN person AS p ON p.id = freed.value)"
);
