//! Small things that several verbs say.

use crate::domain::belief::Liveness;
use crate::domain::facts::EndedBy;
use crate::domain::finding::{Exempt, RuleName, Severity};
use crate::domain::time::Timestamp;
use crate::ledger::read::{FindingRow, finding_name};

/// The columns of a table of findings.
pub const FINDING_COLUMNS: &[&str] =
    &["finding", "severity", "rule", "connection", "account", "provider", "liveness", "since", "mail"];

/// A finding's cells, in the order of [`FINDING_COLUMNS`].
pub fn finding_cells(row: &FindingRow) -> Vec<String> {
    vec![
        finding_name(row.id),
        row.severity.to_string(),
        row.rule.to_string(),
        connection(&row.connection_id, row.connection_name.as_deref()),
        row.account_id.clone(),
        row.provider.to_string(),
        row.liveness.to_string(),
        day(row.since),
        mail(row),
    ]
}

/// Why nobody is reminded of a finding; empty where people are, as its ladder says.
fn mail(row: &FindingRow) -> String {
    if let Some(word) = &row.exempt {
        return exempt(word);
    }
    match (&row.pause, row.pause_until) {
        _ if !row.mailed => "never".to_owned(),
        (Some(pause), Some(until)) => format!("{pause} to {}", day(until)),
        _ if row.baseline => "baseline".to_owned(),
        _ => String::new(),
    }
}

/// Until when a finding is accepted, and why.
pub fn exempt(exempt: &Exempt) -> String {
    let by = exempt.by.as_ref().map(|by| format!(" (by {by})")).unwrap_or_default();
    format!("exempt until {}: {}{by}", second(exempt.until), exempt.reason)
}

/// `id (name)`, or the id alone.
pub fn connection(id: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{id} ({})", name.chars().take(40).collect::<String>()),
        None => id.to_owned(),
    }
}

/// The day alone.
pub fn day(at: Timestamp) -> String {
    at.to_datetime().format("%Y-%m-%d").to_string()
}

/// Day and minute, in UTC.
pub fn minute(at: Timestamp) -> String {
    at.to_datetime().format("%Y-%m-%d %H:%M").to_string()
}

/// The instant as RFC 3339, to the second.
pub fn second(at: Timestamp) -> String {
    Timestamp::from_secs(at.as_secs()).to_string()
}

/// The minute, or a dash.
pub fn minute_or_dash(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), minute)
}

/// What a rule has to say, in a sentence.
pub const fn why(rule: RuleName) -> &'static str {
    match rule {
        RuleName::SecretCompromised => "The platform or the operator says that others know this key.",
        RuleName::RevocationMissing => {
            "The connection no longer uses this key, no other connection of the account does, and the provider still accepts it."
        }
        RuleName::SecretReused => {
            "The connection uses a key that an earlier connection of the same account had left behind."
        }
        RuleName::ConnectionOrphaned => "Nobody is left who made the connection, or who owns the account.",
        RuleName::SecretStale => "The secret is older than its provider's limit.",
        RuleName::RevocationUnproven => {
            "The connection no longer uses this key, and whether the provider still accepts it can't be proven."
        }
        RuleName::ConnectionBroken => "The provider refuses the key of a connection that is in use.",
        RuleName::WrongKeyKind => "The provider takes the value for another kind of key than the platform needs.",
        RuleName::SecretDue => "The secret will soon be older than its provider's limit.",
        RuleName::SecretAgeUnknown => "Only a lower bound of the secret's age is known.",
        RuleName::SecretShared => "Several open connections of the account use the same key.",
        RuleName::MixedUse => "The key that synchronises lists sends mail too: a reset stops that as well.",
        RuleName::ConnectionIdle => "Nothing has been synchronised for longer than [policy] idle_after.",
        RuleName::OwnerUnreachable => {
            "Something was found that somebody ought to be told, and nobody can be: the operator is told instead."
        }
    }
}

/// What would clear it, in a sentence.
pub const fn cure(rule: RuleName) -> &'static str {
    match rule {
        RuleName::SecretCompromised => {
            "It closes when the provider's refusal is proven, or whoever said so takes it back."
        }
        RuleName::RevocationMissing => {
            "It closes when the provider refuses the key, twice and with a positive control."
        }
        RuleName::SecretReused | RuleName::SecretStale | RuleName::SecretDue => {
            "It closes when the connection shows another secret, or ends."
        }
        RuleName::ConnectionOrphaned => {
            "It closes when an active owner is listed and the connection has another creator, or ends."
        }
        RuleName::RevocationUnproven => "It closes when the provider's refusal is proven, or the key is in use again.",
        RuleName::ConnectionBroken => "It closes when the connection shows a key that is not dead, or ends.",
        RuleName::WrongKeyKind => "It closes when the connection shows a key of the right kind, or ends.",
        RuleName::SecretAgeUnknown => {
            "It closes when the connection shows another secret, or the inventory gives secret_set_at."
        }
        RuleName::SecretShared => "It closes when at most one open connection of the account uses the key.",
        RuleName::MixedUse => "It closes when sending has a key of its own, and the inventory's used_for says so.",
        RuleName::ConnectionIdle => "It closes with the next synchronisation, or when the connection ends.",
        RuleName::OwnerUnreachable => {
            "It closes when an owner, or the member who made the connection, is listed as active and verified and takes mail, or when nothing is left to tell."
        }
    }
}

/// What ended a use, in a word.
pub const fn ended(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Deleted => "deleted",
        EndedBy::Absent => "absent from two complete snapshots",
        EndedBy::Replaced => "replaced by another secret",
        EndedBy::Identified => "a placeholder whose row got a secret",
    }
}

/// What a state means, in a sentence.
pub const fn state(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Unverified => "never answered definitely",
        Liveness::Live => "the provider accepts it",
        Liveness::Suspect => "refused, not yet confirmed",
        Liveness::Dead => "refused and confirmed",
        Liveness::Shredded => "the sealed copy is destroyed",
    }
}

/// `1 critical, 2 high` of counts by severity; `none` where there is nothing.
pub fn severities(count: impl Fn(Severity) -> u64) -> String {
    let words = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .map(|severity| (count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {severity}"));
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "none".to_owned() } else { words }
}
