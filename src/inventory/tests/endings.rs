use std::io::Write;

use super::*;
use crate::ports::SourceError;

const HEAD: &str = "connection_id,account_id,provider,name\n";

#[tokio::test]
async fn a_file_that_ends_within_a_character_is_cut_short() {
    let mut bytes = format!("{HEAD}c1,a1,kit,café").into_bytes();
    bytes.pop();
    let seen = read(FileKind::Csv, &bytes).await;
    assert_eq!(cut_at(&seen), Some(2), "{:?}", seen.rows);
    bytes.push(b'\n');
    let seen = read(FileKind::Csv, &bytes).await;
    assert!(seen.error.is_none() && seen.problem().field == "name");
}

fn cut_at(seen: &Seen) -> Option<u64> {
    match seen.error {
        Some(SourceError::CutShort { row, .. }) => Some(row),
        _ => None,
    }
}

#[tokio::test]
async fn a_file_that_ends_in_the_middle_of_a_record_is_cut_short() {
    for (kind, text, row) in [
        (FileKind::Csv, format!("{HEAD}c1,a1,kit,x\nc2,a1"), 3),
        (FileKind::Csv, format!("{HEAD}c1,a1,kit,x\nc2,a1,kit,\"x"), 3),
        (FileKind::Csv, format!("{HEAD}c1,a1,kit,x\nc2,a1,kit,\"x\nc3,a1,kit,x\n"), 3),
        (FileKind::Csv, "connection_id,account_id,provider,na".to_owned(), 1),
        (
            FileKind::Jsonl,
            "{\"connection_id\":1,\"account_id\":1,\"provider\":\"kit\"}\n{\"connection_id\":2".to_owned(),
            2,
        ),
        (FileKind::Jsonl, "{\"connection_id\":1,\"account_id\":1,\"provider\":\"kit\"}\n{\"name\":\"caf".to_owned(), 2),
    ] {
        for limit in [1, 2, 100] {
            let seen = read_in_batches(kind, &text, limit).await;
            assert_eq!(cut_at(&seen), Some(row), "{text:?} {:?}", seen.error);
            assert_eq!(seen.good().len(), usize::from(row > 1), "whole rows before it are handed on");
        }
    }
}

#[tokio::test]
async fn a_last_line_without_a_line_end_is_whole_if_it_can_be_read() {
    for (kind, text) in [
        (FileKind::Csv, format!("{HEAD}c1,a1,kit,x")),
        (FileKind::Csv, format!("{HEAD}c1,a1,kit,")),
        (FileKind::Csv, format!("{HEAD}c1,a1,kit,\"x\"")),
        (FileKind::Csv, format!("{HEAD}c1,a1,kit,x\r")),
        (FileKind::Jsonl, "{\"connection_id\":1,\"account_id\":1,\"provider\":\"kit\"}".to_owned()),
    ] {
        let seen = read(kind, &text).await;
        assert!(seen.error.is_none() && seen.good().len() == 1, "{text:?} {:?} {:?}", seen.error, seen.rows);
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_no_snapshot() {
    let changes: [fn(&Files); 4] = [
        |files| {
            let mut file = std::fs::File::options().append(true).open(files.path()).expect("the file");
            file.write_all(b"c9,a1,kit,x\n").expect("one more row");
        },
        |files| {
            let file = std::fs::File::options().write(true).open(files.path()).expect("the file");
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("another time");
        },
        |files| {
            let other = files.folder.path().join("other");
            std::fs::copy(files.path(), &other).expect("a copy");
            std::fs::rename(other, files.path()).expect("another file in its place");
        },
        |files| std::fs::remove_file(files.path()).expect("no file"),
    ];
    for (n, change) in changes.iter().enumerate() {
        let files = Files::new(FileKind::Csv, format!("{HEAD}c1,a1,kit,x\nc2,a1,kit,x\n"));
        let mut snapshot = files.open().expect("a source");
        assert_eq!(snapshot.connections(1).await.expect("a row").len(), 1);
        change(&files);
        let error = loop {
            match snapshot.connections(100).await {
                Ok(rows) => assert!(!rows.is_empty(), "change {n} went unseen"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SourceError::Changed { .. }), "change {n}: {error}");
        assert!(snapshot.connections(1).await.is_err(), "a failed snapshot never looks whole");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_which_setting_to_look_at() {
    let mut files = Files::new(FileKind::Csv, HEAD);
    files.source.path = files.folder.path().to_owned();
    let error = files.open().err().expect("a folder is no file").to_string();
    assert!(error.contains("not a regular file") && error.contains("`path` of the inventory `platform`"), "{error}");
    files.source.path = files.folder.path().join("nowhere");
    let error = files.open().err().expect("no such file").to_string();
    assert!(error.contains("no such file") && error.contains("nowhere"), "{error}");
    let mut files = Files::new(FileKind::Csv, HEAD);
    files.source.people_path = Some(files.folder.path().join("nobody"));
    assert!(files.open().err().expect("no people").to_string().contains("`people_path`"));
}

#[tokio::test]
async fn a_source_without_people_has_none() {
    let mut snapshot = Files::new(FileKind::Csv, HEAD).open().expect("a source");
    assert!(!snapshot.has_people());
    assert!(snapshot.people(10).await.expect("nobody").is_empty());
}

#[tokio::test]
async fn a_record_without_end_is_quarantined_and_the_others_go_on() {
    let long = "x".repeat(3 << 20);
    let seen = read(FileKind::Csv, format!("{HEAD}c1,a1,kit,\"{long}\"\nc2,a1,kit,x\n")).await;
    let reason = "is longer than 1048576 bytes";
    assert_eq!(seen.brief(), [(2, Some("c1"), Some(("", reason))), (3, Some("c2"), None)]);
    let lines = format!("{long}\n{{\"connection_id\":2,\"account_id\":1,\"provider\":\"kit\"}}\n");
    let seen = read(FileKind::Jsonl, lines).await;
    assert_eq!(seen.brief(), [(1, None, Some(("", reason))), (2, Some("2"), None)]);
}
