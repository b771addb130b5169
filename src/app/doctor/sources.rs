//! Sources: can they be opened, and are their first rows understood?

use std::collections::BTreeSet;
use std::time::Duration;

use super::check::{Check, Part};
use super::{Doctor, Seen, config, events, silence};
use crate::app::{AppError, build};
use crate::config::{Env, FilesPlace, InventorySettings, Place, warnings};
use crate::domain::policy::Hold;
use crate::domain::record::{ConnectionRecord, PersonRecord, PersonStatus, Role, Row};
use crate::inventory::{AnySnapshot, Source as Lists};
use crate::ledger::read::SourceOverview;
use crate::ports::{Snapshot as _, SourceError};

/// So many rows of each file are looked at.
const SAMPLE: usize = 1_000;

/// What was seen of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    /// rows
    pub(super) rows: usize,
    /// those that a scan would set aside
    pub(super) bad: usize,
    /// the first of them, in words
    pub(super) first: String,
    /// connections with a secret, or people who are written to
    pub(super) useful: usize,
    /// the providers of the good rows
    pub(super) providers: BTreeSet<String>,
}

/// One inventory, and how it is read.
struct Source<'a> {
    index: usize,
    inventory: &'a InventorySettings,
    lists: Lists,
}

/// Looks at the lists and the first rows of one source.
pub(super) async fn look(doctor: &Doctor<'_>, index: usize, inventory: &InventorySettings) -> Seen {
    let source = match Source::of(index, inventory, doctor.env) {
        Ok(source) => source,
        Err(unmade) => return vec![unmade].into(),
    };
    let unreachable = source.unreachable().await;
    if !unreachable.is_empty() {
        return unreachable.into();
    }
    if !source.lists.is_read() {
        return events::alone(doctor, index, inventory).await;
    }
    let mut snapshot = match source.lists.open(doctor.now).await {
        Ok(snapshot) => snapshot,
        Err(error) => return vec![source.failed(&error)].into(),
    };
    let (mut checks, mut used) = (Vec::from_iter(source.protection()), BTreeSet::new());
    // People first, as a snapshot is read.
    let people = source.people(&mut snapshot, doctor.settings.mail.sending.is_some()).await;
    match sample_connections(&mut snapshot, doctor).await {
        Ok(sample) => {
            checks.push(source.rows(&sample, doctor.settings.escrow.hold));
            checks.extend(source.open_to_all(&sample));
            used = sample.providers;
        }
        Err(error) => checks.push(source.failed(&error)),
    }
    checks.extend(people);
    checks.extend(events::look(doctor, index, inventory).await);
    checks.extend(source.refs(doctor).await);
    Seen { checks, used, ..Seen::default() }
}

/// What can't be reached of a source.
pub(super) async fn unreachable(index: usize, inventory: &InventorySettings, env: &Env) -> Vec<Check> {
    match Source::of(index, inventory, env) {
        Ok(source) => source.unreachable().await,
        Err(unmade) => vec![unmade],
    }
}

/// A source that the ledger knows, and the configuration doesn't.
pub(super) fn stray(source: &SourceOverview) -> Check {
    let what =
        format!("no [[inventory]] names it any more, and what it said last still counts (rows: {})", source.rows);
    let todo = "name it again, or let it end as docs/inventories.md says";
    Check::warning(Part::Source, "inventory", what, todo).of(&source.name)
}

/// What is said where a look took too long.
pub(super) fn late(index: usize, inventory: &InventorySettings, env: &Env, limit: Duration) -> Seen {
    let check = match Source::of(index, inventory, env) {
        Ok(source) => {
            let what = silence(limit);
            let key = source.lists.keys().connections;
            source.recovering(source.error(key, what, "see to the disk or the network that it is on"))
        }
        Err(unmade) => unmade,
    };
    vec![check].into()
}

async fn sample_connections(snapshot: &mut AnySnapshot, doctor: &Doctor<'_>) -> Result<Sample, SourceError> {
    let mut sample = Sample::default();
    while sample.rows < SAMPLE {
        let rows = snapshot.connections(SAMPLE - sample.rows).await?;
        if rows.is_empty() {
            break;
        }
        rows.iter().for_each(|row| sample.connection(row, doctor));
    }
    Ok(sample)
}

async fn sample_people(snapshot: &mut AnySnapshot) -> Result<Sample, SourceError> {
    let mut sample = Sample::default();
    while sample.rows < SAMPLE {
        let rows = snapshot.people(SAMPLE - sample.rows).await?;
        if rows.is_empty() {
            break;
        }
        rows.iter().for_each(|row| sample.person(row));
    }
    Ok(sample)
}

impl Sample {
    fn connection(&mut self, row: &Row<ConnectionRecord>, doctor: &Doctor<'_>) {
        self.rows += 1;
        match &row.record {
            Ok(record) if doctor.catalogue.get(&record.provider).is_some() => {
                self.useful += usize::from(record.secret.is_some());
                self.providers.insert(record.provider.to_string());
            }
            Ok(record) => self
                .set_aside(row.row, format_args!("provider: {:?} is not in the catalogue", record.provider.as_str())),
            Err(problem) => self.set_aside(row.row, format_args!("{}: {}", problem.field, problem.reason)),
        }
    }

    fn person(&mut self, row: &Row<PersonRecord>) {
        self.rows += 1;
        match &row.record {
            Ok(person) => {
                let is_told = person.role == Role::Owner && person.status == PersonStatus::Active && person.verified;
                self.useful += usize::from(is_told);
            }
            Err(problem) => self.set_aside(row.row, format_args!("{}: {}", problem.field, problem.reason)),
        }
    }

    fn set_aside(&mut self, row: u64, why: std::fmt::Arguments<'_>) {
        self.bad += 1;
        if self.first.is_empty() {
            self.first = format!("row {row}: {why}");
        }
    }

    /// `12 rows`, or `the first 1000 rows`.
    fn extent(&self) -> String {
        match self.rows {
            1 => "1 row".to_owned(),
            SAMPLE.. => format!("the first {SAMPLE} rows"),
            few => format!("{few} rows"),
        }
    }
}

impl<'a> Source<'a> {
    /// Puts it together; a check says why it can't be.
    fn of(index: usize, inventory: &'a InventorySettings, env: &Env) -> Result<Self, Check> {
        match build::source(inventory, env) {
            Ok((_, lists)) => Ok(Self { index, inventory, lists }),
            Err(AppError::Setting { key, what }) => {
                Err(Check::told(Part::Source, &key, &what, "correct it").of(&inventory.name))
            }
            Err(error) => {
                let section = format!("inventory[{index}]");
                Err(Check::told(Part::Source, &section, &error.to_string(), "correct it").of(&inventory.name))
            }
        }
    }

    async fn unreachable(&self) -> Vec<Check> {
        let found = self.lists.unreachable().await;
        found.iter().map(|(key, error)| self.recovering(self.told(key, error))).collect()
    }

    /// A server may be there again by itself; a file that isn't where it should be has to be put there.
    fn recovering(&self, check: Check) -> Check {
        match self.inventory.place {
            Place::Files(_) => check,
            Place::Sql(_) | Place::Http(_) | Place::Events => check.passing(),
        }
    }

    /// A warning where somebody on the way to the database could listen.
    fn protection(&self) -> Option<Check> {
        let Lists::Sql(queries) = &self.lists else { return None };
        let what = warnings::unprotected(queries.protection())?;
        Some(self.warning("url", what.to_owned(), "let it say how the server's certificate is checked"))
    }

    /// What the connections' first rows say.
    fn rows(&self, sample: &Sample, hold: Hold) -> Check {
        let name = &self.inventory.name;
        if let Some(bad) = self.bad(self.lists.keys().connections, sample) {
            return bad;
        }
        if sample.rows == 0 {
            let todo = "let the platform write its connections into it; as it is, every known one counts as gone";
            return self.warning(self.lists.keys().connections, "it has no rows".to_owned(), todo);
        }
        let extent = sample.extent();
        if sample.useful == 0 && hold != Hold::None {
            let todo = "add the column `secret`: without it no provider is asked and nothing is proven";
            return self.warning(self.lists.keys().connections, format!("none of {extent} has a secret"), todo);
        }
        let providers = sample.providers.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let what = format!("{extent} read, all understood; {} with a secret ({providers})", sample.useful);
        Check::ok(Part::Source, self.setting(self.lists.keys().connections), what).of(name)
    }

    /// What the people's first rows say.
    async fn people(&self, snapshot: &mut AnySnapshot, mailing: bool) -> Option<Check> {
        if !snapshot.has_people() {
            let todo = "name the file of people who can be written to";
            return mailing
                .then(|| self.warning(self.lists.keys().people, "not set: nobody is mailed".to_owned(), todo));
        }
        let sample = match sample_people(snapshot).await {
            Ok(sample) => sample,
            Err(error) => return Some(self.failed(&error)),
        };
        let bad = self.bad(self.lists.keys().people, &sample);
        Some(bad.unwrap_or_else(|| {
            if sample.useful == 0 {
                let what = format!("none of {} is an active owner with a verified address", sample.extent());
                return self.warning(self.lists.keys().people, what, "complete it: nobody would be mailed");
            }
            let what =
                format!("{} read, all understood; owners who can be written to: {}", sample.extent(), sample.useful);
            Check::ok(Part::Source, self.setting(self.lists.keys().people), what).of(&self.inventory.name)
        }))
    }

    /// Rows that a scan would set aside: all of them is an error, some are a warning.
    fn bad(&self, key: &str, sample: &Sample) -> Option<Check> {
        let name = &self.inventory.name;
        let todo = format!("correct the rows at the platform: `keysweep inventory check {name}` names them all");
        let (extent, first) = (sample.extent(), &sample.first);
        match sample.bad {
            0 => None,
            bad if bad == sample.rows => {
                let todo = format!("correct the file: `keysweep inventory check {name}` shows how it is read");
                Some(self.error(key, format!("none of {extent} is understood: {first}"), &todo))
            }
            bad => Some(self.warning(key, format!("{bad} of {extent} would be set aside: {first}"), &todo)),
        }
    }

    /// What `secret_ref` may name, where that can't be used.
    async fn refs(&self, doctor: &Doctor<'_>) -> Vec<Check> {
        let allowed = match build::refs(self.inventory, doctor.env) {
            Ok(allowed) => allowed,
            Err(error) => return vec![self.error("secret_refs", error.to_string(), "correct the setting")],
        };
        let todo = "see to it; meanwhile rows that name their secrets go without";
        allowed.unusable().await.into_iter().map(|(key, what)| self.warning(key, what, todo)).collect()
    }

    /// A warning where everybody on the machine may read secrets.
    fn open_to_all(&self, sample: &Sample) -> Option<Check> {
        let Place::Files(FilesPlace { path, .. }) = &self.inventory.place else { return None };
        let is_open = sample.useful > 0 && config::mode(path).is_some_and(|mode| mode & 0o004 != 0);
        let what = format!("{} holds secrets, and everybody on this machine may read it", path.display());
        is_open.then(|| {
            self.warning("path", what, &format!("chmod o-r {}, and let the platform write it so", path.display()))
        })
    }

    /// A source that could not be read on.
    fn failed(&self, error: &SourceError) -> Check {
        let (key, place) = (self.lists.blamed(error), error.place());
        match error {
            SourceError::Changed { .. } => {
                let todo = match self.inventory.place {
                    Place::Files(_) => "look again; should it stay so, write it under another name and rename it",
                    Place::Sql(_) | Place::Events => "look again",
                    Place::Http(_) => "look again; should it stay so, let the platform page it by cursor",
                };
                self.warning(key, format!("{place} is being written at this moment"), todo)
            }
            _ => self.told(key, error),
        }
    }

    fn told(&self, key: &str, error: &SourceError) -> Check {
        let todo = match self.inventory.place {
            Place::Files(_) => "write it whole, under another name, and rename it",
            Place::Sql(_) | Place::Http(_) | Place::Events => "look again",
        };
        Check::told(Part::Source, &self.setting(key), &error.to_string(), todo).of(&self.inventory.name)
    }

    fn error(&self, key: &str, what: String, todo: &str) -> Check {
        Check::error(Part::Source, self.setting(key), what, todo).of(&self.inventory.name)
    }

    fn warning(&self, key: &str, what: String, todo: &str) -> Check {
        Check::warning(Part::Source, self.setting(key), what, todo).of(&self.inventory.name)
    }

    fn setting(&self, key: &str) -> String {
        format!("inventory[{}].{key}", self.index)
    }
}
