//! What is read of lists that are well.

use std::collections::BTreeMap;

use super::*;
use crate::inventory::{FileKind, FileSource};
use crate::ports::Snapshot as _;

fn page_of(target: &str) -> u64 {
    let url = Url::parse("http://x/").and_then(|base| base.join(target)).expect("an address");
    let of = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    of("page").or(of("cursor")).map_or(1, |text| text.trim_start_matches("to-").parse().expect("a number"))
}

/// Three pages of two rows, and then nothing.
fn ids(page: u64) -> Vec<u64> {
    if page <= 3 { vec![2 * page - 1, 2 * page] } else { Vec::new() }
}

#[tokio::test]
async fn however_a_list_is_paged_all_its_rows_come_in_their_order() {
    let number = |pages| Paging::Number { parameter: "page".to_owned(), first: 1, pages };
    let cursor = Paging::Cursor { next: pointer("/next"), parameter: "cursor".to_owned() };
    for (paging, asked) in [
        (Paging::Link(None), 3),
        (Paging::Link(Some(pointer("/href"))), 3),
        (cursor, 3),
        (number(None), 4),
        (number(Some(pointer("/pages"))), 3),
    ] {
        let platform = Platform::by(|_, target| {
            let page = page_of(target);
            let (next, href) = match page {
                1 | 2 => (format!("\"to-{}\"", page + 1), format!("\"?page={}\"", page + 1)),
                _ => ("null".to_owned(), "null".to_owned()),
            };
            let link =
                if page < 3 { format!("\r\nlink: </list?page={}>; rel=\"next\"", page + 1) } else { String::new() };
            let body =
                format!(r#"{{"pages": 3, "total": 6, "next": {next}, "href": {href}, "data": {}}}"#, rows(ids(page)));
            Reply::with(&format!("200 OK{link}"), body)
        })
        .await;
        let shown = format!("{paging:?}");
        let list = HttpList { rows: pointer("/data"), total: Some(pointer("/total")), ..list(&platform) };
        let seen = Asked::of(list, paging).read().await;
        assert!(seen.error.is_none(), "{shown}: {}", seen.why());
        assert_eq!(seen.ids(), ["c1", "c2", "c3", "c4", "c5", "c6"], "{shown}");
        assert_eq!(seen.rows.iter().map(|row| row.row).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6], "{shown}");
        assert_eq!((platform.targets().len(), seen.remarks), (asked, Vec::new()), "{shown}");
    }
}

#[tokio::test]
async fn the_login_goes_with_every_request_and_is_never_shown() {
    let platform = Platform::by(|_, target| Reply::json(rows(ids(page_of(target))))).await;
    let paging = Paging::Number { parameter: "page".to_owned(), first: 1, pages: None };
    let asked = Asked::of(list(&platform), paging);
    assert_eq!(asked.read().await.rows.len(), 6);
    for head in platform.heard() {
        assert!(head.to_lowercase().contains(&format!("authorization: bearer {TOKEN}")), "{head}");
        assert!(
            head.contains("accept: application/json") && !head.to_lowercase().contains("accept-encoding"),
            "{head}"
        );
    }
    assert!(!format!("{:?} {:?}", asked.source, asked.source.door).contains("c4nary"));
}

#[tokio::test]
async fn a_list_of_nothing_is_a_whole_snapshot() {
    let seen = read_whole("[]").await;
    assert!(seen.rows.is_empty() && seen.error.is_none());
}

#[tokio::test]
async fn a_row_gives_over_http_what_it_gives_in_a_file() {
    let lines = [
        r#"{"connection_id": 17, "account_id": "a1", "provider": "kit", "created_at": 1780000000, "tags": ["x", 3]}"#,
        r#"{"connection_id": "c2", "account_id": "a1", "provider": "convertkit", "secret": "kit_\u0061b", "status": ""}"#,
        r#"{"connection_id": "c3", "account_id": "a1", "provider": "kit", "running_jobs": "many"}"#,
        r#"{"connection_id": "c4", "account_id": "a1", "provider": "kit", "colour": {"deep": [1]}}"#,
        r#"{"connection_id": "c5", "account_id": "a1", "provider": "kit", "Provider": "kit"}"#,
        r#"{"connection_id": "c6", "account_id": "a1"}"#,
        r#"{"connection_id": "c7", "account_id": "a1", "provider": "kit", "created_at": 1890000000}"#,
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("connections.jsonl");
    std::fs::write(&path, lines.map(|line| format!("{line}\n")).concat()).expect("a file");
    let file = FileSource { name: "platform".to_owned(), kind: FileKind::Jsonl, path, people_path: None };
    let mut file = file.open(NOW).expect("a file");
    let from_file = file.connections(100).await.expect("rows");
    assert!(file.connections(100).await.expect("the end").is_empty());
    let seen = read_whole(&format!("[{}]", lines.join(", "))).await;
    assert_eq!(format!("{:?}", seen.rows), format!("{from_file:?}"));
    assert_eq!(seen.remarks, file.remarks());
}

fn mapped(pointers: &[(&str, &str)]) -> Option<Mapping> {
    let pointers: BTreeMap<_, _> = pointers.iter().map(|(field, at)| ((*field).to_owned(), pointer(at))).collect();
    Some(Mapping::new(List::Connections, &pointers))
}

const OWN: [(&str, &str); 3] = [("connection_id", "/id"), ("account_id", "/team/id"), ("provider", "/apps/0")];

#[tokio::test]
async fn fields_are_read_where_the_pointers_say_and_nowhere_else() {
    let fields = mapped(&[&OWN[..], &[("secret", "/key~1s/v"), ("name", "/title")]].concat());
    let platform = Platform::answering(vec![Reply::json(
        r#"[{"id": 7, "team": {"id": "a1", "name": "T"}, "apps": ["kit"], "key/s": {"v": "s\"1"}, "status": "zombie"},
            {"id": 8, "team": {"id": "a1"}, "apps": ["kit"], "key/s": null},
            {"id": 9, "team": {"id": "a1"}, "apps": ["kit"], "id": 10},
            17,
            {"id": 11, "team": {"id": "a1"}, "apps": ["kit"], "key/s": {"v": {"deep": 1}}}]"#,
    )])
    .await;
    let seen = Asked::of(HttpList { fields, ..list(&platform) }, Paging::Whole).read().await;
    let first = seen.rows[0].record.as_ref().expect("a good row");
    assert_eq!((first.connection_id.as_str(), first.account_id.as_str(), first.provider.as_str()), ("7", "a1", "kit"));
    assert_eq!(first.secret.as_ref().map(Secret::expose), Some("s\"1"));
    assert!(seen.rows[1].record.as_ref().is_ok_and(|record| record.secret.is_none()));
    let problems: Vec<_> =
        seen.rows[2..].iter().map(|row| row.record.as_ref().expect_err("a quarantined row")).collect();
    let told: Vec<_> = problems.iter().map(|problem| format!("{}: {}", problem.field, problem.reason)).collect();
    assert_eq!(
        told,
        ["connection_id: is given twice", ": is not a JSON object", "secret: must be text, not an object"]
    );
    assert_eq!(seen.ids(), ["7", "8", "-", "-", "11"]);
    assert_eq!(seen.remarks, ["field `name`: no row has /title; correct the pointer"]);
}

#[tokio::test]
async fn a_row_that_is_too_long_is_set_aside_and_the_others_go_on() {
    let long = format!(r#"{{"connection_id": "c9", "name": "{}"}}"#, "x".repeat(1 << 20));
    let seen = read_whole(&format!("[{long}, {}]", row(2))).await;
    assert!(seen.error.is_none() && seen.problem().reason.contains("longer than"), "{:?}", seen.problem());
    assert_eq!(seen.ids(), ["-", "c2"]);
}

#[tokio::test]
async fn a_pointer_that_no_answer_has_is_told_for_only_one_page_was_read() {
    let platform = Platform::answering(vec![Reply::json(format!("{{\"data\": {}}}", rows([1, 2])))]).await;
    let paging = Paging::Cursor { next: pointer("/meta/nxt"), parameter: "cursor".to_owned() };
    let seen = Asked::of(HttpList { rows: pointer("/data"), ..list(&platform) }, paging).read().await;
    assert!(seen.error.is_none());
    assert!(seen.remarks[0].contains("`next`"), "{:?}", seen.remarks);
}
