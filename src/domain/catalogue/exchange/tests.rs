use proptest::prelude::*;
use serde_json::json;

use super::*;

const JSON: Option<&str> = Some("application/json");

fn row(status: u16, word: Word) -> AnswerRow {
    AnswerRow {
        status,
        content_type: None,
        empty: false,
        contains: None,
        json: Vec::new(),
        verdict: word,
        reason: None,
        disputed: None,
        source: Source::try_from("[I] a test".to_owned()).unwrap(),
    }
}

fn typed(row: AnswerRow) -> AnswerRow {
    AnswerRow { content_type: Some("application/json".to_owned()), ..row }
}

fn there(at: &str) -> JsonTest {
    JsonTest { at: at.to_owned(), absent: false, is: None, equals: None, not_equals: None, contains_any: Vec::new() }
}

fn equal(at: &str, wanted: Value) -> JsonTest {
    JsonTest { equals: Some(wanted), ..there(at) }
}

fn containing(at: &str, words: &[&str]) -> JsonTest {
    JsonTest { contains_any: words.iter().map(|word| (*word).to_owned()).collect(), ..there(at) }
}

fn with(row: AnswerRow, json: impl IntoIterator<Item = JsonTest>) -> AnswerRow {
    AnswerRow { json: json.into_iter().collect(), ..row }
}

#[test]
fn a_status_that_no_row_names_is_never_a_verdict_about_the_key() {
    for (status, reason) in [
        (200, Reason::Garbled),
        (204, Reason::Garbled),
        (301, Reason::Redirect),
        (304, Reason::Redirect),
        (400, Reason::Unexpected),
        (401, Reason::Blocked),
        (403, Reason::Blocked),
        (404, Reason::WrongPath),
        (405, Reason::WrongPath),
        (407, Reason::Blocked),
        (408, Reason::Timeout),
        (410, Reason::WrongPath),
        (422, Reason::Unexpected),
        (429, Reason::RateLimited),
        (451, Reason::Blocked),
        (500, Reason::ServerError),
        (503, Reason::ServerError),
        (599, Reason::ServerError),
        (600, Reason::Unexpected),
    ] {
        assert_eq!(classify(&[], status, JSON, b"{}"), (Verdict::Unknown(reason), None), "{status}");
    }
}

#[test]
fn a_row_fits_only_its_own_status() {
    let rows = [row(401, Word::Refused)];
    assert_eq!(classify(&rows, 401, None, b""), (Verdict::Refused, Some(0)));
    assert_eq!(classify(&rows, 403, None, b""), (Verdict::Unknown(Reason::Blocked), None));
}

#[test]
fn the_first_row_that_fits_decides() {
    let limited = with(typed(row(401, Word::Limited)), [equal("/error", json!("plan"))]);
    let rows = [limited, typed(row(401, Word::Refused)), row(401, Word::Accepted)];
    for (content_type, body, verdict, index) in [
        (JSON, r#"{"error":"plan"}"#, Verdict::Limited, 0),
        (JSON, r#"{"error":"key"}"#, Verdict::Refused, 1),
        (Some("text/html"), r#"{"error":"plan"}"#, Verdict::Accepted, 2),
    ] {
        assert_eq!(classify(&rows, 401, content_type, body.as_bytes()), (verdict, Some(index)), "{body}");
    }
}

#[test]
fn a_content_type_fits_by_its_beginning_whatever_its_case_and_parameters() {
    let rows = [typed(row(401, Word::Refused))];
    for (content_type, fits) in [
        (Some("application/json"), true),
        (Some("application/json; charset=UTF-8"), true),
        (Some(" Application/JSON"), true),
        (Some("text/html"), false),
        (Some("text/html; was=application/json"), false),
        (Some(""), false),
        (None, false),
    ] {
        let (_, index) = classify(&rows, 401, content_type, b"{}");
        assert_eq!(index.is_some(), fits, "{content_type:?}");
    }
}

#[test]
fn json_stands_for_every_type_of_json() {
    let rows = [AnswerRow { content_type: Some(ANY_JSON.to_owned()), ..row(401, Word::Refused) }];
    for (content_type, fits) in [
        (Some("application/json"), true),
        (Some("Application/JSON; charset=utf-8"), true),
        (Some("application/problem+json;charset=utf-8"), true),
        (Some("application/jsonp"), false),
        (Some("text/json"), false),
        (Some("text/html; like=+json"), false),
        (None, false),
    ] {
        assert_eq!(classify(&rows, 401, content_type, b"{}").1.is_some(), fits, "{content_type:?}");
    }
}

#[test]
fn what_must_not_be_there_and_what_it_must_not_be() {
    let absent = [with(row(200, Word::Accepted), [JsonTest { absent: true, ..there("/error") }])];
    for (body, fits) in [("{}", true), (r#"{"error":null}"#, false), (r#"{"error":1}"#, false), ("no json", false)] {
        assert_eq!(classify(&absent, 200, JSON, body.as_bytes()).1.is_some(), fits, "{body}");
    }
    let other = [with(row(200, Word::Refused), [JsonTest { not_equals: Some(json!(0)), ..there("/Code") }])];
    for (body, fits) in [(r#"{"Code":1}"#, true), (r#"{"Code":"0"}"#, true), (r#"{"Code":0}"#, false), ("{}", false)] {
        assert_eq!(classify(&other, 200, JSON, body.as_bytes()).1.is_some(), fits, "{body}");
    }
}

#[test]
fn an_empty_pointer_is_the_whole_body() {
    let rows = [with(row(200, Word::Accepted), [JsonTest { is: Some(JsonType::Array), ..there("") }])];
    for (body, fits) in [("[]", true), (r#"[{"a":1}]"#, true), ("{}", false), ("", false)] {
        assert_eq!(classify(&rows, 200, JSON, body.as_bytes()).1.is_some(), fits, "{body}");
    }
}

#[test]
fn an_envelope_is_a_type_of_json_and_something_that_stands_in_it() {
    let json = |content_type: Option<&str>, tests: Vec<JsonTest>| {
        with(AnswerRow { content_type: content_type.map(str::to_owned), ..row(401, Word::Refused) }, tests)
    };
    let missing = || JsonTest { absent: true, ..there("/error") };
    let of_type = |is| JsonTest { is: Some(is), ..there("") };
    for (row, enveloped) in [
        (json(JSON, vec![there("/error")]), true),
        (json(Some("json"), vec![there("/error"), missing()]), true),
        (json(Some("application/problem+json"), vec![there("/title")]), true),
        (json(Some("json"), vec![of_type(JsonType::Array)]), true),
        (json(Some("json"), vec![of_type(JsonType::Object)]), false),
        (json(Some("json"), vec![missing()]), false),
        (json(Some("json"), vec![]), false),
        (json(Some("text/html"), vec![there("/error")]), false),
        (json(None, vec![there("/error")]), false),
    ] {
        assert_eq!(row.is_enveloped(), enveloped, "{row:?}");
    }
}

#[test]
fn empty_means_not_a_single_byte() {
    let rows = [AnswerRow { empty: true, ..row(401, Word::Refused) }];
    assert_eq!(classify(&rows, 401, Some("text/html"), b"").0, Verdict::Refused);
    for body in [" ", "\n", "{}", "<html>"] {
        let (verdict, index) = classify(&rows, 401, Some("text/html"), body.as_bytes());
        assert_eq!((verdict, index), (Verdict::Unknown(Reason::Blocked), None), "{body:?}");
    }
}

#[test]
fn every_condition_on_the_body_must_hold() {
    let rows = [with(row(200, Word::Accepted), [there("/Count"), there("/Data")])];
    for (body, fits) in [
        (r#"{"Count":0,"Data":[]}"#, true),
        (r#"{"Count":null,"Data":[]}"#, true),
        (r#"{"Count":0}"#, false),
        (r#"{"count":0,"data":[]}"#, false),
        (r#"[{"Count":0,"Data":[]}]"#, false),
        (r#"{"Count":0,"Data":["#, false),
        ("", false),
        ("null", false),
    ] {
        assert_eq!(classify(&rows, 200, JSON, body.as_bytes()).1.is_some(), fits, "{body}");
    }
}

#[test]
fn equality_is_of_values_and_types() {
    let rows = [with(row(401, Word::Refused), [equal("/StatusCode", json!(401))])];
    for (body, fits) in [
        (r#"{"StatusCode":401}"#, true),
        (r#"{"StatusCode":403}"#, false),
        (r#"{"StatusCode":"401"}"#, false),
        (r#"{"StatusCode":[401]}"#, false),
    ] {
        assert_eq!(classify(&rows, 401, JSON, body.as_bytes()).1.is_some(), fits, "{body}");
    }
}

#[test]
fn a_type_is_the_values_own_and_nothing_is_converted() {
    for (wanted, fitting) in [
        (JsonType::Array, "[]"),
        (JsonType::Boolean, "true"),
        (JsonType::Number, "0"),
        (JsonType::Object, "{}"),
        (JsonType::String, r#""""#),
    ] {
        let rows = [with(row(200, Word::Accepted), [JsonTest { is: Some(wanted), ..there("/it") }])];
        for value in ["[]", "0", "{}", r#""""#, "null", "true", r#""0""#] {
            let body = format!(r#"{{"it":{value}}}"#);
            let fits = value == fitting || (wanted == JsonType::String && value == r#""0""#);
            assert_eq!(classify(&rows, 200, JSON, body.as_bytes()).1.is_some(), fits, "{wanted:?}: {body}");
        }
    }
}

#[test]
fn a_text_is_found_in_any_body_as_it_is_written() {
    let rows = [AnswerRow { contains: Some("Retry".to_owned()), ..row(429, Word::Limited) }];
    for (body, fits) in [(&b"Retry later"[..], true), (b"\xff\xfe Retry", true), (b"retry later", false), (b"", false)]
    {
        assert_eq!(classify(&rows, 429, None, body).1.is_some(), fits, "{body:?}");
    }
}

#[test]
fn words_are_found_in_texts_and_lists_whatever_their_case() {
    let rows = [with(row(401, Word::Limited), [containing("/errors", &["OAuth", "api access"])])];
    for (body, fits) in [
        (r#"{"errors":["No API access."]}"#, true),
        (r#"{"errors":["first","needs oauth"]}"#, true),
        (r#"{"errors":"OAUTH only"}"#, true),
        (r#"{"errors":["api","access"]}"#, false),
        (r#"{"errors":["The access token is invalid"]}"#, false),
        (r#"{"errors":[]}"#, false),
        (r#"{"message":"OAuth"}"#, false),
    ] {
        assert_eq!(classify(&rows, 401, JSON, body.as_bytes()).1.is_some(), fits, "{body}");
    }
}

#[test]
fn a_row_for_unknown_gives_its_reason() {
    let named = AnswerRow { reason: Some(Reason::WrongPath), ..row(500, Word::Unknown) };
    assert_eq!(classify(&[named], 500, None, b""), (Verdict::Unknown(Reason::WrongPath), Some(0)));
    assert_eq!(verdict(Word::Unknown, None), Verdict::Unknown(Reason::Unexpected));
}

#[test]
fn a_reason_changes_no_verdict_but_unknown() {
    for (word, expected) in
        [(Word::Accepted, Verdict::Accepted), (Word::Limited, Verdict::Limited), (Word::Refused, Verdict::Refused)]
    {
        assert_eq!(verdict(word, Some(Reason::Blocked)), expected);
    }
}

proptest! {
    #[test]
    fn without_a_row_every_answer_teaches_nothing(status: u16, content_type: Option<String>, body: Vec<u8>) {
        let (verdict, index) = classify(&[], status, content_type.as_deref(), &body);
        prop_assert!(matches!(verdict, Verdict::Unknown(_)));
        prop_assert_eq!(index, None);
    }
}
