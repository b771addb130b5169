//! Who may do what, by the role of the token that is shown.

use super::*;
use crate::http::access::{Role, Visitor};

pub(super) const VIEWER: &str = "viewer-viewer-viewer";
pub(super) const AUDITOR: &str = "auditor-auditor-auditor";
pub(super) const SECOND: &str = "operator-operator-operator";

pub(super) fn listed() -> Vec<Listed> {
    let one = |(value, role): (&str, Role)| Listed {
        visitor: Visitor { name: format!("the-{}", role.as_str()).into(), role },
        token: Token::new(&Secret::new(value)).unwrap(),
    };
    [(VIEWER, Role::Viewer), (AUDITOR, Role::Auditor), (SECOND, Role::Operator)].map(one).into()
}

pub(super) fn shown(value: &str) -> String {
    format!("Authorization: Bearer {value}\r\n")
}

#[tokio::test]
async fn everybody_listed_may_look_and_only_operators_may_act() {
    for own in [None, with_token()] {
        let house = House::open_to(own, listed()).await;
        for (method, path, status) in CLOSED_PATHS {
            for value in [VIEWER, AUDITOR, SECOND] {
                let allowed = method != "POST" || value == SECOND;
                let answer = house.ask(&request(method, path, &shown(value))).await;
                assert_eq!(answer.status, if allowed { status } else { 403 }, "{method} {path} as {value}");
            }
            assert_eq!(house.ask(&request(method, path, &shown("nobody-nobody-nobody"))).await.status, 401, "{path}");
        }
        assert_eq!(house.world.rung.lock().unwrap().len(), 1, "one of them may act");
    }
}

#[tokio::test]
async fn who_may_not_is_told_who_they_are_and_what_it_takes() {
    let house = House::open_to(None, listed()).await;
    let answer = house.ask(&request("POST", "/api/v1/scan", &shown(VIEWER))).await;
    let problem = answer.json();
    assert_eq!((answer.status, answer.header("content-type")), (403, "application/problem+json"));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("\"the-viewer\"") && detail.contains("role operator"), "{detail}");
}
