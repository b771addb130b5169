use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::ledger::sql::Sql;
use crate::ledger::store::Pools;
use crate::ledger::{OpenError, copy};
use crate::ports::probe::ProbeLedger;

on_both![
    a_second_writer_is_told_who_holds_the_ledger_and_may_open_it_once_the_first_is_gone,
    a_reader_sees_what_was_committed_beside_the_writer_and_can_write_nothing,
    a_schema_of_another_age_is_refused_with_what_to_do,
    reading_a_ledger_that_is_not_there_is_an_error_and_makes_none,
    a_copy_has_everything_is_for_its_owner_only_and_overwrites_nothing,
    what_nobody_waits_for_any_more_keeps_nobody_from_an_answer,
];

async fn a_second_writer_is_told_who_holds_the_ledger_and_may_open_it_once_the_first_is_gone(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let url = fixture.place.url();
    match Ledger::open(&url).await {
        Err(OpenError::Held { holder, .. }) => {
            let holder = holder.expect("a holder");
            assert!(holder.contains(&std::process::id().to_string()), "{holder}");
        }
        other => panic!("{other:?}"),
    }
    fixture.ledger.close().await;
    Ledger::open(&url).await.expect("the lock ended with its holder").close().await;
}

async fn a_reader_sees_what_was_committed_beside_the_writer_and_can_write_nothing(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let reader = Ledger::open_read_only(&fixture.place.url()).await.expect("a reader");
    fixture.load(1..=3, 10).await;
    assert_eq!(reader.source("platform", at(0)).await.expect("the source").max_connection, 3);
    assert!(reader.set("mail_mode", "released").await.is_err());
    reader.close().await;
}

async fn reading_a_ledger_that_is_not_there_is_an_error_and_makes_none(kind: Kind) {
    let place = Place::new(kind).await;
    for _ in 0..2 {
        assert!(matches!(Ledger::open_read_only(&place.url()).await, Err(OpenError::Missing { .. })));
    }
    assert_eq!(std::fs::read_dir(place.folder.path()).expect("the folder").count(), 0);
}

async fn a_schema_of_another_age_is_refused_with_what_to_do(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let url = fixture.place.url();
    fixture
        .ledger
        .act("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
        .await;
    assert!(matches!(Ledger::open_read_only(&url).await, Err(OpenError::Newer { found: 9999, .. })));
    fixture.ledger.act("DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    let error = Ledger::open_read_only(&url).await.expect_err("too old");
    assert!(error.to_string().contains("keysweep migrate"), "{error}");
    fixture.ledger.act("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 3").await;
    fixture.ledger.close().await;
    assert!(matches!(Ledger::open(&url).await, Err(OpenError::Newer { .. })));
}

async fn a_copy_has_everything_is_for_its_owner_only_and_overwrites_nothing(kind: Kind) {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new(kind).await;
    fixture.load(1..=3, 10).await;
    let url = fixture.place.url();
    let copy = fixture.place.folder.path().join("copy.db");
    Ledger::copy_to(&url, &copy).await.expect("a copy");
    assert_eq!(std::fs::metadata(&copy).expect("the copy").permissions().mode() & 0o777, 0o600);
    assert!(matches!(Ledger::copy_to(&url, &copy).await, Err(OpenError::File { .. })));
    let copied = Ledger::open(&sqlite(&copy)).await.expect("the copy opens beside the original");
    assert_eq!(copied.source("platform", at(0)).await.expect("the source").max_connection, 3);
    assert_eq!(copied.held_credentials(&[CredentialId(2)]).await.expect("held")[0].sealed, Some(sealed(2)));
}

/// A table or column that a migration adds is in the copy as well, or has a word here why not.
#[tokio::test]
async fn a_copy_leaves_out_no_table_and_no_column() {
    const ELSEWHERE: [&str; 1] = ["_sqlx_migrations"]; // the copy's own
    let fixture = Fixture::new(Kind::Postgres).await;
    let schema = "SELECT string_agg(table_name || '.' || column_name, ' ') FROM information_schema.columns
                  WHERE table_schema = current_schema()";
    let schema = fixture.one(schema).await.expect("columns");
    let made: BTreeSet<_> = schema.split(' ').map(str::to_owned).collect();
    let made =
        made.into_iter().filter(|column| !ELSEWHERE.iter().any(|table| column.starts_with(&format!("{table}."))));
    let copied = copy::TABLES.iter().flat_map(|table| {
        let (into, _) = table.write.postgres.split_once(") SELECT").expect("an INSERT from a SELECT");
        let (table, columns) = into.trim_start_matches("INSERT INTO ").split_once(" (").expect("columns");
        columns.split(", ").map(move |column| format!("{table}.{column}"))
    });
    assert_eq!(copied.collect::<BTreeSet<_>>(), made.collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn a_new_ledger_and_its_journal_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new(Kind::Sqlite).await;
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"] {
        let mode = std::fs::metadata(fixture.place.folder.path().join(name)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn addresses_that_name_no_ledger_are_refused_without_being_shown() {
    for bad in [
        "mysql://root:hunter2@db.example.org/keysweep",
        "postgres://keysweep:hunter2@db.example.org:port/keysweep",
        "postgres://db.example.org/keysweep?passwd=hunter2",
        "postgres://db.example.org/keysweep?sslmode=hunter2",
        "sqlite::memory:",
        "sqlite:",
        "ledger.db",
    ] {
        let error = Ledger::open(bad).await.expect_err("refused");
        assert!(matches!(error, OpenError::Url { .. }), "{bad}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn the_embedded_migrations_are_those_of_the_folders_and_the_same_for_both() {
    let names = |database: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let mut names: Vec<_> =
            std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
    let files = names("sqlite").len();
    assert_eq!(crate::ledger::store::steps(), (files, files), "build anew: a migration was added or removed");
}

#[tokio::test]
async fn nothing_is_written_to_a_file_that_was_taken_away_or_replaced() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    let (file, aside) = (fixture.database(), fixture.place.folder.path().join("aside.db"));
    std::fs::rename(&file, &aside).expect("taken away");
    let error = fixture.ledger.set("a", "1").await.expect_err("it is not there");
    assert!(error.is_transient() && error.to_string().contains("ledger.db was taken away"), "{error}");
    std::fs::write(&file, "").expect("another file");
    let error = fixture.ledger.set("a", "2").await.expect_err("it is another one");
    assert!(error.is_transient() && error.to_string().contains("restart keysweep"), "{error}");
    std::fs::rename(&aside, &file).expect("put back");
    fixture.ledger.set("a", "3").await.expect("it is there again");
    assert_eq!(fixture.ledger.get("a").await.expect("read").as_deref(), Some("3"));
}

/// A statement that has no end of its own.
const ENDLESS: Sql = sql!([
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT count(*) FROM n"
        | "SELECT 1::bigint FROM pg_sleep(600)"
]);

/// More than there are connections.
const TIMES: usize = 6;

async fn what_nobody_waits_for_any_more_keeps_nobody_from_an_answer(kind: Kind) {
    let fixture = Fixture::new(kind).await;
    let shown = Ledger::open_to_show(&fixture.place.url()).await.expect("a ledger to show");
    for _ in 0..TIMES {
        let endless = async {
            let mut moment = shown.moment("count without end").await?;
            moment.number(&ENDLESS, []).await
        };
        let given_up = tokio::time::timeout(Duration::from_millis(50), endless).await;
        assert!(!matches!(given_up, Ok(Ok(_))), "it has no end");
    }
    // Far below what is waited for a connection: they are free again.
    let answer = tokio::time::timeout(Duration::from_secs(15), shown.scans(1)).await;
    assert_eq!(answer.expect("an answer in time").expect("an answer"), []);
    shown.close().await;
}

#[tokio::test]
async fn whoever_only_looks_keeps_no_connection_unused_and_a_ledger_goes_on_after_a_rest() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    fixture.load(1..=3, 10).await;
    let unused = |ledger: &Ledger| match ledger.pools() {
        Pools::Sqlite { pool, .. } => pool.options().get_idle_timeout(),
        Pools::Postgres { .. } => panic!("this is SQLite"),
    };
    let url = fixture.place.url();
    let reader = Ledger::open_read_only(&url).await.expect("a reader");
    let shown = Ledger::open_to_show(&url).await.expect("a reader");
    assert_eq!([unused(&reader), unused(&shown)], [Some(Duration::from_secs(60)); 2]);
    assert_eq!(unused(&fixture.ledger), None, "it has the right to write");
    let moment = fixture.ledger.at_one_moment().await.expect("a connection");
    fixture.ledger.rest().await.expect("those that are in use are left alone");
    drop(moment);
    fixture.ledger.rest().await.expect("both");
    fixture.load(4..=5, 20).await;
}
