//! What PROBE asks of the ledger and writes to it.

use sqlx::SqliteConnection;

use crate::domain::belief::Belief;
use crate::domain::control::Accepted;
use crate::domain::ids::{CredentialId, ProviderName, SourceId};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::probe::{Control, DueCredential, ProbeLedger, ProbeRecord};
use crate::ports::{Event, LedgerError};

use super::store::{database, log, pack, size, unpack};
use super::{Ledger, due, escrow};

/// From so many due credentials of a provider on, a page is found by walking all credentials in their order: sorting
/// that many for every page would cost the square of them. Below, sorting the due ones costs less than the walk.
const MANY: i64 = 10_000;

/// The number that stands for the operator's own control credential among the sources.
const OPERATOR: i64 = 0;

impl ProbeLedger for Ledger {
    async fn due_providers(&self, now: Timestamp) -> Result<Vec<(ProviderName, u64)>, LedgerError> {
        let page: String = sqlx::query_scalar(DUE_PROVIDERS)
            .bind(now.as_millis())
            .fetch_one(self.pool())
            .await
            .map_err(database("count due credentials"))?;
        let counted = unpack::<(ProviderName, u64)>("credential", Some(&page))?;
        Ok(counted.into_iter().filter(|(_, due)| *due > 0).collect())
    }

    async fn due_credentials(
        &self,
        provider: &ProviderName,
        now: Timestamp,
        after: CredentialId,
        limit: usize,
    ) -> Result<Vec<DueCredential>, LedgerError> {
        const DOING: &str = "page through due credentials";
        let due: i64 = sqlx::query_scalar(COUNT_DUE)
            .bind(provider.as_str())
            .bind(now.as_millis())
            .bind(MANY)
            .fetch_one(self.pool())
            .await
            .map_err(database(DOING))?;
        if due == 0 {
            return Ok(Vec::new());
        }
        let page: String = sqlx::query_scalar(if due < MANY { FEW_DUE } else { MANY_DUE })
            .bind(provider.as_str())
            .bind(now.as_millis())
            .bind(after.0)
            .bind(size(limit))
            .fetch_one(self.pool())
            .await
            .map_err(database(DOING))?;
        credentials(&page)
    }

    async fn held_credentials(&self, ids: &[CredentialId]) -> Result<Vec<DueCredential>, LedgerError> {
        const DOING: &str = "look up held credentials";
        let page: String = sqlx::query_scalar(HELD_CREDENTIALS)
            .bind(pack(ids, DOING)?)
            .fetch_one(self.pool())
            .await
            .map_err(database(DOING))?;
        credentials(&page)
    }

    async fn controls(&self, provider: &ProviderName) -> Result<Vec<Control>, LedgerError> {
        let page: String = sqlx::query_scalar(CONTROLS)
            .bind(provider.as_str())
            .fetch_one(self.pool())
            .await
            .map_err(database("read the positive controls"))?;
        let rows = unpack::<(i64, String, String, Timestamp, Option<CredentialId>, Option<Timestamp>)>(
            "control",
            Some(&page),
        )?;
        Ok(rows
            .into_iter()
            .map(|(source, protocol, endpoint, at, credential, other_at)| Control {
                source: (source != OPERATOR).then_some(SourceId(source)),
                provider: provider.clone(),
                protocol,
                endpoint,
                accepted: Accepted { credential, at, other_at },
            })
            .collect())
    }

    async fn commit_probes(
        &self,
        now: Timestamp,
        records: &[ProbeRecord],
        controls: &[Control],
        events: &[Event],
    ) -> Result<(), LedgerError> {
        const DOING: &str = "write the answers of providers";
        let mut tx = self.write(DOING).await?;
        write_beliefs(&mut tx, records).await?;
        escrow::shred(&mut tx, &chosen(records, |record| record.shred)).await?;
        write_controls(&mut tx, controls).await?;
        due::by_credential(&mut tx, &chosen(records, |record| record.transition), now).await?;
        log(&mut tx, events).await?;
        tx.commit().await.map_err(database(DOING))
    }

    async fn scrub(&self) -> Result<(), LedgerError> {
        escrow::scrub(self).await
    }
}

fn chosen(records: &[ProbeRecord], which: impl Fn(&ProbeRecord) -> bool) -> Vec<CredentialId> {
    records.iter().filter(|record| which(record)).map(|record| record.id).collect()
}

async fn write_beliefs(tx: &mut SqliteConnection, records: &[ProbeRecord]) -> Result<(), LedgerError> {
    const DOING: &str = "write what is believed of credentials";
    if records.is_empty() {
        return Ok(());
    }
    let rows = records
        .iter()
        .map(|record| {
            // never again where the copy is destroyed: there is nothing left to ask with
            let probe_at = record.probe_at.filter(|_| !record.shred);
            let belief = pack(&record.belief, DOING)?;
            let parts = record.parts.as_ref().map(|parts| pack(parts, DOING)).transpose()?;
            Ok((record.id, record.belief.liveness, belief, probe_at, &record.kind, parts))
        })
        .collect::<Result<Vec<_>, LedgerError>>()?;
    sqlx::query(BELIEFS).bind(pack(&rows, DOING)?).execute(tx).await.map_err(database(DOING))?;
    Ok(())
}

async fn write_controls(tx: &mut SqliteConnection, controls: &[Control]) -> Result<(), LedgerError> {
    const DOING: &str = "write the positive controls";
    if controls.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = controls
        .iter()
        .map(|c| {
            let Accepted { credential, at, other_at } = c.accepted;
            let source = c.source.map_or(OPERATOR, |source| source.0);
            (source, &c.provider, &c.protocol, &c.endpoint, at, credential, other_at)
        })
        .collect();
    sqlx::query(WRITE_CONTROLS).bind(pack(&rows, DOING)?).execute(tx).await.map_err(database(DOING))?;
    Ok(())
}

fn credentials(page: &str) -> Result<Vec<DueCredential>, LedgerError> {
    type Row = (
        CredentialId,
        Fingerprint,
        SourceId,
        ProviderName,
        Option<String>,
        Option<String>,
        Option<String>,
        Belief,
        Option<Timestamp>,
        Option<String>,
    );
    Ok(unpack::<Row>("credential", Some(page))?
        .into_iter()
        .map(|(id, fingerprint, source, provider, key_id, region, base_url, belief, idle_since, sealed)| {
            DueCredential { id, fingerprint, source, provider, key_id, region, base_url, belief, idle_since, sealed }
        })
        .collect())
}

// From one provider's name to the next by the index, instead of over all that will once be due.
pub(super) const DUE_PROVIDERS: &str = "
WITH RECURSIVE known (provider) AS (
    SELECT min(provider) FROM credential WHERE probe_at IS NOT NULL
    UNION ALL
    SELECT (SELECT min(c.provider) FROM credential AS c WHERE c.probe_at IS NOT NULL AND c.provider > known.provider)
    FROM known WHERE known.provider IS NOT NULL
)
SELECT json_group_array(json_array(provider,
       (SELECT count(*) FROM credential AS c WHERE c.provider = known.provider AND c.probe_at <= ?1)))
FROM known WHERE provider IS NOT NULL";

pub(super) const COUNT_DUE: &str = "
SELECT count(*) FROM (SELECT 1 FROM credential WHERE provider = ?1 AND probe_at <= ?2 LIMIT ?3)";

// The signs before the columns keep the planner from the other plan (see [`MANY`]).
pub(super) const FEW_DUE: &str = "
SELECT json_group_array(json_array(k.id, k.fingerprint, k.source_id, k.provider, k.key_id, k.region, k.base_url,
       json(k.belief), k.idle_since,
       (SELECT e.sealed FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1 LIMIT 1)))
FROM (SELECT id FROM credential WHERE provider = ?1 AND probe_at <= ?2 AND +id > ?3 ORDER BY +id LIMIT ?4) AS due
JOIN credential AS k ON k.id = due.id";

pub(super) const MANY_DUE: &str = "
SELECT json_group_array(json_array(k.id, k.fingerprint, k.source_id, k.provider, k.key_id, k.region, k.base_url,
       json(k.belief), k.idle_since,
       (SELECT e.sealed FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1 LIMIT 1)))
FROM (SELECT id FROM credential WHERE +provider = ?1 AND +probe_at <= ?2 AND id > ?3 ORDER BY id LIMIT ?4) AS due
JOIN credential AS k ON k.id = due.id";

pub(super) const HELD_CREDENTIALS: &str = "
SELECT json_group_array(json_array(k.id, k.fingerprint, k.source_id, k.provider, k.key_id, k.region, k.base_url,
       json(k.belief), k.idle_since, e.sealed))
FROM json_each(?1) AS wanted
JOIN credential AS k ON k.id = wanted.value
JOIN escrow AS e ON e.credential_id = k.id AND e.held = 1";

const CONTROLS: &str = "
SELECT json_group_array(json_array(source_id, protocol, endpoint, accepted_at, credential_id, other_at)) FROM control WHERE provider = ?1";

// Rows are parsed once, as in COLLECT's statements; beliefs and parts are texts to SQLite.
pub(super) const BELIEFS: &str = "
UPDATE credential SET liveness = v.liveness, belief = v.belief, probe_at = v.probe_at,
       kind = coalesce(v.kind, credential.kind), parts = coalesce(v.parts, credential.parts)
FROM (SELECT value ->> 0 AS id, value ->> 1 AS liveness, value ->> 2 AS belief, value ->> 3 AS probe_at,
             value ->> 4 AS kind, value ->> 5 AS parts
      FROM (SELECT jsonb(value) AS value FROM json_each(?1) LIMIT -1 OFFSET 0)) AS v
WHERE credential.id = v.id";

// Grouped, because one batch may bring several acceptances of the same endpoint.
const WRITE_CONTROLS: &str = "
INSERT INTO control (source_id, provider, protocol, endpoint, accepted_at, credential_id, other_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
FROM json_each(?1) WHERE true
ON CONFLICT (provider, source_id, protocol, endpoint) DO UPDATE SET
    accepted_at = excluded.accepted_at, credential_id = excluded.credential_id, other_at = excluded.other_at
WHERE excluded.accepted_at >= control.accepted_at";
