//! What became of findings, and how long those that are open have been so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tallies::walk;
use crate::domain::finding::RuleName;
use crate::domain::ids::ProviderName;
use crate::domain::span::{OpenFor, Took};
use crate::domain::time::Timestamp;
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// Findings that closed, since the ledger was made (or brought to schema 20): those of one kind that took as long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClosingsOverview {
    /// the provider of the credential
    pub provider: ProviderName,
    /// the rule that had spoken
    pub rule: RuleName,
    /// why they closed: `dead`, `rotated`, `ended`, `cleared`
    pub why: String,
    /// how long what the rule said had been so
    pub took: Took,
    /// how many
    pub times: u64,
    /// how long it had been so of all of them together, in seconds
    pub seconds: u64,
}

/// Open findings by rule and by how long they have been open; a rule without any is left out.
pub type OpenForOverview = BTreeMap<RuleName, BTreeMap<OpenFor, u64>>;

pub(super) async fn closings(moment: &mut Session) -> Result<Vec<ClosingsOverview>, LedgerError> {
    moment.rows("closing", &CLOSINGS, []).await
}

/// Walks the findings up to the number `last`.
pub(super) async fn open_for(moment: &mut Session, last: i64, now: Timestamp) -> Result<OpenForOverview, LedgerError> {
    let mut sum = OpenForOverview::new();
    let opened_from = OpenFor::opened_from(now).map(Timestamp::as_millis);
    walk(moment, ("finding", &OPEN_FOR, last), &opened_from, |(rule, band, count): (_, _, u64)| {
        *sum.entry(rule).or_default().entry(band).or_default() += count;
    })
    .await?;
    Ok(sum)
}

pub(in crate::ledger) const CLOSINGS: Sql = sql!(
    "SELECT " [page "provider, rule, why, took, times, seconds"] "
     FROM (SELECT * FROM closing ORDER BY provider, rule, why, took) AS counted"
);

/// $3 to $5: the earliest instants of an opening in each band that ends.
pub(in crate::ledger) const OPEN_FOR: Sql = sql!(
    "SELECT " [page "rule, band, total"] "
     FROM (SELECT rule, count(*) AS total,
                  CASE WHEN opened_at >= $3 THEN '0-7d'
                       WHEN opened_at >= $4 THEN '7-30d'
                       WHEN opened_at >= $5 THEN '30-90d'
                       ELSE 'over-90d' END AS band
           FROM finding WHERE id > $1 AND id <= $2 AND state = 'open' GROUP BY rule, band) AS counted"
);
