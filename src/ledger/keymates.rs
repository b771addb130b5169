//! Credentials with the same public half (`domain::outlived`).

use crate::domain::belief::Belief;
use crate::domain::blindness::Accounts;
use crate::domain::ids::{AccountId, CredentialId};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;
use crate::ports::probe::{OutlivedRecord, SameKey};

use super::packed::{flag, pack};
use super::session::Session;
use super::sql::Sql;

/// Others read at a time. One key may have thousands.
const PAGE_SIZE: i64 = 1_000;

#[derive(serde::Deserialize)]
struct Packed {
    id: CredentialId,
    fingerprint: Fingerprint,
    first: Option<AccountId>,
    last: Option<AccountId>,
    region: Option<String>,
    base_url: Option<String>,
    belief: Belief,
    first_seen_at: Option<Timestamp>,
    idle_since: Option<Timestamp>,
    #[serde(deserialize_with = "flag")]
    held: bool,
}

/// See [`crate::ports::probe::ProbeLedger::sharing_a_key`].
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn sharing(line: &mut Session, ids: &[CredentialId]) -> Result<Vec<CredentialId>, LedgerError> {
    line.rows("credential", &SHARING, [pack(ids)?.into()]).await
}

/// See [`crate::ports::probe::ProbeLedger::keymates`].
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn page(
    line: &mut Session,
    id: CredentialId,
    after: CredentialId,
) -> Result<Vec<SameKey>, LedgerError> {
    let rows: Vec<Packed> = line.rows("credential", &PAGE, [id.0.into(), after.0.into(), PAGE_SIZE.into()]).await?;
    let mates = rows.into_iter().map(|row| SameKey {
        id: row.id,
        fingerprint: row.fingerprint,
        accounts: Accounts(row.first, row.last),
        region: row.region,
        base_url: row.base_url,
        belief: row.belief,
        first_seen_at: row.first_seen_at,
        idle_since: row.idle_since,
        held: row.held,
    });
    Ok(mates.collect())
}

/// Writes that credentials are outlived, and which are to be looked at sooner. Returns the outlived ones, and those that were to
/// be and are in another state by now.
///
/// # Errors
/// [`LedgerError`], as for every statement.
pub(super) async fn write(
    tx: &mut Session,
    outlived: &[OutlivedRecord],
    sooner: &[(CredentialId, Timestamp)],
) -> Result<(Vec<CredentialId>, Vec<CredentialId>), LedgerError> {
    if !sooner.is_empty() {
        tx.run(&SOONER, [pack(sooner)?.into()]).await?;
    }
    if outlived.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let known: Vec<_> = outlived.iter().map(|record| (record.id, record.from)).collect();
    let still: Vec<CredentialId> = tx.rows("credential", &STILL, [pack(&known)?.into()]).await?;
    let (ended, changed): (Vec<_>, Vec<_>) = outlived.iter().partition(|record| still.contains(&record.id));
    let rows = ended
        .iter()
        .map(|record| Ok((record.id, record.belief.liveness, pack(&record.belief)?, record.probe_at)))
        .collect::<Result<Vec<_>, LedgerError>>()?;
    tx.run(&OUTLIVED, [pack(&rows)?.into()]).await?;
    let ids = |records: Vec<&OutlivedRecord>| records.into_iter().map(|record| record.id).collect();
    Ok((ids(ended), ids(changed)))
}

/// Another secret of the key `k` that is not proven dead. What stands in for a secret is none.
macro_rules! unproven_other {
    ($dialect:ident) => {
        dialect!($dialect
            "s.provider = k.provider AND s.key_id = k.key_id AND s.id <> k.id AND s.placeholder = 0
             AND (s.liveness IN ('unverified', 'live', 'suspect')
                  OR (s.liveness = 'shredded' AND (" ["s.belief" | "s.belief::json"] " ->> 'shredding') = 'unproven'))")
    };
}

pub(super) const SHARING: Sql = sql!(
    "SELECT " [numbers "k.id"] " FROM " [each "$1" wanted bigint] "
     JOIN credential AS k ON k.id = wanted.value
     WHERE EXISTS (SELECT 1 FROM credential AS s WHERE " [fill unproven_other] ")"
);

// The credential itself first, and beside it a page of the others.
pub(super) const PAGE: Sql = sql!(
    "SELECT " [page by "k.id": "k.id, k.fingerprint,
            (SELECT min(u.account_id) FROM use AS u WHERE u.credential_id = k.id),
            (SELECT max(u.account_id) FROM use AS u WHERE u.credential_id = k.id),
            k.region, k.base_url, " [json "k.belief"] ", k.first_seen_at, k.idle_since,
            EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1)"] "
     FROM (SELECT $1 AS id
           UNION ALL
           SELECT id FROM (SELECT s.id AS id FROM credential AS k JOIN credential AS s ON " [fill unproven_other] "
                           WHERE k.id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3) AS others) AS wanted
     JOIN credential AS k ON k.id = wanted.id"
);

pub(super) const STILL: Sql = sql!(
    "SELECT " [numbers "k.id"] " FROM " [tuples "$1" v (0 id bigint, 1 liveness text)] "
     CROSS JOIN credential AS k WHERE k.id = v.id AND k.liveness = v.liveness"
);

pub(super) const OUTLIVED: Sql = sql!(
    "UPDATE credential SET liveness = v.liveness, belief = v.belief, probe_at = v.probe_at
     FROM " [wide "$1" v (0 id bigint, 1 liveness text, 2 belief text, 3 probe_at bigint)] "
     WHERE credential.id = v.id"
);

pub(super) const SOONER: Sql = sql!(
    "UPDATE credential SET probe_at = v.at FROM " [tuples "$1" v (0 id bigint, 1 at bigint)] "
     WHERE credential.id = v.id AND credential.probe_at > v.at"
);
