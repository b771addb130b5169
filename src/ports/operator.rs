//! What whoever runs keysweep does beside the stages: from a page or the API, as from a terminal.

use futures::future::BoxFuture;

use super::LedgerError;
use crate::domain::action::{Act, Change, OperatorName, Refusal};
use crate::domain::blindness::{Blind, Scope};
use crate::domain::compromise::{Noted, Word};
use crate::domain::diff::Accepted;
use crate::domain::ids::{CredentialId, FindingId, ProviderName};
use crate::domain::time::Timestamp;

/// Does it, under the configuration in force; each time it is in the ledger, with who did it, before this resolves.
pub trait Operator: Send + Sync {
    /// The present instant, by which acts are judged and noted.
    fn now(&self) -> Timestamp;

    /// Has reminders of a finding wait, or come again.
    fn pause<'a>(
        &'a self,
        finding: FindingId,
        act: Act,
        by: Option<&'a OperatorName>,
    ) -> BoxFuture<'a, Result<Result<Change, Refusal>, LedgerError>>;

    /// Notes that a key leaked, or with `None` that it didn't after all. Returns what counts then, and whether it is news.
    fn leaked<'a>(
        &'a self,
        credential: CredentialId,
        word: Option<&'a Word>,
        by: Option<&'a OperatorName>,
    ) -> BoxFuture<'a, Result<Noted, LedgerError>>;

    /// Believes that what the last whole reading of a source no longer showed is gone. Returns what that ended;
    /// `None` where the configuration has no such source.
    fn accept<'a>(
        &'a self,
        source: &'a str,
        by: Option<&'a OperatorName>,
    ) -> BoxFuture<'a, Result<Option<Accepted>, LedgerError>>;

    /// Believes a provider again that is blind, over one protocol or all. Returns the blind periods that this ends.
    fn trust<'a>(
        &'a self,
        provider: &'a ProviderName,
        protocol: Option<&'a str>,
        by: Option<&'a OperatorName>,
    ) -> BoxFuture<'a, Result<Vec<(Scope, Blind)>, LedgerError>>;
}
