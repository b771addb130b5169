//! The types of the provider catalogue, and the meaning of an answer. One file a provider, data throughout: a new
//! provider needs no Rust.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::ProviderName;
use super::record::Auth;
use super::remedy::{Remedies, Renewal, Translation};
use super::time::{days, hours};

mod check;
mod credential;
mod exchange;
mod reply;
mod source;
mod template;
mod trial;

pub use check::{Fault, check};
pub use credential::{CredentialForm, Half, Kind, Shape};
pub use exchange::{ANY_JSON, AnswerRow, Example, JsonTest, JsonType, Probe, ProbeAuth, Word, classify, verdict};
pub use reply::{ReplyExample, ReplyRow, classify_reply};
pub use source::{Citation, Label, Source, SourceError};
pub use template::{Blank, Template, TemplateError};
pub use trial::{Trial, Tried, try_out};

/// Everything that is known of one provider.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// the name in inventories and settings
    pub name: ProviderName,
    /// the name for people
    pub title: String,
    /// how a connection is made whose inventory row doesn't say: with a pasted key, or by permission (OAuth). A
    /// permission's tokens are never asked about: an expired one says nothing of the permission
    #[serde(default)]
    pub connects_by: Auth,
    /// what its credentials look like
    pub credential: CredentialForm,
    /// how hard it may be asked
    pub limits: Limits,
    /// how old a secret may grow
    pub age: Age,
    /// what a rotation does
    pub rotation: Rotation,
    /// what a refusal is worth, where it is worth less than elsewhere
    #[serde(default)]
    pub refusal: Option<Refusal>,
    /// the ways in, in the order in which they are asked
    #[serde(rename = "protocol")]
    pub protocols: Vec<Protocol>,
    /// what people are to do
    pub remedies: Remedies,
    /// the same in other languages, by tag: `de`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, Translation>,
}

impl Provider {
    /// The gap between a refusal and its confirmation that this provider needs, where it differs from the default.
    pub fn confirm_gap(&self) -> Option<Duration> {
        self.rotation.confirm_gap_hours.map(hours)
    }

    /// How long a dead key must stay refused, where a refusal can be taken back.
    pub fn settle(&self) -> Option<Duration> {
        self.rotation.settle_days.map(days)
    }

    /// How long a value is let in after it was replaced, at most; `None` where it dies at once.
    pub fn grace(&self) -> Option<Duration> {
        self.rotation.grace_hours.map(hours)
    }

    /// Whether a refusal counts only for a credential that was accepted before: see [`Refusal`].
    pub fn only_after_acceptance(&self) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| refusal.only_after_acceptance)
    }

    /// The remedies in every language that the file has beside English, by tag.
    pub fn translations(&self) -> BTreeMap<String, Remedies> {
        self.texts.iter().map(|(tag, texts)| (tag.clone(), texts.of(&self.remedies))).collect()
    }

    /// The greatest age of a secret.
    pub const fn max_age(&self) -> Duration {
        days(self.age.max_days)
    }
}

/// How hard a provider may be asked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// so many requests …
    pub requests: u32,
    /// … in so many seconds
    pub per_seconds: u32,
    /// requests under way at once
    pub in_flight: usize,
    /// and no more than this for one account of the platform, where the quota that is used is the customer's own
    #[serde(default)]
    pub account: Option<Pace>,
    /// who says so
    pub source: Source,
}

/// How hard may be asked for one account of the platform, or over one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// so many requests …
    pub requests: u32,
    /// … in so many seconds
    pub per_seconds: u32,
}

/// How old a secret may grow.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Age {
    /// in days
    pub max_days: u64,
    /// why so long, for people
    pub why: String,
    /// who says so
    pub source: Source,
}

/// What a rotation does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// whether old and new can be valid side by side
    pub overlap: bool,
    /// whether a public half has exactly one secret at a time: an accepted one then proves an older one dead
    /// (`super::outlived`)
    pub one_secret_per_key: bool,
    /// how long the old value lives on after it was replaced, at most; not given, it dies at once
    #[serde(default)]
    pub grace_hours: Option<u64>,
    /// whether a person can do it without asking the provider's support
    pub self_service: bool,
    /// whether a new value is shown once only; not given, where that is not known
    #[serde(default)]
    pub shown_once: Option<bool>,
    /// see [`Provider::confirm_gap`]
    #[serde(default)]
    pub confirm_gap_hours: Option<u64>,
    /// see [`Provider::settle`]
    #[serde(default)]
    pub settle_days: Option<u64>,
    /// why these, for people
    pub why: String,
    /// who says what, where sources disagree
    #[serde(default)]
    pub disputed: Option<String>,
    /// who says so
    pub source: Source,
}

impl Rotation {
    /// How a new value meets the one before.
    pub const fn renewal(&self) -> Renewal {
        match self.overlap {
            true => Renewal::SideBySide,
            false => Renewal::Cut { grace_hours: self.grace_hours },
        }
    }
}

/// What a refusal is worth, where a living key gets the same answer as a dead one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// a refusal counts toward death only where this very credential was accepted before
    pub only_after_acceptance: bool,
    /// why, for people
    pub why: String,
    /// who says so
    pub source: Source,
}

/// One way in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// the name in settings, evidence and metrics
    pub name: String,
    /// the name for people
    pub title: String,
    /// how it is spoken
    pub kind: ProtocolKind,
    /// where
    #[serde(rename = "endpoint")]
    pub endpoints: Vec<Endpoint>,
    /// for SMTP: how soon one login follows another, over all customers; not given, every two seconds
    #[serde(default)]
    pub pace: Option<Pace>,
    /// what is asked; a later probe only where an earlier one was not let in. None for SMTP: a login is the question
    #[serde(rename = "probe", default)]
    pub probes: Vec<Probe>,
    /// for SMTP: what the replies to a login mean, the first row that fits
    #[serde(rename = "reply", default)]
    pub replies: Vec<ReplyRow>,
    /// for SMTP: replies that show each row
    #[serde(rename = "example", default)]
    pub reply_examples: Vec<ReplyExample>,
}

/// How a protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProtocolKind {
    /// HTTPS, GET only
    Http,
    /// a login over STARTTLS or TLS
    Smtp,
}

/// One address of a protocol.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// the name in evidence
    pub name: String,
    /// the regions of a connection for which this endpoint alone is asked; a connection without a region is asked everywhere
    #[serde(default)]
    pub regions: Vec<String>,
    /// `https://host` or `smtp://host:port`; `{customer}` in the host stands for what [`Endpoint::customer`] finds
    pub base: Template,
    /// where the part of the host that differs from customer to customer comes from
    #[serde(default)]
    pub customer: Option<Customer>,
    /// who says so
    pub source: Source,
}

/// How the customer's part of a host is found. What a customer typed is never taken for an address as it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// a regular expression over the secret, whose first group is the part
    #[serde(default)]
    pub secret: Option<String>,
    /// a regular expression over the row's `region`, whose first group is the part
    #[serde(default)]
    pub region: Option<String>,
    /// the part is the host of the row's `base_url`
    #[serde(default)]
    pub base_url: bool,
    /// the whole host must end with one of these, each beginning with a dot: a customer must not choose whom we ask
    pub suffixes: Vec<String>,
}
