//! A provider with two ways in for two kinds of key (MailerLite): that one is well says nothing for those who live at the
//! other. In virtual time.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use keysweep::domain::belief::Liveness;
use keysweep::domain::diff::Watched;
use keysweep::domain::ids::{CredentialId, ProviderName};
use keysweep::domain::outcome::{Answer, Part, Verdict, combine};
use keysweep::domain::policy::{Hold, LivenessPolicy};
use keysweep::domain::secret::Secret;
use keysweep::domain::time::{Timestamp, hours};
use keysweep::escrow::entropy::NoEntropy;
use keysweep::escrow::{Escrow, MasterKey};
use keysweep::inventory::{FileKind, FileSource};
use keysweep::ledger::Ledger;
use keysweep::ledger::read::CredentialFilter;
use keysweep::ports::meter::Unmetered;
use keysweep::ports::probe::{Prober, Question};
use keysweep::ports::refs::NoRefs;
use keysweep::ports::{Clock, Quiet};
use keysweep::scan::collect::{CollectPolicy, Usual};
use keysweep::scan::probe::ProbeTools;
use keysweep::scan::{SourceSpec, collect, probe};

use crate::support::MASTER_KEY;

const START: Timestamp = Timestamp::from_secs(1_790_000_000);

/// So many keys of the older kind and of the newer, each of an account of its own, and what is let in nowhere any more.
struct Estate {
    folder: tempfile::TempDir,
    ledger: Ledger,
    vault: Escrow,
    now: Cell<Timestamp>,
    /// the way in of the older keys refuses everybody
    classic_is_down: Cell<bool>,
    revoked: RefCell<BTreeSet<String>>,
}

impl Estate {
    async fn of(classic: usize, tokens: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let ledger = Ledger::open(&url).await.expect("a new ledger");
        let master = MasterKey::parse(&Secret::new(MASTER_KEY)).expect("a key");
        ledger.ledger_id("0123456789abcdef").await.expect("a name");
        let (vault, _) = Escrow::create(&master, constant).expect("a new key");
        let mut csv = "connection_id,account_id,provider,secret\n".to_owned();
        let kinds = [("classic", classic), ("token", tokens)];
        for (kind, count) in kinds {
            csv.extend((0..count).map(|nth| format!("{kind}-{nth},of-{kind}-{nth},mailerlite,{kind}-secret-{nth}\n")));
        }
        fs::write(folder.path().join("connections.csv"), csv).expect("a folder that can be written");
        fs::write(folder.path().join("people.csv"), "account_id,member_id,email\n").expect("likewise");
        let (now, classic_is_down, revoked) = (Cell::new(START), Cell::default(), RefCell::default());
        Self { folder, ledger, vault, now, classic_is_down, revoked }
    }

    /// Scans every hour for so long.
    async fn goes_on_for(&self, span: Duration) {
        let end = self.now.get() + span;
        while self.now.get() < end {
            self.scan().await;
            self.now.set(self.now.get() + hours(1));
        }
    }

    async fn scan(&self) {
        let spec = SourceSpec {
            name: "main".to_owned(),
            absent_after: hours(1),
            vanish_percent: 20,
            secrets_replaceable: false,
        };
        let path = |name: &str| self.folder.path().join(name);
        let source = FileSource {
            name: "main".to_owned(),
            kind: FileKind::Csv,
            path: path("connections.csv"),
            people_path: Some(path("people.csv")),
        };
        let watched = Watched::default();
        let connects_by =
            |_: &ProviderName| Some(Usual { auth: keysweep::domain::record::Auth::Key, has_key_id: true });
        let policy = CollectPolicy { hold: Hold::UntilProven, connects_by: &connects_by, watched, refs: &NoRefs };
        let source = source.open(self.now());
        collect(&self.ledger, &self.vault, self, &spec, source, &policy, &Quiet).await.expect("a ledger");
        let tools = ProbeTools {
            ledger: &self.ledger,
            prober: self,
            vault: &self.vault,
            clock: self,
            progress: &Quiet,
            meter: &Unmetered,
            policy: &|_| LivenessPolicy::default(),
        };
        probe(&tools).await.expect("a ledger");
    }

    async fn counts(&self) -> BTreeMap<Liveness, usize> {
        let rows = self.ledger.credentials(&CredentialFilter::default(), CredentialId(0), 100).await.expect("rows");
        let mut counts = BTreeMap::new();
        rows.iter().for_each(|row| *counts.entry(row.liveness).or_default() += 1);
        counts
    }

    async fn blind(&self) -> Vec<String> {
        let blind = self.ledger.blind_endpoints().await.expect("endpoints");
        blind.into_iter().map(|(scope, _)| scope.to_string()).collect()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of an entropy")]
fn constant(buffer: &mut [u8]) -> Result<(), NoEntropy> {
    buffer.fill(7);
    Ok(())
}

impl Clock for Estate {
    fn now(&self) -> Timestamp {
        self.now.get()
    }
}

impl Prober for Estate {
    async fn ask(&self, question: &Question<'_>) -> Answer {
        tokio::task::yield_now().await;
        let secret = question.secret.expose();
        let is_good = !self.revoked.borrow().contains(secret);
        let takes_token = is_good && secret.starts_with("token");
        let takes_classic = is_good && secret.starts_with("classic") && !self.classic_is_down.get();
        let part = |protocol: &str, is_let_in: bool| Part {
            protocol: protocol.to_owned(),
            endpoint: "default".to_owned(),
            verdict: if is_let_in { Verdict::Accepted } else { Verdict::Refused },
            status: None,
        };
        let mut parts = vec![part("rest", takes_token)];
        if !takes_token {
            parts.push(part("classic", takes_classic));
        }
        let (outcome, at) = (combine(&parts), self.now());
        Answer {
            outcome,
            parts,
            at,
            took: Duration::ZERO,
            retry_after: None,
            date: None,
            kind: None,
            is_mistaken: false,
        }
    }

    fn in_flight(&self, _: &ProviderName) -> Option<usize> {
        Some(2)
    }

    fn control(&self, _: &ProviderName) -> Option<(Option<String>, Secret)> {
        None
    }
}

#[tokio::test]
async fn a_way_in_that_turns_everybody_away_kills_nobody_though_another_one_is_well() {
    let estate = Estate::of(6, 8).await;
    estate.goes_on_for(hours(26)).await;
    assert_eq!(estate.counts().await, BTreeMap::from([(Liveness::Live, 14)]));
    estate.classic_is_down.set(true);
    estate.goes_on_for(hours(40)).await;
    assert_eq!(estate.counts().await, BTreeMap::from([(Liveness::Live, 14)]));
    assert_eq!(estate.blind().await, ["mailerlite classic/default"]);
    estate.classic_is_down.set(false);
    estate.goes_on_for(hours(26)).await;
    assert_eq!((estate.counts().await[&Liveness::Live], estate.blind().await.len()), (14, 0));
}

#[tokio::test]
async fn too_few_to_tell_an_outage_are_suspects_until_three_refusals_reach_over_three_days() {
    let estate = Estate::of(3, 8).await;
    estate.goes_on_for(hours(26)).await;
    estate.classic_is_down.set(true);
    estate.goes_on_for(hours(72)).await;
    assert_eq!(estate.counts().await, BTreeMap::from([(Liveness::Live, 8), (Liveness::Suspect, 3)]));
    assert_eq!(estate.blind().await, [""; 0]);
}

#[tokio::test]
async fn a_revoked_key_dies_by_the_acceptance_of_another_of_its_kind() {
    let estate = Estate::of(3, 8).await;
    estate.goes_on_for(hours(26)).await;
    for kind in ["classic", "token"] {
        estate.revoked.borrow_mut().insert(format!("{kind}-secret-1"));
    }
    estate.goes_on_for(hours(27)).await;
    assert_eq!(estate.counts().await, BTreeMap::from([(Liveness::Live, 9), (Liveness::Dead, 2)]));
}
