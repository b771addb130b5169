//! The mails in numbers.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::brake::Braked;
use crate::domain::time::Timestamp;
use crate::ledger::notify::mode;
use crate::ledger::read::outbox::MailState;
use crate::ledger::read::when;
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;
use crate::ports::notify::WaitReason;

/// The outbox in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutboxOverview {
    /// mails by state
    pub mails: BTreeMap<MailState, u64>,
    /// addresses that are left alone because their server refused them for good
    pub suppressed: u64,
    /// when the oldest mail that still has to go out was formed
    #[serde(serialize_with = "when::maybe")]
    pub oldest_waiting: Option<Timestamp>,
    /// when the oldest of those was formed that were tried before, and not taken
    #[serde(serialize_with = "when::maybe")]
    pub oldest_tried: Option<Timestamp>,
    /// people whose digest is put off, by the reason
    pub put_off: BTreeMap<WaitReason, u64>,
    /// why nobody is told of anything; `None` where the brake is off
    #[serde(serialize_with = "when::braked")]
    pub braked: Option<Braked>,
}

impl Default for OutboxOverview {
    fn default() -> Self {
        Self {
            mails: MailState::ALL.map(|state| (state, 0)).into(),
            suppressed: 0,
            oldest_waiting: None,
            oldest_tried: None,
            put_off: WaitReason::ALL.map(|why| (why, 0)).into(),
            braked: None,
        }
    }
}

pub(super) async fn read(moment: &mut Session, now: Timestamp) -> Result<OutboxOverview, LedgerError> {
    let mut outbox = OutboxOverview::default();
    outbox.mails.extend(moment.rows::<(MailState, u64)>("mail", &MAILS, []).await?);
    let oldest: Vec<(Option<Timestamp>, Option<Timestamp>)> = moment.rows("mail", &OLDEST_WAITING, []).await?;
    (outbox.oldest_waiting, outbox.oldest_tried) = oldest.into_iter().next().unwrap_or_default();
    outbox.suppressed = u64::try_from(moment.number(&SUPPRESSED, [now.into()]).await?).unwrap_or(0);
    outbox.put_off.extend(moment.rows::<(WaitReason, u64)>("put_off", &PUT_OFF, []).await?);
    outbox.braked = mode::braked(moment).await?;
    Ok(outbox)
}

pub(in crate::ledger) const MAILS: Sql = sql!(
    "SELECT " [page "state, total"] " FROM (SELECT state, count(*) AS total FROM mail GROUP BY state) AS counted"
);

pub(in crate::ledger) const PUT_OFF: Sql = sql!(
    "SELECT " [page "why, total"] "
     FROM (SELECT w.why, count(*) AS total
           FROM put_off AS w CROSS JOIN person AS p
           WHERE p.id = w.person_id AND p.status = 'active'
           GROUP BY w.why) AS counted"
);

/// [`MailState::is_waiting`], as the index on states finds it.
pub(in crate::ledger) const OLDEST_WAITING: Sql = sql!(
    "SELECT " [page "oldest, tried"] "
     FROM (SELECT min(formed_at) AS oldest, min(CASE WHEN attempts > 0 THEN formed_at END) AS tried FROM mail
           WHERE state IN ('planned', 'claimed', 'sending', 'maybe_sent', 'failed')) AS found"
);

pub(in crate::ledger) const SUPPRESSED: Sql = sql!(
    "SELECT count(*) FROM suppressed AS s
     WHERE s.until > $1 AND EXISTS (SELECT 1 FROM person AS p WHERE p.email = s.email AND p.status <> 'removed')"
);
