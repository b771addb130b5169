//! Reminds of what is accepted for a while and soon ends.

use super::App;
use crate::domain::policy::Standing;
use crate::ports::{Clock, LedgerError};
use crate::report::exemptions::sentence;

impl<C: Clock> App<C> {
    /// Says in the log which exemptions end soon, and which are over and still stand in the configuration.
    ///
    /// # Errors
    /// Where the ledger fails.
    pub async fn remind_of_exemptions(&self) -> Result<(), LedgerError> {
        let exemptions = &self.policy.exemptions;
        if exemptions.iter().next().is_none() {
            return Ok(());
        }
        let now = self.clock.now();
        for entry in exemptions.register(&self.ledger.exempt_findings().await?, now) {
            let said = sentence(&entry, now);
            match entry.standing {
                Standing::InForce => {}
                Standing::EndsSoon => tracing::warn!(exemption = said, "an exemption ends soon"),
                Standing::Ended => tracing::warn!(exemption = said, "an exemption is over, and its findings are open"),
            }
        }
        Ok(())
    }
}
