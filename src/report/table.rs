//! The rows of a report for spreadsheets: one a finding.

use super::cases::{Proof, Told};
use super::nhi::Nhi;
use crate::domain::time::Timestamp;
use crate::ledger::read::{FindingDetail, finding_name};

/// The columns, in their order. New ones come behind the last.
pub const COLUMNS: [&str; 32] = [
    "finding",
    "rule",
    "severity",
    "owasp_nhi",
    "state",
    "source",
    "connection_id",
    "connection_name",
    "account_id",
    "provider",
    "credential",
    "liveness",
    "since",
    "opened_at",
    "opening",
    "closed_at",
    "closed_why",
    "secret_since",
    "secret_since_from",
    "last_accepted_at",
    "first_refused_at",
    "last_refused_at",
    "died_at",
    "proof",
    "copy_held",
    "first_told_at",
    "last_told_at",
    "notices_sent",
    "notices_maybe_sent",
    "exempt_until",
    "exempt_reason",
    "exempt_by",
];

/// A finding's cells, in the order of [`COLUMNS`]; empty where nothing is known.
pub fn cells(detail: &FindingDetail) -> [String; 32] {
    let (finding, course, key) = (&detail.finding, &detail.course, &detail.credential_now);
    let (told, exempt) = (Told::of(detail), finding.exempt.as_ref());
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    [
        finding_name(finding.id),
        finding.rule.to_string(),
        finding.severity.to_string(),
        Nhi::of(finding.rule).map_or("", Nhi::id).to_owned(),
        finding.state.as_str().to_owned(),
        finding.source.clone(),
        finding.connection_id.clone(),
        finding.connection_name.clone().unwrap_or_default(),
        finding.account_id.clone(),
        finding.provider.to_string(),
        finding.credential.clone(),
        finding.liveness.to_string(),
        finding.since.to_string(),
        finding.opened_at.to_string(),
        course.opening.to_string(),
        at(finding.closed_at),
        course.closed_why.clone().unwrap_or_default(),
        key.secret_since.to_string(),
        key.provenance.as_str().to_owned(),
        at(key.accepted_at),
        at(key.refused_first),
        at(key.refused_last),
        at(key.died_at),
        Proof::of(key).as_str().to_owned(),
        if key.held { "yes" } else { "no" }.to_owned(),
        at(told.first),
        at(told.last),
        told.count.to_string(),
        told.maybe.to_string(),
        at(exempt.map(|word| word.until)),
        exempt.map(|word| word.reason.clone()).unwrap_or_default(),
        exempt.and_then(|word| word.by.clone()).unwrap_or_default(),
    ]
}
