//! Signals.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves when the process is asked to end (Ctrl-C, or SIGTERM). What was committed stays, the rest is still due.
pub async fn interrupted() {
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await; // without a handler the default applies: the process ends
    };
    tokio::select! {
        _ = term.recv() => {}
        result = tokio::signal::ctrl_c() => if result.is_err() { std::future::pending::<()>().await },
    }
}
