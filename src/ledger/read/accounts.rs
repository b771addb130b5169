//! One customer's side of the ledger: which sources number an account so, and which uses of a credential are its own.

use serde::Deserialize;

use super::credentials::CredentialUse;
use super::moment::Moment;
use crate::domain::ids::{CredentialId, UseId};
use crate::ledger::Ledger;
use crate::ledger::packed::{flag, size};
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
    /// true where no use is anybody else's
    pub is_alone: bool,
}

/// A part of all keys, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// those that are, or were, used where it was asked for
    pub keys: Vec<CredentialId>,
    /// the last that was looked at; `None` behind the last of all
    pub last: Option<CredentialId>,
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
        self.at_one_moment().await?.own_uses(credential, account).await
    }

    /// Which of the next `limit` keys a source has, or had, in use, or one account of it; all of them where neither is named.
    /// What stands in for a row without a secret is no key.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn keys_of(
        &self,
        source: Option<&str>,
        account: Option<&str>,
        after: CredentialId,
        limit: usize,
    ) -> Result<KeyPage, LedgerError> {
        let page = [after.0.into(), size(limit).into(), source.into(), account.into()];
        let looked_at: Vec<Key> = self.look("list the keys of a report").await?.rows("credential", &KEYS, page).await?;
        let last = looked_at.iter().map(|key| key.id).max();
        Ok(KeyPage { keys: looked_at.into_iter().filter(|key| key.is_meant).map(|key| key.id).collect(), last })
    }
}

impl Moment {
    /// As [`Ledger::own_uses`].
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn own_uses(&mut self, credential: CredentialId, account: &AccountName) -> Result<OwnUses, LedgerError> {
        let line = self.line("read an account's uses of a credential");
        let whose = || [credential.0.into(), account.source.as_str().into(), account.id.as_str().into()];
        let uses = line.rows("use", &OWN_USES, whose()).await?;
        let counted: Option<Counted> = line.rows("use", &OWN_COUNT, whose()).await?.pop();
        let Some(Counted { open, first, is_first, is_alone }) = counted else { return Ok(OwnUses::default()) };
        let has_it = first.is_some();
        Ok(OwnUses { uses, open, is_first: is_first && has_it, is_alone: is_alone && has_it })
    }
}

#[derive(Deserialize)]
struct Key {
    id: CredentialId,
    #[serde(deserialize_with = "flag")]
    is_meant: bool,
}

#[derive(Deserialize)]
struct Counted {
    open: u32,
    first: Option<UseId>,
    #[serde(deserialize_with = "flag")]
    is_first: bool,
    #[serde(deserialize_with = "flag")]
    is_alone: bool,
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

/// Numbers of uses grow as they become known. The first and the last account of a key are entries of an index, however many have it.
pub(in crate::ledger) const OWN_COUNT: Sql = sql!(
    "SELECT " [page "own.open, own.first,
                     NOT EXISTS (SELECT 1 FROM use AS o WHERE o.credential_id = $1 AND o.id < own.first),
                     coalesce((SELECT min(o.account_id) FROM use AS o WHERE o.credential_id = $1)
                              = (SELECT max(o.account_id) FROM use AS o WHERE o.credential_id = $1), false)"] "
     FROM (SELECT count(*) FILTER (WHERE u.until IS NULL) AS open, min(u.id) AS first
           FROM use AS u WHERE u.credential_id = $1 AND u.account_id = " [fill account_number] ") AS own"
);

/// A bounded part at a time, whose uses are found by an index.
pub(in crate::ledger) const KEYS: Sql = sql!(
    "SELECT " [page by "k.id":
        "k.id,
         CASE WHEN $3 IS NULL THEN k.placeholder = 0
              WHEN $4 IS NULL THEN k.placeholder = 0 AND EXISTS (
                  SELECT 1 FROM use AS u JOIN connection AS c ON c.id = u.connection_id
                  WHERE u.credential_id = k.id AND c.source_id = (SELECT s.id FROM source AS s WHERE s.name = $3))
              ELSE k.placeholder = 0 AND EXISTS (
                  SELECT 1 FROM use AS u
                  WHERE u.credential_id = k.id
                    AND u.account_id = (SELECT a.id FROM source AS s CROSS JOIN account AS a
                                        WHERE s.name = $3 AND a.source_id = s.id AND a.external_id = $4))
         END"] "
     FROM (SELECT id, placeholder FROM credential WHERE id > $1 ORDER BY id LIMIT $2) AS k"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::estate::{Estate, ended_use, open_use};
    use crate::ledger::place::Kind;

    on_both![
        an_accounts_uses_are_its_own_and_all_of_them_are_counted,
        the_keys_of_a_source_or_an_account_are_those_that_it_uses_or_used,
    ];

    async fn the_keys_of_a_source_or_an_account_are_those_that_it_uses_or_used(kind: Kind) {
        let estate = Estate::new(kind).await;
        estate.connection(1, 1, None).await.connection(2, 2, None).await;
        estate.credential(1).await.credential(2).await.credential(3).await;
        for usage in [open_use(1, 1, 0), ended_use(2, 1, 0, 1, "replaced"), open_use(2, 2, 2)] {
            estate.usage(usage).await;
        }
        let of = async |source: Option<&str>, account: Option<&str>, after: i64, limit: usize| {
            let page = estate.ledger.keys_of(source, account, CredentialId(after), limit).await.unwrap();
            (page.keys.iter().map(|id| id.0).collect::<Vec<_>>(), page.last.map(|id| id.0))
        };
        assert_eq!(of(None, None, 0, 9).await, (vec![1, 2, 3], Some(3)));
        assert_eq!(of(Some("platform"), None, 0, 9).await, (vec![1, 2], Some(3)));
        assert_eq!(of(Some("platform"), Some("acc-1"), 0, 9).await, (vec![1], Some(3)));
        assert_eq!(of(Some("platform"), Some("acc-2"), 0, 9).await, (vec![1, 2], Some(3)));
        assert_eq!(of(Some("platform"), Some("acc-1"), 1, 1).await, (vec![], Some(2)), "a page of nobody's is no end");
        assert_eq!(of(Some("elsewhere"), None, 0, 9).await, (vec![], Some(3)));
        assert_eq!(of(None, None, 3, 9).await, (vec![], None));
    }

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
            (ids.join(" "), own.open, own.is_first, own.is_alone)
        };
        assert_eq!(of(1, "acc-1").await, ("conn-1".to_owned(), 1, true, false));
        assert_eq!(of(1, "acc-2").await, ("conn-2 conn-3".to_owned(), 1, false, false));
        assert_eq!(of(2, "acc-2").await, ("conn-2".to_owned(), 1, true, true));
        assert_eq!(of(2, "acc-1").await, (String::new(), 0, false, false), "nobody's use is nobody's first one");
        assert_eq!(estate.ledger.sources_of_account("acc-1").await.unwrap(), ["platform"]);
        assert!(estate.ledger.sources_of_account("acc-0").await.unwrap().is_empty());
        let elsewhere = AccountName { source: "elsewhere".to_owned(), id: "acc-1".to_owned() };
        assert!(estate.ledger.own_uses(CredentialId(1), &elsewhere).await.unwrap().uses.is_empty());
    }
}
