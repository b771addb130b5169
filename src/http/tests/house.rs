//! A listener over a ledger of its own, and how it is asked.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::access::{Listed, Token};
use super::super::ops::{Ops, Shown, router};
use super::super::page::About;
use super::super::server::{self, Limits};
use crate::app::operator::Console;
use crate::config::{Settings, Source, read};
use crate::domain::secret::Secret;
use crate::domain::time::{Timestamp, days};
use crate::ledger::Ledger;
use crate::ledger::read::Overview;
use crate::ports::Clock;
use crate::ports::activation::{Bell, Job};
use crate::ports::health::{HealthReport, Phase, Readiness};

pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// Everything that the listener reaches, as a test wants it.
#[derive(Default)]
pub(super) struct World {
    pub(super) rung: Mutex<Vec<Job>>,
    pub(super) report: Mutex<HealthReport>,
    pub(super) about: Mutex<About>,
    pub(super) listed: Vec<Listed>,
}

impl Bell for World {
    fn ring(&self, job: Job) {
        self.rung.lock().unwrap().push(job);
    }

    fn answer(&self) {}
}

impl Readiness for World {
    fn report(&self) -> HealthReport {
        self.report.lock().unwrap().clone()
    }
}

impl Shown for World {
    fn metrics(&self) -> String {
        "keysweep_up 1\n".to_owned()
    }

    fn overview(&self) -> Option<Arc<Overview>> {
        None
    }

    fn about(&self) -> Arc<About> {
        Arc::new(About { ledger: "a ledger".to_owned(), longest_pause: days(90), ..self.about.lock().unwrap().clone() })
    }

    fn listed(&self) -> Arc<Vec<Listed>> {
        Arc::new(self.listed.clone())
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// The settings of an estate with one source.
fn settings() -> Settings {
    let text = "[escrow]\nhold = \"until-proven\"\n[[inventory]]\nname = \"platform\"\nkind = \"csv\"\npath = \"connections.csv\"\n";
    let source = Source { name: "test.toml", text };
    read(Some(source), std::path::Path::new("/conf"), &[], &["mailjet"])
        .unwrap_or_else(|problems| panic!("{problems}"))
        .0
}

/// A running listener.
pub(super) struct House {
    pub(super) address: SocketAddr,
    pub(super) world: Arc<World>,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) served: JoinHandle<()>,
    pub(super) _folder: TempDir,
}

impl House {
    pub(super) async fn open(token: Option<Token>) -> Self {
        Self::open_to(token, Vec::new()).await
    }

    pub(super) async fn open_to(token: Option<Token>, listed: Vec<Listed>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        Ledger::open(&url).await.unwrap().close().await;
        let ledger = Arc::new(Ledger::open_to_show(&url).await.unwrap());
        let world = Arc::new(World { listed, ..World::default() });
        let acting = Ledger::open_beside(&url).await.unwrap();
        let operator = Arc::new(Console::over(acting, &settings(), world.clone(), world.clone()));
        world.report.lock().unwrap().phase = Phase::Running;
        let ops = Ops {
            token,
            bell: world.clone(),
            clock: world.clone(),
            health: world.clone(),
            operator,
            shown: world.clone(),
            pulse: Arc::clone(&ledger),
            ledger,
        };
        Self::over(router(Arc::new(ops)), Limits::USUAL, world, folder).await
    }

    pub(super) async fn over(router: Router, limits: Limits, world: Arc<World>, folder: TempDir) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server::serve(listener, router, limits, async { stopped.await.unwrap_or(()) }));
        Self { address, world, stop: Some(stop), served, _folder: folder }
    }

    pub(super) async fn ask(&self, request: &str) -> Answer {
        ask(self.address, request).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(&request("GET", path, &bearer())).await
    }
}

/// An answer, read to the end of its connection.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, Vec<String>>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub(super) async fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await.unwrap();
    let raw = String::from_utf8(raw).unwrap();
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {raw:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.entry(name.to_ascii_lowercase()).or_default().push(value.to_owned());
    }
    Answer { status: status.expect("a status"), headers, body: body.to_owned() }
}

pub(super) fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: ops.test\r\nConnection: close\r\n{headers}\r\n")
}

pub(super) fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}\r\n")
}

pub(super) fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

pub(super) fn with_token() -> Option<Token> {
    Some(Token::new(&Secret::new(TOKEN)).unwrap())
}

impl House {
    /// Runs statements on its ledger, as whoever has the file may.
    pub(super) fn seed(&self, statements: &str) {
        let path = self._folder.path().join("seed.sql");
        std::fs::write(&path, statements).unwrap();
        let fed = std::fs::File::open(&path).unwrap();
        let ledger = self._folder.path().join("ledger.db");
        let ran = std::process::Command::new("sqlite3").arg(ledger).stdin(fed).output().expect("sqlite3 is installed");
        assert!(ran.status.success() && ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
}
