//! Whether mail leaves: how a new ledger begins, the operator's release, the ramp, the baseline and the brake.

use serde_json::{Map, Value};

use crate::domain::action::OperatorName;
use crate::domain::brake::{Braked, Openings};
use crate::domain::time::Timestamp;
use crate::ledger::packed::pack;
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ledger::{Ledger, meta};
use crate::ports::notify::MailMode;
use crate::ports::{Event, LedgerError};

const OPENINGS: &str = "mail_openings";
const BRAKE: &str = "mail_brake";
const MODE: &str = "mail_mode";
const WHOLE_SCAN: &str = "whole_scan";
/// Findings that one transaction records.
const PAGE: i64 = 5_000;

impl Ledger {
    /// How a new ledger begins to mail. One that has a name was begun before, and stays as it is.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn begin_mail(&self, mode: MailMode) -> Result<(), LedgerError> {
        if self.get("ledger_id").await?.is_some() {
            return Ok(());
        }
        let mut tx = self.write("begin to mail").await?;
        tx.run(&meta::SET_ONCE, [MODE.into(), word(mode).into()]).await?;
        tx.commit().await
    }

    /// Lets mail leave from now on (`keysweep mail release`), and takes the brake off: the next look lets through what is
    /// there by then. Releasing twice is releasing once.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn release_mail(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.release_mail_as(now, MailMode::Released).await
    }

    /// The same, a few people at a time, or with what is there recorded and not told. A baseline is recorded at once where
    /// a whole scan has been made, else at the end of the first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn release_mail_as(&self, now: Timestamp, mode: MailMode) -> Result<(), LedgerError> {
        self.release_mail_by(now, mode, None).await
    }

    /// The same, noting which operator says so.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn release_mail_by(
        &self,
        now: Timestamp,
        mode: MailMode,
        by: Option<&OperatorName>,
    ) -> Result<(), LedgerError> {
        let who = || Map::from_iter(by.map(|by| ("who".to_owned(), by.as_str().into())));
        let mut tx = self.write("release mail").await?;
        let mut events = Vec::new();
        if tx.run(&SET_MODE, [word(mode).into()]).await? > 0 {
            let kind = match mode {
                MailMode::Released => "mail.released",
                MailMode::Ramp { .. } => "mail.ramp",
                MailMode::Baseline => "mail.baseline",
                MailMode::Preview => "mail.preview",
            };
            events.push(event(now, kind, who()));
        }
        if tx.run(&FORGET, [BRAKE.into()]).await? > 0 {
            events.push(event(now, "mail.brake_off", who()));
        }
        if let Some(openings) = openings(&mut tx).await? {
            tx.run(&meta::SET, [OPENINGS.into(), pack(&openings.released())?.into()]).await?;
        }
        tx.log(&events).await?;
        tx.commit().await?;
        if mode == MailMode::Baseline && self.get(WHOLE_SCAN).await?.is_some() {
            self.record_baseline(now).await?;
        }
        Ok(())
    }

    /// Notes that a scan has read everything, and that everything was asked. The first one is what a baseline waits for.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn note_whole_scan(&self, now: Timestamp) -> Result<(), LedgerError> {
        if self.get(WHOLE_SCAN).await?.is_none() {
            let mut tx = self.write("note a whole scan").await?;
            tx.run(&meta::SET_ONCE, [WHOLE_SCAN.into(), now.as_millis().to_string().into()]).await?;
            tx.commit().await?;
        }
        if self.read_mode().await? == MailMode::Baseline {
            self.record_baseline(now).await?;
        }
        Ok(())
    }

    /// Marks what is open as known, page by page, and then lets mail leave. Killed in between, it goes on.
    async fn record_baseline(&self, now: Timestamp) -> Result<(), LedgerError> {
        let mut recorded = 0;
        loop {
            let mut tx = self.write("record the baseline").await?;
            let page = tx.run(&RECORD, [PAGE.into()]).await?;
            if page == 0 {
                tx.run(&UNPLAN, []).await?;
                tx.run(&SET_MODE, [word(MailMode::Released).into()]).await?;
                let counted = Map::from_iter([("findings".to_owned(), Value::from(recorded))]);
                tx.log(&[event(now, "mail.released", counted)]).await?;
                return tx.commit().await;
            }
            recorded += page;
            tx.commit().await?;
        }
    }

    pub(super) async fn read_braked(&self) -> Result<Option<Braked>, LedgerError> {
        braked(&mut self.moment("read whether the brake is on").await?).await
    }

    pub(super) async fn read_mode(&self) -> Result<MailMode, LedgerError> {
        Ok(self.get(MODE).await?.as_deref().map_or(MailMode::Preview, mode))
    }

    pub(super) async fn read_openings(&self) -> Result<Option<Openings>, LedgerError> {
        openings(&mut self.moment("read what is usual").await?).await
    }

    pub(super) async fn set_brake_off(&self, now: Timestamp, openings: &Openings) -> Result<(), LedgerError> {
        let mut tx = self.write("note what is usual").await?;
        tx.run(&meta::SET, [OPENINGS.into(), pack(openings)?.into()]).await?;
        if tx.run(&FORGET, [BRAKE.into()]).await? > 0 {
            tx.log(&[event(now, "mail.brake_off", Map::new())]).await?;
        }
        tx.commit().await
    }

    pub(super) async fn set_brake_on(&self, now: Timestamp, now_braked: &Braked) -> Result<bool, LedgerError> {
        let mut tx = self.write("pull the brake").await?;
        let before = braked(&mut tx).await?;
        let since = before.map_or(now_braked.since, |before| before.since);
        tx.run(&meta::SET, [BRAKE.into(), pack(&Braked { since, ..*now_braked })?.into()]).await?;
        if before.is_none() {
            let data = Map::from_iter([
                ("new".to_owned(), now_braked.new.into()),
                ("allowed".to_owned(), now_braked.allowed.into()),
            ]);
            tx.log(&[event(now, "mail.brake_on", data)]).await?;
        }
        tx.commit().await?;
        Ok(before.is_none())
    }

    pub(super) async fn set_ramp_ended(&self, now: Timestamp) -> Result<bool, LedgerError> {
        let mut tx = self.write("end the ramp").await?;
        let ended = tx.run(&END_RAMP, []).await? > 0;
        if ended {
            tx.log(&[event(now, "mail.released", Map::new())]).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}

/// Why nobody is told for now.
pub(in crate::ledger) async fn braked(moment: &mut Session) -> Result<Option<Braked>, LedgerError> {
    let text = moment.text(&meta::GET, [BRAKE.into()]).await?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| unreadable(BRAKE, &error))).transpose()
}

async fn openings(moment: &mut Session) -> Result<Option<Openings>, LedgerError> {
    let text = moment.text(&meta::GET, [OPENINGS.into()]).await?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| unreadable(OPENINGS, &error))).transpose()
}

fn unreadable(key: &str, error: &serde_json::Error) -> LedgerError {
    LedgerError::Inconsistent { table: "meta", row: key.to_owned(), what: error.to_string() }
}

fn event(now: Timestamp, kind: &'static str, data: Map<String, Value>) -> Event {
    Event { at: now, kind, subject: format!("meta:{MODE}"), data }
}

fn word(mode: MailMode) -> String {
    match mode {
        MailMode::Preview => "preview".to_owned(),
        MailMode::Ramp { people } => format!("ramp:{people}"),
        MailMode::Baseline => "baseline".to_owned(),
        MailMode::Released => "released".to_owned(),
    }
}

/// Nothing is mailed by accident: what is not known is a preview.
fn mode(word: &str) -> MailMode {
    match (word, word.strip_prefix("ramp:").map(str::parse)) {
        ("released", _) => MailMode::Released,
        ("baseline", _) => MailMode::Baseline,
        (_, Some(Ok(people))) => MailMode::Ramp { people },
        _ => MailMode::Preview,
    }
}

pub(in crate::ledger) const SET_MODE: Sql = sql!(
    "INSERT INTO meta (key, value) VALUES ('mail_mode', $1)
     ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value <> excluded.value"
);

pub(in crate::ledger) const FORGET: Sql = sql!("DELETE FROM meta WHERE key = $1");

pub(in crate::ledger) const END_RAMP: Sql = sql!(
    "UPDATE meta SET value = 'released'
     WHERE key = 'mail_mode' AND value LIKE 'ramp:%'
       AND EXISTS (SELECT 1 FROM meta AS scanned WHERE scanned.key = 'whole_scan')"
);

pub(in crate::ledger) const RECORD: Sql = sql!(
    "UPDATE finding SET baseline = 1, next_step_at = NULL
     WHERE id IN (SELECT id FROM finding WHERE next_step_at IS NOT NULL LIMIT $1)"
);

/// What an earlier release had planned and no mail has taken up.
pub(in crate::ledger) const UNPLAN: Sql =
    sql!("UPDATE notice SET state = 'cancelled' WHERE mail_id IS NULL AND state = 'planned'");

/// By the index on steps: findings that nobody can be told of stay due, and are old.
pub(in crate::ledger) const NEW: Sql = sql!(
    "SELECT count(*) FROM finding
     WHERE next_step_at <= $1 AND opened_at > $2 AND last_step IS NULL AND mailed = 1 AND " ["+state" | "state"] " = 'open'"
);
