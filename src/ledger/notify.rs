//! The ledger as NOTIFY sees it: steps, notices, and the outbox of mails.

/// Whether a person `p` may know of a finding `f` on a connection `c`: an owner of its account, the member of it who made the
/// connection, or the security contact. It may change while a mail waits.
macro_rules! entitled {
    ($dialect:ident) => {
        "(p.id = 0 OR (p.account_id = f.account_id AND (p.role = 'owner' OR coalesce(p.member_id = c.created_by, false))))"
    };
}

pub(super) mod claimed;
pub(super) mod contact;
pub(super) mod mode;
pub(super) mod recorded;
pub(super) mod returned;
pub(super) mod steps;
pub(super) mod suppressed;
pub(super) mod unsaid;
pub(super) mod waiting;

#[cfg(test)]
mod tests;

use super::Ledger;
use super::packed::{pack, size};
use super::sql::Sql;
use crate::domain::brake::{Braked, Openings};
use crate::domain::ids::{FindingId, MailId, NoticeId, PersonId};
use crate::domain::time::Timestamp;
use crate::ports::notify::{
    Begun, ClaimedMail, Formed, MailEnd, MailMode, NotifyLedger, StepDue, StepTaken, WaitingReader, Whom,
};
use crate::ports::{Event, LedgerError};

impl NotifyLedger for Ledger {
    async fn mail_mode(&self) -> Result<MailMode, LedgerError> {
        self.read_mode().await
    }

    async fn recover_mails(&self, now: Timestamp) -> Result<(u64, u64), LedgerError> {
        let mut tx = self.write("recover what a dead sender left").await?;
        let unclaimed = tx.run(&UNCLAIM, [now.into()]).await?;
        let unsure = tx.run(&UNSURE, [now.into()]).await?;
        tx.commit().await?;
        Ok((unclaimed, unsure))
    }

    async fn take_back_lost(&self, now: Timestamp) -> Result<u64, LedgerError> {
        let lost: Vec<NoticeId> =
            self.look("see who lost their notices").await?.rows("notice", &unsaid::LOST, []).await?;
        if !lost.is_empty() {
            let mut tx = self.write("take back what waits for others").await?;
            unsaid::take_back(&mut tx, now, &lost).await?;
            tx.commit().await?;
        }
        Ok(lost.len() as u64)
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

    async fn security_contact(&self, now: Timestamp) -> Result<Option<PersonId>, LedgerError> {
        self.reachable_contact(now).await
    }

    async fn new_findings(&self, now: Timestamp, since: Timestamp) -> Result<u64, LedgerError> {
        let mut line = self.look("count what is new").await?;
        Ok(line.number(&mode::NEW, [now.into(), since.into()]).await?.unsigned_abs())
    }

    async fn openings(&self) -> Result<Option<Openings>, LedgerError> {
        self.read_openings().await
    }

    async fn braked(&self) -> Result<Option<Braked>, LedgerError> {
        self.read_braked().await
    }

    async fn brake_off(&self, now: Timestamp, openings: &Openings) -> Result<(), LedgerError> {
        self.set_brake_off(now, openings).await
    }

    async fn brake_on(&self, now: Timestamp, braked: &Braked) -> Result<bool, LedgerError> {
        self.set_brake_on(now, braked).await
    }

    async fn end_waits(&self, until: Option<Timestamp>) -> Result<(), LedgerError> {
        let mut tx = self.write("end waits for mail").await?;
        match until {
            None => tx.run(&waiting::ALL_WAITS_END, []).await?,
            Some(until) => tx.run(&waiting::WAITS_END, [until.into()]).await?,
        };
        tx.commit().await
    }

    async fn people_waiting(&self, now: Timestamp, whom: Whom) -> Result<Vec<PersonId>, LedgerError> {
        let mut line = self.look("read who has notices waiting").await?;
        match whom {
            Whom::Everybody(_) => line.rows("notice", &waiting::EVERYBODY, []).await,
            Whom::PutOff => line.rows("notice", &waiting::WHOSE_TIME_HAS_COME, [now.into()]).await,
        }
    }

    async fn readers_waiting(
        &self,
        now: Timestamp,
        whom: Whom,
        people: &[PersonId],
    ) -> Result<Vec<WaitingReader>, LedgerError> {
        let run = match whom {
            Whom::Everybody(run) => Some(run),
            Whom::PutOff => None,
        };
        waiting::read(&mut self.moment("read what waits for people").await?, now, run, people).await
    }

    async fn form_mails(&self, now: Timestamp, formed: &Formed, domain: &str) -> Result<(), LedgerError> {
        if formed.digests.is_empty() && formed.waits.is_empty() {
            return Ok(());
        }
        let mut tx = self.write("form mails").await?;
        waiting::form(&mut tx, now, formed, domain).await?;
        tx.commit().await
    }

    async fn end_ramp(&self, now: Timestamp) -> Result<bool, LedgerError> {
        self.set_ramp_ended(now).await
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

    async fn begin_sending(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Begun, LedgerError> {
        let mut tx = self.write("begin to send a mail").await?;
        let begun = claimed::begin(&mut tx, mail, now).await?;
        if begun == Begun::Sending {
            tx.commit().await?;
        }
        Ok(begun)
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

pub(super) const UNCLAIM: Sql =
    sql!("UPDATE mail SET state = 'planned', claimed_until = NULL, next_try_at = $1 WHERE state = 'claimed'");

pub(super) const UNSURE: Sql = sql!(
    "UPDATE mail SET state = 'maybe_sent', maybe_sent = 1, claimed_until = NULL, next_try_at = $1
     WHERE state = 'sending'"
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
