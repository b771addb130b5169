//! `[links]`: what people may do through the links in their mails.

use std::time::Duration;

use super::reader::Section;
use super::values::{number, some_time};
use crate::domain::action::ActPolicy;

/// How long links live and what they let people do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkSettings {
    /// how long a link lives
    pub life: Duration,
    /// how often a person may have one finding checked within 24 hours
    pub checks_per_day: u32,
    /// the longest snooze, and the longest acknowledgement
    pub longest_pause: Duration,
    /// how long reminders wait once somebody says that the secret was reset
    pub reset_window: Duration,
}

pub(super) fn links(section: Section<'_>) -> LinkSettings {
    let settings = LinkSettings {
        life: section.get("life", some_time),
        checks_per_day: section.get("checks_per_day", number(0..=1000)),
        longest_pause: section.get("longest_pause", some_time),
        reset_window: section.get("reset_window", some_time),
    };
    section.close();
    settings
}

impl LinkSettings {
    /// What people may do about a finding whose key's refusal takes so long to be confirmed. Reminders never begin again
    /// before it could have been, and a probe that comes a little late is waited for.
    pub fn acts(&self, confirm_gap: Duration) -> ActPolicy {
        let reset_window = self.reset_window.max(confirm_gap.saturating_mul(2));
        ActPolicy {
            longest_pause: self.longest_pause.max(reset_window),
            reset_window,
            checks_per_day: self.checks_per_day,
        }
    }
}
