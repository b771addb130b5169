//! Lists page by page, and what their filters leave.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Api;

/// Who is told of: the demo goes on while it is asked, and rows change.
fn ids(rows: &[Value]) -> Vec<Value> {
    rows.iter().map(|row| row["id"].clone()).collect()
}

#[test]
fn pages_of_any_size_make_up_the_same_list_once() {
    let api = Api::start();
    for list in ["findings", "connections", "credentials", "scans", "mails", "events"] {
        let list = format!("/api/v1/{list}");
        // what comes later stands at one end of the list
        let first = |mut rows: Vec<Value>| {
            rows.sort_by_key(|row| row["id"].as_i64());
            rows.truncate(20);
            ids(&rows)
        };
        let whole = api.all(&list, 200);
        for limit in [7, 60, 199] {
            let paged = api.all(&list, limit);
            let each: BTreeSet<String> = paged.iter().map(|row| row["id"].to_string()).collect();
            assert_eq!(each.len(), paged.len(), "{list} by {limit}: each once");
            assert!(paged.len() >= whole.len(), "{list} by {limit}: none is left out");
            assert_eq!(first(paged), first(whole.clone()), "{list} by {limit}");
        }
    }
}

/// What a row must be.
type Holds = fn(&Value) -> bool;

#[test]
fn a_filter_leaves_what_it_names_and_all_of_that() {
    let api = Api::start();
    let first = |list: &str, name: &str| {
        let row = api.read(&format!("/api/v1/{list}?limit=1"))["items"][0].clone();
        row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned)
    };
    let cases: [(&str, &str, String); 14] = [
        ("findings", "state", "closed".to_owned()),
        ("findings", "rule", "secret-stale".to_owned()),
        ("findings", "provider", first("findings", "provider")),
        ("findings", "source", first("findings", "source")),
        ("findings", "account", first("findings", "account_id")),
        ("findings", "credential", first("findings", "credential")),
        ("connections", "source", first("connections", "source")),
        ("connections", "provider", first("connections", "provider")),
        ("connections", "status", "deleted".to_owned()),
        ("connections", "account", first("connections", "account_id")),
        ("connections", "connection_id", first("connections", "connection_id")),
        ("credentials", "provider", first("credentials", "provider")),
        ("credentials", "liveness", "live".to_owned()),
        ("mails", "state", "sent".to_owned()),
    ];
    for (list, filter, value) in cases {
        let path = format!("/api/v1/{list}");
        let field = if filter == "account" { "account_id" } else { filter };
        let wanted: Vec<Value> = api.all(&path, 200).into_iter().filter(|row| row[field] == value.as_str()).collect();
        assert!(!wanted.is_empty(), "the demo has no {list} with {filter} {value}");
        let found = api.all(&format!("{path}?{filter}={value}"), 7);
        assert!(found.iter().all(|row| row[field] == value.as_str()), "{list} of {filter} {value}");
        let (found, wanted) = (ids(&found), ids(&wanted));
        assert!(wanted.iter().all(|id| found.contains(id)), "{list} of {filter} {value}: {wanted:?} in {found:?}");
    }
    let bad: Holds = |row| row["severity"] == "high" || row["severity"] == "critical";
    let wanted: Vec<Value> = api.all("/api/v1/findings", 200).into_iter().filter(bad).collect();
    assert_eq!(ids(&api.all("/api/v1/findings?at_least=high", 200)), ids(&wanted));
    let high: Vec<Value> = wanted.into_iter().filter(|row| row["severity"] == "high").collect();
    assert!(!high.is_empty(), "the demo has findings that are high");
    assert_eq!(ids(&api.all("/api/v1/findings?severity=high", 200)), ids(&high));
}

#[test]
fn findings_come_in_the_order_that_is_asked_for_and_a_cursor_keeps_it() {
    let api = Api::start();
    let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
    let worst = |row: &Value| {
        let rank = ["critical", "high", "medium", "low"].iter().position(|word| row["severity"] == *word);
        (rank.expect("a severity"), text(row, "since"))
    };
    for sort in ["worst", "newest"] {
        let rows = api.all(&format!("/api/v1/findings?sort={sort}"), 7);
        assert!(rows.len() > 14, "{sort}");
        let in_order = match sort {
            "worst" => rows.is_sorted_by_key(worst),
            _ => rows.is_sorted_by(|one, other| text(one, "opened_at") >= text(other, "opened_at")),
        };
        assert!(in_order, "{sort}: {rows:#?}");
        let first = api.read(&format!("/api/v1/findings?sort={sort}&limit=3"));
        let next = first["next"].as_str().expect("there are more").to_owned();
        let kept = api.read(&format!("/api/v1/findings?cursor={next}&limit=3"));
        // The demo goes on opening findings meanwhile, so that the place is told by the row before it.
        let after = first["items"][2]["id"].clone();
        let rows = ids(&api.all(&format!("/api/v1/findings?sort={sort}"), 7));
        let place = rows.iter().position(|id| *id == after).expect("the row before") + 1;
        assert_eq!(ids(kept["items"].as_array().expect("rows")), rows[place..place + 3], "{sort}");
        let other = if sort == "worst" { "newest" } else { "worst" };
        let refused = api.get(&format!("/api/v1/findings?sort={other}&cursor={next}"));
        assert_eq!((refused.status, &refused.json()["field"]), (409, &Value::from("cursor")), "{sort}");
    }
}

#[test]
fn findings_are_looked_for_by_every_name_that_they_have() {
    let api = Api::start();
    let finding = api.read("/api/v1/findings/F1")["finding"].clone();
    let connections = api.all("/api/v1/connections", 200);
    let same = |row: &&Value| row["connection_id"] == finding["connection_id"] && row["source"] == finding["source"];
    let number = connections.iter().find(same).expect("its connection")["id"].to_string();
    let named = |name: &str| finding[name].as_str().expect("a name").to_owned();
    for query in [
        "q=F1".to_owned(),
        format!("q={}", named("connection_id")),
        format!("q={}/{}", named("source"), named("connection_id")),
        format!("q={}", named("account_id")),
        format!("q={}", named("credential")),
        format!("q={}", &named("credential")[4..]),
        format!("connection={number}"),
        format!("connection={number}&credential={}&rule={}", named("credential"), named("rule")),
    ] {
        let found = api.all(&format!("/api/v1/findings?{query}"), 200);
        assert!(ids(&found).contains(&finding["id"]), "{query}");
    }
    for nothing in ["q=F999999", "q=nobody", "q=nobody/c-1"] {
        assert_eq!(api.all(&format!("/api/v1/findings?{nothing}"), 200), Vec::<Value>::new(), "{nothing}");
    }
    assert_eq!(api.get("/api/v1/findings?connection=999999").status, 404);
}
