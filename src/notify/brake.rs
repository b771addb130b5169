//! The look at how much is new, before anything of it is told.

use super::{NotifyError, NotifyTools};
use crate::domain::brake::{Braked, Openings};
use crate::domain::time::Timestamp;
use crate::ports::notify::{MailMode, NotifyLedger, Recheck};
use crate::ports::{Clock, LedgerError};

/// Why everything waits for the operator's word since an earlier look, where it does.
pub(super) async fn pulled<L: NotifyLedger, M, R, K, C, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
) -> Result<Option<Braked>, LedgerError> {
    match tools.policy.tell.brake {
        Some(_) => tools.ledger.braked().await,
        None => Ok(None),
    }
}

/// What a look came to.
pub(super) enum Look {
    /// everything waits for the operator's word
    Braked(Braked),
    /// what was opened by then may be told; `None` where nobody looks
    Free(Option<Timestamp>),
}

/// Whether everything waits for the operator's word. What is new is what was opened since the last look and never told,
/// so that a process that dies in between loses nothing and accepts nothing.
///
/// The first look takes what it finds for known. One after the operator's release, and those of a ramp, which limits by
/// itself what leaves, let it through and count it as usual.
pub(super) async fn look<L: NotifyLedger, M, R, K: Recheck, C: Clock, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    mode: MailMode,
) -> Result<Look, NotifyError<K::Error>> {
    let Some(policy) = tools.policy.tell.brake else { return Ok(Look::Free(None)) };
    let now = tools.clock.now();
    let Some(openings) = tools.ledger.openings().await? else {
        tools.ledger.brake_off(now, &Openings::begun(now)).await?;
        return Ok(Look::Free(Some(now)));
    };
    let new = tools.ledger.new_findings(now, openings.new_since(now)).await?;
    let is_free = openings.is_released() || mode != MailMode::Released;
    let on = tools.ledger.braked().await?;
    let Some(braked) = openings.brakes(new, policy, now, on).filter(|_| !is_free) else {
        tools.ledger.brake_off(now, &openings.looked(new, now)).await?;
        return Ok(Look::Free(Some(now)));
    };
    if tools.ledger.brake_on(now, &braked).await? {
        tracing::error!(
            findings.new = braked.new,
            findings.allowed = braked.allowed,
            "far more findings are new than usual, so nobody is told of anything; look at `keysweep mail preview`, \
             and say `keysweep mail release` where it is right"
        );
    }
    Ok(Look::Braked(braked))
}
