//! How mails leave: SMTP sessions, each step within its own time.

use std::future::Future;
use std::time::Duration;

use lettre::Address as Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::message::spelt;
use super::render::Sender;
use super::reply::{self, Step, classify};
use super::settings::{Security, SmtpSettings};
use super::stream::{Secured, Wire};
use super::tls::Tls;
use crate::domain::record::Address;
use crate::ports::notify::{MailSession, Mailer, SendError};

/// A mail server that is reached by SMTP.
pub struct SmtpMailer {
    settings: SmtpSettings,
    tls: Tls,
    from: Mailbox,
    hello: ClientId,
}

/// How far a session came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpStep {
    /// finding the server and opening a connection
    Connect,
    /// its first words, and EHLO
    Greet,
    /// the TLS handshake
    Secure,
    /// the login
    Login,
    /// NOOP
    Noop,
}

impl SmtpStep {
    /// The step in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "the connection",
            Self::Greet => "the greeting",
            Self::Secure => "the TLS handshake",
            Self::Login => "the login",
            Self::Noop => "NOOP",
        }
    }
}

impl SmtpMailer {
    /// A mailer that sends as `from`. Reads the extra root, if one is named; connects nowhere yet.
    ///
    /// # Errors
    /// A sentence for the operator: the extra root or the system's roots can't be used.
    pub fn new(settings: SmtpSettings, from: &Sender) -> Result<Self, String> {
        let tls = Tls::prepare(settings.security, &settings.host, settings.extra_root.as_deref())?;
        let hello = settings.hello.clone().map_or_else(ClientId::default, ClientId::Domain);
        Ok(Self { settings, tls, from: from.mailbox().email.clone(), hello })
    }

    /// A session that stands, secured as wanted and logged in. `at` is left at the step that failed.
    ///
    /// # Errors
    /// What was said at that step.
    pub async fn session(&self, at: &mut SmtpStep) -> Result<SmtpSession, SendError> {
        let mut connection = self.connect(at).await?;
        *at = SmtpStep::Login;
        self.log_in(&mut connection).await?;
        Ok(SmtpSession { connection, from: self.from.clone(), timeout: self.settings.timeout })
    }

    async fn connect(&self, at: &mut SmtpStep) -> Result<AsyncSmtpConnection, SendError> {
        *at = SmtpStep::Connect;
        let server = (self.settings.host.as_str(), self.settings.port);
        let tcp = self.io("no connection", TcpStream::connect(server)).await?;
        *at = if matches!(self.tls, Tls::FromStart(..)) { SmtpStep::Secure } else { SmtpStep::Greet };
        match &self.tls {
            Tls::None => {
                let wire = Wire::plain(tcp).map_err(|error| SendError::Server(error.to_string()))?;
                self.smtp(AsyncSmtpConnection::connect_with_transport(Box::new(wire), &self.hello)).await
            }
            Tls::Upgrade(parameters) => {
                let wire = Wire::before_starttls(tcp).map_err(|error| SendError::Server(error.to_string()))?;
                let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &self.hello);
                let mut connection = self.smtp(greeted).await?;
                *at = SmtpStep::Secure;
                self.smtp(connection.starttls(parameters.clone(), &self.hello)).await?;
                Ok(connection)
            }
            Tls::FromStart(connector, name) => {
                let wire = Wire::plain(tcp).map_err(|error| SendError::Server(error.to_string()))?;
                let stream = self.io("no TLS", connector.connect(name.clone(), wire)).await?;
                *at = SmtpStep::Greet;
                self.smtp(AsyncSmtpConnection::connect_with_transport(Box::new(Secured(stream)), &self.hello)).await
            }
        }
    }

    async fn log_in(&self, connection: &mut AsyncSmtpConnection) -> Result<(), SendError> {
        let Some((user, password)) = &self.settings.login else { return Ok(()) };
        let credentials = Credentials::new(user.clone(), password.expose().to_owned());
        let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
        let answer = timeout(self.settings.timeout, login).await.map_err(|_| silent(self.settings.timeout))?;
        answer.map(drop).map_err(|error| reply::login(&error))
    }

    async fn io<T>(&self, what: &str, step: impl Future<Output = std::io::Result<T>>) -> Result<T, SendError> {
        match timeout(self.settings.timeout, step).await {
            Ok(answer) => answer.map_err(|error| SendError::Server(reply::presentable(&format!("{what}: {error}")))),
            Err(_) => Err(silent(self.settings.timeout)),
        }
    }

    /// Goes all the way to a session that could take a mail, asks whether the server is still there, and takes its leave.
    /// No sender and no recipient is ever named. `at` is left at the step that failed, also where this is dropped.
    ///
    /// # Errors
    /// What was said at that step.
    pub async fn try_out(&self, at: &mut SmtpStep) -> Result<(), SendError> {
        let mut session = self.session(at).await?;
        *at = SmtpStep::Noop;
        session.say(Step::Ours, Noop).await?;
        session.close().await;
        Ok(())
    }

    /// The server as `host:port`.
    pub fn server(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    /// True where it logs in.
    pub const fn logs_in(&self) -> bool {
        self.settings.login.is_some()
    }

    /// How its sessions are secured.
    pub const fn security(&self) -> Security {
        self.settings.security
    }

    /// Whatever goes wrong before a session stands, no mail is at fault.
    async fn smtp<T>(&self, step: impl Future<Output = Result<T, Error>>) -> Result<T, SendError> {
        match timeout(self.settings.timeout, step).await {
            Ok(answer) => answer.map_err(|error| SendError::Server(reply::presentable(&error.to_string()))),
            Err(_) => Err(silent(self.settings.timeout)),
        }
    }
}

impl Mailer for SmtpMailer {
    type Session = SmtpSession;

    async fn open(&self) -> Result<SmtpSession, SendError> {
        self.session(&mut SmtpStep::Connect).await
    }
}

/// An open session with a mail server.
pub struct SmtpSession {
    connection: AsyncSmtpConnection,
    from: Mailbox,
    timeout: Duration,
}

impl SmtpSession {
    async fn propose(&mut self, comes_back_to: Option<&Address>, to: &Address) -> Result<(), SendError> {
        let unusable = |what: &str| SendError::Address(what.to_owned());
        let to = spelt(to).ok_or_else(|| unusable("not an address that SMTP can carry"))?;
        let mut parameters = Vec::new();
        if !to.to_string().is_ascii() {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(unusable("the mail server takes ASCII addresses only (no SMTPUTF8)"));
            }
            parameters.extend([MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)]);
        }
        // An address that SMTP can't carry is none that anything could come back to.
        let own = comes_back_to.and_then(spelt);
        self.say(Step::Ours, Mail::new(Some(own.unwrap_or_else(|| self.from.clone())), parameters)).await?;
        self.say(Step::Recipient, Rcpt::new(to, Vec::new())).await.map(drop)
    }

    async fn say(&mut self, step: Step, command: impl std::fmt::Display) -> Result<Response, SendError> {
        let answer = timeout(self.timeout, self.connection.command(command)).await.map_err(|_| silent(self.timeout))?;
        answer.map_err(|error| classify(step, &error))
    }

    /// Clears what a refused mail left behind. If that fails, the next command says so.
    async fn reset_after(&mut self, error: SendError) -> SendError {
        if !matches!(error, SendError::Server(_) | SendError::AfterData(_)) {
            self.say(Step::Ours, Rset).await.ok();
        }
        error
    }
}

impl MailSession for SmtpSession {
    async fn offer(&mut self, comes_back_to: Option<&Address>, to: &Address) -> Result<(), SendError> {
        match self.propose(comes_back_to, to).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.reset_after(error).await),
        }
    }

    async fn transmit(&mut self, message: &[u8]) -> Result<String, SendError> {
        if let Err(error) = self.say(Step::Ours, Data).await {
            return Err(self.reset_after(error).await);
        }
        // From here on the server may have the mail, whatever we hear of it.
        match timeout(self.timeout, self.connection.message(message)).await {
            Ok(Ok(answer)) => {
                Ok(reply::presentable(&format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" "))))
            }
            Ok(Err(error)) => {
                let error = classify(Step::Message, &error);
                Err(self.reset_after(error).await)
            }
            Err(_) => Err(SendError::AfterData(format!("no final reply within {:?}", self.timeout))),
        }
    }

    async fn close(mut self) {
        // The mails are taken; whether the farewell is heard changes nothing.
        self.say(Step::Ours, Quit).await.ok();
    }
}

fn silent(limit: Duration) -> SendError {
    SendError::Server(format!("the mail server said nothing within {limit:?}"))
}
