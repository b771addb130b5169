//! The ledger as NOTIFY sees it: steps, notices, and the outbox of mails.

pub(super) mod claimed;
pub(super) mod recorded;
pub(super) mod steps;
pub(super) mod suppressed;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Map;

use super::packed::{pack, size};
use super::session::Session;
use super::sql::Sql;
use super::{Ledger, meta};
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
        let mut tx = self.write("release mail").await?;
        if tx.run(&RELEASE_MAIL, []).await? > 0 {
            let event =
                Event { at: now, kind: "mail.released", subject: "meta:mail_mode".to_owned(), data: Map::new() };
            tx.log(&[event]).await?;
        }
        tx.commit().await
    }
}

impl NotifyLedger for Ledger {
    async fn mail_mode(&self) -> Result<MailMode, LedgerError> {
        Ok(match self.get("mail_mode").await?.as_deref() {
            Some("released") => MailMode::Released,
            _ => MailMode::Preview, // nothing is mailed by accident
        })
    }

    async fn recover_mails(&self, now: Timestamp) -> Result<(u64, u64), LedgerError> {
        let mut tx = self.write("recover what a dead sender left").await?;
        let unclaimed = tx.run(&UNCLAIM, [now.into()]).await?;
        let unsure = tx.run(&UNSURE, [now.into()]).await?;
        tx.commit().await?;
        Ok((unclaimed, unsure))
    }

    async fn steps_due(&self, now: Timestamp, after: FindingId, limit: usize) -> Result<Vec<StepDue>, LedgerError> {
        let mut moment = self.moment("read whose next step is due").await?;
        steps::due(&mut moment, now, after, limit).await
    }

    async fn commit_steps(&self, now: Timestamp, steps: &[StepTaken], events: &[Event]) -> Result<(), LedgerError> {
        if steps.is_empty() && events.is_empty() {
            return Ok(());
        }
        let mut tx = self.write("write steps").await?;
        steps::write(&mut tx, now, steps).await?;
        tx.log(events).await?;
        tx.commit().await
    }

    async fn readers_waiting(&self, limit: usize) -> Result<Vec<PersonId>, LedgerError> {
        self.look("read who has notices waiting").await?.rows("notice", &READERS, [size(limit).into()]).await
    }

    async fn form_mails(
        &self,
        now: Timestamp,
        run: ScanId,
        people: &[PersonId],
        domain: &str,
    ) -> Result<(), LedgerError> {
        if people.is_empty() {
            return Ok(());
        }
        let mut tx = self.write("form mails").await?;
        form(&mut tx, now, run, people, domain).await?;
        tx.commit().await
    }

    async fn claim_mails(
        &self,
        due_by: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedMail>, LedgerError> {
        let mut tx = self.write("claim mails").await?;
        let ids: Vec<MailId> = tx.rows("mail", &DUE_MAILS, [due_by.into(), size(limit).into()]).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        tx.run(&CLAIM, [pack(&ids)?.into(), until.into()]).await?;
        // Read before the commit: a mail that can't be read is not claimed either.
        let mails = claimed::read(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok(mails)
    }

    async fn reload_mails(&self, ids: &[MailId]) -> Result<Vec<ClaimedMail>, LedgerError> {
        let mut moment = self.moment("read claimed mails again").await?;
        claimed::read(&mut moment, ids).await
    }

    async fn begin_sending(&self, mail: MailId, _: Timestamp) -> Result<(), LedgerError> {
        let mut tx = self.write("begin to send a mail").await?;
        if tx.run(&SENDING, [mail.0.into()]).await? == 0 {
            return Err(LedgerError::Inconsistent {
                table: "mail",
                row: mail.to_string(),
                what: "it is to be sent but is not claimed".to_owned(),
            });
        }
        tx.commit().await
    }

    async fn record_mails(
        &self,
        now: Timestamp,
        ends: &[(MailId, MailEnd)],
        events: &[Event],
    ) -> Result<(), LedgerError> {
        if ends.is_empty() && events.is_empty() {
            return Ok(());
        }
        let mut tx = self.write("record what became of mails").await?;
        let told = recorded::write(&mut tx, now, ends).await?;
        tx.log(&told).await?;
        tx.log(events).await?;
        tx.commit().await
    }
}

/// One mail for each of those people who have notices waiting.
async fn form(
    tx: &mut Session,
    now: Timestamp,
    run: ScanId,
    people: &[PersonId],
    domain: &str,
) -> Result<(), LedgerError> {
    #[derive(Serialize)]
    struct Formed {
        id: i64,
        person: PersonId,
        message_id: String,
    }
    let ledger = tx.text(&meta::GET, ["ledger_id".into()]).await?;
    let ledger = ledger.ok_or_else(|| LedgerError::Inconsistent {
        table: "meta",
        row: "ledger_id".to_owned(),
        what: "the ledger has no name of its own: no Message-ID can be made".to_owned(),
    })?;
    let last = tx.number(&LAST, []).await?;
    let readers: Vec<PersonId> = tx.rows("notice", &HAVE_NOTICES, [pack(people)?.into()]).await?;
    let formed: Vec<Formed> = (last + 1..)
        .zip(readers)
        .map(|(id, person)| Formed { id, person, message_id: format!("<keysweep.{id}.{ledger}@{domain}>") })
        .collect();
    let formed = pack(&formed)?;
    tx.run(&FORM, [(&formed).into(), run.0.into(), now.into()]).await?;
    tx.run(&TAKE_UP, [formed.into()]).await?;
    Ok(())
}

pub(super) const RELEASE_MAIL: Sql = sql!(
    "INSERT INTO meta (key, value) VALUES ('mail_mode', 'released')
     ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value <> excluded.value"
);

pub(super) const UNCLAIM: Sql =
    sql!("UPDATE mail SET state = 'planned', claimed_until = NULL, next_try_at = $1 WHERE state = 'claimed'");

pub(super) const UNSURE: Sql = sql!(
    "UPDATE mail SET state = 'maybe_sent', maybe_sent = 1, claimed_until = NULL, next_try_at = $1
     WHERE state = 'sending'"
);

pub(super) const READERS: Sql = sql!(
    "SELECT " [numbers "person_id"] "
     FROM (SELECT n.person_id FROM notice AS n JOIN finding AS f ON f.id = n.finding_id
           WHERE n.mail_id IS NULL AND n.state = 'planned'
           GROUP BY n.person_id
           ORDER BY max(CASE f.severity WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END) DESC,
                    min(f.since), n.person_id
           LIMIT $1) AS readers"
);

/// Each once, in the order given.
pub(super) const HAVE_NOTICES: Sql = sql!(
    "SELECT " [numbers "value"] "
     FROM (SELECT min(place) AS place, value
           FROM " ["(SELECT key AS place, value FROM json_each($1))"
                 | "(SELECT place, value::bigint AS value FROM json_array_elements_text($1::json) WITH ORDINALITY AS w (value, place))"]
           " AS wanted
           WHERE EXISTS (SELECT 1 FROM notice AS n
                         WHERE n.person_id = value AND n.mail_id IS NULL AND n.state = 'planned')
           GROUP BY value ORDER BY place) AS readers"
);

pub(super) const LAST: Sql = sql!("SELECT coalesce(max(id), 0) FROM mail");

pub(super) const FORM: Sql = sql!(
    "INSERT INTO mail (id, run_id, person_id, message_id, state, formed_at, next_try_at)
     SELECT v.id, $2, v.person, v.message_id, 'planned', $3, $3
     FROM " [records "$1" v (id bigint, person bigint, message_id text)]
);

/// Reader by reader (all the notices that wait would be walked once for each chunk otherwise); a reader's newest mail is
/// the one just formed.
pub(super) const TAKE_UP: Sql = sql!(
    "UPDATE notice SET mail_id = (SELECT max(m.id) FROM mail AS m WHERE m.person_id = notice.person_id)
     WHERE id IN (SELECT n.id
                  FROM " [records "$1" v (person bigint)] " CROSS JOIN notice AS n
                  WHERE n.person_id = v.person AND n.mail_id IS NULL AND n.state = 'planned')"
);

/// In the order of the index on `next_try_at`; SQLite's `+` keeps the one on the state out of it.
pub(super) const DUE_MAILS: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM mail
           WHERE next_try_at <= $1 AND " ["+state" | "state"] " IN ('planned', 'failed', 'maybe_sent')
           ORDER BY next_try_at, id LIMIT $2) AS due"
);

pub(super) const CLAIM: Sql = sql!(
    "UPDATE mail SET state = 'claimed', claimed_until = $2, next_try_at = NULL WHERE id IN " [within "$1" bigint]
);

pub(super) const SENDING: Sql =
    sql!("UPDATE mail SET state = 'sending', attempts = attempts + 1 WHERE id = $1 AND state = 'claimed'");
