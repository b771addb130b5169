//! The statements of COLLECT's writes. `$1` is the JSON list of rows, `$2` the present instant, unless said otherwise.
//! Fields have the names of the types in [`crate::ports::collect`].

use crate::ledger::sql::Sql;

pub(in crate::ledger) const ACCOUNTS: Sql = sql!(
    "INSERT INTO account (id, source_id, external_id)
     SELECT v.id, v.source, v.external_id FROM " [records "$1" v (id bigint, source bigint, external_id text)]
);

pub(in crate::ledger) const PEOPLE: Sql = sql!(
    "INSERT INTO person (id, source_id, account_id, member_id, email, role, status, verified, locale, timezone, digest,
                         facts_at, told_at)
     SELECT v.id, v.source, v.account, v.member_id, v.email, v.role, v.status, " ["v.verified" | "v.verified::int"] ",
            v.locale, v.timezone, v.digest, v.facts_at, v.told_at
     FROM " [records "$1" v (id bigint, source bigint, account bigint, member_id text, email text, role text, status text,
                             verified boolean, locale text, timezone text, digest text, facts_at bigint,
                             told_at bigint)] "
     WHERE true
     ON CONFLICT (id) DO UPDATE SET
         email = excluded.email, role = excluded.role, status = excluded.status, verified = excluded.verified,
         locale = excluded.locale, timezone = excluded.timezone, digest = excluded.digest,
         absent_since = CASE WHEN person.status = 'removed' AND excluded.status = 'removed' THEN person.absent_since END,
         facts_at = excluded.facts_at, told_at = coalesce(excluded.told_at, person.told_at)"
);

pub(in crate::ledger) const PEOPLE_ABSENT: Sql = sql!(
    "UPDATE person SET absent_since = v.since
     FROM " [tuples "$1" v (0 id bigint, 1 since bigint)] " WHERE person.id = v.id"
);

pub(in crate::ledger) const PEOPLE_PRESENT: Sql =
    sql!("UPDATE person SET absent_since = NULL WHERE id IN " [within "$1" bigint]);

// Without a digest: whoever comes back counts as changed, so that the status is written again. From when they are believed
// to be gone is older than what comes to be told of them before.
pub(in crate::ledger) const PEOPLE_GONE: Sql = sql!(
    "UPDATE person SET status = 'removed', digest = '', absent_since = v.at
     FROM " [tuples "$1" v (0 id bigint, 1 at bigint)] " WHERE person.id = v.id"
);

// In the order of the fingerprints: each page of their index is then touched once.
pub(in crate::ledger) const CREDENTIALS: Sql = sql!(
    "INSERT INTO credential (id, fingerprint, source_id, provider, key_id, region, base_url, placeholder, secret_since,
                             provenance, first_seen_at, probe_at)
     SELECT v.id, v.fingerprint, v.source, v.provider, v.key_id, v.region, v.base_url,
            " ["v.placeholder" | "v.placeholder::int"] ", v.secret_since, v.provenance, $2,
            CASE WHEN v.sealed IS NULL THEN NULL ELSE $2 END
     FROM " [records "$1" v (id bigint, fingerprint text, source bigint, provider text, key_id text, region text,
                             base_url text, placeholder boolean, sealed text, secret_since bigint, provenance text)] "
     ORDER BY v.fingerprint"
);

pub(in crate::ledger) const OLDER: Sql = sql!(
    "UPDATE credential SET secret_since = v.secret_since, provenance = v.provenance
     FROM " [records "$1" v (id bigint, secret_since bigint, provenance text)] "
     WHERE credential.id = v.id AND credential.secret_since >= v.secret_since"
);

pub(in crate::ledger) const BELIEFS: Sql =
    sql!("SELECT " [page "k.id, " [json "k.belief"]] " FROM credential AS k WHERE k.id IN " [within "$1" bigint]);

pub(in crate::ledger) const RESEALED: Sql = sql!(
    "UPDATE credential SET liveness = v.liveness, belief = v.belief, parts = NULL, probe_at = $2
     FROM " [tuples "$1" v (0 id bigint, 1 liveness text, 2 belief text)] " WHERE credential.id = v.id"
);

pub(in crate::ledger) const PLACED: Sql = sql!(
    "UPDATE credential SET region = v.region, base_url = v.base_url, liveness = v.liveness, belief = v.belief, parts = NULL,
         probe_at = CASE WHEN EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = credential.id AND e.held = 1)
                         THEN $2 ELSE probe_at END
     FROM " [records "$1" v (id bigint, region text, base_url text, liveness text, belief text)] " WHERE credential.id = v.id"
);

// When it was settled that a row is gone is kept until it is there again: later words are held against it.
pub(in crate::ledger) const CONNECTIONS: Sql = sql!(
    "INSERT INTO connection (id, source_id, external_id, account_id, provider, name, status, auth, created_at, deleted_at,
                             facts_at, own_date, row_at, secret_at, told_at, last_sync_at, created_by, running_jobs, used_for, tags,
                             digest, judge_at)
     SELECT v.id, v.source, v.external_id, v.account, v.provider, v.name, v.status, v.auth, v.created_at, v.deleted_at,
            v.facts_at, " ["v.own_date" | "v.own_date::int"] ", v.row_at, v.secret_at, v.told_at, v.last_sync_at, v.created_by, v.running_jobs, v.used_for, v.tags,
            v.digest, $2
     FROM " [records "$1" v (id bigint, source bigint, external_id text, account bigint, provider text, name text,
                             status text, auth text, created_at bigint, deleted_at bigint, facts_at bigint,
                             own_date boolean, row_at bigint, secret_at bigint, told_at bigint, last_sync_at bigint, created_by text, running_jobs bigint, used_for text, tags text,
                             digest text)] "
     WHERE true
     ON CONFLICT (id) DO UPDATE SET
         account_id = excluded.account_id, provider = excluded.provider, name = excluded.name, status = excluded.status,
         auth = excluded.auth, created_at = excluded.created_at, deleted_at = excluded.deleted_at,
         facts_at = excluded.facts_at, own_date = excluded.own_date, row_at = excluded.row_at,
         secret_at = coalesce(excluded.secret_at, connection.secret_at),
         told_at = coalesce(excluded.told_at, connection.told_at), last_sync_at = excluded.last_sync_at, created_by = excluded.created_by,
         running_jobs = excluded.running_jobs, used_for = excluded.used_for, tags = excluded.tags,
         digest = excluded.digest, judge_at = excluded.judge_at,
         absent_since = CASE WHEN connection.status IN ('absent', 'deleted') AND excluded.status IN ('absent', 'deleted')
                             THEN connection.absent_since END"
);

pub(in crate::ledger) const ABSENT: Sql = sql!(
    "UPDATE connection SET absent_since = v.since
     FROM " [tuples "$1" v (0 id bigint, 1 since bigint)] " WHERE connection.id = v.id"
);

// Of what is believed to be gone it stays noted since when: whether it is back, its row must say.
pub(in crate::ledger) const PRESENT: Sql = sql!(
    "UPDATE connection SET absent_since = NULL
     WHERE id IN " [within "$1" bigint] " AND status IN ('active', 'paused')"
);

// Without a digest: an id that comes back counts as changed, and opens a new use.
pub(in crate::ledger) const GONE: Sql = sql!(
    "UPDATE connection SET status = 'absent', digest = '', absent_since = v.at, judge_at = $2
     FROM " [tuples "$1" v (0 id bigint, 1 at bigint)] " WHERE connection.id = v.id"
);

pub(in crate::ledger) const ENDED: Sql = sql!(
    "UPDATE use SET until = CASE WHEN v.until < use.since THEN use.since ELSE v.until END, ended_by = v.\"by\",
                    ended_seen_at = $2, ended_in = v.ended_in
     FROM " [records "$1" v (id bigint, until bigint, by text, ended_in bigint)] "
     WHERE use.id = v.id AND use.until IS NULL"
);

pub(in crate::ledger) const BEGUN: Sql = sql!(
    "INSERT INTO use (id, connection_id, credential_id, account_id, since, until, ended_by, ended_seen_at,
                      ended_at_first_sight, begun_in, first_run, own_from, compromised_at, syncs, sends)
     SELECT v.id, v.connection, v.credential, v.account, v.since,
            " ["v.ended ->> 0, v.ended ->> 1" | "(v.ended::json ->> 0)::bigint, v.ended::json ->> 1"] ",
            CASE WHEN v.ended IS NULL THEN NULL ELSE $2 END, CASE WHEN v.ended IS NULL THEN 0 ELSE 1 END,
            v.begun_in, " ["v.first_run" | "v.first_run::int"] ", v.own_from, v.compromised_at,
            " ["v.syncs, v.sends" | "v.syncs::int, v.sends::int"] "
     FROM " [records "$1" v (id bigint, connection bigint, credential bigint, account bigint, since bigint, ended text,
                             begun_in bigint, first_run boolean, own_from bigint, compromised_at bigint,
                             syncs boolean, sends boolean)]
);

pub(in crate::ledger) const TOLD: Sql = sql!(
    "UPDATE use SET compromised_at = v.compromised_at, " ["syncs = v.syncs, sends = v.sends" | "syncs = v.syncs::int, sends = v.sends::int"] "
     FROM " [records "$1" v (id bigint, compromised_at bigint, syncs boolean, sends boolean)] "
     WHERE use.id = v.id"
);

pub(in crate::ledger) const IDENTIFIED: Sql =
    sql!("UPDATE use SET ended_by = 'identified' WHERE id IN " [within "$1" bigint] " AND until IS NOT NULL");

pub(in crate::ledger) const PAIRS_OF_USES: Sql = sql!(
    "SELECT " [page "credential_id, account_id"] "
     FROM (SELECT DISTINCT u.credential_id, u.account_id
           FROM " [each "$1" ended bigint] " JOIN use AS u ON u.id = ended.value) AS pairs"
);

// Each count stops at two: a credential may be shared by 100,000 connections.
pub(in crate::ledger) const SUMMARIES: Sql = sql!(
    "SELECT " [page
        "credential, account,
         (SELECT count(*) FROM (SELECT 1 FROM use AS u
          WHERE u.credential_id = credential AND u.account_id = account AND u.until IS NULL LIMIT 2) AS two),
         (SELECT count(*) FROM (SELECT 1 FROM use AS u
          WHERE u.credential_id = credential AND u.account_id = account AND u.until IS NOT NULL LIMIT 2) AS two),
         (SELECT u.until FROM use AS u WHERE u.credential_id = credential AND u.account_id = account
          AND u.until IS NOT NULL ORDER BY u.until LIMIT 1),
         (SELECT min(u.compromised_at) FROM use AS u
          WHERE u.credential_id = credential AND u.account_id = account AND u.compromised_at IS NOT NULL),
         EXISTS (SELECT 1 FROM use AS u WHERE u.credential_id = credential AND u.account_id = account
                 AND u.until IS NULL AND u.sends = 1)
         AND EXISTS (SELECT 1 FROM use AS u WHERE u.credential_id = credential AND u.account_id = account
                     AND u.until IS NULL AND u.syncs = 1)"] "
     FROM " [tuples "$1" pair (0 credential bigint, 1 account bigint)]
);

// Idle: no use is open anywhere. The first look comes with the end of the last use, and again when one is back.
pub(in crate::ledger) const RECOUNT: Sql = sql!(
    "UPDATE credential SET
         idle_since = CASE WHEN v.open THEN NULL ELSE coalesce(idle_since, $2) END,
         probe_at = CASE
             WHEN NOT v.held THEN probe_at
             WHEN NOT v.open THEN $2
             WHEN idle_since IS NOT NULL AND (probe_at IS NULL OR probe_at > $2) THEN $2
             ELSE probe_at END
     FROM (SELECT value AS id,
                  EXISTS (SELECT 1 FROM use AS u WHERE u.credential_id = value AND u.until IS NULL) AS open,
                  EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = value AND e.held = 1) AS held
           FROM " [each "$1" recounted bigint] ") AS v
     WHERE credential.id = v.id"
);

// $1 source, $2 and $3 the new marks of completeness, or null for none, $4 the end of the reading, $12 whether the mark for
// readings of changes is set anew, to $13 and $14, $15 when the list was made, where the first mark is set, $16 whether nothing
// could be read: what the last reading said of rows then stays, $8 and $9 what is held back, or null where that was not judged,
// $17 the new mark of a reading that came to its end, or null.
pub(in crate::ledger) const SNAPSHOT: Sql = sql!(
    "UPDATE source SET last_complete = coalesce($2, last_complete), last_people = coalesce($3, last_people),
         last_read = $4, last_rows = CASE WHEN $16 = 1 THEN last_rows ELSE $5 END, last_error = $6,
         quarantined = CASE WHEN $16 = 1 THEN quarantined ELSE $7 END,
         held_back = coalesce($8, held_back), held_back_people = coalesce($9, held_back_people),
         remarks = CASE WHEN $16 = 1 THEN remarks ELSE $10 END, syncs_told = CASE WHEN $11 = 1 THEN 1 ELSE syncs_told END,
         changes_from = CASE WHEN $12 = 1 THEN $13 ELSE changes_from END,
         changes_basis = CASE WHEN $12 = 1 THEN $14 ELSE changes_basis END, last_taken = coalesce($15, last_taken),
         last_through = coalesce($17, last_through)
     WHERE id = $1"
);

// What the last whole reading said of rows, remarks and what is held back stays. $1 source, $2 the new mark of a success, or
// null for none, $3 that of people, $4 the end of the reading, $8 to $10 as $12 to $14 above.
pub(in crate::ledger) const CHANGES: Sql = sql!(
    "UPDATE source SET last_changes = coalesce($2, last_changes), last_people = coalesce($3, last_people),
         last_read = $4, last_error = $5, quarantined = quarantined + $6,
         syncs_told = CASE WHEN $7 = 1 THEN 1 ELSE syncs_told END,
         changes_from = CASE WHEN $8 = 1 THEN $9 ELSE changes_from END,
         changes_basis = CASE WHEN $8 = 1 THEN $10 ELSE changes_basis END
     WHERE id = $1"
);

// $1 source.
pub(in crate::ledger) const SYNCS_ARE_NEWS: Sql = sql!("SELECT count(*) FROM source WHERE id = $1 AND syncs_told = 0");

// Not of a source that is read for the first time: all that it has is judged anyway. $1 source.
pub(in crate::ledger) const PEOPLE_ARE_NEWS: Sql = sql!(
    "SELECT count(*) FROM source WHERE id = $1 AND last_people IS NULL AND (last_read IS NOT NULL OR last_event IS NOT NULL)"
);

// $1 source, $2 the platform's ids of accounts in doubt.
pub(in crate::ledger) const SURE_OTHERWISE: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM account WHERE source_id = $1 AND unsure = 1 AND external_id NOT IN " [within "$2" text] "
           UNION ALL
           SELECT a.id FROM " [each "$2" named text] " JOIN account AS a ON a.source_id = $1 AND a.external_id = named.value
           WHERE a.unsure = 0) AS flipped"
);

// $1 accounts.
pub(in crate::ledger) const FLIP_UNSURE: Sql =
    sql!("UPDATE account SET unsure = 1 - unsure WHERE id IN " [within "$1" bigint]);

// $1 source.
pub(in crate::ledger) const NO_QUARANTINE: Sql = sql!("DELETE FROM quarantine WHERE source_id = $1");

// $1 source, $2 rows.
pub(in crate::ledger) const QUARANTINE: Sql = sql!(
    "INSERT INTO quarantine (source_id, row_number, field, reason)
     SELECT $1, v.\"row\", v.field, v.reason FROM " [records "$2" v (row bigint, field text, reason text)]
);
