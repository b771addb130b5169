//! What the operator's entries come to: how many findings are exempt by each, and whether they cover anybody.

use std::collections::BTreeMap;

use crate::domain::ids::ProviderName;
use crate::domain::policy::Scope;
use crate::ledger::Ledger;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

impl Ledger {
    /// How many findings are exempt, by what the exemption covers, in words. Looks at every finding that is exempt.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn exempt_findings(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        let counted: Vec<(String, u64)> =
            self.look("count what is exempt").await?.rows("finding", &COUNTED, []).await?;
        Ok(counted.into_iter().collect())
    }

    /// Whether an entry covers any connection, deleted ones included. Walks all of them where it covers none: for somebody
    /// who asks.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn covers_any(&self, scope: &Scope) -> Result<bool, LedgerError> {
        let named = [
            scope.connection.as_deref().into(),
            scope.account.as_deref().into(),
            scope.tag.as_deref().into(),
            scope.provider.as_ref().map(ProviderName::as_str).into(),
            scope.source.as_deref().into(),
        ];
        Ok(self.look("look for what an entry covers").await?.number(&COVERED, named).await? > 0)
    }
}

pub(in crate::ledger) const COUNTED: Sql = sql!(
    "SELECT " [page "exempt_terms, total"] "
     FROM (SELECT exempt_terms, count(*) AS total FROM finding WHERE state = 'exempt' GROUP BY exempt_terms) AS counted"
);

/// A connection may have used credentials of other providers than its present one.
pub(in crate::ledger) const COVERED: Sql = sql!(
    "SELECT count(*)
     FROM (SELECT 1
           FROM connection AS c
           JOIN account AS a ON a.id = c.account_id
           JOIN source AS s ON s.id = c.source_id
           WHERE ($1 IS NULL OR c.external_id = $1) AND ($2 IS NULL OR a.external_id = $2) AND ($5 IS NULL OR s.name = $5)
             AND ($3 IS NULL OR $3 IN " [within "c.tags" text] ")
             AND ($4 IS NULL OR c.provider = $4
                  OR EXISTS (SELECT 1 FROM use AS u JOIN credential AS k ON k.id = u.credential_id
                             WHERE u.connection_id = c.id AND k.provider = $4))
           LIMIT 1) AS covered"
);
