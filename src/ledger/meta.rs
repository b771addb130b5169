//! The few facts about the ledger as a whole.

use crate::ports::LedgerError;

use super::Ledger;
use super::store::database;

const WRAPPED_KEY: &str = "wrapped_key";
const MASTER_KEY_ID: &str = "master_key_id";

impl Ledger {
    /// The value of `key`; `None` where it was never set.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn get(&self, key: &str) -> Result<Option<String>, LedgerError> {
        sqlx::query_scalar("SELECT value FROM meta WHERE key = ?1")
            .bind(key)
            .fetch_optional(self.pool())
            .await
            .map_err(database("read a fact about the ledger"))
    }

    /// Sets `key`, whatever it was.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn set(&self, key: &str, value: &str) -> Result<(), LedgerError> {
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(key)
        .bind(value)
        .execute(self.pool())
        .await
        .map_err(database("write a fact about the ledger"))?;
        Ok(())
    }

    /// The ledger's own name, which its mails carry in their Message-ID: `fresh` where it has none yet, else the one
    /// that it was given first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn ledger_id(&self, fresh: &str) -> Result<String, LedgerError> {
        sqlx::query_scalar(
            "INSERT INTO meta (key, value) VALUES ('ledger_id', ?1)
             ON CONFLICT (key) DO UPDATE SET value = meta.value RETURNING value",
        )
        .bind(fresh)
        .fetch_one(self.pool())
        .await
        .map_err(database("name the ledger"))
    }

    /// The ledger's own key, sealed by the master key: the master key's id, then the sealed key. `None` before the first.
    ///
    /// # Errors
    /// [`LedgerError::Inconsistent`] where only one of the two is there; else as for every statement.
    pub async fn wrapped_key(&self) -> Result<Option<(String, String)>, LedgerError> {
        match (self.get(MASTER_KEY_ID).await?, self.get(WRAPPED_KEY).await?) {
            (Some(key_id), Some(wrapped)) => Ok(Some((key_id, wrapped))),
            (None, None) => Ok(None),
            _ => Err(LedgerError::Inconsistent {
                table: "meta",
                row: WRAPPED_KEY.to_owned(),
                what: "the key and the id of its master key belong together, and one is missing".to_owned(),
            }),
        }
    }

    /// Keeps the ledger's own key, once: every fingerprint depends on it, so another one would make every credential unknown.
    ///
    /// # Errors
    /// [`LedgerError::Inconsistent`] where there is one already; else as for every statement.
    pub async fn set_wrapped_key(&self, key_id: &str, wrapped: &str) -> Result<(), LedgerError> {
        const DOING: &str = "keep the ledger's key";
        let mut tx = self.write(DOING).await?;
        for (key, value) in [(MASTER_KEY_ID, key_id), (WRAPPED_KEY, wrapped)] {
            let kept = sqlx::query("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING")
                .bind(key)
                .bind(value)
                .execute(&mut *tx)
                .await
                .map_err(database(DOING))?;
            if kept.rows_affected() == 0 {
                return Err(LedgerError::Inconsistent {
                    table: "meta",
                    row: key.to_owned(),
                    what: "the ledger has its key already, and another one would make every credential unknown"
                        .to_owned(),
                });
            }
        }
        tx.commit().await.map_err(database(DOING))
    }
}
