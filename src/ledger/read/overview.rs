//! The estate at one moment: all that the metrics and the first page show of the ledger.

#[cfg(test)]
mod answers_tests;
mod found;
pub(in crate::ledger) mod outbox;
mod provider;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::found::{ExemptOverview, FindingsOverview};
pub use self::outbox::OutboxOverview;
pub use self::provider::{AnswersOverview, ProviderOverview};
use super::closings::{self, ClosingsOverview, OpenForOverview};
use super::tallies::{Last, Tallies, walk};
use super::when;
use crate::domain::age::AgeBand;
use crate::domain::belief::Liveness;
use crate::domain::blindness::{Blind, Scope, Why};
use crate::domain::clock::Suspect;
use crate::domain::facts::ConnectionStatus;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::ProviderName;
use crate::domain::span::OpenFor;
use crate::domain::time::Timestamp;
use crate::ledger::act::statements::COUNTED;
use crate::ledger::read::LogOverview;
use crate::ledger::sql::Sql;
use crate::ledger::{Ledger, sight};
use crate::ports::LedgerError;

/// The estate at one moment. It names providers and sources, and nobody else: no account, no connection, no person.
///
/// Every word of a closed list is there, at zero where nothing has it; a provider is there where the ledger has a row of
/// it, whatever the catalogue says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Overview {
    /// the moment, which the age bands go by
    #[serde(serialize_with = "when::text")]
    pub at: Timestamp,
    /// the estate by provider
    pub providers: BTreeMap<ProviderName, ProviderOverview>,
    /// open findings, one entry for each provider, rule and severity that has some, in that order
    pub findings: Vec<FindingsOverview>,
    /// findings that are accepted for a while, one entry for each provider and rule that has some
    pub exempt: Vec<ExemptOverview>,
    /// how long they have been open, by rule
    #[schema(value_type = BTreeMap<RuleName, BTreeMap<OpenFor, u64>>)]
    pub open_for: OpenForOverview,
    /// what became of findings that closed, by provider, rule, reason and time taken, in that order
    pub closings: Vec<ClosingsOverview>,
    /// mails on their way and those that have arrived
    pub outbox: OutboxOverview,
    /// what people asked for, and what became of it: each that ever happened, with how often
    pub acts: Vec<ActsOverview>,
    /// the sources that were ever read, by name; the configuration may no longer have all of them
    pub sources: Vec<SourceOverview>,
    /// the endpoints of providers that are blind, by name
    pub blind: Vec<BlindOverview>,
    /// our clock, where it is not to be gone by
    #[serde(serialize_with = "when::suspect")]
    pub clock: Option<Suspect>,
    /// the size of the ledger's database, in bytes
    pub ledger_bytes: u64,
    /// what the last look at the event log's chain found
    pub log: LogOverview,
}

/// How often something was asked for and came to the same, since the ledger was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActsOverview {
    /// what: a word of [`ActName`](crate::ports::meter::ActName)
    pub act: String,
    /// what became of it: a word of [`ActOutcome`](crate::ports::meter::ActOutcome)
    pub outcome: String,
    /// how often
    pub times: u64,
}

/// An endpoint at which no refusal is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlindOverview {
    /// whose
    pub provider: ProviderName,
    /// the catalogue's name of the protocol
    pub protocol: String,
    /// the catalogue's name of the endpoint
    pub endpoint: String,
    /// since when
    #[serde(serialize_with = "when::text")]
    pub since: Timestamp,
    /// why
    pub why: Why,
}

/// One source, as its last reading left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceOverview {
    /// its name in the configuration
    pub name: String,
    /// when its last reading ended, whole or not; `None` before the first
    #[serde(serialize_with = "when::maybe")]
    pub last_read: Option<Timestamp>,
    /// when its last whole reading began
    #[serde(serialize_with = "when::maybe")]
    pub last_complete: Option<Timestamp>,
    /// when its last reading of everything began that came to its end, though a row of it may have been about nobody knows whom
    #[serde(serialize_with = "when::maybe")]
    pub last_through: Option<Timestamp>,
    /// why its last reading was not whole, in the source's own words
    pub error: Option<String>,
    /// rows of its last reading
    pub rows: u64,
    /// rows that its last reading set aside
    pub quarantined: u64,
    /// connections and people that would be believed gone, held back because they are too many at once
    pub held_back: u64,
    /// when its last reading of what changed alone began that came to its end
    #[serde(serialize_with = "when::maybe")]
    pub last_changes: Option<Timestamp>,
    /// when an event of it was last taken; `None` for never
    #[serde(serialize_with = "when::maybe")]
    pub last_event: Option<Timestamp>,
}

impl SourceOverview {
    /// Whether rows of it count, so that somebody ought to go on reading it.
    pub const fn still_counts(&self) -> bool {
        self.rows > 0 || self.held_back > 0
    }

    /// When its last reading that came to its end began, be it of everything or of what changed.
    pub fn last_success(&self) -> Option<Timestamp> {
        self.last_through.max(self.last_changes)
    }

    /// Whether its last reading came to its end; `None` before the first.
    pub fn is_up(&self) -> Option<bool> {
        self.last_read.map(|_| self.error.is_none())
    }
}

impl From<(Scope, Blind)> for BlindOverview {
    fn from((Scope { provider, protocol, endpoint }, Blind { since, why, .. }): (Scope, Blind)) -> Self {
        Self { provider, protocol, endpoint, since, why }
    }
}

impl Overview {
    /// Connections of this status at all providers together.
    pub fn connections(&self, status: ConnectionStatus) -> u64 {
        self.providers.values().filter_map(|provider| provider.connections.get(&status)).sum()
    }

    /// Credentials of this liveness at all providers together.
    pub fn credentials(&self, liveness: Liveness) -> u64 {
        self.providers.values().filter_map(|provider| provider.credentials.get(&liveness)).sum()
    }

    /// Open findings of this severity.
    pub fn open_findings(&self, severity: Severity) -> u64 {
        self.findings.iter().filter(|kind| kind.severity == severity).map(|kind| kind.count).sum()
    }

    /// Tombstones at all providers together.
    pub fn tombstones(&self) -> u64 {
        self.providers.values().map(|provider| provider.tombstones).sum()
    }
}

impl Ledger {
    /// Counts everything that is shown, at one moment of the ledger, with ages as they are at `now`. Walks the whole
    /// ledger in steps of flat memory, beside whoever writes: for the end of a job, not for each page.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn overview(&self, now: Timestamp) -> Result<Overview, LedgerError> {
        let mut moment = self.moment("read the overview").await?;
        let last = Last::read(&mut moment).await?;
        let tallies = Tallies::read(&mut moment, last).await?;
        let mut overview = Overview {
            at: now,
            providers: BTreeMap::new(),
            findings: Vec::new(),
            exempt: Vec::new(),
            open_for: closings::open_for(&mut moment, last.finding, now).await?,
            closings: closings::closings(&mut moment).await?,
            outbox: outbox::read(&mut moment, now).await?,
            acts: moment.rows("acted", &COUNTED, []).await?,
            sources: moment.rows("source", &SOURCES, []).await?,
            blind: sight::blind(&mut moment).await?.into_iter().map(BlindOverview::from).collect(),
            clock: sight::clocks(&mut moment).await?.suspect,
            ledger_bytes: moment.rows::<u64>("page", &SIZE, []).await?.into_iter().sum(),
            log: LogOverview::read(&mut moment).await?,
        };
        overview.take(tallies);
        let too_old = AgeBand::too_old_at(now).map(Timestamp::as_millis);
        let ages = ("credential", &AGES, last.credential);
        walk(&mut moment, ages, &too_old, |(provider, band, count, oldest): (_, _, u64, _)| {
            let provider = overview.provider(provider);
            *provider.ages.entry(band).or_default() += count;
            provider.oldest_since = earlier(provider.oldest_since, oldest);
        })
        .await?;
        Ok(overview)
    }
}

impl Overview {
    fn provider(&mut self, name: ProviderName) -> &mut ProviderOverview {
        self.providers.entry(name).or_default()
    }

    fn take(&mut self, tallies: Tallies) {
        for ((provider, status), count) in tallies.connections {
            self.provider(provider).connections.insert(status, count);
        }
        for ((provider, liveness), found) in tallies.credentials {
            let provider = self.provider(provider);
            provider.credentials.insert(liveness, found.count);
            provider.unused_since = provider.unused_since.into_iter().chain(found.unused_since).min();
        }
        for (provider, answers) in tallies.answers {
            self.provider(provider).answers = answers;
        }
        for (provider, found) in tallies.tombstones {
            let provider = self.provider(provider);
            (provider.tombstones, provider.oldest_tombstone) = (found.count, Some(found.oldest));
        }
        let exempt = tallies.exempt.into_iter();
        self.exempt = exempt
            .map(|((provider, rule), found)| ExemptOverview {
                provider,
                rule,
                count: found.count,
                next_end: found.next_end,
            })
            .collect();
        self.findings = tallies
            .findings
            .into_iter()
            .map(|((provider, rule, severity), found)| FindingsOverview {
                provider,
                rule,
                severity,
                count: found.count,
                unmailed: found.unmailed,
                oldest_opened_at: found.oldest,
            })
            .collect();
    }
}

fn earlier(known: Option<Timestamp>, other: Timestamp) -> Option<Timestamp> {
    Some(known.map_or(other, |known| known.min(other)))
}

/// $3 to $7: the latest instants that are too old for each band. What counts is what `secret-stale` judges, without the
/// stand-ins of rows that have no secret: they are no keys.
pub(in crate::ledger) const AGES: Sql = sql!(
    "SELECT " [page "provider, band, total, oldest"] "
     FROM (SELECT k.provider, count(*) AS total, min(k.secret_since) AS oldest,
                  CASE WHEN k.provenance = 'first_seen' THEN 'at-least'
                       WHEN k.secret_since > $3 THEN '0-30d'
                       WHEN k.secret_since > $4 THEN '30-60d'
                       WHEN k.secret_since > $5 THEN '60-90d'
                       WHEN k.secret_since > $6 THEN '90-180d'
                       WHEN k.secret_since > $7 THEN '180-365d'
                       ELSE 'over-365d' END AS band
           FROM credential AS k
           WHERE k.id > $1 AND k.id <= $2 AND k.placeholder = 0 AND k.liveness <> 'dead'
             AND (k.liveness <> 'shredded' OR coalesce(" ["k.belief" | "k.belief::json"] " ->> 'shredding', '') = 'unproven')
             AND EXISTS (SELECT 1 FROM use AS u JOIN connection AS c ON c.id = u.connection_id
                         WHERE u.credential_id = k.id AND u.until IS NULL AND c.auth = 'key'
                           AND c.status IN ('active', 'paused'))
           GROUP BY k.provider, band) AS counted"
);

pub(in crate::ledger) const SOURCES: Sql = sql!(
    "SELECT " [page
        "name, last_read, last_complete, last_through, last_error, last_rows, quarantined, held_back + held_back_people,
         last_changes, last_event"] "
     FROM (SELECT * FROM source WHERE id > 0 ORDER BY name) AS s"
);

/// In PostgreSQL: of the schema's tables, their indexes and what is kept beside them.
pub(in crate::ledger) const SIZE: Sql = sql!(
    "SELECT " [list ["page_count * page_size" | "coalesce(sum(pg_total_relation_size(c.oid)), 0)"]] " FROM "
    ["pragma_page_count(), pragma_page_size()"
     | "pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = 'r'"]
);
