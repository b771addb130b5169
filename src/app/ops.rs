//! The operator's listener, put together from the settings.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;

use super::{App, AppError};
use crate::config::{Env, FilesPlace, HttpSettings, LedgerUrl, Place, SecretRef};
use crate::domain::catalogue::Provider;
use crate::domain::remedy::Remedies;
use crate::domain::time::words;
use crate::http::access::{Listed, Token};
use crate::http::ops::{self, Ops, Shown};
use crate::http::page::{About, ProviderAbout};
use crate::inventory::FileKind;
use crate::ledger::Ledger;
use crate::ledger::read::Overview;
use crate::ports::Clock;
use crate::ports::activation::Bell;
use crate::ports::health::Readiness;
use crate::ports::operator::Operator;
use crate::telemetry::metrics::Metrics;

/// What the listener shows of a running keysweep: its numbers, and what its configuration says.
pub struct Window {
    metrics: Arc<Metrics>,
    about: ArcSwap<About>,
    listed: ArcSwap<Vec<Listed>>,
}

impl Window {
    /// Onto this keysweep, whose numbers are in `metrics`.
    pub fn new<C: Clock>(app: &App<C>, metrics: Arc<Metrics>) -> Self {
        let listed = ArcSwap::from_pointee(app.settings.http.visitors.clone());
        Self { metrics, about: ArcSwap::from_pointee(app.about()), listed }
    }

    /// Shows the configuration that has come into force.
    pub fn configure<C: Clock>(&self, app: &App<C>) {
        self.about.store(Arc::new(app.about()));
        self.listed.store(Arc::new(app.settings.http.visitors.clone()));
    }
}

impl Shown for Window {
    fn metrics(&self) -> String {
        self.metrics.render()
    }

    fn overview(&self) -> Option<Arc<Overview>> {
        self.metrics.shown()
    }

    fn about(&self) -> Arc<About> {
        self.about.load_full()
    }

    fn listed(&self) -> Arc<Vec<Listed>> {
        self.listed.load_full()
    }
}

impl<C: Clock> App<C> {
    /// What the page says of this keysweep.
    pub fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ledger: ledger_name(self.settings.ledger.url.as_ref()),
            longest_pause: self.settings.links.longest_pause,
            providers: self
                .catalogue
                .iter()
                .map(|provider| (provider.name.clone(), self.about_provider(provider)))
                .collect(),
            sources: self
                .settings
                .inventories
                .iter()
                .map(|one| (one.name.clone(), kind(&one.place).to_owned()))
                .collect(),
            mails: self.can_mail(),
            exemptions: self.settings.policy.exemptions.clone(),
        }
    }

    fn about_provider(&self, provider: &Provider) -> ProviderAbout {
        let policy = self.policy.at(&provider.name);
        let protocols: Vec<&str> = provider.protocols.iter().map(|protocol| protocol.title.as_str()).collect();
        let Remedies { path, link, old_value, breaks, .. } = provider.remedies.clone();
        ProviderAbout {
            title: provider.title.clone(),
            max_age: words(policy.max_age),
            why: provider.age.why.clone(),
            warn_before: words(policy.warn_before),
            protocols: protocols.join(" and "),
            protocol_names: provider.protocols.iter().map(|protocol| protocol.name.clone()).collect(),
            path,
            link,
            old_value,
            breaks,
        }
    }
}

/// What the configuration calls a source's kind.
const fn kind(place: &Place) -> &'static str {
    match place {
        Place::Files(FilesPlace { kind: FileKind::Csv, .. }) => "csv",
        Place::Files(FilesPlace { kind: FileKind::Jsonl, .. }) => "jsonl",
        Place::Sql(_) => "sql",
        Place::Http(_) => "http",
        Place::Events => "events",
    }
}

/// The listener, bound and not yet serving.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
    ledger: Arc<Ledger>,
    pulse: Arc<Ledger>,
}

impl Listener {
    /// Binds the address of `[http]`, fetches the token, and opens the ledger beside whoever writes to it. `None` where
    /// the listener is off.
    ///
    /// # Errors
    /// Where the token can't be had or doesn't do, the address can't be had, or the ledger can't be opened; each says
    /// which setting it is.
    pub async fn bind(settings: &HttpSettings, ledger_url: &LedgerUrl, env: &Env) -> Result<Option<Self>, AppError> {
        let Some(address) = settings.listen else { return Ok(None) };
        let unbound = |error: std::io::Error| AppError::Setting {
            key: "http.listen".to_owned(),
            what: format!("{address} can't be listened on: {error}; choose another address, or \"off\""),
        };
        let socket = TcpListener::bind(address).await.map_err(unbound)?;
        let address = socket.local_addr().map_err(unbound)?;
        Ok(Some(Self::over(socket, address, settings, ledger_url, env).await?))
    }

    /// As [`Listener::bind`], over a socket that has this address.
    ///
    /// # Errors
    /// Where the token can't be had or doesn't do, or the ledger can't be opened.
    pub async fn over(
        socket: TcpListener,
        address: SocketAddr,
        settings: &HttpSettings,
        ledger_url: &LedgerUrl,
        env: &Env,
    ) -> Result<Self, AppError> {
        let token = settings.token.as_ref().map(|reference| token(reference, env)).transpose()?;
        let ledger = Arc::new(Ledger::open_to_show(ledger_url).await?);
        let pulse = Arc::new(Ledger::open_to_show(ledger_url).await?);
        Ok(Self { socket, address, token, ledger, pulse })
    }

    /// Where it listens; the port is the real one where the setting says 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves, and a few seconds more for what is under way.
    pub async fn serve(
        self,
        window: Arc<Window>,
        operator: Arc<dyn Operator>,
        bell: Arc<dyn Bell + Send + Sync>,
        clock: Arc<dyn Clock + Send + Sync>,
        health: Arc<dyn Readiness + Send + Sync>,
        shutdown: impl Future<Output = ()>,
    ) {
        let Self { socket, address, token, ledger, pulse } = self;
        let ops = Ops { token, bell, clock, health, operator, shown: window, ledger, pulse };
        tracing::info!(%address, "listening for the operator");
        if ops.token.is_none() && ops.shown.listed().is_empty() {
            tracing::warn!(
                "neither http.token nor any [[http.visitor]] is set: the listener shows nothing but /healthz and /readyz"
            );
        }
        ops::serve(socket, Arc::new(ops), shutdown).await;
    }
}

pub(super) fn token(reference: &SecretRef, env: &Env) -> Result<Token, AppError> {
    let value = reference.resolve(env)?;
    Token::new(&value)
        .map_err(|error| AppError::Setting { key: reference.setting().to_owned(), what: error.to_string() })
}

/// What people call a ledger: its file's path, or a database's name and host, never a login.
fn ledger_name(url: &str) -> String {
    if let Some(path) = url.strip_prefix("sqlite:") {
        return path.to_owned();
    }
    match url::Url::parse(url) {
        Ok(url) => format!("{}{}", url.host_str().unwrap_or_default(), url.path()),
        Err(_) => "a ledger".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_named_without_its_login() {
        assert_eq!(ledger_name("sqlite:/var/lib/keysweep/ledger.db"), "/var/lib/keysweep/ledger.db");
        assert_eq!(ledger_name("postgres://user:canary@db.example.org:5432/keysweep"), "db.example.org/keysweep");
    }
}
