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
        let is_critical = told().any(|n| !n.closing && n.severity == Severity::Critical);
        let opens = |at| self.policy.opens_at(at, reader.timezone.as_deref(), is_critical);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::belief::{Belief, Liveness};
    use crate::domain::finding::RuleName;
    use crate::domain::ids::PersonId;
    use crate::domain::quiet::{Quiet, QuietHours};
    use crate::domain::time::hours;
    use crate::ports::notify::WaitingNotice;

    /// 20:00 UTC.
    const EVENING: Timestamp = Timestamp::from_secs(1_790_020_800);

    fn reader(person: i64, told_before: bool, severities: &[Severity]) -> WaitingReader {
        let notice = |(id, severity): (usize, &Severity)| WaitingNotice {
            id: NoticeId(person * 100 + id as i64),
            closing: false,
            rule: RuleName::SecretStale,
            severity: *severity,
            belief: Belief::default(),
        };
        WaitingReader {
            person: PersonId(person),
            email: format!("{person}@example.org"),
            timezone: None,
            told_before,
            lately: Vec::new(),
            run: ScanId(1),
            notices: severities.iter().enumerate().map(notice).collect(),
        }
    }

    fn sort(policy: &TellPolicy, ramp: Option<u32>, readers: Vec<WaitingReader>) -> (Vec<i64>, Vec<(i64, WaitReason)>) {
        let formed = Sorting { policy, ramp, untold: 0 }.sort(readers, EVENING);
        let waits = formed.waits.iter().map(|wait| (wait.person.0, wait.why)).collect();
        (formed.digests.iter().map(|digest| digest.person.0).collect(), waits)
    }

    #[test]
    fn what_is_not_certain_is_left_out_and_whoever_has_nothing_else_waits() {
        let mut half = reader(1, true, &[Severity::High, Severity::Low]);
        half.notices[0].belief.liveness = Liveness::Suspect;
        let mut none = reader(2, true, &[Severity::High]);
        none.notices[0].belief.liveness = Liveness::Suspect;
        let mut dead = reader(3, true, &[Severity::Critical]);
        dead.notices[0].closing = true;
        let policy = TellPolicy::default();
        let formed = Sorting { policy: &policy, ramp: None, untold: 0 }.sort(vec![half, none, dead], EVENING);
        let told: Vec<_> = formed.digests.iter().map(|digest| (digest.person.0, digest.notices.clone())).collect();
        assert_eq!(told, [(1, vec![NoticeId(101)]), (3, vec![NoticeId(300)])]);
        assert_eq!(
            formed.waits.iter().map(|w| (w.person.0, w.why, w.until)).collect::<Vec<_>>(),
            [(2, WaitReason::Held, None)]
        );
    }

    #[test]
    fn a_critical_digest_comes_in_quiet_hours_only_where_the_operator_says_so_and_a_note_of_death_never() {
        let hours = Some(QuietHours::parse("20:00-08:00").unwrap());
        let mut dead = reader(3, true, &[Severity::Critical]);
        dead.notices[0].closing = true;
        let readers = || vec![reader(1, true, &[Severity::Critical]), reader(2, true, &[Severity::High]), dead.clone()];
        let strict = TellPolicy { quiet: Quiet { hours, ..Quiet::default() }, ..TellPolicy::default() };
        let all = [1, 2, 3].map(|person| (person, WaitReason::Quiet));
        assert_eq!(sort(&strict, None, readers()), (vec![], all.to_vec()));
        let quiet = Quiet { critical_too: false, ..strict.quiet };
        let urgent = TellPolicy { quiet, ..strict };
        assert_eq!(sort(&urgent, None, readers()), (vec![1], all[1..].to_vec()));
    }

    #[test]
    fn an_address_has_one_limit_whoever_reads_it_and_a_capped_digest_waits_for_an_open_hour() {
        let hours_of_day = Some(QuietHours::parse("21:00-08:00").unwrap());
        let quiet = Quiet { hours: hours_of_day, ..Quiet::default() };
        let policy = TellPolicy { per_address_per_day: Some(2), quiet, ..TellPolicy::default() };
        let same =
            |person| WaitingReader { email: "one@example.org".to_owned(), ..reader(person, true, &[Severity::Low]) };
        let third = WaitingReader { lately: vec![EVENING - hours(3)], ..same(3) };
        let (told, waits) = sort(&policy, None, vec![same(1), same(2), third]);
        assert_eq!((told, waits), (vec![1, 2], vec![(3, WaitReason::Cap)]));

        let busy = WaitingReader { lately: vec![EVENING - hours(22), EVENING - hours(1)], ..same(1) };
        let formed = Sorting { policy: &policy, ramp: None, untold: 0 }.sort(vec![busy], EVENING);
        assert_eq!(formed.waits[0].until, Some(EVENING + hours(12)), "free at ten in the evening, open at eight");
    }

    #[test]
    fn a_ramp_takes_the_first_few_who_were_never_told_and_everybody_who_was() {
        let policy = TellPolicy::default();
        let readers = vec![
            reader(1, false, &[Severity::Critical]),
            reader(2, true, &[Severity::High]),
            reader(3, false, &[Severity::High]),
            reader(4, false, &[Severity::Low]),
        ];
        let told = sort(&policy, Some(2), readers);
        assert_eq!(told, (vec![1, 2, 3], vec![(4, WaitReason::Ramp)]));
    }

    #[test]
    fn whoever_has_their_turn_in_a_ramp_and_waits_for_morning_has_had_it() {
        let quiet = Quiet { hours: Some(QuietHours::parse("20:00-08:00").unwrap()), ..Quiet::default() };
        let policy = TellPolicy { quiet, ..TellPolicy::default() };
        let readers = vec![reader(1, false, &[Severity::High]), reader(2, false, &[Severity::High])];
        let told = sort(&policy, Some(1), readers);
        assert_eq!(told, (vec![], vec![(1, WaitReason::Quiet), (2, WaitReason::Ramp)]));
    }
}
