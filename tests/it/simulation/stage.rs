//! The stage: the real stages of a scan over a real ledger, in virtual time.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use keysweep::domain::catalogue::Provider;
use keysweep::domain::diff::Watched;
use keysweep::domain::ids::{CredentialId, ProviderName};
use keysweep::domain::policy::{Hold, LivenessPolicy, Policy, RulePolicy};
use keysweep::domain::secret::Secret;
use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::escrow::entropy::NoEntropy;
use keysweep::escrow::{Escrow, MasterKey, Wrapped};
use keysweep::ledger::Ledger;
use keysweep::notify::{Backoff, MailPace, NotifyError, NotifyPolicy, NotifyTools, TellPolicy, notify};
use keysweep::ports::meter::Unmetered;
use keysweep::ports::notify::Recheck;
use keysweep::ports::refs::NoRefs;
use keysweep::ports::{Clock, LedgerError, Quiet};
use keysweep::providers::Catalogue;
use keysweep::scan::collect::{CollectPolicy, Usual};
use keysweep::scan::probe::{ProbeTools, probe_these};
use keysweep::scan::time::set_clock;
use keysweep::scan::{Collected, SourceSpec, absence, collect, judge, probe};
use regex::Regex;

use super::Plan;
use super::answers::Heard;
use super::dice::Dice;
use super::faults::Weather;
use super::post::Post;
use super::source::{Listing, Misreading};
use super::tally::Tally;
use super::world::{MAIN, MISMAPPED, World};
use crate::kill::mortal::Mortal;
use crate::kill::process::Life;
use crate::support::{Kind, MASTER_KEY, Schema};

/// When every simulation begins.
pub const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// Under which name everything is judged.
const VERSION: &str = "rules of the simulation";

/// Everything around the stages of a scan.
pub struct Stage {
    /// what is played
    pub plan: Plan,
    /// what is really so
    pub world: RefCell<World>,
    /// what is wrong at the moment
    pub weather: RefCell<Weather>,
    /// what was covered
    pub tally: RefCell<Tally>,
    /// what providers said in this scan
    pub heard: RefCell<Vec<Heard>>,
    /// questions put in this scan, by secret
    pub questions: RefCell<HashMap<String, u64>>,
    /// the number of the scan
    pub step: Cell<u64>,
    /// how far our clock is set right
    pub ahead: Cell<i64>,
    /// all has calmed down: from now on every scan ends with mail
    pub is_calm: Cell<bool>,
    /// the mail server
    pub post: Post,
    /// the shipped catalogue
    pub catalogue: Catalogue,
    /// its shapes of secrets, ready for use
    pub shapes: BTreeMap<String, Regex>,
    folder: tempfile::TempDir,
    schema: Option<Schema>,
}

/// How one scan went.
#[derive(Debug, Default)]
pub struct Scanned {
    /// it came to its end
    pub whole: bool,
    /// what was wrong with the reading of the main source
    pub misreading: Option<Misreading>,
    /// connections held back, for being too many at once
    pub held_back: u64,
    /// providers that were given up
    pub given_up: Vec<ProviderName>,
    /// what failed, where that was not a death
    pub error: Option<String>,
}

impl Stage {
    /// Everything before the first scan.
    pub async fn set(plan: Plan) -> (Self, Ledger) {
        let folder = tempfile::Builder::new().prefix("keysweep-sim-").tempdir().expect("a temporary folder");
        let schema = Schema::of(plan.kind, folder.path());
        let catalogue = Catalogue::shipped().expect("a catalogue");
        let shape = |shape: &String| (shape.clone(), Regex::new(shape).expect("a checked shape"));
        let probes = catalogue.iter().flat_map(|provider| &provider.protocols).flat_map(|protocol| &protocol.probes);
        let shapes = probes.filter_map(|probe| probe.when_secret.as_ref()).map(shape).collect();
        let stage = Self {
            world: RefCell::new(World::new(plan.seed, plan.connections, plan.acts_per_day, START)),
            weather: RefCell::new(Weather::new(plan.seed, plan.troubles)),
            tally: RefCell::default(),
            heard: RefCell::default(),
            questions: RefCell::default(),
            step: Cell::new(0),
            ahead: Cell::new(0),
            is_calm: Cell::new(false),
            post: Post::default(),
            catalogue,
            shapes,
            folder,
            schema,
            plan,
        };
        let ledger = stage.open().await;
        ledger.release_mail(START).await.expect("a new ledger");
        (stage, ledger)
    }

    /// The ledger, as a new process opens it.
    pub async fn open(&self) -> Ledger {
        Ledger::open(self.url()).await.expect("a ledger that can be opened after any death")
    }

    /// The ledger's files; none where it is not in files of ours.
    pub fn files(&self) -> Vec<PathBuf> {
        match self.plan.kind {
            Kind::Postgres => Vec::new(),
            Kind::Sqlite => ["ledger.db", "ledger.db-wal"].map(|name| self.folder.path().join(name)).to_vec(),
        }
    }

    /// The ledger's address.
    pub fn url(&self) -> String {
        let file = || format!("sqlite:{}", self.folder.path().join("ledger.db").display());
        self.schema.as_ref().map_or_else(file, Schema::url)
    }

    /// The present instant by the machine's clock, which may be wrong.
    pub fn our_now(&self) -> Timestamp {
        let offset = self.weather.borrow().offset();
        Timestamp::from_millis(self.world.borrow().now.as_millis() + offset)
    }

    /// How a provider's credentials are judged.
    pub fn liveness_policy(&self, provider: &ProviderName) -> LivenessPolicy {
        let usual = LivenessPolicy::default();
        let known = self.catalogue.get(provider);
        self.plan.guard.weaken(LivenessPolicy {
            probe_every: self.plan.probe_every,
            confirm_gap: known.and_then(Provider::confirm_gap).unwrap_or(usual.confirm_gap),
            settle: known.and_then(Provider::settle).unwrap_or(usual.settle),
            grace: known.and_then(Provider::grace),
            one_secret_per_key: known.is_some_and(|known| known.rotation.one_secret_per_key),
            ..usual
        })
    }

    /// How its secrets are judged.
    pub fn policy(&self) -> Policy {
        let at = |provider: &Provider| {
            (provider.name.clone(), RulePolicy { max_age: provider.max_age(), ..RulePolicy::default() })
        };
        Policy { providers: self.catalogue.iter().map(at).collect(), ..Policy::default() }
    }

    /// One scan of one process, which may die in it. The ledger survives.
    pub async fn scan(&self, ledger: Ledger, vault: &Escrow, life: &Life) -> (Ledger, Scanned) {
        self.heard.borrow_mut().clear();
        self.questions.borrow_mut().clear();
        self.step.set(self.step.get() + 1);
        let mortal = Mortal::new(ledger, life);
        let mut scanned = Scanned::default();
        let ended = self.stages(&mortal, vault, &mut scanned).await;
        scanned.whole = ended.is_ok() && life.died_in().is_none();
        if let (Err(error), None) = (&ended, life.died_in()) {
            scanned.error = Some(error.to_string());
        }
        (mortal.ledger, scanned)
    }

    async fn stages(
        &self,
        ledger: &Mortal<'_>,
        vault: &Escrow,
        scanned: &mut Scanned,
    ) -> Result<(), NotifyError<LedgerError>> {
        let policy = |name: &ProviderName| self.liveness_policy(name);
        let again = Again { stage: self, ledger, vault };
        set_clock(&again.tools(&policy)).await?;
        let run = ledger.begin_scan(self.now()).await?;
        for source in [MAIN, MISMAPPED] {
            let collected = self.collect(ledger, vault, source, scanned).await?;
            scanned.held_back += collected.held_back;
        }
        let probed = probe(&again.tools(&policy)).await?;
        scanned.given_up = probed.given_up.into_iter().map(|(name, _)| name).collect();
        again.judge().await?;
        let mail_too = Dice::of(&[self.plan.seed, self.step.get(), 3]).per_mille(400);
        if mail_too || self.is_calm.get() {
            self.notify(&again, run).await?;
        }
        Ok(ledger.end_scan(run, self.now()).await?)
    }

    async fn notify(
        &self,
        again: &Again<'_>,
        run: keysweep::domain::ids::ScanId,
    ) -> Result<(), NotifyError<LedgerError>> {
        let policy = NotifyPolicy {
            recheck_after: hours(1),
            sessions: 2,
            lease: hours(1),
            retry: Backoff { waits: vec![Duration::from_secs(60), hours(1)], ..Backoff::default() },
            suppress_for: days(90),
            domain: "example.org".to_owned(),
            tell: TellPolicy::default(),
        };
        let tools = NotifyTools {
            ledger: again.ledger,
            mailer: &self,
            renderer: self,
            recheck: again,
            clock: self,
            progress: &Quiet,
            links: None,
            returns: None,
            meter: &Unmetered,
            pace: &MailPace::new(None, None),
            policy: &policy,
        };
        notify(&tools, run).await.map(drop)
    }

    async fn collect(
        &self,
        ledger: &Mortal<'_>,
        vault: &Escrow,
        source: &'static str,
        scanned: &mut Scanned,
    ) -> Result<Collected, LedgerError> {
        let mut dice = Dice::of(&[self.plan.seed, self.step.get(), 4]);
        let share = self.weather.borrow().troubles.readings;
        let wrong = (source == MAIN && dice.per_mille(share)).then(|| *dice.pick(&Misreading::ALL));
        if let Some(wrong) = wrong {
            scanned.misreading = Some(wrong);
            self.tally.borrow_mut().faults.add(wrong.as_str());
        }
        let listing = Listing::of(&self.world.borrow(), source, wrong, &mut dice);
        let spec = source_spec(source);
        let catalogue = &self.catalogue;
        let connects_by = |name: &ProviderName| catalogue.get(name).map(Usual::of);
        let watched = Watched::default();
        let policy = CollectPolicy { hold: Hold::UntilProven, connects_by: &connects_by, watched, refs: &NoRefs };
        let collected = collect(ledger, vault, self, &spec, listing, &policy, &Quiet).await?;
        if collected.held_back > 0 && dice.per_mille(300) {
            // The operator has looked, and says that they are gone.
            absence::accept(ledger, &spec, self.now(), None).await?;
        }
        Ok(collected)
    }
}

fn source_spec(name: &str) -> SourceSpec {
    SourceSpec { name: name.to_owned(), absent_after: hours(1), vanish_percent: 20, secrets_replaceable: true }
}

impl Clock for Stage {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.our_now().as_millis() - self.ahead.get())
    }

    fn shown(&self) -> Timestamp {
        self.our_now()
    }

    fn set_right(&self, ahead: i64) {
        self.ahead.set(ahead);
    }
}

/// Always the same bytes, so that two plays of a seed have the same fingerprints.
#[expect(clippy::unnecessary_wraps, reason = "the shape of an entropy")]
fn constant(buffer: &mut [u8]) -> Result<(), NoEntropy> {
    buffer.fill(7);
    Ok(())
}

/// The ledger's escrow.
pub async fn unlock(ledger: &Ledger) -> Escrow {
    let master = MasterKey::parse(&Secret::new(MASTER_KEY)).expect("a key");
    ledger.ledger_id("0123456789abcdef").await.expect("a name");
    if let Some((key_id, wrapped)) = ledger.wrapped_key().await.expect("the ledger's key") {
        return Escrow::unlock(&master, &Wrapped { key_id, wrapped }, constant).expect("the same master key");
    }
    let (escrow, Wrapped { key_id, wrapped }) = Escrow::create(&master, constant).expect("a new key");
    ledger.set_wrapped_key(&key_id, &wrapped).await.expect("room for it");
    escrow
}

/// Asks and judges, in the scan and once more before mail.
struct Again<'a> {
    stage: &'a Stage,
    ledger: &'a Mortal<'a>,
    vault: &'a Escrow,
}

impl<'a> Again<'a> {
    fn tools<'p>(
        &'p self,
        policy: &'p dyn Fn(&ProviderName) -> LivenessPolicy,
    ) -> ProbeTools<'p, Mortal<'a>, Stage, Escrow, Stage, Quiet> {
        ProbeTools {
            ledger: self.ledger,
            prober: self.stage,
            vault: self.vault,
            clock: self.stage,
            progress: &Quiet,
            meter: &Unmetered,
            policy,
        }
    }

    async fn judge(&self) -> Result<(), LedgerError> {
        judge(self.ledger, self.stage, &self.stage.policy(), VERSION, &Quiet).await.map(drop)
    }
}

impl Recheck for Again<'_> {
    type Error = LedgerError;

    async fn recheck(&self, credentials: &[CredentialId]) -> Result<(), LedgerError> {
        let policy = |name: &ProviderName| self.stage.liveness_policy(name);
        probe_these(&self.tools(&policy), credentials).await?;
        self.judge().await
    }
}
