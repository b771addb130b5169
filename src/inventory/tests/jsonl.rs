use super::*;
use crate::domain::record::{RecordStatus, UsedFor};
use crate::domain::secret::Secret;

async fn jsonl(text: impl AsRef<[u8]>) -> Seen {
    read(FileKind::Jsonl, text).await
}

#[tokio::test]
async fn numbers_lists_nulls_and_text_are_read_alike() {
    let seen = jsonl(
        "{\"connection_id\": 17, \"account_id\": \"a1\", \"provider\": \"kit\", \"created_at\": 1780000000, \
         \"name\": null, \"secret\": \"a\\u0062\\\"c\", \"running_jobs\": 2, \"used_for\": [\"smtp\", \"sync\"], \
         \"tags\": [\"two words\", \"x\", 3], \"status\": \"\"}\n",
    )
    .await;
    let record = seen.one();
    assert_eq!((record.connection_id.as_str(), seen.rows[0].id.as_deref()), ("17", Some("17")));
    assert_eq!(record.created_at, Some(Timestamp::from_secs(1_780_000_000)));
    assert_eq!(record.secret.as_ref().map(Secret::expose), Some("ab\"c"));
    assert_eq!((record.name.as_deref(), record.running_jobs, record.status), (None, 2, RecordStatus::Active));
    assert_eq!(record.used_for, [UsedFor::Sync, UsedFor::Smtp]);
    assert_eq!(record.tags, ["two words", "x", "3"]);
}

#[tokio::test]
async fn no_lines_are_a_whole_snapshot_of_no_rows() {
    for text in ["", "\n \n", "\u{feff}"] {
        let seen = jsonl(text).await;
        assert!(seen.rows.is_empty() && seen.error.is_none(), "{text:?}");
    }
}

#[tokio::test]
async fn a_line_that_is_no_object_is_quarantined_without_an_id() {
    let good = "{\"connection_id\":\"c1\",\"account_id\":\"a1\",\"provider\":\"kit\"}";
    for bad in ["17", "\"c4nary\"", "[1]", "{\"connection_id\":\"c4nary\"", "{\"connection_id\":\"c9\"}{}", "null"] {
        let seen = jsonl(format!("{good}\n\n{bad}\n{good}\n")).await;
        let brief = seen.brief();
        let (line, id, problem) = brief[1];
        let (field, reason) = problem.expect("a quarantined row");
        assert_eq!((line, id, field, brief.len()), (3, None, "", 3), "{bad}");
        assert!(reason.contains("one object a line") && !reason.contains("c4nary"), "{reason}");
    }
}

#[tokio::test]
async fn values_of_another_kind_quarantine_their_row() {
    for (field, value) in [
        ("name", "{\"a\": [1]}"),
        ("name", "true"),
        ("account_id", "1.5"),
        ("secret", "[\"c4nary\"]"),
        ("secret", "{\"c4nary\": 1}"),
        ("created_at", "1e9"),
        ("tags", "[[]]"),
        ("tags", "{}"),
        ("running_jobs", "\"many\""),
    ] {
        let seen = jsonl(format!(
            "{{\"connection_id\":\"c1\",\"account_id\":\"a1\",\"provider\":\"kit\",\"{field}\":{value}}}\n"
        ))
        .await;
        let seen = if field == "account_id" {
            jsonl(format!("{{\"connection_id\":\"c1\",\"account_id\":{value},\"provider\":\"kit\"}}\n")).await
        } else {
            seen
        };
        assert_eq!((seen.problem().field.as_str(), seen.rows[0].id.as_deref()), (field, Some("c1")), "{value}");
        assert!(!seen.problem().reason.contains("c4nary"));
    }
}

#[tokio::test]
async fn a_field_that_is_given_twice_quarantines_its_row() {
    let row = |more: &str| format!("{{\"connection_id\":\"c1\",\"account_id\":\"a1\",\"provider\":\"kit\",{more}}}\n");
    let seen = jsonl(row("\"Provider\":\"x\"")).await;
    assert_eq!((seen.problem().field.as_str(), seen.rows[0].id.as_deref()), ("provider", Some("c1")));
    let seen = jsonl(row("\"connection_id\":\"c2\"")).await;
    assert_eq!((seen.problem().field.as_str(), seen.rows[0].id.as_deref()), ("connection_id", None));
}

#[tokio::test]
async fn an_unknown_field_is_remarked_once_and_not_without_limit() {
    let mut text = String::new();
    for n in 0..100 {
        text += &format!(
            "{{\"connection_id\":{n},\"account_id\":1,\"provider\":\"kit\",\"key-id\":{{\"x\":[]}},\"f{n}\":1}}\n"
        );
    }
    let seen = jsonl(text).await;
    assert_eq!(seen.good().len(), 100);
    assert_eq!(seen.remarks[0], "field `key-id` is not a field of keysweep and is ignored; did you mean `key_id`?");
    assert_eq!(seen.remarks.len(), 50);
}

#[tokio::test]
async fn a_list_around_the_objects_is_told_from_lines() {
    let seen = jsonl("[\n{\"connection_id\":\"c1\",\"account_id\":\"a1\",\"provider\":\"kit\"}\n]\n").await;
    assert!(seen.rows.is_empty());
    assert!(seen.error.expect("a failure").to_string().contains("without a list around them"));
}

#[tokio::test]
async fn bytes_that_are_not_utf8_quarantine_their_row_alone() {
    let seen = jsonl(
        b"{\"connection_id\":\"c1\",\"account_id\":\"a1\",\"provider\":\"kit\",\"name\":\"caf\xe9\"}\n\
          {\"connection_id\":\"c\xe9\",\"account_id\":\"a1\",\"provider\":\"kit\"}\n",
    )
    .await;
    let fields: Vec<_> = seen.brief().iter().map(|(_, id, problem)| (*id, problem.expect("quarantined").0)).collect();
    assert_eq!(fields, [(Some("c1"), "name"), (None, "connection_id")]);
}

#[tokio::test]
async fn people_are_told_verified_in_every_form() {
    for (given, wanted) in [("true", true), ("false", false), ("0", false), ("1", true), ("\"yes\"", true)] {
        let folder = Files::new(FileKind::Jsonl, "").with_people(format!(
            "{{\"account_id\":\"a1\",\"member_id\":5,\"email\":\"x@example.org\",\"verified\":{given}}}\n"
        ));
        let rows = folder.open().expect("a source").people(9).await.expect("people");
        assert_eq!(rows[0].record.as_ref().map(|person| person.verified).ok(), Some(wanted), "{given}");
    }
}
