//! Where mails come back to, and what keeps those that did.

use super::LedgerError;
use crate::domain::bounce::{Consequence, Failure};
use crate::domain::ids::MailId;
use crate::domain::record::Address;
use crate::domain::time::Timestamp;

/// Makes the addresses that mails come back to.
pub trait ReturnAddresses {
    /// The one for this mail, handed in at `now`. `None` where it is the usual sender's.
    fn of(&self, mail: MailId, now: Timestamp) -> Option<Address>;
}

/// The ledger as it learns that mails came back.
pub trait BounceLedger {
    /// That this mail came back, in one transaction with all that follows: the address is left alone until `until`, what
    /// the mail said is due once more for the next in line, and the log has it. Returns what followed; `None` where there
    /// is no such mail.
    fn came_back(
        &self,
        now: Timestamp,
        mail: MailId,
        failure: &Failure,
        until: Timestamp,
    ) -> impl Future<Output = Result<Option<Consequence>, LedgerError>>;
}
