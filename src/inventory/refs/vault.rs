//! `vault:PATH#FIELD`: HashiCorp Vault's key-value engine, version 2
//! (<https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use url::Url;
use zeroize::Zeroizing;

use super::{LONGEST, secret};
use crate::domain::secret::Secret;
use crate::net::client::{Cause, Wanted, cause, client};
use crate::net::{Guard, SystemLookup};
use crate::ports::refs::RefError;

/// How much of an answer's time may pass before there is a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a Vault is reached, and what of it may be read.
pub struct VaultPlace {
    /// its address
    pub address: String,
    /// who we are there
    pub token: Secret,
    /// the namespace, where there are several
    pub namespace: Option<String>,
    /// where the engine is mounted
    pub mount: String,
    /// what every path begins with
    pub prefix: String,
    /// for one answer
    pub limit: Duration,
}

/// A Vault that may be asked.
#[derive(Clone)]
pub struct Vault {
    client: Client,
    headers: HeaderMap,
    /// up to the version of its interface
    root: Url,
    /// up to the engine's `data`
    base: Url,
    prefix: Vec<String>,
    /// it is known by now that the token is good
    is_let_in: Arc<AtomicBool>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Vault {
    /// A Vault at this place. Nothing is asked.
    ///
    /// # Errors
    /// The key of `secret_refs` at fault, and why.
    pub fn new(place: &VaultPlace, agent: &str) -> Result<Self, (&'static str, String)> {
        let wrong = |why: &str| ("vault.url", why.to_owned());
        let address =
            Url::parse(place.address.trim()).map_err(|error| wrong(&format!("it is no address ({error})")))?;
        let is_loopback = match address.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(v4)) => v4.is_loopback(),
            Some(url::Host::Ipv6(v6)) => v6.is_loopback(),
            None => return Err(wrong("the address names no host")),
        };
        match address.scheme() {
            "https" => {}
            "http" if is_loopback => {} // an agent of Vault's beside us
            _ => return Err(wrong("the address must begin with https://, or be one of this machine")),
        }
        let mount = segments(&place.mount).ok_or(("vault.mount", "it must be a path such as \"secret\"".to_owned()))?;
        let prefix = segments(&place.prefix).ok_or(("vault.prefix", "it must be a path".to_owned()))?;
        if address.cannot_be_a_base() {
            return Err(wrong("the address can have no path"));
        }
        let root = below(&address, ["v1"]);
        let base = below(&root, mount.iter().map(String::as_str).chain(["data"]));
        let client = client(Wanted {
            agent,
            guard: Guard::new(Arc::new(SystemLookup), true), // the operator's own, and usually inside
            plain: root.scheme() == "http",
            // Shorter than the whole, so that a way that leads nowhere is told from an answer that takes long.
            connect_timeout: CONNECT_TIMEOUT.min(place.limit / 2),
            timeout: place.limit,
            silence: None,
            kept: 16,
        });
        let client = client.map_err(|why| ("vault.url", why))?;
        Ok(Self { client, headers: headers(place)?, root, base, prefix, is_let_in: Arc::default() })
    }

    /// The same, for another reading: whether the token is good is found out anew.
    pub(super) fn anew(&self) -> Self {
        Self { is_let_in: Arc::default(), ..self.clone() }
    }

    /// The secret that `PATH#FIELD` leads to; without a field, the one that there is.
    pub(super) async fn read(&self, reference: &str) -> Result<Secret, RefError> {
        let (path, field) = match reference.split_once('#') {
            Some((path, field)) => (path, Some(field)),
            None => (reference, None),
        };
        let body = self.get(self.address(path)?).await?;
        let held: Held = serde_json::from_slice(&body).map_err(|error| misread(&error, &body))?;
        let fields = held.data.and_then(|held| held.data).unwrap_or_default();
        let found = match field {
            Some(field) => fields.get(field),
            None if fields.len() == 1 => fields.values().next(),
            None => return Err(RefError::Refused(one_of_many(fields.len()))),
        };
        match found {
            Some(Value(Some(text))) => secret(text.as_bytes()),
            Some(Value(None)) => Err(RefError::Missing("leads to a field of Vault's that is no text".to_owned())),
            None => Err(RefError::Missing("names a field that isn't in Vault's secret".to_owned())),
        }
    }

    /// Whether Vault is there, open and in use; nothing of it is read.
    pub(super) async fn check(&self) -> Result<(), String> {
        let mut health = below(&self.root, ["sys", "health"]);
        health.set_query(Some("standbyok=true&perfstandbyok=true"));
        match self.ask(health).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => Err("Vault is sealed".to_owned()),
            Ok(answer) => Err(format!("Vault's health answers {}", answer.status().as_u16())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The address of a path, which must begin with the prefix and can't climb out of it.
    fn address(&self, path: &str) -> Result<Url, RefError> {
        let path = segments(path).filter(|path| !path.is_empty());
        let path = path.ok_or_else(|| RefError::Refused("is no path of Vault's".to_owned()))?;
        if !path.starts_with(&self.prefix) {
            let why = "does not begin with what the settings allow; see secret_refs.vault.prefix";
            return Err(RefError::Refused(why.to_owned()));
        }
        Ok(below(&self.base, path.iter().map(String::as_str)))
    }

    async fn get(&self, address: Url) -> Result<Zeroizing<Vec<u8>>, RefError> {
        let mut answer = self.ask(address).await?;
        match answer.status() {
            StatusCode::OK => self.is_let_in.store(true, Ordering::Relaxed),
            StatusCode::NOT_FOUND => {
                return Err(RefError::Missing("leads to nothing in Vault, or to what was deleted".to_owned()));
            }
            StatusCode::FORBIDDEN => return Err(self.why_forbidden().await),
            status => return Err(refused(status)),
        }
        let mut body = Zeroizing::new(Vec::with_capacity(4 * LONGEST));
        while let Some(chunk) = answer.chunk().await.map_err(|error| unanswered(&error))? {
            if body.len() + chunk.len() > body.capacity() {
                return Err(RefError::Missing("leads to more than 256 KiB in Vault".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Vault says the same where one path is closed and where it doesn't know us at all. It is asked which once in a reading.
    async fn why_forbidden(&self) -> RefError {
        let closed = || {
            let why = "Vault doesn't let us read this: see to the policy of secret_refs.vault.token";
            RefError::Missing(why.to_owned())
        };
        if self.is_let_in.load(Ordering::Relaxed) {
            return closed();
        }
        match self.ask(below(&self.root, ["auth", "token", "lookup-self"])).await {
            Ok(answer) if answer.status().is_success() => {
                self.is_let_in.store(true, Ordering::Relaxed);
                closed()
            }
            Ok(answer) if answer.status() == StatusCode::FORBIDDEN => {
                let why = "Vault doesn't let us in: see that secret_refs.vault.token is still good, and that its policy \
                           lets it read auth/token/lookup-self";
                RefError::Unreachable(why.to_owned())
            }
            Ok(answer) => refused(answer.status()),
            Err(error) => error,
        }
    }

    async fn ask(&self, address: Url) -> Result<reqwest::Response, RefError> {
        #[expect(clippy::disallowed_methods, reason = "the one place where a question to a Vault leaves")]
        let answered = self.client.get(address).headers(self.headers.clone()).send().await;
        answered.map_err(|error| unanswered(&error))
    }
}

/// What every question carries. The token is marked, so that nothing prints it.
fn headers(place: &VaultPlace) -> Result<HeaderMap, (&'static str, String)> {
    let value = |key: &'static str, text: &str| {
        HeaderValue::from_str(text).map_err(|_| (key, "it can't stand in a header of HTTP".to_owned()))
    };
    let mut token = value("vault.token", place.token.expose())?;
    token.set_sensitive(true);
    let mut headers = HeaderMap::from_iter([
        (HeaderName::from_static("x-vault-token"), token),
        (HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true")),
    ]);
    if let Some(namespace) = &place.namespace {
        headers.insert("x-vault-namespace", value("vault.namespace", namespace)?);
    }
    Ok(headers)
}

/// An answer that is neither a secret nor the word that there is none. What the question is at fault for, another may not be.
fn refused(status: StatusCode) -> RefError {
    let why = format!("Vault answered {}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS => RefError::Unreachable(why),
        _ if status.is_client_error() => RefError::Missing(why),
        _ => RefError::Unreachable(why),
    }
}

fn unanswered(error: &reqwest::Error) -> RefError {
    let way = |why: String| RefError::Unreachable(why);
    match cause(error) {
        Cause::Timeout if error.is_connect() => way("no connection to Vault in time".to_owned()),
        Cause::Timeout => RefError::Slow("Vault took too long to answer".to_owned()),
        Cause::NoName => way("Vault's name can't be looked up".to_owned()),
        Cause::Tls(why) => way(format!("there is no TLS with Vault: {why}")),
        Cause::NotPublic | Cause::NoConnection => way("no connection to Vault".to_owned()),
        Cause::Broken => way("Vault's answer broke off".to_owned()),
        Cause::NotHttp => way("what answers for Vault speaks no HTTP".to_owned()),
    }
}

/// What is no object comes from somebody else; what is, and of another shape or with a value beyond reading, is this one
/// secret's.
fn misread(error: &serde_json::Error, body: &[u8]) -> RefError {
    let body = body.trim_ascii();
    if error.is_data() || (body.starts_with(b"{") && body.ends_with(b"}")) {
        return RefError::Missing("leads to something that isn't of Vault's key-value engine, version 2".to_owned());
    }
    RefError::Unreachable("an answer isn't Vault's; check secret_refs.vault.url".to_owned())
}

/// The address with these parts behind its path.
fn below<'p>(address: &Url, parts: impl IntoIterator<Item = &'p str>) -> Url {
    let mut address = address.clone();
    if let Ok(mut path) = address.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    address
}

fn one_of_many(count: usize) -> String {
    match count {
        0 => "leads to a secret of Vault's that holds nothing".to_owned(),
        count => format!("must name one of the {count} fields of Vault's secret, as in vault:PATH#FIELD"),
    }
}

/// The parts of a path: none that is empty or leads up.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Some(Vec::new());
    }
    let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    parts.iter().all(|part| !part.is_empty() && !matches!(part.as_str(), "." | "..")).then_some(parts)
}

/// An answer of the engine.
#[derive(Deserialize)]
struct Held {
    data: Option<Version>,
}

/// The newest version: `null` where it was deleted.
#[derive(Deserialize)]
struct Version {
    data: Option<BTreeMap<String, Value>>,
}

/// A field's text, wiped; `None` for anything else.
struct Value(Option<Zeroizing<String>>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        parser.deserialize_any(TextOnly)
    }
}

struct TextOnly;

impl<'de> Visitor<'de> for TextOnly {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value(Some(Zeroizing::new(text.to_owned()))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value(None))
    }
}
