//! What the numbers take from the settings and from the ledger.

use std::sync::Arc;

use super::App;
use crate::domain::catalogue::Provider;
use crate::ports::meter::{Meter, Stage};
use crate::ports::{Clock, LedgerError};
use crate::telemetry::metrics::{Configured, ConfiguredProvider, Metrics};

impl<C: Clock> App<C> {
    /// The same keysweep, with whatever its stages do counted by `meter`. Without one nothing is counted.
    #[must_use]
    pub fn metered(self, meter: Arc<dyn Meter>) -> Self {
        Self { meter, ..self }
    }

    /// What the metrics take from the catalogue and the settings in force.
    pub fn configured(&self) -> Configured {
        let provider = |provider: &Provider| {
            let protocols = provider.protocols.iter().map(|protocol| protocol.name.clone()).collect();
            let max_age = self.policy.at(&provider.name).max_age;
            let named = self.settings.providers.contains_key(&provider.name);
            (provider.name.clone(), ConfiguredProvider { named, protocols, max_age })
        };
        Configured {
            providers: self.catalogue.iter().map(provider).collect(),
            sources: self.sources.iter().map(|(spec, _)| spec.name.clone()).collect(),
            takers: self.takers.iter().map(|taker| taker.name().to_owned()).collect(),
            retention: self.settings.escrow.retention,
        }
    }

    /// Shows the estate as the ledger has it now. For the start and the end of each job: it walks the whole ledger.
    ///
    /// # Errors
    /// Where the ledger fails; then what was shown before stays.
    pub async fn refresh(&self, metrics: &Metrics) -> Result<(), LedgerError> {
        metrics.show(self.ledger.overview(self.clock.now()).await?);
        Ok(())
    }

    /// Measures how long a stage takes, whatever becomes of it.
    pub(super) async fn timed<T>(&self, stage: Stage, work: impl Future<Output = T>) -> T {
        let began = self.clock.now();
        let result = work.await;
        self.meter.stage(stage, self.clock.now().since(began));
        result
    }
}
