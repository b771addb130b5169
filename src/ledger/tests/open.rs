use super::*;
use crate::ledger::OpenError;

#[tokio::test]
async fn a_new_ledger_and_its_journal_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().await;
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"] {
        let mode = std::fs::metadata(fixture.folder.path().join(name)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_second_writer_is_told_who_holds_the_ledger_and_may_open_it_once_the_first_is_gone() {
    let fixture = Fixture::new().await;
    let url = url(&fixture.database());
    match Ledger::open(&url).await {
        Err(OpenError::Held { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    fixture.ledger.close().await;
    Ledger::open(&url).await.expect("the lock ended with its holder");
}

#[tokio::test]
async fn a_reader_sees_what_was_committed_beside_the_writer_and_can_write_nothing() {
    let fixture = Fixture::new().await;
    let reader = Ledger::open_read_only(&url(&fixture.database())).await.expect("a reader");
    fixture.load(1..=3, 10).await;
    assert_eq!(reader.source("platform", at(0)).await.expect("the source").max_connection, 3);
    assert!(reader.set("mail_mode", "released").await.is_err());
}

#[tokio::test]
async fn reading_a_ledger_that_is_not_there_is_an_error_and_makes_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("none.db");
    assert!(matches!(Ledger::open_read_only(&url(&path)).await, Err(OpenError::Missing { .. })));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_schema_of_another_age_is_refused_with_what_to_do() {
    let fixture = Fixture::new().await;
    let url = url(&fixture.database());
    sqlx::query("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 4")
        .execute(fixture.ledger.pool())
        .await
        .expect("a newer schema");
    assert!(matches!(Ledger::open_read_only(&url).await, Err(OpenError::Newer { found: 9999, .. })));
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 9999")
        .execute(fixture.ledger.pool())
        .await
        .expect("an older schema");
    let error = Ledger::open_read_only(&url).await.expect_err("too old");
    assert!(error.to_string().contains("keysweep migrate"), "{error}");
    sqlx::query("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 3")
        .execute(fixture.ledger.pool())
        .await
        .expect("a newer schema");
    fixture.ledger.close().await;
    assert!(matches!(Ledger::open(&url).await, Err(OpenError::Newer { .. })));
}

#[tokio::test]
async fn addresses_that_name_no_file_are_refused() {
    for bad in ["postgres://db.example.org/keysweep", "sqlite::memory:", "sqlite:", "ledger.db"] {
        assert!(matches!(Ledger::open(bad).await, Err(OpenError::Url { .. })), "{bad}");
    }
}

#[tokio::test]
async fn a_copy_has_everything_is_for_its_owner_only_and_overwrites_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().await;
    fixture.load(1..=3, 10).await;
    let copy = fixture.folder.path().join("copy.db");
    Ledger::copy_to(&url(&fixture.database()), &copy).await.expect("a copy");
    assert_eq!(std::fs::metadata(&copy).expect("the copy").permissions().mode() & 0o777, 0o600);
    assert!(matches!(Ledger::copy_to(&url(&fixture.database()), &copy).await, Err(OpenError::File { .. })));
    let copied = Ledger::open(&url(&copy)).await.expect("the copy opens beside the original");
    assert_eq!(copied.source("platform", at(0)).await.expect("the source").max_connection, 3);
}

#[test]
fn the_embedded_migrations_are_those_of_the_folder() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let files = std::fs::read_dir(folder).expect("the folder").count();
    assert_eq!(crate::ledger::store::steps(), files, "build anew: a migration was added or removed");
}
