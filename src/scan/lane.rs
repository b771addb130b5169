//! One provider's credentials through one pass: opened, asked side by side, believed, written in batches.
//!
//! What is heard is first judged together (`sights.rs`), for a provider that turns everybody away says nothing of any one
//! key; only then is it believed (`believe.rs`). A refusal that could prove a death waits for the end of the pass, and there
//! for an acceptance that shows that the provider still lets somebody in (`controls.rs`). Last of all, what was accepted may prove
//! an older secret of the same key dead (`outlived.rs`).

mod believe;
mod controls;
mod hearing;
mod outlived;
mod sights;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures::stream::{Stream, StreamExt};
use tokio::sync::mpsc;

use self::controls::Controls;
use self::hearing::Hearing;
use self::sights::Sights;
use super::pass::Pass;
use super::probe::{ProbeTools, width};
use crate::domain::ids::{CredentialId, ProviderName};
use crate::domain::liveness::{self, Context};
use crate::domain::outcome::{Answer, Outcome, Reason};
use crate::domain::policy::LivenessPolicy;
use crate::domain::time::Timestamp;
use crate::ports::probe::{DueCredential, ProbeLedger, Prober, Question};
use crate::ports::span;
use crate::ports::{Clock, LedgerError, Progress, Vault};

/// Results written together.
const BATCH: usize = 1_000;
/// How long a batch that is not full waits for more answers; a kill repeats the questions of no more than that.
const LINGER: Duration = Duration::from_millis(50);
/// A provider that fails in its transport so often without one answer is given up for this pass: a dead host must not
/// cost a timeout for every credential.
const GIVE_UP_AFTER: u32 = 10;
/// Refusals that wait for the end of the pass; the rest are believed as they are.
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
    pub(super) held: u64,
    pub(super) shredded: u64,
    pub(super) put_off: u64,
    pub(super) never_asked: u64,
    pub(super) nowhere: u64,
    pub(super) given_up_after: Option<u32>,
    pub(super) left: Vec<CredentialId>,
}

/// One provider during one pass.
pub struct Lane<'a, L, P, V, C, G> {
    tools: &'a ProbeTools<'a, L, P, V, C, G>,
    pass: &'a Pass,
    provider: &'a ProviderName,
    policy: LivenessPolicy,
    controls: RefCell<Controls>,
    sights: RefCell<Sights>,
    /// suspects made since then went back in the ledger during this pass; what was loaded before doesn't know of it
    went_back: Cell<Option<Timestamp>>,
    /// let in during this pass, of keys with several secrets
    heirs: RefCell<BTreeSet<CredentialId>>,
    failures: Cell<u32>,
    /// whether anything was answered at all
    hearing: Cell<Hearing>,
    /// answers that the trace tells of one by one
    told: Cell<u32>,
    /// not asked, for their account's share of the provider's quota is used up: they stay due
    put_off: Cell<u64>,
    never_asked: Cell<u64>,
    /// all that were not asked, where somebody wants to know: a whole pass may leave a million
    left: Option<RefCell<Vec<CredentialId>>>,
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
        pass: &'a Pass,
        provider: &'a ProviderName,
    ) -> Result<Self, LedgerError> {
        let has_own_control = tools.prober.control(provider).is_some();
        let refused = if has_own_control { tools.ledger.refused_by_source(provider).await? } else { Vec::new() };
        let controls = RefCell::new(Controls::new(tools.ledger.controls(provider).await?, refused));
        let sights = RefCell::new(Sights::new(tools.ledger.sights(provider).await?));
        let policy = (tools.policy)(provider);
        let (went_back, heirs, failures, hearing, told, put_off, never_asked) = Default::default();
        let left = None;
        let lane = Self {
            tools,
            pass,
            provider,
            policy,
            controls,
            sights,
            went_back,
            heirs,
            failures,
            hearing,
            told,
            put_off,
            never_asked,
            left,
        };
        lane.take_back().await?; // what a killed pass left undone
        lane.ask_control().await?;
        Ok(lane)
    }

    /// Keeps in mind who was not asked.
    pub(super) fn minding(self) -> Self {
        Self { left: Some(RefCell::default()), ..self }
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
        sum.put_off = self.put_off.get();
        sum.never_asked = self.never_asked.get();
        sum.given_up_after = Some(self.failures.get()).filter(|failures| *failures >= GIVE_UP_AFTER);
        self.tell_whether_it_answers(sum.given_up_after);
        sum.left = self.left.map(RefCell::into_inner).unwrap_or_default();
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
            self.hear(&batch).await?;
            self.believe(&mut batch, Some(&mut waiting), &mut sum).await?;
        }
        // The whole pass has been heard: whatever control there is, there is now, or can be asked for.
        self.ask_witnesses(&waiting, &mut sum).await?;
        while !waiting.is_empty() {
            let mut rest = waiting.split_off(waiting.len().min(BATCH));
            self.believe(&mut waiting, None, &mut sum).await?;
            waiting.append(&mut rest);
        }
        self.end_the_outlived(&mut sum).await?;
        Ok(sum)
    }

    /// One look at one credential; `None` where the provider was given up, the account has no share left, or the pass is
    /// to end: then it stays due.
    async fn look(&self, due: DueCredential) -> Result<Option<Looked>, LedgerError> {
        let context = self.context(due.idle_since, false);
        if liveness::before_probe(&due.belief, &context, &self.policy).is_some() {
            return Ok(Some(Looked { due, answer: None }));
        }
        if self.failures.get() >= GIVE_UP_AFTER || self.tools.progress.stopping() {
            self.leave(due.id);
            return Ok(None);
        }
        if let Some(account) = due.accounts.0
            && !self.tools.prober.has_share(self.provider, account).await
        {
            self.put_off.set(self.put_off.get() + 1);
            self.never_asked.set(self.never_asked.get() + u64::from(due.belief.asked_at.is_none()));
            self.leave(due.id);
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
        self.trace(&answer);
        self.pass.tell(self.tools.clock, self.provider, answer.date);
        // By the clock as it is set now: its date may have moved it.
        let answer = Answer { at: self.tools.clock.now(), ..answer };
        self.hearing.set(self.hearing.get().after(answer.outcome));
        match answer.outcome {
            Outcome::Unknown(reason) if reason.is_transport() => self.failures.set(self.failures.get() + 1),
            _ if self.failures.get() < GIVE_UP_AFTER => self.failures.set(0),
            _ => {}
        }
        self.tools.progress.advance(1);
        Ok(Some(Looked { due, answer: Some(answer) }))
    }

    fn leave(&self, id: CredentialId) {
        if let Some(left) = &self.left {
            left.borrow_mut().push(id);
        }
    }

    /// Tells the trace of an answer that is no acceptance; of the first ones, for there may be many.
    fn trace(&self, answer: &Answer) {
        if answer.outcome == Outcome::Accepted || self.told.get() >= span::EVENTS_AT_MOST {
            return;
        }
        self.told.set(self.told.get() + 1);
        tracing::info!(
            target: span::TARGET,
            {
                keysweep.outcome = answer.outcome.as_str(),
                keysweep.reason = answer.outcome.reason().map(Reason::as_str),
                keysweep.seconds = answer.took.as_secs_f64(),
            },
            "answer"
        );
    }

    fn no_copy(&self) -> Answer {
        Answer {
            outcome: Outcome::Unknown(Reason::NoCopy),
            parts: Vec::new(),
            at: self.tools.clock.now(),
            took: Duration::ZERO,
            retry_after: None,
            date: None,
            kind: None,
            is_mistaken: false,
        }
    }

    fn context(&self, idle_since: Option<Timestamp>, control: bool) -> Context {
        Context { now: self.tools.clock.now(), idle_since, control, clock_suspect: self.pass.clock_is_suspect() }
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
