//! The ledger as NOTIFY sees it: steps, notices, and the outbox of mails.

mod claimed;
mod recorded;
mod steps;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Map;
use sqlx::SqliteConnection;

use super::Ledger;
use super::packed::{bound, rows};
use super::store::{database, log, pack};
use crate::domain::ids::{FindingId, MailId, PersonId, ScanId};
use crate::domain::time::Timestamp;
use crate::ports::notify::{ClaimedMail, MailEnd, MailMode, NotifyLedger, StepDue, StepTaken};
use crate::ports::{Event, LedgerError};

impl Ledger {
    /// Lets mail leave from now on (`keysweep mail release`). Releasing twice is releasing once.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn release_mail(&self, now: Timestamp) -> Result<(), LedgerError> {
        const DOING: &str = "release mail";
        let mut tx = self.write(DOING).await?;
        let changed = sqlx::query(
            "INSERT INTO meta (key, value) VALUES ('mail_mode', 'released')
             ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value <> excluded.value",
        )
        .execute(&mut *tx)
        .await
        .map_err(database(DOING))?;
        if changed.rows_affected() > 0 {
            let event =
                Event { at: now, kind: "mail.released", subject: "meta:mail_mode".to_owned(), data: Map::new() };
            log(&mut tx, &[event]).await?;
        }
        tx.commit().await.map_err(database(DOING))
    }
}

impl NotifyLedger for Ledger {
    async fn mail_mode(&self) -> Result<MailMode, LedgerError> {
        let mode: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'mail_mode'")
            .fetch_optional(self.pool())
            .await
            .map_err(database("read whether mail may leave"))?;
        Ok(match mode.as_deref() {
            Some("released") => MailMode::Released,
            _ => MailMode::Preview, // nothing is mailed by accident
        })
    }

    async fn recover_mails(&self, now: Timestamp) -> Result<(u64, u64), LedgerError> {
        const DOING: &str = "recover what a dead sender left";
        let mut tx = self.write(DOING).await?;
        let mut counts = [0; 2];
        for (count, statement) in counts.iter_mut().zip([UNCLAIM, UNSURE]) {
            let done = sqlx::query(statement).bind(now.as_millis()).execute(&mut *tx).await.map_err(database(DOING))?;
            *count = done.rows_affected();
        }
        tx.commit().await.map_err(database(DOING))?;
        Ok(counts.into())
    }

    async fn steps_due(&self, now: Timestamp, after: FindingId, limit: usize) -> Result<Vec<StepDue>, LedgerError> {
        let mut tx = self.moment("read whose next step is due").await?;
        steps::due(&mut tx, now, after, limit).await
    }

    async fn commit_steps(&self, now: Timestamp, steps: &[StepTaken], events: &[Event]) -> Result<(), LedgerError> {
        const DOING: &str = "write steps";
        if steps.is_empty() && events.is_empty() {
            return Ok(());
        }
        let mut tx = self.write(DOING).await?;
        steps::write(&mut tx, now, steps).await?;
        log(&mut tx, events).await?;
        tx.commit().await.map_err(database(DOING))
    }

    async fn readers_waiting(&self, limit: usize) -> Result<Vec<PersonId>, LedgerError> {
        const DOING: &str = "read who has notices waiting";
        let mut tx = self.moment(DOING).await?;
        rows(&mut tx, "notice", DOING, sqlx::query_scalar(READERS).bind(bound(limit))).await
    }

    async fn form_mails(
        &self,
        now: Timestamp,
        run: ScanId,
        people: &[PersonId],
        domain: &str,
    ) -> Result<(), LedgerError> {
        const DOING: &str = "form mails";
        if people.is_empty() {
            return Ok(());
        }
        let mut tx = self.write(DOING).await?;
        form(&mut tx, now, run, people, domain).await?;
        tx.commit().await.map_err(database(DOING))
    }

    async fn claim_mails(
        &self,
        due_by: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedMail>, LedgerError> {
        const DOING: &str = "claim mails";
        let mut tx = self.write(DOING).await?;
        let page = sqlx::query_scalar(DUE_MAILS).bind(due_by.as_millis()).bind(bound(limit));
        let ids: Vec<MailId> = rows(&mut tx, "mail", DOING, page).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query(CLAIM)
            .bind(pack(&ids, DOING)?)
            .bind(until.as_millis())
            .execute(&mut *tx)
            .await
            .map_err(database(DOING))?;
        // Read before the commit: a mail that can't be read is not claimed either.
        let mails = claimed::read(&mut tx, &ids).await?;
        tx.commit().await.map_err(database(DOING))?;
        Ok(mails)
    }

    async fn reload_mails(&self, ids: &[MailId]) -> Result<Vec<ClaimedMail>, LedgerError> {
        let mut tx = self.moment("read claimed mails again").await?;
        claimed::read(&mut tx, ids).await
    }

    async fn begin_sending(&self, mail: MailId, _: Timestamp) -> Result<(), LedgerError> {
        const DOING: &str = "begin to send a mail";
        let mut tx = self.write(DOING).await?;
        let done = sqlx::query(
            "UPDATE mail SET state = 'sending', attempts = attempts + 1 WHERE id = ?1 AND state = 'claimed'",
        )
        .bind(mail.0)
        .execute(&mut *tx)
        .await
        .map_err(database(DOING))?;
        if done.rows_affected() == 0 {
            return Err(LedgerError::Inconsistent {
                table: "mail",
                row: mail.to_string(),
                what: "it is to be sent but is not claimed".to_owned(),
            });
        }
        tx.commit().await.map_err(database(DOING))
    }

    async fn record_mails(
        &self,
        now: Timestamp,
        ends: &[(MailId, MailEnd)],
        events: &[Event],
    ) -> Result<(), LedgerError> {
        const DOING: &str = "record what became of mails";
        if ends.is_empty() && events.is_empty() {
            return Ok(());
        }
        let mut tx = self.write(DOING).await?;
        let told = recorded::write(&mut tx, now, ends).await?;
        log(&mut tx, &told).await?;
        log(&mut tx, events).await?;
        tx.commit().await.map_err(database(DOING))
    }
}

/// One mail for each of those people who have notices waiting.
async fn form(
    tx: &mut SqliteConnection,
    now: Timestamp,
    run: ScanId,
    people: &[PersonId],
    domain: &str,
) -> Result<(), LedgerError> {
    const DOING: &str = "form mails";
    #[derive(Serialize)]
    struct Formed {
        id: i64,
        person: PersonId,
        message_id: String,
    }
    let ledger: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'ledger_id'")
        .fetch_optional(&mut *tx)
        .await
        .map_err(database(DOING))?;
    let ledger = ledger.ok_or_else(|| LedgerError::Inconsistent {
        table: "meta",
        row: "ledger_id".to_owned(),
        what: "the ledger has no name of its own: no Message-ID can be made".to_owned(),
    })?;
    let last: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM mail")
        .fetch_one(&mut *tx)
        .await
        .map_err(database(DOING))?;
    let page = sqlx::query_scalar(HAVE_NOTICES).bind(pack(people, DOING)?);
    let readers: Vec<PersonId> = rows(tx, "notice", DOING, page).await?;
    let formed: Vec<Formed> = (last + 1..)
        .zip(readers)
        .map(|(id, person)| Formed { id, person, message_id: format!("<keysweep.{id}.{ledger}@{domain}>") })
        .collect();
    let formed = pack(&formed, DOING)?;
    sqlx::query(FORM)
        .bind(&formed)
        .bind(run.0)
        .bind(now.as_millis())
        .execute(&mut *tx)
        .await
        .map_err(database(DOING))?;
    sqlx::query(TAKE_UP).bind(&formed).execute(tx).await.map_err(database(DOING))?;
    Ok(())
}

const UNCLAIM: &str =
    "UPDATE mail SET state = 'planned', claimed_until = NULL, next_try_at = ?1 WHERE state = 'claimed'";

const UNSURE: &str = "
    UPDATE mail SET state = 'maybe_sent', maybe_sent = 1, claimed_until = NULL, next_try_at = ?1
    WHERE state = 'sending'";

const READERS: &str = "
    SELECT json_group_array(person_id)
    FROM (SELECT n.person_id FROM notice AS n JOIN finding AS f ON f.id = n.finding_id
          WHERE n.mail_id IS NULL AND n.state = 'planned'
          GROUP BY n.person_id
          ORDER BY max(CASE f.severity WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END) DESC,
                   min(f.since), n.person_id
          LIMIT ?1)";

const HAVE_NOTICES: &str = "
    SELECT json_group_array(value)
    FROM (SELECT min(key) AS place, value FROM json_each(?1)
          WHERE EXISTS (SELECT 1 FROM notice AS n
                        WHERE n.person_id = value AND n.mail_id IS NULL AND n.state = 'planned')
          GROUP BY value ORDER BY place)";

const FORM: &str = "
    INSERT INTO mail (id, run_id, person_id, message_id, state, formed_at, next_try_at)
    SELECT value ->> 'id', ?2, value ->> 'person', value ->> 'message_id', 'planned', ?3, ?3 FROM json_each(?1)";

/// Reader by reader (all the notices that wait would be walked once for each chunk otherwise); a reader's newest mail is
/// the one just formed.
const TAKE_UP: &str = "
    UPDATE notice SET mail_id = (SELECT max(m.id) FROM mail AS m WHERE m.person_id = notice.person_id)
    WHERE id IN (SELECT n.id
                 FROM json_each(?1) AS new CROSS JOIN notice AS n
                 WHERE n.person_id = new.value ->> 'person' AND n.mail_id IS NULL AND n.state = 'planned')";

/// In the order of the index on `next_try_at`; `+` keeps the one on the state out of it.
const DUE_MAILS: &str = "
    SELECT json_group_array(id)
    FROM (SELECT id FROM mail
          WHERE next_try_at <= ?1 AND +state IN ('planned', 'failed', 'maybe_sent')
          ORDER BY next_try_at, id LIMIT ?2)";

const CLAIM: &str = "
    UPDATE mail SET state = 'claimed', claimed_until = ?2, next_try_at = NULL
    WHERE id IN (SELECT value FROM json_each(?1))";
