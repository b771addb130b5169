//! `[[inventory]]`: the sources, each with what its kind needs.

mod http;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;

pub use self::http::HttpPlace;
use super::reader::Section;
use super::schedule::own;
use super::values::{duration, flag, number, one_of, text};
use crate::domain::time::hours;
use crate::inventory::FileKind;
use crate::schedule::Cron;

/// One source of inventory.
#[derive(Clone, Debug)]
pub struct InventorySettings {
    /// its name, unique
    pub name: String,
    /// where its lists are
    pub place: Place,
    /// how long a connection must be missing from complete readings to count as deleted
    pub absent_after: Duration,
    /// the share in percent, 0 to 100, above which missing connections are held back
    pub vanish_limit: u32,
    /// when the daemon reads it; `None` for with every scan
    pub schedule: Option<Cron>,
    /// true where the age of a connection says nothing about the age of its secret
    pub secrets_replaceable: bool,
}

/// Where a source's lists are.
#[derive(Clone, Debug)]
pub enum Place {
    /// in files that the platform writes
    Files(FilesPlace),
    /// in what the platform gives over HTTP
    Http(Box<HttpPlace>),
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
    Http,
}

const KINDS: &[(&str, Kind)] = &[("csv", Kind::Csv), ("jsonl", Kind::Jsonl), ("http", Kind::Http)];

pub(super) fn inventories(root: &Section<'_>, base: &Path, zone: Tz) -> Vec<InventorySettings> {
    root.each_named("inventory", |section| inventory(section, base, zone), |one| &one.name)
}

fn inventory(section: &Section<'_>, base: &Path, zone: Tz) -> InventorySettings {
    InventorySettings {
        name: section.get("name", text),
        place: match section.get("kind", one_of(KINDS)) {
            Kind::Csv => Place::Files(files(section, base, FileKind::Csv)),
            Kind::Jsonl => Place::Files(files(section, base, FileKind::Jsonl)),
            Kind::Http => http::place(section, base),
        },
        absent_after: section.find("absent_after", duration).unwrap_or(hours(1)),
        vanish_limit: section.find("vanish_limit", number(0..=100)).unwrap_or(20),
        schedule: section.find("schedule", own(zone)),
        secrets_replaceable: section.find("secrets_replaceable", flag).unwrap_or(false),
    }
}

fn files(section: &Section<'_>, base: &Path, kind: FileKind) -> FilesPlace {
    FilesPlace {
        kind,
        path: base.join(section.get("path", text)),
        people_path: section.find("people_path", text).map(|path| base.join(path)),
    }
}
