//! What all lanes of one pass share: our clock, by the dates of the answers.

use std::cell::{Cell, RefCell};

use crate::domain::clock::Clocks;
use crate::domain::ids::ProviderName;
use crate::domain::outcome::Dated;
use crate::ports::{Clock, Event};

use super::facts;

/// One pass over credentials.
pub struct Pass {
    clocks: RefCell<Clocks>,
    /// what is known of the clocks is not in the ledger yet
    news: Cell<bool>,
    /// what is to be logged with the next batch
    events: RefCell<Vec<Event>>,
}

impl Pass {
    pub(super) fn new(clocks: Clocks) -> Self {
        Self { clocks: RefCell::new(clocks), news: Cell::new(false), events: RefCell::default() }
    }

    /// Whether our clock is not to be gone by.
    pub(super) fn clock_is_suspect(&self) -> bool {
        self.clocks.borrow().suspect.is_some()
    }

    /// Takes in the date of an answer, and sets the clock right by it.
    pub(super) fn tell(&self, clock: &impl Clock, provider: &ProviderName, date: Option<Dated>) {
        let Some(Dated { ours, theirs }) = date else { return };
        let mut clocks = self.clocks.borrow_mut();
        let before = clocks.suspect;
        if !clocks.tell(provider, ours, theirs) {
            return;
        }
        clock.set_right(clocks.ahead);
        self.news.set(true);
        let (kind, ahead) = match (before, clocks.suspect) {
            (None, Some(now)) => {
                tracing::error!(
                    off = now.words(),
                    "our clock is suspect: nothing dies, is destroyed or mailed until it agrees with the providers again"
                );
                ("clock.suspect", Some(now.ahead / 1000))
            }
            (Some(_), None) => {
                tracing::warn!("our clock agrees with the providers again");
                ("clock.agrees", None)
            }
            _ => return,
        };
        let data = facts([("ahead_seconds", ahead.into())]);
        self.note(Event { at: clock.now(), kind, subject: "clock:own".to_owned(), data });
    }

    /// Has an event logged with whatever is written next.
    pub(super) fn note(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    pub(super) fn take_events(&self) -> Vec<Event> {
        self.events.take()
    }

    /// What is known of the clocks, where that is news.
    pub(super) fn take_clocks(&self) -> Option<Clocks> {
        self.news.take().then(|| self.clocks.borrow().clone())
    }
}
