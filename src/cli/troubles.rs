//! What is wrong with the sources that the configuration names. Of one that was removed from it, or has another name now, the
//! ledger still has what its last reading met: that is the past, and nobody could mend it.

use std::collections::BTreeSet;

use crate::config::Settings;
use crate::domain::record::Quarantined;
use crate::ledger::Ledger;
use crate::ledger::read::{Counts, ProblemRow};
use crate::ports::LedgerError;

/// The sources of the configuration, as the ledger has them.
pub struct Troubles<'a> {
    ledger: &'a Ledger,
    names: BTreeSet<&'a str>,
}

impl<'a> Troubles<'a> {
    /// Those of these settings.
    pub fn of(ledger: &'a Ledger, settings: &'a Settings) -> Self {
        Self { ledger, names: settings.inventories.iter().map(|one| one.name.as_str()).collect() }
    }

    /// The estate in numbers; of the rows that were set aside, those of these sources.
    pub async fn counts(&self) -> Result<Counts, LedgerError> {
        let counts = self.ledger.counts().await?;
        let sources = self.ledger.sources().await?;
        let ours = sources.iter().filter(|source| self.names.contains(source.name.as_str()));
        Ok(Counts { quarantined: ours.map(|source| source.quarantined).sum(), ..counts })
    }

    /// The first rows that their last readings set aside, by source and row.
    pub async fn quarantined(&self, limit: usize) -> Result<Vec<Quarantined>, LedgerError> {
        let mut rows = Vec::new();
        for name in &self.names {
            rows.extend(self.ledger.quarantined(Some(name), limit.saturating_sub(rows.len())).await?);
        }
        Ok(rows)
    }

    /// What else is wrong with them, in sentences.
    pub async fn problems(&self) -> Result<Vec<ProblemRow>, LedgerError> {
        let mut rows = self.ledger.problems().await?;
        rows.retain(|row| self.names.contains(row.source.as_str()));
        Ok(rows)
    }
}
