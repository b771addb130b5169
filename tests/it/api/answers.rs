//! Every answer is what the document says, and nothing more.

use std::collections::BTreeSet;

use jsonschema::{Validator, validator_for};
use keysweep::demo::estate::MARK;
use serde_json::{Value, json};

use super::Api;

/// The document of the API, which judges answers.
struct Judge {
    document: Value,
    /// the operations whose answers were seen
    seen: BTreeSet<String>,
}

impl Judge {
    fn new(document: Value) -> Self {
        Self { document, seen: BTreeSet::new() }
    }

    fn schema(&self, template: &str) -> Validator {
        let path =
            &self.document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(path.is_object(), "no schema of {template}");
        let whole = json!({"allOf": [path], "components": self.document["components"]});
        validator_for(&whole).expect("a schema")
    }

    /// Reads a path and holds the answer against its schema.
    #[track_caller]
    fn read(&mut self, api: &Api, template: &str, target: &str) -> Value {
        let answer = api.read(target);
        let schema = self.schema(template);
        let wrong: Vec<String> =
            schema.iter_errors(&answer).map(|error| format!("{target}{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.seen.insert(template.to_owned());
        let text = answer.to_string();
        let mut shown = answer.clone();
        for mail in shown.pointer_mut("/items").and_then(Value::as_array_mut).into_iter().flatten() {
            // a Message-ID has the form of an address, and is nobody's
            mail.as_object_mut().expect("a row").remove("message_id");
        }
        let is_masked = template == "/api/v1/report";
        assert!(is_masked || !shown.to_string().contains('@'), "{target} has an address");
        assert!(!text.contains(MARK) && !text.contains(&api.0.token()), "{target} has a secret");
        answer
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().expect("a list").iter()
}

#[test]
fn every_answer_is_what_the_document_says_and_tells_no_secret_and_no_address() {
    let api = Api::start();
    let mut judge = Judge::new(api.read("/api/v1/openapi.json"));
    for path in ["openapi.json", "overview", "providers", "sources", "sources/problems", "sources/quarantined"] {
        let path = format!("/api/v1/{path}");
        judge.read(&api, &path, &path);
    }
    let mut lists = ["findings", "connections", "credentials", "scans", "mails", "events"].map(|name| {
        let path = format!("/api/v1/{name}");
        let list = judge.read(&api, &path, &format!("{path}?limit=200"));
        assert!(items(&list).next().is_some(), "the demo has {name}");
        list
    });
    let [findings, connections, credentials, ..] = &mut lists;
    for finding in items(findings) {
        let path = format!("/api/v1/findings/{}", finding["id"].as_str().expect("a name"));
        let detail = judge.read(&api, "/api/v1/findings/{id}", &path);
        assert_eq!(detail["finding"]["id"], finding["id"]);
        judge.read(&api, "/api/v1/findings/{id}/story", &format!("{path}/story"));
    }
    for row in items(connections) {
        let path = format!("/api/v1/connections/{}", row["id"]);
        assert_eq!(judge.read(&api, "/api/v1/connections/{number}", &path)["connection"]["id"], row["id"]);
    }
    for row in items(credentials) {
        let path = format!("/api/v1/credentials/{}", row["credential"].as_str().expect("a name"));
        assert_eq!(judge.read(&api, "/api/v1/credentials/{name}", &path)["credential"]["id"], row["id"]);
    }
    for form in ["json", "ocsf"] {
        judge.read(&api, "/api/v1/report", &format!("/api/v1/report?format={form}"));
    }
    let (sheet, pack) = (api.get("/api/v1/report?format=csv"), api.read("/api/v1/report"));
    let head =
        sheet.header("keysweep-log-head").split_once(':').map(|(number, hash)| (number.parse::<u64>(), hash.len()));
    assert!(matches!(head, Some((Ok(1..), 32..))) && pack["report"]["log_head"].is_string(), "{head:?}");
    let gets = judge.document["paths"].as_object().expect("paths").iter().filter(|(_, item)| item["get"].is_object());
    let all: BTreeSet<String> = gets.map(|(path, _)| path.clone()).collect();
    assert_eq!(judge.seen, all, "every path was read");
}

#[test]
fn what_the_document_does_not_say_is_found() {
    let api = Api::start();
    let judge = Judge::new(api.read("/api/v1/openapi.json"));
    let schema = judge.schema("/api/v1/findings/{id}");
    let right = api.read("/api/v1/findings/F1");
    assert!(schema.is_valid(&right));
    let spoils: [(&str, &str, Value); 6] = [
        ("", "more", json!(1)),
        ("/finding", "more", json!(1)),
        ("/finding", "severity", json!("worse")),
        ("/finding", "id", json!(1)),
        ("/credential_now", "secret_since", json!(5)),
        ("", "opening", Value::Null),
    ];
    for (place, name, value) in spoils {
        let mut wrong = right.clone();
        wrong.pointer_mut(place).expect("a place")[name] = value;
        assert!(!schema.is_valid(&wrong), "{place}/{name}");
    }
    let mut lacking = right;
    lacking.as_object_mut().expect("an object").remove("last_step");
    assert!(!schema.is_valid(&lacking), "what may be null is written all the same");
}

/// The names of a document's fields, in order, at every depth; an empty list says nothing of its rows.
fn form(document: &Value) -> Value {
    match document {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), form(value))).collect(),
        Value::Array(rows) => rows.first().map_or(Value::Null, form),
        _ => Value::Null,
    }
}

/// The demo goes on while it is asked: what is compared stays, which is who is told of, and in which form.
#[test]
fn the_answers_are_those_of_the_terminal() {
    let api = Api::start();
    let ids = |rows: &Value| {
        let first = rows.as_array().expect("a list").iter().take(20); // more are found meanwhile
        first.map(|row| row["id"].clone()).collect::<Vec<_>>()
    };
    for (list, verb) in [
        ("findings", &["findings", "list", "--all"][..]),
        ("connections", &["connections", "list"]),
        ("credentials", &["credentials", "list"]),
    ] {
        let (told, printed) = (api.read(&format!("/api/v1/{list}?limit=200"))["items"].clone(), api.terminal(verb));
        assert_eq!((ids(&told), form(&told)), (ids(&printed), form(&printed)), "{list}");
    }
    let (told, printed) = (api.read("/api/v1/findings/F1/story"), api.terminal(&["explain", "F1"]));
    for part in ["/why", "/clears", "/finding/finding/id", "/finding/finding/opened_at", "/credentials/0/credential/id"]
    {
        assert!(told.pointer(part).is_some_and(|told| !told.is_null()), "{part}");
        assert_eq!(told.pointer(part), printed.pointer(part), "{part}");
    }
    let timeline = |story: &Value| {
        let entries = story["credentials"][0]["timeline"].as_array().expect("a list").iter().take(5);
        entries.map(|entry| ["at", "kind", "subject"].map(|name| entry[name].to_string())).collect::<Vec<_>>()
    };
    assert_eq!(timeline(&told), timeline(&printed), "but for the names of people, which the story in the API has not");
}
