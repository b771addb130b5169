//! The SMTP prober: a login, and good-bye. Never MAIL, and never AUTH before TLS but at an address that is marked as a test's.
//!
//! Nothing that a server says before the handshake is believed: what it sent behind its reply to STARTTLS is a violation,
//! and then nothing is learnt. A client of our own, for a login needs five commands, every line must have a bound, and a
//! library that keeps a customer's secret in plain buffers of its own is one more place to wipe.

mod session;
mod talk;

use std::time::Duration;

use tokio::time::timeout;
use url::Url;

pub(super) use self::session::{Broken, Login};
use self::session::{Security, Session, open};
use self::talk::Reply;
use super::tls::Tls;
use super::turn::Turns;
use crate::domain::catalogue::{Pace, Protocol, ReplyRow, classify_reply};
use crate::domain::outcome::{Reason, Verdict};
use crate::net::{Guard, NoDial, Unconnected};

/// Logins under way at one provider. Each costs it a TLS session, thirty times the work of a question over a kept one.
const IN_FLIGHT: usize = 1;
/// And how soon one follows another, where the provider's file says nothing.
const PACE: Pace = Pace { requests: 1, per_seconds: 2 };
/// How long a farewell may take: whether it is heard changes nothing.
const FAREWELL: Duration = Duration::from_secs(1);
/// The port of a relay whose address names none (RFC 6409), and of one that begins with TLS (RFC 8314).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

/// How soon one login may follow another over this protocol.
pub(super) fn pace(protocol: &Protocol) -> Pace {
    protocol.pace.unwrap_or(PACE)
}

/// One provider's relays.
pub(super) struct SmtpDoor {
    guard: Guard,
    tls: Tls,
    /// true at a test's address: `smtp://` is then spoken without TLS
    test: bool,
    turns: Turns,
    timeout: Duration,
    connect_timeout: Duration,
}

/// How long things may take.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// a whole question
    pub(super) whole: Duration,
    /// of that, its connection
    pub(super) connection: Duration,
}

impl SmtpDoor {
    /// The relays behind this guard, at their protocol's pace; `None` where the operator wants no pace at all.
    pub(super) fn new(guard: Guard, tls: Tls, test: bool, pace: Option<Pace>, patience: Patience) -> Self {
        let turns = match pace {
            Some(pace) => Turns::new(IN_FLIGHT, Some((pace.requests, Duration::from_secs(pace.per_seconds.into())))),
            None => Turns::new(usize::MAX >> 4, None),
        };
        let Patience { whole, connection } = patience;
        Self { guard, tls, test, turns, timeout: whole, connect_timeout: connection }
    }

    /// When it is this question's turn.
    pub(super) const fn turns(&self) -> &Turns {
        &self.turns
    }

    /// One login, and what the reply to it means.
    pub(super) async fn ask(&self, address: &Url, login: &Login<'_>, rows: &[ReplyRow]) -> (Verdict, Option<u16>) {
        let Ok(login) = timeout(self.timeout, self.log_in(address, login)).await else {
            return (Verdict::Unknown(Reason::Timeout), None);
        };
        match login {
            Ok((reply, mut session)) => {
                // The answer is there, whatever becomes of the good-bye.
                timeout(FAREWELL, session.quit()).await.ok();
                (classify_reply(rows, reply.code, &reply.text()).0, Some(reply.code))
            }
            Err(broken) => broken.verdict(),
        }
    }

    async fn log_in(&self, address: &Url, login: &Login<'_>) -> Result<(Reply, Session), Broken> {
        let host = address.host_str().unwrap_or_default();
        let implicit = address.scheme() == "smtps";
        let security = match (implicit, self.test) {
            (true, _) => Security::FromStart,
            (false, true) => Security::None,
            (false, false) => Security::StartTls,
        };
        let tcp =
            self.guard.connect(host, port(address), self.connect_timeout).await.map_err(|why| unconnected(&why))?;
        let mut session = open(tcp, host, security, &self.tls).await?;
        let reply = session.log_in(login).await?;
        Ok((reply, session))
    }
}

/// The port of an address, or its scheme's own.
pub(super) fn port(address: &Url) -> u16 {
    let usual = match address.scheme() {
        "smtp" => SUBMISSION,
        "smtps" => SUBMISSIONS,
        _ => 443,
    };
    address.port_or_known_default().unwrap_or(usual)
}

fn unconnected(why: &Unconnected) -> Broken {
    Broken::Before(match why {
        Unconnected::NoDial(NoDial::Name { .. }) => Reason::Dns,
        Unconnected::NoDial(NoDial::NotPublic { .. }) => Reason::BadAddress,
        Unconnected::Connect => Reason::Connect,
    })
}

/// Agrees on TLS with a relay and hangs up, without a login.
pub(super) async fn greet(tcp: tokio::net::TcpStream, host: &str, implicit: bool, tls: &Tls) -> Result<(), Broken> {
    let security = if implicit { Security::FromStart } else { Security::StartTls };
    let mut session = open(tcp, host, security, tls).await?;
    timeout(FAREWELL, session.quit()).await.ok();
    Ok(())
}
