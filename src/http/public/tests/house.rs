//! A listener over a real ledger, and whoever talks to it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::super::*;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::facts::{ConnectionStatus, Provenance};
use crate::domain::finding::{FindingChange, Opened, RuleName, Severity};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, FindingId, MailId, NoticeId, ScanId, SourceId, UseId};
use crate::domain::record::{Auth, PersonStatus, Role};
use crate::domain::secret::Fingerprint;
use crate::domain::signature::Signed;
use crate::domain::time::{days, hours};
use crate::ledger::NotNow;
use crate::ports::activation::Job;
use crate::ports::collect::{
    CollectChunk, CollectLedger as _, ConnectionWrite, NewAccount, NewCredential, NewUse, PersonWrite, Said,
};
use crate::ports::events::{NotTaken, Taken};
use crate::ports::judge::{JudgeBatch, JudgeLedger as _};
use crate::ports::links::{KeptLink, LinkLedger as _};
use crate::ports::meter::EventRefusal;
use crate::ports::notify::{Begun, Digest, Formed, MailEnd, NotifyLedger as _, StepTaken};
use crate::ports::probe::{Learnt, ProbeLedger as _, ProbeRecord};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
pub(super) const KIND: Severity = Severity::High;

/// The link of a finding, and one that ends mails.
pub(super) const LINK: Token = Token::new([1; 32]);
pub(super) const END: Token = Token::new([2; 32]);

/// A daemon as the listener sees it.
pub(super) struct World {
    pub(super) ledger: Arc<Ledger>,
    /// milliseconds after [`NOW`]
    pub(super) clock: AtomicI64,
    pub(super) rung: AtomicU32,
    /// the next answer proves the key dead
    pub(super) proves: AtomicBool,
    /// what becomes of the next event
    pub(super) taken: Mutex<Result<Taken, NotTaken>>,
    /// the identities of the events that came this far
    pub(super) events: Mutex<Vec<String>>,
    pub(super) turned_away: Mutex<Vec<EventRefusal>>,
}

impl Events for World {
    fn take<'a>(&'a self, message: Signed<'a>) -> BoxFuture<'a, Result<Taken, NotTaken>> {
        self.events.lock().unwrap().push(message.id.to_owned());
        ready(self.taken.lock().unwrap().clone()).boxed()
    }
}

impl Meter for World {
    fn turned_away(&self, why: EventRefusal) {
        self.turned_away.lock().unwrap().push(why);
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() + self.clock.load(Ordering::Relaxed))
    }
}

impl Bell for World {
    fn ring(&self, job: Job) {
        panic!("nobody asked for {job}");
    }

    /// The provider refuses the key.
    fn answer(&self) {
        self.rung.fetch_add(1, Ordering::Relaxed);
        let (ledger, now) = (Arc::clone(&self.ledger), self.now());
        let proves = self.proves.load(Ordering::Relaxed);
        tokio::spawn(async move {
            let liveness = if proves { Liveness::Dead } else { Liveness::Suspect };
            believe(&ledger, now, refused(liveness, now, now)).await;
            if proves {
                judge(&ledger, FindingChange::Closed { id: FindingId(1), why: "dead" }).await;
            }
            let waiting = ledger.checks_waiting(&NotNow::default()).await.unwrap();
            ledger.checks_answered(&waiting, now).await.unwrap();
        });
    }
}

pub(super) struct Words;

impl Papers for Words {
    fn describe(&self, mail: &ClaimedMail, _: Timestamp) -> Result<Described, String> {
        let notice = mail.notices.first().ok_or("no notice")?;
        Ok(Described {
            heading: format!("Reset <the> secret of {}", notice.connection),
            platform: "the platform".to_owned(),
            provider: "Mailjet".to_owned(),
            link: "https://app.example.org/keys".to_owned(),
            steps: vec!["First <this>.".to_owned()],
            breaks: "All of it stops.".to_owned(),
            old_value: "It dies.".to_owned(),
            minds: vec!["An import runs.".to_owned()],
            language: mail.locale.clone().unwrap_or_else(|| "en".to_owned()),
            steps_language: "en".to_owned(),
            guide_language: "en".to_owned(),
            ..Described::default()
        })
    }

    fn acts(&self, _: &ProviderName) -> ActPolicy {
        ActPolicy::default()
    }

    fn confirm_gap(&self, _: &ProviderName) -> Duration {
        hours(2)
    }
}

pub(super) struct House {
    pub(super) address: SocketAddr,
    pub(super) world: Arc<World>,
    pub(super) served: JoinHandle<()>,
    pub(super) _folder: TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl House {
    pub(super) async fn open() -> Self {
        Self::about(opened()).await
    }

    /// With a finding of one's own to tell of.
    pub(super) async fn about(opened: Opened) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let ledger = Arc::new(Ledger::open(&url).await.unwrap());
        ledger.ledger_id("0123456789abcdef").await.unwrap();
        fill(&ledger, opened).await;
        let world = Arc::new(World {
            ledger: Arc::clone(&ledger),
            clock: AtomicI64::new(0),
            rung: AtomicU32::new(0),
            proves: AtomicBool::new(false),
            taken: Mutex::new(Ok(Taken::Done { ended: false })),
            events: Mutex::default(),
            turned_away: Mutex::default(),
        });
        let public = Public {
            ledger,
            bell: world.clone(),
            clock: world.clone(),
            papers: Arc::new(Words),
            events: world.clone(),
            meter: world.clone(),
            url: Url::parse("https://keys.example.org/").unwrap(),
            trust_forwarded: true,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(serve(listener, public, std::future::pending()));
        Self { address, world, served, _folder: folder }
    }

    pub(super) async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: keys.example.org\r\nConnection: close\r\n{length}{headers}\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).await.unwrap();
        Answer::read(&String::from_utf8(raw).unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    /// Sends a form of the page of `token`.
    pub(super) async fn send(&self, token: &Token, form: &str) -> Answer {
        let body = format!("nonce={}&{form}", token.nonce());
        self.ask("POST", &place(token), "Sec-Fetch-Site: same-origin\r\nOrigin: null\r\n", &body).await
    }

    /// What the log tells of people's acts.
    pub(super) async fn acts(&self) -> Vec<String> {
        let subjects = ["finding:1".to_owned(), "person:1".to_owned()];
        let events = self.world.ledger.timeline(&subjects, 0, 100).await.unwrap();
        let kinds = events.into_iter().map(|event| event.kind);
        kinds.filter(|kind| kind != "finding.opened").collect()
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn read(raw: &str) -> Self {
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {raw:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status: status.expect("a status"), headers, body: body.to_owned() }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub(super) fn place(token: &Token) -> String {
    let kind = if *token == END { "u" } else { "a" };
    format!("/{kind}/{}", token.expose())
}

/// Account 1 with an owner who was told of finding 1 in mail 1, about connection 1 with the key 1.
pub(super) async fn fill(ledger: &Ledger, opened: Opened) {
    let source = ledger.source("platform", NOW).await.unwrap().id;
    let account = AccountId(1);
    let chunk = CollectChunk {
        now: Some(NOW),
        accounts: vec![NewAccount { id: account, source, external_id: "acc-1".to_owned() }],
        people: vec![person(source, PersonStatus::Active, "p1")],
        connections: vec![ConnectionWrite {
            id: ConnectionId(1),
            source,
            external_id: "conn-1".to_owned(),
            account,
            provider: ProviderName::new("mailjet"),
            name: None,
            status: ConnectionStatus::Active,
            auth: Auth::Key,
            created_at: None,
            deleted_at: None,
            facts_at: NOW,
            own_date: false,
            row_at: NOW,
            secret_at: None,
            told_at: None,
            last_sync_at: None,
            created_by: None,
            running_jobs: 0,
            used_for: Vec::new(),
            tags: Vec::new(),
            digest: "d".to_owned(),
        }],
        credentials: vec![NewCredential {
            id: CredentialId(1),
            fingerprint: Fingerprint::try_from("0".repeat(64)).expect("64 digits"),
            source,
            provider: ProviderName::new("mailjet"),
            key_id: None,
            region: None,
            base_url: None,
            placeholder: false,
            sealed: Some("c2VhbGVk".to_owned()),
            secret_since: NOW,
            provenance: Provenance::Connected,
        }],
        begun: vec![NewUse {
            id: UseId(1),
            connection: ConnectionId(1),
            credential: CredentialId(1),
            account,
            since: NOW,
            ended: None,
            begun_in: NOW,
            first_run: false,
            own_from: None,
            said: Said::default(),
        }],
        ..CollectChunk::default()
    };
    ledger.commit_collect(&chunk).await.unwrap();
    tell(ledger, opened).await;
}

/// The finding opens, and its owner is told of it in a mail with links.
async fn tell(ledger: &Ledger, opened: Opened) {
    judge(ledger, FindingChange::Opened(opened)).await;
    let (finding, person) = (FindingId(1), PersonId(1));
    let step = StepTaken { finding, opening: 1, step: 0, people: vec![person], next_step_at: None };
    ledger.commit_steps(NOW, &[step], &[]).await.unwrap();
    let digests = vec![Digest { person, run: ScanId(1), notices: vec![NoticeId(1)] }];
    ledger.form_mails(NOW, &Formed { digests, waits: Vec::new() }, "example.org").await.unwrap();
    let links = [
        KeptLink { hash: LINK.hash(), finding: Some(finding), until: NOW + days(30) },
        KeptLink { hash: END.hash(), finding: None, until: NOW + days(365) },
    ];
    ledger.keep_links(MailId(1), person, &links).await.unwrap();
    let mail = ledger.claim_mails(NOW, NOW + hours(1), 1).await.unwrap().remove(0);
    assert_eq!(ledger.begin_sending(&mail, NOW).await.unwrap(), Begun::Sending);
    ledger.record_mails(NOW, &[(mail.id, MailEnd::Sent { reply: "250".to_owned() })], &[]).await.unwrap();
}

pub(super) fn person(source: SourceId, status: PersonStatus, digest: &str) -> PersonWrite {
    PersonWrite {
        id: PersonId(1),
        source,
        account: AccountId(1),
        member_id: "owner".to_owned(),
        email: "owner@example.org".to_owned(),
        role: Role::Owner,
        status,
        verified: true,
        locale: None,
        timezone: None,
        digest: digest.to_owned(),
        facts_at: NOW,
        told_at: None,
    }
}

pub(super) fn opened() -> Opened {
    Opened {
        rule: RuleName::SecretStale,
        connection: ConnectionId(1),
        credential: CredentialId(1),
        opening: 1,
        severity: KIND,
        since: NOW,
        evidence: Map::from_iter([("days".to_owned(), Value::from(97))]),
        mailed: true,
        exempt: None,
    }
}

/// What is believed of a key that REST and SMTP refused at these instants.
pub(super) fn refused(liveness: Liveness, first: Timestamp, last: Timestamp) -> Belief {
    Belief {
        liveness,
        since: Some(last),
        asked_at: Some(last),
        refused_first: Some(first),
        refused_last: Some(last),
        refused_whole_first: Some(first),
        refusals: 1,
        refused_on: vec!["rest".to_owned(), "smtp".to_owned()],
        ..Belief::default()
    }
}

/// What a probe at `now` leaves as believed of the key 1.
pub(super) async fn believe(ledger: &Ledger, now: Timestamp, belief: Belief) {
    let record = ProbeRecord {
        id: CredentialId(1),
        shred: belief.liveness == Liveness::Shredded,
        belief,
        probe_at: Some(now + hours(2)),
        kind: None,
        parts: None,
        region: None,
        base_url: None,
        idle_since: None,
        transition: false,
    };
    let learnt = Learnt { records: &[record], ..Learnt::default() };
    ledger.commit_probes(now, &learnt).await.unwrap();
}

pub(super) async fn judge(ledger: &Ledger, change: FindingChange) {
    let batch = JudgeBatch { now: Some(NOW), changes: vec![change], ..JudgeBatch::default() };
    ledger.commit_judgements(&batch).await.unwrap();
}
