//! What is said to people: steps taken, digests formed, checked once more, sent, recorded. Killed anywhere, it loses
//! nothing and repeats nothing, except a mail whose answer was not heard, and that under the same Message-ID.

mod announce;
mod brake;
mod deliver;
mod links;
mod pace;
mod plan;
mod preview;
mod retry;
mod waiting;

pub use announce::{AnnounceTools, Announced, announce};
pub use pace::MailPace;
pub use preview::{Planned, Preview, preview};
pub use retry::Backoff;

use std::collections::BTreeMap;
use std::time::Duration;

use self::brake::Look;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::brake::{BrakePolicy, Braked};
use crate::domain::finding::RuleName;
use crate::domain::ids::{ProviderName, ScanId};
use crate::domain::ladder::Ladders;
use crate::domain::outcome::Reason;
use crate::domain::quiet::Quiet;
use crate::domain::time::{Timestamp, hours};
use crate::ports::bounce::ReturnAddresses;
use crate::ports::links::Links;
use crate::ports::meter::{BounceOutcome, Meter};
use crate::ports::notify::{Mailer, NotifyLedger, Recheck, Renderer, WaitReason};
use crate::ports::span::stage;
use crate::ports::{Clock, LedgerError, Progress};

/// So long a notice waits for a blind provider: a day longer than one that only refuses is blind. What is told then says that
/// its answers can't be relied on.
const BLIND_AT_MOST: Duration = hours(72);

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct NotifyPolicy {
    /// a credential is asked again where its last answer is older than this
    pub recheck_after: Duration,
    /// sessions with the mail server side by side
    pub sessions: usize,
    /// how far ahead a claim looks at who may be told: longer than the whole send timeout. A claim itself ends with its process,
    /// since only one has the ledger.
    pub lease: Duration,
    /// the waits between tries
    pub retry: Backoff,
    /// how long an address that was refused for good is left alone
    pub suppress_for: Duration,
    /// the domain of Message-IDs
    pub domain: String,
    /// who is told, and when
    pub tell: TellPolicy,
}

/// Who is told, and when. By default: by the usual ladders, at any hour, as often as there is something to say.
#[derive(Clone, Debug, Default)]
pub struct TellPolicy {
    /// on which days after its opening a finding is told
    pub ladders: Ladders,
    /// when nobody is written to
    pub quiet: Quiet,
    /// mails that an address gets within 24 hours at most; `None` without a limit
    pub per_address_per_day: Option<u32>,
    /// when everything waits for the operator's word; `None` for never
    pub brake: Option<BrakePolicy>,
    /// at providers where a key has one secret at a time: for how long a former one may be let in after another took its
    /// place. Nobody is told of it meanwhile
    pub replaced: BTreeMap<ProviderName, Duration>,
}

impl TellPolicy {
    /// The first instant from `at` on at which a reader with these clocks may be written to. What is critical may come at
    /// any time, where the operator says so.
    fn opens_at(&self, at: Timestamp, timezone: Option<&str>, is_critical: bool) -> Timestamp {
        if is_critical && !self.quiet.critical_too { at } else { self.quiet.opens_at(at, timezone) }
    }
}

/// Everything that saying something needs.
pub struct NotifyTools<'a, L, M, R, K, C, G> {
    /// where findings, notices and mails stand
    pub ledger: &'a L,
    /// the mail server
    pub mailer: &'a M,
    /// turns contents into messages
    pub renderer: &'a R,
    /// asks the providers once more
    pub recheck: &'a K,
    /// tells the time
    pub clock: &'a C,
    /// is told how far it is
    pub progress: &'a G,
    /// makes the links of mails; `None` where there is no page for them to lead to
    pub links: Option<&'a dyn Links>,
    /// where mails come back to; `None` for the sender's own address
    pub returns: Option<&'a dyn ReturnAddresses>,
    /// counts what is done
    pub meter: &'a dyn Meter,
    /// how fast mails leave; it outlives a run
    pub pace: &'a MailPace,
    /// how mail is sent
    pub policy: &'a NotifyPolicy,
}

/// What one pass of saying brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notified {
    /// false where no mail may leave: nothing was planned
    pub released: bool,
    /// everything waits for the operator's word: far more is new than usual
    pub braked: Option<Braked>,
    /// true where everybody has been told once, and the ramp is over
    pub ramp_ended: bool,
    /// people whose digest is put off, by the reason
    pub put_off: BTreeMap<WaitReason, u64>,
    /// steps taken by findings
    pub steps: u64,
    /// findings with nobody to tell
    pub nobody: u64,
    /// findings whose notice waits for a refusal to be confirmed or contradicted
    pub held: u64,
    /// mails that the server took
    pub sent: u64,
    /// mails that may have arrived
    pub maybe_sent: u64,
    /// mails that are tried again later
    pub failed: u64,
    /// mails that wait for their turn, because more would leave at once than the settings allow
    pub paced: u64,
    /// mails that had nothing left to say, or nobody to say it to
    pub cancelled: u64,
    /// addresses refused for good
    pub suppressed: u64,
    /// messages that came to the return path, by what they came to
    pub came_back: BTreeMap<BounceOutcome, u64>,
    /// why what came to the return path could not be read, for the operator
    pub unread: Option<String>,
    /// true where everything waits because our clock is not gone by
    pub clock_suspect: bool,
    /// why the pass stopped early, for the operator
    pub stopped: Option<String>,
}

/// Why a pass failed.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError<E: std::error::Error + 'static> {
    /// the ledger
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// the fresh probe before a mail
    #[error("the re-check before mailing failed")]
    Recheck(#[source] E),
}

/// Takes due steps, forms digests and sends them.
///
/// A mail server that fails is no error here: what was not sent is tried again by a later pass.
///
/// # Errors
/// Where the ledger or the re-check fails, or a mail can't be written.
pub async fn notify<L, M, R, K, C, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    run: ScanId,
) -> Result<Notified, NotifyError<K::Error>>
where
    L: NotifyLedger,
    M: Mailer,
    R: Renderer,
    K: Recheck,
    C: Clock,
    G: Progress,
{
    stage!("notify", say_what_is_due(tools, run), sum => {
        "keysweep.steps": sum.steps,
        "keysweep.mails_sent": sum.sent,
        "keysweep.mails_failed": sum.failed + sum.maybe_sent,
        "keysweep.notices_held": sum.held,
        "keysweep.nobody_to_tell": sum.nobody,
    })
    .await
}

async fn say_what_is_due<L, M, R, K, C, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    run: ScanId,
) -> Result<Notified, NotifyError<K::Error>>
where
    L: NotifyLedger,
    M: Mailer,
    R: Renderer,
    K: Recheck,
    C: Clock,
    G: Progress,
{
    let mut sum = Notified::default();
    tools.ledger.recover_mails(tools.clock.now()).await?;
    let mode = tools.ledger.mail_mode().await?;
    sum.released = mode.lets_leave();
    if !sum.released {
        return Ok(sum);
    }
    match brake::look(tools, mode).await? {
        Look::Braked(braked) => sum.braked = Some(braked),
        Look::Free(opened_by) => {
            tools.ledger.take_back_lost(tools.clock.now()).await?;
            plan::take_steps(tools, opened_by, &mut sum).await?;
            waiting::form(tools, run, mode, &mut sum).await?;
            deliver::deliver(tools, &mut sum).await?;
        }
    }
    Ok(sum)
}

/// Sends the mails that were formed before and are due by now, and forms those of people who were put off until now;
/// takes no step. Nothing leaves while the brake is on.
///
/// # Errors
/// As for [`notify`].
pub async fn deliver_due<L, M, R, K, C, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
) -> Result<Notified, NotifyError<K::Error>>
where
    L: NotifyLedger,
    M: Mailer,
    R: Renderer,
    K: Recheck,
    C: Clock,
    G: Progress,
{
    let mut sum = Notified::default();
    tools.ledger.recover_mails(tools.clock.now()).await?;
    sum.released = tools.ledger.mail_mode().await?.lets_leave();
    sum.braked = brake::pulled(tools).await?;
    if sum.released && sum.braked.is_none() {
        waiting::form_put_off(tools, &mut sum).await?;
        deliver::deliver(tools, &mut sum).await?;
    }
    Ok(sum)
}

/// Whether nothing is said of a key for now, because it is being refused and that is neither confirmed nor contradicted.
/// That its death can't be proven is said all the same: waiting is what has come to nothing. So is a leak where the
/// refusal proves nothing as it stands, for want of a control or of an answer over another protocol: nothing says when it will.
///
/// What a blind provider says confirms nothing either, and is not waited out for ever: see [`BLIND_AT_MOST`].
fn waits(rule: RuleName, belief: &Belief) -> bool {
    let is_suspect = belief.liveness == Liveness::Suspect;
    let is_doubtful = belief.no_control || belief.partly.is_some();
    match rule {
        RuleName::RevocationUnproven => false,
        RuleName::SecretCompromised => is_suspect && !is_doubtful,
        _ => is_suspect || is_refused_by_the_blind(belief),
    }
}

/// Whether the provider refuses a key that is not believed dead for it, because it is blind, and has not been for long.
fn is_refused_by_the_blind(belief: &Belief) -> bool {
    let unknown_for = belief.asked_at.zip(belief.unknown_since).map(|(asked_at, since)| asked_at.since(since));
    matches!(belief.liveness, Liveness::Live | Liveness::Unverified)
        && belief.unknown_reason == Some(Reason::Blind)
        && unknown_for.is_some_and(|so_long| so_long <= BLIND_AT_MOST)
}

/// Whether a belief is so old that nothing should be said from it.
fn is_old(asked_at: Option<Timestamp>, now: Timestamp, limit: Duration) -> bool {
    asked_at.is_none_or(|at| now.since(at) > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn unknown(liveness: Liveness, reason: Reason, hours_ago: u64) -> Belief {
        let unknown_since = Some(NOON - hours(hours_ago));
        Belief { liveness, asked_at: Some(NOON), unknown_since, unknown_reason: Some(reason), ..Belief::default() }
    }

    #[test]
    fn nothing_is_said_of_a_key_that_a_blind_provider_refuses_for_three_days_but_what_is_urgent_or_was_waited_for() {
        use Liveness::{Live, Unverified};
        let waiting = |rule, liveness, reason, hours_ago| waits(rule, &unknown(liveness, reason, hours_ago));
        for rule in [RuleName::RevocationMissing, RuleName::SecretStale, RuleName::ConnectionOrphaned] {
            assert!(waiting(rule, Live, Reason::Blind, 0) && waiting(rule, Unverified, Reason::Blind, 72), "{rule:?}");
            assert!(!waiting(rule, Live, Reason::Blind, 73), "a provider may be blind for ever");
            assert!(!waiting(rule, Live, Reason::ServerError, 0), "whoever says nothing refuses nobody");
        }
        for rule in [RuleName::SecretCompromised, RuleName::RevocationUnproven] {
            assert!(!waiting(rule, Live, Reason::Blind, 0), "{rule:?}");
        }
    }
}
