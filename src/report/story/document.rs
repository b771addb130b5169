//! The story for programs.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use super::Story;
use crate::ledger::read::{CredentialRow, CredentialUse, FindingDetail, LogOverview};
use crate::report::cases::Proof;
use crate::report::log::Entry;
use crate::report::words::{cleared, said};

/// All that the ledger has of one credential.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CredentialStory)]
pub struct StoryDocument<'s> {
    /// the credential
    credential: &'s CredentialRow,
    /// who uses it, and who did
    uses: &'s [CredentialUse],
    /// its findings
    findings: Vec<ExplainedFinding<'s>>,
    /// everything that happened to it, in the order of time
    timeline: &'s [Entry],
    /// what was left out, in sentences
    left_out: &'s [String],
    /// what was known of the event log's chain when it was last looked at
    log_audit: LogOverview,
}

/// What is known of one credential, for auditors, who are told of the findings elsewhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyEvidence)]
pub struct KeyEvidence<'s> {
    /// the credential
    credential: &'s CredentialRow,
    /// who uses it, and who did
    uses: &'s [CredentialUse],
    /// everything that happened to it, in the order of time
    timeline: &'s [Entry],
    /// what was left out, in sentences
    left_out: &'s [String],
    /// what is proven: `dead`, `dead-unsettled`, `refused`, `accepted` (when it was last asked), `none`
    proof: &'static str,
}

/// A finding, and what its rule says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExplainedFinding)]
pub struct ExplainedFinding<'s> {
    /// the finding
    #[serde(flatten)]
    detail: &'s FindingDetail,
    /// what the rule says
    why: Cow<'static, str>,
    /// what clears it
    clears: Cow<'static, str>,
}

/// A finding, and the story of its credential.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FindingStory)]
pub struct FindingStory<'s> {
    /// the finding
    finding: &'s FindingDetail,
    /// what the rule says
    why: Cow<'static, str>,
    /// what clears it
    clears: Cow<'static, str>,
    /// the story of its credential, alone in a list
    credentials: Vec<StoryDocument<'s>>,
}

impl Story {
    /// For programs.
    pub fn document(&self) -> StoryDocument<'_> {
        StoryDocument {
            credential: self.credential(),
            uses: self.uses(),
            findings: self.findings().iter().map(ExplainedFinding::of).collect(),
            timeline: self.entries(),
            left_out: self.left_out(),
            log_audit: self.audit,
        }
    }

    /// For auditors.
    pub fn evidence(&self) -> KeyEvidence<'_> {
        KeyEvidence {
            credential: self.credential(),
            uses: self.uses(),
            timeline: self.entries(),
            left_out: self.left_out(),
            proof: Proof::of(self.credential()).as_str(),
        }
    }
}

impl<'s> ExplainedFinding<'s> {
    /// Puts it into words.
    pub fn of(detail: &'s FindingDetail) -> Self {
        Self { detail, why: said(&detail.finding), clears: cleared(&detail.finding) }
    }
}

impl<'s> FindingStory<'s> {
    /// Both together; without a story where its credential is gone meanwhile.
    pub fn of(finding: &'s FindingDetail, story: Option<&'s Story>) -> Self {
        let credentials = story.map(Story::document).into_iter().collect();
        Self { finding, why: said(&finding.finding), clears: cleared(&finding.finding), credentials }
    }
}
