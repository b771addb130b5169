//! One provider's credentials through one pass: opened, asked side by side, believed, written in batches.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::Duration;

use futures::stream::{Stream, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc;

use super::facts;
use super::probe::{ProbeTools, width};
use crate::domain::cadence::next_probe;
use crate::domain::control::Accepted;
use crate::domain::ids::{CredentialId, ProviderName, SourceId};
use crate::domain::liveness::{self, Context, Step};
use crate::domain::outcome::{Answer, Outcome, Part, Reason, Verdict};
use crate::domain::policy::LivenessPolicy;
use crate::domain::time::{Timestamp, hours};
use crate::ports::probe::{Control, DueCredential, ProbeLedger, ProbeRecord, Prober, Question};
use crate::ports::{Clock, Event, LedgerError, Progress, Vault};

/// Results written together.
const BATCH: usize = 1_000;
/// How long a batch that is not full waits for more answers; a kill repeats the questions of no more than that.
const LINGER: Duration = Duration::from_millis(50);
/// A provider that fails in its transport so often without one answer is given up for this pass: a dead host must not
/// cost a timeout for every credential.
const GIVE_UP_AFTER: u32 = 10;
/// How often the operator's own control credential is asked.
const CONTROL_EVERY: Duration = hours(1);
/// Refusals without a control yet that wait for the end of the pass; the rest are believed as they are.
const WAITING_AT_MOST: usize = 10_000;

/// What one lane brought; see [`super::probe::Probed`].
#[derive(Clone, Debug, Default)]
pub(super) struct LaneSum {
    pub(super) asked: u64,
    pub(super) accepted: u64,
    pub(super) limited: u64,
    pub(super) refused: u64,
    pub(super) partly_refused: u64,
    pub(super) unknown: u64,
    pub(super) transitions: u64,
    pub(super) shredded: u64,
    pub(super) given_up_after: Option<u32>,
}

type Spot = (Option<SourceId>, String, String);

/// One provider during one pass.
pub struct Lane<'a, L, P, V, C, G> {
    tools: &'a ProbeTools<'a, L, P, V, C, G>,
    provider: &'a ProviderName,
    policy: LivenessPolicy,
    /// the last acceptance per source and endpoint
    controls: RefCell<HashMap<Spot, Accepted>>,
    failures: Cell<u32>,
}

/// A credential that was looked at.
struct Looked {
    due: DueCredential,
    /// `None` where it was not asked: its copy's time was over
    answer: Option<Answer>,
}

impl<'a, L: ProbeLedger, P: Prober, V: Vault, C: Clock, G: Progress> Lane<'a, L, P, V, C, G> {
    pub(super) async fn open(
        tools: &'a ProbeTools<'a, L, P, V, C, G>,
        provider: &'a ProviderName,
    ) -> Result<Self, LedgerError> {
        let controls = tools.ledger.controls(provider).await?;
        let controls = controls.into_iter().map(|c| ((c.source, c.protocol, c.endpoint), c.accepted)).collect();
        let policy = (tools.policy)(provider);
        let lane = Self { tools, provider, policy, controls: RefCell::new(controls), failures: Cell::new(0) };
        lane.ask_control().await?;
        Ok(lane)
    }

    /// Asks everything in `due` and writes what is learnt.
    pub(super) async fn run(
        self,
        due: impl Stream<Item = Result<DueCredential, LedgerError>>,
    ) -> Result<LaneSum, LedgerError> {
        let width = width(self.tools.prober, self.provider).get();
        let (sender, receiver) = mpsc::channel::<Looked>(BATCH);
        // Each side owns its end of the channel, so that an error on one side ends the other.
        let (written, asked) = futures::join!(self.write_all(receiver), self.ask_all(due, width, sender));
        let mut sum = written?;
        asked?;
        sum.given_up_after = Some(self.failures.get()).filter(|failures| *failures >= GIVE_UP_AFTER);
        Ok(sum)
    }

    async fn ask_all(
        &self,
        due: impl Stream<Item = Result<DueCredential, LedgerError>>,
        width: usize,
        sender: mpsc::Sender<Looked>,
    ) -> Result<(), LedgerError> {
        let mut looks = pin!(due.map(|due| async { self.look(due?).await }).buffer_unordered(width));
        while let Some(looked) = looks.next().await {
            let Some(looked) = looked? else { continue };
            if sender.send(looked).await.is_err() {
                break; // the writer failed, and says why
            }
        }
        Ok(())
    }

    async fn write_all(&self, mut receiver: mpsc::Receiver<Looked>) -> Result<LaneSum, LedgerError> {
        let mut sum = LaneSum::default();
        let mut waiting = Vec::new();
        let mut batch = Vec::with_capacity(BATCH);
        while receiver.recv_many(&mut batch, BATCH).await > 0 {
            fill(&mut receiver, &mut batch).await;
            self.write(&mut batch, Some(&mut waiting), &mut sum).await?;
        }
        // The whole pass has been heard: whatever control there is, there is now.
        while !waiting.is_empty() {
            let mut rest = waiting.split_off(waiting.len().min(BATCH));
            self.write(&mut waiting, None, &mut sum).await?;
            waiting.append(&mut rest);
        }
        Ok(sum)
    }

    /// One look at one credential; `None` where the provider was given up, or the pass is to end: then it stays due.
    async fn look(&self, due: DueCredential) -> Result<Option<Looked>, LedgerError> {
        let context = self.context(&due, false);
        if liveness::before_probe(&due.belief, &context, &self.policy).is_some() {
            return Ok(Some(Looked { due, answer: None }));
        }
        if self.failures.get() >= GIVE_UP_AFTER || self.tools.progress.stopping() {
            return Ok(None);
        }
        let copy = due.sealed.as_deref().map(|sealed| self.tools.vault.open(&due.fingerprint, sealed));
        let answer = match copy {
            Some(Ok(secret)) => {
                let question = Question {
                    provider: self.provider,
                    key_id: due.key_id.as_deref(),
                    secret: &secret,
                    region: due.region.as_deref(),
                    base_url: due.base_url.as_deref(),
                };
                self.tools.prober.ask(&question).await
            }
            Some(Err(_)) | None => self.no_copy(),
        };
        self.tools.meter.probed(self.provider, &answer);
        match answer.outcome {
            Outcome::Unknown(reason) if reason.is_transport() => self.failures.set(self.failures.get() + 1),
            _ if self.failures.get() < GIVE_UP_AFTER => self.failures.set(0),
            _ => {}
        }
        self.tools.progress.advance(1);
        Ok(Some(Looked { due, answer: Some(answer) }))
    }

    fn no_copy(&self) -> Answer {
        Answer {
            outcome: Outcome::Unknown(Reason::NoCopy),
            parts: Vec::new(),
            at: self.tools.clock.now(),
            took: Duration::ZERO,
            retry_after: None,
            kind: None,
        }
    }

    /// Believes and writes one batch. Acceptances come first: they are the control that refusals need. Refusals that
    /// would go without one move to `waiting`, where there is one.
    async fn write(
        &self,
        batch: &mut Vec<Looked>,
        mut waiting: Option<&mut Vec<Looked>>,
        sum: &mut LaneSum,
    ) -> Result<(), LedgerError> {
        let changed = self.hear(batch);
        let mut records = Vec::with_capacity(batch.len());
        let (mut events, mut moved) = (Vec::new(), Vec::new());
        for looked in batch.drain(..) {
            let control = self.has_control(&looked);
            if let Some(waiting) = waiting.as_deref_mut().filter(|w| w.len() < WAITING_AT_MOST)
                && !control
                && is_refusal(&looked)
            {
                waiting.push(looked);
                continue;
            }
            self.count(&looked, sum);
            let before = looked.due.belief.liveness;
            let record = self.conclude(looked, control, &mut events);
            moved.extend(Some(record.belief.liveness).filter(|after| *after != before));
            records.push(record);
        }
        let controls: Vec<Control> = changed.into_iter().filter_map(|spot| self.control(spot)).collect();
        sum.transitions += events.len() as u64;
        sum.shredded += records.iter().filter(|record| record.shred).count() as u64;
        if records.is_empty() && controls.is_empty() {
            return Ok(());
        }
        self.tools.ledger.commit_probes(self.tools.clock.now(), &records, &controls, &events).await?;
        moved.into_iter().for_each(|to| self.tools.meter.moved(self.provider, to));
        Ok(())
    }

    /// Notes the batch's acceptances. Returns where they were.
    fn hear(&self, batch: &[Looked]) -> HashSet<Spot> {
        let mut controls = self.controls.borrow_mut();
        let mut changed = HashSet::new();
        for (spot, credential, at) in batch.iter().flat_map(acceptances) {
            changed.insert(spot.clone());
            note(&mut controls, spot, Some(credential), at);
        }
        changed
    }

    fn conclude(&self, looked: Looked, control: bool, events: &mut Vec<Event>) -> ProbeRecord {
        let Looked { due, answer } = looked;
        let context = self.context(&due, control);
        let step = match &answer {
            Some(answer) => {
                let context = Context { now: answer.at, ..context };
                liveness::after_probe(&due.belief, answer.outcome, &context, &self.policy)
            }
            None => {
                liveness::before_probe(&due.belief, &context, &self.policy).unwrap_or_else(|| unchanged(&due.belief))
            }
        };
        if let Some(transition) = &step.transition {
            events.push(Event {
                at: answer.as_ref().map_or(context.now, |answer| answer.at),
                kind: transition.kind(),
                subject: format!("credential:{}", due.id),
                data: facts([
                    ("from", transition.from.as_str().into()),
                    ("to", transition.to.as_str().into()),
                    ("outcome", answer.as_ref().map_or(Value::Null, |a| a.outcome.to_string().into())),
                    ("asked", answer.as_ref().map_or(Value::Null, |a| asked(&a.parts).into())),
                ]),
            });
        }
        let retry_after = answer.as_ref().and_then(|answer| answer.retry_after);
        let at = answer.as_ref().map_or(context.now, |answer| answer.at);
        let (kind, parts) = answer.map_or((None, None), |answer| (answer.kind, Some(answer.parts)));
        ProbeRecord {
            id: due.id,
            probe_at: if step.shred {
                None
            } else {
                next_probe(&step.belief, due.idle_since, at, &self.policy, retry_after, seed(&due))
            },
            kind,
            parts,
            shred: step.shred,
            transition: step.rule_visible || step.transition.is_some(),
            belief: step.belief,
        }
    }

    fn context(&self, due: &DueCredential, control: bool) -> Context {
        Context { now: self.tools.clock.now(), idle_since: due.idle_since, control }
    }

    /// Whether one of the endpoints that refused accepted another credential of the same source, or the operator's own.
    fn has_control(&self, looked: &Looked) -> bool {
        let Some(answer) = &looked.answer else { return false };
        let controls = self.controls.borrow();
        let holds = |source: Option<SourceId>, part: &Part| {
            let control = controls.get(&(source, part.protocol.clone(), part.endpoint.clone()));
            control.is_some_and(|control| control.holds_for(looked.due.id, answer.at))
        };
        let refused = answer.parts.iter().filter(|part| part.verdict == Verdict::Refused);
        refused.into_iter().any(|part| holds(Some(looked.due.source), part) || holds(None, part))
    }

    fn control(&self, spot: Spot) -> Option<Control> {
        let accepted = *self.controls.borrow().get(&spot)?;
        let (source, protocol, endpoint) = spot;
        Some(Control { source, provider: self.provider.clone(), protocol, endpoint, accepted })
    }

    /// Asks the operator's own control credential, where there is one and its last acceptance is old.
    async fn ask_control(&self) -> Result<(), LedgerError> {
        let Some((key_id, secret)) = self.tools.prober.control(self.provider) else { return Ok(()) };
        let now = self.tools.clock.now();
        let fresh = |(spot, accepted): (&Spot, &Accepted)| spot.0.is_none() && now.since(accepted.at) < CONTROL_EVERY;
        if self.controls.borrow().iter().any(fresh) {
            return Ok(());
        }
        let question = Question {
            provider: self.provider,
            key_id: key_id.as_deref(),
            secret: &secret,
            region: None,
            base_url: None,
        };
        let answer = self.tools.prober.ask(&question).await;
        self.tools.meter.probed(self.provider, &answer);
        let accepted = answer.parts.iter().filter(|part| is_acceptance(part.verdict));
        let spots: Vec<Spot> = accepted.map(|part| (None, part.protocol.clone(), part.endpoint.clone())).collect();
        for spot in &spots {
            note(&mut self.controls.borrow_mut(), spot.clone(), None, answer.at);
        }
        let controls: Vec<Control> = spots.into_iter().filter_map(|spot| self.control(spot)).collect();
        if controls.is_empty() {
            tracing::warn!(provider = %self.provider, outcome = %answer.outcome, "the control credential was not accepted");
            return Ok(());
        }
        self.tools.ledger.commit_probes(answer.at, &[], &controls, &[]).await
    }

    fn count(&self, looked: &Looked, sum: &mut LaneSum) {
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
    }
}

/// Waits a little for a whole batch: a transaction costs more than the answers of a quick provider come apart.
async fn fill(receiver: &mut mpsc::Receiver<Looked>, batch: &mut Vec<Looked>) {
    let more = async { while batch.len() < BATCH && receiver.recv_many(batch, BATCH - batch.len()).await > 0 {} };
    tokio::select! {
        () = more => {}
        () = tokio::time::sleep(LINGER) => {}
    }
}

fn unchanged(belief: &crate::domain::belief::Belief) -> Step {
    Step { belief: belief.clone(), transition: None, shred: false, rule_visible: false }
}

fn acceptances(looked: &Looked) -> impl Iterator<Item = (Spot, CredentialId, Timestamp)> + '_ {
    let (source, credential) = (Some(looked.due.source), looked.due.id);
    looked.answer.iter().flat_map(move |answer| {
        let accepted = answer.parts.iter().filter(|part| is_acceptance(part.verdict));
        accepted.map(move |part| ((source, part.protocol.clone(), part.endpoint.clone()), credential, answer.at))
    })
}

fn note(controls: &mut HashMap<Spot, Accepted>, spot: Spot, credential: Option<CredentialId>, at: Timestamp) {
    let entry = controls.entry(spot).or_insert(Accepted::first(credential, at));
    *entry = entry.then(credential, at);
}

const fn is_acceptance(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Accepted | Verdict::Limited)
}

fn is_refusal(looked: &Looked) -> bool {
    matches!(looked.answer.as_ref().map(|a| a.outcome), Some(Outcome::Refused | Outcome::PartlyRefused(_)))
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
