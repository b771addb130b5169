//! One customer's side of the ledger: which sources number an account so, and which uses of a credential are its own.

use serde::Deserialize;

use super::credentials::CredentialUse;
use crate::domain::ids::{CredentialId, UseId};
use crate::ledger::Ledger;
use crate::ledger::packed::flag;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// An account. Its id counts within its source: two platforms may number their customers alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// the source of its connections
    pub source: String,
    /// the platform's id of it
    pub id: String,
}

/// An account's own uses of a credential.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnUses {
    /// oldest first, the first thousand
    pub uses: Vec<CredentialUse>,
    /// open ones, all of them
    pub open: u32,
    /// true where nobody else's use was known before
    pub is_first: bool,
}

impl Ledger {
    /// The sources that have an account of this id, by their names; none where there is no such account.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn sources_of_account(&self, id: &str) -> Result<Vec<String>, LedgerError> {
        let found: Vec<(String,)> =
            self.look("look up an account").await?.rows("account", &SOURCES_OF_ACCOUNT, [id.into()]).await?;
        Ok(found.into_iter().map(|(source,)| source).collect())
    }

    /// The uses of a credential that are an account's own.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn own_uses(&self, credential: CredentialId, account: &AccountName) -> Result<OwnUses, LedgerError> {
        let mut moment = self.moment("read an account's uses of a credential").await?;
        let whose = || [credential.0.into(), account.source.as_str().into(), account.id.as_str().into()];
        let uses = moment.rows("use", &OWN_USES, whose()).await?;
        let counted: Option<Counted> = moment.rows("use", &OWN_COUNT, whose()).await?.pop();
        let Some(Counted { open, first, is_first }) = counted else { return Ok(OwnUses::default()) };
        Ok(OwnUses { uses, open, is_first: is_first && first.is_some() })
    }
}

#[derive(Deserialize)]
struct Counted {
    open: u32,
    first: Option<UseId>,
    #[serde(deserialize_with = "flag")]
    is_first: bool,
}

pub(in crate::ledger) const SOURCES_OF_ACCOUNT: Sql = sql!(
    "SELECT " [page by "s.name": "s.name"] "
     FROM (SELECT s.name FROM source AS s CROSS JOIN account AS a
           WHERE a.source_id = s.id AND a.external_id = $1 ORDER BY s.name) AS s"
);

/// The account's number, by the names of source and account.
macro_rules! account_number {
    ($dialect:ident) => {
        "(SELECT a.id FROM source AS s CROSS JOIN account AS a
          WHERE s.name = $2 AND a.source_id = s.id AND a.external_id = $3)"
    };
}

pub(in crate::ledger) const OWN_USES: Sql = sql!(
    "SELECT " [page by "u.id": "u.id, c.id, s.name, c.external_id, a.external_id, c.status, u.since, u.until, u.ended_by,
                             u.compromised_at"] "
     FROM (SELECT * FROM use WHERE credential_id = $1 AND account_id = " [fill account_number] "
           ORDER BY id LIMIT 1000) AS u
     JOIN connection AS c ON c.id = u.connection_id
     JOIN source AS s ON s.id = c.source_id
     JOIN account AS a ON a.id = u.account_id"
);

/// Numbers of uses grow as they become known.
pub(in crate::ledger) const OWN_COUNT: Sql = sql!(
    "SELECT " [page "own.open, own.first,
                     NOT EXISTS (SELECT 1 FROM use AS o WHERE o.credential_id = $1 AND o.id < own.first)"] "
     FROM (SELECT count(*) FILTER (WHERE u.until IS NULL) AS open, min(u.id) AS first
           FROM use AS u WHERE u.credential_id = $1 AND u.account_id = " [fill account_number] ") AS own"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::estate::{Estate, ended_use, open_use};
    use crate::ledger::place::Kind;

    on_both![an_accounts_uses_are_its_own_and_all_of_them_are_counted];

    async fn an_accounts_uses_are_its_own_and_all_of_them_are_counted(kind: Kind) {
        let estate = Estate::new(kind).await;
        estate.connection(1, 1, None).await.connection(2, 2, None).await.connection(3, 2, None).await;
        estate.credential(1).await.credential(2).await;
        for usage in [open_use(1, 1, 0), ended_use(2, 1, 0, 1, "replaced"), open_use(3, 1, 5), open_use(2, 2, 2)] {
            estate.usage(usage).await;
        }
        let account = |id: &str| AccountName { source: "platform".to_owned(), id: id.to_owned() };
        let of = async |credential: i64, id: &str| {
            let own = estate.ledger.own_uses(CredentialId(credential), &account(id)).await.unwrap();
            let ids: Vec<String> = own.uses.into_iter().map(|used| used.connection_id).collect();
            (ids.join(" "), own.open, own.is_first)
        };
        assert_eq!(of(1, "acc-1").await, ("conn-1".to_owned(), 1, true));
        assert_eq!(of(1, "acc-2").await, ("conn-2 conn-3".to_owned(), 1, false));
        assert_eq!(of(2, "acc-2").await, ("conn-2".to_owned(), 1, true));
        assert_eq!(of(2, "acc-1").await, (String::new(), 0, false), "nobody's use is nobody's first one");
        assert_eq!(estate.ledger.sources_of_account("acc-1").await.unwrap(), ["platform"]);
        assert!(estate.ledger.sources_of_account("acc-0").await.unwrap().is_empty());
        let elsewhere = AccountName { source: "elsewhere".to_owned(), id: "acc-1".to_owned() };
        assert!(estate.ledger.own_uses(CredentialId(1), &elsewhere).await.unwrap().uses.is_empty());
    }
}
