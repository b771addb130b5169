//! Sources in a platform's own database, against real servers: what is read, what is refused, and what a broken line means.

mod program;
mod tls;
mod whole;

use std::path::Path;
use std::time::Duration;

use keysweep::domain::record::{ConnectionRecord, PersonRecord, RecordStatus, Row};
use keysweep::domain::secret::Secret;
use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::inventory::{SqlSettings, SqlSnapshot, SqlSource};
use keysweep::ports::{Extent, Snapshot as _, SourceError};

use crate::support::platform::{Engine, Platform};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A source of these queries.
fn source(platform: &Platform, connections: &str, people: Option<&str>, limit: Duration) -> SqlSource {
    source_at(&platform.url(), connections, people, limit).expect("a source")
}

fn source_at(
    url: &str,
    connections: &str,
    people: Option<&str>,
    statement_timeout: Duration,
) -> Result<SqlSource, (&'static str, String)> {
    let settings = SqlSettings { name: "main", connections, people, statement_timeout, full_every: days(1) };
    SqlSource::new(url, Path::new("/"), settings)
}

async fn rows(snapshot: &mut SqlSnapshot) -> Result<Vec<Row<ConnectionRecord>>, SourceError> {
    let mut all = Vec::new();
    loop {
        let page = snapshot.connections(700).await?;
        assert!(page.len() <= 700, "no more than was asked for");
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn people(snapshot: &mut SqlSnapshot) -> Result<Vec<Row<PersonRecord>>, SourceError> {
    let mut all = Vec::new();
    loop {
        let page = snapshot.people(3).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// What opening or reading it fails with: the setting at fault and the words.
async fn failure(platform: &Platform, query: &str) -> (&'static str, String) {
    let source = source(platform, query, None, Duration::from_secs(2));
    let error = match source.open(NOW, None).await {
        Err(error) => error,
        Ok(mut snapshot) => rows(&mut snapshot).await.expect_err(query),
    };
    (source.blamed(&error), error.to_string())
}

fn id(row: &Row<ConnectionRecord>) -> &str {
    row.id.as_deref().unwrap_or("?")
}

/// A table with a column of every type, and its one row.
fn typed(engine: Engine) -> (&'static str, &'static str) {
    match engine {
        Engine::Postgres => (
            "id bigint, account uuid, state state, at timestamptz, bare timestamp, day date, unix numeric, key_of key, \
             secret bytea, jobs int, uses text[], tags jsonb, odd interval",
            "7, '00000000-0000-0000-0000-00000000000a', 'paused', '2026-01-31 10:30:00.25+01', '2026-01-31 09:30:00', \
             '2026-01-31', 1769851800, 'k', 'se cret', 3, '{smtp,sync}', '[\"eu\", \"big one\"]', '1 day'",
        ),
        Engine::MariaDb => (
            "id bigint unsigned, account char(36), state enum('active', 'paused'), at timestamp(3), bare datetime, \
             day date, unix decimal(20,6), key_of varchar(20), secret varbinary(64), jobs tinyint, uses json, tags text, \
             odd time",
            "7, '00000000-0000-0000-0000-00000000000a', 'paused', '2026-01-31 09:30:00.25', '2026-01-31 09:30:00', \
             '2026-01-31', 1769851800, 'k', 'se cret', 3, '[\"sync\", \"smtp\"]', '[\"eu\", \"big one\"]', '01:00:00'",
        ),
        Engine::Sqlite => (
            "id integer, account text, state text, at text, bare text, day text, unix real, key_of text, secret blob, \
             jobs integer, uses text, tags text, odd real",
            "7, '00000000-0000-0000-0000-00000000000a', 'paused', '2026-01-31T09:30:00.25Z', '2026-01-31 09:30:00', \
             '2026-01-31', 1769851800.0, 'k', CAST('se cret' AS BLOB), 3, 'sync;smtp', '[\"eu\", \"big one\"]', 0.5",
        ),
    }
}

/// A platform with that table.
fn typed_platform(engine: Engine) -> Platform {
    let platform = Platform::new(engine);
    let before = match engine {
        Engine::Postgres => "CREATE TYPE state AS ENUM ('active', 'paused'); CREATE DOMAIN key AS text;",
        Engine::MariaDb => "SET time_zone = '+00:00';",
        Engine::Sqlite => "",
    };
    let (columns, values) = typed(engine);
    platform.run(&format!("{before} CREATE TABLE c ({columns}); INSERT INTO c VALUES ({values})"));
    platform
}

#[tokio::test]
async fn every_type_of_a_column_becomes_what_the_contract_reads() {
    for engine in Engine::ALL {
        let platform = typed_platform(engine);
        let query = "SELECT id AS connection_id, account AS account_id, 'mailjet' AS Provider, state AS status, \
                     at AS created_at, bare AS updated_at, day AS secret_set_at, unix AS last_sync_at, key_of AS key_id, \
                     secret, jobs AS running_jobs, uses AS used_for, tags, NULL AS region, id AS notes FROM c;";
        let mut snapshot = source(&platform, query, None, hours(1)).open(NOW, None).await.expect("a snapshot");
        assert!(!snapshot.has_people());
        assert_eq!(snapshot.extent(), Extent::Whole { basis: None });
        let all = rows(&mut snapshot).await.expect("rows");
        let record = all[0].record.as_ref().expect("a good row");
        let at = |text: &str| Timestamp::parse(text);
        assert_eq!((all.len(), all[0].row, id(&all[0])), (1, 1, "7"), "{engine:?}");
        assert_eq!(record.account_id, "00000000-0000-0000-0000-00000000000a");
        assert_eq!((record.status, record.running_jobs), (RecordStatus::Paused, 3));
        assert_eq!(record.created_at, at("2026-01-31T09:30:00.250Z"), "{engine:?}");
        assert_eq!(record.updated_at, at("2026-01-31T09:30:00Z"));
        assert_eq!(record.secret_set_at, at("2026-01-31T00:00:00Z"));
        assert_eq!(record.last_sync_at, at("2026-01-31T09:30:00Z"));
        assert_eq!((record.key_id.as_deref(), record.region.as_deref()), (Some("k"), None));
        assert_eq!(record.secret.as_ref().map(Secret::expose), Some("se cret"));
        assert_eq!((record.used_for.len(), record.tags.join("|").as_str()), (2, "eu|big one"), "{engine:?}");
        let remarks = snapshot.remarks();
        assert_eq!(remarks[0], "column `notes` is not a field of keysweep and is ignored");
        for name in ["updated_at", "secret_set_at"] {
            let said = format!("query `connections`: `{name}` has no time zone and is taken for UTC");
            assert!(remarks.contains(&said), "{engine:?}: {remarks:?}");
        }
    }
}

#[tokio::test]
async fn a_value_of_no_use_is_a_problem_of_its_field_and_its_row_is_present() {
    for engine in Engine::ALL {
        let platform = typed_platform(engine);
        let query = "SELECT id AS connection_id, account AS account_id, 'mailjet' AS provider, odd AS name FROM c";
        let mut snapshot = source(&platform, query, None, hours(1)).open(NOW, None).await.expect("a snapshot");
        let bad = rows(&mut snapshot).await.expect("rows").remove(0);
        let problem = bad.record.expect_err("no text");
        assert!(problem.field == "name" && problem.reason.starts_with("must be text, not a"), "{problem:?}");
        assert_eq!(bad.id.as_deref(), Some("7"), "{engine:?}");
    }
}

#[tokio::test]
async fn what_is_refused_names_the_setting_to_change() {
    for engine in Engine::ALL {
        let platform = Platform::new(engine);
        platform.run("CREATE TABLE c (id int); INSERT INTO c VALUES (1)");
        let good = "SELECT id AS connection_id, id AS account_id, 'mailjet' AS provider FROM c";
        for (query, expected) in [
            ("SELECT id AS connection_id, id AS acount_id, 'mailjet' AS provider FROM c", "`acount_id` meant?"),
            ("SELECT id FROM c", "no column `connection_id`"),
            ("SELECT id AS connection_id FROM nowhere", "nowhere"),
            ("SELECT wrong AS connection_id FROM c", "wrong"),
            ("SELECT id AS connection_id, FROM c", "correct `connections`"),
            ("DELETE FROM c", "`connections`"),
        ] {
            // in MySQL what is between double quotation marks is a text
            if engine != Engine::MariaDb {
                let misspelt = query.replace("wrong", "\"wrong\"");
                let (_, what) = failure(&platform, &misspelt).await;
                assert!(what.contains(expected), "{engine:?}: {misspelt}: {what}");
            }
            let (key, what) = failure(&platform, query).await;
            assert!(key == "connections" && what.contains(expected), "{engine:?}: {query}: {key}: {what}");
            assert!(what.contains("query `connections`: ") && what.contains("; "), "{what}");
        }
        assert_eq!(platform.run("SELECT count(*) FROM c"), "1", "nothing was written");
        let none = format!("{good} WHERE id > 1");
        let mut snapshot = source(&platform, &none, None, hours(1)).open(NOW, None).await.expect("a snapshot");
        assert!(rows(&mut snapshot).await.expect("no rows").is_empty());
        let wrong = source(&platform, good, Some("SELECT id AS account_id FROM c"), hours(1));
        let error = wrong.open(NOW, None).await.err().expect("a person needs more");
        assert_eq!(wrong.blamed(&error), "people");
        assert!(error.to_string().contains("no column `member_id`"), "{error}");
        let twice = source_at(&platform.url(), "SELECT 1; DELETE FROM c", None, hours(1)).expect_err("two statements");
        assert_eq!(twice, ("connections", "it has several statements; write one, a SELECT".to_owned()));
        let people = source_at(&platform.url(), good, Some("SELECT :since"), hours(1)).expect_err("people are whole");
        assert_eq!(people.0, "people");
    }
}

#[tokio::test]
async fn a_query_that_writes_on_the_way_is_refused_by_the_server() {
    let write = |engine| match engine {
        Engine::Postgres => {
            "CREATE TABLE c (id int);
             CREATE FUNCTION slip() RETURNS int LANGUAGE sql AS 'INSERT INTO c VALUES (1) RETURNING id'"
        }
        Engine::MariaDb => {
            "CREATE TABLE c (id int);
             CREATE FUNCTION slip() RETURNS int NOT DETERMINISTIC MODIFIES SQL DATA
             BEGIN INSERT INTO c VALUES (1); RETURN 1; END"
        }
        Engine::Sqlite => "CREATE TABLE c (id int)",
    };
    for engine in Engine::ALL {
        let platform = Platform::new(engine);
        let statements = write(engine);
        match engine {
            // its client takes what is between BEGIN and END for several statements
            Engine::MariaDb => drop(platform.run(&format!("DELIMITER //\n{}//", statements.replacen(";", "//", 1)))),
            _ => drop(platform.run(statements)),
        }
        let query = match engine {
            Engine::Sqlite => {
                "INSERT INTO c VALUES (1) RETURNING id AS connection_id, 1 AS account_id, 'x' AS provider"
            }
            _ => "SELECT slip() AS connection_id, 1 AS account_id, 'mailjet' AS provider",
        };
        let (key, what) = failure(&platform, query).await;
        assert!(key == "connections" && what.contains("it writes"), "{engine:?}: {what}");
        assert_eq!(platform.run("SELECT count(*) FROM c"), "0", "{engine:?}");
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_broken_off() {
    for engine in Engine::ALL {
        let platform = Platform::new(engine);
        let slow = match engine {
            Engine::Postgres => "SELECT pg_sleep(60)::text AS connection_id, 1 AS account_id, 'x' AS provider",
            Engine::MariaDb => "SELECT sleep(60) AS connection_id, 1 AS account_id, 'x' AS provider",
            Engine::Sqlite => {
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                 SELECT max(i) AS connection_id, 1 AS account_id, 'x' AS provider FROM n"
            }
        };
        let (key, what) = failure(&platform, slow).await;
        assert!(key == "connections" && what.contains("`statement_timeout`"), "{engine:?}: {what}");
    }
}

#[tokio::test]
async fn nobody_at_the_door_and_a_wrong_login_belong_to_the_address() {
    let good = "SELECT 1 AS connection_id, 1 AS account_id, 'x' AS provider";
    let strange = |url: String, user: &str| url.replacen("root@", &format!("{user}:hunter2@"), 1);
    let mut addresses = vec![
        ("postgres://nobody:hunter2@127.0.0.1:1/shop".to_owned(), "can't be reached"),
        ("mysql://nobody:hunter2@127.0.0.1:1/shop".to_owned(), "can't be reached"),
        ("sqlite:/nowhere/shop.db".to_owned(), "can't be opened"),
    ];
    let (postgres, mariadb) = (Platform::new(Engine::Postgres), Platform::new(Engine::MariaDb));
    addresses.push((strange(mariadb.url(), "stranger"), "refuses the login"));
    let no_such = postgres.url().replacen("/keysweep_test", "/no_such_database", 1);
    addresses.push((no_such, "no such database"));
    for (url, expected) in addresses {
        let source = source_at(&url, good, None, hours(1)).expect("a source");
        let found = source.unreachable().await;
        let (key, error) = found.first().expect(&url);
        assert!(*key == "url" && error.to_string().contains(expected), "{url}: {key}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let opened = source.open(NOW, None).await.err().expect(&url);
        assert_eq!((source.blamed(&opened), opened.to_string()), ("url", error.to_string()));
    }
}

#[tokio::test]
async fn since_is_bound_and_a_whole_reading_takes_everything() {
    for engine in Engine::ALL {
        let platform = Platform::new(engine);
        let (kind, old, new) = match engine {
            Engine::Postgres => ("timestamptz", "'1970-01-01Z'", "'2026-03-01 12:00:00Z'"),
            Engine::MariaDb => ("datetime", "'1970-01-01'", "'2026-03-01 12:00:00'"),
            Engine::Sqlite => ("text", "'1970-01-01T00:00:00Z'", "'2026-03-01T12:00:00Z'"),
        };
        platform.run(&format!(
            "CREATE TABLE c (id int, at {kind}); INSERT INTO c VALUES (1, {old}); INSERT INTO c VALUES (2, {new})"
        ));
        let query = "SELECT id AS connection_id, id AS account_id, 'mailjet' AS provider, at AS updated_at FROM c \
                     WHERE at >= :since AND :since <= at ORDER BY id";
        let source =
            source(&platform, query, Some("SELECT 1 AS account_id, 2 AS member_id, 'a@b.test' AS email"), hours(1));
        let basis = source.changes().expect("it can be asked for changes").basis.clone();
        let mut whole = source.open(NOW, None).await.expect("a snapshot");
        assert_eq!(whole.extent(), Extent::Whole { basis: Some(basis.clone()) });
        assert_eq!(rows(&mut whole).await.expect("rows").iter().map(id).collect::<Vec<_>>(), ["1", "2"], "{engine:?}");
        let since = Timestamp::parse("2026-03-01T12:00:00Z");
        let mut changed = source.open(NOW, since).await.expect("a snapshot");
        assert_eq!(changed.extent(), Extent::Changes { basis });
        assert_eq!(people(&mut changed).await.expect("people").len(), 1, "people are read whole");
        assert_eq!(rows(&mut changed).await.expect("rows").iter().map(id).collect::<Vec<_>>(), ["2"], "{engine:?}");
        let later = since.map(|at| at + Duration::from_secs(1));
        let mut later = source.open(NOW, later).await.expect("a snapshot");
        assert!(rows(&mut later).await.expect("rows").is_empty(), "{engine:?}");
    }
}
