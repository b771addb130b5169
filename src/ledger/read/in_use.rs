//! The secrets in use, one by one: for operators who want series of single connections.

use serde::Deserialize;

use crate::domain::belief::Liveness;
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::packed::size;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// The secret of an open connection that uses it as a key. It names nobody: account and connection are the platform's own
/// ids.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SecretInUse {
    /// the connection's source
    pub source: String,
    /// the platform's id of the account
    pub account_id: String,
    /// the platform's id of the connection
    pub connection_id: String,
    /// the credential's provider
    pub provider: ProviderName,
    /// what is believed of the credential
    pub liveness: Liveness,
    /// since when the secret is known to exist
    pub since: Timestamp,
}

/// The oldest secrets in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OldestSecrets {
    /// the oldest first
    pub secrets: Vec<SecretInUse>,
    /// how many more there are
    pub left_out: u64,
}

impl Ledger {
    /// The oldest secrets in use, at most `limit`, one for each open connection. Looks at every open use.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn oldest_secrets(&self, limit: usize) -> Result<OldestSecrets, LedgerError> {
        let mut moment = self.moment("list the oldest secrets").await?;
        let all = moment.number(&IN_USE, []).await?.unsigned_abs();
        let mut secrets: Vec<SecretInUse> = moment.rows("use", &OLDEST, [size(limit).into()]).await?;
        secrets.sort_by_key(|one| one.since); // a join promises no order
        let left_out = all.saturating_sub(secrets.len() as u64);
        Ok(OldestSecrets { secrets, left_out })
    }
}

pub(in crate::ledger) const IN_USE: Sql = sql!(
    "SELECT count(*) FROM use AS u
     JOIN connection AS c ON c.id = u.connection_id
     JOIN credential AS k ON k.id = u.credential_id
     WHERE u.until IS NULL AND c.auth = 'key' AND c.status IN ('active', 'paused') AND k.placeholder = 0"
);

pub(in crate::ledger) const OLDEST: Sql = sql!(
    "SELECT " [page "s.name, a.external_id, c.external_id, k.provider, k.liveness, k.secret_since"] "
     FROM (SELECT u.connection_id, u.credential_id FROM use AS u
           JOIN connection AS c ON c.id = u.connection_id
           JOIN credential AS k ON k.id = u.credential_id
           WHERE u.until IS NULL AND c.auth = 'key' AND c.status IN ('active', 'paused') AND k.placeholder = 0
           ORDER BY k.secret_since, u.id
           LIMIT $1) AS oldest
     JOIN connection AS c ON c.id = oldest.connection_id
     JOIN source AS s ON s.id = c.source_id
     JOIN account AS a ON a.id = c.account_id
     JOIN credential AS k ON k.id = oldest.credential_id"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::estate::{Estate, ended_use, open_use};
    use crate::ledger::place::Kind;

    on_both![the_oldest_secrets_in_use_come_first_and_the_others_are_counted];

    async fn the_oldest_secrets_in_use_come_first_and_the_others_are_counted(kind: Kind) {
        let estate = Estate::new(kind).await;
        for number in 1..=6 {
            estate.connection(number, 1 + number % 2, None).await.credential(number).await;
        }
        for usage in [ended_use(1, 6, 0, 1, "replaced"), open_use(1, 1, 0), open_use(2, 2, 0), open_use(3, 2, 0)] {
            estate.usage(usage).await;
        }
        for connection in 4..=6 {
            estate.usage(open_use(connection, connection - 1, 0)).await;
        }
        estate
            .run("UPDATE credential SET secret_since = 10000 - 1000 * id")
            .await
            .run("UPDATE connection SET auth = 'oauth' WHERE id = 4")
            .await
            .run("UPDATE credential SET placeholder = 1 WHERE id = 4")
            .await;
        let oldest = estate.ledger.oldest_secrets(3).await.unwrap();
        let names: Vec<(&str, &str, i64)> = oldest
            .secrets
            .iter()
            .map(|secret| (secret.connection_id.as_str(), secret.account_id.as_str(), secret.since.as_secs()))
            .collect();
        assert_eq!(names, [("conn-6", "acc-1", 5), ("conn-2", "acc-1", 8), ("conn-3", "acc-2", 8)]);
        assert_eq!((oldest.secrets[0].source.as_str(), oldest.secrets[0].liveness), ("platform", Liveness::Live));
        assert_eq!(oldest.left_out, 1, "conn-1, whose secret is the youngest");
    }
}
