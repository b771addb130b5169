//! The providers, simulated on loopback: they answer like the recorded exchanges, and misbehave when told to.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

mod relay;
mod replies;
mod server;
#[cfg(test)]
mod tests;

/// The log keeps this many requests, the newest.
const LONGEST_LOG: usize = 100_000;

/// The log keeps no more characters of a path.
const LONGEST_PATH: usize = 256;

/// Three running providers: `mailjet`, with its relay, `convertkit` and `kit`; they stop when this is dropped.
pub struct World {
    shared: Arc<Shared>,
    running: [Running; 3],
    relay: Running,
}

/// What a provider does when it is asked about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// accepts it
    Live,
    /// refuses it, as it does an unknown one
    Refused,
    /// knows it, but doesn't let it do what was asked
    Limited,
    /// answers 429
    RateLimited {
        /// the seconds named in a `Retry-After` header; `None` leaves the header out
        retry_after: Option<u32>,
    },
    /// answers 503 with a page
    ServerError,
    /// answers 403 with a page, as a firewall in front of the provider does
    HtmlForbidden,
    /// takes the request and never answers
    Hangs,
    /// answers 302 with this `Location`
    Redirect(String),
    /// answers 200 and says JSON, but the body is none
    Garbage,
    /// answers 200, then closes the connection in the middle of the body
    HalfBody,
}

/// Which of ConvertKit's two values a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvertKitKind {
    /// opens every call
    ApiSecret,
    /// opens the list of forms, not the account
    ApiKey,
}

/// A request as a provider saw it. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `mailjet`, `convertkit` or `kit`
    pub provider: &'static str,
    /// the method; `AUTH` for a login at the relay, `other` where it is none of the usual ones
    pub method: &'static str,
    /// the path, decoded and without the query; a key that stands in it is cut out
    pub path: Cow<'static, str>,
    /// the key that was shown: its index in the order in which the keys of the whole world were first set; `None` for
    /// no key or an unknown one
    pub key: Option<usize>,
    /// the status that was answered; 0 where none is ([`KeyState::Hangs`])
    pub status: u16,
}

impl World {
    /// Starts the three providers on free ports of 127.0.0.1, within the running tokio runtime. They know no keys yet.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn start() -> io::Result<Self> {
        let shared = Arc::default();
        let running = [
            Running::start(Simulated::Mailjet, &shared).await?,
            Running::start(Simulated::ConvertKit, &shared).await?,
            Running::start(Simulated::Kit, &shared).await?,
        ];
        let relay = Running::relay(&shared).await?;
        Ok(Self { shared, running, relay })
    }

    /// Where Mailjet's SMTP is, to be used in place of its real one.
    pub fn relay(&self) -> Url {
        self.relay.address.clone()
    }

    /// From now on Mailjet's SMTP takes this pair even where its REST refuses it, as it does for a while after a reset.
    pub fn linger(&self, key_id: &str, secret: &str) {
        lock(&self.shared).lingering.insert(STANDARD.encode(format!("{key_id}:{secret}")));
    }

    /// That while is over for every pair.
    pub fn stop_lingering(&self) {
        lock(&self.shared).lingering.clear();
    }

    /// The base address of a provider, to be used in place of its real one.
    pub fn address(&self, provider: Simulated) -> Url {
        self.running[provider as usize].address.clone()
    }

    /// Makes a key known, or changes its state from the next request on. Returns its index in [`Seen::key`], which it
    /// keeps. Only Mailjet looks at `key_id`; a ConvertKit key set here is an API Secret.
    pub fn set(&self, provider: Simulated, key_id: Option<&str>, secret: &str, state: KeyState) -> usize {
        let shown = match provider {
            Simulated::Mailjet => STANDARD.encode(format!("{}:{secret}", key_id.unwrap_or_default())),
            Simulated::ConvertKit | Simulated::Kit => secret.to_owned(),
        };
        lock(&self.shared).set(provider, shown, secret, ConvertKitKind::ApiSecret, state)
    }

    /// Like [`set`](Self::set), for a ConvertKit value of this kind.
    pub fn set_convertkit(&self, secret: &str, kind: ConvertKitKind, state: KeyState) -> usize {
        lock(&self.shared).set(Simulated::ConvertKit, secret.to_owned(), secret, kind, state)
    }

    /// Puts every key of a provider in this state until it is called with `None`; their own states are kept meanwhile.
    /// Unknown keys meet it too, unless it would accept them.
    pub fn set_all(&self, provider: Simulated, state: Option<KeyState>) {
        lock(&self.shared).providers[provider as usize].all = state;
    }

    /// From now on every answer carries this as its `Date`; `None` for none, as at the start.
    pub fn date(&self, date: Option<String>) {
        lock(&self.shared).date = date;
    }

    /// The requests so far, oldest first; only the newest 100,000 are kept.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.shared).log.iter().cloned().collect()
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("running", &self.running).finish_non_exhaustive() // the rest holds secrets
    }
}

/// A provider of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simulated {
    /// Mailjet, with its relay
    Mailjet,
    /// ConvertKit, with either kind of key
    ConvertKit,
    /// Kit
    Kit,
}

impl Simulated {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mailjet, Self::ConvertKit, Self::Kit];

    /// The one of this name; `None` where nobody simulates it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// The name in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mailjet => "mailjet",
            Self::ConvertKit => "convertkit",
            Self::Kit => "kit",
        }
    }
}

#[derive(Debug)]
struct Running {
    address: Url,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(provider: Simulated, shared: &Arc<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = Url::parse(&format!("http://{}/", listener.local_addr()?)).map_err(io::Error::other)?;
        let task = tokio::spawn(server::listen(listener, provider, Arc::clone(shared)));
        Ok(Self { address, task })
    }

    async fn relay(shared: &Arc<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = Url::parse(&format!("smtp://{}", listener.local_addr()?)).map_err(io::Error::other)?;
        let task = tokio::spawn(relay::listen(listener, Arc::clone(shared)));
        Ok(Self { address, task })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = Mutex<State>;

/// What the providers know, and what they saw.
#[derive(Default)]
struct State {
    providers: [Known; 3],
    /// pairs that Mailjet's SMTP takes although its REST refuses them
    lingering: HashSet<String>,
    /// as the header says it
    date: Option<String>,
    keys: usize,
    log: VecDeque<Seen>,
}

#[derive(Default)]
struct Known {
    /// by the credential as it is shown in a request
    keys: HashMap<String, Key>,
    all: Option<KeyState>,
}

struct Key {
    index: usize,
    secret: String,
    kind: ConvertKitKind,
    state: KeyState,
}

/// What a provider finds when it looks up what it was shown.
struct Found {
    key: Option<usize>,
    kind: ConvertKitKind,
    state: KeyState,
}

impl State {
    fn set(
        &mut self,
        provider: Simulated,
        shown: String,
        secret: &str,
        kind: ConvertKitKind,
        state: KeyState,
    ) -> usize {
        let keys = &mut self.providers[provider as usize].keys;
        let index = keys.get(&shown).map_or(self.keys, |key| key.index);
        self.keys = self.keys.max(index + 1);
        keys.insert(shown, Key { index, secret: secret.to_owned(), kind, state });
        index
    }

    fn find(&self, provider: Simulated, shown: Option<&str>) -> Found {
        let Known { keys, all } = &self.providers[provider as usize];
        let key = shown.and_then(|shown| keys.get(shown));
        let state = match (all, key) {
            (Some(KeyState::Live | KeyState::Limited) | None, None) => KeyState::Refused,
            (Some(state), _) => state.clone(),
            (None, Some(key)) => key.state.clone(),
        };
        let kind = key.map_or(ConvertKitKind::ApiSecret, |key| key.kind);
        Found { key: key.map(|key| key.index), kind, state }
    }

    fn log(&mut self, seen: Seen) {
        if self.log.len() == LONGEST_LOG {
            self.log.pop_front();
        }
        self.log.push_back(seen);
    }

    /// The path without any secret that the world knows, and not too long. Slow, but only paths that nobody should ask
    /// for come here.
    fn loggable(&self, path: &str) -> String {
        let keys = self.providers.iter().flat_map(|known| known.keys.iter());
        let mut secrets: Vec<&str> = keys.flat_map(|(shown, key)| [shown.as_str(), key.secret.as_str()]).collect();
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len())); // one may be part of another
        let path = secrets.into_iter().fold(path.to_owned(), |path, secret| path.replace(secret, "[secret]"));
        path.chars().take(LONGEST_PATH).collect()
    }
}

/// A panic elsewhere leaves the state whole: every change to it is a single step.
fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
