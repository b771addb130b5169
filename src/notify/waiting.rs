//! Who gets a digest now and who waits: for a confirmation, for others in a ramp, for their window of the day, or for room
//! in their day. Notices wait unformed, so that what arrives in the end is one digest with the newest facts.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::{Notified, NotifyError, NotifyTools, TellPolicy, waits};
use crate::domain::finding::Severity;
use crate::domain::ids::{NoticeId, ScanId};
use crate::domain::pace;
use crate::domain::time::Timestamp;
use crate::ports::Clock;
use crate::ports::notify::{
    Digest, Formed, MailMode, NotifyLedger, Recheck, Wait, WaitReason, WaitingNotice, WaitingReader, Whom,
};

/// People whose digests are formed together.
const PEOPLE: usize = 500;

type Failed<K> = NotifyError<<K as Recheck>::Error>;

/// Forms one digest for each person with notices that are in no mail yet, worst first. Whoever has to wait is noted.
pub(super) async fn form<L: NotifyLedger, M, R, K: Recheck, C: Clock, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    run: ScanId,
    mode: MailMode,
    sum: &mut Notified,
) -> Result<(), Failed<K>> {
    tools.ledger.end_waits(None).await?; // a run looks at everybody anew
    let mut sorting = Sorting { policy: &tools.policy.tell, ramp: ramp_of(mode), untold: 0 };
    form_for(tools, Whom::Everybody(run), &mut sorting, sum).await?;
    if sorting.ramp.is_some() && sorting.untold == 0 {
        sum.ramp_ended = tools.ledger.end_ramp(tools.clock.now()).await?;
    }
    Ok(())
}

/// The same for those whom an earlier run put off until now. They had their turn in a ramp then.
pub(super) async fn form_put_off<L: NotifyLedger, M, R, K: Recheck, C: Clock, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    sum: &mut Notified,
) -> Result<(), Failed<K>> {
    let mut sorting = Sorting { policy: &tools.policy.tell, ramp: None, untold: 0 };
    let now = form_for(tools, Whom::PutOff, &mut sorting, sum).await?;
    Ok(tools.ledger.end_waits(Some(now)).await?) // whoever is left has nothing to be told any more
}

async fn form_for<L: NotifyLedger, M, R, K: Recheck, C: Clock, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    whom: Whom,
    sorting: &mut Sorting<'_>,
    sum: &mut Notified,
) -> Result<Timestamp, Failed<K>> {
    let now = tools.clock.now();
    let people = tools.ledger.people_waiting(now, whom).await?;
    for page in people.chunks(PEOPLE) {
        let readers = tools.ledger.readers_waiting(now, whom, page).await?;
        let formed = sorting.sort(readers, now);
        sum.count(&formed);
        tools.ledger.form_mails(now, &formed, &tools.policy.domain).await?;
    }
    Ok(now)
}

const fn ramp_of(mode: MailMode) -> Option<u32> {
    match mode {
        MailMode::Ramp { people } => Some(people),
        MailMode::Preview | MailMode::Baseline | MailMode::Released => None,
    }
}

/// Sorts people into those who get a digest now and those who wait.
struct Sorting<'a> {
    policy: &'a TellPolicy,
    /// how many people more who were never written to have their turn; `None` without a limit
    ramp: Option<u32>,
    /// people who were never written to and still wait
    untold: u64,
}

impl Sorting<'_> {
    fn sort(&mut self, readers: Vec<WaitingReader>, now: Timestamp) -> Formed {
        let mut formed = Formed::default();
        // What this page gives to an address that several people share.
        let mut given: HashMap<String, u32> = HashMap::new();
        for reader in readers {
            let (person, run) = (reader.person, reader.run);
            let already = given.entry(reader.email.clone()).or_default();
            match self.decide(&reader, *already, now) {
                ControlFlow::Continue(notices) => {
                    *already += 1;
                    formed.digests.push(Digest { person, run, notices });
                }
                ControlFlow::Break((why, until)) => {
                    self.untold += u64::from(!reader.told_before);
                    formed.waits.push(Wait { person, run, until, why });
                }
            }
        }
        formed
    }

    /// What a reader is told now, or why and until when they wait.
    fn decide(
        &mut self,
        reader: &WaitingReader,
        already: u32,
        now: Timestamp,
    ) -> ControlFlow<(WaitReason, Option<Timestamp>), Vec<NoticeId>> {
        let told = || reader.notices.iter().filter(|notice| is_said(notice));
        if told().next().is_none() {
            return ControlFlow::Break((WaitReason::Held, None));
        }
        if let (Some(left), false) = (&mut self.ramp, reader.told_before) {
            let Some(fewer) = left.checked_sub(1) else { return ControlFlow::Break((WaitReason::Ramp, None)) };
            *left = fewer;
        }
        let quiet = &self.policy.quiet;
        let is_urgent = !quiet.critical_too && told().any(|n| !n.closing && n.severity == Severity::Critical);
        let opens = |at| if is_urgent { at } else { quiet.opens_at(at, reader.timezone.as_deref()) };
        if opens(now) > now {
            return ControlFlow::Break((WaitReason::Quiet, Some(opens(now))));
        }
        if let Some(per_day) = self.policy.per_address_per_day {
            let mails: Vec<Timestamp> = reader.lately.iter().copied().chain((0..already).map(|_| now)).collect();
            let free = pace::free_at(&mails, per_day, now);
            if free > now {
                return ControlFlow::Break((WaitReason::Cap, Some(opens(free))));
            }
        }
        ControlFlow::Continue(told().map(|notice| notice.id).collect())
    }
}

/// Whether a notice is said as things stand.
fn is_said(notice: &WaitingNotice) -> bool {
    notice.closing || !waits(notice.rule, &notice.belief)
}

impl Notified {
    fn count(&mut self, formed: &Formed) {
        for wait in &formed.waits {
            *self.put_off.entry(wait.why).or_default() += 1;
        }
    }
}
