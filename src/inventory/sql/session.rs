//! A connection to the platform's database, in its one transaction, which reads a single snapshot and can't write.

use std::time::Duration;

use futures::stream::BoxStream;
use sqlx::{AssertSqlSafe, Column as _, Connection, Executor, MySqlConnection, PgConnection, SqlSafeStr as _, SqlStr};
use sqlx::{SqliteConnection, Statement as _};
use tokio::time::timeout;

use super::address::{Address, Options};
use super::given::Given;
use super::query::Query;
use super::{mysql, postgres, sqlite};
use crate::domain::time::Timestamp;

/// How long a good-bye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// The rows of a query as they come.
pub(super) type Rows<'s> = BoxStream<'s, Result<Vec<Given>, sqlx::Error>>;

/// A connection in its transaction.
pub(super) enum Session {
    /// to PostgreSQL
    Postgres(PgConnection),
    /// to MySQL or MariaDB
    MySql(MySqlConnection),
    /// to a file
    Sqlite(SqliteConnection),
}

impl Session {
    /// Connects and begins the transaction. No statement in it may take longer than `limit`.
    pub(super) async fn open(address: &Address, limit: Duration) -> Result<Self, sqlx::Error> {
        Ok(match &address.options {
            Options::Postgres(options) => Self::Postgres(postgres::open(options, limit).await?),
            Options::MySql(options) => Self::MySql(mysql::open(options, limit).await?),
            Options::Sqlite(options) => Self::Sqlite(sqlite::open(options).await?),
        })
    }

    /// The names of a query's columns, by the server's own reading of it. Nothing is run.
    pub(super) async fn columns(&mut self, query: &Query) -> Result<Vec<String>, sqlx::Error> {
        async fn of<'c, E: Executor<'c>>(connection: E, query: &Query) -> Result<Vec<String>, sqlx::Error> {
            let statement = connection.prepare(operators(query.text())).await?;
            Ok(statement.columns().iter().map(|column| column.name().to_owned()).collect())
        }
        match self {
            Self::Postgres(connection) => of(connection, query).await,
            Self::MySql(connection) => of(connection, query).await,
            Self::Sqlite(connection) => of(connection, query).await,
        }
    }

    /// The rows of a query, few of them in memory at once. `since` stands where the query says so.
    pub(super) fn rows(&mut self, query: &Query, since: Timestamp) -> Rows<'_> {
        match self {
            Self::Postgres(connection) => postgres::rows(connection, query, since),
            Self::MySql(connection) => mysql::rows(connection, query, since),
            Self::Sqlite(connection) => sqlite::rows(connection, query, since),
        }
    }

    /// Ends the transaction and the connection, in good order if the server is quick enough.
    pub(super) async fn close(self) {
        let closed = async move {
            match self {
                Self::Postgres(connection) => connection.close().await,
                Self::MySql(connection) => connection.close().await,
                Self::Sqlite(connection) => connection.close().await,
            }
        };
        timeout(GOODBYE, closed).await.ok();
    }
}

/// A statement that is, or holds, a query of the operator's.
#[expect(
    clippy::disallowed_methods,
    reason = "the operator's own queries are this room's subject: read from the configuration, never built from data"
)]
pub(super) fn operators(statement: &str) -> SqlStr {
    AssertSqlSafe(statement.to_owned()).into_sql_str()
}
