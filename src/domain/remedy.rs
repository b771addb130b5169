//! What a person is to do: data, per provider and situation (DESIGN.md 7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalogue::Source;
use super::record::Auth;

mod shared;
mod translation;

pub use shared::{MissingWord, Renewal, SharedSteps};
pub use translation::Translation;

/// What has happened to a key, as far as the steps are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Situation {
    /// in use, too old
    Stale,
    /// the connection is gone, the key lives
    DeletedAlive,
    /// another secret took its place, the old one lives
    ReplacedAlive,
    /// nobody is left who made or owns the connection
    Orphaned,
    /// in use by several open connections
    Shared,
    /// refused while in use
    Broken,
    /// leaked
    Compromised,
    /// leaked, and its use has ended: nothing is to be connected again
    CompromisedEnded,
    /// a value that doesn't do what the platform needs
    WrongKind,
    /// whether it is dead can't be proven
    Unproven,
}

impl Situation {
    /// Every situation; a catalogue file must have steps for each.
    pub const ALL: [Self; 10] = [
        Self::Stale,
        Self::DeletedAlive,
        Self::ReplacedAlive,
        Self::Orphaned,
        Self::Shared,
        Self::Broken,
        Self::Compromised,
        Self::CompromisedEnded,
        Self::WrongKind,
        Self::Unproven,
    ];

    /// The word in catalogue files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::DeletedAlive => "deleted-alive",
            Self::ReplacedAlive => "replaced-alive",
            Self::Orphaned => "orphaned",
            Self::Shared => "shared",
            Self::Broken => "broken",
            Self::Compromised => "compromised",
            Self::CompromisedEnded => "compromised-ended",
            Self::WrongKind => "wrong-kind",
            Self::Unproven => "unproven",
        }
    }
}

/// How a provider's key is made harmless, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedies {
    /// the way through the provider's screens
    pub path: String,
    /// the address that opens nearest to it
    pub link: String,
    /// what dies at once and what lives on
    pub old_value: String,
    /// what else stops working
    pub breaks: String,
    /// the words that the shared steps are made of, for the situations that `steps` leaves out
    #[serde(default)]
    pub words: Words,
    /// the steps for each situation, in order
    #[serde(default)]
    pub steps: BTreeMap<Situation, Vec<String>>,
    /// the same for a connection that was made by permission (OAuth) instead of with a key
    #[serde(default)]
    pub oauth: Option<Box<Self>>,
    /// the same for values of another kind, by its name; situations that it leaves out have the steps above
    #[serde(default, rename = "kind", skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, Self>,
    /// who says so
    pub source: Source,
    /// true where it is what holds at any provider, for a file that says nothing of permissions
    #[serde(skip)]
    pub general: bool,
}

/// A provider's own words in the steps that all providers share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// what the provider calls the value: "API key"
    pub key: String,
    /// whole sentences: how to make a new one, and whether it is shown once
    pub make: String,
    /// whole sentences: how to end one, which is called `{it}`
    pub end: String,
    /// a whole sentence: where it stands
    pub look: String,
    /// what whoever has it can do: "read your contacts"
    pub risk: String,
    /// a whole sentence: what was pasted instead, and what is needed
    pub kind: String,
}

impl Remedies {
    /// The part of it that fits how the connection was made, and the kind of the value where it is known, for a situation.
    pub fn fitting(&self, auth: Auth, kind: Option<&str>, situation: Situation) -> &Self {
        let other = match auth {
            Auth::Oauth => self.oauth.as_deref(),
            Auth::Key => kind.and_then(|kind| self.kinds.get(kind)),
        };
        other.filter(|other| other.steps.contains_key(&situation)).unwrap_or(self)
    }
}
