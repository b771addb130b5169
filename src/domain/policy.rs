//! The operator's rules of judgement, resolved: after start-up no option means "was it set?".

mod exempt;
mod overrides;
mod scope;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::exempt::{ENDS_SOON, Exempted, Exemption, Exemptions, Standing, may_be_exempt};
pub use self::overrides::{Override, Overrides};
pub use self::scope::{About, Scope};
use super::facts::ConnectionFacts;
use super::finding::{Exempt, RuleName};
use super::ids::ProviderName;
use super::time::{Timestamp, days, hours};

/// How long a credential's sealed copy is held (DESIGN.md 8). The operator's explicit choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// until the provider's refusal is proven, at most through `retention`
    UntilProven,
    /// while the connection is open, then one probe when its end is seen
    AtDeletion,
    /// never: ages and statuses only
    None,
}

/// What the liveness machine and the cadence are told about one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivenessPolicy {
    /// how long copies are held
    pub hold: Hold,
    /// how often an open, live credential is asked
    pub probe_every: Duration,
    /// the least time between the first refusal and the one that confirms it
    pub confirm_gap: Duration,
    /// how long a dead credential must stay refused before its copy is destroyed
    pub settle: Duration,
    /// the hard limit on holding a copy, from when keysweep first saw that no use was open
    pub retention: Duration,
    /// how long a suspect, or a run of unknown answers, may last before proof is called impossible
    pub unproven_after: Duration,
    /// true where the provider refuses living keys of another kind as it refuses dead ones: then another credential's
    /// acceptance is no control for one that was never accepted itself
    pub only_after_acceptance: bool,
    /// how long the provider lets a value in after it was replaced, at most; `None` where that dies at once
    pub grace: Option<Duration>,
    /// true where a public half has exactly one secret at a time: then an accepted one outlives every other
    pub one_secret_per_key: bool,
}

impl Default for LivenessPolicy {
    fn default() -> Self {
        Self {
            hold: Hold::UntilProven,
            probe_every: days(1),
            confirm_gap: hours(1),
            settle: hours(24),
            retention: days(90),
            unproven_after: days(7),
            only_after_acceptance: false,
            grace: None,
            one_secret_per_key: false,
        }
    }
}

/// What the rules are told about one provider's secrets, or about those of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePolicy {
    /// a secret is stale when it is older than this
    pub max_age: Duration,
    /// which override says so; `None` where it is the provider's own limit
    pub max_age_from: Option<Scope>,
    /// a secret is due within this of `max_age`
    pub warn_before: Duration,
    /// see [`LivenessPolicy::unproven_after`]
    pub unproven_after: Duration,
    /// ended uses older than this at first sight are counted, not mailed
    pub history: Duration,
    /// a connection that has not synchronised for this long is idle; `None` where the operator doesn't ask
    pub idle_after: Option<Duration>,
    /// the kind of key that the platform needs, where the provider knows several
    pub wanted_kind: Option<String>,
}

impl Default for RulePolicy {
    fn default() -> Self {
        Self {
            max_age: days(90),
            max_age_from: None,
            warn_before: days(14),
            unproven_after: days(7),
            history: days(90),
            idle_after: None,
            wanted_kind: None,
        }
    }
}

/// All that the rules go by: what holds at each provider, what the operator says of some connections, and which findings
/// are accepted for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// at providers that have none of their own
    pub usual: RulePolicy,
    /// at each provider
    pub providers: BTreeMap<ProviderName, RulePolicy>,
    /// for some connections
    pub overrides: Overrides,
    /// what is accepted for a while
    pub exemptions: Exemptions,
}

impl Policy {
    /// The same at every provider, for every connection, without exemptions.
    pub fn same(usual: RulePolicy) -> Self {
        Self { usual, ..Self::default() }
    }

    /// What holds at a provider where no override says otherwise.
    pub fn at(&self, provider: &ProviderName) -> &RulePolicy {
        self.providers.get(provider).unwrap_or(&self.usual)
    }

    /// What holds for a connection's use of a credential of that provider.
    pub fn of(&self, connection: &ConnectionFacts, provider: &ProviderName) -> Cow<'_, RulePolicy> {
        self.overrides.apply(&connection.about(provider), self.at(provider))
    }

    /// By which word of the operator's a finding of that rule is accepted at `now`; `None` where it is not.
    pub fn exempt(
        &self,
        connection: &ConnectionFacts,
        provider: &ProviderName,
        rule: RuleName,
        now: Timestamp,
    ) -> Option<Exempt> {
        self.exemptions.in_force(&connection.about(provider), rule, now).map(Exemption::word)
    }

    /// When exemptions of anything about that use of a connection end, past or future.
    pub fn exempt_until(&self, connection: &ConnectionFacts, provider: &ProviderName) -> Vec<Timestamp> {
        self.exemptions.ends(&connection.about(provider)).collect()
    }
}
