//! What the rules go by, from settings and catalogue.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::config::Settings;
use crate::domain::catalogue::Provider;
use crate::domain::ids::ProviderName;
use crate::domain::policy::{Policy, RulePolicy};
use crate::providers::Catalogue;

/// Counts up where a rule's meaning changes: everything is then judged again.
const RULES_VERSION: u32 = 2;

/// All that the rules go by.
pub fn policy(settings: &Settings, catalogue: &Catalogue) -> Policy {
    let at = |provider: &Provider| {
        let wanted_kind = provider.credential.wanted_kind().map(|kind| kind.name.clone());
        let policy = settings.rule_policy(&provider.name, Some(provider.max_age()));
        (provider.name.clone(), RulePolicy { wanted_kind, ..policy })
    };
    Policy {
        usual: settings.rule_policy(&ProviderName::new(""), None), // which has no settings of its own
        providers: catalogue.iter().map(at).collect(),
        overrides: settings.policy.overrides.clone(),
        exemptions: settings.policy.exemptions.clone(),
    }
}

/// A name for everything that verdicts rest on beside facts: rules, catalogue and policy. What was judged under another
/// is due.
pub fn judged_under(policy: &Policy, catalogue: &Catalogue) -> String {
    let mut hash = Sha256::new();
    hash.update(RULES_VERSION.to_le_bytes());
    hash.update(catalogue.text());
    hash.update(format!("{policy:?}"));
    HEXLOWER.encode(&hash.finalize()[..8])
}
