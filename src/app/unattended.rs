//! A whole keysweep that lives for long: the daemon, and the operator's listener beside it.

use std::sync::Arc;

use tokio::sync::watch;

use super::daemon::{Board, Daemon, DaemonParts, Doorbell, Exit, House, Load};
use super::operator::Console;
use super::ops::{Listener, Window};
use super::public::Front;
use super::{App, AppError, SystemClock, SystemTimer};
use crate::lifecycle::{Orders, Supervisor};
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
    pub async fn run(self, orders: impl Orders, supervisor: impl Supervisor) -> Result<Exit, AppError> {
        let Self { app, metrics, listener, front, env, load } = self;
        let (bell, board) = (Doorbell::default(), Board::new(metrics.clone()));
        let window = Arc::new(Window::new(&app, metrics.clone()));
        // What people meet, and what the platform tells, is in the ledger, which goes by the clock that is set right.
        let steady = Arc::new(app.clock.clone());
        let rope = Arc::new(bell.clone());
        let listener = match listener {
            Some(listener) => {
                let console = Console::open(&app, steady.clone(), rope.clone()).await.map_err(AppError::from)?;
                Some((listener, Arc::new(console)))
            }
            None => None,
        };
        let front = front.map(|front| front.staffed(&app, rope.clone(), steady));
        let mut house = House::new(app, metrics, env, load).await?.seen_through(window.clone());
        if let Some(front) = &front {
            house = house.met_at(front.papers.clone()).told_through(front.intake.clone());
        }
        if let Some((_, console)) = &listener {
            house = house.operated_from(console.clone());
        }
        let parts = DaemonParts {
            orders,
            clock: SystemClock,
            timer: SystemTimer,
            supervisor,
            bell,
            board: board.clone(),
            seed: u64::from(std::process::id()),
        };
        let daemon = Daemon::new(house, parts).await?;
        let (stop, stopped) = watch::channel(());
        let ended = |mut stopped: watch::Receiver<()>| async move {
            // once its other end is dropped, the daemon has ended
            while stopped.changed().await.is_ok() {}
        };
        let front = front.map(|front| tokio::spawn(front.serve(ended(stopped.clone()))));
        let clock = Arc::new(SystemClock); // the board's instants are the machine's
        let listener = listener.map(|(listener, console)| {
            tokio::spawn(listener.serve(window, console, rope, clock, Arc::new(board), ended(stopped)))
        });
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
