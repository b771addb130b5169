//! The parts of the evidence pack, as programs read them.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use super::Head;
use crate::domain::time::Timestamp;
use crate::ledger::read::{FindingCourse, FindingDetail, FindingRow, LogOverview, NoticeRow, when};
use crate::report::cases::{Line, Tally};
use crate::report::exemptions::ExemptionRow;
use crate::report::nhi::Nhi;
use crate::report::story::KeyEvidence;
use crate::report::words::{cleared, said};

/// The evidence pack: what was live when, who was told when, and what proves that a key is dead.
#[derive(ToSchema)]
#[schema(as = EvidencePack)]
#[expect(dead_code, reason = "the document's name for what is written part by part, as it is read")]
pub struct EvidencePack<'p> {
    /// what the report says of itself
    report: ReportHead<'p>,
    /// the findings that it is about, in the order of their numbers
    findings: Vec<ReportedFinding<'p>>,
    /// the keys that it is about, in the order of their numbers
    credentials: Vec<KeyEvidence<'p>>,
    /// the findings counted by the OWASP risk that they speak of; behind those the ones that speak of none
    owasp_nhi: Vec<RiskRow>,
    /// what the operator accepts for a while
    exemptions: Vec<ExemptionRow>,
}

/// What a report says of itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportHead)]
pub struct ReportHead<'p> {
    /// when it was begun
    #[serde(serialize_with = "when::text")]
    generated_at: Timestamp,
    /// the version of keysweep
    keysweep: &'p str,
    /// the ledger's own name
    ledger: &'p str,
    /// the head of the event log: `keysweep audit verify --head` shows later that nothing was cut off or rewritten since
    log_head: Option<String>,
    /// what was known of the event log's chain when it was last looked at: where it is broken, this is no evidence
    log_audit: LogOverview,
    /// what it is about
    scope: ReportScope<'p>,
}

/// What a report is about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportScope)]
pub struct ReportScope<'p> {
    /// the account with this id on the platform; `None` for all
    account_id: Option<&'p str>,
    /// the source of this name; `None` for all
    source: Option<&'p str>,
    /// findings that closed before are left out
    #[serde(serialize_with = "when::maybe")]
    since: Option<Timestamp>,
    /// true where closed findings are left out
    open_only: bool,
}

/// A finding with who was told; what happened to its key is told with the key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportedFinding)]
pub struct ReportedFinding<'p> {
    /// the finding
    finding: &'p FindingRow,
    /// the rest of its own row
    #[serde(flatten)]
    course: &'p FindingCourse,
    /// who was told what, oldest first
    notices: &'p [NoticeRow],
    /// what the rule says
    why: Cow<'static, str>,
    /// what clears it
    clears: Cow<'static, str>,
    /// the OWASP risk that it speaks of, such as `NHI1:2025`
    owasp_nhi: Option<&'static str>,
}

/// The findings that speak of one risk, counted.
#[derive(Debug, Serialize, ToSchema)]
pub struct RiskRow {
    /// its number and year; `None` for those that speak of none
    id: Option<&'static str>,
    /// its title
    title: &'static str,
    /// the counts
    #[serde(flatten)]
    counts: Line,
}

impl<'p> ReportHead<'p> {
    /// For programs.
    pub fn of(head: &Head<'p>) -> Self {
        let Head { now, version, ledger_id, log, audit, scope, .. } = head;
        Self {
            generated_at: *now,
            keysweep: version,
            ledger: ledger_id,
            log_head: log.map(|link| link.to_string()),
            log_audit: *audit,
            scope: ReportScope {
                account_id: scope.about.account().map(|account| account.id.as_str()),
                source: scope.about.source(),
                since: scope.since,
                open_only: scope.open_only,
            },
        }
    }
}

impl<'p> ReportedFinding<'p> {
    /// With what its rule says.
    pub fn of(detail: &'p FindingDetail) -> Self {
        let FindingDetail { finding, course, notices, .. } = detail;
        let rule = finding.rule;
        Self {
            finding,
            course,
            notices,
            why: said(finding),
            clears: cleared(finding),
            owasp_nhi: Nhi::of(rule).map(Nhi::id),
        }
    }
}

impl RiskRow {
    /// The counts by risk.
    pub fn all(tally: &Tally) -> Vec<Self> {
        let row = |(risk, counts): (Option<Nhi>, Line)| Self {
            id: risk.map(Nhi::id),
            title: risk.map_or("none of the ten", Nhi::title),
            counts,
        };
        tally.lines().map(row).collect()
    }
}
