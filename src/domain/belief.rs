//! What is believed of a credential after all its probes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::outcome::Reason;
use super::time::Timestamp;

/// What is believed of a credential (DESIGN.md 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// never answered definitely
    #[default]
    Unverified,
    /// the provider accepts it
    Live,
    /// refused, not yet confirmed
    Suspect,
    /// refused and confirmed, with evidence
    Dead,
    /// the held copy is destroyed: it can't be asked any more
    Shredded,
}

impl Liveness {
    /// Every state, in the order of a credential's way.
    pub const ALL: [Self; 5] = [Self::Unverified, Self::Live, Self::Suspect, Self::Dead, Self::Shredded];

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Live => "live",
            Self::Suspect => "suspect",
            Self::Dead => "dead",
            Self::Shredded => "shredded",
        }
    }
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much was proven when the held copy was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shredding {
    /// dead, and still refused when settling was over
    Proven,
    /// dead, but retention ended before settling did
    ProvenUnsettled,
    /// retention ended, or the owner or the `hold` setting said so, before any proof
    Unproven,
}

/// Everything that the state machine remembers of a credential. A new credential has the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Belief {
    /// the state
    pub liveness: Liveness,
    /// since when; `None` for one that was never asked
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// the last probe that was asked, whatever it said
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// the last acceptance (`accepted` or `limited`)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// whether that acceptance was `limited`
    #[serde(skip_serializing_if = "is_false")]
    pub limited: bool,
    /// the first refusal, whole or partly, of the unbroken run that made it suspect
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_first: Option<Timestamp>,
    /// the latest refusal, whole or partly, of that run
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_last: Option<Timestamp>,
    /// the first *whole* refusal of that run, if there was one: confirmation counts from here
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_whole_first: Option<Timestamp>,
    /// whole refusals in that run
    #[serde(skip_serializing_if = "is_zero")]
    pub refusals: u32,
    /// the reason why a protocol could not be asked, where the latest refusal was only partly
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partly: Option<Reason>,
    /// the latest whole refusal had no positive control
    #[serde(skip_serializing_if = "is_false")]
    pub no_control: bool,
    /// what it was before it became suspect
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Liveness>,
    /// since when probes only say unknown, and why; ended by any definite answer
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_since: Option<Timestamp>,
    /// the latest reason of that run
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_reason: Option<Reason>,
    /// how many unknown answers in a row: the back-off counts them
    #[serde(skip_serializing_if = "is_zero")]
    pub unknowns: u32,
    /// when it was proven dead; kept through shredding
    #[serde(skip_serializing_if = "Option::is_none")]
    pub died_at: Option<Timestamp>,
    /// what was proven when the copy was destroyed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shredding: Option<Shredding>,
}

impl Belief {
    /// True where the provider's refusal is proven, held copy or not.
    pub fn is_proven_dead(&self) -> bool {
        match self.liveness {
            Liveness::Dead => true,
            Liveness::Shredded => self.shredding != Some(Shredding::Unproven),
            Liveness::Unverified | Liveness::Live | Liveness::Suspect => false,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}
