//! Traces, as the settings want them.

use super::AppError;
use super::build::{AGENT, resolve};
use crate::config::{Env, Settings};
use crate::telemetry::traces::collector::Collector;
use crate::telemetry::traces::{self, Spans, Traces};

const TRACES: &str = "telemetry.traces";

/// Begins to trace, where the settings name a collector. Nothing is sent yet.
///
/// # Errors
/// Where the secret of a header can't be had, or does not do.
pub fn begin(settings: &Settings, env: &Env) -> Result<Option<(Traces, Spans)>, AppError> {
    let Some(collector) = collector(settings, env)? else { return Ok(None) };
    traces::begin(collector).map(Some).map_err(|what| AppError::Setting { key: TRACES.to_owned(), what })
}

/// The collector of these settings.
///
/// # Errors
/// As for [`begin`].
pub(super) fn collector(settings: &Settings, env: &Env) -> Result<Option<Collector>, AppError> {
    let wanted = &settings.telemetry.traces;
    let Some(url) = wanted.url.clone() else { return Ok(None) };
    let header = |(name, secret): &(String, _)| Ok::<_, AppError>((name.clone(), resolve(secret, env)?));
    let headers = wanted.headers.iter().map(header).collect::<Result<Vec<_>, _>>()?;
    let collector = Collector::new(url, &headers, AGENT);
    collector.map(Some).map_err(|what| AppError::Setting { key: TRACES.to_owned(), what })
}
