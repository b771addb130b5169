//! `[[inventory]]`: the sources, each with what its kind needs.

mod http;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;

pub use self::http::HttpPlace;
use super::problem::Fault;
use super::reader::Section;
use super::schedule::own;
use super::secret_ref::SecretRef;
use super::sections::secret_text;
use super::tree::{Node, Value};
use super::values::{duration, flag, number, one_of, some_time, source_name, text, words};
use crate::domain::time::{days, hours, minutes};
use crate::inventory::FileKind;
use crate::schedule::Cron;

/// One source of inventory.
#[derive(Clone, Debug)]
pub struct InventorySettings {
    /// its name, unique
    pub name: String,
    /// where its lists are
    pub place: Place,
    /// what the platform signs its events with, where it tells of changes by events: two of them while one takes the place
    /// of the other
    pub events_secrets: Vec<SecretRef>,
    /// how long a connection must be missing from complete readings to count as deleted
    pub absent_after: Duration,
    /// the share in percent, 0 to 100, above which missing connections are held back
    pub vanish_limit: u32,
    /// when the daemon reads it; `None` for with every scan
    pub schedule: Option<Cron>,
    /// true where the age of a connection says nothing about the age of its secret
    pub secrets_replaceable: bool,
    /// what `secret_ref` may name
    pub secret_refs: RefSettings,
}

/// What rows may name in `secret_ref`: nothing, unless it stands here.
#[derive(Clone, Debug, Default)]
pub struct RefSettings {
    /// the folder below which `file:` leads
    pub files: Option<PathBuf>,
    /// the Vault that `vault:` leads to
    pub vault: Option<VaultSettings>,
    /// the program that decrypts `encrypted:`, and its arguments
    pub command: Option<(PathBuf, Vec<String>)>,
    /// how long one reference may take
    pub timeout: Duration,
}

/// A Vault, and what of it may be read.
#[derive(Clone, Debug)]
pub struct VaultSettings {
    /// its address
    pub url: String,
    /// who we are there
    pub token: SecretRef,
    /// the namespace, where there are several
    pub namespace: Option<String>,
    /// where its key-value engine is
    pub mount: String,
    /// what every path begins with
    pub prefix: String,
}

/// Where a source's lists are.
#[derive(Clone, Debug)]
pub enum Place {
    /// in files that the platform writes
    Files(FilesPlace),
    /// in the platform's database
    Sql(SqlPlace),
    /// in what the platform gives over HTTP
    Http(Box<HttpPlace>),
    /// nowhere: the platform tells of everything by events
    Events,
}

/// Queries to the platform's database.
#[derive(Clone, Debug)]
pub struct SqlPlace {
    /// the database's address, with the login
    pub url: SecretRef,
    /// the folder that a relative path of SQLite starts at
    pub base: PathBuf,
    /// the query for connections
    pub connections: String,
    /// the query for people, if there is one
    pub people: Option<String>,
    /// how long the server may work on a statement
    pub statement_timeout: Duration,
    /// the longest time between two readings of everything, where the query for connections has `:since`
    pub full_every: Duration,
}

impl SqlPlace {
    /// Whether the address stands in the configuration and names a file, so that there is no secret in it.
    pub(super) fn is_path(&self) -> bool {
        self.url.literal().is_some_and(|url| url.starts_with("sqlite:"))
    }
}

/// Files that the platform writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesPlace {
    /// how they are written
    pub kind: FileKind,
    /// the file of connections
    pub path: PathBuf,
    /// the file of people, if there is one
    pub people_path: Option<PathBuf>,
}

/// The words of `kind`.
#[derive(Clone, Copy, Default)]
enum Kind {
    #[default]
    Csv,
    Jsonl,
    Sql,
    Http,
    Events,
}

const KINDS: &[(&str, Kind)] =
    &[("csv", Kind::Csv), ("jsonl", Kind::Jsonl), ("sql", Kind::Sql), ("http", Kind::Http), ("events", Kind::Events)];

pub(super) fn inventories(root: &Section<'_>, base: &Path, zone: Tz) -> Vec<InventorySettings> {
    root.each_named("inventory", |section| inventory(section, base, zone), |one| &one.name)
}

fn inventory(section: &Section<'_>, base: &Path, zone: Tz) -> InventorySettings {
    let (name, kind) = (section.get("name", source_name), section.get("kind", one_of(KINDS)));
    let events_secrets = events_secrets(section, base);
    if matches!(kind, Kind::Events) {
        let todo = "make one with `echo whsec_$(openssl rand -base64 32)` and name where it is, as in \"env:NAME\"";
        section.report_missing("events_secret", Fault::new("what events are signed with is missing", todo));
    }
    InventorySettings {
        name,
        place: match kind {
            Kind::Csv => Place::Files(files(section, base, FileKind::Csv)),
            Kind::Jsonl => Place::Files(files(section, base, FileKind::Jsonl)),
            Kind::Sql => Place::Sql(queries(section, base)),
            Kind::Http => http::place(section, base),
            Kind::Events => Place::Events,
        },
        events_secrets,
        absent_after: section.find("absent_after", duration).unwrap_or(hours(1)),
        vanish_limit: section.find("vanish_limit", number(0..=100)).unwrap_or(20),
        schedule: section.find("schedule", own(zone)),
        secrets_replaceable: section.find("secrets_replaceable", flag).unwrap_or(false),
        secret_refs: section.find_section("secret_refs").map(|section| secret_refs(section, base)).unwrap_or_default(),
    }
}

/// One secret, or a list of two.
fn events_secrets(section: &Section<'_>, base: &Path) -> Vec<SecretRef> {
    let found = section.find_secret("events_secret", |key, node| {
        let one = |node: &Node| SecretRef::parse(key, &secret_text(node)?, base);
        match &node.value {
            Value::List(items) if (1..=2).contains(&items.len()) => items.iter().map(one).collect(),
            Value::List(_) => {
                Err(Fault::new("the list has none, or more than two", "name the new one and the old one"))
            }
            _ => Ok(vec![one(node)?]),
        }
    });
    found.unwrap_or_default()
}

fn secret_refs(section: Section<'_>, base: &Path) -> RefSettings {
    let settings = RefSettings {
        files: section.find("files", text).map(|path| base.join(path)),
        command: section.find("command", words).and_then(|words| {
            let (program, arguments) = words.split_first()?;
            Some((base.join(program), arguments.to_vec()))
        }),
        vault: section.find_section("vault").and_then(|section| vault(section, base)),
        timeout: section.find("timeout", some_time).unwrap_or(FOLLOWING),
    };
    section.close();
    settings
}

fn vault(section: Section<'_>, base: &Path) -> Option<VaultSettings> {
    let token = section.find_secret("token", |key, node| SecretRef::parse(key, &secret_text(node)?, base));
    section.report_missing(
        "token",
        Fault::new("who we are at the Vault is missing", "write e.g. token = \"env:VAULT_TOKEN\""),
    );
    let url = section.get("url", text);
    let (namespace, mount) = (section.find("namespace", text), section.find("mount", text));
    let prefix = section.find("prefix", text).unwrap_or_default();
    section.close();
    Some(VaultSettings { url, token: token?, namespace, mount: mount.unwrap_or_else(|| "secret".to_owned()), prefix })
}

/// How long one reference may take, where nothing else is said.
pub(super) const FOLLOWING: Duration = Duration::from_secs(10);

fn files(section: &Section<'_>, base: &Path, kind: FileKind) -> FilesPlace {
    FilesPlace {
        kind,
        path: base.join(section.get("path", text)),
        people_path: section.find("people_path", text).map(|path| base.join(path)),
    }
}

fn queries(section: &Section<'_>, base: &Path) -> SqlPlace {
    let url = section.find_secret("url", |key: &str, node: &Node| SecretRef::parse(key, &secret_text(node)?, base));
    section.report_missing(
        "url",
        Fault::new("the database's address is missing", "write e.g. url = \"env:KEYSWEEP_PLATFORM_URL\""),
    );
    SqlPlace {
        url: url.unwrap_or_else(SecretRef::nowhere),
        base: base.to_owned(),
        connections: section.get("connections", text),
        people: section.find("people", text),
        statement_timeout: section.find("statement_timeout", some_time).unwrap_or(minutes(10)),
        full_every: section.find("full_every", some_time).unwrap_or(days(1)),
    }
}
