//! A reading is of one snapshot, whole and in order, or it is a failure.

use keysweep::domain::time::hours;
use keysweep::ports::Snapshot as _;

use super::{NOW, id, rows, source};
use crate::support::platform::{Engine, Platform};

/// `n` rows of one table, whatever the database.
fn many(platform: &Platform, n: u32) -> &'static str {
    let series = match platform.engine {
        Engine::Postgres => format!("SELECT * FROM generate_series(1, {n}) AS g(i)"),
        Engine::MariaDb => format!("SELECT seq AS i FROM seq_1_to_{n}"),
        Engine::Sqlite => {
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) SELECT i FROM n")
        }
    };
    platform.run(&format!("CREATE TABLE m AS {series}"));
    "SELECT i AS connection_id, i AS account_id, 'mailjet' AS provider FROM m ORDER BY i"
}

#[tokio::test]
async fn both_lists_are_read_of_one_snapshot_in_order_and_whole() {
    for engine in Engine::ALL {
        let platform = Platform::new(engine);
        let query = many(&platform, 2_345);
        let people_query = "SELECT i AS account_id, i AS member_id, 'a@b.test' AS email FROM m";
        let source = source(&platform, query, Some(people_query), hours(1));
        let mut snapshot = source.open(NOW, None).await.expect("a snapshot");
        let first = snapshot.people(1).await.expect("people");
        assert_eq!(first.len(), 1);
        platform.run("DELETE FROM m"); // after the snapshot began
        // whoever wants no more people gets the connections all the same
        let all = rows(&mut snapshot).await.expect("rows");
        let numbers: Vec<String> = (1..=2_345).map(|number| number.to_string()).collect();
        assert_eq!(all.iter().map(id).collect::<Vec<_>>(), numbers, "{engine:?}");
        assert_eq!(all[2_344].row, 2_345);
        assert!(rows(&mut snapshot).await.expect("the end stays the end").is_empty());
    }
}

/// Does to a reading what pulled plugs do, and names words of which one must be said.
fn cut(platform: &Platform) -> [&'static str; 2] {
    match platform.engine {
        Engine::Postgres => {
            // whichever client holds the table is the reader; the server's own vacuum may hold it too
            let cut = platform.run(
                "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
                 WHERE l.relation = 'm'::regclass AND a.backend_type = 'client backend' AND l.pid <> pg_backend_pid()",
            );
            assert_eq!(cut, "1", "the reader's connection was there");
        }
        Engine::MariaDb => {
            // by what it asks: whoever has just left may still be listed
            let reader = platform.run(
                "SELECT id FROM information_schema.processlist
                 WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info LIKE '% FROM m%'",
            );
            assert!(reader.parse::<u64>().is_ok(), "one connection that reads: {reader}");
            platform.run(&format!("KILL {reader}"));
        }
        Engine::Sqlite => {
            let url = platform.url();
            let path = url.strip_prefix("sqlite:").expect("a path");
            let file = std::fs::OpenOptions::new().write(true).open(path).expect("the database");
            file.set_len(file.metadata().expect("its length").len() / 2).expect("a disk that failed");
            return ["malformed", "disk I/O error"];
        }
    }
    ["ended the connection", "broke off"]
}

#[tokio::test]
async fn a_reading_that_is_cut_in_the_middle_is_a_failure_after_the_rows_that_were_read() {
    for engine in Engine::ALL {
        let platform = Platform::new(engine);
        let query = many(&platform, 400_000);
        let source = source(&platform, query.trim_end_matches(" ORDER BY i"), None, hours(1));
        let mut snapshot = source.open(NOW, None).await.expect("a snapshot");
        let mut read = snapshot.connections(10).await.expect("rows").len();
        let words = cut(&platform);
        let error = loop {
            match snapshot.connections(1_000).await {
                Ok(rows) => {
                    assert!(!rows.is_empty(), "{engine:?}: it never ends as if it were whole");
                    read += rows.len();
                }
                Err(error) => break error,
            }
        };
        assert!(read < 400_000, "{engine:?}: {read}");
        assert_eq!(source.blamed(&error), "connections");
        let said = error.to_string();
        assert!(words.iter().any(|word| said.contains(word)), "{engine:?}: {said}");
        assert!(snapshot.connections(1).await.is_err(), "{engine:?}: it stays a failure");
    }
}
