//! The operator's word that a value leaked, or that it didn't after all.

use serde_json::Map;

use super::sql::Sql;
use super::{Ledger, act, due};
use crate::domain::action::OperatorName;
use crate::domain::compromise::{Noted, Word};
use crate::domain::facts::Compromise;
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
        let known: Vec<(Option<Timestamp>, Option<String>)> =
            tx.rows("credential", &KNOWN, [credential.0.into()]).await?;
        let known = known.into_iter().find_map(|(at, note)| at.map(|at| Compromise { at, note }));
        let stands = word.map(|word| word.beside(known, now));
        let (at, note) = (stands.as_ref().map(|leak| leak.at), stands.as_ref().and_then(|leak| leak.note.as_deref()));
        if tx.run(&NOTE, [credential.0.into(), at.into(), note.into()]).await? == 0 {
            act::count(&mut tx, ActName::Compromised, ActOutcome::Nothing).await?;
            tx.commit().await?;
            return Ok(Noted { stands, changed: false });
        }
        act::count(&mut tx, ActName::Compromised, ActOutcome::Done).await?;
        due::by_credential(&mut tx, &[credential], now).await?;
        let mut data = Map::new();
        data.extend(at.map(|at| ("compromised_at".to_owned(), at.to_string().into())));
        data.extend(note.map(|note| ("note".to_owned(), note.into())));
        data.extend(by.map(|who| ("who".to_owned(), who.as_str().into())));
        let kind = if at.is_some() { "credential.compromised" } else { "credential.not_compromised" };
        tx.log(&[Event { at: now, kind, subject: format!("credential:{credential}"), data }]).await?;
        tx.commit().await?;
        Ok(Noted { stands, changed: true })
    }
}

pub(super) const KNOWN: Sql =
    sql!("SELECT " [page "compromised_at, compromised_note"] " FROM credential WHERE id = $1");

pub(super) const NOTE: Sql = sql!(
    "UPDATE credential SET compromised_at = $2, compromised_note = $3
     WHERE id = $1 AND (compromised_at IS DISTINCT FROM $2 OR compromised_note IS DISTINCT FROM $3)"
);
