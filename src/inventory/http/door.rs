//! One page over the net: asked for, tried again where waiting may help, capped while it is read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LINK, RETRY_AFTER,
};
use reqwest::{Client, Response};
use url::Url;
use zeroize::{Zeroize as _, Zeroizing};

use super::page::{Page, Shape, Unread};
use super::paging::next_link;
use crate::domain::secret::Secret;
use crate::domain::time::{Timestamp, words};
use crate::net::client::{Cause, Wanted, cause, client};
use crate::net::retry_after::{date, wait};
use crate::net::{Guard, SystemLookup};

/// More is not read of one answer: it is held while its rows are handed on.
pub const LARGEST_PAGE: usize = 64 << 20;
/// How long one page may take as a whole, however steadily it comes.
const PAGE_TIMEOUT: Duration = Duration::from_secs(600);
/// How much of that may pass before there is a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to wait. Real time but in tests.
pub(super) type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// The way to a platform's lists: a client, the login, and patience.
pub(super) struct Door {
    client: Client,
    headers: HeaderMap,
    retry: Vec<Duration>,
    sleep: Sleep,
}

/// What a door is made of.
pub(super) struct DoorParts<'a> {
    /// headers that are sent with every request, all of them secret
    pub(super) headers: &'a [(String, Secret)],
    /// how long the platform may be silent
    pub(super) silence: Duration,
    /// the wait before each further try
    pub(super) retry: Vec<Duration>,
    /// false where nothing leaves without TLS
    pub(super) plain: bool,
    /// how the platform sees who asks
    pub(super) agent: &'a str,
}

/// A page, and what its `Link` header names as the next.
pub(super) struct Answer {
    pub(super) page: Page,
    pub(super) link: Option<String>,
}

/// Why there is no page.
enum Trouble {
    /// asking again would bring the same
    Lasting(String),
    /// it may pass; how long the platform wants to be left alone, where it says so
    Passing(String, Option<Duration>),
}

impl From<String> for Trouble {
    fn from(what: String) -> Self {
        Self::Lasting(what)
    }
}

impl Door {
    /// # Errors
    /// A sentence for the operator, without a secret.
    pub(super) fn new(parts: DoorParts<'_>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, secret) in parts.headers {
            let wrong = || format!("the value of the header {name} can't stand in one; it must be one line of ASCII");
            let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header"))?;
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(known, value);
        }
        let client = client(Wanted {
            agent: parts.agent,
            // The address is the operator's own, and on the inside where the platform is.
            guard: Guard::new(Arc::new(SystemLookup), true),
            plain: parts.plain,
            connect_timeout: CONNECT_TIMEOUT.min(parts.silence),
            timeout: PAGE_TIMEOUT,
            silence: Some(parts.silence),
            kept: 1,
        })?;
        Ok(Self { client, headers, retry: parts.retry, sleep: Arc::new(|span| Box::pin(tokio::time::sleep(span))) })
    }

    /// The same door with another way to wait.
    #[cfg(test)]
    pub(super) fn sleeping(self, sleep: Sleep) -> Self {
        Self { sleep, ..self }
    }

    /// Asks for a page, and again after each wait. `left` is how long may be waited yet.
    ///
    /// # Errors
    /// What is wrong and what to do, without the address.
    pub(super) async fn page(&self, url: &Url, shape: &Arc<Shape>, left: &mut Duration) -> Result<Answer, String> {
        let mut waits = self.retry.iter();
        loop {
            let (what, asked) = match self.once(url, shape).await {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Lasting(what)) => return Err(what),
                Err(Trouble::Passing(what, asked)) => (what, asked),
            };
            let Some(wait) = waits.next() else {
                return Err(format!("{what}, at the last try too; it will be read again at the next scan"));
            };
            let wait = asked.unwrap_or_default().max(*wait);
            if wait > *left {
                let wait = words(wait);
                return Err(format!(
                    "{what}, and is to be left alone for {wait}; it will be read again at the next scan"
                ));
            }
            *left -= wait;
            (self.sleep)(wait).await;
        }
    }

    /// Whether the list is to be had, by the head of its answer alone.
    ///
    /// # Errors
    /// As for [`Door::page`], after one try.
    pub(super) async fn knock(&self, url: &Url) -> Result<(), String> {
        match self.head(url).await {
            Ok(_) => Ok(()),
            Err(Trouble::Lasting(what)) => Err(what),
            Err(Trouble::Passing(what, _)) => Err(format!("{what}; see whether the platform is well")),
        }
    }

    async fn once(&self, url: &Url, shape: &Arc<Shape>) -> Result<Answer, Trouble> {
        let response = self.head(url).await?;
        let kind = media_type(response.headers());
        let links = response.headers().get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let link = next_link(links).map(str::to_owned);
        let text = text(body(response).await?)?;
        // A large page takes a while to look through: nothing else is held up.
        let shape = Arc::clone(shape);
        let read = tokio::task::spawn_blocking(move || Page::read(text, &shape)).await;
        match read.map_err(|_| Trouble::Passing("reading it was broken off".to_owned(), None))? {
            Ok(page) => Ok(Answer { page, link }),
            Err(Unread::Cut) => Err(Trouble::Passing(Unread::Cut.to_string(), None)),
            Err(Unread::NotJson) => {
                Err(format!("the answer is not JSON{kind}; check that the address is that of the list").into())
            }
            Err(other) => Err(other.to_string().into()),
        }
    }

    async fn head(&self, url: &Url) -> Result<Response, Trouble> {
        let request = self.client.get(url.clone()).headers(self.headers.clone());
        #[expect(clippy::disallowed_methods, reason = "the one place where a request for a list leaves")]
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        match response.status().as_u16() {
            200 => Ok(response),
            status @ (408 | 425 | 429 | 500..=599) => {
                let asked = asked(response.headers()).filter(|_| matches!(status, 429 | 503));
                Err(Trouble::Passing(format!("it answers {status}"), asked))
            }
            401 => Err("it answers 401, so it does not take the login; check `bearer` or `headers`".to_owned().into()),
            403 => Err("it answers 403, so the login may not read the list; let it do so".to_owned().into()),
            404 | 410 => {
                Err(format!("it answers {}, so there is nothing; check the address", response.status().as_u16()).into())
            }
            status @ 300..=399 => {
                Err(format!("it answers {status}, and redirects are not followed; name the address that it leads to")
                    .into())
            }
            status => {
                Err(format!("it answers {status}, and a list comes with 200; check the address and its query").into())
            }
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// How long the platform wants to be left alone. A date is held against its own clock; without that it says nothing.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    let theirs = date(headers.get(DATE)).unwrap_or(Timestamp::from_secs(i64::from(u32::MAX)));
    wait(headers.get(RETRY_AFTER), theirs)
}

/// Why no answer came, or no whole one. The error holds the address, so nothing of it is kept but its cause.
fn unanswered(error: &reqwest::Error) -> Trouble {
    let what = match cause(error) {
        Cause::Tls(words) => {
            return format!("no TLS with it ({words}); see to its certificate, or to the system's roots").into();
        }
        Cause::NotPublic => {
            return "its name leads into a network that is not public; check the address".to_owned().into();
        }
        Cause::Timeout => "it does not answer in time",
        Cause::NoName => "its name can't be looked up",
        Cause::NoConnection => "there is no connection to it",
        Cause::Broken => "the connection breaks before its answer is whole",
        Cause::NotHttp => "what it answers is no HTTP",
    };
    Trouble::Passing(what.to_owned(), None)
}

/// The body, capped while it is read; the rest is not awaited and the connection is then dropped.
async fn body(mut response: Response) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let too_large = || {
        let most = LARGEST_PAGE >> 20;
        Trouble::Lasting(format!(
            "its answer is larger than {most} MiB; let the platform page the list, and set `paging`"
        ))
    };
    let packed = response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    if packed {
        return Err("its answer is packed, though nobody asked for that; let it answer without content-encoding"
            .to_owned()
            .into());
    }
    let length = response.headers().get(CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > LARGEST_PAGE) {
        return Err(too_large());
    }
    let mut body = Zeroizing::new(Vec::with_capacity(length.unwrap_or(64 << 10)));
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_PAGE => return Err(too_large()),
            Ok(Some(chunk)) => append(&mut body, &chunk),
            Err(error) => return Err(unanswered(&error)),
        }
    }
}

/// Grows by moving, so that what is left behind is wiped: a vector that grows by itself leaves its contents to whoever
/// comes next.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(body.capacity() * 2)));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

fn text(mut body: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, Trouble> {
    match String::from_utf8(std::mem::take(&mut *body)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err("its answer is not UTF-8; let the platform write JSON as UTF-8".to_owned().into())
        }
    }
}

/// What an answer calls itself, for people: nothing but a plain media type is repeated.
fn media_type(headers: &HeaderMap) -> String {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let named = named.split(';').next().unwrap_or_default().trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/+.-".contains(c);
    match named.len() {
        1..=40 if named.chars().all(plain) => format!(" (it calls itself {named})"),
        _ => String::new(),
    }
}
