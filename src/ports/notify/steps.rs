//! Steps of the ladder: those that are due, and those that are taken.

use crate::domain::belief::Belief;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{AccountId, CredentialId, FindingId, PersonId, ProviderName};
use crate::domain::routing::Reader;
use crate::domain::time::Timestamp;

/// A finding whose next step is due, or whose reset window is over: one of `due_at` and `window_over` has come.
#[derive(Clone, Debug)]
pub struct StepDue {
    /// the finding
    pub finding: FindingId,
    /// its rule
    pub rule: RuleName,
    /// how bad it is
    pub severity: Severity,
    /// its opening number
    pub opening: u32,
    /// when this opening began: day 0 of the ladder
    pub opened_at: Timestamp,
    /// the step last taken in this opening, counted from 0
    pub last_step: Option<u32>,
    /// the greatest step of this opening that anybody was to be told: beyond the last one taken where that is due once more
    pub told_step: Option<u32>,
    /// when the ladder's next step is due; `None` where it has none left
    pub due_at: Option<Timestamp>,
    /// when the window ended in which the provider's refusal was to be confirmed, because somebody said that the secret
    /// was reset; `None` where nobody did, or it was answered for
    pub window_over: Option<Timestamp>,
    /// when another secret of the same key came to the account, as far as is known; `None` where none did
    pub replaced_at: Option<Timestamp>,
    /// the provider
    pub provider: ProviderName,
    /// the account that it concerns
    pub account: AccountId,
    /// the credential that it is about
    pub credential: CredentialId,
    /// what is believed of it
    pub belief: Belief,
    /// whether a sealed copy is held, so that it can be asked again
    pub held: bool,
    /// the account's owners, and the person who made the connection
    pub people: Vec<Candidate>,
}

/// Somebody who might be told.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// the ledger's number
    pub id: PersonId,
    /// what decides whether they are
    pub reader: Reader,
}

/// A step that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTaken {
    /// the finding
    pub finding: FindingId,
    /// its opening number
    pub opening: u32,
    /// which step
    pub step: u32,
    /// who is told
    pub people: Vec<PersonId>,
    /// when the next one is due; `None` for never
    pub next_step_at: Option<Timestamp>,
}
