//! The statements of COLLECT's writes. `?1` is the JSON list of rows, `?2` the present instant, unless said otherwise.
//! Fields have the names of the types in [`crate::ports::collect`].
//!
//! Rows of many fields are parsed once, by `jsonb`: else SQLite parses the row's text anew for every field, which was half
//! of a first load. The `LIMIT` is none, but keeps the planner from merging the inner query into the outer, which would undo it.

pub(in crate::ledger) const ACCOUNTS: &str = "
INSERT INTO account (id, source_id, external_id)
SELECT value ->> 'id', value ->> 'source', value ->> 'external_id' FROM json_each(?1)";

pub(in crate::ledger) const PEOPLE: &str = "
INSERT INTO person (id, source_id, account_id, member_id, email, role, status, verified, locale, timezone, digest)
SELECT value ->> 'id', value ->> 'source', value ->> 'account', value ->> 'member_id', value ->> 'email',
       value ->> 'role', value ->> 'status', value ->> 'verified', value ->> 'locale', value ->> 'timezone',
       value ->> 'digest'
FROM (SELECT jsonb(value) AS value FROM json_each(?1) LIMIT -1 OFFSET 0) WHERE true
ON CONFLICT (id) DO UPDATE SET
    email = excluded.email, role = excluded.role, status = excluded.status, verified = excluded.verified,
    locale = excluded.locale, timezone = excluded.timezone, digest = excluded.digest, absent_since = NULL";

pub(in crate::ledger) const PEOPLE_ABSENT: &str = "
UPDATE person SET absent_since = v.since
FROM (SELECT value ->> 0 AS id, value ->> 1 AS since FROM json_each(?1)) AS v WHERE person.id = v.id";

pub(in crate::ledger) const PEOPLE_PRESENT: &str = "
UPDATE person SET absent_since = NULL WHERE id IN (SELECT value FROM json_each(?1))";

// Without a digest: whoever comes back counts as changed, so that the status is written again.
pub(in crate::ledger) const PEOPLE_GONE: &str = "
UPDATE person SET status = 'removed', digest = '' WHERE id IN (SELECT value FROM json_each(?1))";

// In the order of the fingerprints: each page of their index is then touched once.
pub(in crate::ledger) const CREDENTIALS: &str = "
INSERT INTO credential (id, fingerprint, source_id, provider, key_id, region, base_url, placeholder, secret_since,
                        provenance, probe_at)
SELECT value ->> 'id', value ->> 'fingerprint', value ->> 'source', value ->> 'provider', value ->> 'key_id',
       value ->> 'region', value ->> 'base_url', value ->> 'placeholder', value ->> 'secret_since',
       value ->> 'provenance', CASE WHEN value ->> 'sealed' IS NULL THEN NULL ELSE ?2 END
FROM (SELECT jsonb(value) AS value FROM json_each(?1) LIMIT -1 OFFSET 0) ORDER BY value ->> 'fingerprint'";

pub(in crate::ledger) const OLDER: &str = "
UPDATE credential SET secret_since = v.since, provenance = v.provenance
FROM (SELECT value ->> 'id' AS id, value ->> 'secret_since' AS since, value ->> 'provenance' AS provenance
      FROM json_each(?1)) AS v
WHERE credential.id = v.id AND credential.secret_since >= v.since";

pub(in crate::ledger) const RESEALED: &str = "
UPDATE credential SET liveness = 'unverified', belief = '{}', parts = NULL, probe_at = ?2
WHERE id IN (SELECT value FROM json_each(?1))";

pub(in crate::ledger) const CONNECTIONS: &str = "
INSERT INTO connection (id, source_id, external_id, account_id, provider, name, status, auth, created_at, deleted_at,
                        facts_at, last_sync_at, created_by, running_jobs, used_for, tags, digest, judge_at)
SELECT value ->> 'id', value ->> 'source', value ->> 'external_id', value ->> 'account', value ->> 'provider',
       value ->> 'name', value ->> 'status', value ->> 'auth', value ->> 'created_at', value ->> 'deleted_at',
       value ->> 'facts_at', value ->> 'last_sync_at', value ->> 'created_by', value ->> 'running_jobs',
       value ->> 'used_for', value ->> 'tags', value ->> 'digest', ?2
FROM (SELECT jsonb(value) AS value FROM json_each(?1) LIMIT -1 OFFSET 0) WHERE true
ON CONFLICT (id) DO UPDATE SET
    account_id = excluded.account_id, provider = excluded.provider, name = excluded.name, status = excluded.status,
    auth = excluded.auth, created_at = excluded.created_at, deleted_at = excluded.deleted_at,
    facts_at = excluded.facts_at, last_sync_at = excluded.last_sync_at, created_by = excluded.created_by,
    running_jobs = excluded.running_jobs, used_for = excluded.used_for, tags = excluded.tags,
    digest = excluded.digest, absent_since = NULL, judge_at = excluded.judge_at";

pub(in crate::ledger) const ABSENT: &str = "
UPDATE connection SET absent_since = v.since
FROM (SELECT value ->> 0 AS id, value ->> 1 AS since FROM json_each(?1)) AS v WHERE connection.id = v.id";

pub(in crate::ledger) const PRESENT: &str = "
UPDATE connection SET absent_since = NULL WHERE id IN (SELECT value FROM json_each(?1))";

// Without a digest: an id that comes back counts as changed, and opens a new use.
pub(in crate::ledger) const GONE: &str = "
UPDATE connection SET status = 'absent', digest = '', judge_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))";

pub(in crate::ledger) const ENDED: &str = "
UPDATE use SET until = CASE WHEN v.until < use.since THEN use.since ELSE v.until END, ended_by = v.ended_by, ended_seen_at = ?2
FROM (SELECT value ->> 'id' AS id, value ->> 'until' AS until, value ->> 'by' AS ended_by FROM json_each(?1)) AS v
WHERE use.id = v.id AND use.until IS NULL";

pub(in crate::ledger) const BEGUN: &str = "
INSERT INTO use (id, connection_id, credential_id, account_id, since, until, ended_by, ended_seen_at,
                 ended_at_first_sight, first_run)
SELECT value ->> 'id', value ->> 'connection', value ->> 'credential', value ->> 'account', value ->> 'since',
       value ->> '$.ended[0]', value ->> '$.ended[1]',
       CASE WHEN value ->> 'ended' IS NULL THEN NULL ELSE ?2 END,
       CASE WHEN value ->> 'ended' IS NULL THEN 0 ELSE 1 END, value ->> 'first_run'
FROM (SELECT jsonb(value) AS value FROM json_each(?1) LIMIT -1 OFFSET 0)";

pub(in crate::ledger) const PAIRS_OF_USES: &str = "
SELECT json_group_array(DISTINCT json_array(u.credential_id, u.account_id))
FROM json_each(?1) AS ended JOIN use AS u ON u.id = ended.value";

// Each count stops at two: a credential may be shared by 100,000 connections.
pub(in crate::ledger) const SUMMARIES: &str = "
SELECT json_group_array(json_array(credential, account,
       (SELECT count(*) FROM (SELECT 1 FROM use AS u
        WHERE u.credential_id = credential AND u.account_id = account AND u.until IS NULL LIMIT 2)),
       (SELECT count(*) FROM (SELECT 1 FROM use AS u
        WHERE u.credential_id = credential AND u.account_id = account AND u.until IS NOT NULL LIMIT 2)),
       (SELECT u.until FROM use AS u WHERE u.credential_id = credential AND u.account_id = account
        AND u.until IS NOT NULL ORDER BY u.until LIMIT 1)))
FROM (SELECT value ->> 0 AS credential, value ->> 1 AS account FROM json_each(?1))";

// Idle: no use is open anywhere. The first look comes with the end of the last use, and again when one is back.
pub(in crate::ledger) const RECOUNT: &str = "
UPDATE credential SET
    idle_since = CASE WHEN v.open THEN NULL ELSE coalesce(idle_since, ?2) END,
    probe_at = CASE
        WHEN NOT v.held THEN probe_at
        WHEN NOT v.open THEN ?2
        WHEN idle_since IS NOT NULL AND (probe_at IS NULL OR probe_at > ?2) THEN ?2
        ELSE probe_at END
FROM (SELECT value AS id,
             EXISTS (SELECT 1 FROM use AS u WHERE u.credential_id = value AND u.until IS NULL) AS open,
             EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = value AND e.held = 1) AS held
      FROM json_each(?1)) AS v
WHERE credential.id = v.id";

// ?1 source, ?2 and ?3 the new marks of completeness, or null for none, ?4 the end of the reading.
pub(in crate::ledger) const SNAPSHOT: &str = "
UPDATE source SET last_complete = coalesce(?2, last_complete), last_people = coalesce(?3, last_people),
    last_read = ?4, last_rows = ?5, last_error = ?6, quarantined = ?7, held_back = ?8, held_back_people = ?9,
    remarks = ?10
WHERE id = ?1";

// ?1 source, ?2 rows.
pub(in crate::ledger) const QUARANTINE: &str = "
INSERT INTO quarantine (source_id, row_number, field, reason)
SELECT ?1, value ->> 'row', value ->> 'field', value ->> 'reason' FROM json_each(?2)";
