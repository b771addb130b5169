//! The ledger in one schema of a PostgreSQL database.
//!
//! One process writes. Its one writing connection holds a session advisory lock named after the schema: the right to write and
//! the connection that writes are lost together, and the next connection takes the lock again before it is used. So a
//! restarted server, or a cut line, never leaves two writers. Small acts of people are written beside it, by turns.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Postgres, Transaction};
use url::Url;

use super::{Beside, OpenError, Pools};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a call waits for a connection, a restarting server included.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the server may take to answer: its own limit for a statement below, and a minute for the way. One that
/// vanished without a word would else be waited for until somebody restarts us.
const SILENCE: Duration = Duration::from_secs(11 * 60);

/// Connections that only read.
const READERS: u32 = 4;

/// How long the server may take for a statement that a person waits for.
const SHOWN_WITHIN: &str = "5s";

/// What an address may say. A word that is not here could be a misspelt `password`, which sqlx would log with its value.
const PARAMETERS: [&str; 10] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "dbname", "user", "password", "options"];

/// What holds for each of our sessions, unless the address says otherwise.
const SETTINGS: [(&str, &str); 8] = [
    ("statement_timeout", "10min"), // counting a great estate, or writing the copies anew, takes its time
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "5min"), // a stuck process is not to hold back everybody's VACUUM
    // A client that is gone without a word holds the ledger's lock for a minute, not for two hours.
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("jit", "off"),                           // it costs more than such statements take
    ("plan_cache_mode", "force_custom_plan"), // a page of three rows and one of 20,000 are not the same question
];

/// True for an address of this kind.
pub(in crate::ledger) fn is_address(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// Opens for writing: takes the lock and brings the schema up to date.
pub(super) async fn open(url: &str) -> Result<Pools, OpenError> {
    let options = options(url)?;
    let Ground { ledger, found } = inspect(&options, true).await?;
    let known = newest();
    if found > known {
        return Err(OpenError::Newer { ledger, found, known });
    }
    let writer =
        pool(1).after_connect(|connection, _| Box::pin(take_lock(connection))).connect_with(options.clone()).await;
    let writer = match writer {
        Ok(writer) => writer,
        // Somebody took the lock in between, or the server is gone again.
        Err(sqlx::Error::PoolTimedOut) => return Err(OpenError::Held { ledger, holder: None }),
        Err(source) => return Err(OpenError::Database { ledger, source }),
    };
    // Ours is the narrower lock: the migrator's own would wait for every other ledger of the database.
    let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    let migrated = migrator.set_locking(false).run(&writer).await;
    migrated.map_err(|source| OpenError::Migration { ledger, source: Box::new(source) })?;
    Ok(Pools::Postgres { writer, reader: readers(options), silence: SILENCE })
}

/// Opens beside whoever holds the ledger, for reading, or for a small act as well.
pub(super) async fn open_beside(url: &str, beside: Beside) -> Result<Pools, OpenError> {
    let options = options(url)?;
    let Ground { ledger, found } = inspect(&options, false).await?;
    match (found, newest()) {
        (0, _) => Err(OpenError::Missing { ledger }),
        (found, known) if found > known => Err(OpenError::Newer { ledger, found, known }),
        (found, known) if found < known => Err(OpenError::NeedsMigration { ledger, found, known }),
        _ => {
            let options = match beside {
                Beside::Showing => options.options([("statement_timeout", SHOWN_WITHIN)]),
                Beside::Reading | Beside::Acting => options,
            };
            let reader = readers(options.clone());
            let writer = if beside == Beside::Acting { pool(1).connect_lazy_with(options) } else { reader.clone() };
            Ok(Pools::Postgres { writer, reader, silence: SILENCE })
        }
    }
}

/// Looks at the ledger from outside: what people call it, its schema's number, who holds it, and connections that only read.
pub(in crate::ledger) async fn look(url: &str) -> Result<(String, i64, Option<String>, Pools), OpenError> {
    let options = options(url)?;
    let Ground { ledger, found } = inspect(&options, false).await?;
    let failed = |source| OpenError::Database { ledger: ledger.clone(), source };
    let mut connection = options.connect().await.map_err(failed)?;
    let holder = holder(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    let reader = readers(options);
    Ok((ledger, found, holder, Pools::Postgres { writer: reader.clone(), reader, silence: SILENCE }))
}

fn options(url: &str) -> Result<PgConnectOptions, OpenError> {
    let wrong = |what: &str| OpenError::Url { what: format!("{what}; write postgres://USER@HOST/DATABASE") };
    let parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    for (key, _) in parsed.query_pairs() {
        let plain = key.strip_prefix("options[").map_or(&*key, |_| "options");
        if !PARAMETERS.contains(&plain) {
            return Err(wrong(&format!("a parameter in it is none of {}", PARAMETERS.join(", "))));
        }
    }
    let mut options = PgConnectOptions::from_str(url).map_err(|_| wrong("a parameter in it has no such value"))?;
    for (key, value) in SETTINGS {
        if !options.get_options().is_some_and(|chosen| chosen.contains(key)) {
            options = options.options([(key, value)]);
        }
    }
    let name = format!("keysweep {}", std::process::id()); // who holds the ledger, for whoever is refused
    Ok(options.application_name(&name).disable_statement_logging())
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(connections).idle_timeout(None).max_lifetime(None).acquire_timeout(PATIENCE)
}

fn readers(options: PgConnectOptions) -> PgPool {
    pool(READERS).connect_lazy_with(options.options([("default_transaction_read_only", "on")]))
}

/// What is there before the ledger is opened.
struct Ground {
    /// what people call it
    ledger: String,
    /// its schema's number; 0 for none
    found: i64,
}

/// Looks at the schema and, for a `writer`, whether the lock is free: here a refusal can be told from a broken line.
async fn inspect(options: &PgConnectOptions, writer: bool) -> Result<Ground, OpenError> {
    let server = server(options);
    let mut connection = options.connect().await.map_err(|source| match source {
        sqlx::Error::Io(_) => OpenError::Unreachable { ledger: server.clone(), source },
        _ => OpenError::Database { ledger: server.clone(), source },
    })?;
    let failed = |source| OpenError::Database { ledger: server.clone(), source };
    let schema: Option<String> =
        sqlx::query_scalar("SELECT current_schema()::text").fetch_one(&mut connection).await.map_err(failed)?;
    let Some(schema) = schema else {
        return Err(OpenError::NoSchema { ledger: server });
    };
    let ledger = format!("{server} schema {schema}");
    if writer {
        // The server may take a moment to see that the process before this one was killed.
        sqlx::query("SET lock_timeout = '2s'").execute(&mut connection).await.map_err(failed)?;
        if !lock(&mut connection).await.map_err(failed)? {
            let holder = holder(&mut connection).await.map_err(failed)?;
            return Err(OpenError::Held { ledger, holder });
        }
    }
    let found = version(&mut connection).await.map_err(failed)?;
    if writer {
        sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut connection).await.map_err(failed)?;
    }
    connection.close().await.map_err(failed)?;
    Ok(Ground { ledger, found })
}

/// Takes the lock, or fails: a connection without it must not come into the writing pool.
async fn take_lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if lock(connection).await? {
        return Ok(());
    }
    let holder = holder(connection).await?.unwrap_or_else(|| "another process".to_owned());
    tracing::warn!(holder, "the ledger is held by another keysweep process: nothing can be written until it ends");
    Err(sqlx::Error::Protocol("the ledger is held by another keysweep process".to_owned()))
}

/// Waits for the lock as long as the session's `lock_timeout` says. False where somebody else has it.
async fn lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const NOT_AVAILABLE: &str = "55P03";
    let locked = sqlx::query("SELECT pg_advisory_lock(hashtextextended('keysweep ledger ' || current_schema(), 0))")
        .execute(connection)
        .await;
    match locked {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == NOT_AVAILABLE) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A transaction that writes while no other does, as on SQLite: who holds the ledger and who acts beside them take turns.
/// So nobody acts on what another is just changing, and the log's numbers come in the order in which they can be read.
pub(in crate::ledger) async fn begin_alone(writer: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = writer.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('keysweep write ' || current_schema(), 0))")
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

/// Who has the lock: a process and, where the server tells, from where.
async fn holder(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT concat_ws(' ', coalesce(nullif(a.application_name, ''), 'a process'), 'from ' || host(a.client_addr),
                          '- the server''s backend ' || l.pid)
         FROM pg_locks AS l
         LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid,
              (SELECT hashtextextended('keysweep ledger ' || current_schema(), 0) AS key) AS ours
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND (l.classid::bigint << 32) | l.objid::bigint = ours.key
         LIMIT 1",
    )
    .fetch_optional(connection)
    .await
}

/// The newest schema known here.
pub(in crate::ledger) fn newest() -> i64 {
    MIGRATIONS.iter().map(|step| step.version).max().unwrap_or(0)
}

/// The schema's number; 0 for none.
async fn version(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let known: bool =
        sqlx::query_scalar("SELECT to_regclass(quote_ident(current_schema()) || '._sqlx_migrations') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await?;
    if !known {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(connection).await
}

/// Where it is, without the login.
fn server(options: &PgConnectOptions) -> String {
    let place = options.get_socket().map_or_else(
        || format!("{}:{}", options.get_host(), options.get_port()),
        |socket| socket.display().to_string(),
    );
    format!("postgres://{place}/{}", options.get_database().unwrap_or_else(|| options.get_username()))
}
