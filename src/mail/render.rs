//! A claimed mail as a message: the same mail at the same instant gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::message::Mailbox;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, UndefinedBehavior};

use super::digest::{Digest, compose};
use super::message::message;
use super::own::OwnTemplates;
use super::{clean, wrap};
use crate::domain::catalogue::Provider;
use crate::domain::ids::ProviderName;
use crate::domain::record::Address;
use crate::domain::remedy::Remedies;
use crate::domain::time::Timestamp;
use crate::ports::links::Described;
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
            text.trim().parse().map_err(|_| format!("`{}` is not a mail address", clean::line(text)))?;
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

/// What the manual calls a platform that its operator has not named; every language has words for it.
pub(super) const UNNAMED: &str = "the platform";

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
    /// the catalogue's words for each provider; for one that is not there, general ones are found
    pub providers: BTreeMap<ProviderName, ProviderTexts>,
}

impl MailSettings {
    /// Settings with the catalogue's words and defaults for the rest: "the platform", no address for answers, the rules' own ages.
    pub fn new(from: Sender, providers: BTreeMap<ProviderName, ProviderTexts>) -> Self {
        Self { from, reply_to: None, platform: UNNAMED.to_owned(), max_age: BTreeMap::new(), providers }
    }
}

/// A provider in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderTexts {
    /// its name as people write it
    pub title: String,
    /// the steps that make its keys harmless
    pub remedies: Remedies,
    /// the same in other languages, by tag
    pub translations: BTreeMap<String, Remedies>,
    /// whether a new value ends the one before
    pub renewal_ends: bool,
    /// what keeps a refused key from coming back, where a refusal can be taken back
    pub reversal: Option<Reversal>,
}

impl ProviderTexts {
    /// What the catalogue says of a provider.
    pub fn of(provider: &Provider) -> Self {
        let overlap = provider.rotation.overlap;
        Self {
            title: provider.title.clone(),
            remedies: provider.remedies.clone(),
            translations: provider.translations(),
            renewal_ends: !overlap,
            reversal: provider.settle().map(|_| if overlap { Reversal::Delete } else { Reversal::Reset }),
        }
    }
}

/// What keeps a key dead that its provider refuses only for the time being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reversal {
    /// a reset of its secret
    Reset,
    /// its deletion
    Delete,
}

/// The templates, and what they need to know beside the mail.
#[derive(Debug)]
pub struct Templates {
    settings: MailSettings,
    platform: String,
    own: OwnTemplates,
    shipped: Environment<'static>,
    operators: Environment<'static>,
    /// providers of which it was said that the catalogue knows nothing
    told: Mutex<BTreeSet<ProviderName>>,
}

impl Templates {
    /// The shipped templates and texts, with the operator's own over them.
    ///
    /// # Errors
    /// A sentence for the operator: a template can't be read.
    pub fn new(settings: MailSettings, own: OwnTemplates) -> Result<Self, String> {
        let mut shipped = environment().map_err(|error| in_words(&error))?;
        for (name, source) in SHIPPED {
            shipped.add_template(name, source).map_err(|error| in_words(&error))?;
        }
        let mut operators = environment().map_err(|error| in_words(&error))?;
        for (name, source) in own.templates() {
            operators.add_template_owned(name, source).map_err(|error| in_words(&error))?;
        }
        let platform = clean::line(&settings.platform);
        Ok(Self { settings, platform, own, shipped, operators, told: Mutex::default() })
    }

    /// A mail's parts without headers: subject, text, HTML.
    ///
    /// # Errors
    /// A template can't be filled; it says which, and where.
    pub fn parts(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Parts, String> {
        let digest = self.digest(mail, now);
        let fill = |name| self.fill(name, &digest, true).map_err(|error| in_words(&error));
        let (text, html) = (wrap::wrap(&fill(TEXT)?), fill(HTML)?);
        Ok(Parts { subject: digest.subject, language: digest.language.to_owned(), text, html })
    }

    /// Every language that a reader can get, English first.
    pub fn languages(&self) -> Vec<&str> {
        self.own.languages().tags()
    }

    pub(super) fn digest<'a>(&'a self, mail: &'a ClaimedMail, now: Timestamp) -> Digest<'a> {
        compose(mail, &self.settings, self.own.languages(), &self.platform, now)
    }

    /// Fills the operator's template of that name where they have one and `own` is wanted, else the shipped one.
    pub(super) fn fill(&self, name: &str, digest: &Digest<'_>, own: bool) -> Result<String, Error> {
        let operators = self.operators.get_template(name).ok().filter(|_| own);
        let template = match operators {
            Some(template) => template,
            None => self.shipped.get_template(name)?,
        };
        template.render(Serde(digest))
    }

    /// Fills a template whatever happens: where the operator's own can't be filled with this mail, the shipped one is, and
    /// the log says so. No mail waits for a template.
    fn surely(&self, name: &str, digest: &Digest<'_>) -> Result<String, String> {
        self.fill(name, digest, true).or_else(|error| {
            tracing::error!(
                template = name,
                error = in_words(&error),
                "the mail template can't be filled; the shipped one is used"
            );
            self.fill(name, digest, false).map_err(|error| in_words(&error))
        })
    }

    /// Says once a start that the catalogue has no words for a provider.
    fn tell(&self, uncatalogued: &[ProviderName]) {
        for provider in uncatalogued {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.insert(provider.clone()) {
                tracing::warn!(
                    %provider,
                    "the catalogue has no file for this provider any more, and findings about its keys are open: \
                     mails describe the steps in general words"
                );
            }
        }
    }
}

impl Templates {
    /// The words about the one finding that `mail` has, in its reader's language: what its mail says, for the page.
    ///
    /// # Errors
    /// A sentence for the operator: the catalogue has no texts for it.
    pub fn describe(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Described, String> {
        let digest = self.digest(mail, now);
        let first = digest.items.into_iter().next();
        first
            .map(|item| item.described(digest.platform, digest.language))
            .ok_or_else(|| "there is nothing to say of it".to_owned())
    }
}

impl Renderer for Templates {
    fn render(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Vec<u8>, String> {
        let digest = self.digest(mail, now);
        self.tell(&digest.uncatalogued);
        let (text, html) = (wrap::wrap(&self.surely(TEXT, &digest)?), self.surely(HTML, &digest)?);
        let parts = Parts { subject: digest.subject, language: digest.language.to_owned(), text, html };
        Ok(message(mail, &self.settings, parts, now)?.formatted())
    }
}

/// A mail's parts without headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// one line
    pub subject: String,
    /// the language's tag
    pub language: String,
    /// plain text
    pub text: String,
    /// the same as HTML
    pub html: String,
}

pub(super) const TEXT: &str = "digest.txt";
pub(super) const HTML: &str = "digest.html";

const SHIPPED: [(&str, &str); 2] =
    [(TEXT, include_str!("templates/digest.txt")), (HTML, include_str!("templates/digest.html"))];

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new(); // escapes by the template's ending
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line with only a tag on it leaves no empty line behind.
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    Ok(environment)
}

/// What is wrong with a template, without its place.
pub(super) fn fault(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

fn in_words(error: &Error) -> String {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}:{line}"),
        (Some(name), None) => name.to_owned(),
        _ => "a mail template".to_owned(),
    };
    format!("{place}: {}", fault(error))
}
