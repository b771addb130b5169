//! Links, kept by the ledger before a mail that has them can arrive.

use std::time::Duration;

use crate::domain::finding::Severity;
use crate::domain::time::{Timestamp, days};
use crate::ports::LedgerError;
use crate::ports::links::{KeptLink, LinkLedger, Links};
use crate::ports::notify::{Audience, ClaimedMail};

/// Whoever finds an old mail must still be able to end such mails.
const UNSUBSCRIBE_LIFE: Duration = days(365);

/// Gives every notice of a mail the link to its page, and a mail of low severity throughout the one that ends such mails.
/// The security contact gets none: a link acts for a person of the account.
pub(super) async fn add(
    ledger: &impl LinkLedger,
    links: Option<&dyn Links>,
    mail: &mut ClaimedMail,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let Some(links) = links.filter(|_| mail.audience == Audience::Account) else { return Ok(()) };
    let mut kept = Vec::with_capacity(mail.notices.len() + 1);
    for notice in mail.notices.iter_mut().filter(|notice| !notice.closing) {
        let issued = links.action(mail.id, mail.person, notice.finding);
        kept.push(KeptLink { hash: issued.hash, finding: Some(notice.finding), until: now + links.life() });
        notice.link = Some(issued.link);
    }
    if !mail.notices.is_empty() && mail.notices.iter().all(|notice| notice.severity == Severity::Low) {
        let issued = links.unsubscribe(mail.id, mail.person);
        kept.push(KeptLink { hash: issued.hash, finding: None, until: now + UNSUBSCRIBE_LIFE });
        mail.unsubscribe = Some(issued.link);
    }
    if kept.is_empty() { Ok(()) } else { ledger.keep_links(mail.id, mail.person, &kept).await }
}
