//! SQLite: a file that is opened for reading alone, and one read transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{StreamExt as _, TryFutureExt as _};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Executor as _, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};

use super::given::{Given, UNREAD};
use super::query::Query;
use super::session::{Rows, operators};
use crate::domain::time::Timestamp;

/// So many of SQLite's own steps pass between two looks at whether anybody still waits: some tens of microseconds.
const STEPS: i32 = 10_000;

pub(super) async fn open(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    connection.execute("BEGIN").await?;
    Ok(connection)
}

pub(super) fn rows<'c>(connection: &'c mut SqliteConnection, query: &Query, since: Timestamp) -> Rows<'c> {
    let text = operators(query.text());
    // whole seconds, so that texts that are compared have one form
    let since = (query.sinces() > 0).then(|| Timestamp::from_secs(since.as_secs()).to_string());
    let wanted = Wanted::default();
    let flag = wanted.0.clone();
    let begun = async move {
        // A thread of SQLite's own runs the query. It stops where nobody waits for its rows any more.
        connection.lock_handle().await?.set_progress_handler(STEPS, move || flag.load(Ordering::Relaxed));
        let mut statement = sqlx::query(text).persistent(false);
        if let Some(since) = since {
            statement = statement.bind(since);
        }
        Ok(statement.fetch(connection))
    };
    let rows = begun.try_flatten_stream();
    // the stream owns the flag: dropped, it says so
    rows.map(move |row| wanted.of(row).map(|row| given(&row))).boxed()
}

/// True until it is dropped.
struct Wanted(Arc<AtomicBool>);

impl Default for Wanted {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Wanted {
    /// Passes on what it was asked for.
    fn of<T>(&self, row: T) -> T {
        row
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn given(row: &SqliteRow) -> Vec<Given> {
    (0..row.len()).map(|at| value(row, at).unwrap_or(UNREAD)).collect()
}

/// What a value is: SQLite's values have types of their own, whatever the column says.
fn value(row: &SqliteRow, at: usize) -> Result<Given, sqlx::Error> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Given::Nothing);
    }
    Ok(match raw.type_info().name() {
        "INTEGER" => Given::Text(row.try_get_unchecked::<i64, _>(at)?.to_string()),
        "REAL" => Given::Number(row.try_get_unchecked::<f64, _>(at)?.to_string()),
        "BLOB" => Given::Bytes(row.try_get_unchecked::<Vec<u8>, _>(at)?),
        _ => Given::Loose(row.try_get_unchecked::<String, _>(at)?),
    })
}
