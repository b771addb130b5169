//! A whole copy of a ledger in PostgreSQL, as an SQLite file: both have the same tables and columns.

use std::fs::OpenOptions;
use std::path::Path;

use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};

use super::failure::database;
use super::packed::pack;
use super::sql::Sql;
use super::store::Pools;
use super::{Ledger, OpenError};
use crate::ports::LedgerError;

const DOING: &str = "copy the ledger";

/// Copies the ledger at `url`, as it stands at one moment, into the new file `to`.
pub(super) async fn to_sqlite(url: &str, to: &Path) -> Result<(), OpenError> {
    let from = Ledger::open_read_only(url).await?;
    let place = |source| OpenError::File { path: to.to_owned(), source };
    let name = to.to_str().ok_or_else(|| place(std::io::ErrorKind::InvalidFilename.into()))?;
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    new.open(to).map(drop).map_err(place)?;
    let target = Ledger::open(&format!("sqlite:{name}")).await?;
    let copied = copy(&from, &target).await;
    target.close().await;
    from.close().await;
    std::fs::remove_file(format!("{name}.lock")).map_err(place)?; // the copy is nobody's ledger yet
    copied.map_err(|source| OpenError::Copy { ledger: "in PostgreSQL".to_owned(), source })
}

async fn copy(from: &Ledger, to: &Ledger) -> Result<(), LedgerError> {
    let Pools::Postgres { reader, .. } = from.pools() else {
        return Ok(()); // the caller has looked at the address
    };
    let mut moment: Transaction<'static, Postgres> =
        reader.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(database(DOING))?;
    for table in TABLES {
        let mut after = i64::MIN;
        while let Some((last, rows)) = page(&mut moment, table, after).await? {
            let mut tx = to.write(DOING).await?;
            tx.run(&table.write, [pack(&rows)?.into()]).await?;
            tx.commit().await?;
            after = last;
        }
    }
    Ok(())
}

/// The next rows of a table and the last of their numbers; `None` once there are no more.
async fn page(moment: &mut PgConnection, table: &Table, after: i64) -> Result<Option<(i64, Vec<Value>)>, LedgerError> {
    let page: String = sqlx::query_scalar(table.read).bind(after).fetch_one(moment).await.map_err(database(DOING))?;
    let (last, rows): (Option<i64>, Vec<Value>) = serde_json::from_str(&page).map_err(|error| {
        LedgerError::Inconsistent { table: table.name, row: format!("after {after}"), what: error.to_string() }
    })?;
    Ok(last.map(|last| (last, rows)))
}

/// A table, how a page of it is read and how it is written.
pub(super) struct Table {
    name: &'static str,
    read: &'static str,
    pub(super) write: Sql,
}

macro_rules! table {
    ($name:ident by $by:ident ($($columns:tt)*)) => {
        Table {
            name: stringify!($name),
            read: concat!(
                "SELECT json_build_array(max(place), coalesce(json_agg(t), '[]'))::text FROM (SELECT ", stringify!($by),
                " AS place, t FROM ", stringify!($name), " AS t WHERE ", stringify!($by), " > $1 ORDER BY ", stringify!($by),
                " LIMIT 5000) AS page"
            ),
            write: write_table!($name ($($columns)*)),
        }
    };
    // What has no number is one page, which the lowest number alone is before.
    ($name:ident ($($columns:tt)*)) => {
        Table {
            name: stringify!($name),
            read: concat!(
                "SELECT json_build_array(CASE WHEN $1 < 0 THEN 0 END, coalesce(json_agg(t), '[]'))::text FROM ",
                stringify!($name), " AS t WHERE $1 < 0"
            ),
            write: write_table!($name ($($columns)*)),
        }
    };
}

macro_rules! write_table {
    ($name:ident ($first:ident $kind:ident $(, $more:ident $more_kind:ident)*)) => {
        Sql {
            sqlite: concat!(
                "INSERT INTO ", stringify!($name), " (", stringify!($first), $(", ", stringify!($more),)* ") SELECT * FROM ",
                part!(sqlite [records "$1" v ($first $kind $(, $more $more_kind)*)])
            ),
            postgres: concat!(
                "INSERT INTO ", stringify!($name), " (", stringify!($first), $(", ", stringify!($more),)* ") SELECT * FROM ",
                part!(postgres [records "$1" v ($first $kind $(, $more $more_kind)*)])
            ),
        }
    };
}

/// In the order of the references between them.
pub(super) const TABLES: &[Table] = &[
    table!(source by id (id bigint, name text, last_complete bigint, last_people bigint, last_read bigint,
        last_rows bigint, last_error text, quarantined bigint, held_back bigint, held_back_people bigint, remarks text,
        syncs_told bigint, last_changes bigint, changes_from bigint, changes_basis text, last_event bigint, last_taken bigint, last_through bigint)),
    table!(account by id (id bigint, source_id bigint, external_id text, unsure bigint)),
    table!(person by id (id bigint, source_id bigint, account_id bigint, member_id text, email text, role text,
        status text, verified bigint, locale text, timezone text, digest text, absent_since bigint, told_at bigint, facts_at bigint)),
    table!(connection by id (id bigint, source_id bigint, external_id text, account_id bigint, provider text, name text,
        status text, auth text, created_at bigint, deleted_at bigint, facts_at bigint, last_sync_at bigint,
        created_by text, running_jobs bigint, used_for text, tags text, digest text, absent_since bigint,
        judge_at bigint, told_at bigint, row_at bigint, secret_at bigint, own_date bigint)),
    table!(credential by id (id bigint, fingerprint text, source_id bigint, provider text, key_id text, region text,
        base_url text, kind text, placeholder bigint, liveness text, belief text, parts text, secret_since bigint,
        provenance text, idle_since bigint, probe_at bigint, compromised_at bigint, compromised_by text,
        compromised_note text, first_seen_at bigint)),
    table!(escrow by id (id bigint, credential_id bigint, held bigint, sealed text)),
    table!(use by id (id bigint, connection_id bigint, credential_id bigint, account_id bigint, since bigint,
        until bigint, ended_by text, ended_seen_at bigint, ended_at_first_sight bigint, begun_in bigint,
        ended_in bigint, first_run bigint, own_from bigint, compromised_at bigint, syncs bigint, sends bigint)),
    table!(finding by id (id bigint, rule text, connection_id bigint, credential_id bigint, account_id bigint, state text,
        opening bigint, severity text, since bigint, opened_at bigint, closed_at bigint, closed_why text, evidence text,
        mailed bigint, last_step bigint, next_step_at bigint, pause text, pause_until bigint, reset_at bigint,
        baseline bigint, leak_said bigint, exempt_until bigint, exempt_reason text, exempt_by text, exempt_terms text,
        provider text, source_id bigint)),
    table!(mail by id (id bigint, run_id bigint, person_id bigint, message_id text, state text, formed_at bigint,
        claimed_until bigint, maybe_sent bigint, attempts bigint, next_try_at bigint, sent_at bigint, reply text,
        error text, sent_to text, returned text, returned_at bigint)),
    table!(notice by id (id bigint, finding_id bigint, opening bigint, step bigint, person_id bigint, planned_at bigint,
        mail_id bigint, state text, closing bigint)),
    table!(put_off by person_id (person_id bigint, run_id bigint, until bigint, why text)),
    table!(link (hash text, person_id bigint, mail_id bigint, finding_id bigint, opening bigint, until bigint)),
    table!(disowned (finding_id bigint, person_id bigint, opening bigint)),
    table!(muted by person_id (person_id bigint)),
    table!(asked by id (id bigint, finding_id bigint, credential_id bigint, person_id bigint, at bigint,
        answered_at bigint)),
    table!(acted (act text, outcome text, times bigint)),
    table!(suppressed (email text, until bigint, reason text)),
    table!(scan by id (id bigint, started_at bigint, finished_at bigint, outcome text, counts text)),
    table!(event by id (id bigint, at bigint, kind text, subject text, data text)),
    table!(chain by up_to (up_to bigint, mac text)),
    table!(endpoint (name text, told_up_to bigint)),
    table!(message by id (id bigint, endpoint text, message_id text, body text, events bigint, state text,
        formed_at bigint, attempts bigint, next_try_at bigint, ended_at bigint, error text)),
    table!(quarantine (source_id bigint, row_number bigint, field text, reason text)),
    table!(control (source_id bigint, provider text, protocol text, endpoint text, accepted_at bigint,
        credential_id bigint, other_at bigint)),
    table!(sight (provider text, protocol text, endpoint text, answers text, state text, word_at bigint)),
    table!(delivery (source_id bigint, message_id text, at bigint)),
    table!(awaited by credential_id (credential_id bigint, at bigint)),
    table!(turn by id (id bigint, number bigint, acts bigint)),
    table!(closing (provider text, rule text, why text, took text, times bigint, seconds bigint)),
    table!(dirty (kind text, subject_id bigint, cursor bigint)),
    table!(meta (key text, value text)),
];
