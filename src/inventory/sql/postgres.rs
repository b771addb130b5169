//! PostgreSQL: one repeatable read without the right to write, and a cursor of the server's.
//!
//! The cursor is fetched from in the simple protocol, whose rows are text: types that nobody here knows (enums, domains,
//! those of extensions) need no decoding.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::try_unfold;
use sqlx::postgres::{PgConnectOptions, PgRow, PgTypeInfo, PgTypeKind};
use sqlx::{ConnectOptions as _, Executor as _, PgConnection, Row as _, TypeInfo as _, ValueRef as _};

use super::given::{Given, UNREAD, array};
use super::query::Query;
use super::session::{Rows, operators};
use crate::domain::time::Timestamp;

/// Rows that are fetched together.
const FETCH: &str = "FETCH FORWARD 500 FROM keysweep_rows";

/// What holds for the transaction: one snapshot for both lists, and times, bytes and instants in forms that can be read.
/// The settings are the transaction's own, so that they hold behind a pooler too.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1";

pub(super) async fn open(options: &PgConnectOptions, limit: Duration) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    connection.execute(BEGIN).await?;
    let limit = limit.as_millis().min(i32::MAX as u128).max(1);
    sqlx::query("SELECT set_config('statement_timeout', $1, true)")
        .bind(limit.to_string())
        .execute(&mut connection)
        .await?;
    Ok(connection)
}

pub(super) fn rows<'c>(connection: &'c mut PgConnection, query: &Query, since: Timestamp) -> Rows<'c> {
    let declare = format!("DECLARE keysweep_rows NO SCROLL CURSOR FOR {}", query.text());
    let since = (query.sinces() > 0).then(|| since.to_string());
    let cursor = Cursor { connection, declare: Some((declare, since)), page: VecDeque::new() };
    try_unfold(cursor, async |mut cursor| Ok(cursor.next().await?.map(|row| (given(&row), cursor)))).boxed()
}

struct Cursor<'c> {
    connection: &'c mut PgConnection,
    /// what is to be declared, and what to bind, until it was
    declare: Option<(String, Option<String>)>,
    page: VecDeque<PgRow>,
}

impl Cursor<'_> {
    async fn next(&mut self) -> Result<Option<PgRow>, sqlx::Error> {
        if let Some((declare, since)) = self.declare.take() {
            let mut statement = sqlx::query(operators(&declare)).persistent(false);
            if let Some(since) = since {
                statement = statement.bind(since);
            }
            statement.execute(&mut *self.connection).await?;
        }
        if self.page.is_empty() {
            self.page = sqlx::raw_sql(FETCH).fetch_all(&mut *self.connection).await?.into();
            if self.page.is_empty() {
                self.connection.execute("CLOSE keysweep_rows").await?;
            }
        }
        Ok(self.page.pop_front())
    }
}

fn given(row: &PgRow) -> Vec<Given> {
    let value = |at| match row.try_get_raw(at) {
        Ok(value) if value.is_null() => Given::Nothing,
        Ok(value) => match value.as_str() {
            Ok(text) => of_type(&value.type_info(), text),
            Err(_) => Given::Other("bytes that are not UTF-8 text"),
        },
        Err(_) => UNREAD,
    };
    (0..row.len()).map(value).collect()
}

/// What a value of this type is, by its text.
fn of_type(kind: &PgTypeInfo, text: &str) -> Given {
    match kind.kind() {
        PgTypeKind::Array(_) => array(text).map_or(Given::Other("a list of lists"), Given::List),
        PgTypeKind::Domain(base) => of_type(base, text),
        PgTypeKind::Composite(_) => Given::Other("a record; name its fields in the query"),
        PgTypeKind::Range(_) => Given::Other("a range"),
        PgTypeKind::Simple | PgTypeKind::Pseudo | PgTypeKind::Enum(_) => of_name(kind.name(), text),
    }
}

fn of_name(name: &str, text: &str) -> Given {
    match name {
        "BOOL" => Given::Flag(text == "t"),
        "FLOAT4" | "FLOAT8" | "NUMERIC" => Given::Number(text.to_owned()),
        "TIMESTAMPTZ" => Given::Text(instant(text)),
        "TIMESTAMP" | "DATE" => Given::Zoneless(text.to_owned()),
        "JSON" | "JSONB" => Given::Json(text.to_owned()),
        "BYTEA" => bytes(text).map_or(Given::Other("bytes that can't be read"), Given::Bytes),
        "TIME" | "TIMETZ" => Given::Other("a time of day without a date"),
        "INTERVAL" => Given::Other("an interval"),
        _ => Given::Text(text.to_owned()),
    }
}

/// `2026-01-31 09:30:00.5+00` as RFC 3339 has it.
fn instant(text: &str) -> String {
    text.replacen(' ', "T", 1).replacen("+00", "Z", 1)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER.decode(text.strip_prefix("\\x")?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_bytes_are_read_as_the_server_writes_them() {
        for (text, expected) in [
            ("2026-01-31 09:30:00+00", "2026-01-31T09:30:00Z"),
            ("2026-01-31 09:30:00.25+00", "2026-01-31T09:30:00.25Z"),
        ] {
            assert_eq!(instant(text), expected);
            assert!(Timestamp::parse(&instant(text)).is_some());
        }
        assert_eq!(bytes("\\x6b6579"), Some(b"key".to_vec()));
        assert_eq!(bytes("key"), None);
    }
}
