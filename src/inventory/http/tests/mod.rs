//! Lists over HTTP, against servers that answer as real ones do.

mod platform;
mod reading;
mod trouble;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use self::platform::{Platform, Reply};
use super::*;
use crate::domain::record::FieldProblem;
use crate::inventory::http::door::Door;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
const TOKEN: &str = "c4nary-token-of-the-platform";

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).expect("a pointer")
}

/// A row that is well.
fn row(id: u64) -> String {
    format!(r#"{{"connection_id": "c{id}", "account_id": "a1", "provider": "kit"}}"#)
}

/// Several of them as a list.
fn rows(ids: impl IntoIterator<Item = u64>) -> String {
    format!("[{}]", ids.into_iter().map(row).collect::<Vec<_>>().join(", "))
}

/// A source of connections, and what it did to wait.
struct Asked {
    source: HttpSource,
    waits: Arc<Mutex<Vec<Duration>>>,
}

/// All rows, the error that ended them, and the remarks.
struct Seen {
    rows: Vec<Row<ConnectionRecord>>,
    error: Option<SourceError>,
    remarks: Vec<String>,
}

impl Seen {
    /// The ids, in the order in which they came.
    fn ids(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.id.as_deref().unwrap_or("-")).collect()
    }

    fn problem(&self) -> &FieldProblem {
        self.rows[0].record.as_ref().expect_err("a quarantined row")
    }

    fn why(&self) -> String {
        self.error.as_ref().expect("it was not read whole").to_string()
    }
}

/// A list at `/list` of the platform.
fn list(platform: &Platform) -> HttpList {
    HttpList { url: platform.url("/list"), rows: Pointer::default(), total: None, fields: None }
}

impl Asked {
    fn of(connections: HttpList, paging: Paging) -> Self {
        let headers = [("authorization".to_owned(), Secret::new(&format!("Bearer {TOKEN}")))];
        let retry = vec![Duration::from_secs(1), Duration::from_secs(5)];
        let waits = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&waits);
        let door = Door::new(DoorParts {
            headers: &headers,
            silence: Duration::from_secs(20),
            retry,
            plain: true,
            agent: "test",
        });
        let door = door.expect("a door").sleeping(Arc::new(move |span| {
            noted.lock().expect("one test").push(span);
            Box::pin(std::future::ready(()))
        }));
        let lists = HttpLists { connections, people: None, paging };
        Self { source: HttpSource { lists, door: Arc::new(door) }, waits }
    }

    /// The seconds that were waited, one after the other.
    fn waited(&self) -> Vec<u64> {
        self.waits.lock().expect("one test").iter().map(Duration::as_secs).collect()
    }

    async fn read(&self) -> Seen {
        let mut snapshot = self.source.open(NOW);
        let (mut rows, mut error) = (Vec::new(), None);
        loop {
            match snapshot.connections(2).await {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => {
                    assert!(batch.len() <= 2);
                    rows.extend(batch);
                }
                Err(e) => {
                    error = Some(e);
                    break;
                }
            }
        }
        Seen { rows, error, remarks: snapshot.remarks() }
    }
}

/// Reads one answer as a list without pages.
async fn read_whole(body: &str) -> Seen {
    let platform = Platform::answering(vec![Reply::json(body)]).await;
    Asked::of(list(&platform), Paging::Whole).read().await
}
