//! The one kind of HTTP client, and why a request of it got no answer.
//!
//! No redirects (what is sent to one host must never reach another), no proxies, no cookies, nothing unpacked; and HTTPS,
//! unless the address is marked as one of the inside.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, redirect};

use super::{Guard, NoDial};

/// What may differ from client to client.
pub(crate) struct Wanted<'a> {
    /// how the other side sees who asks
    pub(crate) agent: &'a str,
    /// what may be dialled
    pub(crate) guard: Guard,
    /// false where nothing leaves without TLS
    pub(crate) plain: bool,
    /// for the connection
    pub(crate) connect_timeout: Duration,
    /// for a request as a whole
    pub(crate) timeout: Duration,
    /// how long the other side may be silent in the middle of an answer; `None` for as long as the whole may take
    pub(crate) silence: Option<Duration>,
    /// connections to one host that are kept
    pub(crate) kept: usize,
}

/// Makes a client. Each costs a reading of the system's roots: whoever can shares one.
///
/// # Errors
/// The client's own words, without an address.
#[expect(clippy::disallowed_methods, reason = "the one place where a client is made")]
pub(crate) fn client(wanted: Wanted<'_>) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(wanted.agent)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .https_only(!wanted.plain)
        .dns_resolver(Arc::new(wanted.guard))
        .connect_timeout(wanted.connect_timeout)
        .timeout(wanted.timeout)
        .tcp_nodelay(true)
        .pool_max_idle_per_host(wanted.kept)
        // Longer than the pause between two questions at the slowest pace, else every question opens a connection.
        .pool_idle_timeout(Duration::from_secs(90));
    if let Some(silence) = wanted.silence {
        builder = builder.read_timeout(silence);
    }
    builder.build().map_err(|error| error.without_url().to_string())
}

/// Why no answer came, or no whole one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// it took too long
    Timeout,
    /// the name can't be looked up
    NoName,
    /// the name leads into a network that isn't public
    NotPublic,
    /// no TLS, in the words of TLS, which name hosts at most
    Tls(String),
    /// nobody takes the connection
    NoConnection,
    /// it was closed before an answer came, or in the middle of it
    Broken,
    /// what came is no HTTP
    NotHttp,
}

/// The cause of an error. The error holds the address, which may be a secret; nothing of it is kept.
pub(crate) fn cause(error: &reqwest::Error) -> Cause {
    if error.is_timeout() {
        return Cause::Timeout;
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(tls) = tls(inner) {
            return Cause::Tls(tls.to_string());
        }
        match inner.downcast_ref() {
            Some(NoDial::Name { .. }) => return Cause::NoName,
            Some(NoDial::NotPublic { .. }) => return Cause::NotPublic,
            None => {}
        }
        if inner.downcast_ref().is_some_and(hyper::Error::is_parse) {
            return Cause::NotHttp;
        }
        source = inner.source();
    }
    if error.is_connect() { Cause::NoConnection } else { Cause::Broken }
}

/// What TLS found wrong. A handshake's error comes wrapped in errors of input and output, also in several, and their
/// `source` steps over what they wrap.
pub(crate) fn tls<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut error = error;
    loop {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        error = error.downcast_ref::<io::Error>()?.get_ref()?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::net::SystemLookup;

    /// What becomes of a request to this address.
    #[expect(clippy::disallowed_methods, reason = "a request of the tests")]
    async fn asked(url: &str, lifted: bool) -> Cause {
        let client = client(Wanted {
            agent: "test",
            guard: Guard::new(Arc::new(SystemLookup), lifted),
            plain: true,
            connect_timeout: Duration::from_secs(20),
            timeout: Duration::from_secs(20),
            silence: None,
            kept: 1,
        });
        let answer = client.expect("a client").get(url).send().await;
        cause(&answer.expect_err("there is no answer"))
    }

    /// A server that does this with its one visitor.
    async fn serving(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a visitor");
            let mut heard = [0; 1024];
            assert!(stream.read(&mut heard).await.expect("a request") > 0);
            stream.write_all(answer).await.expect("an answer");
        });
        port
    }

    /// A server with a certificate that nobody vouches for.
    async fn unvouched() -> u16 {
        use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(vec![own.cert.der().clone()], key)
                .expect("a certificate of the server");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a visitor");
            acceptor.accept(stream).await.map(drop).expect_err("the visitor turns away");
        });
        port
    }

    #[tokio::test]
    async fn a_certificate_that_nobody_vouches_for_is_told_as_one_and_not_as_no_connection() {
        let port = unvouched().await;
        let cause = asked(&format!("https://localhost:{port}/"), true).await;
        assert!(matches!(&cause, Cause::Tls(words) if words.contains("certificate")), "{cause:?}");
    }

    #[tokio::test]
    async fn each_cause_is_told_from_the_others() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let closed = nobody.local_addr().expect("its address").port();
        drop(nobody);
        let garbage = serving(b"what is this\r\n\r\n").await;
        let gone = serving(b"").await;
        for (url, lifted, expected) in [
            (format!("http://127.0.0.1:{closed}/"), true, Cause::NoConnection),
            (format!("http://127.0.0.1:{garbage}/"), true, Cause::NotHttp),
            (format!("http://127.0.0.1:{gone}/"), true, Cause::Broken),
            ("http://localhost:1/".to_owned(), false, Cause::NotPublic),
            ("http://nowhere.invalid/".to_owned(), false, Cause::NoName),
        ] {
            assert_eq!(asked(&url, lifted).await, expected, "{url}");
        }
    }
}
