//! From answers to beliefs, and into the ledger.

use serde_json::Value;

use super::{Lane, LaneSum, Looked, WAITING_AT_MOST};
use crate::domain::belief::{Belief, Liveness};
use crate::domain::cadence::next_probe;
use crate::domain::ids::CredentialId;
use crate::domain::liveness::{self, Context, Step, Transition};
use crate::domain::outcome::{Answer, Outcome, Part, Reason, combine};
use crate::domain::policy::LivenessPolicy;
use crate::domain::time::Timestamp;
use crate::ports::probe::{DueCredential, Learnt, ProbeLedger, ProbeRecord, Prober};
use crate::ports::{Clock, Event, LedgerError, Progress, Vault};
use crate::scan::facts;

impl<L: ProbeLedger, P: Prober, V: Vault, C: Clock, G: Progress> Lane<'_, L, P, V, C, G> {
    /// Believes and writes one batch that was heard. Refusals that could prove a death, and those that would go without
    /// a control, move to `waiting`, where there is one.
    pub(super) async fn believe(
        &self,
        batch: &mut Vec<Looked>,
        mut waiting: Option<&mut Vec<Looked>>,
        sum: &mut LaneSum,
    ) -> Result<(), LedgerError> {
        let mut records = Vec::with_capacity(batch.len());
        let (mut events, mut moved) = (self.pass.take_events(), Vec::new());
        for looked in batch.drain(..) {
            let control = self.has_control(&looked);
            if let Some(waiting) = waiting.as_deref_mut().filter(|w| w.len() < WAITING_AT_MOST)
                && is_refusal(&looked)
                && (!control || may_confirm(&looked))
            {
                waiting.push(looked);
                continue;
            }
            count(&looked, sum);
            let concluded = self.conclude(looked, control);
            if concluded.held {
                sum.held += 1;
                self.tools.meter.held(self.provider);
            }
            if concluded.blinded {
                self.tools.meter.blinded(self.provider);
            }
            if let Some((event, to)) = concluded.moved {
                events.push(event);
                moved.push((concluded.record.id, to));
            }
            records.push(concluded.record);
        }
        let controls = self.controls.borrow_mut().take_changed(self.provider);
        let sights = self.sights.borrow_mut().take_changed(self.provider);
        let clocks = self.pass.take_clocks();
        let learnt = Learnt {
            records: &records,
            controls: &controls,
            sights: &sights,
            clocks: clocks.as_ref(),
            events: &events,
            ..Learnt::default()
        };
        if learnt.is_nothing() {
            return Ok(());
        }
        // What the ledger does not tell of is not counted either.
        let silent = self.tools.ledger.commit_probes(self.tools.clock.now(), &learnt).await?;
        sum.shredded += records.iter().filter(|record| record.shred && !silent.contains(&record.id)).count() as u64;
        for (_, to) in moved.into_iter().filter(|(id, _)| !silent.contains(id)) {
            sum.transitions += 1;
            self.tools.meter.moved(self.provider, to);
        }
        self.note_heirs(&records).await
    }

    fn conclude(&self, looked: Looked, control: bool) -> Concluded {
        let Looked { due, answer } = looked;
        let context = self.context(due.idle_since, control);
        let at = answer.as_ref().map_or(context.now, |answer| answer.at);
        let context = Context { now: at, ..context };
        let (believed, sifted) = self.sights.borrow().sift(&due.belief, answer.as_ref());
        let policy = self.policy_for(answer.as_ref());
        let after = |outcome| liveness::after_probe(&believed, outcome, &context, &policy);
        let (step, outcome, held) = match (answer.as_ref().map(|answer| answer.outcome), &sifted) {
            (Some(outcome), None) => (after(outcome), Some(outcome), false),
            (Some(heard), Some(parts)) => {
                let outcome = combine(parts);
                (after(outcome), Some(outcome), after(heard).transition.is_some())
            }
            (None, _) => {
                let step = liveness::before_probe(&due.belief, &context, &self.policy);
                (step.unwrap_or_else(|| unchanged(&due.belief)), None, false)
            }
        };
        let blinded = sifted.is_some() && outcome.and_then(Outcome::reason) == Some(Reason::Blind);
        let retry_after = answer.as_ref().and_then(|answer| answer.retry_after);
        let (kind, heard) = answer.map_or((None, None), |answer| (answer.kind, Some(answer.parts)));
        let parts = sifted.or(heard);
        // The log tells of the way from what the ledger holds: a suspect may have gone back and become one again.
        let written = self.went_back.get().and_then(|from| liveness::taken_back(&due.belief, from, at));
        let written = written.map_or_else(|| due.belief.clone(), |step| step.belief);
        let mut step = step.seen_from(&written);
        if matches!(outcome, Some(Outcome::Refused | Outcome::PartlyRefused(_))) {
            step.rule_visible |= step.belief.refused_over(parts.as_deref().unwrap_or_default());
        }
        if matches!(outcome, Some(Outcome::Accepted | Outcome::Limited)) {
            step.belief.let_in_over(parts.as_deref().unwrap_or_default(), self.policy.grace.is_some());
        }
        let goes_back = believed.liveness != written.liveness && step.belief.liveness == believed.liveness;
        let moved = step.transition.map(|transition| {
            let event = moved(&due, transition, at, outcome, parts.as_deref());
            let was_let_in = matches!(outcome, Some(Outcome::Accepted | Outcome::Limited));
            let kind = if goes_back && !was_let_in { "credential.taken_back" } else { event.kind };
            (Event { kind, ..event }, transition.to)
        });
        let probe_at =
            (!step.shred).then(|| next_probe(&step.belief, &context, &policy, retry_after, seed(&due))).flatten();
        let record = ProbeRecord {
            id: due.id,
            probe_at,
            kind,
            parts,
            shred: step.shred,
            region: due.region,
            base_url: due.base_url,
            idle_since: due.idle_since,
            transition: step.rule_visible || step.transition.is_some(),
            belief: step.belief,
        };
        Concluded { record, moved, held, blinded }
    }

    /// How an answer is judged. Of a value that is another thing than what is asked for, another one's acceptance says nothing
    /// (decision 48).
    fn policy_for(&self, answer: Option<&Answer>) -> LivenessPolicy {
        let is_mistaken = answer.is_some_and(|answer| answer.is_mistaken);
        let usual = self.policy.clone();
        LivenessPolicy { only_after_acceptance: usual.only_after_acceptance || is_mistaken, ..usual }
    }

    /// Lets the suspects go back whom a blind endpoint made, page by page. What they are told of was noted with the
    /// blindness, so that a killed pass is gone on with by the next.
    pub(super) async fn take_back(&self) -> Result<(), LedgerError> {
        let Some(from) = self.sights.borrow().taking_back() else { return Ok(()) };
        let mut after = CredentialId(0);
        loop {
            let page = self.tools.ledger.suspects(self.provider, after, super::BATCH).await?;
            let Some(last) = page.last().map(|due| due.id) else { break };
            after = last;
            let now = self.tools.clock.now();
            let (mut records, mut events, mut to) = (Vec::new(), Vec::new(), Vec::new());
            for due in &page {
                let Some(step) = liveness::taken_back(&due.belief, from, now) else { continue };
                let Some(transition) = step.transition else { continue };
                events.push(Event { kind: "credential.taken_back", ..moved(due, transition, now, None, None) });
                to.push((due.id, transition.to));
                let context = Context { now, ..self.context(due.idle_since, false) };
                records.push(taken_back(due, step, &context, &self.policy));
            }
            if records.is_empty() {
                continue;
            }
            let learnt = Learnt { records: &records, events: &events, ..Learnt::default() };
            let silent = self.tools.ledger.commit_probes(now, &learnt).await?;
            let told = to.into_iter().filter(|(id, _)| !silent.contains(id));
            told.for_each(|(_, to)| self.tools.meter.moved(self.provider, to));
        }
        self.went_back.set(Some(self.went_back.get().map_or(from, |known| known.min(from))));
        self.sights.borrow_mut().all_taken_back();
        let sights = self.sights.borrow_mut().take_changed(self.provider);
        let learnt = Learnt { sights: &sights, ..Learnt::default() };
        self.tools.ledger.commit_probes(self.tools.clock.now(), &learnt).await?;
        Ok(())
    }
}

/// What one look came to.
struct Concluded {
    record: ProbeRecord,
    /// the change of liveness, for the log, and what it became
    moved: Option<(Event, Liveness)>,
    /// it would have changed, were its provider not blind
    held: bool,
    /// not everything that it was told counts, because its provider is blind
    blinded: bool,
}

fn taken_back(due: &DueCredential, step: Step, context: &Context, policy: &LivenessPolicy) -> ProbeRecord {
    ProbeRecord {
        id: due.id,
        probe_at: next_probe(&step.belief, context, policy, None, seed(due)),
        kind: None,
        parts: None,
        shred: step.shred,
        region: due.region.clone(),
        base_url: due.base_url.clone(),
        idle_since: due.idle_since,
        transition: true,
        belief: step.belief,
    }
}

fn moved(
    due: &DueCredential,
    transition: Transition,
    at: Timestamp,
    outcome: Option<Outcome>,
    parts: Option<&[Part]>,
) -> Event {
    Event {
        at,
        kind: transition.kind(),
        subject: format!("credential:{}", due.id),
        data: facts([
            ("from", transition.from.as_str().into()),
            ("to", transition.to.as_str().into()),
            ("outcome", outcome.map_or(Value::Null, |outcome| outcome.to_string().into())),
            ("asked", parts.map_or(Value::Null, |parts| asked(parts).into())),
        ]),
    }
}

fn count(looked: &Looked, sum: &mut LaneSum) {
    let Some(answer) = &looked.answer else { return };
    sum.asked += 1;
    let counter = match answer.outcome {
        Outcome::Accepted => &mut sum.accepted,
        Outcome::Limited => &mut sum.limited,
        Outcome::Refused => &mut sum.refused,
        Outcome::PartlyRefused(_) => &mut sum.partly_refused,
        Outcome::Unknown(_) => &mut sum.unknown,
    };
    *counter += 1;
    let nowhere = matches!(answer.outcome, Outcome::Unknown(Reason::BadAddress | Reason::NoAddress));
    sum.nowhere += u64::from(nowhere);
}

fn unchanged(belief: &Belief) -> Step {
    Step { belief: belief.clone(), transition: None, shred: false, rule_visible: false }
}

fn is_refusal(looked: &Looked) -> bool {
    matches!(looked.answer.as_ref().map(|a| a.outcome), Some(Outcome::Refused | Outcome::PartlyRefused(_)))
}

/// Whether more than a suspicion could rest on this refusal: a death, or the destruction of a copy.
fn may_confirm(looked: &Looked) -> bool {
    match looked.due.belief.liveness {
        Liveness::Suspect => true,
        Liveness::Dead => looked.due.idle_since.is_some(),
        Liveness::Unverified | Liveness::Live | Liveness::Shredded => false,
    }
}

/// `rest/default refused 401; smtp/relay unknown(no_prober)`: what the log keeps of an answer.
fn asked(parts: &[Part]) -> String {
    let words = parts.iter().map(|part| {
        let status = part.status.map(|status| format!(" {status}")).unwrap_or_default();
        format!("{}/{} {}{status}", part.protocol, part.endpoint, part.verdict)
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Spreads credentials over their period: a part of the fingerprint, which is as good as random.
fn seed(due: &DueCredential) -> u64 {
    u64::from_str_radix(due.fingerprint.as_str().get(..16).unwrap_or_default(), 16).unwrap_or(0)
}
