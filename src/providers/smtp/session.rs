//! A session from the first byte to the reply to a login.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::talk::{Reply, Stream, Talk};
use crate::domain::catalogue::classify_reply;
use crate::domain::outcome::{Reason, Verdict};
use crate::providers::tls::Tls;

/// The replies that a session goes on after (RFC 5321, 4.2; RFC 4954, 4).
const READY: u16 = 220;
const DONE: u16 = 250;
const GO_ON: u16 = 334;

/// How a session is secured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// not at all: at an address that is marked as a test's
    None,
    /// by STARTTLS
    StartTls,
    /// before the first SMTP byte
    FromStart,
}

/// Why no reply to a login came.
#[derive(Debug, thiserror::Error)]
pub(in crate::providers) enum Broken {
    /// there was no connection
    #[error("no connection ({0})")]
    Before(Reason),
    /// the server ended it with a reply that isn't about the login
    #[error("it answered {code} to {to}")]
    Said {
        /// to which command; or `the connection`
        to: &'static str,
        /// its reply
        code: u16,
    },
    /// it offers no TLS
    #[error("it offers no STARTTLS")]
    NoTls,
    /// TLS failed
    #[error("no TLS: {0}")]
    Tls(io::Error),
    /// it offers no login that we speak
    #[error("it offers no login by AUTH PLAIN or AUTH LOGIN")]
    NoLogin,
    /// it closed the connection where it was to say something
    #[error("it hung up")]
    HungUp,
    /// it said what nobody may say there, or broke off in the middle of a line
    #[error("it does not speak SMTP: {0}")]
    Garbled(&'static str),
    /// a part of the credential is missing, or can't be said in SMTP
    #[error("the credential can't be said in SMTP")]
    NoCopy,
}

impl Broken {
    /// What that means for the credential: nothing. The code is kept where there was one.
    pub(super) fn verdict(&self) -> (Verdict, Option<u16>) {
        let reason = match self {
            Self::Before(reason) => *reason,
            Self::Said { code, .. } => return (classify_reply(&[], *code, "").0, Some(*code)),
            Self::NoTls | Self::Tls(_) => Reason::Tls,
            Self::NoLogin => Reason::Unexpected,
            Self::HungUp => Reason::Connect,
            Self::Garbled(_) => Reason::Garbled,
            Self::NoCopy => Reason::NoCopy,
        };
        (Verdict::Unknown(reason), None)
    }
}

/// Who logs in.
pub(in crate::providers) struct Login<'a> {
    /// the public half
    pub(in crate::providers) user: &'a str,
    /// the secret
    pub(in crate::providers) password: &'a str,
}

/// A session that is secured as wanted and has been greeted.
pub(super) struct Session {
    talk: Talk<Box<dyn Stream>>,
    offers: Offers,
}

/// What the server offers.
#[derive(Default)]
struct Offers {
    starttls: bool,
    plain: bool,
    login: bool,
}

/// From a fresh connection to a greeted session.
pub(super) async fn open(tcp: TcpStream, host: &str, security: Security, tls: &Tls) -> Result<Session, Broken> {
    tcp.set_nodelay(true).map_err(|_| Broken::HungUp)?;
    let me = me(&tcp);
    let stream: Box<dyn Stream> = match security {
        Security::None => Box::new(tcp),
        Security::FromStart => Box::new(tls.agree(host, tcp).await.map_err(Broken::Tls)?),
        Security::StartTls => {
            let tcp = upgraded(tcp, &me).await?;
            let stream = tls.agree(host, tcp).await.map_err(Broken::Tls)?;
            let mut talk = Talk::over(Box::new(stream) as Box<dyn Stream>);
            // Whatever was offered in clear may have been said by anybody.
            let offers = hello(&mut talk, &me).await?;
            return Ok(Session { talk, offers });
        }
    };
    let mut talk = Talk::over(stream);
    greeting(&mut talk).await?;
    let offers = hello(&mut talk, &me).await?;
    Ok(Session { talk, offers })
}

/// The connection when the server is ready for the handshake, and has said nothing beyond that.
async fn upgraded(tcp: TcpStream, me: &str) -> Result<TcpStream, Broken> {
    let mut talk = Talk::over(tcp);
    greeting(&mut talk).await?;
    if !hello(&mut talk, me).await?.starttls {
        return Err(Broken::NoTls);
    }
    let reply = talk.command("STARTTLS").await?;
    if reply.code == READY { talk.into_silent() } else { Err(Broken::NoTls) }
}

async fn greeting<S: Stream>(talk: &mut Talk<S>) -> Result<(), Broken> {
    match talk.reply().await?.code {
        READY => Ok(()),
        code => Err(Broken::Said { to: "the connection", code }),
    }
}

async fn hello<S: Stream>(talk: &mut Talk<S>, me: &str) -> Result<Offers, Broken> {
    let reply = talk.command(&format!("EHLO {me}")).await?;
    if reply.code != DONE {
        return Err(Broken::Said { to: "EHLO", code: reply.code });
    }
    let mut offers = Offers::default();
    for line in reply.lines.iter().skip(1) {
        let mut words = line.split([' ', '=']); // "AUTH=PLAIN" is older than the standard, and still met
        let keyword = words.next().unwrap_or_default();
        offers.starttls |= keyword.eq_ignore_ascii_case("STARTTLS");
        for mechanism in words.filter(|_| keyword.eq_ignore_ascii_case("AUTH")) {
            offers.plain |= mechanism.eq_ignore_ascii_case("PLAIN");
            offers.login |= mechanism.eq_ignore_ascii_case("LOGIN");
        }
    }
    Ok(offers)
}

/// How we name ourselves: our address, as who has no name of public interest does (RFC 5321, 4.1.3).
fn me(tcp: &TcpStream) -> String {
    match tcp.local_addr().map(|address| address.ip()) {
        Ok(std::net::IpAddr::V6(v6)) => format!("[IPv6:{v6}]"),
        Ok(v4) => format!("[{v4}]"),
        Err(_) => "[127.0.0.1]".to_owned(),
    }
}

impl Session {
    /// The reply to the login itself. An end before the secret was shown is not about it.
    pub(super) async fn log_in(&mut self, login: &Login<'_>) -> Result<Reply, Broken> {
        let Login { user, password } = login;
        if user.is_empty() || user.contains('\0') || password.contains('\0') {
            return Err(Broken::NoCopy); // a NUL separates the two
        }
        if self.offers.plain {
            let pair = encoded(&Zeroizing::new(format!("\0{user}\0{password}")));
            return self.talk.command(&Zeroizing::new(format!("AUTH PLAIN {}", *pair))).await;
        }
        if !self.offers.login {
            return Err(Broken::NoLogin);
        }
        for (to, line) in [("AUTH LOGIN", "AUTH LOGIN"), ("the user's name", &encoded(user))] {
            let reply = self.talk.command(line).await?;
            if reply.code != GO_ON {
                return Err(Broken::Said { to, code: reply.code });
            }
        }
        self.talk.command(&encoded(password)).await
    }

    /// Good-bye.
    pub(super) async fn quit(&mut self) -> Result<(), Broken> {
        self.talk.command("QUIT").await.map(drop)
    }
}

fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
}
