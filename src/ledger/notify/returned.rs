//! Mails that came back although their server had taken them, and what follows.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::bounce::{Consequence, Failure, Fault, Known, consequence};
use crate::domain::ids::{MailId, PersonId};
use crate::domain::time::Timestamp;
use crate::ledger::packed::flag;
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ledger::{Ledger, due, turn};
use crate::ports::bounce::BounceLedger;
use crate::ports::{Event, LedgerError};

impl BounceLedger for Ledger {
    async fn came_back(
        &self,
        now: Timestamp,
        mail: MailId,
        failure: &Failure,
        until: Timestamp,
    ) -> Result<Option<Consequence>, LedgerError> {
        let mut tx = self.write("note that a mail came back").await?;
        turn::acted(&mut tx).await?;
        let Some(row) = tx.rows::<Row>("mail", &KNOWN, [mail.0.into()]).await?.pop() else { return Ok(None) };
        let follows = consequence(row.known(), failure.fault);
        match follows {
            Consequence::Nothing | Consequence::Wait => return Ok(Some(follows)),
            Consequence::Note(_) => {}
            Consequence::Suppress | Consequence::TellAgain => {
                tell_again(&mut tx, now, mail).await?;
                if follows == Consequence::Suppress {
                    tx.run(&SUPPRESS, [mail.0.into(), until.into(), failure.said.as_str().into()]).await?;
                    // Whether anybody can be told of an account's findings is a fact of all its connections.
                    let accounts = due::accounts_of_addresses(&mut tx, &[&row.email]).await?;
                    due::by_account(&mut tx, &accounts, now).await?;
                }
            }
        }
        let statement = if failure.fault == Fault::Address { &RETURNED } else { &REMARK };
        let said = failure.said.as_str();
        tx.run(statement, [mail.0.into(), now.into(), failure.fault.as_str().into(), said.into()]).await?;
        tx.log(&[event(now, mail, row.person, failure, follows)]).await?;
        tx.commit().await?;
        Ok(Some(follows))
    }
}

/// What the mail was to say reached nobody.
async fn tell_again(tx: &mut Session, now: Timestamp, mail: MailId) -> Result<(), LedgerError> {
    tx.run(&STEP_AGAIN, [mail.0.into(), now.into()]).await?;
    tx.run(&UNTOLD, [mail.0.into()]).await?;
    Ok(())
}

fn event(now: Timestamp, mail: MailId, person: PersonId, failure: &Failure, follows: Consequence) -> Event {
    let mut data = Map::from_iter([
        ("person".to_owned(), person.0.into()),
        ("fault".to_owned(), failure.fault.as_str().into()),
        ("suppressed".to_owned(), (follows == Consequence::Suppress).into()),
    ]);
    if let Some(status) = failure.status {
        data.insert("status".to_owned(), Value::from(status.to_string()));
    }
    Event { at: now, kind: "mail.bounced", subject: format!("mail:{mail}"), data }
}

#[derive(Deserialize)]
struct Row {
    state: String,
    returned: Option<String>,
    person: PersonId,
    email: String,
    #[serde(deserialize_with = "flag")]
    same_address: bool,
}

impl Row {
    fn known(&self) -> Known {
        Known {
            held: matches!(self.state.as_str(), "claimed" | "sending"),
            returned: self.returned.as_deref().and_then(Fault::named),
            same_address: self.same_address,
        }
    }
}

/// Whoever sends beside us either has the mail or finds it as we leave it. Whether the reader's address is still the one that the report is about is the ledger's to say, not the report's.
pub(in crate::ledger) const KNOWN: Sql = sql!(
    "SELECT " [page "m.state, m.returned, m.person_id, p.email, coalesce(m.sent_to = p.email, false)"] "
     FROM (SELECT * FROM mail WHERE id = $1 " ["" | "FOR UPDATE"] ") AS m
     JOIN person AS p ON p.id = m.person_id"
);

pub(in crate::ledger) const SUPPRESS: Sql = sql!(
    "INSERT INTO suppressed (email, until, reason)
     SELECT p.email, $2, $3 FROM mail AS m JOIN person AS p ON p.id = m.person_id WHERE m.id = $1
     ON CONFLICT (email) DO UPDATE SET until = excluded.until, reason = excluded.reason"
);

/// The present step of each of its findings is due once more. Where later ones were taken meanwhile it is the last of those,
/// which says all that this one would have; where another reader's mail came back before, it is due already. Whoever was told
/// it is not told again, since a notice is unique per step and person.
pub(in crate::ledger) const STEP_AGAIN: Sql = sql!(
    "UPDATE finding SET next_step_at = $2, last_step = CASE WHEN finding.last_step > 0 THEN finding.last_step - 1 END
     FROM (SELECT n.finding_id, n.opening, max(n.step) AS step
           FROM notice AS n
           WHERE n.mail_id = $1 AND n.closing = 0 AND n.state IN ('planned', 'sent')
           GROUP BY n.finding_id, n.opening) AS lost
     WHERE finding.id = lost.finding_id AND finding.opening = lost.opening AND finding.last_step >= lost.step
       AND finding.state = 'open' AND finding.mailed = 1 AND finding.baseline = 0"
);

/// As of a mail that was cancelled: taken once more, the step is told to this reader as well, once they can be written to.
pub(in crate::ledger) const UNTOLD: Sql =
    sql!("UPDATE notice SET state = 'cancelled' WHERE mail_id = $1 AND state IN ('planned', 'sent')");

/// It did not arrive, and is not tried again.
pub(in crate::ledger) const RETURNED: Sql = sql!(
    "UPDATE mail SET state = 'bounced', returned_at = $2, returned = $3, error = $4, maybe_sent = 0, next_try_at = NULL
     WHERE id = $1"
);

/// A mail that is tried again stays as it is: it may yet arrive.
pub(in crate::ledger) const REMARK: Sql = sql!(
    "UPDATE mail SET state = CASE WHEN state IN ('sent', 'cancelled') THEN 'bounced' ELSE state END,
                     returned_at = $2, returned = $3, error = $4
     WHERE id = $1"
);
