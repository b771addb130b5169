//! A small estate whose owners are written to: the real program, simulated providers, and an inbox that keeps the mails.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use keysweep::demo::inbox::{Caught, Inbox};
use keysweep::demo::world::{KeyState, Simulated, World};
use mail_parser::MessageParser;

use crate::stage::HEAD;
use crate::support::{Kind, MASTER_KEY, Ran, Schema, ago, hex};

/// Longer than anything here takes, even on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const BEAT: Duration = Duration::from_millis(20);

/// Everything that one keysweep needs. What it simulates runs on a thread of its own while a test waits for the program.
pub struct Estate {
    /// configuration, inventory and ledger; it goes with this value
    pub folder: tempfile::TempDir,
    /// the providers
    pub world: World,
    /// the mail server
    pub inbox: Inbox,
    schema: Option<Schema>,
    _runtime: tokio::runtime::Runtime,
}

/// A mail as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// the envelope's one recipient
    pub to: String,
    /// without angle brackets
    pub message_id: String,
    /// decoded
    pub subject: String,
    /// the text part, decoded
    pub text: String,
    /// the HTML part, decoded
    pub html: String,
}

impl Read {
    /// Takes a mail apart as a mail program does.
    pub fn new(to: &str, raw: &[u8]) -> Self {
        let message = MessageParser::default().parse(raw).expect("a mail that can be read");
        Self {
            to: to.to_owned(),
            message_id: message.message_id().expect("a Message-ID").to_owned(),
            subject: message.subject().expect("a subject").to_owned(),
            text: message.body_text(0).expect("a text part").into_owned(),
            html: message.body_html(0).expect("an HTML part").into_owned(),
        }
    }
}

impl From<&Caught> for Read {
    fn from(caught: &Caught) -> Self {
        assert_eq!(caught.to.len(), 1, "one recipient a mail: {:?}", caught.to);
        Self::new(&caught.to[0], &caught.raw)
    }
}

impl Estate {
    /// An estate with an empty inventory, whose mail goes to the inbox.
    pub fn new() -> Self {
        Self::on(Kind::Sqlite)
    }

    /// The same, with its ledger in this database.
    pub fn on(kind: Kind) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime for what is simulated");
        let (world, inbox) = runtime.block_on(async {
            (World::start().await.expect("a free port"), Inbox::start().await.expect("a free port"))
        });
        let folder = tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder");
        let schema = Schema::of(kind, folder.path());
        let estate = Self { folder, world, inbox, schema, _runtime: runtime };
        estate.configure(&format!("smtp://{}", estate.inbox.address()), "", "");
        estate.write("people.csv", "account_id,member_id,email\n");
        estate.connections(&[]);
        estate
    }

    /// Writes the configuration: where mail goes, more lines for `[mail]`, and whole sections more.
    pub fn configure(&self, smtp_url: &str, mail: &str, rest: &str) {
        let retry = if mail.contains("retry") { "" } else { "retry = [\"1ms\"]" };
        let [mailjet, convertkit, kit] = Simulated::ALL.map(|provider| self.world.address(provider));
        self.write(
            "keysweep.toml",
            &format!(
                r#"{HEAD}[liveness]
confirm_gap = "300ms"
settle = "300ms"
timeout = "2s"
[providers.mailjet]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{mailjet}" }}
[providers.convertkit]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{convertkit}" }}
[providers.kit]
pace = "unpaced"
dangerous_test_endpoints = {{ rest = "{kit}" }}
[mail]
smtp_url = "{smtp_url}"
from = "Key hygiene <keys@example.org>"
{retry}
{mail}
{rest}
"#
            ),
        );
    }

    /// Writes the connections: `id,account,name,status,deleted_at,set_at,maker,secret` each, all of Kit.
    pub fn connections(&self, rows: &[Connection]) {
        let mut csv =
            "connection_id,account_id,provider,name,status,created_at,deleted_at,secret_set_at,created_by,secret\n"
                .to_owned();
        for row in rows {
            let Connection { id, account, status, maker, secret } = row;
            let deleted_at = if *status == "deleted" { ago(TimeDelta::days(2)) } else { String::new() };
            let created_at = ago(TimeDelta::days(500));
            let set_at = ago(TimeDelta::days(400));
            csv.push_str(&format!(
                "{id},{account},kit,List {id},{status},{created_at},{deleted_at},{set_at},{maker},{secret}\n"
            ));
        }
        self.write("connections.csv", &csv);
    }

    /// Writes the people: `account,member,role,status,verified` each, reachable at `MEMBER@example.org`.
    pub fn people(&self, rows: &[[&str; 5]]) {
        let mut csv = "account_id,member_id,email,role,status,verified\n".to_owned();
        for [account, member, role, status, verified] in rows {
            csv.push_str(&format!("{account},{member},{member}@example.org,{role},{status},{verified}\n"));
        }
        self.write("people.csv", &csv);
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the folder, as platforms do it: no reader sees half of it.
    pub fn write(&self, name: &str, text: &str) {
        let next = self.path("next");
        fs::write(&next, text).expect("a folder that can be written");
        fs::rename(next, self.path(name)).expect("a folder that can be written");
    }

    /// The program, ready for arguments: a clean environment, this folder's configuration, its master key.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keysweep"));
        command
            .env_clear()
            .env("KEYSWEEP_MASTER_KEY", MASTER_KEY)
            .env("KEYSWEEP_CONFIG", self.path("keysweep.toml"))
            .env("TMPDIR", self.folder.path())
            .envs(self.schema.as_ref().map(|schema| ("KEYSWEEP__LEDGER__URL", schema.url())))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    /// Where the ledger is, if it is in PostgreSQL.
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("the program starts").into()
    }

    /// A scan that mails, and must end well.
    #[track_caller]
    pub fn notify(&self) -> Ran {
        self.run(&["scan", "--notify"]).exits(0)
    }

    /// Lets mail leave.
    #[track_caller]
    pub fn release(&self) {
        self.run(&["mail", "release"]).exits(0);
    }

    /// The outbox: Message-ID without brackets and state of each mail, in the order in which they were formed.
    #[track_caller]
    pub fn outbox(&self) -> Vec<(String, String)> {
        let list = self.run(&["mails", "list", "--format", "json"]).exits(0).json();
        let word = |mail: &serde_json::Value, name: &str| mail[name].as_str().expect("a word").to_owned();
        let mails = list.as_array().expect("a list").iter().rev();
        mails.map(|m| (word(m, "message_id").trim_matches(['<', '>']).to_owned(), word(m, "state"))).collect()
    }

    /// The mails that the inbox kept, sorted by reader.
    pub fn mails(&self) -> Vec<Read> {
        let mut mails: Vec<Read> = self.inbox.mails().iter().map(Read::from).collect();
        mails.sort_by(|a, b| (&a.to, &a.message_id).cmp(&(&b.to, &b.message_id)));
        mails
    }

    /// Who got a mail, sorted; twice who got two.
    pub fn readers(&self) -> Vec<String> {
        self.mails().into_iter().map(|mail| mail.to).collect()
    }
}

/// A connection to Kit, with a secret that is long past its limit.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// the platform's id; the name that people see is `List ID`
    pub id: &'static str,
    /// the platform's account
    pub account: &'static str,
    /// active, paused or deleted (two days ago)
    pub status: &'static str,
    /// the member who made it
    pub maker: &'static str,
    /// the key
    pub secret: &'static str,
}

impl Connection {
    /// One that is in use.
    pub const fn active(id: &'static str, account: &'static str, maker: &'static str, secret: &'static str) -> Self {
        Self { id, account, status: "active", maker, secret }
    }

    /// The same, deleted.
    pub const fn deleted(self) -> Self {
        Self { status: "deleted", ..self }
    }
}

/// Waits until something is there, and fails the test if it never is.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(BEAT);
    }
}

/// An owner with one stale key, whom a scan therefore mails once.
pub fn one_stale_key() -> Estate {
    let estate = Estate::new();
    estate.people(&[["a", "owner", "owner", "active", "true"]]);
    estate.connections(&[Connection::active("c1", "a", "owner", "kit_0000000000000000000000000000one")]);
    estate.world.set(Simulated::Kit, None, "kit_0000000000000000000000000000one", KeyState::Live);
    estate
}

/// So many owners `o00`, `o01` ... with a stale key each.
pub fn stale_keys(count: usize) -> Estate {
    stale_keys_on(Kind::Sqlite, count)
}

/// The same, with the ledger in this database.
pub fn stale_keys_on(kind: Kind, count: usize) -> Estate {
    let estate = Estate::on(kind);
    let mut people = "account_id,member_id,email,role,status,verified\n".to_owned();
    let mut connections = "connection_id,account_id,provider,secret_set_at,secret\n".to_owned();
    let set_at = ago(TimeDelta::days(400));
    for number in 0..count {
        let secret = format!("kit_{}", hex(&format!("key {number}")));
        people.push_str(&format!("a{number:02},o{number:02},o{number:02}@example.org,owner,active,true\n"));
        connections.push_str(&format!("c{number:02},a{number:02},kit,{set_at},{secret}\n"));
        estate.world.set(Simulated::Kit, None, &secret, KeyState::Live);
    }
    estate.write("people.csv", &people);
    estate.write("connections.csv", &connections);
    estate
}
