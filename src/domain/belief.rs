//! What is believed of a credential after all its probes.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::outcome::{Part, Place, Reason, Verdict};
use super::outlived::Outlived;
use super::time::Timestamp;

/// What is believed of a credential (DESIGN.md 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shredding {
    /// dead, and still refused when settling was over; or outlived by a newer secret, which nothing takes back
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
    /// where it lives: the place that let it in, as far as that is known. See [`Belief::let_in_over`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<Place>,
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
    /// the run of refusals began while our clock was not to be gone by: nothing is counted from there
    #[serde(skip_serializing_if = "is_false")]
    pub undated: bool,
    /// the reason why a protocol could not be asked, where the latest refusal was only partly
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partly: Option<Reason>,
    /// the protocols that refused, in the latest refusal
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_on: Vec<String>,
    /// the protocols that the operator's settings left out of it
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
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
    /// when it was let in again after refusals had proven it dead
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revived_at: Option<Timestamp>,
    /// what was proven when the copy was destroyed, or since
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shredding: Option<Shredding>,
    /// the newer secret that proves it dead, where no confirmed refusal does
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlived: Option<Outlived>,
}

impl Belief {
    /// True where nothing but a newer secret's acceptance speaks against it: since it was last let in it was not refused.
    pub const fn is_only_outlived(&self) -> bool {
        self.outlived.is_some() && self.refused_last.is_none()
    }

    /// Notes over which protocols a refusal came and which were left out of it, for evidence. Returns whether that is news.
    pub fn refused_over(&mut self, parts: &[Part]) -> bool {
        let refused_on = protocols(parts, Verdict::Refused);
        let left_out = protocols(parts, Verdict::NotAsked);
        let news = self.refused_on != refused_on || self.left_out != left_out;
        (self.refused_on, self.left_out) = (refused_on, left_out);
        news
    }

    /// Notes where an acceptance came from. `lingers`: the provider lets replaced values in for a while. Then a protocol
    /// that is asked because an earlier one refused is where a value lingers, and not where it lives.
    pub fn let_in_over(&mut self, parts: &[Part], lingers: bool) {
        let Some(place) = parts.iter().position(|part| part.verdict.is_acceptance()) else { return };
        let part = &parts[place];
        let came_later = parts[..place]
            .iter()
            .any(|earlier| earlier.verdict == Verdict::Refused && earlier.protocol != part.protocol);
        let is_home = self.home.as_ref().is_some_and(|home| part.is_at(home));
        let only_lingers = lingers && came_later;
        if !is_home && !only_lingers {
            self.home = Some(Place { protocol: part.protocol.clone(), endpoint: part.endpoint.clone() });
        }
    }

    /// True where the provider's refusal is proven, held copy or not.
    pub fn is_proven_dead(&self) -> bool {
        match self.liveness {
            Liveness::Dead => true,
            Liveness::Shredded => self.shredding != Some(Shredding::Unproven),
            Liveness::Unverified | Liveness::Live | Liveness::Suspect => false,
        }
    }
}

/// The protocols of which a part says this, each once and in the order of asking.
fn protocols(parts: &[Part], verdict: Verdict) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in parts.iter().filter(|part| part.verdict == verdict) {
        if !names.contains(&part.protocol) {
            names.push(part.protocol.clone());
        }
    }
    names
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}
