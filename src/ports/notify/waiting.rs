//! Whether mail leaves, who waits for it, and why.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::belief::Belief;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{NoticeId, PersonId, ScanId};
use crate::domain::time::Timestamp;

/// Whether mail may leave (DESIGN.md 9: nothing is mailed by accident).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailMode {
    /// who would get what is shown, nothing is planned
    Preview,
    /// at most so many people who were never written to are told in a run, until everybody has been once
    Ramp {
        /// at least one
        people: u32,
    },
    /// nothing is planned until a whole scan has shown what there is; that is recorded and not told
    Baseline,
    /// mail leaves
    Released,
}

impl MailMode {
    /// True where mail leaves, if only a few at a time.
    pub const fn lets_leave(self) -> bool {
        matches!(self, Self::Ramp { .. } | Self::Released)
    }
}

/// Whose notices are to be formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// everybody's, in this run
    Everybody(ScanId),
    /// those people's whom an earlier run put off until now
    PutOff,
}

/// Somebody whose notices are in no mail yet.
#[derive(Clone, Debug)]
pub struct WaitingReader {
    /// who
    pub person: PersonId,
    /// their address as it stands: the same one may be several people's
    pub email: String,
    /// IANA time zone
    pub timezone: Option<String>,
    /// true where a mail was ever formed for them
    pub told_before: bool,
    /// when that address last got mails, within a day; a mail that is on its way counts as of now
    pub lately: Vec<Timestamp>,
    /// the run that their digest is of: the one that put them off, else the present one
    pub run: ScanId,
    /// what they are to be told, worst first
    pub notices: Vec<WaitingNotice>,
}

/// A notice that is in no mail yet.
#[derive(Clone, Debug)]
pub struct WaitingNotice {
    /// the ledger's number
    pub id: NoticeId,
    /// true for the note that ends a tombstone
    pub closing: bool,
    /// its finding's rule
    pub rule: RuleName,
    /// how bad that is
    pub severity: Severity,
    /// what is believed of its credential
    pub belief: Belief,
}

/// What becomes of people who have notices waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formed {
    /// a mail each
    pub digests: Vec<Digest>,
    /// put off
    pub waits: Vec<Wait>,
}

/// One mail to be formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// to whom
    pub person: PersonId,
    /// in which run
    pub run: ScanId,
    /// what it says
    pub notices: Vec<NoticeId>,
}

/// Somebody whose digest is put off. What is new until then joins it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// who
    pub person: PersonId,
    /// the run that puts them off: their digest is its
    pub run: ScanId,
    /// until when; `None` for the next run
    pub until: Option<Timestamp>,
    /// why
    pub why: WaitReason,
}

/// Why a digest is put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaitReason {
    /// their address had as many mails in a day as it may
    Cap,
    /// the provider refuses the key, which is not confirmed yet
    Held,
    /// it is a quiet hour of theirs, or a quiet day
    Quiet,
    /// others come first in this run
    Ramp,
}

impl WaitReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Cap, Self::Held, Self::Quiet, Self::Ramp];

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cap => "cap",
            Self::Held => "held",
            Self::Quiet => "quiet",
            Self::Ramp => "ramp",
        }
    }
}
