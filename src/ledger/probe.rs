//! What PROBE asks of the ledger and writes to it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::belief::Belief;
use crate::domain::blindness::{Accounts, Scope, Sight};
use crate::domain::clock::Clocks;
use crate::domain::control::Accepted;
use crate::domain::ids::{AccountId, CredentialId, ProviderName, SourceId};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::probe::{Control, DueCredential, Learnt, ProbeLedger, ProbeRecord, SameKey};
use crate::ports::{Event, LedgerError};

use super::packed::{pack, size};
use super::session::Session;
use super::sql::Sql;
use super::{Ledger, due, escrow, keymates, sight, turn};

/// From so many due credentials of a provider on, a page is found by walking all credentials in their order: sorting
/// that many for every page would cost the square of them. Below, sorting the due ones costs less than the walk.
const MANY: i64 = 10_000;

/// The number that stands for the operator's own control credential among the sources.
const OPERATOR: i64 = 0;

impl ProbeLedger for Ledger {
    async fn due_providers(&self, now: Timestamp) -> Result<Vec<(ProviderName, u64)>, LedgerError> {
        let mut line = self.look("count due credentials").await?;
        let counted: Vec<(ProviderName, u64)> = line.rows("credential", &DUE_PROVIDERS, [now.into()]).await?;
        Ok(counted.into_iter().filter(|(_, due)| *due > 0).collect())
    }

    async fn due_credentials(
        &self,
        provider: &ProviderName,
        now: Timestamp,
        after: CredentialId,
        limit: usize,
    ) -> Result<Vec<DueCredential>, LedgerError> {
        let mut line = self.look("page through due credentials").await?;
        let provider = provider.as_str();
        let due = line.number(&COUNT_DUE, [provider.into(), now.into(), MANY.into()]).await?;
        if due == 0 {
            return Ok(Vec::new());
        }
        let statement = if due < MANY { &FEW_DUE } else { &MANY_DUE };
        let page = [provider.into(), now.into(), after.0.into(), size(limit).into()];
        Ok(credentials(line.rows("credential", statement, page).await?))
    }

    async fn held_credentials(&self, ids: &[CredentialId]) -> Result<Vec<DueCredential>, LedgerError> {
        let mut line = self.look("look up held credentials").await?;
        Ok(credentials(line.rows("credential", &HELD_CREDENTIALS, [pack(ids)?.into()]).await?))
    }

    async fn controls(&self, provider: &ProviderName) -> Result<Vec<Control>, LedgerError> {
        type Row = (i64, String, String, Timestamp, Option<CredentialId>, Option<Timestamp>);
        let mut line = self.look("read the positive controls").await?;
        let rows: Vec<Row> = line.rows("control", &CONTROLS, [provider.as_str().into()]).await?;
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

    async fn sights(&self, provider: &ProviderName) -> Result<Vec<(Scope, Sight)>, LedgerError> {
        sight::sights(&mut self.look("read what is remembered of a provider").await?, provider).await
    }

    async fn last_run(&self) -> Result<Option<Timestamp>, LedgerError> {
        let mut line = self.look("read when the last scan was").await?;
        let last: Vec<Timestamp> = line.rows("scan", &LAST_RUN, []).await?;
        Ok(last.first().copied())
    }

    async fn clocks(&self) -> Result<Clocks, LedgerError> {
        Self::clocks(self).await
    }

    async fn suspects(
        &self,
        provider: &ProviderName,
        after: CredentialId,
        limit: usize,
    ) -> Result<Vec<DueCredential>, LedgerError> {
        let mut line = self.look("page through suspects").await?;
        let page = [provider.as_str().into(), after.0.into(), size(limit).into()];
        Ok(credentials(line.rows("credential", &SUSPECTS, page).await?))
    }

    async fn refused_by_source(&self, provider: &ProviderName) -> Result<Vec<(SourceId, u64)>, LedgerError> {
        let mut line = self.look("count refused credentials by source").await?;
        line.rows("credential", &REFUSED_BY_SOURCE, [provider.as_str().into()]).await
    }

    async fn sharing_a_key(&self, ids: &[CredentialId]) -> Result<Vec<CredentialId>, LedgerError> {
        keymates::sharing(&mut self.look("look for other secrets of the same keys").await?, ids).await
    }

    async fn keymates(&self, id: CredentialId, after: CredentialId) -> Result<Vec<SameKey>, LedgerError> {
        keymates::page(&mut self.look("page through the secrets of a key").await?, id, after).await
    }

    async fn commit_probes(&self, now: Timestamp, learnt: &Learnt<'_>) -> Result<Vec<CredentialId>, LedgerError> {
        let Learnt { records, controls, sights, outlived, sooner, clocks, events } = *learnt;
        let shreds = records.iter().any(|record| record.shred);
        // Whoever compares rows with what is held finishes first, or begins anew and shows the secret again.
        let _turn = if shreds { Some(self.turns().lock().await) } else { None };
        let mut tx = self.write("write the answers of providers").await?;
        if shreds {
            turn::take(&mut tx, None).await?;
        }
        let overtaken = overtaken(&mut tx, records).await?;
        let records = &*but(records, &overtaken);
        let mut seen_differently = of_another_kind(&mut tx, records).await?;
        let mut silent: Vec<CredentialId> = tx.rows("credential", &DESTROYED, [ids(records)?.into()]).await?;
        silent.extend(overtaken);
        write_beliefs(&mut tx, records).await?;
        let (ended, changed) = keymates::write(&mut tx, outlived, sooner).await?;
        silent.extend(changed);
        escrow::shred(&mut tx, &chosen(records, |record| record.shred)).await?;
        write_controls(&mut tx, controls).await?;
        sight::write(&mut tx, sights, clocks).await?;
        seen_differently.extend(chosen(records, |record| record.transition));
        seen_differently.extend(ended);
        due::by_credential(&mut tx, &seen_differently, now).await?;
        tx.log(&without(events, &silent)).await?;
        tx.commit().await?;
        Ok(silent)
    }

    async fn scrub(&self) -> Result<(), LedgerError> {
        escrow::scrub(self).await
    }
}

fn ids(records: &[ProbeRecord]) -> Result<String, LedgerError> {
    pack(&records.iter().map(|record| record.id).collect::<Vec<_>>())
}

/// Those that were asked where they are not at home any more, and those whose copy was to be destroyed for lack of use, and that
/// came into use while they were asked, or were and are not any more: nothing of it holds, and they are due again.
async fn overtaken(tx: &mut Session, records: &[ProbeRecord]) -> Result<Vec<CredentialId>, LedgerError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<_> = records
        .iter()
        .map(|record| (record.id, &record.region, &record.base_url, i64::from(record.shred), record.idle_since))
        .collect();
    tx.rows("credential", &OVERTAKEN, [pack(&asked)?.into()]).await
}

fn but<'r>(records: &'r [ProbeRecord], without: &[CredentialId]) -> Cow<'r, [ProbeRecord]> {
    if without.is_empty() {
        return records.into();
    }
    records.iter().filter(|record| !without.contains(&record.id)).cloned().collect()
}

/// What is to be told of the others. Of credentials whose copy somebody had destroyed while they were asked nothing is to be
/// told: nothing comes after that.
fn without<'e>(events: &'e [Event], silent: &[CredentialId]) -> Cow<'e, [Event]> {
    if silent.is_empty() {
        return events.into();
    }
    let theirs: BTreeSet<String> = silent.iter().map(|id| format!("credential:{id}")).collect();
    events.iter().filter(|event| !theirs.contains(&event.subject)).cloned().collect()
}

fn chosen(records: &[ProbeRecord], which: impl Fn(&ProbeRecord) -> bool) -> Vec<CredentialId> {
    records.iter().filter(|record| which(record)).map(|record| record.id).collect()
}

/// Those that the provider now takes for another kind of key than it did: a rule reads that, whatever became of the belief.
async fn of_another_kind(tx: &mut Session, records: &[ProbeRecord]) -> Result<Vec<CredentialId>, LedgerError> {
    let kinds: Vec<_> = records.iter().filter_map(|record| Some((record.id, record.kind.as_deref()?))).collect();
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    tx.rows("credential", &OF_ANOTHER_KIND, [pack(&kinds)?.into()]).await
}

async fn write_beliefs(tx: &mut Session, records: &[ProbeRecord]) -> Result<(), LedgerError> {
    if records.is_empty() {
        return Ok(());
    }
    let rows = records
        .iter()
        .map(|record| {
            // never again where the copy is destroyed: there is nothing left to ask with
            let probe_at = record.probe_at.filter(|_| !record.shred);
            let belief = pack(&record.belief)?;
            let parts = record.parts.as_ref().map(pack).transpose()?;
            Ok((record.id, record.belief.liveness, belief, probe_at, &record.kind, parts))
        })
        .collect::<Result<Vec<_>, LedgerError>>()?;
    tx.run(&BELIEFS, [pack(&rows)?.into()]).await?;
    Ok(())
}

async fn write_controls(tx: &mut Session, controls: &[Control]) -> Result<(), LedgerError> {
    if controls.is_empty() {
        return Ok(());
    }
    // One batch may bring several acceptances of the same endpoint, and PostgreSQL writes a row once a statement.
    let mut latest: BTreeMap<_, Accepted> = BTreeMap::new();
    for c in controls {
        let place = (c.source.map_or(OPERATOR, |source| source.0), &c.provider, &c.protocol, &c.endpoint);
        let known = latest.entry(place).or_insert(c.accepted);
        if c.accepted.at >= known.at {
            *known = c.accepted;
        }
    }
    let rows: Vec<_> = latest
        .into_iter()
        .map(|((source, provider, protocol, endpoint), Accepted { credential, at, other_at })| {
            (source, provider, protocol, endpoint, at, credential, other_at)
        })
        .collect();
    tx.run(&WRITE_CONTROLS, [pack(&rows)?.into()]).await?;
    Ok(())
}

type Packed = (
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
    Option<AccountId>,
    Option<AccountId>,
);

fn credentials(rows: Vec<Packed>) -> Vec<DueCredential> {
    rows.into_iter()
        .map(
            |(id, fingerprint, source, provider, key_id, region, base_url, belief, idle_since, sealed, first, last)| {
                let accounts = Accounts(first, last);
                DueCredential {
                    id,
                    fingerprint,
                    source,
                    accounts,
                    provider,
                    key_id,
                    region,
                    base_url,
                    belief,
                    idle_since,
                    sealed,
                }
            },
        )
        .collect()
}

// From one provider's name to the next by the index, instead of over all that will once be due.
pub(super) const LAST_RUN: Sql = sql!(
    "SELECT " [numbers "last"] "
     FROM (SELECT coalesce(finished_at, started_at) AS last FROM scan ORDER BY id DESC LIMIT 1) AS latest"
);

pub(super) const DUE_PROVIDERS: Sql = sql!(
    "WITH RECURSIVE known (provider) AS (
         SELECT min(provider) FROM credential WHERE probe_at IS NOT NULL
         UNION ALL
         SELECT (SELECT min(c.provider) FROM credential AS c WHERE c.probe_at IS NOT NULL AND c.provider > known.provider)
         FROM known WHERE known.provider IS NOT NULL
     )
     SELECT " [page "provider, (SELECT count(*) FROM credential AS c WHERE c.provider = known.provider AND c.probe_at <= $1)"] "
     FROM known WHERE provider IS NOT NULL"
);

pub(super) const COUNT_DUE: Sql =
    sql!("SELECT count(*) FROM (SELECT 1 FROM credential WHERE provider = $1 AND probe_at <= $2 LIMIT $3) AS due");

/// A credential's columns in the order of [`Packed`], `held` being those of its copy. The accounts are the first and the last
/// entry of an index, however many share the credential.
macro_rules! packed_credential {
    ($dialect:ident) => {
        dialect!($dialect
            "k.id, k.fingerprint, k.source_id, k.provider, k.key_id, k.region, k.base_url, " [json "k.belief"] ",
             k.idle_since, (SELECT e.sealed FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1 LIMIT 1),
             (SELECT min(u.account_id) FROM use AS u WHERE u.credential_id = k.id),
             (SELECT max(u.account_id) FROM use AS u WHERE u.credential_id = k.id)")
    };
}

/// A page of due credentials from a list of numbers.
macro_rules! due_among {
    ($sqlite:literal | $postgres:literal) => {
        sql!(
            "SELECT " [page by "k.id": [fill packed_credential]] "
             FROM (SELECT id FROM credential WHERE " [$sqlite | $postgres] " LIMIT $4) AS due
             JOIN credential AS k ON k.id = due.id"
        )
    };
}

// The signs before the columns keep SQLite's planner from the other plan (see [`MANY`]).
pub(super) const FEW_DUE: Sql = due_among!(
    "provider = $1 AND probe_at <= $2 AND +id > $3 ORDER BY +id"
        | "provider = $1 AND probe_at <= $2 AND id + 0 > $3 ORDER BY id + 0"
);

pub(super) const MANY_DUE: Sql = due_among!(
    "+provider = $1 AND +probe_at <= $2 AND id > $3 ORDER BY id"
        | "provider || '' = $1 AND probe_at + 0 <= $2 AND id > $3 ORDER BY id"
);

pub(super) const HELD_CREDENTIALS: Sql = sql!(
    "SELECT " [page [fill packed_credential]] "
     FROM " [each "$1" wanted bigint] "
     JOIN credential AS k ON k.id = wanted.value
     WHERE EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1)"
);

pub(super) const SUSPECTS: Sql = sql!(
    "SELECT " [page by "k.id": [fill packed_credential]] "
     FROM (SELECT id FROM credential WHERE provider = $1 AND liveness = 'suspect' AND id > $2 ORDER BY id LIMIT $3) AS due
     JOIN credential AS k ON k.id = due.id"
);

pub(super) const REFUSED_BY_SOURCE: Sql = sql!(
    "SELECT " [page "source_id, refused"] "
     FROM (SELECT source_id, count(*) AS refused FROM credential
           WHERE provider = $1 AND liveness IN ('suspect', 'dead', 'shredded') AND liveness <> 'live'
           GROUP BY source_id) AS counted"
);

pub(super) const CONTROLS: Sql = sql!(
    "SELECT " [page "source_id, protocol, endpoint, accepted_at, credential_id, other_at"] "
     FROM control WHERE provider = $1"
);

pub(super) const DESTROYED: Sql = sql!(
    "SELECT " [numbers "k.id"] " FROM " [each "$1" asked bigint] "
     JOIN credential AS k ON k.id = asked.value AND k.liveness = 'shredded'"
);

pub(super) const OVERTAKEN: Sql = sql!(
    "SELECT " [numbers "k.id"] "
     FROM " [tuples "$1" v (0 id bigint, 1 region text, 2 base_url text, 3 shred bigint, 4 idle_since bigint)] "
     CROSS JOIN credential AS k
     WHERE k.id = v.id AND (k.region IS DISTINCT FROM v.region OR k.base_url IS DISTINCT FROM v.base_url
                            OR (v.shred = 1 AND k.idle_since IS DISTINCT FROM v.idle_since))"
);

pub(super) const OF_ANOTHER_KIND: Sql = sql!(
    "SELECT " [numbers "k.id"] " FROM " [tuples "$1" v (0 id bigint, 1 kind text)] "
     CROSS JOIN credential AS k WHERE k.id = v.id AND k.kind IS DISTINCT FROM v.kind"
);

// Beliefs and parts are texts to SQLite. Whoever had the copy destroyed while the provider was asked has the last word.
pub(super) const BELIEFS: Sql = sql!(
    "UPDATE credential SET liveness = v.liveness, belief = v.belief, probe_at = v.probe_at,
            kind = coalesce(v.kind, credential.kind), parts = coalesce(v.parts, credential.parts)
     FROM " [wide "$1" v (0 id bigint, 1 liveness text, 2 belief text, 3 probe_at bigint, 4 kind text, 5 parts text)] "
     WHERE credential.id = v.id AND credential.liveness <> 'shredded'"
);

pub(super) const WRITE_CONTROLS: Sql = sql!(
    "INSERT INTO control (source_id, provider, protocol, endpoint, accepted_at, credential_id, other_at)
     SELECT v.source, v.provider, v.protocol, v.endpoint, v.at, v.credential, v.other_at
     FROM " [tuples "$1" v (0 source bigint, 1 provider text, 2 protocol text, 3 endpoint text, 4 at bigint,
                            5 credential bigint, 6 other_at bigint)] "
     WHERE true
     ON CONFLICT (provider, source_id, protocol, endpoint) DO UPDATE SET
         accepted_at = excluded.accepted_at, credential_id = excluded.credential_id, other_at = excluded.other_at
     WHERE excluded.accepted_at >= control.accepted_at"
);
