//! Raw files to checked settings: all problems at once, with key, line and what to do.
//!
//! Three layers, each over the last: the manual (`config/keysweep.toml`, built in), the operator's file, the
//! environment. Every value remembers where it came from (`tree`). Then each section is read key by key
//! (`reader`, `sections`): what can't be read, and what nobody reads, is a [`Problem`].

mod choice;
mod environment;
mod http;
mod inventories;
mod links;
mod policy;
mod problem;
mod reader;
mod run;
mod schedule;
mod schema;
mod secret_ref;
mod sections;
mod settings;
mod shown;
mod telemetry;
mod telling;
mod templates;
#[cfg(test)]
mod tests;
mod tree;
mod values;
pub mod warnings;
mod webhooks;

use std::path::{Path, PathBuf};

pub use self::choice::ConfigChoice;
pub use self::environment::environment;
pub use self::http::HttpSettings;
pub use self::inventories::{FilesPlace, HttpPlace, InventorySettings, Place, RefSettings, SqlPlace, VaultSettings};
pub use self::links::LinkSettings;
pub use self::policy::PolicySettings;
pub use self::problem::{ConfigProblems, Problem, Warning, parted};
pub use self::run::RunSettings;
pub use self::schedule::ScheduleSettings;
pub use self::schema::schema;
pub use self::secret_ref::{Env, SecretRef, SecretRefError};
pub use self::settings::{
    CatalogueSettings, Chosen, Control, EscrowSettings, LedgerSettings, LedgerUrl, LivenessSettings, MailSettings,
    Pace, ProviderSettings, Sending, Settings,
};
pub use self::shown::{Shown, show};
pub use self::telemetry::{PerConnection, TelemetrySettings, TraceSettings};
pub use self::telling::{FirstRun, TellingSettings};
pub use self::values::{is_plain_name, span};
pub use self::webhooks::{GIVE_UP_AFTER, OPERATOR, WebhookSettings};

/// The manual: every key, its default, a sentence.
pub const MANUAL: &str = include_str!("../../config/keysweep.toml");

/// An operator's configuration as text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// how problems name it: the path as the operator gave it
    pub name: &'a str,
    /// the TOML
    pub text: &'a str,
}

/// Finds the operator's file, reads it and checks everything.
///
/// `env` is the whole environment; `known_providers` are the names of the catalogue.
///
/// # Errors
/// All problems at once, each with its place, its key and what to do.
pub fn load(
    choice: &ConfigChoice,
    env: &Env,
    known_providers: &[&str],
) -> Result<(Settings, Vec<Warning>), ConfigProblems> {
    let Some(path) = choice.find(env)? else {
        return read(None, &folder_of(Path::new(""))?, env, known_providers);
    };
    let text = std::fs::read_to_string(&path).map_err(|error| choice::unreadable(&path, &error))?;
    let name = path.display().to_string();
    read(Some(Source { name: &name, text: &text }), &folder_of(&path)?, env, known_providers)
}

/// The folder that a file is in, as a path that means the same wherever it is used: a program, for one, is started elsewhere.
fn folder_of(path: &Path) -> Result<PathBuf, ConfigProblems> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::path::absolute(folder).map_err(|error| choice::unreadable(folder, &error))
}

/// The pure part of [`load`]: the operator's text, if there is one, and the folder where relative paths start.
///
/// # Errors
/// As for [`load`].
pub fn read(
    source: Option<Source<'_>>,
    base: &Path,
    env: &Env,
    known_providers: &[&str],
) -> Result<(Settings, Vec<Warning>), ConfigProblems> {
    let name = source.map_or("the configuration", |source| source.name);
    let defaults = tree::parse(MANUAL, |_| tree::Origin::Default).map_err(|fault| fault.into_problem("the manual"))?;
    let operator = match source {
        Some(source) => tree::parse(source.text, tree::Origin::File).map_err(|fault| fault.into_problem(name))?,
        None => tree::Table::new(),
    };
    let log = reader::Log::new(name);
    let mut merged = defaults.clone();
    tree::overlay(&mut merged, operator);
    tree::overlay_env(&mut merged, env, &log);
    let settings = sections::read(&merged, &defaults, &log, base, env, known_providers);
    let problems = log.into_problems();
    if problems.is_empty() {
        let warnings = warnings::find(&settings);
        Ok((settings, warnings))
    } else {
        Err(ConfigProblems::new(problems))
    }
}
