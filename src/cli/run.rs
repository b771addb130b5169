//! `run`: the daemon.

use std::sync::Arc;

use super::{CliError, Done, checked, read_settings};
use crate::app::daemon::Exit;
use crate::app::ops::Listener;
use crate::app::public::Front;
use crate::app::unattended::Unattended;
use crate::app::{App, AppError, SystemClock, doctor};
use crate::config::{ConfigChoice, Env, Settings, Warning};
use crate::lifecycle::{Signals, Systemd};
use crate::ports::Clock as _;
use crate::providers::Catalogue;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;

/// Runs until it is told to stop. Refuses to start on what would not heal by itself; once it runs, nothing ends it.
pub async fn run(
    choice: ConfigChoice,
    settings: Settings,
    warnings: Vec<Warning>,
    env: &Env,
    traces: Option<&Traces>,
) -> Result<Done, CliError> {
    let orders = Signals::take()?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    preflight(&settings, env).await?;
    let (http, ledger_url) = (settings.http.clone(), settings.ledger.url.clone());
    let app = App::open(settings, env, SystemClock, None).await?;
    let listener = Listener::bind(&http, &ledger_url, env).await?;
    let front = Front::bind(&http, &ledger_url).await?;
    let metrics = Metrics::new(app.configured()).map_err(|error| CliError::Other(error.to_string()))?;
    let metrics = Arc::new(metrics);
    let app = app.metered(metrics.clone());
    if let Some(traces) = traces {
        traces.counted_by(metrics.clone());
    }
    for remark in app.catalogue.remarks() {
        tracing::info!("the catalogue: {remark}");
    }
    if !app.can_mail() {
        tracing::warn!("mail.smtp_url is not set: nobody will be told anything");
    }
    let again = env.to_vec();
    let read = move || {
        read_settings(&choice, &again).and_then(|(settings, warnings)| Ok((checked(settings, &again)?, warnings)))
    };
    let load = move || read().map_err(|error| error.to_string());
    let keysweep = Unattended { app, metrics, listener, front, env: env.to_vec(), load: Box::new(load) };
    Ok(match keysweep.run(orders, Systemd::from_env()).await? {
        Exit::Stopped => Done::Ok,
        Exit::Aborted => Done::Interrupted,
    })
}

/// What a start refuses to begin with: what no waiting would mend.
async fn preflight(settings: &Settings, env: &Env) -> Result<(), CliError> {
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    let found = doctor::preflight(settings, &catalogue, env, SystemClock.now()).await;
    if found.is_empty() { Ok(()) } else { Err(CliError::Refused(found)) }
}
