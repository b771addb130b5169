//! Who was told what, as far as a visitor may know it: the one line that pages and API draw.

use super::access::{Right, Visitor};
use crate::domain::ids::CredentialId;
use crate::ledger::read::{FindingDetail, Moment};
use crate::ports::LedgerError;
use crate::report::story::Story;

/// A finding; without its notices for who may not see who was told.
pub(super) fn finding(mut detail: FindingDetail, visitor: &Visitor) -> FindingDetail {
    if !visitor.role.may(Right::Audit) {
        detail.notices.clear();
    }
    detail
}

/// A credential's story for programs, to which people are the ledger's numbers; `None` where there is no such credential. Who
/// may not see who was told reads of nobody.
///
/// # Errors
/// [`LedgerError`], as for every reading.
pub(super) async fn story_in_numbers(
    moment: &mut Moment,
    id: CredentialId,
    visitor: &Visitor,
) -> Result<Option<Story>, LedgerError> {
    match visitor.role.may(Right::Audit) {
        true => Story::of_numbers(moment, id).await,
        false => Story::of_nobody(moment, id).await,
    }
}

/// The same for people, who read of others as the platform names them, with their addresses masked.
///
/// # Errors
/// [`LedgerError`], as for every reading.
pub(super) async fn story(
    moment: &mut Moment,
    id: CredentialId,
    visitor: &Visitor,
) -> Result<Option<Story>, LedgerError> {
    match visitor.role.may(Right::Audit) {
        true => Story::of(moment, id).await,
        false => Story::of_nobody(moment, id).await,
    }
}
