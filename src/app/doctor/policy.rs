//! The operator's entries for some connections: those that are over, that soon will be, and that cover nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::timeout;

use super::check::{Check, Part};
use super::silence;
use crate::config::{PolicySettings, Settings};
use crate::domain::policy::{Scope, Standing};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::report::exemptions::sentence;

/// What is to be said of overrides and exemptions. A ledger that can't be read is somebody else's to tell of, and one that takes
/// longer than `limit` is told of here: then only the dates are looked at.
pub(super) async fn look(settings: &Settings, now: Timestamp, limit: Duration) -> Vec<Check> {
    let policy = &settings.policy;
    if policy.overrides.iter().next().is_none() && policy.exemptions.iter().next().is_none() {
        return Vec::new();
    }
    let (known, mut checks) = match timeout(limit, Known::of(settings)).await {
        Ok(known) => (known, Vec::new()),
        Err(_) => (Known::default(), vec![late(limit)]),
    };
    checks.extend(entries(policy, &known, now));
    checks
}

/// What the ledger says of the entries. Nothing where it can't be read.
#[derive(Debug, Default)]
struct Known {
    /// those that cover nobody
    idle: BTreeSet<Scope>,
    /// findings that are exempt, by the terms of their exemption
    findings: BTreeMap<String, u64>,
}

impl Known {
    async fn of(settings: &Settings) -> Self {
        let Ok(ledger) = Ledger::open_read_only(&settings.ledger.url).await else { return Self::default() };
        let policy = &settings.policy;
        let scopes = policy.overrides.iter().map(|entry| &entry.scope);
        let mut known = Self::default();
        for scope in scopes.chain(policy.exemptions.iter().map(|entry| &entry.scope)) {
            if matches!(ledger.covers_any(scope).await, Ok(false)) {
                known.idle.insert(scope.clone());
            }
        }
        known.findings = ledger.exempt_findings().await.unwrap_or_default();
        ledger.close().await;
        known
    }
}

fn entries(policy: &PolicySettings, known: &Known, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    for (index, entry) in policy.overrides.iter().enumerate() {
        let setting = format!("policy.override[{index}]");
        checks.push(match known.idle.contains(&entry.scope) {
            true => nobody(setting, &format!("the override for {}", entry.scope)),
            false => Check::ok(Part::Policy, setting, format!("the override for {}", entry.scope)),
        });
    }
    for (index, entry) in policy.exemptions.register(&known.findings, now).iter().enumerate() {
        let (setting, what) = (format!("policy.exempt[{index}]"), sentence(entry, now));
        checks.push(match entry.standing {
            Standing::Ended => {
                let todo = "take it out, or give it a later `until` where it is still accepted: its findings are open";
                Check::warning(Part::Policy, setting, what, todo)
            }
            _ if known.idle.contains(&entry.exemption.scope) => {
                nobody(setting, &format!("the exemption of {}", entry.terms))
            }
            Standing::EndsSoon => {
                let todo = "see to what it covers, or give it a later `until`: at its end people are told";
                Check::warning(Part::Policy, setting, what, todo)
            }
            Standing::InForce => Check::ok(Part::Policy, setting, what),
        });
    }
    checks
}

fn late(limit: Duration) -> Check {
    let what = format!("whom overrides and exemptions cover is not known, for the ledger gave {}", silence(limit));
    Check::warning(Part::Policy, "ledger.url", what, "see to the disk or the network that it is on")
}

fn nobody(setting: String, what: &str) -> Check {
    let todo = "correct it: names are compared letter by letter with those of the inventory; or take it out";
    Check::warning(Part::Policy, setting, format!("{what} covers no connection of the ledger"), todo)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::app::doctor::State;
    use crate::domain::time::days;

    #[tokio::test]
    async fn what_needs_no_ledger_is_told_where_the_ledger_takes_too_long() {
        let until = "2026-03-31T00:00:00Z";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.db");
        std::fs::write(&file, "").unwrap();
        let text = format!(
            "[ledger]\nurl = \"sqlite:{}\"\n[escrow]\nhold = \"until-proven\"\n[[inventory]]\nname = \"main\"\nkind = \"csv\"\npath = \"c.csv\"\n\
             [[policy.exempt]]\nrules = [\"secret-stale\"]\naccount = \"a\"\nreason = \"it moves\"\nuntil = \"{until}\"\n",
            file.display()
        );
        let source = crate::config::Source { name: "test.toml", text: &text };
        let (settings, _) = crate::config::read(Some(source), Path::new("/nowhere"), &[], &["kit"]).unwrap();
        let now = Timestamp::parse(until).unwrap() + days(1);
        let checks = look(&settings, now, Duration::ZERO).await;
        let told: Vec<(&str, State)> = checks.iter().map(|check| (check.setting.as_str(), check.state)).collect();
        assert_eq!(told, [("ledger.url", State::Warning), ("policy.exempt[0]", State::Warning)]);
        assert!(checks[1].what.contains("ended at"), "{}", checks[1].what);
    }
}
