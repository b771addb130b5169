//! The operator's security contact: an address, not a person of any inventory. The ledger keeps it as person 0 of account 0
//! of source 0, which no inventory has, so that notices and mails to it are like all others.

use crate::domain::ids::PersonId;
use crate::domain::record::Address;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// The security contact's number.
pub(in crate::ledger) const CONTACT: PersonId = PersonId(0);

impl Ledger {
    /// Who the security contact is from now on; `None` for nobody.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn set_security_contact(&self, address: Option<&Address>) -> Result<(), LedgerError> {
        let wanted = address.map(Address::expose);
        let known = self.look("read the security contact").await?.text(&ADDRESS, []).await?;
        if known.as_deref() == wanted {
            return Ok(()); // the write lock is not for every start
        }
        let mut tx = self.write("note the security contact").await?;
        match wanted {
            None => _ = tx.run(&NO_CONTACT, []).await?,
            Some(address) => {
                for statement in [&SOURCE, &ACCOUNT] {
                    tx.run(statement, []).await?;
                }
                tx.run(&SET, [address.into()]).await?;
            }
        }
        tx.commit().await
    }

    pub(super) async fn reachable_contact(&self, now: Timestamp) -> Result<Option<PersonId>, LedgerError> {
        let mut line = self.look("read the security contact").await?;
        Ok(line.rows("person", &REACHABLE, [now.into()]).await?.pop())
    }
}

pub(in crate::ledger) const ADDRESS: Sql = sql!("SELECT email FROM person WHERE id = 0 AND status = 'active'");

pub(in crate::ledger) const REACHABLE: Sql = sql!(
    "SELECT " [numbers "p.id"] " FROM person AS p
     WHERE p.id = 0 AND p.status = 'active'
       AND NOT EXISTS (SELECT 1 FROM suppressed AS s WHERE s.email = p.email AND s.until > $1)"
);

pub(in crate::ledger) const SOURCE: Sql = sql!("INSERT INTO source (id, name) VALUES (0, '') ON CONFLICT DO NOTHING");

pub(in crate::ledger) const ACCOUNT: Sql =
    sql!("INSERT INTO account (id, source_id, external_id) VALUES (0, 0, '') ON CONFLICT DO NOTHING");

pub(in crate::ledger) const SET: Sql = sql!(
    "INSERT INTO person (id, source_id, account_id, member_id, email, role, status, verified, digest)
     VALUES (0, 0, 0, '', $1, 'security', 'active', 1, '')
     ON CONFLICT (id) DO UPDATE SET email = excluded.email, status = excluded.status"
);

pub(in crate::ledger) const NO_CONTACT: Sql = sql!("UPDATE person SET status = 'removed' WHERE id = 0");
