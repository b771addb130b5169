//! What can't be answered is told in one form, with the name of what is at fault.

use super::Api;

const BAD: [(&str, &str); 33] = [
    ("findings?limit=0", "limit"),
    ("findings?limit=201", "limit"),
    ("findings?limit=many", "limit"),
    ("findings?limit=%2B5", "limit"),
    ("findings?limit=", "limit"),
    ("findings?state=opened", "state"),
    ("findings?rule=secret_stale", "rule"),
    ("findings?severity=worst", "severity"),
    ("findings?connection=c-1", "connection"),
    ("findings?connection=-1", "connection"),
    ("findings?credential=F12", "credential"),
    ("findings?credential=ABCDEF012345", "credential"),
    ("findings?account=", "account"),
    ("findings?account=a%00b", "account"),
    ("findings?q=%20", "q"),
    ("findings?cursor=5", "cursor"),
    ("findings?cursor=l_5", "cursor"),
    ("findings?cursor=n_0", "cursor"),
    ("findings?cursor=n_-5", "cursor"),
    ("findings?cursor=n_9223372036854775807", "cursor"),
    ("findings?sort=best", "sort"),
    ("findings?account=%FF", "account"),
    ("findings?at_least=worst", "at_least"),
    ("findings/F1000000000000000", "id"),
    ("scans?cursor=n_5", "cursor"),
    ("findings?colour=red", "colour"),
    ("findings?state=open&state=closed", "state"),
    ("findings?State=open", "State"),
    ("overview?state=open", "state"),
    ("findings/12", "id"),
    ("findings/F012", "id"),
    ("credentials/xyz", "name"),
    ("connections/one", "number"),
];

const NOT_THERE: [(&str, &str); 14] = [
    ("findings/F999999", "id"),
    ("findings/F999999/story", "id"),
    ("connections/999999", "number"),
    ("credentials/000000000000", "name"),
    ("report?account=nobody", "account"),
    // an empty list would look like a clean estate
    ("findings?source=mian", "source"),
    ("findings?provider=mailget", "provider"),
    ("findings?credential=000000000000", "credential"),
    ("connections?source=mian", "source"),
    ("connections?provider=mailget", "provider"),
    ("connections?connection_id=nope", "connection_id"),
    ("credentials?provider=mailget", "provider"),
    ("sources/problems?source=mian", "source"),
    ("sources/quarantined?source=mian", "source"),
];

#[test]
fn a_bad_request_is_a_problem_that_names_the_field_and_says_what_to_do() {
    let api = Api::start();
    let cases = BAD.map(|(target, field)| (400, target, field)).into_iter();
    for (status, target, field) in cases.chain(NOT_THERE.map(|(target, field)| (404, target, field))) {
        let answer = api.get(&format!("/api/v1/{target}"));
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{target}");
        let problem = answer.json();
        assert_eq!((&problem["status"], &problem["field"]), (&status.into(), &field.into()), "{target}: {problem}");
        assert_eq!(problem["type"], "about:blank", "{target}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{target}: {problem}");
    }
}

#[test]
fn every_path_says_which_methods_it_takes() {
    let api = Api::start();
    let document = api.read("/api/v1/openapi.json");
    for (path, item) in document["paths"].as_object().expect("paths") {
        let target = path.replace("{id}", "F1").replace("{number}", "1").replace("{name}", "000000000000");
        let taken = [("get", "GET,HEAD"), ("post", "POST"), ("delete", "DELETE")];
        let own = taken.iter().filter(|(method, _)| item[*method].is_object()).map(|(_, allowed)| *allowed);
        let own = &own.collect::<Vec<_>>().join(",");
        for method in ["GET", "POST", "DELETE", "PUT", "PATCH", "TRACE"].into_iter().filter(|one| !own.contains(one)) {
            let answer = api.send(method, &target, "");
            assert_eq!((answer.status, answer.header("allow")), (405, own.as_str()), "{method} {path}");
            assert_eq!(answer.json()["status"], 405, "{method} {path}");
        }
        let options = api.send("OPTIONS", &target, "");
        assert_eq!((options.status, options.header("allow")), (204, own.as_str()), "{path}");
        if own == "GET,HEAD" {
            let (head, get) = (api.send("HEAD", &target, ""), api.get(&target));
            assert_eq!((head.status, head.text().as_str()), (get.status, ""), "{path}");
            assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        }
    }
}

#[test]
fn beside_the_paths_of_the_document_there_is_nothing() {
    let api = Api::start();
    for target in ["", "/", "/findings/", "/finding", "/findings/F1/", "/findings/F1/story/more", "/sources/main"] {
        let answer = api.get(&format!("/api/v1{target}"));
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"), "{target}");
    }
}
