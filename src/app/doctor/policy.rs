//! The operator's entries for some connections: those that are over, that soon will be, and that cover nobody.

use super::check::{Check, Part};
use crate::config::Settings;
use crate::domain::policy::{Scope, Standing};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::report::exemptions::sentence;

/// What is to be said of overrides and exemptions. A ledger that can't be read is somebody else's to tell of: then only
/// the dates are looked at.
pub(super) async fn look(settings: &Settings, now: Timestamp) -> Vec<Check> {
    let policy = &settings.policy;
    if policy.overrides.iter().next().is_none() && policy.exemptions.iter().next().is_none() {
        return Vec::new();
    }
    let ledger = Ledger::open_read_only(&settings.ledger.url).await.ok();
    let mut checks = Vec::new();
    for (index, entry) in policy.overrides.iter().enumerate() {
        let setting = format!("policy.override[{index}]");
        checks.push(match covers_nobody(ledger.as_ref(), &entry.scope).await {
            true => nobody(setting, &format!("the override for {}", entry.scope)),
            false => Check::ok(Part::Policy, setting, format!("the override for {}", entry.scope)),
        });
    }
    let findings = match &ledger {
        Some(ledger) => ledger.exempt_findings().await.unwrap_or_default(),
        None => std::collections::BTreeMap::new(),
    };
    for (index, entry) in policy.exemptions.register(&findings, now).iter().enumerate() {
        let (setting, what) = (format!("policy.exempt[{index}]"), sentence(entry, now));
        checks.push(match entry.standing {
            Standing::Ended => {
                let todo = "take it out, or give it a later `until` where it is still accepted: its findings are open";
                Check::warning(Part::Policy, setting, what, todo)
            }
            _ if covers_nobody(ledger.as_ref(), &entry.exemption.scope).await => {
                nobody(setting, &format!("the exemption of {}", entry.terms))
            }
            Standing::EndsSoon => {
                let todo = "see to what it covers, or give it a later `until`: at its end people are told";
                Check::warning(Part::Policy, setting, what, todo)
            }
            Standing::InForce => Check::ok(Part::Policy, setting, what),
        });
    }
    if let Some(ledger) = ledger {
        ledger.close().await;
    }
    checks
}

async fn covers_nobody(ledger: Option<&Ledger>, scope: &Scope) -> bool {
    match ledger {
        Some(ledger) => matches!(ledger.covers_any(scope).await, Ok(false)),
        None => false,
    }
}

fn nobody(setting: String, what: &str) -> Check {
    let todo = "correct it: names are compared letter by letter with those of the inventory; or take it out";
    Check::warning(Part::Policy, setting, format!("{what} covers no connection of the ledger"), todo)
}
