//! A whole keysweep that lives for long: the daemon, and the operator's listener beside it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::daemon::{Board, Daemon, DaemonParts, Doorbell, Exit, House, Load};
use super::ops::{Listener, Window};
use super::{App, SystemClock, SystemTimer};
use crate::lifecycle::{Orders, Supervisor};
use crate::ports::LedgerError;
use crate::telemetry::metrics::Metrics;

/// What it is put together from.
pub struct Unattended {
    /// the keysweep, counted by `metrics`
    pub app: App<SystemClock>,
    /// its numbers
    pub metrics: Arc<Metrics>,
    /// where the operator looks; `None` where nobody can
    pub listener: Option<Listener>,
    /// the environment, where secrets may be
    pub env: Vec<(String, String)>,
    /// reads the configuration again
    pub load: Load,
}

impl Unattended {
    /// Runs until it is told to stop, and ends after whoever is asking has an answer: until then the listener says that
    /// keysweep is ending.
    ///
    /// # Errors
    /// Where the ledger can't be read at the start.
    pub async fn run(self, orders: impl Orders, supervisor: impl Supervisor) -> Result<Exit, LedgerError> {
        let Self { app, metrics, listener, env, load } = self;
        let (bell, board) = (Doorbell::default(), Board::new(metrics.clone()));
        let window = Arc::new(Window::new(&app, metrics.clone()));
        let house = House::new(app, metrics, env, load).await?.seen_through(window.clone());
        let parts = DaemonParts {
            orders,
            clock: SystemClock,
            timer: SystemTimer,
            supervisor,
            bell: bell.clone(),
            board: board.clone(),
            seed: u64::from(std::process::id()),
        };
        let daemon = Daemon::new(house, parts).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = listener.map(|listener| {
            let shutdown = async {
                // dropped or sent, the daemon has ended
                _ = stopped.await;
            };
            tokio::spawn(listener.serve(window, Arc::new(bell), Arc::new(SystemClock), Arc::new(board), shutdown))
        });
        let exit = daemon.run().await;
        drop(stop);
        if let (Some(serving), Exit::Stopped) = (serving, exit)
            && let Err(error) = serving.await
        {
            tracing::error!(%error, "the listener ended by a defect");
        }
        Ok(exit)
    }
}
