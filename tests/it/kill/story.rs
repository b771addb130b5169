//! Forty days of a small estate in eight scans, in virtual time: keys grow old, are left behind, replaced, refused, proven
//! dead and shredded; a connection vanishes; people come within reach; reminders fall due.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keysweep::domain::diff::Watched;
use keysweep::domain::ids::{CredentialId, ProviderName};
use keysweep::domain::outcome::{Answer, Part, Verdict, combine};
use keysweep::domain::policy::{Hold, LivenessPolicy, Policy};
use keysweep::domain::record::{Address, Auth};
use keysweep::domain::secret::Secret;
use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::escrow::entropy::NoEntropy;
use keysweep::escrow::{Escrow, MasterKey, Wrapped};
use keysweep::inventory::{FileKind, FileSource};
use keysweep::ledger::Ledger;
use keysweep::notify::{Backoff, MailPace, NotifyError, NotifyPolicy, NotifyTools, TellPolicy, notify};
use keysweep::ports::meter::Unmetered;
use keysweep::ports::notify::{ClaimedMail, MailSession, Mailer, Recheck, Renderer, SendError};
use keysweep::ports::probe::{Prober, Question};
use keysweep::ports::refs::NoRefs;
use keysweep::ports::{Clock, LedgerError, Quiet};
use keysweep::scan::collect::{CollectPolicy, Usual};
use keysweep::scan::probe::{ProbeTools, probe_these};
use keysweep::scan::{SourceSpec, collect, judge, probe};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::mortal::Mortal;
use super::process::Life;
use crate::support::MASTER_KEY;

/// When the story begins.
const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// When it is scanned, in hours from the start.
pub const SCANS: [u64; 8] = [0, 24, 26, 96, 192, 194, 240, 960];
/// From this hour on the provider refuses the key that was left behind on the second day.
const REFUSED_FROM: u64 = 150;

/// A mail that the mail server took.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivered {
    /// the recipient
    pub to: String,
    /// its Message-ID and what it tells
    pub message: String,
}

/// The world around one scan. It outlives a killed process.
pub struct Story {
    folder: PathBuf,
    now: Cell<Timestamp>,
    delivered: RefCell<Vec<Delivered>>,
}

impl Story {
    /// The story in a folder of its own.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), now: Cell::new(START), delivered: RefCell::default() }
    }

    /// Moves to an hour of the story: the platform writes its lists, the mail server forgets what it took.
    pub fn turn_to(&self, hour: u64) {
        self.now.set(START + hours(hour));
        fs::write(self.folder.join("connections.csv"), connections(hour)).expect("a folder that can be written");
        fs::write(self.folder.join("people.csv"), people(hour)).expect("a folder that can be written");
        self.delivered.borrow_mut().clear();
    }

    /// What the mail server took since, sorted.
    pub fn delivered(&self) -> Vec<Delivered> {
        let mut delivered = self.delivered.borrow().clone();
        delivered.sort();
        delivered
    }

    /// The whole scan of one process, which may die in it. The ledger is opened anew and dropped in the end.
    pub async fn scan(&self, ledger: &str, life: &Life) -> Result<(), String> {
        let ledger = Ledger::open(ledger).await.expect("a ledger that can be opened after any death");
        let vault = unlock(&ledger).await;
        let ledger = Mortal::new(ledger, life);
        let result = self.stages(&ledger, &vault).await;
        ledger.ledger.close().await;
        result.map_err(|error| error.to_string())
    }

    async fn stages(&self, ledger: &Mortal<'_>, vault: &Escrow) -> Result<(), NotifyError<LedgerError>> {
        let run = ledger.begin_scan(self.now()).await?;
        let spec = SourceSpec {
            name: "main".to_owned(),
            absent_after: hours(1),
            vanish_percent: 20,
            secrets_replaceable: false,
        };
        let source = FileSource {
            name: "main".to_owned(),
            kind: FileKind::Csv,
            path: self.folder.join("connections.csv"),
            people_path: Some(self.folder.join("people.csv")),
        };
        let connects_by =
            |name: &ProviderName| (name.as_str() == "kit").then_some(Usual { auth: Auth::Key, has_key_id: false });
        let watched = Watched::default();
        let policy = CollectPolicy { hold: Hold::UntilProven, connects_by: &connects_by, watched, refs: &NoRefs };
        let collected = collect(ledger, vault, self, &spec, source.open(self.now()), &policy, &Quiet).await?;
        assert_eq!(collected.error, None);
        let again = Again { story: self, ledger, vault };
        probe(&again.tools()).await?;
        again.judge().await?;
        let policy = NotifyPolicy {
            recheck_after: hours(1),
            sessions: 1,
            lease: hours(1),
            retry: Backoff { waits: vec![Duration::from_secs(60)], ..Backoff::default() },
            suppress_for: days(90),
            domain: "example.org".to_owned(),
            tell: TellPolicy::default(),
        };
        let tools = NotifyTools {
            ledger,
            mailer: &self,
            renderer: self,
            recheck: &again,
            clock: self,
            progress: &Quiet,
            links: None,
            returns: None,
            meter: &Unmetered,
            pace: &MailPace::new(None, None),
            policy: &policy,
        };
        notify(&tools, run).await?;
        Ok(ledger.end_scan(run, self.now()).await?)
    }
}

/// Everything that a ledger says, as text: what must be the same however often it was interrupted.
pub async fn contents(ledger: &str) -> Vec<String> {
    const TABLES: [&str; 9] = [
        "SELECT json_array('connection', external_id, status, digest, absent_since, judge_at) AS row FROM connection",
        "SELECT json_array('credential', id, fingerprint, liveness, belief, parts, secret_since, provenance, idle_since,
                           probe_at) AS row FROM credential",
        "SELECT json_array('escrow', credential_id, held) AS row FROM escrow",
        "SELECT json_array('use', connection_id, credential_id, since, until, ended_by, ended_seen_at, first_run) AS row
         FROM use",
        "SELECT json_array('finding', rule, connection_id, credential_id, state, opening, severity, since, opened_at,
                           closed_at, closed_why, evidence, mailed, last_step, next_step_at) AS row FROM finding",
        "SELECT json_array('notice', finding_id, opening, step, person_id, state) AS row FROM notice",
        "SELECT json_array('mail', person_id, message_id, state) AS row FROM mail",
        "SELECT json_array('person', member_id, email, status, verified, absent_since) AS row FROM person",
        "SELECT json_array('event', at, kind, subject, data) AS row FROM event",
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("copy.db");
    Ledger::copy_to(ledger, &path).await.expect("a copy");
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = options.connect().await.expect("the ledger's file");
    let mut rows = Vec::new();
    for table in TABLES {
        rows.extend(sqlx::query_scalar::<_, String>(table).fetch_all(&mut connection).await.expect("rows"));
    }
    connection.close().await.expect("a clean end");
    rows.sort();
    rows
}

/// Always the same bytes, so that two runs of the story have the same fingerprints.
#[expect(clippy::unnecessary_wraps, reason = "the shape of an entropy")]
fn constant(buffer: &mut [u8]) -> Result<(), NoEntropy> {
    buffer.fill(7);
    Ok(())
}

async fn unlock(ledger: &Ledger) -> Escrow {
    let master = MasterKey::parse(&Secret::new(MASTER_KEY)).expect("a key");
    ledger.ledger_id("0123456789abcdef").await.expect("a name");
    if let Some((key_id, wrapped)) = ledger.wrapped_key().await.expect("the ledger's key") {
        return Escrow::unlock(&master, &Wrapped { key_id, wrapped }, constant).expect("the same master key");
    }
    let (escrow, Wrapped { key_id, wrapped }) = Escrow::create(&master, constant).expect("a new key");
    ledger.set_wrapped_key(&key_id, &wrapped).await.expect("room for it");
    escrow
}

fn connections(hour: u64) -> String {
    let day = |back: u64| (START.as_secs() - i64::try_from(back * 86_400).expect("few days")).to_string();
    let (old, new, deleted_at) = (day(200), day(10), (START + hours(20)).as_secs());
    let mut csv =
        "connection_id,account_id,provider,status,created_at,deleted_at,secret_set_at,created_by,secret\n".to_owned();
    let mut row = |cells: &str| csv.push_str(&format!("{cells}\n"));
    row(&format!("c1,a,kit,active,{old},,{old},maker-a,kit_shared_and_stale"));
    row(&format!("c3,a,kit,active,{old},,{old},owner-a,kit_shared_and_stale"));
    if hour < 24 {
        row(&format!("c2,a,kit,active,{new},,{new},maker-a,kit_left_behind"));
        row(&format!("c5,b,kit,active,{new},,{new},owner-b,kit_before_replacing"));
        row(&format!("c6,b,kit,active,{new},,{new},owner-b,kit_of_the_vanished"));
    } else {
        row(&format!("c2,a,kit,deleted,{new},{deleted_at},{new},maker-a,kit_left_behind"));
        row(&format!("c5,b,kit,active,{new},,,owner-b,kit_after_replacing"));
    }
    row(&format!("c4,b,kit,active,{new},,{new},suspended-b,kit_orphaned"));
    row(&format!("c7,c,kit,active,{old},,{old},owner-c,kit_out_of_reach"));
    row("c8,c,no-such-provider,active,,,,,set_aside");
    csv
}

fn people(hour: u64) -> String {
    let verified = hour >= 96;
    format!(
        "account_id,member_id,email,role,status,verified\n\
         a,owner-a,owner-a@example.org,owner,active,true\n\
         a,maker-a,maker-a@example.org,member,active,true\n\
         b,owner-b,owner-b@example.org,owner,active,true\n\
         b,suspended-b,suspended-b@example.org,member,suspended,true\n\
         c,owner-c,owner-c@example.org,owner,active,{verified}\n"
    )
}

impl Clock for Story {
    fn now(&self) -> Timestamp {
        self.now.get()
    }
}

impl Prober for Story {
    async fn ask(&self, question: &Question<'_>) -> Answer {
        tokio::task::yield_now().await; // so that several are under way at once
        let refused = question.secret.expose() == "kit_left_behind" && self.now() >= START + hours(REFUSED_FROM);
        let verdict = if refused { Verdict::Refused } else { Verdict::Accepted };
        let part = Part { protocol: "rest".to_owned(), endpoint: "default".to_owned(), verdict, status: None };
        let parts = vec![part];
        Answer {
            outcome: combine(&parts),
            parts,
            at: self.now(),
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

impl Renderer for Story {
    fn render(&self, mail: &ClaimedMail, _: Timestamp) -> Result<Vec<u8>, String> {
        let mut told: Vec<String> =
            mail.notices.iter().map(|n| format!("{} {} step {}", n.rule.as_str(), n.connection, n.step)).collect();
        told.sort();
        Ok(format!("{}: {}", mail.message_id, told.join(", ")).into_bytes())
    }
}

/// A session of the simulated mail server.
pub struct Session<'a> {
    story: &'a Story,
    to: String,
}

impl<'a> Mailer for &'a Story {
    type Session = Session<'a>;

    async fn open(&self) -> Result<Session<'a>, SendError> {
        Ok(Session { story: self, to: String::new() })
    }
}

impl MailSession for Session<'_> {
    async fn offer(&mut self, _: Option<&Address>, to: &Address) -> Result<(), SendError> {
        to.expose().clone_into(&mut self.to);
        Ok(())
    }

    async fn transmit(&mut self, message: &[u8]) -> Result<String, SendError> {
        let message = String::from_utf8(message.to_vec()).expect("text");
        self.story.delivered.borrow_mut().push(Delivered { to: self.to.clone(), message });
        Ok("250 kept".to_owned())
    }

    async fn close(self) {}
}

/// Asks and judges, in the scan and once more before mail.
struct Again<'a> {
    story: &'a Story,
    ledger: &'a Mortal<'a>,
    vault: &'a Escrow,
}

impl<'a> Again<'a> {
    fn tools(&self) -> ProbeTools<'_, Mortal<'a>, Story, Escrow, Story, Quiet> {
        ProbeTools {
            ledger: self.ledger,
            prober: self.story,
            vault: self.vault,
            clock: self.story,
            progress: &Quiet,
            meter: &Unmetered,
            policy: &|_| LivenessPolicy::default(),
        }
    }

    async fn judge(&self) -> Result<(), LedgerError> {
        judge(self.ledger, self.story, &Policy::default(), "rules of the story", &Quiet).await.map(drop)
    }
}

impl Recheck for Again<'_> {
    type Error = LedgerError;

    async fn recheck(&self, credentials: &[CredentialId]) -> Result<(), LedgerError> {
        probe_these(&self.tools(), credentials).await?;
        self.judge().await
    }
}
