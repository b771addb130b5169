//! A whole keysweep that lives for long: the daemon, and the operator's listener beside it.

use std::sync::Arc;

use tokio::sync::watch;

use super::daemon::{Board, Daemon, DaemonParts, Doorbell, Exit, House, Load};
use super::ops::{Listener, Window};
use super::public::{Counter, Front};
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
    /// where people's links lead; `None` where they have none
    pub front: Option<Front>,
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
        let Self { app, metrics, listener, front, env, load } = self;
        let (bell, board) = (Doorbell::default(), Board::new(metrics.clone()));
        let window = Arc::new(Window::new(&app, metrics.clone()));
        let steady = Arc::new(app.clock.clone());
        let counter = Arc::new(Counter::new(&app));
        let house = House::new(app, metrics, env, load).await?.seen_through(window.clone()).met_at(counter.clone());
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
        let (stop, stopped) = watch::channel(());
        let ended = |mut stopped: watch::Receiver<()>| async move {
            // once its other end is dropped, the daemon has ended
            while stopped.changed().await.is_ok() {}
        };
        // The board's instants are the machine's. What people meet is in the ledger, which goes by the clock that is set right.
        let (bell, clock) = (Arc::new(bell), Arc::new(SystemClock));
        let front = front.map(|front| tokio::spawn(front.serve(counter, bell.clone(), steady, ended(stopped.clone()))));
        let listener =
            listener.map(|listener| tokio::spawn(listener.serve(window, bell, clock, Arc::new(board), ended(stopped))));
        let exit = daemon.run().await;
        drop(stop);
        for serving in [listener, front].into_iter().flatten() {
            if exit == Exit::Stopped
                && let Err(error) = serving.await
            {
                tracing::error!(%error, "a listener ended by a defect");
            }
        }
        Ok(exit)
    }
}
