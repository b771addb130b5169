//! The operator's word that a value leaked, or that it didn't after all.

use serde_json::Map;

use super::sql::Sql;
use super::{Ledger, act, due};
use crate::domain::action::OperatorName;
use crate::domain::facts::Compromise;
use crate::domain::ids::CredentialId;
use crate::domain::time::Timestamp;
use crate::ports::meter::{ActName, ActOutcome};
use crate::ports::{Event, LedgerError};

impl Ledger {
    /// Notes that a credential leaked, or with `None` that nobody says so any more, and makes its connections due for
    /// judging, in whatever account they are. Returns false where that was known already: then nothing is written but that it was said.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn compromise(
        &self,
        credential: CredentialId,
        word: Option<&Compromise>,
        now: Timestamp,
        by: Option<&OperatorName>,
    ) -> Result<bool, LedgerError> {
        let note = word.and_then(|word| word.note.as_deref());
        let mut tx = self.write("note that a key leaked").await?;
        let at = word.map(|word| word.at);
        if tx.run(&NOTE, [credential.0.into(), at.into(), note.into()]).await? == 0 {
            act::count(&mut tx, ActName::Compromised, ActOutcome::Nothing).await?;
            tx.commit().await?;
            return Ok(false);
        }
        act::count(&mut tx, ActName::Compromised, ActOutcome::Done).await?;
        due::by_credential(&mut tx, &[credential], now).await?;
        let mut data = Map::new();
        data.extend(at.map(|at| ("compromised_at".to_owned(), at.to_string().into())));
        data.extend(note.map(|note| ("note".to_owned(), note.into())));
        data.extend(by.map(|who| ("who".to_owned(), who.as_str().into())));
        let kind = if word.is_some() { "credential.compromised" } else { "credential.not_compromised" };
        tx.log(&[Event { at: now, kind, subject: format!("credential:{credential}"), data }]).await?;
        tx.commit().await?;
        Ok(true)
    }
}

pub(super) const NOTE: Sql = sql!(
    "UPDATE credential SET compromised_at = $2, compromised_note = $3
     WHERE id = $1 AND (compromised_at IS DISTINCT FROM $2 OR compromised_note IS DISTINCT FROM $3)"
);
