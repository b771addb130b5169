//! The look at how much is new, before anything of it is told.

use super::{NotifyError, NotifyTools};
use crate::domain::brake::{Braked, Openings};
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

/// Whether everything waits for the operator's word. What is new is what was opened since the last look and never told,
/// so that a process that dies in between loses nothing and accepts nothing.
///
/// The first look, and those of a ramp, which limits by itself what leaves, take what they find for known.
pub(super) async fn look<L: NotifyLedger, M, R, K: Recheck, C: Clock, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    mode: MailMode,
) -> Result<Option<Braked>, NotifyError<K::Error>> {
    let Some(policy) = tools.policy.tell.brake else { return Ok(None) };
    let now = tools.clock.now();
    let openings = match tools.ledger.openings().await? {
        Some(openings) if mode == MailMode::Released => openings,
        known => {
            let known = known.map_or_else(|| Openings::begun(now), |openings| openings.accepted(now));
            tools.ledger.brake_off(now, &known).await?;
            return Ok(None);
        }
    };
    let new = tools.ledger.new_findings(now, openings.looked_at()).await?;
    match openings.brakes(new, policy, now) {
        None => tools.ledger.brake_off(now, &openings.looked(new, now)).await?,
        Some(braked) => {
            if tools.ledger.brake_on(now, &braked).await? {
                tracing::error!(
                    findings.new = braked.new,
                    findings.allowed = braked.allowed,
                    "far more findings are new than usual, so nobody is told of anything; look at `keysweep mail preview`, \
                     and say `keysweep mail release` where it is right"
                );
            }
            return Ok(Some(braked));
        }
    }
    Ok(None)
}
