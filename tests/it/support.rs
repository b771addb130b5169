//! A keysweep as its operator has it: a folder with a configuration, an inventory and a ledger, the real program, and
//! providers that were written without it.

mod inventory;
pub mod platform;
pub mod postfix;
mod providers;
pub mod receiver;
pub mod relay;
pub mod schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

pub use self::inventory::{Inventory, pair};
pub use self::providers::Providers;
pub use self::schema::{Kind, Schema};

/// 32 bytes in base64; for tests only.
pub const MASTER_KEY: &str = "c3dlZXBpbmcgdGhlIGtleXMgb2YgbG9vcGJhY2shISE=";
/// Longer than anything here takes, even on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const BEAT: Duration = Duration::from_millis(50);

/// The folder of the fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The present instant, for inventories: the program under test has its own clock.
#[expect(clippy::disallowed_methods, reason = "inventories are dated by the clock that the program reads")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// An instant so long ago, as inventories write it.
pub fn ago(span: TimeDelta) -> String {
    stamp(now() - span)
}

/// RFC 3339 in UTC, to the second.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A 32-digit value as Mailjet's keys and secrets have them, the same for the same word.
pub fn hex(word: &str) -> String {
    // FNV-1a, twice with different beginnings: no randomness in tests.
    let half =
        |start: u64| word.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{:016x}{:016x}", half(0xcbf2_9ce4_8422_2325), half(0x6c62_272e_07bb_0142))
}

/// What one run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    /// its exit code; `None` where a signal ended it
    pub code: Option<i32>,
    /// standard output
    pub out: String,
    /// standard error
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
            err: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
        }
    }
}

impl Ran {
    /// Fails the test where the program ended otherwise.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "output: {}\nerrors: {}", self.out, self.err);
        self
    }

    /// Standard output as one document.
    #[track_caller]
    pub fn json(&self) -> Value {
        let read = serde_json::from_str(&self.out);
        assert!(read.is_ok(), "no document: {}\n{}", self.out, self.err);
        read.unwrap_or_default()
    }
}

/// A folder with everything that one keysweep needs.
pub struct Site {
    /// the folder, which goes with this value
    pub folder: tempfile::TempDir,
    /// where the ledger is, if it is in PostgreSQL
    pub schema: Option<Schema>,
    /// the simulated providers
    pub providers: Providers,
}

impl Site {
    /// A new one: an empty inventory, times short enough to be waited for.
    pub fn new() -> Self {
        Self::on(Kind::Sqlite)
    }

    /// The same, with its ledger in this database.
    pub fn on(kind: Kind) -> Self {
        let folder = tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder");
        let providers = Providers::start(folder.path());
        let schema = Schema::of(kind, folder.path());
        let site = Self { folder, schema, providers };
        site.configure(&Settings::default());
        site.connections("connection_id,account_id,provider\n");
        site.people("account_id,member_id,email\n");
        site
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration.
    pub fn configure(&self, settings: &Settings) {
        let endpoint = |name: &str| self.providers.address(name);
        let Settings { liveness, inventory, mailjet, escrow, rest } = settings;
        let text = format!(
            r#"[ledger]
url = "sqlite:ledger.db"
[escrow]
{escrow}
[[inventory]]
name = "main"
kind = "csv"
path = "connections.csv"
people_path = "people.csv"
{inventory}
[liveness]
{liveness}
[providers.mailjet]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{}" }}
{mailjet}
[providers.convertkit]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{}" }}
[providers.kit]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{}" }}
{rest}
"#,
            endpoint("mailjet"),
            endpoint("convertkit"),
            endpoint("kit"),
        );
        fs::write(self.path("keysweep.toml"), text).expect("a folder that can be written");
    }

    /// Writes the connections' inventory.
    pub fn connections(&self, csv: impl AsRef<[u8]>) {
        self.replace("connections.csv", csv.as_ref());
    }

    /// Writes the people's inventory.
    pub fn people(&self, csv: impl AsRef<[u8]>) {
        self.replace("people.csv", csv.as_ref());
    }

    /// As platforms do it, so that no reader sees half a file.
    fn replace(&self, name: &str, bytes: &[u8]) {
        let next = self.path("next");
        fs::write(&next, bytes).expect("a folder that can be written");
        fs::rename(next, self.path(name)).expect("a folder that can be written");
    }

    /// The program, ready for arguments: a clean environment, this folder's configuration, its master key.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keysweep"));
        command
            .env_clear()
            .env("KEYSWEEP_MASTER_KEY", MASTER_KEY)
            .env("KEYSWEEP_CONFIG", self.path("keysweep.toml"))
            .env("TMPDIR", self.folder.path())
            .envs(self.schema.as_ref().map(|schema| ("KEYSWEEP__LEDGER__URL", schema.url())))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command().args(arguments).output().expect("the program starts").into()
    }

    /// Starts the program and lets it run; what it prints goes nowhere.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    /// Waits until something holds, and fails the test if it never does.
    #[track_caller]
    pub fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < PATIENCE, "never: {what}");
            std::thread::sleep(BEAT);
        }
    }

    /// One scan, as a document.
    #[track_caller]
    pub fn scan(&self) -> Scan {
        self.scan_exits(0)
    }

    /// One scan that ends with this exit code.
    #[track_caller]
    pub fn scan_exits(&self, code: i32) -> Scan {
        let ran = self.run(&["scan", "--format", "json"]).exits(code);
        Scan { document: ran.json(), err: ran.err }
    }

    /// Scans until something holds, and fails the test if it never does.
    #[track_caller]
    pub fn scan_until(&self, what: &str, holds: impl Fn(&Scan) -> bool) -> Scan {
        let begun = Instant::now();
        loop {
            let scan = self.scan();
            if holds(&scan) {
                return scan;
            }
            assert!(begun.elapsed() < PATIENCE, "never: {what}; at last: {:#}", scan.document);
            std::thread::sleep(BEAT);
        }
    }

    /// Scans again and again for so long; every one must hold.
    #[track_caller]
    pub fn scan_for(&self, span: Duration, what: &str, holds: impl Fn(&Scan) -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < span {
            let scan = self.scan();
            assert!(holds(&scan), "not: {what}: {:#}", scan.document);
            std::thread::sleep(BEAT);
        }
    }

    /// A list of the program's, such as `credentials`.
    #[track_caller]
    pub fn list(&self, of: &str) -> Vec<Value> {
        let list = self.run(&[of, "list", "--format", "json"]).exits(0).json();
        list.as_array().expect("a list").clone()
    }

    /// What is believed of the latest credential of this connection.
    #[track_caller]
    pub fn liveness(&self, connection: &str) -> String {
        let all = self.list("connections");
        let found = all.iter().find(|c| c["connection_id"] == connection);
        assert!(found.is_some(), "no connection {connection}: {all:#?}");
        found.and_then(|row| row["liveness"].as_str()).unwrap_or("none").to_owned()
    }

    /// The latest credential of this connection.
    #[track_caller]
    pub fn credential(&self, connection: &str) -> Value {
        let all = self.list("connections");
        let found = all.iter().find(|c| c["connection_id"] == connection).expect("the connection");
        let credentials = self.list("credentials");
        credentials.into_iter().find(|c| c["credential"] == found["credential"]).expect("its credential")
    }

    /// Everything in the ledger, as text. Bytes alone would differ by where SQLite has put what it was given.
    pub fn ledger_text(&self) -> String {
        const DUMP: &str = "import sqlite3, sys\nfor line in sqlite3.connect(sys.argv[1]).iterdump(): print(line)";
        let path = self.path("ledger.db");
        let dumped = Command::new("python3").args(["-c", DUMP]).arg(path).output().expect("python3 reads the ledger");
        assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
        String::from_utf8(dumped.stdout).expect("UTF-8 in the ledger")
    }
}

/// The parts of a configuration that differ between tests.
pub struct Settings {
    /// lines of `[escrow]`
    pub escrow: String,
    /// lines of `[liveness]`
    pub liveness: String,
    /// lines of the one `[[inventory]]`
    pub inventory: String,
    /// lines of `[providers.mailjet]`
    pub mailjet: String,
    /// whole sections
    pub rest: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            escrow: "hold = \"until-proven\"".to_owned(),
            liveness: "probe_every = \"100ms\"\nconfirm_gap = \"300ms\"\nsettle = \"300ms\"\ntimeout = \"2s\"\nconnect_timeout = \"1s\"".to_owned(),
            inventory: "absent_after = \"500ms\"".to_owned(),
            mailjet: String::new(),
            rest: String::new(),
        }
    }
}

/// What a scan printed.
#[derive(Debug)]
pub struct Scan {
    /// standard output
    pub document: Value,
    /// standard error
    pub err: String,
}

impl Scan {
    /// The open findings as `rule severity connection liveness`, sorted.
    pub fn findings(&self) -> Vec<String> {
        let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or("?").to_owned();
        let mut all: Vec<String> = self
            .list("findings")
            .iter()
            .map(|f| ["rule", "severity", "connection_id", "liveness"].map(|name| word(f, name)).join(" "))
            .collect();
        all.sort();
        all
    }

    /// The finding of one rule on one connection.
    pub fn finding(&self, rule: &str, connection: &str) -> Option<&Value> {
        self.list("findings").iter().find(|f| f["rule"] == rule && f["connection_id"] == connection)
    }

    /// The quarantined rows as `row field`.
    pub fn quarantined(&self) -> Vec<String> {
        let all = self.list("quarantined").iter();
        all.map(|q| format!("{} {}", q["row"], q["field"].as_str().unwrap_or("?"))).collect()
    }

    /// What the operator should know.
    pub fn problems(&self) -> Vec<String> {
        self.list("problems").iter().map(|p| p.as_str().unwrap_or("?").to_owned()).collect()
    }

    /// A counter of the scan.
    #[track_caller]
    pub fn count(&self, name: &str) -> u64 {
        let counts = &self.document["scan"]["counts"];
        assert!(counts[name].is_u64(), "no counter {name}: {counts}");
        counts[name].as_u64().unwrap_or_default()
    }

    fn list(&self, name: &str) -> &[Value] {
        self.document[name].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}
