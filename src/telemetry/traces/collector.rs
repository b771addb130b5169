//! The collector: the one place from which a trace leaves.
//!
//! Its address is the operator's own word, so it may be anywhere. Nothing of its answer is kept but what became of the
//! spans.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response};
use url::Url;

use crate::domain::secret::Secret;
use crate::net::client::{Cause, Wanted, cause, client};
use crate::net::{Guard, SystemLookup};

/// How long a collector may take for one batch, and how much of that may pass before there is a connection.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of an answer no more is read: it says how many spans were refused.
const ANSWER_AT_MOST: usize = 1 << 16;
/// Where OTLP over HTTP is, below a collector's address.
const PATH: &str = "/v1/traces";

/// Where traces go, and how one is let in there.
pub struct Collector {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

/// Why a batch was not taken, without the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// for people
    pub why: String,
    /// whether the same batch may be taken later
    pub passes: bool,
    /// how long the collector wants to be left alone, in seconds
    pub pause: Option<Duration>,
}

impl Collector {
    /// A collector at this address. Where it has no path, the usual one is meant.
    ///
    /// # Errors
    /// What is wrong with a header, or the client's own words; no secret in either.
    pub fn new(mut url: Url, headers: &[(String, Secret)], agent: &str) -> Result<Self, String> {
        if url.path() == "/" {
            url.set_path(PATH);
        }
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header"))?;
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|_| format!("the value of {name} has characters that can't stand in a header"))?;
            value.set_sensitive(true);
            sent.insert(header, value);
        }
        let client = client(Wanted {
            agent,
            guard: Guard::new(Arc::new(SystemLookup), true),
            plain: url.scheme() == "http",
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            silence: None,
            kept: 1,
        })?;
        Ok(Self { client, url, headers: sent })
    }

    /// Its host, for people.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Hands a message over, and returns what the collector answers. An empty message is one without spans: it shows
    /// whether one is let in.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn hand_over(&self, message: Vec<u8>) -> Result<Vec<u8>, NotTaken> {
        let request = self.client.post(self.url.clone()).headers(self.headers.clone());
        let request = request.header(CONTENT_TYPE, "application/x-protobuf").body(message);
        #[expect(clippy::disallowed_methods, reason = "the one place where a trace leaves")]
        let answer = request.send().await;
        let response = answer.map_err(|error| NotTaken { why: words(&error), passes: true, pause: None })?;
        if response.status().is_success() {
            return Ok(read(response).await);
        }
        let status = response.status().as_u16();
        let pause = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let passes = matches!(status, 429 | 502..=504);
        let why = match status {
            300..=399 => format!("it answered {status}, and redirects are not followed"),
            _ => format!("it answered {status}"),
        };
        Err(NotTaken { why, passes, pause: pause.filter(|_| passes).map(Duration::from_secs) })
    }
}

/// What there is of an answer. The spans are taken, whatever becomes of the rest of it.
async fn read(mut response: Response) -> Vec<u8> {
    let mut read = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if read.len() + chunk.len() > ANSWER_AT_MOST {
            return Vec::new();
        }
        read.extend_from_slice(&chunk);
    }
    read
}

fn words(error: &reqwest::Error) -> String {
    match cause(error) {
        Cause::NotPublic | Cause::NoConnection => "there is no connection to it".to_owned(),
        Cause::NoName => "its name can't be looked up".to_owned(),
        Cause::Tls(words) => format!("no TLS with it: {words}"),
        Cause::Timeout => "it did not answer in time".to_owned(),
        Cause::Broken => "the connection broke before it answered".to_owned(),
        Cause::NotHttp => "what it answers is no HTTP".to_owned(),
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("host", &self.host()).finish_non_exhaustive()
    }
}
