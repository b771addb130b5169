//! Where traces go, tried with a message that holds none.

use std::time::Duration;

use tokio::time::timeout;

use super::check::{Check, Part};
use super::silence;
use crate::app::traces::collector;
use crate::config::{Env, Settings};
use crate::telemetry::traces::collector::NotTaken;

const TRACES: &str = "telemetry.traces";

/// Hands the collector an empty message. Nothing where there are no traces.
pub(super) async fn look(settings: &Settings, env: &Env, limit: Duration) -> Vec<Check> {
    let Ok(Some(collector)) = collector(settings, env) else {
        return Vec::new(); // a header that can't be had is among the checks of secrets
    };
    let host = collector.host().to_owned();
    let check = match timeout(limit, collector.hand_over(Vec::new())).await {
        Ok(Ok(_)) => Check::ok(Part::Traces, TRACES, format!("{host} takes traces")),
        Ok(Err(NotTaken { why, .. })) => Check::error(Part::Traces, TRACES, format!("{host}: {why}"), TODO),
        Err(_) => Check::error(Part::Traces, TRACES, format!("{host}: {}", silence(limit)), TODO),
    };
    vec![check.passing()]
}

const TODO: &str = "check that the collector has a receiver for OTLP over HTTP (port 4318, path /v1/traces) and lets \
                    telemetry.trace_headers in; without it scans run as ever, and their traces are lost";
