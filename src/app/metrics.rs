//! What the numbers take from the settings and from the ledger.

use std::sync::Arc;

use super::{App, room};
use crate::config::PerConnection;
use crate::domain::catalogue::Provider;
use crate::domain::policy::Hold;
use crate::ledger::Ledger;
use crate::ledger::read::{OldestSecrets, Overview};
use crate::ports::meter::{Meter, Stage};
use crate::ports::{Clock, LedgerError};
use crate::telemetry::metrics::{Configured, ConfiguredProvider, Metrics, Room, Singles};

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
            holds_until_proven: self.settings.escrow.hold == Hold::UntilProven,
        }
    }

    /// Shows the estate as the ledger has it now. For the start and the end of each job: it walks the whole ledger, and
    /// lets go of what that and the job have left in memory.
    ///
    /// # Errors
    /// Where the ledger fails; then what was shown before stays.
    pub async fn refresh(&self, metrics: &Metrics) -> Result<(), LedgerError> {
        let overview = self.ledger.overview(self.clock.now()).await?;
        self.ledger.note_estate(&overview).await?;
        self.show(&self.ledger, overview, metrics).await?;
        self.ledger.rest().await
    }

    /// The same in the middle of a job, through connections of its own, so that the job doesn't wait for them; it writes
    /// nothing. What it shows is as far as the job has come.
    ///
    /// # Errors
    /// As for [`App::refresh`].
    pub async fn glance(&self, beside: &Ledger, metrics: &Metrics) -> Result<(), LedgerError> {
        let overview = beside.overview(self.clock.now()).await?;
        self.show(beside, overview, metrics).await
    }

    async fn show(&self, ledger: &Ledger, overview: Overview, metrics: &Metrics) -> Result<(), LedgerError> {
        let singles = self.singles(ledger, &overview).await?;
        metrics.limit_ledger(self.ledger_room(overview.ledger_bytes).await);
        metrics.show_singles(singles);
        metrics.show(overview);
        Ok(())
    }

    /// The connections that have series of their own; `None` where the operator wants none.
    async fn singles(&self, ledger: &Ledger, overview: &Overview) -> Result<Option<Singles>, LedgerError> {
        let which = self.settings.telemetry.per_connection;
        if which == PerConnection::Off {
            return Ok(None);
        }
        let limit = self.settings.telemetry.per_connection_limit as usize;
        let findings = ledger.worst_findings(limit).await?;
        let open: u64 = overview.findings.iter().map(|kind| kind.count).sum();
        let findings_left_out = open.saturating_sub(findings.len() as u64);
        let secrets = match which {
            PerConnection::All => ledger.oldest_secrets(limit).await?,
            _ => OldestSecrets::default(),
        };
        Ok(Some(Singles { findings, findings_left_out, secrets }))
    }

    /// The ledger may grow as large as the operator says, and not beyond its disk, where that is ours.
    async fn ledger_room(&self, bytes: u64) -> Room {
        let free = match room::folder(&self.settings.ledger.url) {
            Some(folder) => room::free(&folder).await,
            None => None,
        };
        let disk = free.map(|free| free.saturating_add(bytes));
        Room { limit: self.settings.telemetry.ledger_limit.into_iter().chain(disk).min(), free }
    }

    /// Measures how long a stage takes, whatever becomes of it.
    pub(super) async fn timed<T>(&self, stage: Stage, work: impl Future<Output = T>) -> T {
        let began = self.clock.now();
        let result = work.await;
        self.meter.stage(stage, self.clock.now().since(began));
        result
    }
}
