//! Whether the event log is as it was written.

use std::sync::{Mutex, PoisonError};

use serde_json::Map;

use super::{App, AppError, build};
use crate::config::{Env, Settings};
use crate::domain::chain::{Broken, Link, Verifier};
use crate::ledger::Ledger;
use crate::ledger::read::{Counted, LOG_AUDITED_AT};
use crate::ports::notary::Notary;
use crate::ports::{Clock, Event, LedgerError, Progress};

/// Links read at a time.
const PAGE: usize = 1_000;

/// A log that was found as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// how many links its chain has
    pub links: u64,
    /// entries under a link
    pub entries: u64,
    /// the last link: noted elsewhere, it shows later that nothing was cut off since
    pub head: Option<Link>,
    /// entries that nobody vouches for yet
    pub unlinked: u64,
}

/// Goes along the whole chain. `noted` is a head that was noted before. `None` where it was told to stop on the way.
///
/// # Errors
/// Where the ledger can't be read. A log that is not as it was written is a finding, not an error.
pub async fn verify(
    ledger: &Ledger,
    notary: &dyn Notary,
    noted: Option<Link>,
    progress: &impl Progress,
) -> Result<Option<Result<Verified, Broken>>, LedgerError> {
    let (mut verifier, mut links, mut entries) = (Verifier::looking_for(noted), 0, 0);
    progress.stage("audit", None);
    loop {
        let page = ledger.links(verifier.after(), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for link in page {
            if progress.stopping() {
                return Ok(None);
            }
            let covered = ledger.entries_between(verifier.after(), link.up_to).await?;
            if let Err(broken) = verifier.take(link, covered.as_deref(), |bytes| notary.mac(bytes)) {
                progress.done();
                return Ok(Some(Err(broken)));
            }
            let count = covered.map_or(0, |covered| covered.len() as u64);
            (links, entries) = (links + 1, entries + count);
            progress.advance(count);
        }
    }
    progress.done();
    if let Some(stray) = ledger.stray().await? {
        return Ok(Some(Err(Broken::Stray(stray))));
    }
    let unlinked = ledger.unlinked().await?;
    if links == 0 && unlinked == 0 && ledger.how_many(Counted::Findings).await? > 0 {
        return Ok(Some(Err(Broken::Emptied)));
    }
    Ok(Some(verifier.end().map(|head| Verified { links, entries, head, unlinked })))
}

/// The same, of the ledger that the settings name, read beside whoever writes to it.
///
/// # Errors
/// Where the ledger can't be read, or the master key can't be had or is not this ledger's.
pub async fn verify_settings(
    settings: &Settings,
    env: &Env,
    ledger: &Ledger,
    noted: Option<Link>,
    progress: &impl Progress,
) -> Result<Option<Result<Verified, Broken>>, AppError> {
    if ledger.wrapped_key().await?.is_none() {
        return Ok(Some(keyless(ledger, noted).await?));
    }
    let vault = build::vault(settings, env, ledger).await?;
    Ok(verify(ledger, &vault.log_key(), noted, progress).await?)
}

/// A ledger without its own key has no log that anybody vouched for: nothing ever ran. Where it has one all the same, or one was
/// noted, the key was taken away, which whoever owns the database can do.
async fn keyless(ledger: &Ledger, noted: Option<Link>) -> Result<Result<Verified, Broken>, LedgerError> {
    if let Some(noted) = noted {
        return Ok(Err(Broken::Head(noted)));
    }
    if !ledger.links(0, 1).await?.is_empty() {
        return Ok(Err(Broken::Key));
    }
    if let Some(stray) = ledger.stray().await? {
        return Ok(Err(Broken::Stray(stray)));
    }
    Ok(Ok(Verified { links: 0, entries: 0, head: None, unlinked: ledger.unlinked().await? }))
}

impl<C: Clock> App<C> {
    /// Goes along the log's chain, and has everybody told where it is broken: once for each time that it is found so. Told to
    /// stop on the way, it notes nothing.
    ///
    /// # Errors
    /// Where the ledger fails.
    pub async fn audit(&self, progress: &impl Progress) -> Result<(), LedgerError> {
        let found = verify(&self.ledger, &self.vault.log_key(), self.noted.get(), progress).await?;
        let Some(found) = found else { return Ok(()) };
        let now = self.clock.now();
        let (kind, data) = match &found {
            Ok(verified) => {
                let head = verified.head.map(|head| head.to_string()).unwrap_or_default();
                tracing::info!(entries = verified.entries, head, "the event log is as it was written");
                self.noted.set(verified.head);
                ("log.whole", Map::new())
            }
            Err(broken) => {
                tracing::error!(reason = broken.to_string(), "the event log is not as it was written");
                ("log.broken", Map::from_iter([("why".to_owned(), broken.to_string().into())]))
            }
        };
        let event = Event { at: now, kind, subject: "meta:log".to_owned(), data };
        self.ledger.note_trouble("log", found.is_err(), event).await?;
        self.ledger.set(LOG_AUDITED_AT, &now.as_millis().to_string()).await
    }

    /// Writes the log's head where the log itself can't be reached: to the daemon's own, and into its memory, for the next
    /// audit.
    ///
    /// # Errors
    /// Where the ledger fails.
    pub async fn note_head(&self) -> Result<(), LedgerError> {
        let Some(head) = self.ledger.log_head().await? else { return Ok(()) };
        tracing::info!(head = head.to_string(), "the head of the event log; `keysweep audit verify --head` takes it");
        // Else a log that was cut off and has grown since would pass for whole.
        if self.has_noted_head().await? {
            self.noted.set(Some(head));
        }
        Ok(())
    }

    /// Whether the head that was noted last is still in the log.
    async fn has_noted_head(&self) -> Result<bool, LedgerError> {
        let Some(noted) = self.noted.get() else { return Ok(true) };
        let next = self.ledger.links(noted.up_to - 1, 1).await?;
        Ok(next.first() == Some(&noted))
    }
}

/// The last head of the log that this process told of, or found when it went along the whole chain. Nobody who has only the
/// database can change it.
#[derive(Debug, Default)]
pub(super) struct Noted(Mutex<Option<Link>>);

impl Noted {
    fn get(&self) -> Option<Link> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, head: Option<Link>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }
}
