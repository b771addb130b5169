//! A claimed mail as a message: pure. The same mail at the same instant gives the same bytes.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use sha2::{Digest as _, Sha256};

use super::clean;
use super::digest::{Digest, compose, described};
use crate::domain::ids::ProviderName;
use crate::domain::record::Address;
use crate::domain::remedy::Remedies;
use crate::domain::time::Timestamp;
use crate::ports::links::{Describe, Described};
use crate::ports::notify::{ClaimedMail, Renderer};

/// Who mails come from: an address, with a name for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl Sender {
    /// Reads `address@host` or `Name <address@host>`.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mailbox: Mailbox =
            text.trim().parse().map_err(|_| format!("`{}` is not a mail address", clean::name(text)))?;
        if !mailbox.email.to_string().is_ascii() {
            return Err("the sender's address must be ASCII: not every server takes another".to_owned());
        }
        Ok(Self(mailbox))
    }

    /// As lettre wants it.
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

/// What every mail shares.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// who mails come from
    pub from: Sender,
    /// where answers go, if not to the sender
    pub reply_to: Option<Address>,
    /// what the texts call the platform
    pub platform: String,
    /// the age beyond which a provider's secrets are stale; a provider without an entry has the default of the rules
    pub max_age: BTreeMap<ProviderName, Duration>,
    /// the catalogue's words for each provider
    pub providers: BTreeMap<ProviderName, ProviderTexts>,
}

impl MailSettings {
    /// Settings with the catalogue's words and defaults for the rest: "the platform", no address for answers, the rules' own ages.
    pub fn new(from: Sender, providers: BTreeMap<ProviderName, ProviderTexts>) -> Self {
        Self { from, reply_to: None, platform: "the platform".to_owned(), max_age: BTreeMap::new(), providers }
    }
}

/// A provider in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderTexts {
    /// its name as people write it
    pub title: String,
    /// the steps that make its keys harmless
    pub remedies: Remedies,
}

/// The templates, and what they need to know beside the mail.
#[derive(Debug)]
pub struct Templates {
    settings: MailSettings,
    environment: Environment<'static>,
}

impl Templates {
    /// Takes the embedded templates.
    ///
    /// # Errors
    /// A sentence for the operator: a template can't be read.
    pub fn new(settings: MailSettings) -> Result<Self, String> {
        let mut environment = Environment::new(); // escapes by the template's ending
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // A line with only a tag on it leaves no empty line behind.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| format!("{error:#}"))?);
        for (name, source) in
            [(TEXT, include_str!("templates/digest.txt")), (HTML, include_str!("templates/digest.html"))]
        {
            environment.add_template(name, source).map_err(|error| format!("{error:#}"))?;
        }
        Ok(Self { settings, environment })
    }

    /// A mail's parts without headers, for previews: subject, text, HTML.
    ///
    /// # Errors
    /// As [`Renderer::render`].
    pub fn parts(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Parts, String> {
        let digest = compose(mail, &self.settings, now)?;
        let text = self.fill(TEXT, &digest)?;
        let html = self.fill(HTML, &digest)?;
        Ok(Parts { subject: digest.subject, text, html })
    }

    fn fill(&self, name: &str, digest: &Digest) -> Result<String, String> {
        let filled = self.environment.get_template(name).and_then(|template| template.render(Serde(digest)));
        filled.map_err(|error| format!("the mail template {name} can't be filled: {error:#}"))
    }

    fn message(&self, mail: &ClaimedMail, parts: Parts, now: Timestamp) -> Result<Message, String> {
        let to = address(&mail.address, "recipient")?;
        let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
        let mut message = Message::builder()
            .from(self.settings.from.mailbox().clone())
            .to(to)
            .subject(parts.subject)
            .date(date)
            .message_id(Some(mail.message_id.clone()))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if let Some(reply_to) = &self.settings.reply_to {
            message = message.reply_to(address(reply_to, "reply")?);
        }
        if let Some(latest) = mail.references.last() {
            message = message.in_reply_to(latest.clone()).references(mail.references.join(" "));
        }
        let body = MultiPart::alternative()
            .boundary(boundary(&mail.message_id))
            .singlepart(SinglePart::plain(parts.text))
            .singlepart(SinglePart::html(parts.html));
        message.multipart(body).map_err(|error| format!("the mail can't be put together: {error}"))
    }
}

impl Describe for Templates {
    fn describe(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Described, String> {
        described(mail, &self.settings, now)
    }
}

impl Renderer for Templates {
    fn render(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Vec<u8>, String> {
        let parts = self.parts(mail, now)?;
        Ok(self.message(mail, parts, now)?.formatted())
    }
}

/// A mail's parts without headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// one line
    pub subject: String,
    /// plain text
    pub text: String,
    /// the same as HTML
    pub html: String,
}

const TEXT: &str = "digest.txt";
const HTML: &str = "digest.html";

fn address(address: &Address, whose: &str) -> Result<Mailbox, String> {
    let email = address.expose().parse().map_err(|_| format!("the {whose}'s address can't stand in a header"))?;
    Ok(Mailbox::new(None, email))
}

/// Fixed by the Message-ID, so that a mail sent again is the same mail. `=_` never occurs in quoted-printable or
/// base64, and nobody who names a connection can guess the rest.
fn boundary(message_id: &str) -> String {
    let digest = Sha256::digest(message_id.as_bytes());
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("=_{hex}")
}
