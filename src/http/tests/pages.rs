//! The pages over a ledger whose names are meant ill, for every role, and with everything that can be asked wrongly.

use super::roles::{AUDITOR, VIEWER, listed, shown};
use super::*;

/// Longer than any id that is meant well.
const LONG: usize = 10_000;

/// A page over rows as long as those is no larger than this.
const LARGEST: usize = 200 * 1024;

const HTML: &str = "Accept: text/html,*/*\r\n";

/// Two connections with a finding each, of which one has been told; all names are markup, or turn the text round.
pub(super) fn seed(house: &House) {
    let evil = "<script>alert(1)</script>\"''><img src=x>\u{202e}%2F../..";
    let evil = evil.replace('\'', "''");
    let long = "a/b%20".repeat(LONG / 6);
    let statements = format!(
        "INSERT INTO source (id, name, last_error, remarks) VALUES (1, '<i>src</i>', '{evil}', '[\"<u>remark</u>\"]');
         INSERT INTO account (id, source_id, external_id) VALUES (1, 1, '{evil}'), (2, 1, '{long}');
         INSERT INTO person (id, source_id, account_id, member_id, email, role, status, verified, digest)
           VALUES (1, 1, 1, 'member-7', 'somebody@example.org', 'owner', 'active', 1, '');
         INSERT INTO connection (id, source_id, external_id, account_id, provider, name, status, auth, facts_at, digest)
           VALUES (1, 1, '{evil}', 1, 'mailjet', '{evil}', 'active', 'key', 0, ''),
                  (2, 1, '{long}', 2, 'mailjet', '{long}', 'active', 'key', 0, '');
         INSERT INTO credential (id, fingerprint, source_id, provider, liveness, belief, secret_since, provenance)
           VALUES (1, printf('%064x', 1), 1, 'mailjet', 'live', '{{\"liveness\":\"live\"}}', 1000, 'connected'),
                  (2, printf('%064x', 2), 1, 'mailjet', 'live', '{{\"liveness\":\"live\"}}', 1000, 'connected');
         INSERT INTO use (connection_id, credential_id, account_id, since) VALUES (1, 1, 1, 5), (2, 2, 2, 5);
         INSERT INTO finding (id, rule, connection_id, credential_id, account_id, state, opening, severity, since, opened_at,
                              evidence, mailed)
           VALUES (1, 'secret-stale', 1, 1, 1, 'open', 1, 'high', 1, 2, '{{\"note\":\"<b>{evil_json}</b>\"}}', 1),
                  (2, 'secret-stale', 2, 2, 2, 'open', 1, 'critical', 1, 2, '{{\"note\":\"{long}\"}}', 1);
         INSERT INTO notice (finding_id, opening, step, person_id, planned_at) VALUES (1, 1, 0, 1, 9);
         INSERT INTO quarantine VALUES (1, 9, '<s>field</s>', '{evil}');
         INSERT INTO scan (started_at, outcome, counts) VALUES (0, '<em>odd</em>', '{{\"rows\": 5}}');",
        evil_json = "<script>",
    );
    house.seed(&statements);
}

const PAGES: [&str; 15] = [
    "/",
    "/findings",
    "/findings?sort=newest&state=all&q=F1",
    "/findings/F1",
    "/findings/F2",
    "/connections",
    "/connections/1",
    "/connections/2",
    "/credentials",
    "/credentials/000000000001",
    "/credentials/000000000002",
    "/providers",
    "/sources",
    "/scans",
    "/mails",
];

#[tokio::test]
async fn names_that_are_markup_or_ten_kilobytes_long_are_shown_as_what_they_are() {
    let house = House::open(with_token()).await;
    seed(&house);
    for path in PAGES {
        let answer = house.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        for markup in ["<script", "<img", "<i>", "<u>", "<s>", "<em>", "<b>", "\u{202e}"] {
            assert!(!answer.body.contains(markup), "{markup} on {path}");
        }
        assert!(answer.body.len() < LARGEST, "{path} has {} bytes", answer.body.len());
        assert!(!answer.body.contains("somebody@"), "an address on {path}");
    }
    assert!(house.get("/findings").await.body.contains("&lt;script&gt;"), "the name is there");
}

#[tokio::test]
async fn what_is_looked_for_can_be_anything_and_stands_in_its_field_again() {
    let house = House::open(with_token()).await;
    seed(&house);
    for (q, found) in [("%3Cb%3E%22%27%26", false), ("%00%FF%E2%80%AE", false), ("F1", true), ("000000000002", true)] {
        let answer = house.get(&format!("/findings?q={q}&state=all")).await;
        assert_eq!(answer.status, 200, "{q}");
        assert_eq!(answer.body.contains("href=\"/findings/F") || answer.body.contains("findings&#x2f;F"), found, "{q}");
        assert!(!answer.body.contains("<b>"), "{q}");
    }
    let long = "x".repeat(LONG);
    assert_eq!(house.get(&format!("/findings?q={long}")).await.status, 200);
}

#[tokio::test]
async fn a_bad_address_is_told_by_its_field_to_browsers_on_a_page_and_to_programs_as_a_problem() {
    let house = House::open(with_token()).await;
    seed(&house);
    for (path, status, said) in [
        ("/findings?state=opne", 400, "Field state: "),
        ("/findings?severity=worst", 400, "Field severity: "),
        ("/findings?from=zz", 400, "Field from: "),
        ("/findings?from=n_1", 400, "Field from: "),
        ("/findings?q=1&q=2", 400, "Field q: "),
        ("/connections?status=gone", 400, "Field status: "),
        ("/credentials?liveness=alive", 400, "Field liveness: "),
        ("/scans?limit=9", 400, "Field limit: "),
        ("/mails?state=lost", 400, "Field state: "),
        ("/sources?x=1", 400, "Field x: "),
        ("/?x=1", 400, "Field x: "),
        ("/findings/12", 404, "no finding of this number"),
        ("/findings/F99", 404, "no finding of this number"),
        ("/connections/99", 404, "no connection of this number"),
        ("/connections/-1", 404, "no connection of this number"),
        ("/connections/x", 404, "no connection of this number"),
        ("/credentials/zz", 404, "no credential of this name"),
        ("/credentials/00000000dead", 404, "no credential of this name"),
        ("/providers/nobody", 404, "no provider of this name"),
        ("/providers/%2e%2e%2f%3Cb%3E", 404, "no provider of this name"),
        ("/findings?source=nowhere", 404, "Field source: There is no source nowhere."),
        ("/connections?source=nowhere", 404, "Field source: There is no source nowhere."),
        ("/credentials?source=nowhere", 404, "Field source: There is no source nowhere."),
        ("/credentials?source=%3Cb%3E%E2%80%AE", 404, "Field source: There is no source "),
        ("/nowhere", 404, "here is nothing here; "),
    ] {
        let page = house.ask(&request("GET", path, &format!("{}{HTML}", bearer()))).await;
        assert_eq!((page.status, page.header("content-type")), (status, "text/html; charset=utf-8"), "{path}");
        for told in [said, "Am I blind?", "aria-label=\"Pages\""] {
            assert!(page.body.contains(told), "{told} is not told of {path}: {}", page.body);
        }
        let problem = house.get(path).await;
        assert_eq!((problem.status, problem.header("content-type")), (status, "application/problem+json"), "{path}");
        if let Some((field, _)) = said.strip_prefix("Field ").and_then(|said| said.split_once(':')) {
            assert_eq!(problem.json()["field"], field, "{path}");
        }
    }
    let wrong_way = house.ask(&request("DELETE", "/findings", &format!("{}{HTML}", bearer()))).await;
    assert_eq!((wrong_way.status, wrong_way.header("allow")), (405, "GET,HEAD"));
    let program = house.ask(&request("GET", "/api/v1/nothing", &format!("{}{HTML}", bearer()))).await;
    assert_eq!(program.header("content-type"), "application/problem+json", "the API speaks to programs");
}

#[tokio::test]
async fn a_role_sees_what_it_may_and_is_offered_nothing_else() {
    let house = House::open_to(with_token(), listed()).await;
    seed(&house);
    let get = async |path: &str, who: &str| house.ask(&request("GET", path, &format!("{}{HTML}", shown(who)))).await;
    let (viewer, auditor) = (get("/findings/F1", VIEWER).await, get("/findings/F1", AUDITOR).await);
    for page in [&viewer, &auditor] {
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("Scan now"), "only operators may act");
    }
    assert!(viewer.body.contains("the-viewer") && viewer.body.contains("An auditor sees who was told of it."));
    assert!(!viewer.body.contains("member-7") && !viewer.body.contains("@"), "{}", viewer.body);
    assert!(!viewer.body.contains(">Mails<") && auditor.body.contains(">Mails<"));
    assert!(auditor.body.contains("member-7"), "{}", auditor.body);
    assert!(!auditor.body.contains("somebody@"));
    let refused = get("/mails", VIEWER).await;
    assert_eq!((refused.status, refused.header("content-type")), (403, "text/html; charset=utf-8"));
    assert!(refused.body.contains("role auditor") && refused.body.contains("Am I blind?"), "{}", refused.body);
    assert_eq!(get("/mails", AUDITOR).await.status, 200);
    assert!(house.get("/findings").await.body.contains("Scan now"));
}

#[tokio::test]
async fn a_ledger_that_is_gone_is_told_on_a_page_that_says_what_to_do() {
    let house = House::open(with_token()).await;
    let path = house._folder.path().join("ledger.db");
    let dropped =
        std::process::Command::new("sqlite3").arg(path).arg("DROP TABLE notice; DROP TABLE finding;").status();
    assert!(dropped.expect("sqlite3 is installed").success());
    let page = house.ask(&request("GET", "/findings", &format!("{}{HTML}", bearer()))).await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(page.body.contains("<code>keysweep doctor</code>"), "{}", page.body);
    assert_eq!(house.get("/findings").await.header("content-type"), "application/problem+json");
}
