//! What the operator says of some connections, in the place of what holds at their provider.
//!
//! Each setting is decided for itself: of the entries that cover a connection and name the setting, the most particular one
//! ([`Scope::rank`]). Two of the same rank can only cover one connection by two of its tags; then the stricter one holds.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::time::Duration;

use super::RulePolicy;
use super::scope::{About, Scope};

/// One entry; a setting that is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// which connections it is about
    pub scope: Scope,
    /// see [`RulePolicy::max_age`]; shorter is stricter
    pub max_age: Option<Duration>,
    /// see [`RulePolicy::warn_before`]; longer is stricter
    pub warn_before: Option<Duration>,
    /// see [`RulePolicy::idle_after`]; shorter is stricter
    pub idle_after: Option<Duration>,
    /// see [`RulePolicy::history`]; longer is stricter: less is left untold
    pub history: Option<Duration>,
}

/// All entries, in the file's order, which decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(Vec<Override>);

impl Overrides {
    /// These entries.
    pub const fn new(entries: Vec<Override>) -> Self {
        Self(entries)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Override> {
        self.0.iter()
    }

    /// Whether any of them sets when a connection is idle.
    pub fn know_idleness(&self) -> bool {
        self.0.iter().any(|entry| entry.idle_after.is_some())
    }

    /// What holds where `usual` would without them.
    pub(super) fn apply<'p>(&self, about: &About<'_>, usual: &'p RulePolicy) -> Cow<'p, RulePolicy> {
        let fitting: Vec<&Override> = self.0.iter().filter(|entry| entry.scope.covers(about)).collect();
        if fitting.is_empty() {
            return Cow::Borrowed(usual);
        }
        let mut policy = usual.clone();
        if let Some((limit, scope)) = decided(&fitting, |entry| entry.max_age, Reverse) {
            (policy.max_age, policy.max_age_from) = (limit, Some(scope.clone()));
        }
        let warn_before = decided(&fitting, |entry| entry.warn_before, |span| span);
        policy.warn_before = warn_before.map_or(policy.warn_before, |(span, _)| span);
        let idle_after = decided(&fitting, |entry| entry.idle_after, Reverse);
        policy.idle_after = idle_after.map(|(span, _)| span).or(policy.idle_after);
        let history = decided(&fitting, |entry| entry.history, |span| span);
        policy.history = history.map_or(policy.history, |(span, _)| span);
        Cow::Owned(policy)
    }
}

/// The value of one setting and who sets it: by rank, then by strictness, then (to name one of two that say the same) by
/// the scope's own order.
fn decided<'e, S: Ord>(
    fitting: &[&'e Override],
    of: impl Fn(&Override) -> Option<Duration>,
    strictness: impl Fn(Duration) -> S,
) -> Option<(Duration, &'e Scope)> {
    let set = fitting.iter().filter_map(|entry| Some((of(entry)?, &entry.scope)));
    set.max_by_key(|(value, scope)| (scope.rank(), strictness(*value), Reverse(*scope)))
}
