//! Health: whether the process runs, and whether keysweep's own parts do. A provider, a mail server or a source is no
//! part of it: nothing gets better by restarting keysweep when they are out of order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ledger::Ledger;

/// The content type of both answers.
pub(super) const KIND: &str = "application/json";

/// A ledger that needs longer for one row is of no use to whoever asks.
const LEDGER_LIMIT: Duration = Duration::from_secs(2);

/// What the daemon says of itself; the ledger is asked.
#[derive(Debug, Default)]
pub struct Readiness {
    draining: AtomicBool,
    config_refused: AtomicBool,
}

impl Readiness {
    /// From now on keysweep only finishes what is under way. There is no way back.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the configuration that was last read is in force; false where it was refused and the one before it holds.
    pub fn config_in_force(&self, good: bool) {
        self.config_refused.store(!good, Ordering::Relaxed);
    }
}

/// `/healthz`: the process answers.
pub(super) async fn healthz() -> Response {
    answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `/readyz`: keysweep's own parts, each with what to do where it is not well. It needs no token, so it says no names.
pub(super) async fn readyz(readiness: &Readiness, ledger: &Ledger) -> Response {
    let parts = [
        ("ledger", answers(ledger).await, "the ledger did not answer: see the log, and run `keysweep doctor`"),
        (
            "config",
            !readiness.config_refused.load(Ordering::Relaxed),
            "the configuration that was last read is refused, and the one before it holds: run `keysweep config check`",
        ),
        (
            "lifecycle",
            !readiness.draining.load(Ordering::Relaxed),
            "keysweep is ending: it takes no new work and finishes what is under way",
        ),
    ];
    let ready = parts.iter().all(|(_, well, _)| *well);
    let part = |(name, well, todo): &(&str, bool, &str)| {
        let told = if *well { json!({ "status": "ok" }) } else { json!({ "status": "failing", "detail": todo }) };
        ((*name).to_owned(), told)
    };
    let parts: serde_json::Map<_, _> = parts.iter().map(part).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, &json!({ "status": if ready { "ready" } else { "not ready" }, "parts": parts }))
}

/// Reads one row.
async fn answers(ledger: &Ledger) -> bool {
    matches!(tokio::time::timeout(LEDGER_LIMIT, ledger.scans(1)).await, Ok(Ok(_)))
}

fn answer(status: StatusCode, document: &serde_json::Value) -> Response {
    (status, [(CONTENT_TYPE, KIND)], format!("{document}\n")).into_response()
}
