//! What people ask of the ledger: read models for the command line, the first page and the metrics.
//!
//! Every list is a page: rows with numbers above `after`, ascending, at most `limit` of them, so that a caller can print
//! a million rows in flat memory. Lists for people go on from a [`Cursor`], which knows other orders too. Rows are plain
//! structs that serialise with RFC 3339 times. They hold no mail address, no secret, and of a public half only its tail.
//! Their `Deserialize` reads the ledger's packed form, not what is printed.

pub(super) mod accounts;
mod audit;
pub(super) mod closings;
pub(super) mod connections;
pub(super) mod counts;
pub(super) mod credentials;
pub(super) mod exempt;
pub(super) mod findings;
pub(super) mod in_use;
pub(super) mod log;
pub(super) mod meant;
mod moment;
pub(super) mod outbox;
pub(super) mod overview;
pub(super) mod paging;
pub(super) mod people;
mod search;
pub(super) mod sizes;
pub(super) mod tallies;
pub mod when;
pub(super) mod worst;

#[cfg(test)]
mod tests;

pub use accounts::{AccountName, KeyPage, OwnUses};
pub use audit::{LOG_AUDITED_AT, LogOverview};
pub use closings::{ClosingsOverview, OpenForOverview};
pub use connections::{ConnectionDetail, ConnectionFilter, ConnectionRow, UseRow};
pub use counts::Counts;
pub use credentials::{CredentialDetail, CredentialFilter, CredentialRow, CredentialUse, MOST_USES};
pub use findings::{
    FindingCourse, FindingDetail, FindingFilter, FindingRow, FindingState, NoticeRow, finding_name, parse_finding,
};
pub use in_use::{OldestSecrets, SecretInUse};
pub use log::{EventRow, ProblemRow, SCAN_PROBLEMS, SCAN_SOURCES, ScanDetail, ScanRow};
pub use meant::{Longer, Meant};
pub use moment::Moment;
pub use outbox::{CarriedRow, MailDetail, MailRow, MailState, PutOff};
pub use overview::{
    ActsOverview, AnswersOverview, BlindOverview, ExemptOverview, FindingsOverview, OutboxOverview, Overview,
    ProviderOverview, SourceOverview,
};
pub use paging::{Cursor, CursorError, Order, Page};
pub use people::Reader;
pub use search::Search;
pub use sizes::Counted;
pub use worst::WorstFinding;

pub use super::notify::suppressed::Suppressed;
pub use super::scans::{LEFT_BEHIND, open_count};
