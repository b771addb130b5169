//! What people's acts ask of the ledger.

use super::LedgerError;
use crate::domain::action::{Act, ActPolicy, Change, OperatorName, Refusal};
use crate::domain::ids::{FindingId, PersonId};
use crate::domain::time::Timestamp;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By<'a> {
    /// whoever runs keysweep, with their name where it is known
    Operator(Option<&'a OperatorName>),
    /// a person of an account, through a link
    Person(PersonId),
}

/// The ledger as people's acts see it. Each act is one transaction, beside whatever the stages write.
pub trait ActLedger {
    /// Does `act` about a finding, where [`decide`](crate::domain::action::decide) lets it be done. `opening` is the one
    /// that the actor saw; `None` for whichever it is. What a person does holds for all findings of that rule about that
    /// key in their account that are theirs: they stood in the mail as one.
    ///
    /// Logged with the act and who did it; a refusal is not. Nothing is logged where nothing changes.
    fn perform(
        &self,
        finding: FindingId,
        opening: Option<u32>,
        by: By<'_>,
        act: Act,
        now: Timestamp,
        policy: &ActPolicy,
    ) -> impl Future<Output = Result<Result<Change, Refusal>, LedgerError>> + Send;

    /// Ends mails about low severities to a person, or has them begin again. Returns false where it was so already.
    fn mute(
        &self,
        person: PersonId,
        muted: bool,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, LedgerError>> + Send;
}
