//! The endpoints of one provider during one pass: what is heard there, taken together, and which of them are blind.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Lane, Looked};
use crate::domain::belief::Belief;
use crate::domain::blindness::{self, Answered, Blind, Change, Scope, Sight, Tally};
use crate::domain::ids::{CredentialId, ProviderName, SourceId};
use crate::domain::liveness;
use crate::domain::outcome::{Answer, Part};
use crate::domain::time::Timestamp;
use crate::ports::probe::{DueCredential, Learnt, ProbeLedger, Prober};
use crate::ports::{Clock, Event, LedgerError, Progress, Vault};
use crate::scan::facts;

/// Protocol and endpoint.
type Place = (String, String);

/// What is known of the endpoints.
pub(super) struct Sights {
    known: BTreeMap<Place, Known>,
}

#[derive(Default)]
struct Known {
    sight: Sight,
    changed: bool,
}

impl Sights {
    pub(super) fn new(sights: Vec<(Scope, Sight)>) -> Self {
        let known =
            |(scope, sight): (Scope, Sight)| ((scope.protocol, scope.endpoint), Known { sight, changed: false });
        Self { known: sights.into_iter().map(known).collect() }
    }

    fn hear(&mut self, due: &DueCredential, answer: &Answer) {
        for part in &answer.parts {
            let Some((said, formerly_live)) = blindness::said(&due.belief, answer, part) else { continue };
            let known = self.known.entry(place(part)).or_default();
            known.changed = true;
            known.sight.hear(Answered {
                at: answer.at,
                credential: due.id,
                source: due.source,
                accounts: due.accounts,
                said,
                formerly_live,
            });
        }
    }

    fn at(&self, part: &Part) -> Option<&Sight> {
        // Endpoints are few: going over them costs less than making a key to look one up.
        let mut places = self.known.iter();
        let found = places.find(|((protocol, endpoint), _)| *protocol == part.protocol && *endpoint == part.endpoint);
        found.map(|(_, known)| &known.sight)
    }

    pub(super) fn is_blind(&self, part: &Part) -> bool {
        self.at(part).is_some_and(|sight| sight.blind().is_some())
    }

    /// Who was accepted there last, of this source.
    pub(super) fn accepted_of(&self, source: SourceId, part: &Part) -> impl Iterator<Item = CredentialId> {
        self.at(part).into_iter().flat_map(move |sight| sight.window.accepted_of(source))
    }

    /// What was believed and what was answered, as they count while some endpoints are blind: a suspect that those made is
    /// none, and their refusals say nothing. The parts are `None` where they count as they are.
    pub(super) fn sift(&self, belief: &Belief, answer: Option<&Answer>) -> (Belief, Option<Vec<Part>>) {
        let since = self.known.values().filter_map(|known| known.sight.blind()).map(|blind| blind.from).min();
        let (Some(from), Some(answer)) = (since, answer) else { return (belief.clone(), None) };
        let taken_back = liveness::taken_back(belief, from, answer.at).map(|step| step.belief);
        let believed = taken_back.unwrap_or_else(|| belief.clone());
        let sifted = blindness::sift(&believed, &answer.parts, |part| self.is_blind(part));
        (believed, sifted)
    }

    /// Since when suspects still have to go back; `None` where none has to.
    pub(super) fn taking_back(&self) -> Option<Timestamp> {
        self.known.values().filter_map(|known| known.sight.state.taking_back).min()
    }

    pub(super) fn all_taken_back(&mut self) {
        for known in self.known.values_mut() {
            known.changed |= known.sight.state.taking_back.take().is_some();
        }
    }

    /// What has changed since the last time, for the ledger.
    pub(super) fn take_changed(&mut self, provider: &ProviderName) -> Vec<(Scope, Sight)> {
        let changed = self.known.iter_mut().filter(|(_, known)| known.changed);
        let row = |(place, known): (&Place, &mut Known)| {
            known.changed = false;
            (scope(provider, place), known.sight.clone())
        };
        changed.map(row).collect()
    }
}

fn place(part: &Part) -> Place {
    (part.protocol.clone(), part.endpoint.clone())
}

fn scope(provider: &ProviderName, (protocol, endpoint): &Place) -> Scope {
    Scope { provider: provider.clone(), protocol: protocol.clone(), endpoint: endpoint.clone() }
}

impl<L: ProbeLedger, P: Prober, V: Vault, C: Clock, G: Progress> Lane<'_, L, P, V, C, G> {
    /// Takes in a batch, before any of it is believed: acceptances, which are the control that refusals need, and what the
    /// endpoints said all together. Where that makes one blind, it is written down at once, and suspects go back.
    pub(super) async fn hear(&self, batch: &[Looked]) -> Result<(), LedgerError> {
        self.controls.borrow_mut().hear(batch);
        let mut events = Vec::new();
        {
            let mut sights = self.sights.borrow_mut();
            for looked in batch {
                if let Some(answer) = &looked.answer {
                    sights.hear(&looked.due, answer);
                }
            }
            let Some(now) = batch.iter().filter_map(|looked| Some(looked.answer.as_ref()?.at)).max() else {
                return Ok(());
            };
            for (place, known) in sights.known.iter_mut().filter(|(_, known)| known.changed) {
                let change = known.sight.judge(now, self.policy.confirm_gap);
                events.extend(change.map(|change| told(&scope(self.provider, place), &change, now)));
            }
        }
        if events.is_empty() {
            return Ok(()); // written with the beliefs that rest on it
        }
        let sights = self.sights.borrow_mut().take_changed(self.provider);
        let learnt = Learnt { sights: &sights, events: &events, ..Learnt::default() };
        self.tools.ledger.commit_probes(self.tools.clock.now(), &learnt).await?;
        self.take_back().await
    }

    /// The operator's own credential was let in.
    pub(super) fn vouch(&self, part: &Part, at: Timestamp) {
        let mut sights = self.sights.borrow_mut();
        let Some(known) = sights.known.get_mut(&place(part)) else { return };
        if let Some(change) = known.sight.vouch(at) {
            known.changed = true;
            self.pass.note(told(&scope(self.provider, &place(part)), &change, at));
        }
    }
}

/// The one line and the one event of a change.
fn told(scope: &Scope, change: &Change, now: Timestamp) -> Event {
    let (provider, protocol, endpoint) = (&scope.provider, &scope.protocol, &scope.endpoint);
    let (kind, data) = match change {
        Change::Blinded(blind, tally) => {
            tracing::error!(
                %provider, protocol, endpoint, why = blind.why.as_str(), asked = tally.asked, unknown = tally.unknown,
                refused = tally.refused, accounts = tally.accounts(),
                "blind: {}; no refusal there is believed until that ends. `keysweep providers trust {provider}` ends it",
                blind.why.sentence()
            );
            ("provider.blind", blinded(scope, blind, tally))
        }
        Change::Sighted(blind, ending) => {
            tracing::warn!(
                %provider, protocol, endpoint, since = %blind.since, by = ending.as_str(), "sighted again: refusals count"
            );
            ("provider.sighted", sighted(scope, blind, ending.as_str()))
        }
    };
    Event { at: now, kind, subject: format!("provider:{provider}"), data }
}

fn blinded(scope: &Scope, blind: &Blind, tally: &Tally) -> serde_json::Map<String, Value> {
    facts([
        ("protocol", scope.protocol.as_str().into()),
        ("endpoint", scope.endpoint.as_str().into()),
        ("why", blind.why.as_str().into()),
        ("asked", tally.asked.into()),
        ("unknown", tally.unknown.into()),
        ("formerly_live", tally.formerly_live.into()),
        ("refused", tally.refused.into()),
        ("accounts", tally.accounts().into()),
    ])
}

fn sighted(scope: &Scope, blind: &Blind, by: &str) -> serde_json::Map<String, Value> {
    facts([
        ("protocol", scope.protocol.as_str().into()),
        ("endpoint", scope.endpoint.as_str().into()),
        ("since", blind.since.to_string().into()),
        ("why", blind.why.as_str().into()),
        ("by", by.into()),
    ])
}
