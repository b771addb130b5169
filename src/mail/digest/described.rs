//! One item of a digest as its own page shows it.

use super::{Item, compose};
use crate::domain::time::Timestamp;
use crate::mail::render::MailSettings;
use crate::ports::links::Described;
use crate::ports::notify::ClaimedMail;

/// The first item of what a mail would say.
///
/// # Errors
/// As [`compose`]; and where the mail says nothing.
pub(in crate::mail) fn described(
    mail: &ClaimedMail,
    settings: &MailSettings,
    now: Timestamp,
) -> Result<Described, String> {
    let digest = compose(mail, settings, now)?;
    let platform = digest.platform;
    let item = digest.items.into_iter().next().ok_or_else(|| "there is nothing to say of it".to_owned())?;
    let Item { provider, heading, what, why, key, age, connections, minds, path, link, old_value, steps, .. } = item;
    let why = why.to_owned();
    Ok(Described { heading, platform, provider, what, why, key, age, connections, minds, path, link, old_value, steps })
}
