//! Notices that are not to be said any more to whom they were for, and the steps that are due again for it.

use crate::domain::ids::NoticeId;
use crate::domain::time::Timestamp;
use crate::ledger::packed::pack;
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// Cancels planned notices. The present steps of their findings are due once more, for whoever may be told then.
pub(super) async fn take_back(tx: &mut Session, now: Timestamp, notices: &[NoticeId]) -> Result<(), LedgerError> {
    if notices.is_empty() {
        return Ok(());
    }
    let packed = pack(notices)?;
    tx.run(&STEP_AGAIN, [(&packed).into(), now.into()]).await?;
    tx.run(&CANCELLED, [packed.into()]).await?;
    Ok(())
}

/// Notices that are in no mail yet, whose readers may not know of their findings any more.
pub(in crate::ledger) const LOST: Sql = sql!(
    "SELECT " [numbers "n.id"] "
     FROM notice AS n " ["INDEXED BY notice_waiting" | ""] "
     JOIN finding AS f ON f.id = n.finding_id
     JOIN connection AS c ON c.id = f.connection_id
     JOIN person AS p ON p.id = n.person_id
     WHERE n.mail_id IS NULL AND n.state = 'planned' AND NOT " [fill entitled]
);

/// What mail $1 was to say beside $2. Where it may have arrived before, it may have been said.
pub(in crate::ledger) const LEFT_OUT: Sql = sql!(
    "SELECT " [numbers "n.id"] "
     FROM mail AS m JOIN notice AS n ON n.mail_id = m.id
     WHERE m.id = $1 AND m.maybe_sent = 0 AND n.state = 'planned' AND n.id NOT IN " [within "$2" bigint]
);

/// Has the present steps of findings be due once more that planned notices `n` were to tell. Who was told already is not told
/// again, since a notice is unique per step and person.
macro_rules! step_again {
    ($($from:tt)*) => {
        sql!(
            "UPDATE finding SET next_step_at = $2, last_step = CASE WHEN lost.step > 0 THEN lost.step - 1 END
             FROM (SELECT n.finding_id, n.opening, max(n.step) AS step
                   FROM " $($from)* "
                   WHERE n.state = 'planned' AND n.closing = 0
                   GROUP BY n.finding_id, n.opening) AS lost
             WHERE finding.id = lost.finding_id AND finding.opening = lost.opening AND finding.last_step = lost.step
               AND finding.state = 'open' AND finding.mailed = 1 AND finding.baseline = 0"
        )
    };
}
pub(super) use step_again;

pub(in crate::ledger) const STEP_AGAIN: Sql =
    step_again!([each "$1" unsaid bigint] " JOIN notice AS n ON n.id = unsaid.value");

pub(in crate::ledger) const CANCELLED: Sql =
    sql!("UPDATE notice SET state = 'cancelled' WHERE id IN " [within "$1" bigint] " AND state = 'planned'");
