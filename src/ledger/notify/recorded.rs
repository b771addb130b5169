//! What became of claimed mails, and of the notices in them.

use serde::Deserialize;
use serde_json::Map;
use sqlx::SqliteConnection;

use crate::domain::ids::{MailId, NoticeId, PersonId};
use crate::domain::time::Timestamp;
use crate::ledger::packed::rows;
use crate::ledger::store::{database, pack};
use crate::ports::notify::MailEnd;
use crate::ports::{Event, LedgerError};

const DOING: &str = "record what became of mails";

/// Writes all ends. Returns what the log is to be told of them: of people their numbers only.
pub(super) async fn write(
    tx: &mut SqliteConnection,
    now: Timestamp,
    ends: &[(MailId, MailEnd)],
) -> Result<Vec<Event>, LedgerError> {
    let sorted = Sorted::of(ends);
    expect_known(tx, ends).await?;
    sorted.release_held(tx).await?;
    for (statements, mails) in [
        (&[SENT, SENT_NOTICES][..], &sorted.sent),
        (&[MAYBE_SENT], &sorted.maybe_sent),
        (&[FAILED], &sorted.failed),
        (&[SUPPRESS, STEP_AGAIN, CANCELLED_NOTICES, CANCELLED], &sorted.refused),
        (&[STEP_AGAIN, CANCELLED_NOTICES, CANCELLED], &sorted.cancelled),
        (&[GO_ON_OR_CANCEL], &sorted.held),
    ] {
        if mails.is_empty() {
            continue;
        }
        let packed = pack(mails, DOING)?;
        for statement in statements {
            sqlx::query(*statement)
                .bind(&packed)
                .bind(now.as_millis())
                .execute(&mut *tx)
                .await
                .map_err(database(DOING))?;
        }
    }
    events(tx, now, &sorted).await
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
    cancelled: Vec<End<'a>>,
    held: Vec<End<'a>>,
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
                MailEnd::AddressRefused { until, error } => sorted.refused.push((*id, Some(error), Some(*until))),
                MailEnd::Cancelled => sorted.cancelled.push((*id, None, None)),
                MailEnd::Held { notices, retry_at } => {
                    sorted.held.push((*id, None, Some(*retry_at)));
                    sorted.held_notices.extend(notices.iter().map(|notice| (*id, *notice)));
                }
            }
        }
        sorted
    }

    async fn release_held(&self, tx: &mut SqliteConnection) -> Result<(), LedgerError> {
        if self.held_notices.is_empty() {
            return Ok(());
        }
        let packed = pack(&self.held_notices, DOING)?;
        sqlx::query(RELEASE).bind(packed).execute(tx).await.map_err(database(DOING))?;
        Ok(())
    }
}

async fn expect_known(tx: &mut SqliteConnection, ends: &[(MailId, MailEnd)]) -> Result<(), LedgerError> {
    let ids: Vec<MailId> = ends.iter().map(|(id, _)| *id).collect();
    let unknown: Vec<MailId> = rows(tx, "mail", DOING, sqlx::query_scalar(UNKNOWN).bind(pack(&ids, DOING)?)).await?;
    match unknown.first() {
        None => Ok(()),
        Some(id) => Err(LedgerError::Inconsistent {
            table: "mail",
            row: id.to_string(),
            what: "its end is to be recorded, but there is no such mail".to_owned(),
        }),
    }
}

async fn events(tx: &mut SqliteConnection, now: Timestamp, sorted: &Sorted<'_>) -> Result<Vec<Event>, LedgerError> {
    #[derive(Deserialize)]
    struct Addressed {
        mail: MailId,
        person: PersonId,
    }
    let mut events = Vec::new();
    for (kind, mails) in [("mail.sent", &sorted.sent), ("mail.address_refused", &sorted.refused)] {
        if mails.is_empty() {
            continue;
        }
        let page = sqlx::query_scalar(ADDRESSED).bind(pack(mails, DOING)?);
        let addressed: Vec<Addressed> = rows(tx, "mail", DOING, page).await?;
        events.extend(addressed.iter().map(|row| Event {
            at: now,
            kind,
            subject: format!("mail:{}", row.mail),
            data: Map::from_iter([("person".to_owned(), row.person.0.into())]),
        }));
    }
    Ok(events)
}

const UNKNOWN: &str = "
    SELECT json_group_array(value) FROM json_each(?1)
    WHERE NOT EXISTS (SELECT 1 FROM mail WHERE mail.id = value)";

const ADDRESSED: &str = "
    SELECT json_group_array(json_array(m.id, m.person_id))
    FROM json_each(?1) AS page
    JOIN mail AS m ON m.id = page.value ->> 0";

const SENT: &str = "
    UPDATE mail SET state = 'sent', sent_at = ?2, reply = ended.value ->> 1, error = NULL, claimed_until = NULL,
                    next_try_at = NULL
    FROM json_each(?1) AS ended
    WHERE mail.id = ended.value ->> 0";

const SENT_NOTICES: &str = "
    UPDATE notice SET state = 'sent'
    WHERE mail_id IN (SELECT value ->> 0 FROM json_each(?1)) AND state = 'planned'";

const MAYBE_SENT: &str = "
    UPDATE mail SET state = 'maybe_sent', maybe_sent = 1, error = ended.value ->> 1, claimed_until = NULL,
                    next_try_at = coalesce(ended.value ->> 2, ?2)
    FROM json_each(?1) AS ended
    WHERE mail.id = ended.value ->> 0";

const FAILED: &str = "
    UPDATE mail SET state = 'failed', error = ended.value ->> 1, claimed_until = NULL,
                    next_try_at = coalesce(ended.value ->> 2, ?2)
    FROM json_each(?1) AS ended
    WHERE mail.id = ended.value ->> 0";

/// The address as it stands: another one of the same person is not suppressed.
const SUPPRESS: &str = "
    INSERT INTO suppressed (person_id, email, until, reason)
    SELECT p.id, p.email, max(coalesce(ended.value ->> 2, ?2)), coalesce(ended.value ->> 1, '')
    FROM json_each(?1) AS ended
    JOIN mail AS m ON m.id = ended.value ->> 0
    JOIN person AS p ON p.id = m.person_id
    WHERE true
    GROUP BY p.id, p.email
    ON CONFLICT (person_id) DO UPDATE SET email = excluded.email, until = excluded.until, reason = excluded.reason";

/// What was still to be said reached nobody here: its step is due once more, so that the next in line is told. Who was
/// told already is not told again, since a notice is unique per step and person.
const STEP_AGAIN: &str = "
    UPDATE finding SET next_step_at = ?2, last_step = CASE WHEN lost.step > 0 THEN lost.step - 1 END
    FROM (SELECT n.finding_id, n.opening, max(n.step) AS step
          FROM json_each(?1) AS ended
          JOIN notice AS n ON n.mail_id = ended.value ->> 0 AND n.state = 'planned'
          GROUP BY n.finding_id, n.opening) AS lost
    WHERE finding.id = lost.finding_id AND finding.opening = lost.opening AND finding.last_step = lost.step
      AND finding.state = 'open' AND finding.mailed = 1";

const CANCELLED_NOTICES: &str = "
    UPDATE notice SET state = 'cancelled'
    WHERE mail_id IN (SELECT value ->> 0 FROM json_each(?1)) AND state = 'planned'";

const CANCELLED: &str = "
    UPDATE mail SET state = 'cancelled', error = coalesce(ended.value ->> 1, error), claimed_until = NULL,
                    next_try_at = NULL
    FROM json_each(?1) AS ended
    WHERE mail.id = ended.value ->> 0";

const RELEASE: &str = "
    UPDATE notice SET mail_id = NULL
    FROM json_each(?1) AS held
    WHERE notice.id = held.value ->> 1 AND notice.mail_id = held.value ->> 0 AND notice.state = 'planned'";

const GO_ON_OR_CANCEL: &str = "
    UPDATE mail SET
        state = CASE WHEN left_over.notices > 0 THEN 'planned' ELSE 'cancelled' END,
        next_try_at = CASE WHEN left_over.notices > 0 THEN left_over.retry_at END,
        claimed_until = NULL
    FROM (SELECT ended.value ->> 0 AS id, ended.value ->> 2 AS retry_at,
                 (SELECT count(*) FROM notice AS n WHERE n.mail_id = ended.value ->> 0 AND n.state = 'planned') AS notices
          FROM json_each(?1) AS ended) AS left_over
    WHERE mail.id = left_over.id";
