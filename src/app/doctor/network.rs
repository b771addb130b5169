//! The mail server and the providers' hosts, as far as they can be tried without doing anything.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::time::timeout;

use super::check::{Check, Part};
use super::silence;
use crate::mail::{Security, SmtpMailer, SmtpStep};
use crate::ports::notify::SendError;
use crate::providers::NoDial;
use crate::providers::reach::{Door, Unreached, reach};

const SMTP_URL: &str = "mail.smtp_url";

/// Goes to the mail server, logs in, and leaves without a mail.
pub(super) async fn mail(mailer: &SmtpMailer, limit: Duration) -> Check {
    let mut at = SmtpStep::Connect;
    let tried = timeout(limit, mailer.try_out(&mut at)).await;
    let said = match tried {
        Ok(Ok(())) => return Check::ok(Part::Mail, SMTP_URL, taken(mailer)),
        Ok(Err(SendError::Server(said) | SendError::Later(said) | SendError::Ours(said))) => said,
        Ok(Err(error)) => error.to_string(),
        Err(_) => silence(limit),
    };
    Check::error(Part::Mail, SMTP_URL, format!("{}: {said}", mailer.server()), todo(at)).passing()
}

fn taken(mailer: &SmtpMailer) -> String {
    let secured = match mailer.security() {
        Security::None => "without TLS",
        Security::StartTls => "over STARTTLS",
        Security::Tls => "over TLS",
    };
    let login = if mailer.logs_in() { "and lets us in" } else { "and asks for no login" };
    format!("{} answers {secured} {login}", mailer.server())
}

const fn todo(at: SmtpStep) -> &'static str {
    match at {
        SmtpStep::Connect => "check its host and port, and what is on the way: DNS, routes, a firewall",
        SmtpStep::Greet => "check that its port is a mail server's; one that begins with TLS is written smtps://",
        SmtpStep::Secure => {
            "check that the server offers TLS and that its certificate is for this name; tls_ca= adds a root"
        }
        SmtpStep::Login => "check its user and password; both are percent-encoded",
        SmtpStep::Noop => "look into the mail server's log",
    }
}

/// Takes the listener's address for an instant.
pub(super) fn listener(setting: &'static str, address: Option<SocketAddr>, off: &'static str) -> Check {
    let Some(address) = address else {
        return Check::ok(Part::Listener, setting, off);
    };
    let error = match TcpListener::bind(address) {
        Ok(_) => return Check::ok(Part::Listener, setting, format!("{address} is free")),
        Err(error) => error,
    };
    let todo = match error.kind() {
        ErrorKind::AddrInUse => "stop what listens there, or choose another port",
        ErrorKind::AddrNotAvailable => "choose an address that this machine has",
        ErrorKind::PermissionDenied => "choose a port above 1023",
        _ => "choose another address",
    };
    Check::error(Part::Listener, setting, format!("{address} can't be listened on: {error}"), todo)
}

/// Connects to one address of a provider, and hangs up.
pub(super) async fn provider(name: &str, door: &Door, limit: Duration) -> Check {
    let setting = if door.test {
        format!("providers.{name}.dangerous_test_endpoints.{}", door.protocol)
    } else {
        format!("providers.{name}")
    };
    let host = door.address.host_str().unwrap_or_default();
    let check = match timeout(limit, reach(door)).await {
        Ok(Ok(peer)) => Check::ok(Part::Provider, setting, format!("{host} answers at {peer}")),
        Ok(Err(error)) => Check::error(Part::Provider, setting, error.to_string(), way(&error, door.test)),
        Err(_) => {
            let todo = "let this machine connect to it: see to DNS, routes and firewalls";
            Check::error(Part::Provider, setting, format!("{host}: {}", silence(limit)), todo)
        }
    };
    check.of(name).passing()
}

const fn way(error: &Unreached, test: bool) -> &'static str {
    match error {
        _ if test => "correct this address, or start what is meant to answer there",
        Unreached::NoDial(NoDial::Name { .. }) => {
            "see to this machine's DNS (/etc/resolv.conf); the name stands in the catalogue"
        }
        Unreached::NoDial(NoDial::NotPublic { .. }) => {
            "see to /etc/hosts and to this machine's DNS: no provider has such an address, so nothing is sent there"
        }
        Unreached::Connect { .. } => {
            "let this machine connect to it: see to routes and firewalls; keysweep uses no proxy"
        }
        Unreached::Smtp { .. } => "see who answers there, and whether something on the way cuts STARTTLS out",
        Unreached::Tls { .. } => {
            "see who answers there: a proxy that looks into TLS is not trusted; then to the clock and to ca-certificates"
        }
    }
}
