//! Statements that end once nobody waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::SqliteConnection;

/// Somebody waits for what a connection of SQLite does. Once this is dropped, what it still does ends.
pub(super) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// How many of SQLite's instructions go by between two looks: some tens of microseconds.
    const LOOK_EVERY: i32 = 10_000;

    /// Watches this connection until another session has it.
    ///
    /// # Errors
    /// Where the connection is broken.
    pub(super) async fn watch(line: &mut SqliteConnection) -> sqlx::Result<Self> {
        let wanted = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&wanted);
        line.lock_handle().await?.set_progress_handler(Self::LOOK_EVERY, move || seen.load(Ordering::Relaxed));
        Ok(Self(wanted))
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
