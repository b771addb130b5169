//! Health: whether the process runs, and whether keysweep's own parts do. A provider, a mail server or a source is no
//! part of it: nothing gets better by restarting keysweep when they are out of order.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::ledger::Ledger;
use crate::ports::health::{HealthReport, Phase, Seen};
use crate::ports::meter::PartName;

/// The content type of both answers.
pub(super) const KIND: &str = "application/json";

/// A ledger that needs longer for one row is of no use to whoever asks.
const LEDGER_LIMIT: Duration = Duration::from_secs(2);

const LEDGER: &str = "the ledger does not answer: see the log, and run `keysweep doctor`";
const CONFIG: &str = "the configuration that was last read is refused, and the one before it stays in force: run \
                      `keysweep config check`, correct it, and reload";
const CLOCK: &str = "the machine's clock has jumped or is far off: run `keysweep doctor`, and set the clock";
const STARTING: &str = "keysweep is starting";
const STOPPING: &str = "keysweep is ending: it takes no new work and finishes what is under way";

/// `/healthz`: the process answers.
pub(super) async fn healthz() -> Response {
    answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `/readyz`: 200 where all of keysweep's own parts are well, else 503. Nobody needs a token for it, so it names the
/// parts, and nothing that is the operator's: no address, no path, no words of a database.
pub(super) async fn readyz(report: &HealthReport, ledger: &Ledger) -> Response {
    let well = |seen: Option<&Seen>| seen.is_none_or(Seen::is_up);
    let ledger_answers = well(report.parts.get(&PartName::Ledger)) && answers(ledger).await;
    let phase = match report.phase {
        Phase::Starting => Some(STARTING),
        Phase::Running => None,
        Phase::Stopping => Some(STOPPING),
    };
    // Work can be sent here all the same: only what goes by the clock waits.
    let clock = (!well(report.parts.get(&PartName::Clock))).then_some(CLOCK);
    let parts = [
        ("ledger", (!ledger_answers).then_some(LEDGER)),
        ("config", (!well(report.config.as_ref())).then_some(CONFIG)),
        ("phase", phase),
    ];
    let ready = parts.iter().all(|(_, trouble)| trouble.is_none());
    let part = |(name, trouble): (&str, Option<&str>)| {
        let told = trouble.map_or_else(|| json!({ "ok": true }), |trouble| json!({ "ok": false, "detail": trouble }));
        (name.to_owned(), told)
    };
    let parts: Map<String, Value> = parts.into_iter().chain([("clock", clock)]).map(part).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, &json!({ "status": if ready { "ready" } else { "not ready" }, "parts": parts }))
}

/// Reads one row.
async fn answers(ledger: &Ledger) -> bool {
    matches!(tokio::time::timeout(LEDGER_LIMIT, ledger.scans(1)).await, Ok(Ok(_)))
}

fn answer(status: StatusCode, document: &Value) -> Response {
    (status, [(CONTENT_TYPE, KIND)], format!("{document}\n")).into_response()
}
