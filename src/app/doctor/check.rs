//! What was looked at and how it was found: pure.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::config::parted;

/// The parts that are looked at, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// the settings, and the secrets that they name
    Config,
    /// what the operator says of some connections
    Policy,
    /// the ledger and its files
    Ledger,
    /// the room beside the ledger
    Disk,
    /// the master key, and whether it is the ledger's
    MasterKey,
    /// one source of inventory
    Source,
    /// the mail server
    Mail,
    /// one provider's host
    Provider,
    /// the operator's own listener
    Listener,
    /// where traces go
    Traces,
    /// when a job runs next
    Schedule,
    /// the machine's clock
    Clock,
}

impl Part {
    /// Its name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Policy => "policy",
            Self::Ledger => "ledger",
            Self::Disk => "disk",
            Self::MasterKey => "master key",
            Self::Source => "source",
            Self::Mail => "mail",
            Self::Provider => "provider",
            Self::Listener => "listener",
            Self::Traces => "traces",
            Self::Schedule => "schedule",
            Self::Clock => "clock",
        }
    }

    /// True where what is wrong stands in the configuration, so that trying again is pointless.
    const fn is_config(self) -> bool {
        matches!(self, Self::Config | Self::MasterKey)
    }
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// as it should be
    Ok,
    /// it works, and is probably not meant so
    Warning,
    /// it does not work
    Error,
}

impl State {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was looked at. Its texts hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// what it belongs to
    pub part: Part,
    /// the part for people, with the source's or provider's own name: `source main`
    pub name: String,
    /// the setting that rules it, as a dotted path; empty where none does
    pub setting: String,
    /// how it was found
    pub state: State,
    /// what was found
    pub what: String,
    /// what to do next; empty where there is nothing to do
    pub todo: String,
    /// true where it may be mended by waiting
    #[serde(skip)]
    passes: bool,
}

impl Check {
    /// Something that is as it should be.
    pub fn ok(part: Part, setting: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(State::Ok, part, setting, what, "")
    }

    /// Something that works, and is probably not meant so.
    pub fn warning(part: Part, setting: impl Into<String>, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(State::Warning, part, setting, what, todo)
    }

    /// Something that does not work.
    pub fn error(part: Part, setting: impl Into<String>, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(State::Error, part, setting, what, todo)
    }

    /// An error in the words of somebody else. Where these say what to do, it stands behind a semicolon, as in all of
    /// this program's errors; else `todo` is said.
    pub fn told(part: Part, setting: &str, words: &str, todo: &str) -> Self {
        let words = words.strip_prefix(setting).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(words);
        let (what, todo) = parted(words, todo);
        Self::error(part, setting, what, todo)
    }

    /// The same, of the source or provider of this name.
    #[must_use]
    pub fn of(self, name: &str) -> Self {
        Self { name: format!("{} {name}", self.part.as_str()), ..self }
    }

    /// The same, where waiting may mend it: no reason not to start.
    #[must_use]
    pub fn passing(self) -> Self {
        Self { passes: true, ..self }
    }

    /// True where it does not work, and only the operator can change that.
    pub fn forbids_to_start(&self) -> bool {
        self.is_error() && !self.passes
    }

    /// True where it does not work.
    pub fn is_error(&self) -> bool {
        self.state == State::Error
    }

    fn new(
        state: State,
        part: Part,
        setting: impl Into<String>,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        let (setting, what, todo) = (setting.into(), what.into(), todo.into());
        Self { part, name: part.as_str().to_owned(), setting, state, what, todo, passes: false }
    }
}

/// One line, for logs and standard error.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        if !self.setting.is_empty() {
            write!(f, "{}: ", self.setting)?;
        }
        f.write_str(&self.what)?;
        if self.todo.is_empty() { Ok(()) } else { write!(f, "; {}", self.todo) }
    }
}

/// All checks together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// nothing is wrong
    Ok,
    /// there are warnings
    Warning,
    /// something does not work
    Error,
    /// the configuration is wrong: trying again is pointless
    Config,
}

impl Verdict {
    /// The worst of `checks`; of errors, those of the configuration go first.
    pub fn of(checks: &[Check]) -> Self {
        if checks.iter().any(|check| check.is_error() && check.part.is_config()) {
            return Self::Config;
        }
        match checks.iter().map(|check| check.state).max() {
            Some(State::Error) => Self::Error,
            Some(State::Warning) => Self::Warning,
            Some(State::Ok) | None => Self::Ok,
        }
    }
}

/// A provider that nobody uses need not be reached: where `used` names providers and not this one, its error becomes a
/// warning. Where it names none, nothing is known of that.
pub(super) fn excuse_unused(checks: &mut [Check], used: &BTreeSet<String>) {
    if used.is_empty() {
        return;
    }
    let unused = |check: &&mut Check| {
        let name = check.name.strip_prefix("provider ");
        check.part == Part::Provider && name.is_some_and(|name| !used.contains(name))
    };
    for check in checks.iter_mut().filter(|check| check.is_error()).filter(unused) {
        check.state = State::Warning;
        check.what.push_str(" (none of the rows that were looked at uses it)");
    }
}

/// An address that is taken is no error where another keysweep runs on this ledger: it is that one's.
pub(super) fn excuse_running(checks: &mut [Check], held: bool) {
    for check in checks.iter_mut().filter(|check| held && check.part == Part::Listener && check.is_error()) {
        check.state = State::Warning;
        check.what.push_str(" (most likely by the keysweep that holds the ledger)");
    }
}
