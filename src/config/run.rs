//! `[run]`: the daemon as a process.

use std::time::Duration;

use super::reader::Section;
use super::values::some_time;

/// How the daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSettings {
    /// how long it may take to end in good order
    pub stop_within: Duration,
}

pub(super) fn run(section: Section<'_>) -> RunSettings {
    let settings = RunSettings { stop_within: section.get("stop_within", some_time) };
    section.close();
    settings
}
