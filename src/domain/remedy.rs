//! What a person is to do: data, per provider and situation (DESIGN.md 7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// a value that doesn't do what the platform needs
    WrongKind,
    /// whether it is dead can't be proven
    Unproven,
}

impl Situation {
    /// Every situation; a catalogue file must have steps for each.
    pub const ALL: [Self; 9] = [
        Self::Stale,
        Self::DeletedAlive,
        Self::ReplacedAlive,
        Self::Orphaned,
        Self::Shared,
        Self::Broken,
        Self::Compromised,
        Self::WrongKind,
        Self::Unproven,
    ];
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
    /// the steps for each situation, in order
    pub steps: BTreeMap<Situation, Vec<String>>,
}
