//! The positive controls of one lane: who was let in where, and who can be asked to show it again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::{Lane, LaneSum, Looked};
use crate::domain::belief::{Belief, Liveness};
use crate::domain::control::{Accepted, Needed, own_speaks_for};
use crate::domain::ids::{CredentialId, ProviderName, SourceId};
use crate::domain::outcome::{Outcome, Part};
use crate::domain::time::{Timestamp, hours};
use crate::ports::probe::{Control, ProbeLedger, Prober, Question};
use crate::ports::{Clock, LedgerError, Progress, Vault};

/// How often the operator's own control credential is asked.
const CONTROL_EVERY: Duration = hours(1);
/// Credentials that are asked once more for one source and endpoint, so that a refusal there may count.
const WITNESSES: usize = 2;
/// And at all endpoints together.
const WITNESSES_AT_MOST: usize = 32;

/// Whose acceptance: source (`None`: the operator's own), protocol, endpoint.
type Spot = (Option<SourceId>, String, String);

/// The last acceptance per source and endpoint.
pub(super) struct Controls {
    known: HashMap<Spot, Accepted>,
    changed: HashSet<Spot>,
    /// suspects, dead and destroyed credentials by source when the lane was opened, where the operator has a control of their own
    refused: HashMap<SourceId, u64>,
}

impl Controls {
    pub(super) fn new(controls: Vec<Control>, refused: Vec<(SourceId, u64)>) -> Self {
        let known = controls.into_iter().map(|c| ((c.source, c.protocol, c.endpoint), c.accepted)).collect();
        Self { known, changed: HashSet::new(), refused: refused.into_iter().collect() }
    }

    /// Notes the acceptances of a batch.
    pub(super) fn hear(&mut self, batch: &[Looked]) {
        for looked in batch {
            let Some(answer) = &looked.answer else { continue };
            for part in answer.parts.iter().filter(|part| part.verdict.is_acceptance()) {
                self.note(Some(looked.due.source), part, Some(looked.due.id), answer.at);
            }
        }
    }

    /// What has changed since the last time, for the ledger.
    pub(super) fn take_changed(&mut self, provider: &ProviderName) -> Vec<Control> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let control = |spot: Spot| {
            let accepted = *self.known.get(&spot)?;
            let (source, protocol, endpoint) = spot;
            Some(Control { source, provider: provider.clone(), protocol, endpoint, accepted })
        };
        changed.filter_map(control).collect()
    }

    fn note(&mut self, source: Option<SourceId>, part: &Part, credential: Option<CredentialId>, at: Timestamp) {
        let spot = spot(source, part);
        let entry = self.known.entry(spot.clone()).or_insert(Accepted::first(credential, at));
        *entry = entry.then(credential, at);
        self.changed.insert(spot);
    }

    fn get(&self, source: Option<SourceId>, part: &Part) -> Option<&Accepted> {
        self.known.get(&spot(source, part))
    }

    /// Whether the operator's own acceptances speak for a credential of this source.
    fn own_speaks_for(&self, source: SourceId, belief: &Belief) -> bool {
        let was_let_in = || self.known.keys().any(|spot| spot.0 == Some(source));
        belief.accepted_at.is_some()
            || own_speaks_for(was_let_in(), self.refused.get(&source).copied().unwrap_or_default())
    }

    fn has_own_since(&self, at: Timestamp) -> bool {
        self.known.iter().any(|(spot, accepted)| spot.0.is_none() && accepted.at > at)
    }
}

fn spot(source: Option<SourceId>, part: &Part) -> Spot {
    (source, part.protocol.clone(), part.endpoint.clone())
}

impl<L: ProbeLedger, P: Prober, V: Vault, C: Clock, G: Progress> Lane<'_, L, P, V, C, G> {
    /// Whether the endpoints by whose refusals this one would die accepted another credential of the same source, or the
    /// operator's own, of late and since this one was refused first.
    pub(super) fn has_control(&self, looked: &Looked) -> bool {
        let (Some(answer), Some(needed)) = (&looked.answer, self.needed(looked)) else { return false };
        let controls = self.controls.borrow();
        let since = looked.due.belief.refused_whole_first;
        let holds = |source: Option<SourceId>, part: &Part| {
            controls.get(source, part).is_some_and(|control| control.holds_for(looked.due.id, since, answer.at))
        };
        let source = looked.due.source;
        let own_speaks = controls.own_speaks_for(source, &looked.due.belief);
        needed.is_met(|part| holds(Some(source), part) || (own_speaks && holds(None, part)))
    }

    /// Where this answer needs a control; `None` where there is no answer.
    fn needed<'l>(&self, looked: &'l Looked) -> Option<Needed<'l>> {
        let answer = looked.answer.as_ref()?;
        let controls = self.controls.borrow();
        let last_let_in = |part: &Part| controls.get(Some(looked.due.source), part).map(|control| control.at);
        let lingers = self.policy.grace.is_some();
        Some(Needed::of(&looked.due.belief, &answer.parts, lingers, answer.at, last_let_in))
    }

    /// Where refusals that could prove a death lack a control, because nobody else was due: those who were let in last are
    /// asked once more. They are credentials like any other, and believed like any other.
    pub(super) async fn ask_witnesses(&self, waiting: &[Looked], sum: &mut LaneSum) -> Result<(), LedgerError> {
        let wanted: Vec<CredentialId> = self.witnesses(waiting).into_iter().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut batch = Vec::new();
        for due in self.tools.ledger.held_credentials(&wanted).await? {
            batch.extend(self.look(due).await?);
        }
        self.hear(&batch).await?;
        self.believe(&mut batch, None, sum).await
    }

    fn witnesses(&self, waiting: &[Looked]) -> BTreeSet<CredentialId> {
        let (controls, sights) = (self.controls.borrow(), self.sights.borrow());
        let refused_now: BTreeSet<CredentialId> = waiting.iter().map(|looked| looked.due.id).collect();
        let (mut wanted, mut seen) = (BTreeSet::new(), HashSet::new());
        for looked in waiting.iter().filter(|looked| self.could_die(looked) && !self.has_control(looked)) {
            let Some(needed) = self.needed(looked) else { continue };
            for part in needed.places().iter().copied().filter(|part| !sights.is_blind(part)) {
                let source = looked.due.source;
                if wanted.len() >= WITNESSES_AT_MOST || !seen.insert(spot(Some(source), part)) {
                    continue;
                }
                let last = controls.get(Some(source), part).and_then(|control| control.credential);
                let by_window = sights.accepted_of(source, part).filter(|id| Some(*id) != last);
                let candidates = last.into_iter().chain(by_window).filter(|id| !refused_now.contains(id));
                wanted.extend(candidates.take(WITNESSES));
            }
        }
        wanted
    }

    /// Whether this answer, with a control, would prove a death.
    fn could_die(&self, looked: &Looked) -> bool {
        let (belief, Some(answer)) = (&looked.due.belief, &looked.answer) else { return false };
        let gap_is_over = |first: Timestamp| answer.at.since(first) >= self.policy.confirm_gap;
        belief.liveness == Liveness::Suspect
            && answer.outcome == Outcome::Refused
            && belief.refused_whole_first.is_some_and(gap_is_over)
    }

    /// Asks the operator's own control credential, where there is one and its last acceptance is old.
    pub(super) async fn ask_control(&self) -> Result<(), LedgerError> {
        let Some((key_id, secret)) = self.tools.prober.control(self.provider) else { return Ok(()) };
        let now = self.tools.clock.now();
        if self.controls.borrow().has_own_since(now - CONTROL_EVERY) {
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
        self.hearing.set(self.hearing.get().after(answer.outcome));
        self.pass.tell(self.tools.clock, self.provider, answer.date);
        let at = self.tools.clock.now();
        let mut is_accepted = false;
        for part in answer.parts.iter().filter(|part| part.verdict.is_acceptance()) {
            is_accepted = true;
            self.controls.borrow_mut().note(None, part, None, at);
            self.vouch(part, at);
        }
        if !is_accepted {
            tracing::warn!(provider = %self.provider, outcome = %answer.outcome, "the control credential was not accepted");
            return Ok(());
        }
        self.believe(&mut Vec::new(), None, &mut LaneSum::default()).await
    }
}
