//! Another master key for a ledger.

use serde_json::Map;

use super::report::chain;
use super::{AppError, build, time_by};
use crate::config::{Env, SecretRef, Settings};
use crate::domain::action::OperatorName;
use crate::escrow::MasterKey;
use crate::ledger::{Ledger, Rekeyed};
use crate::ports::probe::ProbeLedger as _;
use crate::ports::{Event, LedgerError, Progress};

/// What putting a ledger under another key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderNewKey {
    /// the id of the key that it was under
    pub old: String,
    /// the id of the key that it is under
    pub new: String,
    /// what became of the sealed copies
    pub copies: Rekeyed,
    /// whether the database's files are rid of the copies under the old key
    pub scrubbed: Scrubbed,
}

/// Whether anything of the old copies is left in the database's files. The next scan sees to what is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scrubbed {
    /// nothing is
    Done,
    /// somebody read an older state meanwhile
    Read,
    /// it could not be done, for this reason
    Failed(String),
}

impl From<Result<(), LedgerError>> for Scrubbed {
    fn from(scrub: Result<(), LedgerError>) -> Self {
        match scrub {
            Ok(()) => Self::Done,
            Err(LedgerError::Busy(_)) => Self::Read,
            Err(error) => Self::Failed(chain(&error)),
        }
    }
}

/// Puts the ledger of the settings under the key that is at `new`. Nobody else may write to it meanwhile. All of it is done, or
/// nothing. Nothing is made: where there is no ledger, or none with a key, the settings are another's.
///
/// # Errors
/// Where there is no such ledger, a key can't be had, the old one is not the ledger's, the new one is the old one, or the ledger
/// fails. Then it is under the old key.
pub async fn rekey(
    settings: &Settings,
    env: &Env,
    new: &SecretRef,
    by: Option<&OperatorName>,
    progress: &impl Progress,
) -> Result<UnderNewKey, AppError> {
    let wrong = |what: String| AppError::Setting { key: new.setting().to_owned(), what };
    let new_key = MasterKey::parse(&build::resolve(new, env)?).map_err(|error| wrong(error.to_string()))?;
    has_key(settings).await?;
    let ledger = Ledger::open(&settings.ledger.url).await?;
    let escrow = build::vault(settings, env, &ledger).await?;
    if escrow.key_id() == new_key.id() {
        return Err(wrong(
            "it is the key that the ledger is under already; make another with `openssl rand -base64 32`".to_owned(),
        ));
    }
    let (renewed, wrapped) = escrow.rekey(&new_key)?;
    ledger.chain_with(std::sync::Arc::new(escrow.log_key())).await?;
    let data = [("from", escrow.key_id()), ("to", &wrapped.key_id)];
    let who = by.map(|by| ("who", by.as_str()));
    let data = Map::from_iter(data.into_iter().chain(who).map(|(name, word)| (name.to_owned(), word.into())));
    let event =
        Event { at: time_by(&ledger).await?, kind: "ledger.rekeyed", subject: "meta:master_key".to_owned(), data };
    let reseal = |fingerprint: &_, sealed: &str| escrow.reseal(fingerprint, sealed, &renewed).ok();
    let copies = ledger.rekey((&wrapped.key_id, &wrapped.wrapped), event, reseal, progress).await?;
    // From here on the ledger is under the new key, whatever else goes wrong.
    let scrubbed = Scrubbed::from(ledger.scrub().await);
    ledger.close().await;
    Ok(UnderNewKey { old: escrow.key_id().to_owned(), new: wrapped.key_id, copies, scrubbed })
}

/// A ledger that is opened for writing is made where there is none, and so is its key.
async fn has_key(settings: &Settings) -> Result<(), AppError> {
    let ledger = Ledger::open_read_only(&settings.ledger.url).await?;
    let key = ledger.wrapped_key().await?;
    ledger.close().await;
    key.map(drop).ok_or_else(|| AppError::Setting {
        key: "ledger.url".to_owned(),
        what: "it names a ledger that nothing was sealed in yet, so there is no key to change; see that it is the right one"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_readers_are_called_readers() {
        let full =
            || LedgerError::Database { doing: "empty the journal", source: Box::new(std::io::Error::other("no room")) };
        assert_eq!(Scrubbed::from(Ok(())), Scrubbed::Done);
        assert_eq!(Scrubbed::from(Err(LedgerError::Busy("x".to_owned()))), Scrubbed::Read);
        let Scrubbed::Failed(why) = Scrubbed::from(Err(full())) else { panic!("the disk is full") };
        assert!(why.contains("no room"), "{why}");
    }
}
