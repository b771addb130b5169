//! Messages to the operator's own endpoints over HTTP, and no other way to send them.
//!
//! No redirects, no proxies, no cookies; HTTPS and public addresses, unless an endpoint is marked as one of the inside.
//! Nothing of an answer is read but its status, and how long to wait. What goes wrong is told without the address: Slack's is a secret.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use url::{Host, Url};

use crate::domain::secret::Secret;
use crate::domain::signature::Key;
use crate::domain::time::Timestamp;
use crate::net::client::{Cause, Wanted, cause, client};
use crate::net::{Guard, SystemLookup, is_public, retry_after};
use crate::ports::announce::{NotTaken, Waiting};

/// How long an endpoint may take for one message, and how much of that may pass before there is a connection.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One endpoint over HTTP.
pub struct Webhook {
    client: Client,
    url: Url,
    key: Option<Key>,
}

impl Webhook {
    /// An endpoint at this address, whose messages are signed where there is a secret. `inside` lets it be anywhere, and
    /// without TLS.
    ///
    /// # Errors
    /// A sentence for the operator, without the address and without the secret.
    pub fn new(url: &Secret, secret: Option<&Secret>, inside: bool, agent: &str) -> Result<Self, String> {
        let url = Url::parse(url.expose().trim()).map_err(|error| format!("this is not an address ({error})"))?;
        let literal = match url.host() {
            None => return Err("the address names no host".to_owned()),
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
        };
        let open = "or set dangerous_inside = true for an endpoint in your own network";
        match url.scheme() {
            "https" => {}
            "http" if inside => {}
            _ => return Err(format!("the address must begin with https://, {open}")),
        }
        // A literal address is dialled without being looked up, so the look-up can't guard it.
        if literal.is_some_and(|address| !inside && !is_public(address)) {
            return Err(format!("the address is not of the public internet; name another, {open}"));
        }
        let key = secret.map(Key::parse).transpose()?;
        let guard = Guard::new(Arc::new(SystemLookup), inside);
        let client = client(Wanted {
            agent,
            guard,
            plain: inside,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            silence: None,
            kept: 1,
        })?;
        Ok(Self { client, url, key })
    }

    /// Hands a message over.
    ///
    /// # Errors
    /// What was seen, without the address; and for how long a 429 or 503 wants to be left alone, in either form of
    /// `Retry-After`.
    pub async fn post(&self, message: &Waiting, now: Timestamp) -> Result<(), NotTaken> {
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            let mut signature = HeaderValue::from_str(&key.sign(&message.message_id, now, &message.body))
                .map_err(|_| "the signature can't stand in a header".to_owned())?;
            signature.set_sensitive(true);
            request = request
                .header("webhook-id", &message.message_id)
                .header("webhook-timestamp", now.as_secs().to_string())
                .header("webhook-signature", signature);
        }
        #[expect(clippy::disallowed_methods, reason = "the one place where a message to an endpoint leaves")]
        let answered = request.body(message.body.clone()).send().await;
        match answered {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) if response.status().is_redirection() => {
                Err(format!("it answered {}, and redirects are not followed", response.status().as_u16()).into())
            }
            Ok(response) => {
                let status = response.status().as_u16();
                let asked = response.headers().get(RETRY_AFTER).filter(|_| matches!(status, 429 | 503));
                Err(NotTaken { why: format!("it answered {status}"), pause: retry_after::wait(asked, now) })
            }
            Err(error) => Err(reason(&error).into()),
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("signed", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// Why no answer came, for people. The address is a secret: nothing of it is told.
fn reason(error: &reqwest::Error) -> String {
    let words = match cause(error) {
        Cause::NotPublic => "its name leads into a network that is not public, so it is not dialled",
        Cause::NoName => "its name can't be looked up",
        Cause::Tls(_) => "no TLS with it",
        Cause::Timeout => "it did not answer in time",
        Cause::NoConnection => "there is no connection to it",
        Cause::Broken => "the connection broke before it answered",
        Cause::NotHttp => "what it answers is no HTTP",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn waiting() -> Waiting {
        Waiting {
            id: 1,
            message_id: "msg_1".to_owned(),
            body: "{}".to_owned(),
            formed_at: Timestamp::from_secs(0),
            attempts: 0,
            due_at: Timestamp::from_secs(0),
        }
    }

    fn made(url: &str, inside: bool) -> Result<Webhook, String> {
        Webhook::new(&Secret::new(url), None, inside, "test")
    }

    #[test]
    fn only_https_and_public_addresses_do_unless_it_is_said_that_they_are_inside() {
        for url in [
            "http://hooks.example.org/canary",
            "https://127.0.0.1/canary",
            "https://[::1]/canary",
            "https://169.254.169.254/canary",
            "https://[::ffff:10.0.0.1]/canary",
            "ftp://hooks.example.org/canary",
            "canary",
        ] {
            let why = made(url, false).expect_err(url);
            assert!(!why.contains("canary"), "{url}: {why}");
        }
        assert!(made("https://hooks.example.org/x", false).is_ok());
        assert!(made("http://127.0.0.1:8080/x", true).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_dialled() {
        let hook = made("https://localhost/canary", false).expect("an address");
        let why = hook.post(&waiting(), Timestamp::from_secs(1)).await.expect_err("it is not dialled");
        let why = why.to_string();
        assert!(why.contains("not public") && !why.contains("canary"), "{why}");
    }

    #[tokio::test]
    async fn what_a_busy_endpoint_asks_for_is_heard_in_both_forms_and_from_no_other_answer() {
        let now = Timestamp::parse("2026-11-21T08:00:00Z").expect("an instant");
        for (answer, pause) in [
            ("429 Too Many Requests\r\nRetry-After: 120", Some(120)),
            ("503 Service Unavailable\r\nRetry-After: Sat, 21 Nov 2026 08:01:00 GMT", Some(60)),
            ("503 Service Unavailable\r\nRetry-After: soon", None),
            ("503 Service Unavailable", None),
            ("500 Internal Server Error\r\nRetry-After: 120", None),
        ] {
            let url = answering(answer).await;
            let not_taken = made(&url, true).expect("an address").post(&waiting(), now).await.expect_err(answer);
            assert_eq!(not_taken.pause, pause.map(Duration::from_secs), "{answer}");
            assert_eq!(not_taken.why, format!("it answered {}", &answer[..3]));
        }
    }

    /// An endpoint that answers one message with this.
    async fn answering(answer: &'static str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("its address"));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut heard = Vec::new();
            while !heard.ends_with(b"{}") {
                assert!(stream.read_buf(&mut heard).await.expect("a message") > 0, "it is cut short");
            }
            let reply = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(reply.as_bytes()).await.expect("a reply");
        });
        url
    }
}
