//! A database that is asked for changes alone, and one that goes away in the middle.

use serde_json::Value;

use super::{Form, Platformed, connections, people};
use crate::support::platform::Engine;

/// A source in a database that is asked for changes alone.
fn followed(engine: Engine) -> Platformed {
    let platform = Platformed::new(Form::Database(engine));
    platform.show(&connections()[..3], &people());
    platform.change(|text| {
        text.replace("FROM connections", "FROM connections WHERE coalesce(updated_at, created_at) >= :since")
    });
    platform
}

fn status(platform: &Platformed, id: &str) -> String {
    let all = platform.site.list("connections");
    let found = all.iter().find(|row| row["connection_id"] == id).expect("the connection");
    found["status"].as_str().expect("a word").to_owned()
}

#[test]
fn changes_alone_are_read_in_between_and_say_nothing_of_what_is_missing() {
    for engine in Engine::ALL {
        let platform = followed(engine);
        let database = platform.database.as_ref().expect("a database");
        let rows = |document: &Value| document["scan"]["counts"]["rows"].as_u64();
        assert_eq!(rows(&platform.scan(0)), Some(3), "{engine:?}: the first is whole");
        database.run("DELETE FROM connections WHERE connection_id = 'c-2'");
        for _ in 0..3 {
            assert_eq!(rows(&platform.scan(0)), Some(0), "{engine:?}: nothing has changed");
        }
        assert_eq!(status(&platform, "c-2"), "paused", "{engine:?}: nothing follows from what is not listed");
        let soon = crate::support::ago(chrono::TimeDelta::zero());
        let soon = if engine == Engine::MariaDb { soon.trim_end_matches('Z').to_owned() } else { soon };
        let zone = if engine == Engine::MariaDb { "SET time_zone = '+00:00';" } else { "" };
        database.run(&format!(
            "{zone} UPDATE connections SET status = 'deleted', updated_at = '{soon}' WHERE connection_id = 'c-1'"
        ));
        assert_eq!(rows(&platform.scan(0)), Some(1), "{engine:?}");
        assert_eq!(status(&platform, "c-1"), "deleted");
        // another query is read whole first, twice for what is missing
        platform.change(|text| text.replace(":since ORDER", ":since AND 1 = 1 ORDER"));
        assert_eq!(rows(&platform.scan(0)), Some(2), "{engine:?}: read whole");
        assert_eq!(status(&platform, "c-2"), "paused", "{engine:?}: missed once");
        platform.change(|text| text.replace(":since AND 1 = 1 ORDER", ":since ORDER"));
        assert_eq!(rows(&platform.scan(0)), Some(2), "{engine:?}: read whole");
        assert_eq!(status(&platform, "c-2"), "absent", "{engine:?}: missed twice");
    }
}

#[test]
fn a_row_that_changes_set_aside_is_shown_until_a_whole_reading_knows_better() {
    let platform = followed(Engine::Sqlite);
    let database = platform.database.as_ref().expect("a database");
    platform.scan(0);
    let soon = crate::support::ago(chrono::TimeDelta::zero());
    database.run(&format!("UPDATE connections SET status = 'odd', updated_at = '{soon}' WHERE connection_id = 'c-1'"));
    let quarantined = |document: &Value| document["quarantined"].as_array().map(Vec::len);
    let scan = platform.scan(0);
    assert_eq!((scan["scan"]["counts"]["rows"].as_u64(), quarantined(&scan)), (Some(1), Some(1)));
    let scan = platform.scan(0);
    assert_eq!((scan["scan"]["counts"]["rows"].as_u64(), quarantined(&scan)), (Some(3), Some(1)), "the next is whole");
}

/// The database's own server breaks every reader's line in the middle of a reading.
#[test]
fn a_database_that_goes_away_in_the_middle_deletes_nothing_and_says_so() {
    let platform = Platformed::new(Form::Database(Engine::Postgres));
    platform.show(&[], &people());
    let database = platform.database.as_ref().expect("a database");
    database.run(
        "INSERT INTO connections (n, connection_id, account_id, provider)
         SELECT n, concat('c-', n), 1, 'kit' FROM generate_series(1, 2000) AS g(n)",
    );
    platform.scan(0);
    // the reader's line is cut by the query itself, in its last rows
    database.run("CREATE FUNCTION cut(n int) RETURNS text LANGUAGE plpgsql AS 'BEGIN IF n > 1500 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END'");
    platform.change(|text| text.replace("name, status", "cut(n) AS name, status"));
    for _ in 0..3 {
        let document = platform.scan(4);
        let problem = document["problems"][0].as_str().expect("a problem");
        assert!(problem.starts_with("source main: ") && problem.contains("query `connections`: "), "{problem}");
        let counts = &document["scan"]["counts"];
        assert_eq!((counts["ended"].as_u64(), counts["held_back"].as_u64()), (Some(0), Some(0)), "{counts}");
        assert!(counts["rows"].as_u64().is_some_and(|rows| rows < 2_000), "{counts}");
    }
    let active = platform.site.list("connections").iter().filter(|row| row["status"] == "active").count();
    assert_eq!(active, 2_000);
}
