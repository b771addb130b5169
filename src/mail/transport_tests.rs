use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::render::Sender;
use super::settings::SmtpSettings;
use super::transport::SmtpMailer;
use crate::demo::inbox::{Behaviour, Inbox};
use crate::domain::record::Address;
use crate::ports::notify::{MailSession, Mailer, SendError};

const MESSAGE: &[u8] = b"Subject: hello\r\n\r\n.leading dot\r\nlast line\r\n";

fn mailer(url: &str) -> SmtpMailer {
    let mut settings = SmtpSettings::parse(url).expect("a good URL");
    settings.timeout = Duration::from_millis(300);
    settings.hello = Some("sender.test".to_owned());
    SmtpMailer::new(settings, &Sender::parse("keysweep <from@example.org>").expect("a sender")).expect("a mailer")
}

fn mailer_to(inbox: &Inbox) -> SmtpMailer {
    mailer(&format!("smtp://{}", inbox.address()))
}

fn to(address: &str) -> Address {
    Address::parse(address).expect("an address")
}

async fn deliver(mailer: &SmtpMailer) -> Result<String, SendError> {
    let mut session = mailer.open().await?;
    session.offer(None, &to("owner@example.com")).await?;
    let reply = session.transmit(MESSAGE).await?;
    session.close().await;
    Ok(reply)
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written_with_its_envelope() {
    let inbox = Inbox::start().await.expect("a port");
    let reply = deliver(&mailer_to(&inbox)).await.expect("delivered");
    assert_eq!(reply, "250 2.0.0 Ok: kept");
    let [mail] = inbox.mails().try_into().expect("one mail");
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("from@example.org", &["owner@example.com".to_owned()][..]));
    assert!(mail.raw.starts_with(MESSAGE), "{}", String::from_utf8_lossy(&mail.raw));
}

#[tokio::test]
async fn a_domain_beyond_ascii_goes_by_its_a_labels_which_every_server_takes() {
    let inbox = Inbox::start().await.expect("a port");
    let mut session = mailer_to(&inbox).open().await.expect("a session");
    let comes_back = to("back+1@bücher.example");
    session.offer(Some(&comes_back), &to("owner@Bücher.example")).await.expect("offered");
    session.transmit(MESSAGE).await.expect("taken");
    let [mail] = inbox.mails().try_into().expect("one mail");
    assert_eq!(
        (mail.from.as_str(), mail.to[0].as_str()),
        ("back+1@xn--bcher-kva.example", "owner@xn--bcher-kva.example")
    );
}

/// One session without TCP_NODELAY manages 23 mails a second: each waits for the peer's delayed acknowledgement. The
/// fastest stretch counts: other work on the machine slows some of them, the wait would slow every one.
#[tokio::test]
async fn one_session_sends_more_than_200_mails_a_second() {
    const STRETCHES: u32 = 16;
    const STRETCH: u32 = 25;
    let inbox = Inbox::start().await.expect("a port");
    let mut session = mailer_to(&inbox).open().await.expect("a session");
    let mut fastest = Duration::MAX;
    for _ in 0..STRETCHES {
        let started = Instant::now();
        for _ in 0..STRETCH {
            session.offer(None, &to("owner@example.com")).await.expect("offered");
            session.transmit(&[b'x'; 1024]).await.expect("taken");
        }
        fastest = fastest.min(started.elapsed());
    }
    let rate = f64::from(STRETCH) / fastest.as_secs_f64();
    assert!(rate > 200.0, "{rate:.0} mails/s");
}

#[tokio::test]
async fn a_silent_server_is_given_up_within_the_timeout() {
    let inbox = Inbox::start().await.expect("a port");
    inbox.behave(Behaviour::Silent);
    let started = Instant::now();
    let error = deliver(&mailer_to(&inbox)).await.expect_err("nobody answers");
    assert!(matches!(error, SendError::Server(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_mails_fault() {
    let address = Inbox::start().await.expect("a port").address(); // gone with the inbox
    let error = deliver(&mailer(&format!("smtp://{address}"))).await.expect_err("nobody listens");
    assert!(matches!(error, SendError::Server(_)), "{error}");
}

#[tokio::test]
async fn a_refusal_is_sorted_and_the_session_goes_on() {
    type Kind = fn(&SendError) -> bool;
    let refuse = |reply: &str| Behaviour::RefuseRecipient(reply.to_owned());
    let table: [(Behaviour, Kind); 6] = [
        (refuse("550 5.1.1 <owner@example.com> unknown"), |e| matches!(e, SendError::Address(_))),
        (refuse("450 4.2.0 greylisted"), |e| matches!(e, SendError::Later(_))),
        (refuse("554 5.7.1 relaying denied"), |e| matches!(e, SendError::Ours(_))),
        (Behaviour::RefuseData("451 4.3.0 busy".to_owned()), |e| matches!(e, SendError::Later(_))),
        (Behaviour::RefuseMessage("451 4.3.0 busy".to_owned()), |e| matches!(e, SendError::Later(_))),
        (Behaviour::RefuseMessage("554 5.6.0 content".to_owned()), |e| matches!(e, SendError::Ours(_))),
    ];
    let inbox = Inbox::start().await.expect("a port");
    let mut session = mailer_to(&inbox).open().await.expect("a session");
    for (behaviour, is_right) in table {
        inbox.behave(behaviour.clone());
        let sent = match session.offer(None, &to("owner@example.com")).await {
            Ok(()) => session.transmit(MESSAGE).await.map(drop),
            Err(error) => Err(error),
        };
        let error = sent.expect_err("refused");
        assert!(is_right(&error), "{behaviour:?}: {error:?}");
        assert!(!error.to_string().contains("owner@"), "an error never shows whose address it was: {error}");
        inbox.behave(Behaviour::Accept);
        session.offer(None, &to("next@example.com")).await.expect("the session goes on");
        session.transmit(MESSAGE).await.expect("taken");
    }
    assert_eq!(inbox.mails().len(), 6, "only the mails that were taken");
}

#[tokio::test]
async fn a_connection_lost_after_data_may_have_delivered() {
    let inbox = Inbox::start().await.expect("a port");
    inbox.behave(Behaviour::DropAfterData);
    let error = deliver(&mailer_to(&inbox)).await.expect_err("no final reply");
    assert!(matches!(error, SendError::AfterData(_)), "{error:?}");
    assert_eq!(inbox.mails().len(), 1, "and here it did");
}

#[tokio::test]
async fn silence_after_the_message_may_have_delivered() {
    let (url, server) = serve(|stream| async move {
        let mut talk = Talk::new(stream);
        talk.say("220 scripted.test").await;
        for reply in ["250 scripted.test", "250 2.1.0 Ok", "250 2.1.5 Ok", "354 go on"] {
            talk.hear().await;
            talk.say(reply).await;
        }
        while talk.hear_or_end().await.is_some() {} // the message, and then nothing
    })
    .await;
    let error = deliver(&mailer(&url)).await.expect_err("no final reply");
    assert!(matches!(error, SendError::AfterData(_)), "{error:?}");
    server.await.expect("the script ends");
}

#[tokio::test]
async fn a_session_lost_before_data_has_delivered_nothing() {
    let (url, server) = serve(|stream| async move {
        let mut talk = Talk::new(stream);
        talk.say("220 scripted.test").await;
        talk.hear().await;
        talk.say("250 scripted.test").await;
        talk.hear().await; // MAIL, then gone
    })
    .await;
    let error = deliver(&mailer(&url)).await.expect_err("gone");
    assert!(matches!(error, SendError::Server(_)), "{error:?}");
    server.await.expect("the script ends");
}

#[tokio::test]
async fn mail_goes_through_starttls_with_a_login() {
    let authority = Authority::new();
    let acceptor = authority.acceptor();
    let (url, server) = serve(move |stream| async move {
        let mut talk = offer_starttls(stream).await;
        talk.say("220 2.0.0 go ahead").await;
        take_mail(acceptor.accept(talk.into_inner()).await.expect("a handshake")).await
    })
    .await;
    let url = format!("smtp://user:p%40ss@localhost{}?tls=starttls&tls_ca={}", port(&url), authority.pem.display());
    deliver(&mailer(&url)).await.expect("delivered");
    assert_eq!(server.await.expect("the script ends"), "AUTH PLAIN AHVzZXIAcEBzcw==");
}

#[tokio::test]
async fn mail_goes_through_implicit_tls_with_a_login() {
    let authority = Authority::new();
    let acceptor = authority.acceptor();
    let (url, server) = serve(move |stream| async move {
        let mut stream = acceptor.accept(stream).await.expect("a handshake");
        stream.write_all(b"220 scripted.test\r\n").await.expect("written");
        take_mail(stream).await
    })
    .await;
    let url = format!("smtps://user:p%40ss@localhost{}?tls_ca={}", port(&url), authority.pem.display());
    deliver(&mailer(&url)).await.expect("delivered");
    assert_eq!(server.await.expect("the script ends"), "AUTH PLAIN AHVzZXIAcEBzcw==");
}

/// What follows the `220` in clear must not be taken for an answer given under TLS.
#[tokio::test]
async fn replies_injected_before_the_handshake_are_never_believed() {
    let authority = Authority::new();
    let acceptor = authority.acceptor();
    let (url, server) = serve(move |stream| async move {
        let mut talk = offer_starttls(stream).await;
        talk.say("220 2.0.0 go ahead\r\n250-injected.test\r\n250 AUTH PLAIN\r\n235 2.7.0 logged in").await;
        acceptor.accept(talk.into_inner()).await.is_ok()
    })
    .await;
    let url = format!("smtp://user:pass@localhost{}?tls=starttls&tls_ca={}", port(&url), authority.pem.display());
    let error = mailer(&url).open().await.err().expect("no session");
    assert!(matches!(error, SendError::Server(_)), "{error:?}");
    assert!(!server.await.expect("the script ends"), "the handshake itself fails over what was injected");
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_login_nor_mail() {
    let (url, server) = serve(|stream| async move {
        let mut talk = Talk::new(stream);
        talk.say("220 scripted.test").await;
        let mut heard = vec![talk.hear().await];
        talk.say("250-scripted.test\r\n250 AUTH PLAIN").await;
        while let Some(line) = talk.hear_or_end().await {
            heard.push(line);
        }
        heard
    })
    .await;
    let error = deliver(&mailer(&format!("smtp://user:pass@localhost{}?tls=starttls", port(&url)))).await;
    assert!(matches!(error, Err(SendError::Server(_))), "{error:?}");
    assert_eq!(server.await.expect("the script ends"), ["EHLO sender.test"]);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    for scheme in ["smtps", "smtp"] {
        let (known, unknown) = (Authority::new(), Authority::new());
        let acceptor = unknown.acceptor();
        let (url, server) = serve(move |stream| async move {
            if scheme == "smtps" {
                return acceptor.accept(stream).await.is_ok();
            }
            let mut talk = offer_starttls(stream).await;
            talk.say("220 2.0.0 go ahead").await;
            acceptor.accept(talk.into_inner()).await.is_ok()
        })
        .await;
        let tls = if scheme == "smtps" { "tls" } else { "starttls" };
        let url = format!("{scheme}://localhost{}?tls={tls}&tls_ca={}", port(&url), known.pem.display());
        let error = mailer(&url).open().await.err().expect("no session");
        assert!(matches!(error, SendError::Server(_)), "{scheme}: {error:?}");
        assert!(!server.await.expect("the script ends"), "{scheme}");
    }
}

/// A server may quote the login back at us.
#[tokio::test]
async fn a_refused_login_never_shows_what_was_said() {
    let (url, server) = serve(|stream| async move {
        let mut talk = Talk::new(stream);
        talk.say("220 scripted.test").await;
        talk.hear().await;
        talk.say("250-scripted.test\r\n250 AUTH PLAIN").await;
        let login = talk.hear().await;
        talk.say(&format!("535 5.7.8 refused: {login}")).await;
    })
    .await;
    let error = mailer(&url.replace("smtp://", "smtp://user:canary@")).open().await.err().expect("no session");
    let SendError::Server(said) = &error else { panic!("{error:?}") };
    assert_eq!(said, "login refused (535 5.7.8): check user and password of the mail server");
    server.await.expect("the script ends");
}

/// A server for one connection that follows a script; its URL names the loopback address.
async fn serve<F, T>(script: impl FnOnce(TcpStream) -> F + Send + 'static) -> (String, JoinHandle<T>)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("smtp://{}", listener.local_addr().expect("an address"));
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        script(stream).await
    });
    (url, task)
}

/// The `:port` of a URL.
fn port(url: &str) -> &str {
    &url[url.rfind(':').expect("a port")..]
}

/// A line-wise dialogue.
struct Talk<S>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(format!("{text}\r\n").as_bytes()).await.expect("written");
        self.0.flush().await.expect("flushed");
    }

    async fn hear(&mut self) -> String {
        self.hear_or_end().await.unwrap_or_default()
    }

    async fn hear_or_end(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    }

    fn into_inner(self) -> S {
        self.0.into_inner()
    }
}

async fn offer_starttls(stream: TcpStream) -> Talk<TcpStream> {
    let mut talk = Talk::new(stream);
    talk.say("220 scripted.test").await;
    talk.hear().await;
    talk.say("250-scripted.test\r\n250 STARTTLS").await;
    assert_eq!(talk.hear().await, "STARTTLS");
    talk
}

/// Takes one mail after a login, and returns the login's line.
async fn take_mail(stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    let mut talk = Talk::new(stream);
    let mut login = String::new();
    while let Some(line) = talk.hear_or_end().await {
        let reply = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-scripted.test\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => {
                login = line;
                "235 2.7.0 in"
            }
            "DATA" => "354 go on",
            "MAIL" | "RCPT" | "." => "250 2.0.0 Ok",
            "QUIT" => "221 2.0.0 bye",
            _ => continue, // a line of the message
        };
        talk.say(reply).await;
    }
    login
}

/// An authority with a certificate for `localhost`, its root in a file.
struct Authority {
    pem: PathBuf,
    config: Arc<ServerConfig>,
    _folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut root = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root_key = rcgen::KeyPair::generate().expect("a key");
        let root_certificate = root.self_signed(&root_key).expect("a root");
        let issuer = rcgen::Issuer::new(root, root_key);

        let mut leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let leaf_key = rcgen::KeyPair::generate().expect("a key");
        let certificate = leaf.signed_by(&leaf_key, &issuer).expect("a certificate");

        let folder = tempfile::tempdir().expect("a folder");
        let pem = folder.path().join("root.pem");
        std::fs::write(&pem, root_certificate.pem()).expect("written");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a server's certificate");
        Self { pem, config: Arc::new(config), _folder: folder }
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}
