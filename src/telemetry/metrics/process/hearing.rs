//! How providers were heard, in words: what the daemon tells people of them is the same fact that the metric has.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::ProviderName;

/// How providers were last heard, by name: `Ok` where they answer, else why they are said not to.
pub type Heard = BTreeMap<ProviderName, Result<(), String>>;

/// How each provider was heard that was asked.
#[derive(Default)]
pub(super) struct Hearing(Mutex<Heard>);

impl Hearing {
    pub(super) fn note(&self, provider: &ProviderName, heard: Result<(), &str>) {
        self.heard().insert(provider.clone(), heard.map_err(str::to_owned));
    }

    /// Forgets all but these. Returns whom it has forgotten.
    pub(super) fn forget(&self, all_but: impl Fn(&ProviderName) -> bool) -> Vec<ProviderName> {
        self.heard().extract_if(.., |name, _| !all_but(name)).map(|(name, _)| name).collect()
    }

    pub(super) fn all(&self) -> Heard {
        self.heard().clone()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // a panic elsewhere leaves it whole: every change to it is a single step
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
