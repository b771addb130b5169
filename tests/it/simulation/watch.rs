//! The invariants, held against what is really so, and not against the program's own ideas.

mod deaths;
mod end;
mod files;
mod mails;
mod reports;

use std::collections::{BTreeMap, HashMap, HashSet};

use keysweep::domain::belief::Liveness;
use keysweep::domain::blindness::Ending;
use keysweep::domain::finding::{FindingChange, KnownFinding};
use keysweep::domain::ids::{ConnectionId, CredentialId, ProviderName};
use keysweep::domain::rules;
use keysweep::domain::settling::settle;
use keysweep::domain::time::Timestamp;
use keysweep::escrow::Escrow;
use keysweep::ledger::Ledger;
use keysweep::ledger::read::{CredentialFilter, CredentialRow, EventRow};
use keysweep::ports::judge::JudgeLedger as _;
use keysweep::ports::{Clock as _, Vault as _};
use serde_json::{Map, Value};

use self::reports::Proven as _;
use super::answers::{Gave, Heard};
use super::source::Misreading;
use super::stage::{Scanned, Stage};
use super::world::Standing;

/// How much is read at once.
const PAGE: usize = 10_000;

/// Who watches one ledger.
#[derive(Debug, Default)]
pub struct Watch {
    /// what was broken, in sentences
    pub broken: Vec<String>,
    /// the log up to here was read
    last_event: i64,
    /// what the log says of each credential
    replay: BTreeMap<CredentialId, Liveness>,
    /// keys by the short name of their fingerprint
    by_short: HashMap<String, usize>,
    /// credentials by number, as keys
    keys: BTreeMap<CredentialId, usize>,
    /// what the provider last said to a scan that came to its end
    gave: HashMap<usize, Gave>,
    /// when something was last in the way: of all, of a provider's, of one key
    all_disturbed: Option<Timestamp>,
    provider_disturbed: HashMap<ProviderName, Timestamp>,
    key_disturbed: HashMap<usize, Timestamp>,
    /// endpoints that are not believed, as the log says, and providers that were not in this scan
    blind: HashSet<String>,
    doubted: HashSet<ProviderName>,
    /// when bulk refusals of a provider were last believed, for having lasted
    trusted: HashMap<ProviderName, Timestamp>,
    /// living keys that were refused since a provider began to refuse everybody
    bulk: HashMap<ProviderName, HashSet<usize>>,
    /// when keys really died to keysweep
    died: HashMap<usize, Timestamp>,
    /// keys that died while they were let in, as decision 11 says that they may: what follows from that is no news
    died_by_a_limit: HashSet<usize>,
    /// sealed copies that were held once
    sealed: BTreeMap<CredentialId, String>,
    mails: mails::Seen,
    looked: u64,
}

impl Watch {
    /// True where a key is so well known to be let in that a stray refusal of it would be one alone.
    pub fn is_at_peace(&self, key: usize) -> bool {
        self.gave.get(&key) == Some(&Gave::Let)
    }

    /// How many credentials the ledger knows.
    pub fn known(&self) -> u64 {
        self.keys.len() as u64
    }

    /// What was wrong besides a scan: our clock moved, or keysweep stayed away.
    pub fn disturb_all(&mut self, now: Timestamp) {
        self.all_disturbed = Some(now);
    }

    fn tell(&mut self, stage: &Stage, what: &str) {
        let now = stage.world.borrow().now;
        self.broken.push(format!("scan {} at {now}: {what}", stage.step.get()));
    }

    /// Everything that must hold after a scan, whole or not.
    pub async fn look(&mut self, stage: &Stage, ledger: &Ledger, vault: &Escrow, scanned: &Scanned) {
        self.looked += 1;
        let closely = self.looked.is_multiple_of(stage.plan.look_every);
        if let Some(error) = &scanned.error {
            self.tell(stage, &format!("the scan failed: {error}"));
        }
        self.learn(stage, vault);
        self.note_bulk(stage);
        let before = self.replay.clone();
        let events = self.read_log(stage, ledger).await;
        let rows = if closely { all_credentials(ledger).await } else { Vec::new() };
        self.know(&rows);
        self.every_step_was_called_for(stage, ledger, &events).await;
        self.the_log_explains(stage, &rows);
        self.what_was_heard_is_believed(stage, scanned, &rows);
        self.note_disturbances(stage, scanned);
        if scanned.whole && closely {
            self.deleted_and_accepted_is_reported(stage, ledger, &rows).await;
        }
        if scanned.whole && self.looked % (4 * stage.plan.look_every) == 1 {
            self.judging_all_changes_nothing(stage, ledger).await;
        }
        self.mark_shown(stage);
        self.letters_are_right(stage, &before);
        if self.looked % 128 == 3 {
            self.nothing_shredded_is_left(stage).await;
        }
    }

    fn learn(&mut self, stage: &Stage, vault: &Escrow) {
        let world = stage.world.borrow();
        for (number, key) in world.keys.iter().enumerate().skip(self.by_short.len()) {
            let secret = keysweep::domain::secret::Secret::new(&key.secret);
            let fingerprint = vault.fingerprint(&key.provider, key.key_id.as_deref(), &secret);
            self.by_short.insert(fingerprint.short().to_owned(), number);
        }
    }

    /// The key of a credential.
    async fn key_behind(&mut self, ledger: &Ledger, id: CredentialId) -> Option<usize> {
        if let Some(key) = self.keys.get(&id) {
            return Some(*key);
        }
        // Whatever came into the ledger since: they are numbered in their order.
        let last = self.keys.last_key_value().map_or(CredentialId(0), |(id, _)| *id);
        self.know(&ledger.credentials(&CredentialFilter::default(), last, PAGE).await.expect("a ledger"));
        self.keys.get(&id).copied()
    }

    fn know(&mut self, rows: &[CredentialRow]) {
        let known = rows.iter().filter_map(|row| Some((row.id, *self.by_short.get(&row.credential)?)));
        self.keys.extend(known);
    }

    async fn read_log(&mut self, stage: &Stage, ledger: &Ledger) -> Vec<EventRow> {
        let mut fresh = Vec::new();
        loop {
            let page = ledger.events(self.last_event, PAGE).await.expect("a ledger");
            let Some(last) = page.last() else { break };
            self.last_event = last.id;
            fresh.extend(page);
        }
        let mut tally = stage.tally.borrow_mut();
        fresh.iter().for_each(|event| tally.events.add(&event.kind));
        drop(tally);
        self.doubted = self.blind.iter().map(|scope| provider_of(scope)).collect();
        for event in &fresh {
            let place = |name| event.data.get(name).and_then(Value::as_str).unwrap_or_default();
            let scope = format!("{} {}/{}", event.subject, place("protocol"), place("endpoint"));
            match event.kind.as_str() {
                "provider.blind" => {
                    self.doubted.insert(provider_of(&scope));
                    self.blind.insert(scope);
                }
                "provider.sighted" => {
                    self.blind.remove(&scope);
                    if event.data.get("by").and_then(Value::as_str) == Some(Ending::Refusals.as_str()) {
                        self.trusted.insert(provider_of(&scope), stage.world.borrow().now);
                    }
                }
                _ => {}
            }
        }
        fresh
    }

    /// Never dead while the provider lets the key in, never live from an error, and unknown changes nothing: each
    /// transition in the log was called for by what the provider really said in this scan.
    async fn every_step_was_called_for(&mut self, stage: &Stage, ledger: &Ledger, events: &[EventRow]) {
        for event in events {
            let Some(id) = credential_of(event) else { continue };
            let (from, to) = (word(event, "from"), word(event, "to"));
            let known = self.replay.get(&id).copied().unwrap_or_default();
            if from != Some(known) {
                self.tell(stage, &format!("the log leaves a gap: {event:?}, and before it was {known}"));
            }
            let Some(to) = to else { continue };
            self.replay.insert(id, to);
            let Some(key) = self.key_behind(ledger, id).await else {
                self.tell(stage, &format!("nobody's credential: {event:?}"));
                continue;
            };
            let heard: Vec<Heard> = stage.heard.borrow().iter().filter(|heard| heard.key == key).cloned().collect();
            let gave = |wanted: &[Gave]| heard.iter().any(|heard| wanted.contains(&heard.gave));
            let provider = stage.world.borrow().keys[key].provider.clone();
            let is_taken_back = event.kind == "credential.taken_back" && known == Liveness::Suspect;
            let is_outlived = event.kind == "credential.outlived";
            let called_for = match to {
                _ if is_outlived => self.is_over(stage, key),
                Liveness::Live | Liveness::Unverified if is_taken_back => self.doubted.contains(&provider),
                Liveness::Live => gave(&[Gave::Let]),
                Liveness::Suspect => gave(&[Gave::Refused, Gave::Partly]),
                Liveness::Dead => gave(&[Gave::Refused]),
                Liveness::Shredded => self.may_be_destroyed(stage, key, known),
                Liveness::Unverified => known == Liveness::Shredded,
            };
            stage.tally.borrow_mut().checked.add("transitions that were called for");
            if !called_for {
                self.tell(stage, &format!("key {key} became {to} without a reason: {event:?}, heard {heard:?}"));
            } else if is_outlived {
                self.died.insert(key, stage.world.borrow().now);
            } else if to == Liveness::Dead {
                self.died.insert(key, stage.world.borrow().now);
                self.death_is_true(stage, key, &heard);
            } else if to == Liveness::Shredded {
                self.note_an_early_end(stage, key);
            }
        }
    }

    /// Replaying the log gives what is believed now.
    fn the_log_explains(&mut self, stage: &Stage, rows: &[CredentialRow]) {
        for row in rows {
            let replayed = self.replay.get(&row.id).copied().unwrap_or_default();
            if replayed != row.liveness {
                let what = format!("credential {} is {}, and the log says {replayed}", row.id, row.liveness);
                self.tell(stage, &what);
            }
        }
        stage.tally.borrow_mut().checked.add_all("states explained by the log", rows.len() as u64);
    }

    /// After a scan that came to its end: who was let in is live, who was turned away is not, and who was not heard is
    /// what they were.
    fn what_was_heard_is_believed(&mut self, stage: &Stage, scanned: &Scanned, rows: &[CredentialRow]) {
        if !scanned.whole {
            return; // what was heard and not written down is asked once more
        }
        let heard: HashMap<usize, Gave> = stage.heard.borrow().iter().map(|heard| (heard.key, heard.gave)).collect();
        let limited = |key: &usize| stage.world.borrow().keys[*key].standing == Standing::Limited;
        for row in rows {
            let Some(key) = self.keys.get(&row.id) else { continue };
            let Some(gave) = heard.get(key) else { continue };
            let wrong = match gave {
                // Holding may have ended with that very answer; whether it had to is asked elsewhere.
                Gave::Let if row.liveness == Liveness::Shredded => row.is_proven(),
                // Nothing is learnt from "not allowed" where everybody is turned away just now.
                Gave::Let if limited(key) && self.doubted.contains(&row.provider) => false,
                Gave::Let => row.liveness != Liveness::Live,
                Gave::Refused if self.doubted.contains(&row.provider) => false,
                Gave::Refused => matches!(row.liveness, Liveness::Live | Liveness::Unverified),
                Gave::Partly | Gave::Nothing => false,
            };
            if wrong {
                self.tell(stage, &format!("credential {} is {} after {gave:?}", row.id, row.liveness));
            }
        }
        stage.tally.borrow_mut().checked.add_all("answers believed", heard.len() as u64);
        let definite = heard.into_iter().filter(|(_, gave)| *gave != Gave::Nothing);
        self.gave.extend(definite);
    }

    fn note_disturbances(&mut self, stage: &Stage, scanned: &Scanned) {
        let now = stage.world.borrow().now;
        let harmless = matches!(scanned.misreading, None | Some(Misreading::Twice));
        if !scanned.whole || !harmless || scanned.held_back > 0 {
            self.all_disturbed = Some(now);
        }
        let weather = stage.weather.borrow();
        let down = weather.outages.keys().chain(weather.bulk.keys()).chain(&scanned.given_up);
        self.provider_disturbed.extend(down.map(|provider| (provider.clone(), now)));
        let disturbed = stage.heard.borrow();
        let disturbed = disturbed.iter().filter(|heard| matches!(heard.gave, Gave::Nothing | Gave::Partly));
        self.key_disturbed.extend(disturbed.map(|heard| (heard.key, now)));
        self.key_disturbed.extend(weather.strays.keys().map(|key| (*key, now)));
    }

    /// Judging what is due has left nothing to say for judging all.
    async fn judging_all_changes_nothing(&mut self, stage: &Stage, ledger: &Ledger) {
        let (now, mut after) = (stage.now(), ConnectionId(0));
        // What the mail after the judgement has made due is judged by the next scan.
        let due = ledger.due_subjects(now, ConnectionId(0), PAGE).await.expect("a ledger");
        let due: HashSet<ConnectionId> = due.iter().map(|(subject, _)| subject.connection.id).collect();
        let policy = stage.policy();
        loop {
            let page = ledger.all_subjects(after, PAGE).await.expect("a ledger");
            let Some((last, _)) = page.last() else { return };
            after = last.connection.id;
            for (subject, known) in page.iter().filter(|(subject, _)| !due.contains(&subject.connection.id)) {
                let rulings = rules::judge(subject, &policy, now);
                let mut changes = settle(subject.connection.id, &rulings, known, &subject.uses);
                changes.retain(|change| !only_moves_on(change, known));
                if !changes.is_empty() {
                    let id = &subject.connection.external_id;
                    self.tell(stage, &format!("{id} was not due, and yet its verdict changes: {changes:?}"));
                }
            }
            stage.tally.borrow_mut().checked.add_all("connections judged again", page.len() as u64);
        }
    }
}

/// True where a finding's evidence differs by no more than the last acceptance and the last reason of a run of unknown
/// answers: those move on with every probe, and nobody is made due by them.
fn only_moves_on(change: &FindingChange, known: &[KnownFinding]) -> bool {
    let FindingChange::Updated { id, severity, since, evidence, mailed } = change else { return false };
    let lasting = |evidence: &Map<String, Value>| {
        let mut evidence = evidence.clone();
        evidence.retain(|fact, _| fact != "accepted_at" && fact != "unknown_reason");
        evidence
    };
    known.iter().any(|old| {
        let same = (old.id, old.severity, old.since, old.mailed) == (*id, *severity, *since, *mailed);
        same && lasting(&old.evidence) == lasting(evidence)
    })
}

fn credential_of(event: &EventRow) -> Option<CredentialId> {
    let number = event.subject.strip_prefix("credential:")?;
    let is_transition = event.data.contains_key("to");
    number.parse().ok().map(CredentialId).filter(|_| is_transition)
}

fn provider_of(scope: &str) -> ProviderName {
    ProviderName::new(scope.trim_start_matches("provider:").split(' ').next().unwrap_or_default())
}

fn word(event: &EventRow, name: &str) -> Option<Liveness> {
    serde_json::from_value(event.data.get(name)?.clone()).ok()
}

async fn all_credentials(ledger: &Ledger) -> Vec<CredentialRow> {
    let (mut rows, mut after) = (Vec::new(), CredentialId(0));
    loop {
        let page = ledger.credentials(&CredentialFilter::default(), after, PAGE).await.expect("a ledger");
        let Some(last) = page.last() else { return rows };
        after = last.id;
        rows.extend(page);
    }
}
