//! Where the tests of this room keep a ledger, in either database, and what they may ask of it beside its methods.

use sqlx::{Connection, PgConnection, Row};
use tempfile::TempDir;

use super::Ledger;
use super::store::Pools;
use crate::ports::Progress;

/// Names the tests of a module, which take a [`Kind`], and runs each on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name($crate::ledger::place::Kind::Sqlite).await; })*
        }
        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name($crate::ledger::place::Kind::Postgres).await; })*
        }
    };
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

/// Room for one ledger: a folder of its own, and for PostgreSQL a schema of its own. Both go with it.
pub(super) struct Place {
    pub(super) folder: TempDir,
    schema: Option<Schema>,
}

struct Schema {
    server: String,
    name: String,
}

impl Place {
    pub(super) async fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the ledger");
        let schema = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Schema::new(&folder).await),
        };
        Self { folder, schema }
    }

    /// The ledger's address.
    pub(super) fn url(&self) -> String {
        match &self.schema {
            None => format!("sqlite:{}", self.folder.path().join("ledger.db").display()),
            Some(schema) => format!("{}?options=-csearch_path%3D{}", schema.server, schema.name),
        }
    }
}

impl Schema {
    /// Named after the folder, whose name is nobody else's.
    async fn new(folder: &TempDir) -> Self {
        let server = server();
        let name: String =
            folder.path().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let name = format!("t{}_{}", std::process::id(), name.to_ascii_lowercase());
        act(&server, &format!("CREATE SCHEMA {name}")).await;
        Self { server, name }
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // A read that the test dropped is undone by a task of the test's runtime, which stands still here: its connection
        // is ended instead.
        let drop = format!(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
             WHERE c.relnamespace = '{0}'::regnamespace AND l.pid <> pg_backend_pid();
             DROP SCHEMA {0} CASCADE",
            self.name
        );
        let server = self.server.clone();
        // A thread and a runtime of its own: a test's runtime can't wait here.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(act(&server, &drop));
        });
        assert!(dropping.join().is_ok() || std::thread::panicking(), "the schema is not dropped");
    }
}

/// The address of the tests' server.
pub(super) fn server() -> String {
    std::env::var("KEYSWEEP_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "this test needs a PostgreSQL server, and KEYSWEEP_TEST_POSTGRES doesn't name one: run tests/run, or this \
             test by `tests/postgres with cargo nextest run NAME`"
        )
    })
}

/// One statement that is made up, in a connection of its own.
#[expect(clippy::disallowed_methods, reason = "the name of a test's schema can't be bound")]
async fn act(server: &str, statement: &str) {
    let mut connection = PgConnection::connect(server).await.expect("the tests' PostgreSQL server");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("SET lock_timeout = '20s'; {statement}")))
        .execute(&mut connection)
        .await
        .expect("a statement of the tests");
    connection.close().await.expect("an end");
}

impl Ledger {
    /// The same ledger, with less patience.
    pub(super) fn patient_for(mut self, time: std::time::Duration) -> Self {
        if let Pools::Postgres { silence, .. } = self.pools_mut() {
            *silence = time;
        }
        self
    }

    /// Any statement that both databases understand.
    pub(super) async fn act(&self, statement: &'static str) {
        match self.pools() {
            Pools::Sqlite { pool, .. } => drop(sqlx::query(statement).execute(pool).await.expect(statement)),
            Pools::Postgres { writer, .. } => drop(sqlx::query(statement).execute(writer).await.expect(statement)),
        }
    }

    /// Whether a statement that both databases understand fails.
    pub(super) async fn refuses(&self, statement: &'static str) -> bool {
        match self.pools() {
            Pools::Sqlite { pool, .. } => sqlx::query(statement).execute(pool).await.is_err(),
            Pools::Postgres { writer, .. } => sqlx::query(statement).execute(writer).await.is_err(),
        }
    }

    /// The first column of all rows.
    pub(super) async fn numbers(&self, statement: &'static str) -> Vec<i64> {
        match self.pools() {
            Pools::Sqlite { pool, .. } => sqlx::query_scalar(statement).fetch_all(pool).await.expect(statement),
            Pools::Postgres { writer, .. } => sqlx::query_scalar(statement).fetch_all(writer).await.expect(statement),
        }
    }

    /// The first column of the first row, as text; `None` for null.
    pub(super) async fn one(&self, statement: &'static str) -> Option<String> {
        match self.pools() {
            Pools::Sqlite { pool, .. } => {
                sqlx::query(statement).fetch_one(pool).await.expect(statement).get_unchecked(0)
            }
            Pools::Postgres { writer, .. } => {
                sqlx::query(statement).fetch_one(writer).await.expect(statement).get_unchecked(0)
            }
        }
    }

    /// How SQLite means to carry out a statement, step by step.
    #[expect(clippy::disallowed_methods, reason = "a constant with two words before it")]
    pub(super) async fn plan(&self, statement: &'static str) -> Vec<String> {
        let Pools::Sqlite { pool, .. } = self.pools() else {
            panic!("plans are looked at in SQLite only");
        };
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(pool).await.expect("a plan");
        steps.into_iter().map(|(.., step)| step).collect()
    }
}

/// Told to stop as soon as it has begun.
pub(super) struct Stopped;

impl Progress for Stopped {
    fn stage(&self, _: &'static str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn done(&self) {}
    fn stopping(&self) -> bool {
        true
    }
}
