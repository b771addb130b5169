//! What became of claimed mails, and of the notices in them.

use serde::Deserialize;
use serde_json::Map;

use crate::domain::ids::{MailId, NoticeId, PersonId};
use crate::domain::time::Timestamp;
use crate::ledger::notify::unsaid::step_again;
use crate::ledger::packed::pack;
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ledger::{due, turn};
use crate::ports::notify::MailEnd;
use crate::ports::{Event, LedgerError};

/// Writes all ends. Returns what the log is to be told of them: of people their numbers only.
pub(super) async fn write(
    tx: &mut Session,
    now: Timestamp,
    ends: &[(MailId, MailEnd)],
) -> Result<Vec<Event>, LedgerError> {
    let sorted = Sorted::of(ends);
    if !sorted.refused.is_empty() {
        turn::acted(tx).await?;
    }
    expect_known(tx, ends).await?;
    sorted.release_held(tx).await?;
    sorted.suppress(tx, now).await?;
    for (statements, mails) in [
        (&[&SENT, &SENT_NOTICES][..], &sorted.sent),
        (&[&MAYBE_SENT], &sorted.maybe_sent),
        (&[&FAILED], &sorted.failed),
        (&[&STEP_AGAIN, &CANCELLED_NOTICES, &CANCELLED], &sorted.refused),
        (&[&STEP_AGAIN, &CANCELLED_NOTICES, &CANCELLED], &sorted.cancelled),
        (&[&GO_ON_OR_CANCEL], &sorted.held),
        (&[&PUT_OFF], &sorted.put_off),
    ] {
        if mails.is_empty() {
            continue;
        }
        let packed = pack(mails)?;
        for statement in statements {
            // Not each has a use for the instant.
            tx.run(statement, [(&packed).into(), now.into()]).await?;
        }
    }
    events(tx, now, &sorted).await
}

/// To whom a mail is.
#[derive(Deserialize)]
struct Addressed {
    mail: MailId,
    person: PersonId,
}

/// A mail, what was said of it, and an instant that belongs to its end.
type End<'a> = (MailId, Option<&'a str>, Option<Timestamp>);

/// The ends by kind.
#[derive(Default)]
struct Sorted<'a> {
    sent: Vec<End<'a>>,
    maybe_sent: Vec<End<'a>>,
    failed: Vec<End<'a>>,
    refused: Vec<End<'a>>,
    /// addresses, until when they are left alone, and what was said of them
    refused_addresses: Vec<(&'a str, Timestamp, &'a str)>,
    cancelled: Vec<End<'a>>,
    held: Vec<End<'a>>,
    put_off: Vec<End<'a>>,
    held_notices: Vec<(MailId, NoticeId)>,
}

impl<'a> Sorted<'a> {
    fn of(ends: &'a [(MailId, MailEnd)]) -> Self {
        let mut sorted = Self::default();
        for (id, end) in ends {
            match end {
                MailEnd::Sent { reply } => sorted.sent.push((*id, Some(reply), None)),
                MailEnd::MaybeSent { retry_at, error } => sorted.maybe_sent.push((*id, Some(error), Some(*retry_at))),
                MailEnd::Failed { retry_at, error } => sorted.failed.push((*id, Some(error), Some(*retry_at))),
                MailEnd::AddressRefused { address, until, error } => {
                    sorted.refused.push((*id, Some(error), None));
                    sorted.refused_addresses.push((address.expose(), *until, error));
                }
                MailEnd::Cancelled => sorted.cancelled.push((*id, None, None)),
                MailEnd::PutOff { retry_at } => sorted.put_off.push((*id, None, Some(*retry_at))),
                MailEnd::Held { notices, retry_at } => {
                    sorted.held.push((*id, None, Some(*retry_at)));
                    sorted.held_notices.extend(notices.iter().map(|notice| (*id, *notice)));
                }
            }
        }
        sorted
    }

    /// Leaves the refused addresses alone. Whether anybody can be told of an account's findings is a fact of all its connections.
    async fn suppress(&self, tx: &mut Session, now: Timestamp) -> Result<(), LedgerError> {
        if self.refused_addresses.is_empty() {
            return Ok(());
        }
        tx.run(&SUPPRESS, [pack(&self.refused_addresses)?.into()]).await?;
        let addresses: Vec<&str> = self.refused_addresses.iter().map(|(address, ..)| *address).collect();
        let accounts = due::accounts_of_addresses(tx, &addresses).await?;
        due::by_account(tx, &accounts, now).await
    }

    async fn release_held(&self, tx: &mut Session) -> Result<(), LedgerError> {
        if !self.held_notices.is_empty() {
            tx.run(&RELEASE, [pack(&self.held_notices)?.into()]).await?;
        }
        Ok(())
    }
}

async fn expect_known(tx: &mut Session, ends: &[(MailId, MailEnd)]) -> Result<(), LedgerError> {
    let ids: Vec<MailId> = ends.iter().map(|(id, _)| *id).collect();
    let unknown: Vec<MailId> = tx.rows("mail", &UNKNOWN, [pack(&ids)?.into()]).await?;
    match unknown.first() {
        None => Ok(()),
        Some(id) => Err(LedgerError::Inconsistent {
            table: "mail",
            row: id.to_string(),
            what: "its end is to be recorded, but there is no such mail".to_owned(),
        }),
    }
}

async fn events(tx: &mut Session, now: Timestamp, sorted: &Sorted<'_>) -> Result<Vec<Event>, LedgerError> {
    let mut events = Vec::new();
    for (kind, mails) in [("mail.sent", &sorted.sent), ("mail.address_refused", &sorted.refused)] {
        if mails.is_empty() {
            continue;
        }
        let addressed: Vec<Addressed> = tx.rows("mail", &ADDRESSED, [pack(mails)?.into()]).await?;
        events.extend(addressed.iter().map(|row| Event {
            at: now,
            kind,
            subject: format!("mail:{}", row.mail),
            data: Map::from_iter([("person".to_owned(), row.person.0.into())]),
        }));
    }
    Ok(events)
}

pub(in crate::ledger) const UNKNOWN: Sql = sql!(
    "SELECT " [numbers "value"] " FROM " [each "$1" page bigint] "
     WHERE NOT EXISTS (SELECT 1 FROM mail WHERE mail.id = page.value)"
);

pub(in crate::ledger) const ADDRESSED: Sql = sql!(
    "SELECT " [page by "m.id": "m.id, m.person_id"] "
     FROM " [tuples "$1" ended (0 id bigint)] "
     JOIN mail AS m ON m.id = ended.id"
);

pub(in crate::ledger) const SENT: Sql = sql!(
    "UPDATE mail SET state = 'sent', sent_at = $2, reply = ended.said, error = NULL, claimed_until = NULL,
                     next_try_at = NULL
     FROM " [tuples "$1" ended (0 id bigint, 1 said text)] "
     WHERE mail.id = ended.id"
);

pub(in crate::ledger) const SENT_NOTICES: Sql = sql!(
    "UPDATE notice SET state = 'sent'
     WHERE mail_id IN (SELECT id FROM " [tuples "$1" ended (0 id bigint)] ") AND state = 'planned'"
);

pub(in crate::ledger) const MAYBE_SENT: Sql = sql!(
    "UPDATE mail SET state = 'maybe_sent', maybe_sent = 1, error = ended.said, claimed_until = NULL,
                     next_try_at = coalesce(ended.due, $2)
     FROM " [tuples "$1" ended (0 id bigint, 1 said text, 2 due bigint)] "
     WHERE mail.id = ended.id"
);

/// A try that came as far as DATA was counted when it did.
pub(in crate::ledger) const FAILED: Sql = sql!(
    "UPDATE mail SET state = 'failed', error = ended.said, claimed_until = NULL, next_try_at = coalesce(ended.due, $2),
                     attempts = mail.attempts + CASE WHEN mail.state = 'claimed' THEN 1 ELSE 0 END
     FROM " [tuples "$1" ended (0 id bigint, 1 said text, 2 due bigint)] "
     WHERE mail.id = ended.id"
);

/// Those that were offered, whoever has them: what the same person has by now is not suppressed. In one order, so that two who
/// suppress the same addresses don't wait for each other.
pub(in crate::ledger) const SUPPRESS: Sql = sql!(
    "INSERT INTO suppressed (email, until, reason)
     SELECT refused.email, max(refused.until), max(refused.said)
     FROM " [tuples "$1" refused (0 email text, 1 until bigint, 2 said text)] "
     WHERE true
     GROUP BY refused.email
     ORDER BY refused.email
     ON CONFLICT (email) DO UPDATE SET until = excluded.until, reason = excluded.reason"
);

/// What was still to be said reached nobody here, so that the next in line is told.
pub(in crate::ledger) const STEP_AGAIN: Sql =
    step_again!([tuples "$1" ended (0 id bigint)] " JOIN notice AS n ON n.mail_id = ended.id");

pub(in crate::ledger) const CANCELLED_NOTICES: Sql = sql!(
    "UPDATE notice SET state = 'cancelled'
     WHERE mail_id IN (SELECT id FROM " [tuples "$1" ended (0 id bigint)] ") AND state = 'planned'"
);

pub(in crate::ledger) const CANCELLED: Sql = sql!(
    "UPDATE mail SET state = 'cancelled', error = coalesce(ended.said, mail.error), claimed_until = NULL,
                     next_try_at = NULL,
                     attempts = mail.attempts
                                + CASE WHEN ended.said IS NOT NULL AND mail.state = 'claimed' THEN 1 ELSE 0 END
     FROM " [tuples "$1" ended (0 id bigint, 1 said text)] "
     WHERE mail.id = ended.id"
);

pub(in crate::ledger) const RELEASE: Sql = sql!(
    "UPDATE notice SET mail_id = NULL
     FROM " [tuples "$1" held (0 mail bigint, 1 notice bigint)] "
     WHERE notice.id = held.notice AND notice.mail_id = held.mail AND notice.state = 'planned'"
);

/// What may have arrived stays known as that.
pub(in crate::ledger) const PUT_OFF: Sql = sql!(
    "UPDATE mail SET state = CASE WHEN mail.maybe_sent = 1 THEN 'maybe_sent' ELSE 'planned' END, claimed_until = NULL,
                     next_try_at = coalesce(ended.due, $2)
     FROM " [tuples "$1" ended (0 id bigint, 1 said text, 2 due bigint)] "
     WHERE mail.id = ended.id"
);

pub(in crate::ledger) const GO_ON_OR_CANCEL: Sql = sql!(
    "UPDATE mail SET
         state = CASE WHEN left_over.notices > 0 THEN 'planned' ELSE 'cancelled' END,
         next_try_at = CASE WHEN left_over.notices > 0 THEN left_over.due END,
         claimed_until = NULL
     FROM (SELECT ended.id, ended.due,
                  (SELECT count(*) FROM notice AS n WHERE n.mail_id = ended.id AND n.state = 'planned') AS notices
           FROM " [tuples "$1" ended (0 id bigint, 1 said text, 2 due bigint)] ") AS left_over
     WHERE mail.id = left_over.id"
);
