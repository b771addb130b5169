//! What the operator accepts for a while, as every report lists it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::cases::About;
use crate::domain::policy::{Exempted, Exemption, Exemptions, Standing};
use crate::domain::time::{Timestamp, words};

/// An exemption as programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExemptionRow {
    /// what it covers, in words
    pub terms: String,
    /// findings of which rules
    pub rules: Vec<&'static str>,
    /// of which connection; `None` for any, as for the next four
    pub connection_id: Option<String>,
    /// of which account
    pub account_id: Option<String>,
    /// with which tag
    pub tag: Option<String>,
    /// at which provider
    pub provider: Option<String>,
    /// of which source
    pub source: Option<String>,
    /// why, in the operator's words
    pub reason: String,
    /// who accepted it
    pub by: Option<String>,
    /// the first instant at which it no longer holds, as RFC 3339
    pub until: String,
    /// `in_force`, `ends_soon` or `ended`
    pub standing: &'static str,
    /// findings that are exempt by it
    pub findings: u64,
}

/// The list of exemptions that every report has. `findings` counts what is exempt, by the terms that findings remember.
pub fn listed(exemptions: &Exemptions, findings: &BTreeMap<String, u64>, now: Timestamp) -> Vec<ExemptionRow> {
    exemptions.register(findings, now).into_iter().map(ExemptionRow::of).collect()
}

/// The same in sentences, for people; those that hold and those that are over.
pub fn sentences(exemptions: &Exemptions, findings: &BTreeMap<String, u64>, now: Timestamp) -> Vec<String> {
    exemptions.register(findings, now).iter().map(|entry| sentence(entry, now)).collect()
}

/// One exemption in a sentence: what it covers, until when, why, by whom, and how many findings that are.
pub fn sentence(entry: &Exempted<'_>, now: Timestamp) -> String {
    let exemption = entry.exemption;
    let until = exemption.until;
    let end = match entry.standing {
        Standing::InForce => format!("until {until}"),
        Standing::EndsSoon => format!("until {until}, which is soon (in {})", left(until, now)),
        Standing::Ended => format!("ended at {until}"),
    };
    let by = exemption.by.as_ref().map(|by| format!(" (by {by})")).unwrap_or_default();
    let count = match entry.findings {
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    };
    format!("{}, {end}: {}{by}; {count}", entry.terms, exemption.reason)
}

/// In whole days, else in whole hours.
fn left(until: Timestamp, now: Timestamp) -> String {
    const HOUR: u64 = 3_600;
    let hours = until.since(now).as_secs() / HOUR;
    let whole = if hours < 24 { hours.max(1) } else { hours / 24 * 24 };
    words(std::time::Duration::from_secs(whole * HOUR))
}

impl ExemptionRow {
    fn of(entry: Exempted<'_>) -> Self {
        let exemption = entry.exemption;
        let scope = exemption.scope.clone();
        Self {
            terms: entry.terms,
            rules: exemption.rules.iter().map(|rule| rule.as_str()).collect(),
            connection_id: scope.connection,
            account_id: scope.account,
            tag: scope.tag,
            provider: scope.provider.map(|provider| provider.to_string()),
            source: scope.source,
            reason: exemption.reason.clone(),
            by: exemption.by.clone(),
            until: exemption.until.to_string(),
            standing: entry.standing.as_str(),
            findings: entry.findings,
        }
    }
}

/// What a report may list. One about an account has what names that account, and what covers a finding of the report, counted
/// in `findings` by its terms: the operator's reasons for what is none of that customer's are not theirs to know. One about a
/// source has nothing that names another.
pub fn of_scope(exemptions: &Exemptions, about: &About, findings: &BTreeMap<String, u64>) -> Exemptions {
    let is_elsewhere = |entry: &Exemption| match (about.source(), &entry.scope.source) {
        (Some(source), Some(named)) => source != named,
        _ => false,
    };
    let is_theirs = |entry: &Exemption| {
        let Some(account) = about.account() else { return true };
        let names_account = entry.scope.account.as_ref() == Some(&account.id);
        names_account || findings.get(&entry.terms()).is_some_and(|count| *count > 0)
    };
    let kept = exemptions.iter().filter(|entry| !is_elsewhere(entry) && is_theirs(entry));
    Exemptions::new(kept.cloned().collect())
}
