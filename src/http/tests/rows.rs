//! What pages and API say of rows: whose they are, how sure it is, and to whom who was told is told.

use super::roles::{AUDITOR, VIEWER, listed, shown};
use super::*;

/// Two sources that have the same ids, with a finding each; the second's key is known only since it was first seen.
const TWINS: &str = "
    INSERT INTO source (id, name) VALUES (1, 'one'), (2, 'two');
    INSERT INTO account (id, source_id, external_id) VALUES (1, 1, 'acct'), (2, 2, 'acct');
    INSERT INTO person (id, source_id, account_id, member_id, email, role, status, verified, digest)
      VALUES (1, 1, 1, 'member-7', 'somebody@example.org', 'owner', 'active', 1, '');
    INSERT INTO connection (id, source_id, external_id, account_id, provider, name, status, auth, facts_at, digest)
      VALUES (1, 1, 'c', 1, 'mailjet', 'Shop', 'active', 'key', 0, ''), (2, 2, 'c', 2, 'mailjet', 'Shop', 'active', 'key', 0, '');
    INSERT INTO credential (id, fingerprint, source_id, provider, key_id, liveness, belief, secret_since, provenance, placeholder)
      VALUES (1, printf('%064x', 1), 1, 'mailjet', 'public-half-1234', 'live', '{\"liveness\":\"live\"}', 1000, 'connected', 0),
             (2, printf('%064x', 2), 2, 'mailjet', NULL, 'live', '{\"liveness\":\"live\"}', 1000, 'first_seen', 0),
             (3, printf('%064x', 3), 2, 'mailjet', NULL, 'unverified', '{}', 1000, 'connected', 1);
    INSERT INTO use (connection_id, credential_id, account_id, since) VALUES (1, 1, 1, 5), (2, 2, 2, 5);
    INSERT INTO finding (id, rule, connection_id, credential_id, account_id, state, opening, severity, since, opened_at, evidence, mailed)
      VALUES (1, 'secret-stale', 1, 1, 1, 'open', 1, 'high', 1, 2, '{}', 1), (2, 'secret-stale', 2, 2, 2, 'open', 1, 'high', 1, 2, '{}', 1);
    INSERT INTO mail (id, run_id, person_id, message_id, state, formed_at) VALUES (1, 1, 1, 'id@example.org', 'sent', 9);
    INSERT INTO notice (finding_id, opening, step, person_id, planned_at, state, mail_id)
      VALUES (1, 1, 0, 1, 9, 'sent', 1), (1, 1, 1, 1, 10, 'cancelled', NULL);";

#[tokio::test]
async fn ids_lead_to_their_own_source_where_another_has_the_same() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    let account = |list: &str, source: &str| format!("{list}?source={source}&amp;account=acct").replace('/', "&#x2f;");
    for (path, list, sources) in [
        ("/findings", "/findings", &["one", "two"][..]),
        ("/findings/F2", "/findings", &["two"]),
        ("/connections", "/connections", &["one", "two"]),
        ("/connections/2", "/findings", &["two"]),
        ("/credentials/000000000002", "/findings", &["two"]),
        ("/mails", "/findings", &["one"]),
    ] {
        let body = house.get(path).await.body.replace("&#x3d;", "=");
        for source in sources {
            assert!(body.contains(&account(list, source)), "{source} on {path}: {body}");
        }
        assert!(!body.contains("?account="), "an account without its source on {path}: {body}");
    }
    let findings = house.get("/findings").await.body;
    for number in [1, 2] {
        assert!(findings.contains(&format!("&#x2f;connections&#x2f;{number}\"")), "{number}: {findings}");
    }
    let rows = house.get("/api/v1/findings").await.json();
    let numbers = rows["items"].as_array().unwrap().iter().map(|row| row["connection_number"].as_i64().unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
    assert_eq!(house.get("/api/v1/mails").await.json()["items"][0]["source"], "one");
}

#[tokio::test]
async fn an_age_that_is_only_a_lower_bound_says_so() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    for (path, bounds) in [("/connections", 1), ("/credentials", 1), ("/connections/1", 0), ("/connections/2", 1)] {
        let body = house.get(path).await.body;
        let told = body.matches("<small>at least</small>").count() + body.matches("(at least)").count();
        assert_eq!(told, bounds, "{path}: {body}");
    }
}

#[tokio::test]
async fn what_stands_in_for_a_key_is_not_listed_as_one() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    let list = house.get("/credentials").await.body;
    assert_eq!(list.matches("stand-in").count(), 1, "{list}");
    assert!(
        house.get("/credentials/000000000003").await.body.contains("there is no key, and it is not counted as one")
    );
}

#[tokio::test]
async fn a_list_that_is_over_says_so_and_not_that_there_is_nothing() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    for list in [
        "/findings?sort=number&from=n_99",
        "/connections?from=n_99",
        "/credentials?from=n_99",
        "/mails?from=l_1",
        "/scans?from=l_1",
    ] {
        let page = house.get(list).await;
        assert_eq!(page.status, 200, "{list}: {}", page.body);
        assert!(page.body.contains("The list ends here. Go back to the first page."), "{list}: {}", page.body);
        assert!(page.body.contains("Nothing more") && !page.body.contains("is known yet."), "{list}: {}", page.body);
    }
}

#[tokio::test]
async fn of_a_key_that_more_share_than_are_read_the_others_are_counted() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    let many = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1400)
        INSERT INTO connection (id, source_id, external_id, account_id, provider, status, auth, facts_at, digest)
        SELECT i, 1, 'c-' || i, 1, 'mailjet', 'active', 'key', 0, '' FROM n;
        WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1400)
        INSERT INTO use (connection_id, credential_id, account_id, since) SELECT i, 1, 1, 5 FROM n;
        WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
        INSERT INTO finding (id, rule, connection_id, credential_id, account_id, state, opening, severity, since, opened_at, evidence, mailed)
        SELECT i, 'secret-shared', i, 1, 1, 'open', 1, CASE WHEN i = 400 THEN 'critical' ELSE 'low' END, 1, 2, '{}', 1 FROM n;";
    house.seed(many);
    let list = house.get("/credentials").await.body;
    assert!(list.contains("<bdi>1,000</bdi> <small>at least</small>"), "{list}");
    let page = house.get("/credentials/000000000001").await.body;
    assert!(page.contains("And 1,342 more"), "{page}");
    assert!(
        page.contains("F400") && page.contains("There are more: look in the list of findings"),
        "the worst is listed: {page}"
    );
    let detail = house.get("/api/v1/credentials/000000000001").await.json();
    assert_eq!((detail["uses"].as_array().unwrap().len(), &detail["uses_left_out"]), (1000, &392.into()));
    let story = house.get("/api/v1/findings/F1/story").await.json();
    let told = "only its first 1000 uses are told of, and 392 more are not";
    assert!(story["credentials"][0]["left_out"].as_array().unwrap().contains(&told.into()), "{story}");
    assert_eq!(house.get("/api/v1/credentials/000000000002").await.json()["uses_left_out"], 0);
}

#[tokio::test]
async fn of_a_connection_with_more_findings_than_are_read_the_others_are_counted() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    house.seed(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1209)
        INSERT INTO credential (id, fingerprint, source_id, provider, liveness, belief, secret_since, provenance)
        SELECT i, printf('%064x', i), 1, 'mailjet', 'live', '{\"liveness\":\"live\"}', 1000, 'connected' FROM n;
        WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1209)
        INSERT INTO finding (id, rule, connection_id, credential_id, account_id, state, opening, severity, since, opened_at, evidence, mailed)
        SELECT i, 'secret-stale', 1, i, 1, 'open', 1, 'high', 1, 2, '{}', 1 FROM n;",
    );
    let detail = house.get("/api/v1/connections/1").await.json();
    assert_eq!((detail["findings"].as_array().unwrap().len(), &detail["findings_left_out"]), (1000, &201.into()));
    assert_eq!(house.get("/api/v1/connections/2").await.json()["findings_left_out"], 0);
    let page = house.get("/connections/1").await.body;
    assert!(page.contains("1,151 more are not listed here"), "{page}");
    let page = house.get("/connections/2").await.body;
    assert!(!page.contains("not listed here"), "{page}");
}

#[tokio::test]
async fn digits_that_several_credentials_end_in_lead_to_none_of_them_unasked() {
    const SAME: &str = "0123456789ab";
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    house.seed("UPDATE credential SET fingerprint = substr(fingerprint, 1, 51) || id || '0123456789ab' WHERE id < 3;");
    for (path, field) in [("credentials/0123456789ab", "name"), ("findings?credential=0123456789ab", "credential")] {
        let answer = house.get(&format!("/api/v1/{path}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (409, "application/problem+json"), "{path}");
        let problem = answer.json();
        let said = "2 credentials end in 0123456789ab: say which of 10123456789ab, 20123456789ab";
        assert_eq!((problem["detail"].as_str().unwrap(), problem["field"].as_str().unwrap()), (said, field), "{path}");
    }
    for id in 1..=2 {
        let whole = format!("{}{id}{SAME}", "0".repeat(51));
        for name in [&format!("{id}{SAME}"), &whole] {
            let detail = house.get(&format!("/api/v1/credentials/{name}")).await.json();
            assert_eq!(detail["credential"]["id"], id, "{name}");
            let about = house.get(&format!("/api/v1/findings?credential={name}")).await.json();
            assert_eq!(
                (about["items"].as_array().unwrap().len(), &about["items"][0]["id"]),
                (1, &format!("F{id}").into())
            );
            assert!(
                house.get(&format!("/credentials/{name}")).await.body.contains(&format!("Credential {SAME}")),
                "{name}"
            );
        }
        let longer = house.get(&format!("/api/v1/credentials/0{whole}")).await;
        assert_eq!(longer.status, 400, "no fingerprint is as long");
    }
    let page = house.get(&format!("/credentials/{SAME}")).await;
    assert_eq!(page.status, 200);
    for word in
        ["Which credential?", "2 credentials", "credentials&#x2f;10123456789ab", "credentials&#x2f;20123456789ab"]
    {
        assert!(page.body.contains(word), "{word}: {}", page.body);
    }
}

#[tokio::test]
async fn the_log_is_read_from_either_end_and_by_what_it_is_on() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    house.seed(
        "INSERT INTO event (at, kind, subject, data) VALUES (1, 'a.b', 'finding:1', '{}'), (2, 'a.b', 'finding:10', '{}'),
           (3, 'a.b', 'finding:1', '{}'), (4, 'a.b', 'provider:kit', '{}'), (5, 'a.b', 'finding:1', '{}'), (6, 'a.b', 'credential:1', '{}'), (7, 'a.b', 'connection:2', '{}');",
    );
    let page = async |query: &str| {
        let page = house.get(&format!("/api/v1/events?{query}")).await.json();
        let ids: Vec<i64> = page["items"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
        (ids, page["next"].as_str().unwrap_or_default().to_owned())
    };
    for (query, ids, next) in [
        ("limit=2", &[1, 2][..], "n_2"),
        ("sort=number&cursor=n_2", &[3, 4, 5, 6, 7], ""),
        ("sort=newest&limit=2", &[7, 6], "l_6"),
        ("cursor=l_4&limit=2", &[3, 2], "l_2"),
        ("sort=newest&cursor=l_2&limit=2", &[1], ""),
        ("subject=finding:1", &[1, 3, 5], ""),
        ("subject=finding:1&limit=2", &[1, 3], "n_3"),
        ("subject=finding:1&cursor=n_3", &[5], ""),
        ("subject=finding:1&sort=newest&limit=1", &[5], "l_5"),
        ("subject=finding:1&cursor=l_5", &[3, 1], ""),
        ("subject=provider%3Akit", &[4], ""),
        ("subject=finding:F1&limit=2", &[1, 3], "n_3"),
        ("subject=credential:000000000001", &[6], ""),
        ("subject=credential:1", &[6], ""),
        ("subject=finding:2", &[], ""),
        ("subject=connection:1", &[], ""),
        ("subject=connection:two/c", &[7], ""),
        ("subject=source:one", &[], ""),
        ("subject=person:99", &[], ""),
    ] {
        assert_eq!(page(query).await, (ids.to_vec(), next.to_owned()), "{query}");
    }
    for (query, status, field) in [
        ("sort=newest&cursor=n_2", 409, "cursor"),
        ("sort=number&cursor=l_2", 409, "cursor"),
        ("cursor=w_1_1_1", 400, "cursor"),
        ("sort=worst", 400, "sort"),
        ("subject=", 400, "subject"),
        ("subject=x", 400, "subject"),
        ("subject=finding", 400, "subject"),
        ("subject=thing:1", 400, "subject"),
        ("subject=finding:one", 400, "subject"),
        ("subject=credential:xyz", 400, "subject"),
        ("subject=connection:one", 400, "subject"),
        ("subject=provider:", 400, "subject"),
        ("subject=finding:F9", 404, "subject"),
        ("subject=connection:9", 404, "subject"),
        ("subject=connection:one/d", 404, "subject"),
        ("subject=connection:three/c", 404, "subject"),
        ("subject=credential:00000000000f", 404, "subject"),
        ("subject=source:three", 404, "subject"),
    ] {
        let answer = house.get(&format!("/api/v1/events?{query}")).await;
        assert_eq!((answer.status, answer.json()["field"].as_str().unwrap()), (status, field), "{query}");
    }
}

#[tokio::test]
async fn who_was_told_is_for_those_who_may_audit_on_pages_and_in_the_api_alike() {
    let house = House::open_to(with_token(), listed()).await;
    house.seed(TWINS);
    house.seed("INSERT INTO event (at, kind, subject, data) VALUES (20, 'finding.snoozed', 'finding:1', '{\"person\":1,\"until\":\"2026-10-01T00:00:00Z\"}');");
    let get = async |path: &str, who: &str| house.ask(&request("GET", path, &shown(who))).await;
    for (path, list) in [("/api/v1/findings/F1", ""), ("/api/v1/findings/F1/story", "/finding")] {
        let (viewer, auditor) = (get(path, VIEWER).await.json(), get(path, AUDITOR).await.json());
        let notices = |document: &serde_json::Value| document.pointer(&format!("{list}/notices")).unwrap().clone();
        assert_eq!(notices(&viewer), serde_json::json!([]), "{path}");
        assert_eq!(notices(&auditor).as_array().unwrap().len(), 2, "{path}");
    }
    for path in ["/api/v1/findings/F1/story", "/findings/F1", "/connections/1", "/credentials/000000000001"] {
        let (viewer, auditor) = (get(path, VIEWER).await.body, get(path, AUDITOR).await.body);
        for word in ["member-7", "person 1", "notice.", "cancelled", "s***"] {
            assert!(!viewer.contains(word), "{word} for a viewer on {path}: {viewer}");
        }
        if path.contains("F1") {
            assert!(viewer.contains("F1 is snoozed by somebody of the account"), "{viewer}");
            assert!(
                auditor.contains("F1 is snoozed by person 1") || auditor.contains("F1 is snoozed by member-7"),
                "{auditor}"
            );
        }
        let named = if path.starts_with("/api/") { "person 1" } else { "member-7 of acct" };
        assert!(auditor.contains(named), "{path}: {auditor}");
        assert!(!auditor.contains("somebody@"), "{path}: {auditor}");
    }
}

#[tokio::test]
async fn pages_and_api_show_what_the_security_model_says_and_no_more() {
    let model = include_str!("../../../docs/security-model.md").split_whitespace().collect::<Vec<_>>().join(" ");
    for said in
        ["the names of connections as the platform wrote them", "the last four characters of a key's public half"]
    {
        assert!(model.contains(said), "{said}");
    }
    let house = House::open_to(with_token(), listed()).await;
    house.seed(TWINS);
    house.seed("INSERT INTO escrow (credential_id, held, sealed) VALUES (1, 1, 'c2VhbGVkLWNvcHk=');");
    let mut seen = String::new();
    for path in [
        "/findings",
        "/findings/F1",
        "/connections",
        "/connections/1",
        "/credentials",
        "/credentials/000000000001",
        "/mails",
        "/api/v1/findings",
        "/api/v1/findings/F1",
        "/api/v1/findings/F1/story",
        "/api/v1/connections",
        "/api/v1/connections/1",
        "/api/v1/credentials",
        "/api/v1/credentials/000000000001",
        "/api/v1/mails",
        "/api/v1/events",
        "/metrics",
    ] {
        for who in [VIEWER, AUDITOR, TOKEN] {
            let answer = house.ask(&request("GET", path, &shown(who))).await;
            assert!(answer.status == 200 || (who == VIEWER && answer.status == 403), "{path}: {}", answer.status);
            for never in ["public-half", "somebody", "c2VhbGVk"] {
                assert!(!answer.body.contains(never), "{never} on {path}: {}", answer.body);
            }
            seen.push_str(&answer.body);
        }
    }
    for shown in ["Shop", "1234", "acct", "member-7 of acct (s"] {
        assert!(seen.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn a_list_of_a_connection_or_account_that_nobody_has_is_no_empty_list() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    let of_one = house.get("/api/v1/findings?connection=1").await.json();
    assert_eq!(of_one["items"].as_array().unwrap().len(), 1);
    let refused = house.get("/api/v1/findings?connection=77777").await;
    assert_eq!((refused.status, &refused.json()["field"]), (404, &"connection".into()), "{}", refused.body);
    for list in ["findings", "connections"] {
        assert_eq!(
            house.get(&format!("/api/v1/{list}?account=acct")).await.json()["items"].as_array().unwrap().len(),
            2
        );
        let refused = house.get(&format!("/api/v1/{list}?account=actc")).await;
        assert_eq!((refused.status, &refused.json()["field"]), (404, &"account".into()), "{list}");
    }
}

#[tokio::test]
async fn a_connection_is_found_as_lists_write_it() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    let findings = async |q: &str| house.get(&format!("/api/v1/findings?q={q}")).await.json()["items"].clone();
    let ids = |found: serde_json::Value| -> Vec<String> {
        found.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    for (q, found) in
        [("c", &["F1", "F2"][..]), ("one/c", &["F1"]), ("two%2Fc", &["F2"]), ("three/c", &[]), ("one/acct", &[])]
    {
        assert_eq!(ids(findings(q).await), found, "{q}");
    }
    for list in ["findings", "connections"] {
        let page = house.get(&format!("/{list}?q=two/c")).await.body;
        assert!(page.contains("two&#x2f;c") && !page.contains("one&#x2f;c"), "{list}: {page}");
    }
}

#[tokio::test]
async fn who_has_chosen_a_state_is_not_told_that_only_open_findings_are_listed() {
    let house = House::open(with_token()).await;
    house.seed(TWINS);
    for (query, by_default, of_the_state) in
        [("q=nope", true, false), ("q=nope&state=exempt", false, true), ("q=nope&state=all", false, false)]
    {
        let page = house.get(&format!("/findings?{query}")).await.body;
        assert!(page.contains("Nothing matches."), "{query}");
        let told = |words| page.contains(words);
        let both = (told("By default only open"), told("Only findings of the chosen state"));
        assert_eq!(both, (by_default, of_the_state), "{query}: {page}");
    }
}
