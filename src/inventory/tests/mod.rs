mod csv;
mod endings;
mod frames;
mod jsonl;

use std::path::PathBuf;

use super::{FileKind, FileSnapshot, FileSource};
use crate::domain::record::{ConnectionRecord, FieldProblem, PersonRecord, Row};
use crate::domain::time::Timestamp;
use crate::ports::{Snapshot, SourceError};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A folder with one source in it.
struct Files {
    folder: tempfile::TempDir,
    source: FileSource,
}

impl Files {
    fn new(kind: FileKind, connections: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("connections");
        std::fs::write(&path, connections).expect("a file");
        let source = FileSource { name: "platform".to_owned(), kind, path, people_path: None };
        Self { folder, source }
    }

    fn with_people(mut self, people: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join("people");
        std::fs::write(&path, people).expect("a file");
        self.source.people_path = Some(path);
        self
    }

    fn path(&self) -> PathBuf {
        self.source.path.clone()
    }

    fn open(&self) -> Result<FileSnapshot, SourceError> {
        self.source.open(NOW)
    }
}

/// What a row came to: its line, its id, and the field and reason where it is quarantined.
type Brief<'a> = (u64, Option<&'a str>, Option<(&'a str, &'a str)>);

/// All rows, the error that ended them, and the remarks.
struct Seen {
    rows: Vec<Row<ConnectionRecord>>,
    error: Option<SourceError>,
    remarks: Vec<String>,
}

impl Seen {
    fn brief(&self) -> Vec<Brief<'_>> {
        self.rows.iter().map(brief).collect()
    }

    fn good(&self) -> Vec<&ConnectionRecord> {
        self.rows.iter().filter_map(|row| row.record.as_ref().ok()).collect()
    }

    fn one(&self) -> &ConnectionRecord {
        assert!(self.error.is_none(), "{:?}", self.error);
        self.rows[0].record.as_ref().expect("a good row")
    }

    fn problem(&self) -> &FieldProblem {
        self.rows[0].record.as_ref().expect_err("a quarantined row")
    }
}

fn brief(row: &Row<ConnectionRecord>) -> Brief<'_> {
    let problem = row.record.as_ref().err().map(|problem| (problem.field.as_str(), problem.reason.as_str()));
    (row.row, row.id.as_deref(), problem)
}

async fn read(kind: FileKind, connections: impl AsRef<[u8]>) -> Seen {
    read_in_batches(kind, connections, 2).await
}

async fn read_in_batches(kind: FileKind, connections: impl AsRef<[u8]>, limit: usize) -> Seen {
    let files = Files::new(kind, connections);
    let mut snapshot = match files.open() {
        Ok(snapshot) => snapshot,
        Err(error) => return Seen { rows: Vec::new(), error: Some(error), remarks: Vec::new() },
    };
    let (mut rows, mut error) = (Vec::new(), None);
    loop {
        match snapshot.connections(limit).await {
            Ok(batch) if batch.is_empty() => break,
            Ok(batch) => {
                assert!(batch.len() <= limit);
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

async fn read_people(kind: FileKind, people: impl AsRef<[u8]>) -> Vec<Row<PersonRecord>> {
    let files = Files::new(kind, "connection_id,account_id,provider\n").with_people(people);
    let mut snapshot = files.open().expect("a source");
    assert!(snapshot.has_people());
    let rows = snapshot.people(100).await.expect("people");
    assert!(snapshot.people(100).await.expect("the end").is_empty());
    rows
}
