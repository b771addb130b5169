//! When the estate is shown to whoever looks from outside.
//!
//! After each job it is shown at once. A mail that left, or a click of an owner, changes little, comes as often as people
//! like, and to show the estate is to walk the whole ledger: what such things changed is shown at most once a minute.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// The least time between two times that it is shown for something small.
const SPARED_FOR: Duration = Duration::from_secs(60);

/// What is shown of the estate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    at: Option<Timestamp>,
    /// something has changed since
    is_old: bool,
}

impl Shown {
    pub(super) fn is_new(&mut self, now: Timestamp) {
        *self = Self { at: Some(now), is_old: false };
    }

    /// Something small has changed.
    pub(super) fn changed(&mut self) {
        self.is_old = true;
    }

    /// How long until it is to be shown again; `None` where nothing has changed.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        let spared = self.at.map_or(Duration::ZERO, |at| (at + SPARED_FOR).since(now).min(SPARED_FOR));
        self.is_old.then_some(spared)
    }
}
