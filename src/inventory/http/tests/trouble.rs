//! What becomes of lists that are not well: nothing is taken for whole that is not.

use super::*;

fn numbered() -> Paging {
    Paging::Number { parameter: "page".to_owned(), first: 1, pages: None }
}

#[tokio::test]
async fn a_busy_platform_is_asked_again_when_it_wants_to_be_and_nothing_is_lost() {
    let dated = "503 Busy\r\ndate: Sat, 21 Nov 2026 08:00:00 GMT\r\nretry-after: Sat, 21 Nov 2026 08:02:00 GMT";
    for (trouble, waited) in [
        (Reply::with("429 Too Many Requests\r\nretry-after: 120", ""), 120),
        (Reply::with(dated, ""), 120),
        (Reply::with("503 Busy\r\nretry-after: Sat, 21 Nov 2026 08:02:00 GMT", ""), 1),
        (Reply::with("429 Too Many Requests\r\nretry-after: 0", ""), 1),
        (Reply::with("500 Oops\r\nretry-after: 120", "<html>"), 1),
        (Reply::silence(), 1),
        (Reply::json(&rows([3, 4])[..20]).claiming(500), 1),
        (Reply::json(&rows([3, 4])[..20]), 1),
        (Reply::json(""), 1),
    ] {
        let well = |page| Reply::json(rows(page));
        let platform = Platform::answering(vec![well(vec![1, 2]), trouble, well(vec![3, 4]), well(vec![])]).await;
        let asked = Asked::of(list(&platform), numbered());
        let seen = asked.read().await;
        assert!(seen.error.is_none(), "{}", seen.why());
        assert_eq!(seen.ids(), ["c1", "c2", "c3", "c4"]);
        assert_eq!(asked.waited(), [waited]);
        assert_eq!(platform.targets(), ["/list?page=1", "/list?page=2", "/list?page=2", "/list?page=3"]);
    }
}

#[tokio::test]
async fn what_stays_in_trouble_is_cut_short_behind_the_rows_that_came() {
    for trouble in [
        Reply::with("500 Oops", ""),
        Reply::silence(),
        Reply::json(&rows([3, 4])[..20]),
        Reply::json(&rows([3, 4])[..20]).claiming(500),
    ] {
        let platform = Platform::answering(vec![Reply::json(rows([1, 2])), trouble]).await;
        let asked = Asked::of(list(&platform), numbered());
        let seen = asked.read().await;
        assert!(matches!(&seen.error, Some(SourceError::CutShort { row: 3, .. })), "{:?}", seen.error);
        assert!(seen.why().contains("after page 1") && seen.why().contains("next scan"), "{}", seen.why());
        assert_eq!((seen.ids(), asked.waited()), (vec!["c1", "c2"], vec![1, 5]));
    }
}

#[tokio::test]
async fn who_asks_for_a_long_pause_is_left_alone_until_the_next_scan() {
    let platform = Platform::answering(vec![Reply::with("429 Too Many\r\nretry-after: 3600", "")]).await;
    let asked = Asked::of(list(&platform), Paging::Whole);
    let why = asked.read().await.why();
    assert!(why.contains("429") && why.contains("left alone for 1h"), "{why}");
    assert_eq!((asked.waited(), platform.targets().len()), (Vec::new(), 1));
}

#[tokio::test]
async fn what_waiting_does_not_mend_is_told_at_once_with_what_to_do_and_without_a_secret() {
    let page = |body: &str| Reply::json(body);
    for (reply, expected) in [
        (Reply::with("401 Unauthorized", "c4nary"), "`bearer`"),
        (Reply::with("403 Forbidden", "c4nary"), "403"),
        (Reply::with("404 Not Found", "c4nary"), "check the address"),
        (Reply::with("400 Bad", "c4nary"), "400"),
        (Reply::with("204 No Content", ""), "204"),
        (Reply::with("302 Found\r\nlocation: http://c4nary.example.org/", ""), "redirects are not followed"),
        (
            Reply::with("200 OK\r\ncontent-type: text/html; charset=utf-8", "<html>c4nary"),
            "(it calls itself text/html)",
        ),
        (Reply::with("200 OK\r\ncontent-encoding: gzip", "c4nary"), "packed"),
        (Reply::json(b"[\"c4nary\xff\"]"), "UTF-8"),
        (page(r#"{"c4nary": []}"#), "no list of rows at `rows` (the whole answer)"),
        (page("[] c4nary"), "not JSON"),
        (Reply::json("[").claiming(1 << 30), "larger than 64 MiB"),
        (Reply::json("[\"c4nary\", ".repeat(100_000)).endless(), "larger than 64 MiB"),
        (Reply::json(vec![b' '; 1 << 20]).endless(), "larger than 64 MiB"),
    ] {
        let platform = Platform::answering(vec![reply]).await;
        let asked = Asked::of(list(&platform), Paging::Whole);
        let seen = asked.read().await;
        let why = seen.why();
        assert!(why.contains(expected), "{expected}: {why}");
        assert!(why.contains(&format!("{}: ", platform.url("/list"))) && why.contains("; "), "{why}");
        assert!(!why.contains("c4nary"), "{why}");
        assert!(matches!(seen.error, Some(SourceError::Failed { .. })), "{why}");
        assert_eq!((asked.waited(), platform.targets().len()), (Vec::new(), 1), "{why}");
    }
}

#[tokio::test]
async fn a_token_is_not_carried_to_another_server() {
    let elsewhere = Platform::answering(vec![Reply::json(rows([9]))]).await;
    let foreign = elsewhere.url("/c4nary");
    let body = format!(r#"{{"data": {}, "next": "{foreign}"}}"#, rows([1]));
    let link = format!("200 OK\r\nlink: <{foreign}>; rel=next");
    for (reply, paging) in [
        (Reply::json(body), Paging::Link(Some(pointer("/next")))),
        (Reply::with(&link, format!("{{\"data\": {}}}", rows([1]))), Paging::Link(None)),
    ] {
        let platform = Platform::answering(vec![reply]).await;
        let seen = Asked::of(HttpList { rows: pointer("/data"), ..list(&platform) }, paging).read().await;
        assert!(seen.why().contains("another server") && !seen.why().contains("c4nary"), "{}", seen.why());
        assert!(seen.rows.is_empty(), "what such a page holds is not to be relied on");
    }
    assert_eq!(elsewhere.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn pages_that_go_round_in_circles_are_given_up() {
    let round = Platform::answering(vec![Reply::json(format!(r#"{{"data": {}, "next": "again"}}"#, rows([1])))]).await;
    let cursor = Paging::Cursor { next: pointer("/next"), parameter: "cursor".to_owned() };
    let seen = Asked::of(HttpList { rows: pointer("/data"), ..list(&round) }, cursor).read().await;
    assert!(seen.why().contains("leads back"), "{}", seen.why());
    let same = Platform::answering(vec![Reply::json(rows([1, 2]))]).await;
    let seen = Asked::of(list(&same), numbered()).read().await;
    assert!(seen.why().contains("\"page\""), "{}", seen.why());
    assert_eq!(same.targets().len(), 2);
}

#[tokio::test]
async fn a_number_of_pages_that_changes_on_the_way_implies_nothing() {
    let page = |pages: &str, ids: Vec<u64>| Reply::json(format!(r#"{{{pages}"data": {}}}"#, rows(ids)));
    let paging = Paging::Number { parameter: "page".to_owned(), first: 1, pages: Some(pointer("/pages")) };
    let in_data = |platform: &Platform| HttpList { rows: pointer("/data"), ..list(platform) };
    let shrinks = vec![page(r#""pages": 3, "#, vec![1, 2]), page(r#""pages": 2, "#, vec![3, 4])];
    let shrinks = Platform::answering(shrinks).await;
    let seen = Asked::of(in_data(&shrinks), paging.clone()).read().await;
    assert!(matches!(seen.error, Some(SourceError::Changed { .. })), "{:?}", seen.error);
    let once = vec![page(r#""pages": 2, "#, vec![1, 2]), page("", vec![3, 4])];
    let once = Platform::answering(once).await;
    let seen = Asked::of(in_data(&once), paging).read().await;
    assert!(seen.error.is_none() && seen.rows.len() == 4 && once.targets().len() == 2, "{:?}", seen.error);
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_implies_nothing() {
    let page = |total: u64, ids: Vec<u64>| Reply::json(format!(r#"{{"total": {total}, "data": {}}}"#, rows(ids)));
    let counted =
        |platform: &Platform| HttpList { rows: pointer("/data"), total: Some(pointer("/total")), ..list(platform) };
    let grows = Platform::answering(vec![page(4, vec![1, 2]), page(5, vec![3, 4]), page(5, vec![])]).await;
    let seen = Asked::of(counted(&grows), numbered()).read().await;
    assert!(matches!(seen.error, Some(SourceError::Changed { .. })), "{:?}", seen.error);
    let lacks = Platform::answering(vec![page(4, vec![1, 2]), page(4, vec![3]), page(4, vec![])]).await;
    let seen = Asked::of(counted(&lacks), numbered()).read().await;
    assert!(seen.why().contains("there are 4 rows, and 3 came"), "{}", seen.why());
    let silent = Platform::answering(vec![Reply::json(format!(r#"{{"data": {}}}"#, rows([1])))]).await;
    let seen = Asked::of(counted(&silent), Paging::Whole).read().await;
    assert!(seen.why().contains("no number at `total`"), "{}", seen.why());
}

#[tokio::test]
async fn a_look_asks_each_list_once_and_names_the_setting_of_the_one_that_is_not_there() {
    let platform = Platform::by(|_, target| match target {
        "/list" => Reply::json("[]"),
        _ => Reply::with("503 Busy", ""),
    })
    .await;
    let people = HttpList { url: platform.url("/people?token=c4nary"), ..list(&platform) };
    let asked = Asked::of(list(&platform), Paging::Whole);
    let lists = HttpLists { people: Some(people), ..asked.source.lists.clone() };
    let source = HttpSource { lists, ..asked.source };
    let found = source.unreachable().await;
    let [(key, error)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(*key, "people_url");
    assert!(error.to_string().contains("503") && !error.to_string().contains("c4nary"), "{error}");
    assert!(source.is_of_people(error.place()) && platform.targets().len() == 2);
}

#[test]
fn a_header_that_cannot_be_sent_is_refused_without_repeating_it() {
    let url = Url::parse("https://platform.example.org/").expect("an address");
    let connections = HttpList { url, rows: Pointer::default(), total: None, fields: None };
    let lists = HttpLists { connections, people: None, paging: Paging::Whole };
    let headers = [("x-key".to_owned(), Secret::new("c4nary\r\nx: y"))];
    let manner = HttpManner { headers: &headers, timeout: Duration::from_secs(1), retry: Vec::new(), agent: "test" };
    let why = HttpSource::new(lists, manner).expect_err("a header of two lines");
    assert!(why.contains("x-key") && !why.contains("c4nary"), "{why}");
}
