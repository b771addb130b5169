//! The settings in force, as `config show` prints them.

use std::fmt::Write as _;

use super::settings::Settings;

/// What is shown in a secret's place.
pub(super) const HIDDEN: &str = "[secret]";

/// One setting as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// the setting as a dotted path
    pub key: String,
    /// its value as written, in TOML, or `[secret]`
    pub value: String,
    /// file and line, or the variable; `default` for the manual's
    pub origin: String,
    pub(super) from_env: bool,
}

/// What `config show` prints: a line a setting, `key = value  # origin`, without secrets.
pub fn show(settings: &Settings) -> String {
    let line = |shown: &Shown| format!("{} = {}", shown.key, shown.value);
    let width = settings.shown().iter().map(|shown| line(shown).chars().count()).max().unwrap_or(0).min(60);
    settings.shown().iter().fold(String::new(), |mut text, shown| {
        // writing to a String can't fail
        _ = writeln!(text, "{:width$}  # {}", line(shown), shown.origin);
        text
    })
}
