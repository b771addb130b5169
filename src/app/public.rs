//! The public listener, put together from the settings.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use url::Url;

use super::events::Intake;
use super::{App, AppError};
use crate::config::{HttpSettings, LedgerUrl, LinkSettings};
use crate::domain::action::ActPolicy;
use crate::domain::ids::ProviderName;
use crate::domain::policy::LivenessPolicy;
use crate::domain::time::Timestamp;
use crate::http::public::{self, Papers, Public};
use crate::ledger::Ledger;
use crate::mail::Templates;
use crate::ports::Clock;
use crate::ports::activation::Bell;
use crate::ports::links::Described;
use crate::ports::meter::Meter;
use crate::ports::notify::ClaimedMail;

/// What the page shows of a running keysweep: the words of its mails, and what its configuration lets people do.
pub struct Counter(ArcSwap<Words>);

struct Words {
    templates: Option<Arc<Templates>>,
    links: LinkSettings,
    confirm_gaps: BTreeMap<ProviderName, Duration>,
}

impl Counter {
    /// For this keysweep.
    pub fn new<C: Clock>(app: &App<C>) -> Self {
        Self(ArcSwap::from_pointee(app.words()))
    }

    /// Goes by the configuration that has come into force.
    pub fn configure<C: Clock>(&self, app: &App<C>) {
        self.0.store(Arc::new(app.words()));
    }
}

impl<C: Clock> App<C> {
    fn words(&self) -> Words {
        let gap = |name: &ProviderName| (name.clone(), self.liveness_policy(name).confirm_gap);
        Words {
            templates: self.mail.as_ref().map(|mail| Arc::clone(&mail.templates)),
            links: self.settings.links,
            confirm_gaps: self.catalogue.iter().map(|provider| gap(&provider.name)).collect(),
        }
    }
}

impl Papers for Counter {
    fn describe(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Described, String> {
        match &self.0.load().templates {
            Some(templates) => templates.describe(mail, now),
            None => Err("mail.smtp_url is not set, and the page has its words from the mails".to_owned()),
        }
    }

    fn acts(&self, provider: &ProviderName) -> ActPolicy {
        self.0.load().links.acts(self.confirm_gap(provider))
    }

    fn confirm_gap(&self, provider: &ProviderName) -> Duration {
        let gap = self.0.load().confirm_gaps.get(provider).copied();
        gap.unwrap_or(LivenessPolicy::default().confirm_gap)
    }
}

/// The public listener, bound and not yet serving.
pub struct Front {
    socket: TcpListener,
    address: SocketAddr,
    url: Url,
    trust_forwarded: bool,
    ledger: Ledger,
}

impl Front {
    /// Binds the public address of `[http]` and opens the ledger beside whoever holds it. `None` where the listener is off.
    ///
    /// # Errors
    /// Where the address can't be had, or the ledger can't be opened; each says which setting it is.
    pub async fn bind(settings: &HttpSettings, ledger_url: &LedgerUrl) -> Result<Option<Self>, AppError> {
        let Some(address) = settings.public_listen else { return Ok(None) };
        let unbound = |error: std::io::Error| AppError::Setting {
            key: "http.public_listen".to_owned(),
            what: format!("{address} can't be listened on: {error}; choose another address, or \"off\""),
        };
        let socket = TcpListener::bind(address).await.map_err(unbound)?;
        let address = socket.local_addr().map_err(unbound)?;
        Self::over(socket, address, settings, ledger_url).await
    }

    /// As [`Front::bind`], over a socket that has this address. `None` where nothing says how people reach it.
    ///
    /// # Errors
    /// Where the ledger can't be opened.
    pub async fn over(
        socket: TcpListener,
        address: SocketAddr,
        settings: &HttpSettings,
        ledger_url: &LedgerUrl,
    ) -> Result<Option<Self>, AppError> {
        let Some(url) = settings.public_url.clone() else { return Ok(None) };
        let ledger = Ledger::open_beside(ledger_url).await?;
        Ok(Some(Self { socket, address, url, trust_forwarded: settings.trust_forwarded, ledger }))
    }

    /// The same, ready to serve: with a `bell` to ring, and with whatever takes events into the ledger of this keysweep.
    pub fn staffed<C: Clock>(
        self,
        app: &App<C>,
        bell: Arc<dyn Bell + Send + Sync>,
        clock: Arc<dyn Clock + Send + Sync>,
    ) -> Staffed {
        let Self { socket, address, url, trust_forwarded, ledger } = self;
        let ledger = Arc::new(ledger.taking_turns_with(&app.ledger));
        let intake = Arc::new(Intake::new(app, Arc::clone(&ledger), Arc::clone(&clock), Arc::clone(&bell)));
        let (papers, meter) = (Arc::new(Counter::new(app)), Arc::clone(&app.meter));
        Staffed { socket, address, intake, papers, url, trust_forwarded, ledger, bell, clock, meter }
    }
}

/// The public listener with everything that it reaches.
pub struct Staffed {
    socket: TcpListener,
    address: SocketAddr,
    url: Url,
    trust_forwarded: bool,
    ledger: Arc<Ledger>,
    bell: Arc<dyn Bell + Send + Sync>,
    clock: Arc<dyn Clock + Send + Sync>,
    meter: Arc<dyn Meter>,
    /// words and limits, under the configuration in force
    pub papers: Arc<Counter>,
    /// takes events, likewise
    pub intake: Arc<Intake>,
}

impl Staffed {
    /// Serves until `shutdown` resolves, and a few seconds more for what is under way.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self { socket, address, url, trust_forwarded, ledger, bell, clock, meter, papers, intake: events } = self;
        tracing::info!(%address, %url, "listening for the people whose links lead here");
        let public = Public { ledger, bell, clock, papers, events, meter, url, trust_forwarded };
        public::serve(socket, public, shutdown).await;
    }
}
