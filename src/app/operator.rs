//! What the operator does from a page or the API, done in the ledger.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::App;
use super::build::spec;
use crate::config::Settings;
use crate::domain::action::{Act, ActPolicy, Change, OperatorName, Refusal};
use crate::domain::blindness::{Blind, Scope};
use crate::domain::compromise::{Noted, Word};
use crate::domain::diff::Accepted;
use crate::domain::ids::{CredentialId, FindingId, ProviderName};
use crate::domain::time::Timestamp;
use crate::ledger::{Ledger, OpenError};
use crate::ports::act::{ActLedger as _, By};
use crate::ports::activation::{Bell, Job};
use crate::ports::operator::Operator;
use crate::ports::{Clock, LedgerError};
use crate::scan::SourceSpec;
use crate::scan::absence::accept;

/// Acts beside the stages, under the configuration in force.
pub struct Console {
    ledger: Ledger,
    clock: Arc<dyn Clock + Send + Sync>,
    bell: Arc<dyn Bell + Send + Sync>,
    rules: ArcSwap<Rules>,
}

/// What acts go by.
struct Rules {
    acts: ActPolicy,
    sources: Vec<SourceSpec>,
}

impl Rules {
    fn of(settings: &Settings) -> Self {
        // The window of a reset is for people, so no provider's confirmation is waited for.
        Self { acts: settings.links.acts(Duration::ZERO), sources: settings.inventories.iter().map(spec).collect() }
    }
}

impl Console {
    /// For this keysweep, over its ledger opened once more, for acts.
    ///
    /// # Errors
    /// Where the ledger can't be opened.
    pub async fn open<C: Clock>(
        app: &App<C>,
        clock: Arc<dyn Clock + Send + Sync>,
        bell: Arc<dyn Bell + Send + Sync>,
    ) -> Result<Self, OpenError> {
        let ledger = Ledger::open_beside(&app.settings.ledger.url).await?.taking_turns_with(&app.ledger);
        Ok(Self::over(ledger, &app.settings, clock, bell))
    }

    /// The same over a ledger that is open already, under these settings.
    pub fn over(
        ledger: Ledger,
        settings: &Settings,
        clock: Arc<dyn Clock + Send + Sync>,
        bell: Arc<dyn Bell + Send + Sync>,
    ) -> Self {
        Self { ledger, clock, bell, rules: ArcSwap::from_pointee(Rules::of(settings)) }
    }

    /// Goes by the configuration that has come into force.
    pub fn configure<C: Clock>(&self, app: &App<C>) {
        self.rules.store(Arc::new(Rules::of(&app.settings)));
    }

    async fn accepted(&self, source: &str, by: Option<&OperatorName>) -> Result<Option<Accepted>, LedgerError> {
        let rules = self.rules.load_full();
        let Some(spec) = rules.sources.iter().find(|spec| spec.name == source) else { return Ok(None) };
        accept(&self.ledger, spec, self.clock.now(), by).await.map(Some)
    }
}

impl Operator for Console {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pause<'a>(
        &'a self,
        finding: FindingId,
        act: Act,
        by: Option<&'a OperatorName>,
    ) -> BoxFuture<'a, Result<Result<Change, Refusal>, LedgerError>> {
        let acts = self.rules.load().acts;
        async move { self.ledger.perform(finding, None, By::Operator(by), act, self.clock.now(), &acts).await }.boxed()
    }

    fn leaked<'a>(
        &'a self,
        credential: CredentialId,
        word: Option<&'a Word>,
        by: Option<&'a OperatorName>,
    ) -> BoxFuture<'a, Result<Noted, LedgerError>> {
        async move {
            let noted = self.ledger.compromise(credential, word, self.clock.now(), by).await?;
            if noted.changed && word.is_some() {
                self.bell.ring(Job::Scan); // every account that has the key is to hear of it
            }
            Ok(noted)
        }
        .boxed()
    }

    fn accept<'a>(
        &'a self,
        source: &'a str,
        by: Option<&'a OperatorName>,
    ) -> BoxFuture<'a, Result<Option<Accepted>, LedgerError>> {
        self.accepted(source, by).boxed()
    }

    fn trust<'a>(
        &'a self,
        provider: &'a ProviderName,
        protocol: Option<&'a str>,
        by: Option<&'a OperatorName>,
    ) -> BoxFuture<'a, Result<Vec<(Scope, Blind)>, LedgerError>> {
        async move { self.ledger.trust(self.clock.now(), provider, protocol, by).await }.boxed()
    }
}
