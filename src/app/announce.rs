//! The operator's endpoints of a keysweep, and telling them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Map;

use super::build::{AGENT, resolve};
use super::{App, AppError};
use crate::config::{Env, GIVE_UP_AFTER, OPERATOR, Settings};
use crate::domain::announce::Form;
use crate::domain::record::Address;
use crate::domain::time::Timestamp;
use crate::mail::{Sender, SmtpMailer, plain_mail};
use crate::notify::{AnnounceTools, Announced, Backoff, announce};
use crate::ports::announce::{Courier, Endpoint, NotTaken, Waiting};
use crate::ports::notify::{MailSession as _, Mailer as _};
use crate::ports::{Clock, Event, LedgerError, Progress};
use crate::webhook::Webhook;

/// The waits between tries, in minutes; the last one is repeated.
const WAITS: [u64; 6] = [1, 2, 5, 15, 30, 60];

/// The operator's endpoints, and what telling them takes.
#[derive(Default)]
pub(super) struct Endpoints {
    named: Vec<Endpoint>,
    webhooks: BTreeMap<String, Webhook>,
    operator: Option<(Address, Sender)>,
    seed: u64,
}

impl Endpoints {
    /// # Errors
    /// Where a secret can't be had, or an address doesn't do.
    pub(super) fn of(settings: &Settings, env: &Env, seed: u64) -> Result<Self, AppError> {
        let mut endpoints = Self { seed, ..Self::default() };
        for (index, one) in settings.webhooks.iter().enumerate() {
            let url = resolve(&one.url, env)?;
            let secret = one.secret.as_ref().map(|secret| resolve(secret, env)).transpose()?;
            let made = Webhook::new(&url, secret.as_ref(), one.inside, AGENT);
            let wrong = |what| AppError::Setting { key: format!("webhook[{index}]"), what };
            endpoints.webhooks.insert(one.name.clone(), made.map_err(wrong)?);
            endpoints.named.push(Endpoint { name: one.name.clone(), form: one.form, give_up_after: one.give_up_after });
        }
        if let (Some(operator), Some(sending)) = (&settings.mail.operator, &settings.mail.sending) {
            let wrong = |key: &str, what: String| AppError::Setting { key: key.to_owned(), what };
            let from = Sender::parse(&sending.from.to_string()).map_err(|what| wrong("mail.from", what))?;
            let to = Address::parse(operator.email.as_ref())
                .ok_or_else(|| wrong("mail.operator", "it is not an address that mail can go to".to_owned()))?;
            endpoints.operator = Some((to, from));
            let name = OPERATOR.to_owned();
            endpoints.named.push(Endpoint { name, form: Form::Mail, give_up_after: GIVE_UP_AFTER });
        }
        Ok(endpoints)
    }
}

/// What becomes of a mail to the operator is in its body.
#[derive(Deserialize)]
struct Letter {
    subject: String,
    text: String,
}

struct Carriage<'a> {
    endpoints: &'a Endpoints,
    mailer: Option<&'a SmtpMailer>,
}

impl Courier for Carriage<'_> {
    async fn carry(&self, endpoint: &str, message: &Waiting, now: Timestamp) -> Result<(), NotTaken> {
        if let Some(webhook) = self.endpoints.webhooks.get(endpoint) {
            return webhook.post(message, now).await;
        }
        let (Some((to, from)), Some(mailer)) = (&self.endpoints.operator, self.mailer) else {
            return Err("the settings have no such endpoint any more".to_owned().into());
        };
        let letter: Letter = serde_json::from_str(&message.body).map_err(|error| error.to_string())?;
        let mail = plain_mail(from, to, &message.message_id, &letter.subject, letter.text, now)?;
        let sent = async {
            let mut session = mailer.open().await?;
            session.offer(None, to).await?;
            session.transmit(&mail).await?;
            session.close().await;
            Ok::<(), crate::ports::notify::SendError>(())
        };
        sent.await.map_err(|error| error.to_string().into())
    }
}

impl<C: Clock> App<C> {
    /// Makes the endpoints of the settings those that are told: new ones of everything that happens from here on.
    ///
    /// # Errors
    /// Where the ledger fails.
    pub async fn know_endpoints(&self) -> Result<(), LedgerError> {
        let names: Vec<&str> = self.endpoints.named.iter().map(|endpoint| endpoint.name.as_str()).collect();
        self.ledger.know_endpoints(self.clock.now(), &names).await
    }

    /// Tells the operator's endpoints what the log has for them.
    ///
    /// # Errors
    /// Where the ledger fails.
    pub async fn announce(&self, progress: &impl Progress) -> Result<Announced, LedgerError> {
        if self.endpoints.named.is_empty() {
            return Ok(Announced::default());
        }
        let ledger_id = self.ledger.get("ledger_id").await?.unwrap_or_default();
        let waits = WAITS.map(|minutes| Duration::from_secs(60 * minutes)).to_vec();
        let retry = Backoff { waits, jitter: self.settings.mail.retry_jitter, seed: self.endpoints.seed };
        let tools = AnnounceTools {
            ledger: &self.ledger,
            courier: &self.courier(),
            clock: &self.clock,
            progress,
            meter: &*self.meter,
            ledger_id: &ledger_id,
            retry: &retry,
        };
        announce(&tools, &self.endpoints.named).await
    }

    /// When the next message is to be tried; `None` where none waits.
    ///
    /// # Errors
    /// Where the ledger fails.
    pub async fn next_message_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        let names: Vec<&str> = self.endpoints.named.iter().map(|endpoint| endpoint.name.as_str()).collect();
        if names.is_empty() { Ok(None) } else { self.ledger.next_message_at(&names).await }
    }

    fn courier(&self) -> Carriage<'_> {
        Carriage { endpoints: &self.endpoints, mailer: self.mail.as_ref().map(|mail| &mail.mailer) }
    }

    /// Has the log say, once for each time that it begins and ends, that mail can't leave.
    pub(super) async fn note_mail(&self, stopped: Option<&str>) -> Result<(), LedgerError> {
        let kind = if stopped.is_some() { "mail.stopped" } else { "mail.resumed" };
        let data = Map::from_iter(stopped.map(|why| ("why".to_owned(), why.into())));
        let event = Event { at: self.clock.now(), kind, subject: "meta:mail".to_owned(), data };
        self.ledger.note_trouble("mail", stopped.is_some(), event).await.map(drop)
    }

    /// The same of a source that can't be read whole.
    pub(super) async fn note_source(&self, name: &str, error: Option<&str>) -> Result<(), LedgerError> {
        let kind = if error.is_some() { "source.down" } else { "source.up" };
        let event = Event { at: self.clock.now(), kind, subject: format!("source:{name}"), data: Map::new() };
        self.ledger.note_trouble(&format!("source.{name}"), error.is_some(), event).await.map(drop)
    }
}

/// The names of the settings' endpoints.
pub fn names(settings: &Settings) -> Vec<&str> {
    let operator = settings.mail.operator.is_some() && settings.mail.sending.is_some();
    settings.webhooks.iter().map(|one| one.name.as_str()).chain(operator.then_some(OPERATOR)).collect()
}

/// Sends one endpoint a message that tells of nothing.
///
/// # Errors
/// Where there is no such endpoint, or its settings don't do.
pub async fn test(settings: &Settings, env: &Env, name: &str, now: Timestamp) -> Result<Result<(), String>, AppError> {
    let endpoints = Endpoints::of(settings, env, 0)?;
    let Some(endpoint) = endpoints.named.iter().find(|endpoint| endpoint.name == name) else {
        let known: Vec<&str> = endpoints.named.iter().map(|endpoint| endpoint.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(AppError::Setting {
            key: "webhook".to_owned(),
            what: format!("none is named {name:?}; there are: {known}"),
        });
    };
    let text = "keysweep: a test. Nothing has happened.";
    let body = match endpoint.form {
        Form::Standard => serde_json::json!({"type": "keysweep.test", "timestamp": now.to_string(), "data": {}}),
        Form::Slack => serde_json::json!({ "text": text }),
        Form::Mail => serde_json::json!({"subject": "keysweep: a test", "text": text}),
    };
    let message = Waiting {
        id: 0,
        message_id: format!("msg_test_{name}_{}", now.as_millis()),
        body: body.to_string(),
        formed_at: now,
        attempts: 0,
        due_at: now,
    };
    let sending = settings.mail.sending.as_ref().filter(|_| endpoint.form == Form::Mail);
    let mailer = sending.map(|sending| super::build::mailer(sending, settings.mail.timeout, env)).transpose()?;
    let carriage = Carriage { endpoints: &endpoints, mailer: mailer.as_ref().map(|(mailer, _)| mailer) };
    Ok(carriage.carry(name, &message, now).await.map_err(|error| error.why))
}
