//! The few facts about the ledger as a whole.

use super::Ledger;
use super::sql::Sql;
use crate::ports::LedgerError;

pub(super) const WRAPPED_KEY: &str = "wrapped_key";
pub(super) const MASTER_KEY_ID: &str = "master_key_id";

impl Ledger {
    /// The value of `key`; `None` where it was never set.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn get(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.look("read a fact about the ledger").await?.text(&GET, [key.into()]).await
    }

    /// Sets `key`, whatever it was.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn set(&self, key: &str, value: &str) -> Result<(), LedgerError> {
        let mut tx = self.write("write a fact about the ledger").await?;
        tx.run(&SET, [key.into(), value.into()]).await?;
        tx.commit().await
    }

    /// The ledger's own name, which its mails carry in their Message-ID: `fresh` where it has none yet, else the one
    /// that it was given first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn ledger_id(&self, fresh: &str) -> Result<String, LedgerError> {
        let mut tx = self.write("name the ledger").await?;
        let name = tx.text(&NAME, [fresh.into()]).await?;
        tx.commit().await?;
        name.ok_or_else(|| LedgerError::Inconsistent {
            table: "meta",
            row: "ledger_id".to_owned(),
            what: "it is gone right after it was set".to_owned(),
        })
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
        let mut tx = self.write("keep the ledger's key").await?;
        for (key, value) in [(MASTER_KEY_ID, key_id), (WRAPPED_KEY, wrapped)] {
            if tx.run(&SET_ONCE, [key.into(), value.into()]).await? == 0 {
                return Err(LedgerError::Inconsistent {
                    table: "meta",
                    row: key.to_owned(),
                    what: "the ledger has its key already, and another one would make every credential unknown"
                        .to_owned(),
                });
            }
        }
        tx.commit().await
    }
}

pub(super) const GET: Sql = sql!("SELECT value FROM meta WHERE key = $1");

pub(super) const SET: Sql =
    sql!("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value");

pub(super) const NAME: Sql = sql!(
    "INSERT INTO meta (key, value) VALUES ('ledger_id', $1)
     ON CONFLICT (key) DO UPDATE SET value = meta.value RETURNING value"
);

pub(super) const SET_ONCE: Sql = sql!("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING");
