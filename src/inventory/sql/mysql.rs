//! MySQL and MariaDB: one consistent snapshot without the right to write, and rows that are streamed as they are read.

use std::time::Duration;

use futures::StreamExt as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use sqlx::{ConnectOptions as _, Executor as _, MySqlConnection, Row as _, TypeInfo as _, ValueRef as _};

use super::given::{Given, UNREAD};
use super::query::Query;
use super::session::{Rows, operators};
use crate::domain::time::Timestamp;

/// One snapshot for both lists. The session is read-only as well: nothing may end the transaction and write after it.
const BEGIN: [&str; 4] = [
    "SET SESSION net_write_timeout = 600", // the ledger may take its time between two rows
    "SET SESSION TRANSACTION READ ONLY",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

pub(super) async fn open(options: &MySqlConnectOptions, limit: Duration) -> Result<MySqlConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut connection).await?;
    // the one counts in seconds, the other in milliseconds, and neither knows the other's word
    if version.contains("MariaDB") {
        let limit = sqlx::query("SET SESSION max_statement_time = ?").bind(limit.as_secs_f64());
        limit.execute(&mut connection).await?;
    } else {
        let limit = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        sqlx::query("SET SESSION max_execution_time = ?").bind(limit).execute(&mut connection).await?;
    }
    for statement in BEGIN {
        connection.execute(statement).await?;
    }
    Ok(connection)
}

pub(super) fn rows<'c>(connection: &'c mut MySqlConnection, query: &Query, since: Timestamp) -> Rows<'c> {
    let since = since.to_datetime().format("%Y-%m-%d %H:%M:%S%.3f").to_string();
    let mut statement = sqlx::query(operators(query.text())).persistent(false);
    for _ in 0..query.sinces() {
        statement = statement.bind(since.clone());
    }
    statement.fetch(connection).map(|row| row.map(|row| given(&row))).boxed()
}

fn given(row: &MySqlRow) -> Vec<Given> {
    (0..row.len()).map(|at| value(row, at).unwrap_or(UNREAD)).collect()
}

fn value(row: &MySqlRow, at: usize) -> Result<Given, sqlx::Error> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Given::Nothing);
    }
    Ok(match raw.type_info().name() {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => {
            Given::Text(row.try_get_unchecked::<i64, _>(at)?.to_string())
        }
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED" => {
            Given::Text(row.try_get_unchecked::<u64, _>(at)?.to_string())
        }
        "FLOAT" => Given::Number(row.try_get_unchecked::<f32, _>(at)?.to_string()),
        "DOUBLE" => Given::Number(row.try_get_unchecked::<f64, _>(at)?.to_string()),
        "DECIMAL" => Given::Number(row.try_get_unchecked::<String, _>(at)?),
        "TIMESTAMP" => Given::Text(row.try_get_unchecked::<DateTime<Utc>, _>(at)?.to_rfc3339()),
        "DATETIME" => {
            let at = row.try_get_unchecked::<NaiveDateTime, _>(at)?;
            Given::Zoneless(at.format("%Y-%m-%d %H:%M:%S%.f").to_string())
        }
        "DATE" => Given::Zoneless(row.try_get_unchecked::<NaiveDate, _>(at)?.to_string()),
        "JSON" => Given::Json(row.try_get_unchecked::<String, _>(at)?),
        "TIME" => Given::Other("a time of day without a date"),
        "YEAR" => Given::Other("a year"),
        "BIT" => Given::Other("a field of bits"),
        "GEOMETRY" => Given::Other("a geometry"),
        _ => Given::Bytes(row.try_get_unchecked::<Vec<u8>, _>(at)?),
    })
}
