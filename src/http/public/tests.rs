//! The listener over real connections and a real ledger: what a link lets its holder do, and what nobody can do without.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::facts::{ConnectionStatus, Provenance};
use crate::domain::finding::{FindingChange, Opened, RuleName, Severity};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, FindingId, MailId, NoticeId, ScanId, UseId};
use crate::domain::record::{Auth, PersonStatus, Role};
use crate::domain::secret::Fingerprint;
use crate::domain::time::{days, hours};
use crate::ports::activation::Job;
use crate::ports::collect::{
    CollectChunk, CollectLedger as _, ConnectionWrite, NewAccount, NewCredential, NewUse, PersonWrite, Said,
};
use crate::ports::judge::{JudgeBatch, JudgeLedger as _};
use crate::ports::links::{KeptLink, LinkLedger as _};
use crate::ports::notify::{Digest, Formed, NotifyLedger as _, StepTaken};
use crate::ports::probe::{Learnt, ProbeLedger as _, ProbeRecord};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
const KIND: Severity = Severity::High;

/// The link of a finding, and one that ends mails.
const LINK: Token = Token::new([1; 32]);
const END: Token = Token::new([2; 32]);

/// A daemon as the listener sees it.
struct World {
    ledger: Arc<Ledger>,
    /// milliseconds after [`NOW`]
    clock: AtomicI64,
    rung: AtomicU32,
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
        tokio::spawn(async move {
            let at = Some(now);
            let belief = Belief {
                liveness: Liveness::Suspect,
                asked_at: at,
                refused_first: at,
                refused_last: at,
                refused_whole_first: at,
                refusals: 1,
                refused_on: vec!["rest".to_owned(), "smtp".to_owned()],
                ..Belief::default()
            };
            let record = ProbeRecord {
                id: CredentialId(1),
                belief,
                probe_at: Some(now + hours(2)),
                kind: None,
                parts: None,
                shred: false,
                transition: false,
            };
            let learnt = Learnt { records: &[record], controls: &[], sights: &[], clocks: None, events: &[] };
            ledger.commit_probes(now, &learnt).await.unwrap();
            let waiting = ledger.checks_waiting().await.unwrap();
            ledger.checks_answered(&waiting, now).await.unwrap();
        });
    }
}

struct Words;

impl Papers for Words {
    fn describe(&self, mail: &ClaimedMail, _: Timestamp) -> Result<Described, String> {
        let notice = mail.notices.first().ok_or("no notice")?;
        Ok(Described {
            heading: format!("Reset <the> secret of {}", notice.connection),
            platform: "the platform".to_owned(),
            provider: "Mailjet".to_owned(),
            link: "https://app.example.org/keys".to_owned(),
            steps: vec!["First <this>.".to_owned()],
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

struct House {
    address: SocketAddr,
    world: Arc<World>,
    served: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let ledger = Arc::new(Ledger::open(&url).await.unwrap());
        fill(&ledger).await;
        let world = Arc::new(World { ledger: Arc::clone(&ledger), clock: AtomicI64::new(0), rung: AtomicU32::new(0) });
        let public = Public {
            ledger,
            bell: world.clone(),
            clock: world.clone(),
            papers: Arc::new(Words),
            url: Url::parse("https://keys.example.org/").unwrap(),
            trust_forwarded: true,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(serve(listener, public, std::future::pending()));
        Self { address, world, served, _folder: folder }
    }

    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: keys.example.org\r\nConnection: close\r\n{length}{headers}\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).await.unwrap();
        Answer::read(&String::from_utf8(raw).unwrap())
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    /// Sends a form of the page of `token`.
    async fn send(&self, token: &Token, form: &str) -> Answer {
        let body = format!("nonce={}&{form}", token.nonce());
        self.ask("POST", &place(token), "Sec-Fetch-Site: same-origin\r\nOrigin: null\r\n", &body).await
    }

    /// What the log tells of people's acts.
    async fn acts(&self) -> Vec<String> {
        let subjects = ["finding:1".to_owned(), "person:1".to_owned()];
        let events = self.world.ledger.timeline(&subjects, 0, 100).await.unwrap();
        let kinds = events.into_iter().map(|event| event.kind);
        kinds.filter(|kind| kind != "finding.opened").collect()
    }
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    fn read(raw: &str) -> Self {
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {raw:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status: status.expect("a status"), headers, body: body.to_owned() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

fn place(token: &Token) -> String {
    let kind = if *token == END { "u" } else { "a" };
    format!("/{kind}/{}", token.expose())
}

/// Account 1 with an owner who was told of finding 1 in mail 1, about connection 1 with the key 1.
async fn fill(ledger: &Ledger) {
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
            last_sync_at: None,
            created_by: None,
            running_jobs: 0,
            used_for: Vec::new(),
            tags: Vec::new(),
            digest: "d".to_owned(),
        }],
        credentials: vec![NewCredential {
            id: CredentialId(1),
            fingerprint: Fingerprint::from_hex("0".repeat(64)),
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
            first_run: false,
            own_from: None,
            said: Said::default(),
        }],
        ..CollectChunk::default()
    };
    ledger.commit_collect(&chunk).await.unwrap();
    judge(ledger, FindingChange::Opened(opened())).await;
    let (finding, person) = (FindingId(1), PersonId(1));
    let step = StepTaken { finding, opening: 1, step: 0, people: vec![person], next_step_at: None };
    ledger.commit_steps(NOW, &[step], &[]).await.unwrap();
    let digest = Digest { person, run: ScanId(1), notices: vec![NoticeId(1)] };
    let formed = Formed { digests: vec![digest], waits: Vec::new() };
    ledger.form_mails(NOW, &formed, "example.org").await.unwrap();
    let links = [
        KeptLink { hash: LINK.hash(), finding: Some(finding), until: NOW + days(30) },
        KeptLink { hash: END.hash(), finding: None, until: NOW + days(365) },
    ];
    ledger.keep_links(MailId(1), person, &links).await.unwrap();
}

fn person(source: crate::domain::ids::SourceId, status: PersonStatus, digest: &str) -> PersonWrite {
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
    }
}

fn opened() -> Opened {
    Opened {
        rule: RuleName::SecretStale,
        connection: ConnectionId(1),
        credential: CredentialId(1),
        opening: 1,
        severity: KIND,
        since: NOW,
        evidence: Map::from_iter([("days".to_owned(), Value::from(97))]),
        mailed: true,
    }
}

async fn judge(ledger: &Ledger, change: FindingChange) {
    let batch = JudgeBatch { now: Some(NOW), changes: vec![change], ..JudgeBatch::default() };
    ledger.commit_judgements(&batch).await.unwrap();
}

#[tokio::test]
async fn a_get_shows_what_was_found_and_acts_on_nothing() {
    let house = House::open().await;
    for query in ["", "?told=destroyed", "?act=destroy&sure=yes", "?told=<b>"] {
        let shown = house.get(&format!("{}{query}", place(&LINK))).await;
        assert_eq!(shown.status, 200, "{query}");
        assert!(shown.body.contains("<h1>Reset &lt;the&gt; secret of conn-1</h1>"), "{}", shown.body);
        assert!(shown.body.contains("<li>First &lt;this&gt;.</li>"), "{}", shown.body);
        assert!(shown.body.contains("rel=\"noreferrer noopener\""), "the provider learns nothing of the address");
        for act in ["check", "reset", "not-mine", "compromised"] {
            assert!(shown.body.contains(&format!("name=\"act\" value=\"{act}\"")), "{act}: {}", shown.body);
        }
        assert!(!shown.body.contains("value=\"destroy\""), "a key in use would be sealed anew");
        assert!(!shown.body.contains("<script") && !shown.body.contains(&LINK.expose()), "{}", shown.body);
    }
    assert!(house.get(&place(&END)).await.body.contains("value=\"mute\""));
    let head = house.ask("HEAD", &place(&LINK), "", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(house.acts().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_answer_is_sealed_whatever_it_is() {
    let house = House::open().await;
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let long = "x".repeat(4000);
    for (method, path, body, status) in [
        ("GET", place(&LINK), "", 200),
        ("GET", place(&END), "", 200),
        ("GET", "/".to_owned(), "", 404),
        ("GET", "/a/".to_owned(), "", 404),
        ("GET", format!("/u/{}", Token::new([9; 32]).expose()), "", 404),
        ("DELETE", place(&LINK), "", 405),
        ("PUT", place(&LINK), "act=reset", 405),
        ("POST", place(&LINK), "act=reset", 403),
        ("POST", place(&LINK), "strange=1", 400),
        ("POST", place(&LINK), long.as_str(), 413),
    ] {
        let answer = house.ask(method, &path, "", body).await;
        assert_eq!(answer.status, status, "{method} {path}");
        let csp = answer.header("content-security-policy");
        assert!(csp.starts_with("default-src 'none'; style-src 'sha256-") && csp.contains(&hash), "{csp}");
        assert!(csp.contains("form-action 'self'") && csp.contains("frame-ancestors 'none'"), "{csp}");
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age=31536000"),
            ("x-robots-tag", "noindex, nofollow"),
            ("set-cookie", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {method} {path}");
        }
        let styled = answer.body.contains(&format!("<style>{STYLE}</style>"));
        assert!(styled || answer.status == 405 || answer.status == 413, "{method} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn links_that_lead_nowhere_all_look_the_same() {
    let house = House::open().await;
    let unknown = house.get(&place(&Token::new([9; 32]))).await;
    assert_eq!(unknown.status, 404);
    let same = |answer: Answer, what: &str| {
        let mut headers = answer.headers;
        headers.insert("date".to_owned(), unknown.header("date").to_owned());
        assert_eq!((answer.status, &answer.body, &headers), (404, &unknown.body, &unknown.headers), "{what}");
    };
    same(house.get("/a/garbage").await, "what never was a token");
    same(house.get(&format!("/a/{}", "A".repeat(43))).await, "the token that stands for none");
    same(house.get("/elsewhere").await, "no place at all");
    house.world.clock.store(days(31).as_millis() as i64, Ordering::Relaxed);
    same(house.get(&place(&LINK)).await, "a link that has ended");
    same(house.send(&LINK, "act=reset").await, "an act through it");
    house.world.clock.store(0, Ordering::Relaxed);
    let source = house.world.ledger.source("platform", NOW).await.unwrap().id;
    for (status, digest) in [(PersonStatus::Suspended, "p2"), (PersonStatus::Removed, "p3")] {
        let people = vec![person(source, status, digest)];
        let chunk = CollectChunk { now: Some(NOW), people, ..CollectChunk::default() };
        house.world.ledger.commit_collect(&chunk).await.unwrap();
        same(house.get(&place(&LINK)).await, "somebody who may no longer");
        same(house.send(&LINK, "act=reset").await, "an act of theirs");
        same(house.get(&place(&END)).await, "their other link");
    }
    let people = vec![person(source, PersonStatus::Active, "p4")];
    let chunk = CollectChunk { now: Some(NOW), people, ..CollectChunk::default() };
    house.world.ledger.commit_collect(&chunk).await.unwrap();
    assert_eq!(house.get(&place(&LINK)).await.status, 200);
    let anew = FindingChange::Anew { id: FindingId(1), opened: Opened { opening: 2, ..opened() }, reopened: false };
    judge(&house.world.ledger, anew).await;
    same(house.get(&place(&LINK)).await, "a finding that has begun anew");
    judge(&house.world.ledger, FindingChange::Closed { id: FindingId(1), why: "dead" }).await;
    same(house.get(&place(&LINK)).await, "a finding that is closed");
    assert_eq!(house.acts().await, ["finding.worsened", "finding.closed"]);
}

#[tokio::test]
async fn a_post_acts_once_and_leads_back_to_the_page() {
    let house = House::open().await;
    for _ in 0..2 {
        let sent = house.send(&LINK, "act=reset").await;
        assert_eq!((sent.status, sent.header("location")), (303, "?told=reset"));
    }
    assert_eq!(house.acts().await, ["finding.reset_said"]);
    let page = house.get(&format!("{}?told=reset", place(&LINK))).await.body;
    assert!(page.contains("role=\"status\">Thank you. Mailjet is asked"), "{page}");
    assert!(page.contains("Reminders wait until 22 September 2026, 14:13 UTC"), "{page}");
    assert!(!page.contains("value=\"reset\"") && page.contains("value=\"resume\""), "{page}");
    let snoozed = house.send(&LINK, "act=snooze&days=14").await;
    assert_eq!((snoozed.status, snoozed.header("location")), (303, "?told=snoozed"));
    for (form, told) in [
        ("act=snooze&days=400", "?told=unfit"),
        ("act=destroy", "?told=unsure"),
        ("act=destroy&sure=yes", "?told=unfit"),
        ("act=resume", "?told=resumed"),
        ("act=not-mine", "?told=disowned"),
        ("act=resume", "?told=resumed"),
        ("act=compromised", "?told=compromised"),
    ] {
        let sent = house.send(&LINK, form).await;
        assert_eq!((sent.status, sent.header("location")), (303, told), "{form}");
    }
}

#[tokio::test]
async fn a_form_that_is_not_from_the_page_does_nothing() {
    let house = House::open().await;
    let nonce = LINK.nonce();
    let right = format!("nonce={nonce}&act=reset");
    for (headers, body, status) in [
        ("", "act=reset".to_owned(), 403),
        ("", format!("nonce={}&act=reset", END.nonce()), 403),
        ("", format!("nonce={}&act=reset", "0".repeat(32)), 403),
        ("Sec-Fetch-Site: cross-site\r\n", right.clone(), 403),
        ("Sec-Fetch-Site: same-site\r\n", right.clone(), 403),
        ("Origin: https://elsewhere.example.org\r\n", right.clone(), 403),
        ("Origin: http://keys.example.org\r\n", right.clone(), 403),
        ("", format!("nonce={nonce}&act=mute"), 400),
        ("", "List-Unsubscribe=One-Click".to_owned(), 400),
        ("", format!("nonce={nonce}&act=acknowledge"), 400),
        ("", String::new(), 400),
    ] {
        let answer = house.ask("POST", &place(&LINK), headers, &body).await;
        assert_eq!(answer.status, status, "{headers} {body}");
    }
    assert_eq!(house.send(&END, "act=reset").await.status, 400, "a link does what it is for");
    assert_eq!(house.acts().await, Vec::<String>::new());
    let fine = house.ask("POST", &place(&LINK), "Origin: https://keys.example.org\r\n", &right).await;
    assert_eq!(fine.status, 303);
}

#[tokio::test]
async fn check_again_now_rings_waits_and_shows_the_evidence() {
    let house = House::open().await;
    let sent = house.send(&LINK, "act=check").await;
    assert_eq!((sent.status, sent.header("location")), (303, "?told=checked"));
    assert_eq!(house.world.rung.load(Ordering::Relaxed), 1);
    let page = house.get(&format!("{}?told=checked", place(&LINK))).await.body;
    let told = "Mailjet refused it over REST and SMTP just now. That counts as proof once it is refused again, at the \
                earliest on 21 September 2026, 16:13 UTC.";
    assert!(page.contains(told), "{page}");
    for _ in 0..4 {
        assert_eq!(house.send(&LINK, "act=check").await.header("location"), "?told=checked");
    }
    assert_eq!(house.send(&LINK, "act=check").await.header("location"), "?told=too-often");
    let page = house.get(&format!("{}?told=too-often", place(&LINK))).await.body;
    assert!(page.contains("class=\"note warn\"") && !page.contains("value=\"check\""), "{page}");
}

#[tokio::test]
async fn one_click_ends_mails_of_low_severity_and_the_page_has_a_way_back() {
    let house = House::open().await;
    for _ in 0..2 {
        let one_click = house.ask("POST", &place(&END), "", "List-Unsubscribe=One-Click").await;
        assert_eq!((one_click.status, one_click.body.as_str()), (200, ""));
    }
    let page = house.get(&place(&END)).await.body;
    assert!(page.contains("You get no more mails about points of low severity.") && page.contains("value=\"unmute\""));
    assert_eq!(house.send(&END, "act=unmute").await.header("location"), "?told=unmuted");
    let page = house.get(&format!("{}?told=unmuted", place(&END))).await.body;
    assert!(page.contains("come again") && page.contains("value=\"mute\""), "{page}");
    assert_eq!(house.acts().await, ["person.muted", "person.unmuted"]);
}

#[tokio::test]
async fn who_asks_too_often_is_put_off_by_link_and_by_address() {
    let house = House::open().await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(house.get(&place(&LINK)).await.status);
    }
    assert!(statuses[..30].iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    let elsewhere = house.ask("GET", &place(&LINK), "X-Forwarded-For: 203.0.113.7\r\n", "").await;
    assert_eq!((elsewhere.status, elsewhere.header("retry-after")), (429, "60"), "the link itself is put off");
    assert_eq!(house.get(&place(&END)).await.status, 200, "another link is not");
}

#[tokio::test]
async fn a_stranger_is_answered_in_the_language_that_their_browser_asks_for() {
    let house = House::open().await;
    let answer = house.ask("GET", "/a/unknown", "Accept-Language: de-CH,de;q=0.9\r\n", "").await;
    assert!(answer.body.contains("<html lang=\"de\">") && answer.body.contains("Hier ist nichts"), "{}", answer.body);
}
