//! The operator's word that a value leaked, or that it didn't after all.

use serde::Deserialize;
use serde_json::Map;

use super::session::Session;
use super::sql::Sql;
use super::{Ledger, act, due};
use crate::domain::action::OperatorName;
use crate::domain::compromise::{Noted, Word};
use crate::domain::facts::{Compromise, SaidBy};
use crate::domain::ids::CredentialId;
use crate::domain::time::Timestamp;
use crate::ports::meter::{ActName, ActOutcome};
use crate::ports::{Event, LedgerError};

impl Ledger {
    /// Notes that a credential leaked, or with `None` that nobody says so any more, and makes its connections due for
    /// judging, in whatever account they are. What the word leaves open stays as it is known. Returns what counts then, and
    /// whether it is news: what was known already is not written, but that it was said is.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn compromise(
        &self,
        credential: CredentialId,
        word: Option<&Word>,
        now: Timestamp,
        by: Option<&OperatorName>,
    ) -> Result<Noted, LedgerError> {
        let mut tx = self.write("note that a key leaked").await?;
        let known: Vec<Noting> = tx.rows("credential", &KNOWN, [credential.0.into()]).await?;
        let stands = word.map(|word| word.beside(known.into_iter().find_map(Noting::leak), now));
        if !note(&mut tx, credential, stands.as_ref()).await? {
            act::count(&mut tx, ActName::Compromised, ActOutcome::Nothing).await?;
            tx.commit().await?;
            return Ok(Noted { stands, changed: false });
        }
        act::count(&mut tx, ActName::Compromised, ActOutcome::Done).await?;
        due::by_credential(&mut tx, &[credential], now).await?;
        let mut data = Map::new();
        if let Some(leak) = &stands {
            data.insert("compromised_at".to_owned(), leak.at.to_string().into());
            data.extend(leak.note.as_deref().map(|note| ("note".to_owned(), note.into())));
        }
        data.extend(by.map(|who| ("who".to_owned(), who.as_str().into())));
        let kind = if stands.is_some() { "credential.compromised" } else { "credential.not_compromised" };
        tx.log(&[Event { at: now, kind, subject: format!("credential:{credential}"), data }]).await?;
        tx.commit().await?;
        Ok(Noted { stands, changed: true })
    }
}

/// What the ledger has noted of a value's leak.
#[derive(Deserialize)]
pub(super) struct Noting {
    at: Option<Timestamp>,
    by: Option<SaidBy>,
    note: Option<String>,
}

impl Noting {
    /// The leak, where one is noted.
    pub(super) fn leak(self) -> Option<Compromise> {
        Some(Compromise { at: self.at?, by: self.by?, note: self.note })
    }
}

/// Writes who says since when that a value leaked; with `None`, that nobody does. Returns false where that was known.
pub(super) async fn note(
    tx: &mut Session,
    credential: CredentialId,
    leak: Option<&Compromise>,
) -> Result<bool, LedgerError> {
    let at = leak.map(|leak| leak.at);
    let (by, note) = (leak.map(|leak| leak.by.as_str()), leak.and_then(|leak| leak.note.as_deref()));
    Ok(tx.run(&NOTE, [credential.0.into(), at.into(), by.into(), note.into()]).await? > 0)
}

pub(super) const KNOWN: Sql =
    sql!("SELECT " [page "compromised_at, compromised_by, compromised_note"] " FROM credential WHERE id = $1");

pub(super) const NOTE: Sql = sql!(
    "UPDATE credential SET compromised_at = $2, compromised_by = $3, compromised_note = $4
     WHERE id = $1 AND (compromised_at IS DISTINCT FROM $2 OR compromised_by IS DISTINCT FROM $3
                        OR compromised_note IS DISTINCT FROM $4)"
);
