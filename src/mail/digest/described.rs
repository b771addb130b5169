//! One item of a digest as its own page shows it.

use super::Digest;
use crate::ports::links::Described;

/// The first item of what a mail would say.
///
/// # Errors
/// Where the mail says nothing.
pub(in crate::mail) fn described(digest: Digest<'_>) -> Result<Described, String> {
    let platform = digest.platform.to_owned();
    let item = digest.items.into_iter().next().ok_or_else(|| "there is nothing to say of it".to_owned())?;
    Ok(Described { platform, ..item.into_described() })
}
